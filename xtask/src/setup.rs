//! What the machine must have, and how it gets it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

use crate::shell::{call, node, on_path, read, root, succeeds};
use crate::steps::{Done, Failure, Steps};

/// The steps of this module.
pub const STEPS: usize = 2;

const WASM: &str = "wasm32-unknown-unknown";

/// What the machine is made ready for.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum For {
    /// The wasm target is enough; Node makes the result smaller.
    Build,
    /// A browser, a database server, and fonts for what providers write.
    Test,
}

/// Makes the machine ready: adds what can be added, and names all that is missing at once.
pub fn machine(steps: &mut Steps, what_for: For) -> Done {
    steps.run("machine", "checking what is installed", || {
        wasm_target()?;
        if what_for == For::Build {
            return Ok(());
        }
        if !on_path("node") {
            return Err(Failure::new("Node is missing", "install Node 20 or newer with npm (https://nodejs.org), then try again"));
        }
        let missing: Vec<&str> = packages().into_iter().filter_map(|(name, here)| (!here).then_some(name)).collect();
        install(&missing)
    })
}

/// Fills end2end/node_modules when it is older than its lock. `false`: there is no Node.
pub fn node_packages(steps: &mut Steps) -> Done<bool> {
    steps.run("node", "packages of end2end", || {
        if !on_path("npm") {
            return Ok(false);
        }
        let changed = |path: &str| std::fs::metadata(root(path)).and_then(|file| file.modified()).ok();
        if changed("end2end/node_modules/.package-lock.json") < changed("end2end/package-lock.json") {
            call(&mut node("npm", &["ci", "--no-audit", "--no-fund"]), "check that npm reaches its registry, then try again")?;
        }
        Ok(true)
    })
}

fn wasm_target() -> Done {
    let mend = format!("install Rust with rustup (https://rustup.rs), then: rustup target add {WASM}");
    let sysroot = read(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root("")), &mend)?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(WASM).exists() {
        return Ok(());
    }
    call(Command::new("rustup").args(["target", "add", WASM]).current_dir(root("")), &mend)
}

/// Debian's names of what the tests need, and whether each is here.
fn packages() -> [(&'static str, bool); 7] {
    [
        ("chromium", on_path("${NOREN_CHROMIUM:-chromium}")),
        ("nats-server", on_path("nats-server")),
        ("nginx", on_path("nginx")),
        ("coturn", on_path("${NOREN_TURNSERVER:-turnserver}")),
        ("postgresql", crate::postgres::binaries().is_some()),
        ("fonts-noto-core", Path::new("/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf").exists()),
        ("fonts-noto-cjk", Path::new("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").exists()),
    ]
}

fn install(missing: &[&str]) -> Done {
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let mend = format!("apt-get update && apt-get install --no-install-recommends {list}");
    if !is_root() || !on_path("apt-get") {
        return Err(Failure::new(format!("these packages are missing: {list}"), format!("as root: {mend}")));
    }
    let apt = |args: &[&str]| call(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(args), &mend);
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], missing].concat())
}

/// Whether we may install packages and become another user.
pub fn is_root() -> bool {
    // `/proc/self` belongs to the user that we are; elsewhere than on Linux nothing is done as root.
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Whether cargo's better test runner is here. It is no Debian package, and building it takes longer than it saves.
pub fn nextest() -> bool {
    succeeds(&mut crate::shell::cargo(&["nextest", "--version"]))
}
