//! `cargo xtask bench`: Noren measured beside other servers. The measuring itself is the package `noren-bench`, so that whoever only builds or
//! tests does not compile it.

use std::path::PathBuf;
use std::process::Command;

use crate::shell::{call, cargo_artifact, root};
use crate::steps::{Done, Steps};
use crate::{build, setup};

/// Builds what is measured and what measures, in release, and runs the benchmark that the arguments name.
pub fn run(args: &[String]) -> Done {
    let asks_for_help = args.is_empty() || args.iter().any(|arg| matches!(arg.as_str(), "-h" | "--help"));
    let mut bench = if asks_for_help {
        let mut bench = Command::new(release(&mut Steps::of(1), "noren-bench", &[])?);
        bench.arg("--help");
        bench
    } else {
        let mut steps = Steps::of(setup::STEPS + build::STEPS + 2);
        setup::machine(&mut steps, setup::For::Build)?;
        let node = setup::node_packages(&mut steps)?;
        build::site(&mut steps, build::Mode::Full, node)?;
        let noren = release(&mut steps, "noren", &["--package", "server", "--features", "embed"])?;
        let mut bench = Command::new(release(&mut steps, "noren-bench", &[])?);
        bench.arg("--noren").arg(noren);
        bench
    };
    let mend = "read the line above; the benchmarks need Debian's nginx, libnginx-mod-nchan, wrk and util-linux, and two cores";
    call(bench.args(args).current_dir(root("")), mend)
}

fn release(steps: &mut Steps, binary: &str, args: &[&str]) -> Done<PathBuf> {
    let package = if args.is_empty() { &["--package", binary] } else { args };
    steps.run(binary, "building it in release", || {
        let args = [["build", "--release"].as_slice(), package].concat();
        cargo_artifact(&args, &format!("/{binary}"), "read the compiler's first error above")
    })
}
