//! Starting the servers under test, each pinned to its core, and stopping them again whatever happens.

use crate::{Outcome, process};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// nchan's module, where Debian's package puts it.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Where measuring happens.
pub struct Lab {
    /// Noren's release binary.
    pub noren: PathBuf,
    /// The core for the server.
    pub server_core: usize,
    /// The core for the readers.
    pub reader_core: usize,
}

/// A server that runs. Dropping it stops it.
pub struct Running {
    /// What it is called.
    name: &'static str,
    child: Child,
    /// The process that does the work.
    pub pid: u32,
    /// Where it listens.
    pub at: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx's first process takes its worker along only when it is asked; nobody else needs to be.
        if self.pid != self.child.id() {
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        } else {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Running {
    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and calls `meanwhile` until it has. Answers how long that took.
    pub fn terminate(&mut self, mut meanwhile: impl FnMut() -> Outcome) -> Outcome<Duration> {
        let asked = Instant::now();
        let _ = Command::new("kill").args(["-TERM", &self.pid.to_string()]).status();
        loop {
            match self.child.try_wait().map_err(|e| e.to_string())? {
                Some(status) if status.success() => return Ok(asked.elapsed()),
                Some(status) => return Err(format!("{} ended with {status}", self.name)),
                None if asked.elapsed() > Duration::from_secs(60) => return Err(format!("{} does not end", self.name)),
                None => meanwhile()?,
            }
        }
    }
}

/// A folder that is gone when it is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder.
    pub fn new(name: &str) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("noren-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Lab {
    /// Pins this process to the readers' core.
    pub fn pin_readers(&self) -> Outcome {
        let mut pin = Command::new("taskset");
        pin.args(["-cp", &self.reader_core.to_string(), &std::process::id().to_string()]).stdout(Stdio::null());
        match pin.status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("core {} is not there; choose others with --server-core and --reader-core", self.reader_core)),
        }
    }

    /// Runs a program on the readers' core.
    pub fn on_readers_core(&self, program: &str) -> Command {
        pinned(self.reader_core, program)
    }

    /// An address on which nobody listens.
    pub fn free_address() -> Outcome<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
        listener.map_err(|e| format!("no free port: {e}"))
    }

    /// Starts a server on its core and waits until it accepts.
    pub fn run(&self, name: &'static str, command: Command, at: SocketAddr) -> Outcome<Running> {
        let mut on_core = pinned(self.server_core, command.get_program());
        on_core
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = on_core.spawn().map_err(|e| format!("starting {name}: {e}"))?;
        let pid = child.id();
        let running = Running { name, child, pid, at };
        self.wait_until(&running, "a server to listen", || TcpStream::connect(at).is_ok())?;
        Ok(running)
    }

    /// One of the servers of this program.
    pub fn own(&self, name: &'static str, subcommand: &str) -> Outcome<Running> {
        let at = Self::free_address()?;
        let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
        command.args([subcommand, &at.port().to_string()]);
        self.run(name, command, at)
    }

    /// nginx with one worker and these lines in its server block.
    pub fn nginx(&self, folder: &Path, modules: &str, server: &str) -> Outcome<Running> {
        let at = Self::free_address()?;
        let here = folder.display();
        // A worker of another user could not read what lies here.
        let user = if fs::metadata(folder).is_ok_and(|m| m.uid() == 0) { "user root;" } else { "" };
        let config = format!(
            "daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {here}/pid; error_log {here}/error.log; {user} {modules}\n\
             events {{ worker_connections 19000; multi_accept on; }}\n\
             http {{ access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;\n\
             uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi; keepalive_requests 1000000000;\n\
             server {{ listen {at} backlog=4096; {server} }} }}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut command = Command::new("nginx");
        // Without -e the compiled-in log would be opened first.
        command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(&file).arg("-p").arg(folder);
        let mut running = self.run("nginx", command, at)?;
        self.wait_until(&running, "nginx to have a worker", || process::child(running.pid).is_some())?;
        running.pid = process::child(running.pid).ok_or("nginx has no worker")?;
        Ok(running)
    }

    /// nchan: what is published at /publish goes to every reader of /feed.
    pub fn nchan(&self, folder: &Path) -> Outcome<Running> {
        if !Path::new(NCHAN).exists() {
            return Err("nchan is not installed: apt install nginx libnginx-mod-nchan".into());
        }
        let server = "location = /feed { nchan_subscriber eventsource; nchan_channel_id feed; nchan_subscriber_first_message newest; }\n\
                      location = /publish { nchan_publisher http; nchan_channel_id feed; nchan_message_buffer_length 100; }";
        self.nginx(folder, &format!("load_module {NCHAN};"), server)
    }

    /// Waits for a state of a server, as long as it lives.
    pub fn wait_until(&self, running: &Running, what: &str, mut done: impl FnMut() -> bool) -> Outcome {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            if done() {
                return Ok(());
            }
            if process::cpu(running.pid).is_err() {
                return Err(format!("{} ended while waiting for {what}", running.name));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("waited in vain for {what}"))
    }
}

fn pinned(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}
