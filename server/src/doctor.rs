//! `noren doctor`: whether what this instance is configured with works, told line by line.

use crate::{bus::Bus, clock::Clock, config::Config, store::Store, turn};
use domain::id::AccountId;
use uuid::Uuid;

/// What was looked at, and what was found: praise, or what is wrong and what to do.
pub type Finding = (String, Result<String, String>);

/// Looks at everything. Nothing is changed but what `noren migrate` would change too.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![address(config)];
    match Store::open_beside(config, Clock::system()).await {
        Ok(store) => {
            let answers = store.ping().await.map(|()| "answers, and is at the schema of this version".into());
            findings.push(("database".into(), answers.map_err(|_| "does not answer; the log says more".into())));
            store.close().await;
        }
        Err(error) => findings.push(("database".into(), Err(error.to_string()))),
    }
    findings.extend(bus(config).await);
    findings.push(files());
    findings.extend(calls(config).await);
    findings
}

async fn bus(config: &Config) -> Option<Finding> {
    let url = config.bus.as_ref()?;
    let said = match Bus::reach(url).await {
        Ok(()) => Ok("reached".into()),
        Err(error) => Err(format!("{error}; until it can be reached each node looks at the tables four times a second")),
    };
    Some(("bus".into(), said))
}

fn files() -> Finding {
    let limit = rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(0, |(_, hard)| hard);
    let said = match limit {
        ..4_096 => Err(format!("{limit} open files: each watcher takes one; raise the limit (LimitNOFILE of systemd, ulimit -n)")),
        _ => Ok(format!("{limit}, one for each watcher")),
    };
    ("open files".into(), said)
}

fn address(config: &Config) -> Finding {
    let said = match &config.public_url {
        Some(url) if config.https() => Ok(format!("{url}, over https")),
        Some(url) => Err(format!(
            "{url} is not https: browsers give no microphone, camera or notifications there, and cookies can be read on the way"
        )),
        None => Ok("none set: for a trial on this machine; set it before others come".into()),
    };
    ("public_url".into(), said)
}

async fn calls(config: &Config) -> Vec<Finding> {
    // A name as a page gets it, for nobody.
    let paths = config.calls.paths(AccountId(Uuid::nil()), Clock::system().now());
    if paths.servers.is_empty() {
        let said = "no STUN or TURN server: voice and video find their way within one network only. See docs/operations.md.";
        return vec![("calls".into(), Ok(said.into()))];
    }
    let mut findings = Vec::new();
    for server in &paths.servers {
        for url in &server.urls {
            findings.push((url.clone(), turn::ask::ask(url, server).await));
        }
    }
    findings
}
