//! The feed: design section 5, one statement a test.

use crate::node::{Node, config};
use reqwest::header;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn a_toggle_is_on_every_stream_and_on_every_page() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    let (mut one, mut two) = (node.watch(None).await, node.watch(None).await);
    ana.go_online().await;
    assert_eq!((one.presence_of(&offer).await, two.presence_of(&offer).await), ("online".into(), "online".into()));
    let (status, page) = node.client().page("/").await;
    assert_eq!(status, 200);
    assert!(
        page.contains(&format!("data-offer=\"{offer}\"")) && page.contains("data-presence=\"online\""),
        "the page shows the open offer"
    );
    ana.go_offline().await;
    assert_eq!((one.presence_of(&offer).await, two.presence_of(&offer).await), ("gone".into(), "gone".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_says_hello_and_how_it_goes_on() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    let mut before = node.watch(None).await;
    ana.go_online().await;
    assert_eq!(before.presence_of(&offer).await, "online");
    let mut first = node.watch(None).await;
    let hello = first.next().await.unwrap();
    assert_eq!((hello.name.as_str(), &hello.data["mode"]), ("hello", &"live".into()));
    let at = hello.id.unwrap();
    ana.go_offline().await;
    assert_eq!(first.presence_of(&offer).await, "gone");

    let mut late = node.watch(Some(&at)).await;
    let hello = late.next().await.unwrap();
    assert_eq!((&hello.data["mode"], hello.id.as_deref()), (&"replay".into(), Some(at.as_str())), "a line that breaks here loses nothing");
    assert_eq!(late.presence_of(&offer).await, "gone");

    for lost in
        ["00000000-0000-0000-0000-000000000000:1".to_owned(), format!("{}:999", at.split(':').next().unwrap()), "nonsense".to_owned()]
    {
        let mut reset = node.watch(Some(&lost)).await;
        let hello = reset.next().await.unwrap();
        assert_eq!(hello.data["mode"], "reset", "{lost}");
        let board = reset.next().await.unwrap();
        assert_eq!((board.name.as_str(), board.data["cards"].as_array().map(Vec::len)), ("board", Some(0)));
        assert_eq!(board.data["seq"], hello.data["seq"]);
        assert!(hello.id.unwrap().ends_with(":0"), "a line that breaks before the board leads to another reset");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_of_header_and_query_wins() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    let old = node.watch(None).await.next().await.unwrap().id.unwrap();
    let mut watcher = node.watch(None).await;
    ana.go_online().await;
    assert_eq!(watcher.presence_of(&offer).await, "online");
    let new = node.watch(None).await.next().await.unwrap().id.unwrap();
    for (last, since) in [(&new, &old), (&old, &new)] {
        let request = reqwest::Client::new().get(node.url(&format!("/live/choices?since={since}"))).header("last-event-id", last.as_str());
        let mut response = request.send().await.unwrap();
        let text = String::from_utf8(response.chunk().await.unwrap().unwrap().to_vec()).unwrap();
        assert!(text.contains("\"live\""), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_cannot_be_cached_buffered_or_compressed() {
    let node = Node::start().await;
    let request = reqwest::Client::new().get(node.url("/live/choices")).header(header::ACCEPT_ENCODING, "br, gzip, zstd");
    let response = request.send().await.unwrap();
    let value = |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap());
    assert_eq!(value("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(value("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(value("x-accel-buffering"), Some("no"));
    assert_eq!(value("content-encoding"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_at_once_goes_out_together_and_in_order() {
    let mut config = config();
    config.feed.tick_min = 400;
    config.feed.tick_max = 400;
    let node = Node::with(config).await;
    let (ana, offer) = node.provider("Ana").await;
    let mut watcher = node.watch(None).await;
    let mut seq = watcher.next().await.unwrap().data["seq"].as_u64().unwrap();
    for _ in 0..10 {
        ana.go_online().await;
        ana.go_offline().await;
    }
    ana.go_online().await;
    let (mut frames, mut last) = (0, String::new());
    let head = node.hub.head();
    while seq < head {
        let event = watcher.next().await.unwrap();
        if event.name == "change" || event.name == "beat" {
            assert_eq!(event.data["from"].as_u64().unwrap(), seq + 1, "frames join");
            seq = event.data["to"].as_u64().unwrap();
            frames += 1;
            if let Some(card) = event.data["cards"].as_array().and_then(|c| c.first()) {
                assert_eq!(card["id"], offer.as_str());
                last = card["is"].as_str().unwrap().into();
            }
        }
    }
    assert_eq!(last, "online", "the last state of each offer");
    assert!(frames < 21, "21 changes came in {frames} frames");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_stream_beats_and_an_old_one_is_sent_back() {
    let mut config = config();
    config.feed.beat = 150;
    config.feed.max_age = 500;
    let node = Node::with(config).await;
    let mut watcher = node.watch(None).await;
    let seq = watcher.next().await.unwrap().data["seq"].clone();
    let beat = watcher.next().await.unwrap();
    assert_eq!((beat.name.as_str(), &beat.data["from"], &beat.data["to"]), ("beat", &seq, &seq));
    let mut last = beat;
    while let Some(event) = watcher.next().await {
        last = event;
    }
    assert_eq!((last.name.as_str(), last.id), ("bye", None));
    assert!(last.data["retry_ms"].as_u64().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_node_ends_its_streams() {
    let node = Node::start().await;
    let mut watchers = Vec::new();
    for _ in 0..50 {
        let mut watcher = node.watch(None).await;
        watcher.next().await.unwrap();
        watchers.push(watcher);
    }
    let data = node.end().await;
    for mut watcher in watchers {
        assert_eq!(watcher.next().await.unwrap().name, "bye");
        assert_eq!(watcher.next().await, None);
    }
    std::fs::remove_dir_all(data).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stands_still_is_cut_and_loses_nothing_of_the_others() {
    let mut config = config();
    config.feed.stall = 1_000;
    config.feed.tick_min = 1;
    config.feed.tick_max = 1;
    let node = Node::with(config).await;
    let (ana, offer) = node.provider("Ana").await;
    // This one asks and never reads; its socket takes little.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1_024).unwrap();
    socket.connect(&node.address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut stalled = tokio::net::TcpStream::from_std(socket.into()).unwrap();
    stalled.write_all(b"GET /live/choices HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut reader = node.watch(None).await;
    let mut on = false;
    // Changes go on until the hub has cut somebody: only the one that stands still.
    while node.hub.counts().stalled == 0 {
        for _ in 0..50 {
            if on {
                ana.go_offline().await
            } else {
                ana.go_online().await
            }
            on = !on;
        }
    }
    if on {
        ana.go_offline().await;
    }
    while reader.presence_of(&offer).await != "gone" {}
    let mut all = Vec::new();
    let end = stalled.read_to_end(&mut all).await;
    assert!(end.is_err() || !all.ends_with(b"0\r\n\r\n"), "the connection was cut, not ended in peace");
}
