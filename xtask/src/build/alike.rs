//! Putting functions that are alike beside each other, so that brotli finds what they share: a twenty-fifth less to download, at no cost.
//!
//! A WASM program is mostly the same generic functions compiled for many types. Each function gets a signature of its byte sequences (MinHash: the
//! share of equal numbers in two signatures estimates the share of equal sequences), and a chain goes from each function to the one most like it
//! that is still free. The order is written as names, since wasm-opt can sort by name and knows every place where a function's number stands.

use std::collections::HashSet;
use std::ops::Range;

use wasm_encoder::{NameMap, NameSection, Section};
use wasmparser::{CodeSectionReader, Parser, Payload, TypeRef};

use crate::steps::{Done, OrFail};

/// How many numbers make a signature.
const SIGNATURE: usize = 192;
/// How many bytes make a sequence.
const SEQUENCE: usize = 4;
/// What a difference in size costs, in equal numbers for each factor of e.
const SIZE_WEIGHT: f64 = 4.0;

/// The module with its functions named by their place in the chain; other names are dropped.
pub fn name_by_likeness(module: &[u8]) -> Done<Vec<u8>> {
    let mut imported = 0;
    let mut bodies: Vec<&[u8]> = Vec::new();
    let mut names: Vec<Range<usize>> = Vec::new();
    let mend = "give wasmparser and wasm-encoder the versions that walrus uses";
    for payload in Parser::new(0).parse_all(module) {
        match payload.or_fail("the module that wasm-opt wrote cannot be read", mend)? {
            Payload::ImportSection(imports) => {
                let functions = imports.into_imports().filter(|import| import.as_ref().is_ok_and(|i| matches!(i.ty, TypeRef::Func(_))));
                imported = u32::try_from(functions.count()).unwrap_or(u32::MAX);
            }
            Payload::CodeSectionStart { range, .. } => {
                let code = CodeSectionReader::new(wasmparser::BinaryReader::new(&module[range.clone()], range.start));
                let code = code.or_fail("the code that wasm-opt wrote cannot be read", mend)?;
                bodies.extend(code.into_iter().flatten().map(|body| body.as_bytes()));
            }
            Payload::CustomSection(section) if section.name() == "name" => names.push(section.range()),
            _ => {}
        }
    }
    let mut map = NameMap::new();
    let mut places = vec![0; bodies.len()];
    for (place, &function) in chain(&bodies).iter().enumerate() {
        places[function] = place;
    }
    (0..imported).for_each(|import| map.append(import, &format!("import {import}")));
    for (function, place) in (imported..).zip(places) {
        map.append(function, &format!("{place:06}"));
    }
    let mut section = NameSection::new();
    section.functions(&map);
    let mut named = module.to_vec();
    for range in names.into_iter().rev() {
        named.drain(header(module, range.start)..range.end);
    }
    section.append_to(&mut named);
    Ok(named)
}

/// Where the section begins whose content begins at `content`: at its kind, which is followed by its size in groups of seven bits.
fn header(module: &[u8], content: usize) -> usize {
    let mut at = content - 1;
    while at > 0 && module[at - 1] & 0x80 != 0 {
        at -= 1;
    }
    at - 1
}

/// All functions, each followed by the most alike of those that are left.
fn chain(bodies: &[&[u8]]) -> Vec<usize> {
    let signatures: Vec<_> = bodies.iter().map(|body| signature(body)).collect();
    #[expect(clippy::cast_precision_loss, reason = "a function is shorter than 2^52 bytes")]
    let sizes: Vec<_> = bodies.iter().map(|body| (body.len() as f64).ln()).collect();
    let likeness = |a: usize, b: usize| {
        let equal = signatures[a].iter().zip(&signatures[b]).filter(|(a, b)| a == b).count();
        f64::from(u32::try_from(equal).unwrap_or(u32::MAX)) - SIZE_WEIGHT * (sizes[a] - sizes[b]).abs()
    };
    let mut left: Vec<usize> = (0..bodies.len()).collect();
    let mut chain: Vec<usize> = left.pop().into_iter().collect();
    while let Some(&last) = chain.last() {
        let best = left.iter().enumerate().map(|(at, &function)| (at, likeness(last, function))).max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((at, _)) = best else { break };
        chain.push(left.swap_remove(at));
    }
    chain
}

/// For each of [`SIGNATURE`] ways to number sequences, the least number among the function's.
fn signature(body: &[u8]) -> [u32; SIGNATURE] {
    let mut least = [u32::MAX; SIGNATURE];
    let sequences: HashSet<&[u8]> = body.windows(SEQUENCE).collect();
    for sequence in sequences {
        let mut state = sequence.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
        for least in &mut least {
            *least = (*least).min(next(&mut state));
        }
    }
    least
}

/// The next number of splitmix64, its upper half: well mixed, and the same on every machine, so that the same program gets the same order.
fn next(state: &mut u64) -> u32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_stands_together() {
        let kind = |seed: u8, tail: u8| (0..200).map(|n: u8| n.wrapping_mul(seed)).chain([tail; 3]).collect::<Vec<_>>();
        let bodies = [kind(7, 1), kind(11, 1), kind(7, 2), kind(13, 1), kind(11, 2), kind(7, 3), kind(13, 2), kind(11, 3), kind(13, 3)];
        let chain = chain(&bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let kinds: Vec<u8> = chain.iter().map(|&function| bodies[function][1]).collect();
        let changes = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert_eq!((kinds.len(), changes), (9, 2), "{kinds:?}");
    }

    #[test]
    fn every_function_gets_one_name_and_old_names_go() {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([1, 4, 1, 0x60, 0, 0]); // one type: nothing in, nothing out
        module.extend([3, 4, 3, 0, 0, 0]); // three functions of it
        module.extend([10, 10, 3, 2, 0, 0x0b, 2, 0, 0x0b, 2, 0, 0x0b]); // with empty bodies
        module.extend([0, 10, 4, b'n', b'a', b'm', b'e', 1, 3, 1, 0, 0]); // a name section
        let named = name_by_likeness(&module).unwrap_or_else(|_| panic!("refused"));
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(&named).flatten() {
            if let Payload::CustomSection(section) = payload {
                let wasmparser::KnownCustom::Name(reader) = section.as_known() else { continue };
                for map in reader.into_iter().flatten() {
                    if let wasmparser::Name::Function(functions) = map {
                        names.extend(functions.into_iter().flatten().map(|naming| naming.name.to_owned()));
                    }
                }
            }
        }
        names.sort();
        assert_eq!(names, ["000000", "000001", "000002"]);
    }
}
