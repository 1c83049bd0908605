//! From the frontend crate to the two files that a browser runs.

use std::path::{Path, PathBuf};

use wasm_bindgen_cli_support::Bindgen;

use super::alike::name_by_likeness;
use super::prune::{close, prune};
use super::{hash, load, store};
use crate::shell::{call, cargo, cargo_artifact, node, read, root};
use crate::steps::{Done, Failure, OrFail};

/// What rustc lets LLVM use for this target: wasm-opt must know, and must add nothing else.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Functions that have one caller stay functions: they are alike, and inlining them makes the program smaller but its brotli larger. A flat
/// program whose branches are built anew, and a second round, bring the rest: a tenth less brotli than `-Oz` alone.
const SHRINK: [&str; 7] =
    ["--flatten", "--rereloop", "-Oz", "-Oz", "--one-caller-inline-max-function-size=10", "--strip-producers", "--strip-target-features"];

/// Brings functions into the order of their names, and drops the names.
const SORT: [&str; 2] = ["--reorder-functions-by-name", "--strip-debug"];

/// What to do when a Node tool fails.
const MEND: &str = "delete end2end/node_modules and try again";

/// The browser's half of Noren.
pub struct Browser {
    /// The glue, an ES module.
    pub js: Vec<u8>,
    /// The program.
    pub wasm: Vec<u8>,
}

/// The two programs: what is loaded first, and what desks and rooms need on top of it.
#[derive(Clone, Copy, PartialEq)]
pub enum Program {
    /// For whoever looks around.
    First,
    /// Everything.
    Whole,
}

impl Program {
    /// What its files are called by, after the name of the build; `app::shell` asks for them by it.
    pub const fn suffix(self) -> &'static str {
        match self {
            Program::First => "",
            Program::Whole => "-whole",
        }
    }
}

/// Builds the frontend; cargo decides what is to be done. Messages of panics name source files: without the folder of this machine's downloads.
/// Answers the module's content, because both programs are built under one file name.
pub fn compile(program: Program) -> Done<Vec<u8>> {
    let remap = format!("build.rustflags=[\"--remap-path-prefix={}=\"]", downloads()?);
    let mut args =
        vec!["build", "--config", &remap, "--package", "frontend", "--target", "wasm32-unknown-unknown", "--profile", "wasm-release"];
    if program == Program::Whole {
        args.extend(["--features", "whole"]);
    }
    let module = cargo_artifact(
        &args,
        ".wasm",
        "read the compiler's first error above; `cargo check -p frontend --target wasm32-unknown-unknown` is the quick way to try again",
    )?;
    load(&module)
}

/// The folder where cargo keeps the sources of crates, with its last slash.
fn downloads() -> Done<String> {
    let mend = "try `cargo metadata` to see what is wrong";
    let metadata = read(&mut cargo(&["metadata", "--format-version=1"]), mend)?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).or_fail("cargo's metadata cannot be read", mend)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut manifests = packages.filter(|package| package["name"] == "leptos").filter_map(|package| package["manifest_path"].as_str());
    let folder = manifests.next().and_then(|manifest| manifest.strip_suffix("Cargo.toml")?.trim_end_matches('/').rsplit_once('/'));
    Ok(folder.map_or_else(String::new, |(folder, _)| format!("{folder}/")))
}

/// Writes the glue into a folder named after its input, once. The library comes from the lock, like the crate that it must match.
pub fn bind(program: Program, input: &[u8]) -> Done<PathBuf> {
    let prefix = format!("bound{}-", program.suffix());
    let out = root("target/xtask").join(format!("{prefix}{}", hash([input])));
    if !out.exists() {
        forget(&prefix)?;
        let written = out.with_extension("new");
        let mend = "check that wasm-bindgen and wasm-bindgen-cli-support have the same version in Cargo.toml";
        let mut bindgen = Bindgen::new();
        bindgen
            .input_bytes("noren", prune(input)?)
            .out_name("noren")
            .typescript(false)
            .remove_name_section(true)
            .remove_producers_section(true)
            // The page names the file; a default would name one that is not there.
            .omit_default_module_path(true);
        bindgen
            .web(true)
            .and_then(Bindgen::generate_output)
            .and_then(|mut output| {
                close(output.wasm_mut());
                output.emit(&written)
            })
            .or_fail("wasm-bindgen failed", mend)?;
        if written.join("snippets").exists() {
            return Err(Failure::new(
                "a crate brings JavaScript files of its own",
                "do without it, or teach xtask/src/build to name and ship them",
            ));
        }
        std::fs::rename(&written, &out).or_fail("could not keep the glue", "delete target/xtask and try again")?;
    }
    Ok(out)
}

/// Lets wasm-opt and terser shrink the two, once for each input.
pub fn finish(bound: &Path, optimise: bool) -> Done<Browser> {
    let (plain, glue) = (bound.join("noren_bg.wasm"), bound.join("noren.js"));
    if !optimise {
        return Ok(Browser { js: load(&glue)?, wasm: load(&plain)? });
    }
    let how = hash(SHRINK.iter().chain(&SORT).chain(&FEATURES).map(|option| option.as_bytes()));
    let (wasm, js) = (bound.join(format!("noren_{how}.wasm")), bound.join(format!("noren_{how}.js")));
    if !js.exists() {
        let (small, named) = (bound.join("noren_small.new"), bound.join("noren_named.new"));
        wasm_opt(&plain, &small, &SHRINK)?;
        store(&named, &name_by_likeness(&load(&small)?)?)?;
        wasm_opt(&named, &wasm, &SORT)?;
        let args = [&*glue.to_string_lossy(), "--module", "--compress", "passes=3", "--mangle", "--output", &*js.to_string_lossy()];
        call(&mut node("node_modules/.bin/terser", &args), MEND)?;
    }
    Ok(Browser { js: load(&js)?, wasm: load(&wasm)? })
}

/// One run of wasm-opt.
fn wasm_opt(from: &Path, to: &Path, options: &[&str]) -> Done {
    let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
    let args = [&[&*from, "-o", &*to], options, FEATURES.as_slice()].concat();
    call(&mut node("node_modules/.bin/wasm-opt", &args), MEND)
}

/// Deletes what earlier inputs left.
fn forget(prefix: &str) -> Done {
    let Ok(entries) = std::fs::read_dir(root("target/xtask")) else { return Ok(()) };
    for entry in entries.flatten().filter(|entry| {
        // What one program left: a name of another kind goes on with letters.
        entry.file_name().to_string_lossy().strip_prefix(prefix).is_some_and(|rest| !rest.starts_with("whole"))
    }) {
        std::fs::remove_dir_all(entry.path()).or_fail("could not tidy target/xtask", "delete the folder and try again")?;
    }
    Ok(())
}
