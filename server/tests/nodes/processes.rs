//! Real processes behind the proxy of docs/examples/two-nodes: one is killed, both are restarted one after the other.

use crate::{
    course::bill,
    people::{Line, Person, Watcher},
    world::{Nats, World, free_port, until},
};
use serde_json::json;
use server::config::Config;
use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// A process that ends with the test.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Process(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Two nodes and a proxy.
struct Site {
    nodes: [Process; 2],
    ports: [u16; 2],
    pub base: String,
    config: Config,
    folder: PathBuf,
    _proxy: Process,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn node(config: &Config, port: u16) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_noren"));
    command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--trusted-proxies", "127.0.0.0/8"]);
    command.arg("--data").arg(config.data.join(port.to_string()));
    command.args(["--database", config.database.as_deref().unwrap(), "--bus", config.bus.as_deref().unwrap()]);
    for (key, value) in [
        ("ACCOUNTS__ARGON2_MEMORY", "64"),
        ("ACCOUNTS__ARGON2_PASSES", "1"),
        ("ACCOUNTS__SIGN_UP_PER_HOUR", "1000"),
        ("CONSULTATIONS__PROVE", "500"),
        ("FEED__RETRY_SPREAD", "500"),
    ] {
        command.env(format!("NOREN_{key}"), value);
    }
    Process::start(&mut command)
}

impl Site {
    async fn start(config: &Config) -> Self {
        let (ports, port) = ([free_port(), free_port()], free_port());
        let folder = config.data.join("nginx");
        std::fs::create_dir_all(&folder).unwrap();
        let nodes = ports.map(|port| node(config, port));
        let example = include_str!("../../../docs/examples/two-nodes/nginx.conf");
        let mut file = format!("daemon off;\npid {0}/pid;\nerror_log {0}/error.log;\n", folder.display());
        let example = example
            .replace("127.0.0.1:3001", &format!("127.0.0.1:{}", ports[0]))
            .replace("127.0.0.1:3002", &format!("127.0.0.1:{}", ports[1]))
            .replace("listen 8080", &format!("listen 127.0.0.1:{port}"))
            .replace("http {", &format!("http {{\n    access_log off;\n    client_body_temp_path {0}/body;\n    proxy_temp_path {0}/proxy;\n    fastcgi_temp_path {0}/a;\n    uwsgi_temp_path {0}/b;\n    scgi_temp_path {0}/c;", folder.display()));
        file += &example;
        let path = folder.join("nginx.conf");
        std::fs::write(&path, file).unwrap();
        let proxy = Process::start(Command::new("nginx").arg("-p").arg(&folder).arg("-c").arg(&path));
        let site = Site { nodes, ports, base: format!("http://127.0.0.1:{port}"), config: config.clone(), folder, _proxy: proxy };
        for base in [site.at(0), site.at(1), site.base.clone()] {
            ready(&base).await;
        }
        site
    }

    /// Past the proxy.
    fn at(&self, which: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[which])
    }

    async fn again(&mut self, which: usize) {
        self.nodes[which] = node(&self.config, self.ports[which]);
        ready(&self.at(which)).await;
    }
}

