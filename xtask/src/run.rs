//! `cargo xtask run`: from nothing to a Noren that one can play with.

use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::shell::{cargo_artifact, root};
use crate::steps::{Done, OrFail, Steps};
use crate::{build, setup};

/// What `cargo xtask run` takes.
#[derive(Args)]
pub struct Options {
    /// Handed on to `noren serve`, after `--`; for example `-- --listen 0.0.0.0:8080`
    #[arg(last = true)]
    args: Vec<String>,
}

/// Builds everything and becomes the server.
pub fn run(options: &Options) -> Done {
    let mut steps = Steps::of(setup::STEPS + build::STEPS + 1);
    setup::machine(&mut steps, setup::For::Build)?;
    let node = setup::node_packages(&mut steps)?;
    build::site(&mut steps, build::Mode::Full, node)?;
    let noren = steps.run("server", "building the one binary (release; some minutes the first time)", || {
        cargo_artifact(
            &["build", "--release", "--package", "server", "--features", "embed"],
            "/noren",
            "read the compiler's first error above; a full disk and too little memory (2 GB) are the usual other causes",
        )
    })?;
    eprintln!(
        "\nNoren starts on http://127.0.0.1:3000 with demo data of its own in target/demo (delete that folder to start afresh).\n\
         What to do next:\n\
         - open it in two windows, one of them private, and look at the board: the robots' curtains come and go;\n\
         - sign in as the demo provider in one and as the demo consumer in the other (one click each on /sign-in);\n\
         - as the provider open the desk and go online: the consumer's board changes at that moment.\n\
         Ctrl-C stops it.\n"
    );
    let data = root("target/demo");
    // From here on this process is the server: signals reach it directly.
    let error = Command::new(noren).args(["serve", "--demo", "--data"]).arg(data).args(&options.args).current_dir(root("")).exec();
    Err(error).or_fail("could not start the server", "delete target/release/noren and try again")
}
