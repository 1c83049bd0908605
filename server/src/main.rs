//! The command line of Noren.
#![recursion_limit = "512"]

use app::error::words;
use clap::{Args, Parser, Subcommand};
use domain::{
    account::{Email, NewPassword, SignUp},
    reject::Field,
    text::DisplayName,
};
use ipnet::IpNet;
use serde::Serialize;
use server::{application::Application, clock::Clock, config::Config, store::Store, telemetry};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

/// glibc's grows its heap page by page, which costs a call and a fault for each of ten thousand watchers that come at once.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(name = "noren", version, about = "The marketplace for live help: offers, and whose curtain is out.", after_help = EXAMPLES)]
struct Cli {
    /// The configuration file [default: noren.toml, when there is one]
    #[arg(long, global = true, env = "NOREN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  noren serve                                     the embedded database in ./data, on http://127.0.0.1:3000
  noren serve --demo --data ./demo                robot providers to try it with
  noren serve --public-url https://help.example.org --trusted-proxies 127.0.0.1/32
  noren serve --database postgres://noren:secret@db/noren
  noren serve --database postgres://noren:secret@db/noren --bus nats://bus:4222     one of several nodes
  noren account reset-link ana@example.org        a link by which a password can be set anew
  noren operator create ops@example.org
  noren ledger verify                             whether the books are right; lifts a freeze when they are
  noren ledger export > book.jsonl                all entries, with their hashes
  noren backup /backup/today                      everything in one folder, while the server runs
  noren restore /backup/today --verify --data ./new
  noren doctor                                    whether what is configured works

Every key of noren.toml can also be set by the environment: NOREN_PUBLIC_URL, NOREN_PRESENCE__LINE_LOST.";

#[derive(Subcommand)]
enum Command {
    /// Serve the pages and the live streams
    #[command(after_help = EXAMPLES)]
    Serve(Flags),
    /// Bring the database to the schema of this version, and end
    Migrate(Flags),
    /// Look whether what is configured works: the address, the database, STUN and TURN servers
    Doctor(Flags),
    /// Copy everything into a new folder, while the server runs or not
    Backup {
        /// The folder
        to: PathBuf,
        #[command(flatten)]
        flags: Flags,
    },
    /// Put a backup into a data folder or a database that holds nothing yet
    Restore {
        /// The folder of the backup
        from: PathBuf,
        /// Count the books and follow the hash chain to where it stood
        #[arg(long)]
        verify: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Accounts
    #[command(subcommand)]
    Account(Account),
    /// Operators
    #[command(subcommand)]
    Operator(Operator),
    /// The book of all movements of money
    #[command(subcommand)]
    Ledger(Ledger),
}

#[derive(Subcommand)]
enum Ledger {
    /// Count the book again: sums, balances, holds, bills by their proofs, the hash chain and its signed heads
    Verify(Flags),
    /// Write the whole book as lines of JSON, in the order of the hash chain
    Export(Flags),
}

#[derive(Subcommand)]
enum Account {
    /// Print a link by which the account's password can be set anew; it works once, for two hours
    ResetLink {
        /// The account's address
        email: String,
        #[command(flatten)]
        flags: Flags,
    },
}

#[derive(Subcommand)]
enum Operator {
    /// Create an account that runs the instance, and print a link by which its password can be set
    Create {
        /// The operator's address
        email: String,
        /// The name shown to others
        #[arg(long, default_value = "Operator")]
        name: String,
        #[command(flatten)]
        flags: Flags,
    },
}

/// Flags win over the environment, which wins over the file.
#[derive(Args, Serialize)]
struct Flags {
    /// Where to listen [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// The address under which people reach this instance, such as https://help.example.org
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<String>,
    /// Networks of reverse proxies whose X-Forwarded-For is believed, separated by commas
    #[arg(long, value_name = "NETS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_proxies: Option<Vec<IpNet>>,
    /// The data folder [default: ./data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// PostgreSQL instead of the embedded database
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    /// NATS, by which nodes that share a PostgreSQL tell each other what changed
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<String>,
    /// Fill a new data folder with robot providers; nothing is real then
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    demo: bool,
    /// A folder of built assets instead of those in the binary
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Two workers at least: a page that is being rendered must not stop the streams (leptos#4647).
    let workers = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("noren: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

/// Opens the database for a command that may run beside the server.
async fn open(file: Option<PathBuf>, flags: Flags) -> Result<(Config, Store), Failure> {
    let config = Config::read(file, flags)?;
    telemetry::start(&config.log);
    let store = Store::open_beside(&config, Clock::system()).await?;
    Ok((config, store))
}

/// The words for a refusal or a breakdown of the store.
fn told(error: app::error::PortError) -> Failure {
    app::error::AppError::from(error).words().into()
}

fn address(email: &str) -> Result<Email, Failure> {
    Ok(Email::parse(email).map_err(|code| words(Some(Field::Email), code))?)
}

fn reset_url(config: &Config, token: &str) -> String {
    let base = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    format!("{base}/reset/{token}")
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(flags) => {
            let config = Config::read(cli.config, flags)?;
            telemetry::start(&config.log);
            if !config.https() {
                tracing::warn!("served over http: for trying it on one machine or a LAN only");
            }
            let application = Application::start(config, Clock::system()).await?;
            application.life.on_signals()?;
            println!("Noren is open: http://{}", application.address);
            application.run().await;
        }
        Command::Migrate(flags) => {
            let config = Config::read(cli.config, flags)?;
            telemetry::start(&config.log);
            Store::open(&config, Clock::system()).await?.close().await;
            println!("The database is at the schema of this version.");
        }
        Command::Doctor(flags) => {
            let config = Config::read(cli.config, flags)?;
            telemetry::start(&config.log);
            let findings = server::doctor::examine(&config).await;
            for (what, said) in &findings {
                match said {
                    Ok(words) => println!("  ok  {what}: {words}"),
                    Err(words) => println!("FAIL  {what}: {words}"),
                }
            }
            if findings.iter().any(|(_, said)| said.is_err()) {
                return Err("something needs attention, see above".into());
            }
        }
        Command::Backup { to, flags } => {
            let config = Config::read(cli.config, flags)?;
            telemetry::start(&config.log);
            println!("{}", server::backup::backup(&config, &to).await?);
        }
        Command::Restore { from, verify, flags } => {
            let config = Config::read(cli.config, flags)?;
            telemetry::start(&config.log);
            println!("{}", server::backup::restore(&config, &from, verify).await?);
        }
        Command::Ledger(Ledger::Verify(flags)) => {
            let (_, store) = open(cli.config, flags).await?;
            let (sealed, mut wrong) = store.verify_chain().await.map_err(told)?;
            let heads = app::trust::port::Trust::heads(&store).await.map_err(told)?;
            let keys: std::collections::BTreeSet<String> = heads.into_iter().map(|head| head.public_key).collect();
            wrong.extend(store.audit().await.map_err(told)?);
            store.close().await;
            for what in &wrong {
                println!("WRONG  {what}");
            }
            if !wrong.is_empty() {
                return Err("the books are wrong, see above; nothing new that costs money begins".into());
            }
            println!("The books are right: {sealed} entries in the chain.");
            for key in &keys {
                println!("The last ends of days are signed by {key}: compare it with the one that you keep.");
            }
        }
        Command::Ledger(Ledger::Export(flags)) => {
            use std::io::Write;
            let (_, store) = open(cli.config, flags).await?;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let mut written = Ok(());
            store
                .export(|line| {
                    if written.is_ok() {
                        written = writeln!(out, "{line}");
                    }
                })
                .await
                .map_err(told)?;
            written.and_then(|()| out.flush())?;
            store.close().await;
        }
        Command::Account(Account::ResetLink { email, flags }) => {
            let (config, store) = open(cli.config, flags).await?;
            let email = address(&email)?;
            println!("{}", reset_url(&config, &store.reset_link(&email).await.map_err(told)?));
            store.close().await;
        }
        Command::Operator(Operator::Create { email, name, flags }) => {
            let (config, store) = open(cli.config, flags).await?;
            let email = address(&email)?;
            let display_name = DisplayName::parse(&name).map_err(|code| words(Some(Field::DisplayName), code))?;
            // Nobody knows this password; the link sets the one that the operator chooses.
            let password = NewPassword::parse(&server::ids::token(), None).map_err(|code| words(Some(Field::Password), code))?;
            store.create_operator(SignUp { display_name, email: email.clone(), password }).await.map_err(told)?;
            println!("{}", reset_url(&config, &store.reset_link(&email).await.map_err(told)?));
            store.close().await;
        }
    }
    Ok(())
}