async fn ready(base: &str) {
    until(&format!("{base} serves"), || async {
        let answer = reqwest::get(format!("{base}/readyz")).await;
        match answer {
            Ok(answer) => answer.text().await.is_ok_and(|text| text == "ready"),
            Err(_) => false,
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_takes_nothing_with_it() {
    let nats = Nats::start();
    let world = World::new(Some(&nats)).await;
    let mut site = Site::start(&world.config).await;
    let (ana, ben) = (Person::new(&site.base, "Ana").await, Person::new(&site.base, "Ben").await);
    let offer = ana.register().await;
    // In mid-ring: Ana's page hangs on the first node.
    let mut desk = ana.at(&site.at(0)).desk().await;
    ana.done("presence/go_online", &[("minutes", "30")]).await;
    let mut watcher = Watcher::at(&site.at(1), None).await;
    let asked = ben.done("consultations/request", &[("offer", &offer), ("medium", "chat"), ("cap", "10")]).await;
    let id = asked["consultation"].as_str().unwrap().to_owned();
    assert_eq!(desk.ring().await, id);
    let mut bens = ben.at(&site.at(1)).room(&id, 1, 0).await;
    site.nodes[0].kill();
    let mut desk = ana.desk().await;
    assert_eq!(desk.ring().await, id, "it rings on");
    ana.done("consultations/accept", &[("consultation", &id)]).await;
    let mut anas = ana.room(&id, 2, 0).await;
    Line::live(&mut anas, &mut bens).await;
    // In mid-consultation: Ben's page moves to the node that has come back, which is killed right after he spoke.
    site.again(0).await;
    let rows = bens.rows.len();
    drop(bens);
    let mut bens = ben.at(&site.at(0)).room(&id, 1, rows).await;
    Line::live(&mut anas, &mut bens).await;
    let words = json!({"say": {"key": uuid::Uuid::from_u128(5), "text": "Do you still hear me?"}});
    bens.say(words.clone()).await;
    anas.until("what Ben said", |message| message.to_string().contains("still hear me")).await;
    site.nodes[0].kill();
    let rows = rows + bens.rows.len();
    let mut bens = ben.room(&id, 1, rows).await;
    // Whether it was taken he cannot know, so he says it again.
    bens.say(words).await;
    bens.until("that it was taken", |message| message["posted"]["n"].is_u64()).await;
    let _ = tokio::join!(anas.stay(Duration::from_secs(2)), bens.stay(Duration::from_secs(2)));
    ben.done("consultations/end", &[("consultation", &id)]).await;
    let receipt = bill(&ana, &ben, &id).await;
    let shown = ana.done("consultations/show", &[("consultation", &id)]).await;
    assert_eq!(shown["rows"].to_string().matches("still hear me").count(), 1, "once");
    // Short as it was, the line counts as whole, and is billed so.
    let stretches = receipt["stretches"].as_array().unwrap();
    assert!(stretches.iter().all(|stretch| ["opening", "billed", "tail"].contains(&stretch["why"].as_str().unwrap())), "{receipt}");
    assert!(receipt["proved"].as_i64().unwrap() > 1_500 && receipt["total"]["minor"].as_i64().unwrap() > 0, "{receipt}");
    watcher.sees(&offer, "busy").await;
    watcher.sees(&offer, "online").await;
    let verified = Command::new(env!("CARGO_BIN_EXE_noren"))
        .args(["ledger", "verify", "--database", world.config.database.as_deref().unwrap(), "--data"])
        .arg(world.config.data.join(site.ports[1].to_string()))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// What a watcher found out while the nodes were restarted.
#[derive(Debug, Default)]
struct Seen {
    reconnects: u32,
    resets: u32,
    wrong: Vec<String>,
    cursor: u64,
    open: bool,
}

/// Watches as a page does: comes back with its own cursor when it is asked to or the line breaks.
async fn watch(base: String, offer: String, stop: CancellationToken) -> Seen {
    let mut seen = Seen::default();
    let mut since: Option<String> = None;
    loop {
        let url = match &since {
            Some(cursor) => format!("{base}/live/choices?since={cursor}"),
            None => format!("{base}/live/choices"),
        };
        let Ok(mut answer) = reqwest::get(url).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (mut rest, mut pause) = (String::new(), 100);
        loop {
            let chunk = tokio::select! {
                chunk = answer.chunk() => chunk,
                () = stop.cancelled() => return seen,
            };
            let Ok(Some(chunk)) = chunk else { break };
            rest.push_str(&String::from_utf8_lossy(&chunk));
            while let Some((block, after)) = rest.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
                let data: serde_json::Value = serde_json::from_str(&field("data:")).unwrap_or_default();
                match &*field("event:") {
                    "hello" => {
                        if data["mode"] == "reset" {
                            seen.resets += 1;
                        } else if since.is_none() {
                            seen.cursor = data["seq"].as_u64().unwrap();
                        }
                    }
                    "bye" => pause = data["retry_ms"].as_u64().unwrap(),
                    "board" => seen.cursor = data["seq"].as_u64().unwrap(),
                    name => {
                        let (from, to) = (data["from"].as_u64().unwrap(), data["to"].as_u64().unwrap());
                        if from > seen.cursor + 1 {
                            seen.wrong.push(format!("{name} from {from} after {}", seen.cursor));
                        }
                        if to > seen.cursor {
                            seen.cursor = to;
                            let is = |of: &str| {
                                data[of].as_array().is_some_and(|all| all.iter().any(|one| one["id"] == *offer || *one == *offer))
                            };
                            seen.open = if is("cards") { true } else { seen.open && !is("gone") };
                        }
                    }
                }
                if let Some(id) = Some(field("id:")).filter(|id| !id.is_empty()) {
                    since = Some(id);
                }
                rest = after.to_owned();
            }
        }
        seen.reconnects += 1;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_restarted_one_after_the_other() {
    let nats = Nats::start();
    let world = World::new(Some(&nats)).await;
    let mut site = Site::start(&world.config).await;
    let ana = Person::new(&site.base, "Ana").await;
    let offer = ana.register().await;
    let stop = CancellationToken::new();
    let watchers: Vec<_> = (0..60).map(|_| tokio::spawn(watch(site.base.clone(), offer.clone(), stop.clone()))).collect();
    // Her curtain goes out and in all the while, whichever node answers.
    let moving = CancellationToken::new();
    let (toggling, mover) = (moving.clone(), ana.clone());
    let moves = tokio::spawn(async move {
        let mut done = 0u32;
        while !toggling.is_cancelled() {
            let function = if done.is_multiple_of(2) { "presence/go_online" } else { "presence/go_offline" };
            let (status, json) = mover.api(function, &[("minutes", "30")]).await;
            assert!(status == 200 || status >= 502, "{status} {json}");
            done += u32::from(status == 200);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        done
    });
    for which in [0, 1] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let asked = Instant::now();
        site.nodes[which].signal("-TERM");
        assert_eq!(site.nodes[which].ended().await.code(), Some(0), "it ends well");
        assert!(asked.elapsed() < Duration::from_secs(20));
        site.again(which).await;
        // The proxy takes it in again.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    // The last move is made before the last look.
    moving.cancel();
    let done = moves.await.unwrap();
    assert!(done > 50, "{done}");
    tokio::time::sleep(Duration::from_millis(600)).await;
    stop.cancel();
    let open = ana.done("presence/desk", &[]).await["presence"].to_string().contains("online");
    for watcher in watchers {
        let seen = watcher.await.unwrap();
        assert!(seen.wrong.is_empty() && seen.resets == 0, "{seen:?}");
        assert!(seen.reconnects <= 2, "{seen:?}");
        assert!(seen.cursor > u64::from(done) / 2, "{seen:?} of {done}");
        assert_eq!(seen.open, open, "and has what is so at the end: {seen:?}");
    }
}
