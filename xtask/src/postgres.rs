//! A PostgreSQL cluster that lives as long as one test run.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::setup::is_root;
use crate::steps::{Done, Failure, OrFail};

/// Starts the cluster, says `ready`, and waits for its standard input to close - which happens however the test run ends, a kill
/// included. Interrupts are for the programs under test; the cluster goes last.
const KEEPER: &str = r#"
trap '' INT TERM HUP
bin=$1 port=$2
data=$(mktemp -d "${TMPDIR:-/tmp}/noren-postgres.XXXXXX") || exit 1
"$bin/initdb" --pgdata="$data/db" --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$data/log" 2>&1 &&
"$bin/pg_ctl" start --wait --silent --pgdata="$data/db" --log="$data/log" --options="-p $port -k $data -c listen_addresses=127.0.0.1 \
  -c max_connections=400 -c fsync=off -c full_page_writes=off -c synchronous_commit=off" >/dev/null 2>&1 </dev/null &&
echo ready || { cat "$data/log"; echo failed; }
exec >/dev/null 2>&1
cat
"$bin/pg_ctl" stop --mode=immediate --pgdata="$data/db"
rm -rf "$data"
"#;

/// A running cluster; dropping it stops it and removes its data.
pub struct Postgres {
    keeper: Child,
    /// Where it listens, as a user that may create databases.
    pub url: String,
}

/// The folder of the newest PostgreSQL's programs.
pub fn binaries() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| entry.ok())
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().map(|(_, bin)| bin)
}

impl Postgres {
    /// Starts a cluster on a free port.
    pub fn start() -> Done<Self> {
        let mend = "check that PostgreSQL's initdb works, and that the folder for temporary files has room";
        let bin = binaries().ok_or_else(|| Failure::new("PostgreSQL is missing", "run `cargo xtask setup`"))?;
        let port = free_port().or_fail("no free port", mend)?;
        let mut keeper = as_postgres(&bin, port)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .or_fail("could not start PostgreSQL", mend)?;
        let out = keeper.stdout.take();
        let started = Self { keeper, url: format!("postgres://postgres@127.0.0.1:{port}/postgres") };
        let mut said = Vec::new();
        for line in out.into_iter().flat_map(|out| BufReader::new(out).lines()) {
            match line.or_fail("lost PostgreSQL", mend)?.as_str() {
                "ready" => return Ok(started),
                "failed" => break,
                other => said.push(other.to_owned()),
            }
        }
        Err(Failure::new(format!("PostgreSQL did not start: {}", said.join("\n")), mend))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Nothing could be done about a failure here.
        let _ = self.keeper.wait();
    }
}

/// PostgreSQL refuses to run as root. Unlike `su` and `runuser`, `setpriv` becomes the command and leaves its signals alone.
fn as_postgres(bin: &Path, port: u16) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", KEEPER, "noren-postgres"]).arg(bin).arg(port.to_string());
    command
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
