//! Real databases for tests: a fresh SQLite folder, or a fresh database on a real PostgreSQL.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use server::config::Config;
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};

/// On which engine a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded default.
    Sqlite,
    /// The real thing.
    Postgres,
}

/// A folder that goes with its test.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        // In memory where there is such a folder: what these tests are about is not the disk, and thousands of commits would wait for it.
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let path = base.join(format!("noren-test-{}", server::ids::uuid()));
        std::fs::create_dir_all(&path).expect("the folder for tests can be written");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A new, empty database.
#[derive(Debug)]
pub struct Db {
    /// The configuration that leads to it.
    pub config: Config,
    _folder: Folder,
}

impl Db {
    pub async fn new(engine: Engine) -> Self {
        let folder = Folder::new();
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(new_database().await),
        };
        let config = Config { data: folder.0.clone(), database, ..Config::default() };
        Db { config, _folder: folder }
    }

    /// A connection of the test's own, past the store.
    pub async fn raw(&self) -> DatabaseConnection {
        let url = match &self.config.database {
            Some(url) => url.clone(),
            None => format!("sqlite://{}", self.config.data.join("noren.db").display()),
        };
        connect(&url).await
    }
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("the test database can be reached")
}

async fn new_database() -> String {
    let cluster = cluster();
    let name = format!("noren_{}", server::ids::uuid().simple());
    let admin = connect(&format!("{cluster}/postgres")).await;
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database can be created");
    admin.close().await.expect("the connection closes");
    format!("{cluster}/{name}")
}

/// The PostgreSQL that tests use, without a database: `postgres://noren@127.0.0.1:5433`. `NOREN_TEST_POSTGRES` names one that
/// is to be shared by many test processes; without it each process starts its own, which ends with it.
pub fn cluster() -> String {
    static OWN: OnceLock<Cluster> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the server")]
    let shared = std::env::var("NOREN_TEST_POSTGRES").ok();
    match shared {
        // A database that it names is not the tests'.
        Some(url) => url.match_indices('/').nth(2).map_or(url.as_str(), |(end, _)| &url[..end]).to_owned(),
        None => OWN.get_or_init(Cluster::start).url.clone(),
    }
}

/// A throw-away PostgreSQL. Its keeper, a shell, waits for the end of its input, which is the end of this process, however that comes.
struct Cluster {
    url: String,
    _keeper: Child,
    _input: ChildStdin,
}

const KEEPER: &str = r#"
set -e
"$1/initdb" -D "$2" -U noren -A trust -E UTF8 --locale=C --no-sync >"$2.log" 2>&1
"$1/pg_ctl" -D "$2" -w -l "$2.log" -o "-p $3 -k $2 -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c max_connections=300" start >>"$2.log" 2>&1
echo ready
cat >/dev/null || true
"$1/pg_ctl" -D "$2" -m immediate stop >/dev/null 2>&1 || true
rm -rf "$2" "$2.log"
"#;

impl Cluster {
    fn start() -> Self {
        let programs = programs();
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port").port();
        let data = std::env::temp_dir().join(format!("noren-postgres-{}", server::ids::uuid()));
        let shell = [Path::new("sh"), Path::new("-c"), Path::new(KEEPER), Path::new("keeper"), &programs, &data].map(Path::as_os_str);
        // PostgreSQL refuses to run as root.
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).args(shell);
            command
        } else {
            let mut command = Command::new(shell[0]);
            command.args(&shell[1..]);
            command
        };
        let mut keeper = command
            .arg(port.to_string())
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the keeper of PostgreSQL starts");
        let input = keeper.stdin.take().expect("it was piped");
        let mut line = String::new();
        let output = keeper.stdout.take().expect("it was piped");
        BufReader::new(output).read_line(&mut line).expect("the keeper speaks");
        assert_eq!(line.trim(), "ready", "PostgreSQL did not start; see {}.log", data.display());
        Cluster { url: format!("postgres://noren@127.0.0.1:{port}"), _keeper: keeper, _input: input }
    }
}

/// The folder of the newest installed PostgreSQL's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).expect(
        "these tests need a real PostgreSQL, and /usr/lib/postgresql has none: install the package postgresql, or name a server that may be \
         filled with test databases in NOREN_TEST_POSTGRES, such as postgres://noren@127.0.0.1:5433",
    )
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
