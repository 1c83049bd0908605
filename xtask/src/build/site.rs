//! target/site: named by content, compressed ahead of time.

use std::io::Write;
use std::path::Path;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use walkdir::WalkDir;

use super::wasm::{Browser, Program};
use super::{Mode, Sizes, hash, load, store};
use crate::shell::root;
use crate::steps::{Done, Failure, OrFail};

/// What the service worker in public/ calls the build that it belongs to.
const BUILD: &str = "__NOREN_BUILD__";

/// Pictures and fonts are compressed by nature.
const COMPRESSED: [&str; 7] = ["css", "html", "js", "svg", "txt", "wasm", "webmanifest"];

/// Puts the site together; an unchanged one is left alone, so that the server that embeds it need not be built again.
pub fn assemble(programs: &[(Program, Browser)], css: &[u8], mode: Mode) -> Done<Vec<Sizes>> {
    let mut files = public()?;
    let effort: &[u8] = if mode == Mode::Full { b"full" } else { b"quick" };
    let all = files.iter().flat_map(|(path, bytes)| [path.as_bytes(), bytes.as_slice()]);
    let name = format!(
        "noren-{}",
        hash(all.chain(programs.iter().flat_map(|(_, browser)| [browser.js.as_slice(), browser.wasm.as_slice()])).chain([css, effort]))
    );

    let worker = files.iter_mut().find(|(path, _)| path == "sw.js").map(|(_, bytes)| bytes);
    let worker = worker.ok_or_else(|| Failure::new("public/sw.js is missing", "bring it back from the repository's history"))?;
    *worker = String::from_utf8_lossy(worker).replace(BUILD, &name).into_bytes();

    let of_program = |(program, browser): &'_ (Program, Browser)| {
        [("js", *program, ".js", browser.js.clone()), ("wasm", *program, "_bg.wasm", browser.wasm.clone())]
    };
    let built: Vec<_> = programs.iter().flat_map(of_program).chain([("css", Program::First, ".css", css.to_vec())]).collect();
    let path = |program: Program, ending: &str| format!("pkg/{name}{}{ending}", program.suffix());
    files.extend(built.iter().map(|(_, program, ending, bytes)| (path(*program, ending), bytes.clone())));

    let site = root("target/site");
    if std::fs::read_to_string(site.join("build.txt")).ok().as_deref() != Some(&*name) {
        replace(&site, &files, &name, mode)?;
    }
    built
        .into_iter()
        .map(|(kind, program, ending, bytes)| {
            let brotli = load(&site.join(format!("{}.br", path(program, ending))))?.len();
            Ok(Sizes { kind, program, raw: bytes.len(), brotli })
        })
        .collect()
}

/// Writes everything beside the old site, then changes places: a site is whole or not there.
fn replace(site: &Path, files: &[(String, Vec<u8>)], name: &str, mode: Mode) -> Done {
    let mend = "delete target/site and target/site.new, then try again";
    let new = root("target/site.new");
    let remove = |path: &Path| if path.exists() { std::fs::remove_dir_all(path) } else { Ok(()) };
    remove(&new).or_fail("could not clear target/site.new", mend)?;
    for (path, bytes) in files {
        store(&new.join(path), bytes)?;
        if path.rsplit_once('.').is_some_and(|(_, ending)| COMPRESSED.contains(&ending)) {
            store(&new.join(format!("{path}.br")), &brotli(bytes, mode).or_fail("brotli failed", mend)?)?;
            store(&new.join(format!("{path}.gz")), &gzip(bytes, mode).or_fail("gzip failed", mend)?)?;
        }
    }
    store(&new.join("build.txt"), name.as_bytes())?;
    remove(site).and_then(|()| std::fs::rename(&new, site)).or_fail("could not replace target/site", mend)
}

/// The files of public/, by path, in a fixed order.
fn public() -> Done<Vec<(String, Vec<u8>)>> {
    let folder = root("public");
    let mut files = Vec::new();
    for entry in WalkDir::new(&folder).sort_by_file_name() {
        let entry = entry.or_fail("could not read public/", "check that the folder is there and readable")?;
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(&folder).unwrap_or(entry.path());
            files.push((path.to_string_lossy().into_owned(), load(entry.path())?));
        }
    }
    Ok(files)
}

fn brotli(mut bytes: &[u8], mode: Mode) -> std::io::Result<Vec<u8>> {
    let quality = if mode == Mode::Full { 11 } else { 5 };
    let params = BrotliEncoderParams { quality, lgwin: 22, size_hint: bytes.len(), ..BrotliEncoderParams::default() };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut bytes, &mut out, &params)?;
    Ok(out)
}

fn gzip(bytes: &[u8], mode: Mode) -> std::io::Result<Vec<u8>> {
    let level = if mode == Mode::Full { Compression::best() } else { Compression::fast() };
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes)?;
    encoder.finish()
}
