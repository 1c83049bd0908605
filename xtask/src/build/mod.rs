//! `cargo xtask build`: what the browser loads, into target/site.
//!
//! ```text
//! target/site/build.txt              the build's name, `noren-<hash>`: LeptosOptions.output_name at run time
//! target/site/pkg/<name>.js          wasm-bindgen's glue; `<name>-whole` for the program of desks and rooms
//! target/site/pkg/<name>_bg.wasm     where Leptos' hydration script looks for it
//! target/site/pkg/<name>.css
//! target/site/*                      public/, the build's name put into the service worker
//! ```
//!
//! What compresses lies there as `.br` and `.gz` too. The hash covers all of it, so that a name never stands for two contents.

mod alike;
mod css;
mod prune;
mod site;
mod wasm;

use clap::Args;

use self::wasm::Program;

use crate::setup;
use crate::shell::root;
use crate::steps::{Done, Failure, OrFail, Steps};

/// The steps of [`site`].
pub const STEPS: usize = 8;

/// What `/` may cost on first load: WASM and JS, brotli (design, section 10).
const BUDGET: usize = 230_000;
/// What the whole program may cost, which desks and rooms load.
const BUDGET_WHOLE: usize = 350_000;

const BUDGETS: [(Program, usize, &str); 2] =
    [(Program::First, BUDGET, "the first load"), (Program::Whole, BUDGET_WHOLE, "the whole program")];

/// What `cargo xtask build` takes.
#[derive(Args)]
pub struct Options {
    /// For work: no wasm-opt and quick compression
    #[arg(long)]
    dev: bool,
    /// Fail when WASM and JS exceed the budget
    #[arg(long, conflicts_with = "dev")]
    check_size: bool,
}

/// How much effort goes into small files.
#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    /// For work.
    Quick,
    /// For everybody else.
    Full,
}

/// What was built.
pub struct Site {
    files: Vec<Sizes>,
    /// Whether wasm-opt had its turn.
    optimised: bool,
}

/// One file of the first load, in bytes.
struct Sizes {
    kind: &'static str,
    /// Of which program.
    program: Program,
    raw: usize,
    brotli: usize,
}

/// The command.
pub fn run(options: &Options) -> Done {
    let mut steps = Steps::of(setup::STEPS + STEPS);
    setup::machine(&mut steps, setup::For::Build)?;
    let node = setup::node_packages(&mut steps)?;
    let site = site(&mut steps, if options.dev { Mode::Quick } else { Mode::Full }, node)?;
    if options.check_size { site.check_size() } else { Ok(()) }
}

/// Builds target/site; what has not changed is not done again. Without Node, all but wasm-opt.
pub fn site(steps: &mut Steps, mode: Mode, node: bool) -> Done<Site> {
    let optimise = node && mode == Mode::Full;
    let mut program = |program, words| {
        let module = steps.run("wasm", words, || wasm::compile(program))?;
        let glued = steps.run("wasm-bindgen", "writing the JavaScript glue", || wasm::bind(program, &module))?;
        steps.run("wasm-opt", if optimise { "shrinking" } else { "skipped" }, || wasm::finish(&glued, optimise))
    };
    let first = program(Program::First, "building frontend (wasm-release; some minutes the first time)")?;
    let whole = program(Program::Whole, "building it again with desks and rooms")?;
    let css = steps.run("css", "bundling style/main.css", || css::bundle(&root("style/main.css")))?;
    let files =
        steps.run("site", "naming and compressing", || site::assemble(&[(Program::First, first), (Program::Whole, whole)], &css, mode))?;
    let site = Site { files, optimised: optimise };
    site.report();
    if mode == Mode::Full && !node {
        eprintln!("      Without Node, wasm-opt and terser were skipped: everything works, there is only more to download.");
    }
    Ok(site)
}

impl Site {
    fn cost(&self, program: Program) -> usize {
        self.files.iter().filter(|file| file.kind != "css" && file.program == program).map(|file| file.brotli).sum()
    }

    fn report(&self) {
        for Sizes { kind, raw, brotli, program } in &self.files {
            eprintln!("      {kind:>4}{:<6}: {raw:>9} bytes, {brotli:>7} as brotli", program.suffix());
        }
        for (program, budget, what) in BUDGETS {
            eprintln!("      WASM and JS of {what}: {} of {budget} bytes", self.cost(program));
        }
    }

    /// The budget, kept.
    pub fn check_size(&self) -> Done {
        if !self.optimised {
            return Err(Failure::new("the size counts only after wasm-opt", "install Node 20 or newer with npm, then try again"));
        }
        for (program, budget, what) in BUDGETS {
            let cost = self.cost(program);
            if cost > budget {
                let what = format!("WASM and JS of {what} are {cost} bytes as brotli, {} above the budget", cost - budget);
                return Err(Failure::new(
                    what,
                    "see what grew with `twiggy top` on target/wasm32-unknown-unknown/wasm-release/frontend.wasm",
                ));
            }
        }
        Ok(())
    }
}

/// Reads a file that must be there.
fn load(path: &std::path::Path) -> Done<Vec<u8>> {
    std::fs::read(path).or_fail(format!("could not read {}", path.display()), "check that the file is there and readable")
}

/// Writes a file, and the folders above it.
fn store(path: &std::path::Path, bytes: &[u8]) -> Done {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(path, bytes))
        .or_fail(format!("could not write {}", path.display()), "check the disk's free space and the folder's rights")
}

/// A hash of some bytes after others, as sixteen hexadecimal digits.
fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    use sha2::{Digest, Sha256};
    let mut sum = Sha256::new();
    for part in parts {
        // The lengths keep "a" + "bc" apart from "ab" + "c".
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
