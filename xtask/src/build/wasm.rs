//! From the frontend crate to the two files that a browser runs.

use std::path::{Path, PathBuf};

use wasm_bindgen_cli_support::Bindgen;

use super::{hash, load};
use crate::shell::{call, cargo_artifact, node, root};
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

/// The browser's half of Noren.
pub struct Browser {
    /// The glue, an ES module.
    pub js: Vec<u8>,
    /// The program.
    pub wasm: Vec<u8>,
}

/// Builds the frontend; cargo decides what is to be done.
pub fn compile() -> Done<PathBuf> {
    cargo_artifact(
        &["build", "--package", "frontend", "--target", "wasm32-unknown-unknown", "--profile", "wasm-release"],
        ".wasm",
        "read the compiler's first error above; `cargo check -p frontend --target wasm32-unknown-unknown` is the quick way to try again",
    )
}

/// Writes the glue into a folder named after its input, once. The library comes from the lock, like the crate that it must match.
pub fn bind(module: &Path) -> Done<PathBuf> {
    let input = load(module)?;
    let out = root("target/xtask").join(format!("bound-{}", hash([input.as_slice()])));
    if !out.exists() {
        forget("bound-")?;
        let written = out.with_extension("new");
        let mend = "check that wasm-bindgen and wasm-bindgen-cli-support have the same version in Cargo.toml";
        Bindgen::new()
            .input_path(module)
            .web(true)
            .and_then(|bindgen| {
                bindgen
                    .out_name("noren")
                    .typescript(false)
                    .remove_name_section(true)
                    .remove_producers_section(true)
                    // The page names the file; a default would name one that is not there.
                    .omit_default_module_path(true)
                    .generate(&written)
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

/// Lets wasm-opt shrink the program, once for each input.
pub fn finish(bound: &Path, optimise: bool) -> Done<Browser> {
    let js = load(&bound.join("noren.js"))?;
    let plain = bound.join("noren_bg.wasm");
    if !optimise {
        return Ok(Browser { js, wasm: load(&plain)? });
    }
    let how = hash(SHRINK.iter().chain(&FEATURES).map(|option| option.as_bytes()));
    let small = bound.join(format!("noren_{how}.wasm"));
    if !small.exists() {
        let new = bound.join("noren_opt.new");
        let (from, to) = (plain.to_string_lossy(), new.to_string_lossy());
        let args = [&[&*from, "-o", &*to], SHRINK.as_slice(), FEATURES.as_slice()].concat();
        call(&mut node("node_modules/.bin/wasm-opt", &args), "delete end2end/node_modules and try again")?;
        std::fs::rename(&new, &small).or_fail("could not keep the result of wasm-opt", "delete target/xtask and try again")?;
    }
    Ok(Browser { js, wasm: load(&small)? })
}

/// Deletes what earlier inputs left.
fn forget(prefix: &str) -> Done {
    let Ok(entries) = std::fs::read_dir(root("target/xtask")) else { return Ok(()) };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        std::fs::remove_dir_all(entry.path()).or_fail("could not tidy target/xtask", "delete the folder and try again")?;
    }
    Ok(())
}
