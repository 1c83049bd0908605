//! A PostgreSQL for one run.

use crate::Outcome;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// A PostgreSQL of this run, as durable as it comes out of the box.
pub struct Postgres {
    /// The folder of its programs.
    pub bin: PathBuf,
    data: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts it on a free port.
    pub fn start() -> Outcome<Self> {
        let bin = newest().ok_or("there is no /usr/lib/postgresql/*/bin: install postgresql")?;
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(|e| e.to_string())?.port();
        // Where its own user may write.
        let data = std::env::temp_dir().join(format!("noren-bench-postgres-{port}"));
        let server = Postgres { bin, data, port };
        server.run("initdb", &["-A", "trust", "-U", "noren", "-E", "UTF8", "--locale=C"])?;
        let options = format!("-p {port} -k {} -c listen_addresses=127.0.0.1", server.data.display());
        let log = format!("{}/log", server.data.display());
        server.run("pg_ctl", &["-w", "-s", "-l", &log, "-o", &options, "start"])?;
        Ok(server)
    }

    /// Runs one of its programs on its data; as the user postgres when this is root, which it refuses.
    fn run(&self, program: &str, args: &[&str]) -> Outcome {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let status = command.arg("-D").arg(&self.data).args(args).current_dir("/").stdout(Stdio::null()).status();
        if status.map_err(|e| e.to_string())?.success() { Ok(()) } else { Err("PostgreSQL did not start; see above".into()) }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://noren@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What does not stop is left to whoever looks at the machine.
        let _ = self.run("pg_ctl", &["-m", "immediate", "-s", "stop"]);
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

fn newest() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
