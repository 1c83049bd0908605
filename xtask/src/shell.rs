//! Where things are, and how other programs are called.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::steps::{Done, Failure, OrFail};

/// A path in this repository.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo says where it found us; what the compiler saw may have been moved since, with its target folder"
)]
pub fn root(path: &str) -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().expect("xtask lies in the repository").join(path)
}

/// Cargo in this repository, without what would change the program: Leptos bakes `LEPTOS_OUTPUT_NAME` into file names when it is compiled, and
/// flags from the environment would replace those in .cargo/config.toml.
pub fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(args).current_dir(root(""));
    for name in ["LEPTOS_OUTPUT_NAME", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(name);
    }
    cargo
}

/// A program in the end-to-end folder, where the Node packages are.
pub fn node(program: &str, args: &[&str]) -> Command {
    let mut node = Command::new(program);
    node.args(args).current_dir(root("end2end"));
    node
}

/// Whether a shell finds the program.
pub fn on_path(program: &str) -> bool {
    succeeds(Command::new("sh").args(["-c", &format!("command -v \"{program}\"")]))
}

/// Whether the command ends well; says nothing.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs the command with its output on our terminal.
pub fn call(command: &mut Command, mend: &str) -> Done {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().or_fail(format!("could not start `{name}`"), mend)?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{}` ended with {status}", line(command)), mend)) }
}

/// Runs the command and returns what it wrote to standard output; standard error goes to our terminal.
pub fn read(command: &mut Command, mend: &str) -> Done<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().or_fail(format!("could not start `{name}`"), mend)?;
    if !output.status.success() {
        return Err(Failure::new(format!("`{}` ended with {}", line(command), output.status), mend));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs the command with its output on our terminal, handing every line to `see` as well. Returns whether it ended well.
pub fn watch(command: &mut Command, mend: &str, mut see: impl FnMut(&str)) -> Done<bool> {
    let name = command.get_program().to_string_lossy().into_owned();
    // Both streams go into one pipe: what belongs together stays together.
    let (reader, writer) = std::io::pipe().or_fail("could not open a pipe", "free some file descriptors")?;
    let second = writer.try_clone().or_fail("could not open a pipe", "free some file descriptors")?;
    command.stdin(Stdio::null()).stdout(writer).stderr(second);
    let mut child = command.spawn().or_fail(format!("could not start `{name}`"), mend)?;
    // The command holds the pipe's other end; ours must close, or reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader.by_ref().read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
        // A closed terminal must not stop the work.
        let _ = std::io::stderr().write_all(&bytes);
        see(&String::from_utf8_lossy(&bytes));
        bytes.clear();
    }
    Ok(child.wait().or_fail(format!("lost `{name}`"), mend)?.success())
}

/// Builds with cargo and returns the one artifact whose file name ends with `ending`: cargo itself knows best where it put it.
pub fn cargo_artifact(args: &[&str], ending: &str, mend: &str) -> Done<PathBuf> {
    let messages = read(cargo(args).arg("--message-format=json-render-diagnostics"), mend)?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .rfind(|path| path.to_string_lossy().ends_with(ending))
        .ok_or_else(|| Failure::new(format!("cargo built no file ending in `{ending}`"), mend))
}

fn line(command: &Command) -> String {
    let args = command.get_args().map(|arg| arg.to_string_lossy());
    std::iter::once(command.get_program().to_string_lossy()).chain(args).collect::<Vec<_>>().join(" ")
}
