//! The feed: design section 5, one statement a test.

use crate::node::{Event, Node, Watcher, config};
use domain::{
    card::Card,
    category::Category,
    currency::Currency,
    feed::Cursor,
    filter::Filter,
    id::{AccountId, OfferId},
    language::Languages,
    media::Media,
    presence::Shown,
    scope::Scope,
    time::Timestamp,
    view::{Outcome, Snapshot, View, WINDOW, WINDOW_MAX},
};
use reqwest::header;
use server::{
    live::{board::Board, views::Full},
    store::FeedBody,
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

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
    let head = node.store.board().await.unwrap().cursor.seq;
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
    let seq = watcher.next().await.unwrap().data["seq"].as_u64().unwrap();
    let beat = watcher.next().await.unwrap();
    let covered = (beat.data["from"].as_u64().unwrap(), beat.data["to"].as_u64().unwrap());
    assert_eq!((beat.name.as_str(), covered), ("beat", (seq + 1, seq)), "it covers nothing");
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
    let mut stalled = slow_reader(&node).await;
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
    // A connection that is cut may end with an error.
    let _ = stalled.read_to_end(&mut all).await;
    assert!(!String::from_utf8_lossy(&all).contains("event: bye"), "the connection was cut, not ended in peace");
}

/// A socket that takes little.
fn quiet_socket(node: &Node) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1_024).unwrap();
    socket.connect(&node.address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    TcpStream::from_std(socket.into()).unwrap()
}

/// A reader that has asked and does not read.
async fn slow_reader(node: &Node) -> TcpStream {
    let mut socket = quiet_socket(node);
    socket.write_all(b"GET /live/choices HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_late_to_its_socket_gets_every_frame_whole_and_in_order() {
    for ring in [4_096, 8] {
        let mut config = config();
        config.feed.stall = 600_000;
        config.feed.tick_min = 1;
        config.feed.tick_max = 1;
        config.feed.ring = ring;
        let node = Node::with(config).await;
        let (ana, offer) = node.provider("Ana").await;
        let mut slow = slow_reader(&node).await;
        slow.readable().await.unwrap();
        let mut quick = node.watch(None).await;
        quick.next().await.unwrap();
        // So many frames that its socket has long been full.
        for _ in 0..120 {
            ana.go_online().await;
            ana.go_offline().await;
        }
        ana.go_online().await;
        // Not the hub's: it hears of a change a moment after whoever made it.
        let head = node.store.board().await.unwrap().cursor.seq;
        let is_there = |event: Event| event.data["to"] == head || event.data["seq"] == head;
        while !is_there(quick.next().await.unwrap()) {}

        let (mut text, mut seq, mut events, mut boards, mut last) = (String::new(), None, 0, 0, String::new());
        while seq != Some(head) {
            let mut part = [0; 700];
            let n = slow.read(&mut part).await.unwrap();
            assert_ne!(n, 0, "the stream goes on");
            text.push_str(std::str::from_utf8(&part[..n]).unwrap());
            if let Some((head, rest)) = text.split_once("\r\n\r\n") {
                assert!(head.starts_with("HTTP/1."), "{head}");
                text = rest.to_owned();
            }
            while let Some((event, rest)) = text.split_once("\n\n") {
                let data: serde_json::Value = serde_json::from_str(event.split_once("\ndata: ").unwrap().1).unwrap();
                match event.lines().next().unwrap() {
                    "event: hello" | "event: beat" => seq = seq.or(data["seq"].as_u64()),
                    "event: board" => {
                        boards += 1;
                        seq = data["seq"].as_u64();
                        last = data["cards"][0]["is"].as_str().unwrap_or("gone").to_owned();
                    }
                    "event: change" => {
                        // A board may be ahead of the frame that follows it.
                        assert!(data["from"].as_u64().unwrap() <= seq.unwrap() + 1, "frames join: {event}");
                        seq = data["to"].as_u64();
                        // A registration changes no card that is shown, only how many are closed.
                        let is = data["cards"][0]["is"].as_str().or((data["gone"][0] == offer).then_some("gone"));
                        last = is.map_or(last, str::to_owned);
                    }
                    other => panic!("{other}"),
                }
                events += 1;
                text = rest.to_owned();
            }
        }
        assert_eq!(last, "online");
        if ring == 8 {
            assert!(boards > 0, "what the ring no longer has is made up for by the whole board");
        } else {
            assert!(boards == 0 && events > 100, "{boards} boards, {events} events");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_come_after_other_requests_of_its_connection() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    let mut socket = node.socket().await;
    let before = ask(&mut socket, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "ok").await;
    assert!(before.starts_with("HTTP/1.1 200"), "{before}");
    let hello = ask(&mut socket, "GET /live/choices HTTP/1.1\r\nhost: x\r\n\r\n", "event: hello").await;
    assert!(hello.starts_with("HTTP/1.0 200") && !hello.contains("chunked"), "its end is the end of the connection: {hello}");
    ana.go_online().await;
    // What a reader says after its request is passed over.
    let change = ask(&mut socket, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", &offer).await;
    assert!(change.starts_with("event: change"), "{change}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_or_never_stops_talking_is_let_go() {
    let node = Node::start().await;
    let open = async |count| {
        while node.hub.counts().watchers != count {
            tokio::task::yield_now().await;
        }
    };
    let (mut talker, mut leaver) = (node.socket().await, node.socket().await);
    for socket in [&mut talker, &mut leaver] {
        socket.write_all(b"GET /live/choices HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    }
    open(2).await;
    drop(leaver);
    open(1).await;
    while talker.write_all(&[b'x'; 65_536]).await.is_ok() {}
    open(0).await;
    let response = reqwest::Client::new().head(node.url("/live/choices")).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (200, "text/event-stream; charset=utf-8")
    );
    assert_eq!(node.hub.counts().watchers, 0);
}

/// Sends a request and reads until `until` has come.
async fn ask(socket: &mut TcpStream, request: &str, until: &str) -> String {
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains(until) {
        let mut part = [0; 4_096];
        let n = tokio::time::timeout(Duration::from_secs(20), socket.read(&mut part)).await.expect("an answer within 20 s").unwrap();
        assert_ne!(n, 0, "the connection has ended: {text}");
        text.push_str(std::str::from_utf8(&part[..n]).unwrap());
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_site_is_refused_and_the_connection_goes_on() {
    let node = Node::start().await;
    let mut socket = node.socket().await;
    for refused in ["origin: http://evil.example\r\n", "sec-fetch-site: cross-site\r\n"] {
        let answer = ask(&mut socket, &format!("GET /live/choices HTTP/1.1\r\nhost: x\r\n{refused}\r\n"), "foreign_origin").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    assert!(ask(&mut socket, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", "ok").await.starts_with("HTTP/1.1 200"));
    ask(&mut socket, "GET /live/choices HTTP/1.1\r\nhost: x\r\n\r\n", "event: hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_ask_leads_to_a_stream_that_goes_on() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    let requests = [
        "GET /live/choices HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n",
        "GET /live/choices HTTP/1.0\r\n\r\n",
        "GET /live/choices HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "GET /live/choices HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody",
    ];
    for request in requests {
        let mut socket = node.socket().await;
        ask(&mut socket, request, "event: hello").await;
        ana.go_online().await;
        ask(&mut socket, "", &offer).await;
        ana.go_offline().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_the_seat_of_its_connection() {
    let mut config = config();
    config.http.connections = 2;
    let node = Node::with(config).await;
    let (mut one, mut two) = (node.socket().await, node.socket().await);
    for socket in [&mut one, &mut two] {
        ask(socket, "GET /live/choices HTTP/1.1\r\nhost: x\r\n\r\n", "event: hello").await;
    }
    while node.hub.counts().watchers < 2 {
        tokio::task::yield_now().await;
    }
    let mut refused = String::new();
    node.socket().await.read_to_string(&mut refused).await.unwrap();
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    drop((one, two));
    while node.hub.counts().watchers > 0 {
        tokio::task::yield_now().await;
    }
    ask(&mut node.socket().await, "GET /live/choices HTTP/1.1\r\nhost: x\r\n\r\n", "event: hello").await;
}

/// An offer for a board that was not made by providers.
fn card(n: u128, title: &str) -> Card {
    Card {
        id: OfferId(Uuid::from_u128(n)),
        by: AccountId(Uuid::from_u128(n)),
        name: "Ana".into(),
        title: title.into(),
        category: Category::Languages,
        languages: Languages::parse(["en"]).unwrap(),
        media: Media::parse(["chat"]).unwrap(),
        rate_minor: 0,
        currency: Currency::parse("EUR").unwrap(),
        free_seconds: 0,
        is: Shown::Online,
        at: Timestamp(0),
        answers: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_that_is_read_anew_reaches_every_open_stream_and_is_counted() {
    let node = Node::start().await;
    let mut watchers = Vec::new();
    for _ in 0..20 {
        let mut watcher = node.watch(None).await;
        watcher.next().await.unwrap();
        watchers.push(watcher);
    }
    let cursor = node.hub.read(|board| board.cursor);
    node.hub.reload(Board::new(Cursor { seq: cursor.seq + 7, ..cursor }, [card(1, "Anew")]));
    for watcher in &mut watchers {
        assert_eq!(watcher.next().await.unwrap().data["mode"], "reset");
        assert_eq!(watcher.next().await.unwrap().data["cards"][0]["title"], "Anew");
    }
    let counts = node.hub.counts();
    assert_eq!((counts.resets, counts.delivered), (20, 20), "one a stream");
    // And they go on from there.
    node.hub.take([(cursor.seq + 8, FeedBody { cards: vec![card(2, "Next")], gone: vec![] })]);
    node.hub.flush();
    for watcher in &mut watchers {
        assert_eq!(watcher.presence_of(&Uuid::from_u128(2).to_string()).await, "online");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_board_is_no_way_to_hold_a_connection() {
    let mut config = config();
    config.feed.stall = 1_000;
    let node = Node::with(config).await;
    let cursor = node.hub.read(|board| board.cursor);
    let title = "A title of some length, so that the board is larger than what sockets take";
    node.hub.reload(Board::new(cursor, (0..20_000).map(|n| card(n, title))));
    let mut stalled = quiet_socket(&node);
    stalled.write_all(b"GET /live/choices?since=nonsense HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    while node.hub.counts().stalled == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // One that reads gets all of it.
    let mut reader = node.watch(Some("nonsense")).await;
    assert_eq!(reader.next().await.unwrap().data["mode"], "reset");
    assert_eq!(reader.next().await.unwrap().data["cards"].as_array().unwrap().len(), 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_many_frames_is_whole() {
    let node = Node::start().await;
    let at = node.hub.read(|board| board.cursor);
    for n in 1..=300_u64 {
        node.hub.take([(at.seq + n, FeedBody { cards: vec![card(u128::from(n), "One of many")], gone: vec![] })]);
        node.hub.flush();
    }
    let mut watcher = node.watch(Some(&at.to_string())).await;
    assert_eq!(watcher.next().await.unwrap().data["mode"], "replay");
    for n in 1..=300_u64 {
        let change = watcher.next().await.unwrap();
        assert_eq!((change.data["from"].as_u64(), change.data["to"].as_u64()), (Some(at.seq + n), Some(at.seq + n)));
    }
}

/// A page of the choices or of offers: what it shows is kept as a browser keeps it.
struct Page<'a> {
    node: &'a Node,
    scope: Scope,
    view: View,
    watcher: Watcher,
    boards: usize,
}

impl<'a> Page<'a> {
    async fn open(node: &'a Node, scope: Scope) -> Self {
        let snapshot = node.hub.snapshot(&scope);
        let watcher = node.watch_query(&format!("since={}&{}", snapshot.cursor, scope.query_string())).await;
        Page { node, view: View::new(&snapshot), scope, watcher, boards: 0 }
    }

    /// Reads on until it stands where the board stands.
    async fn agrees(&mut self) {
        let want = self.node.hub.snapshot(&self.scope);
        while self.view.cursor.seq < want.cursor.seq {
            let event = self.watcher.next().await.unwrap();
            match event.name.as_str() {
                "hello" => {}
                "board" => {
                    let board: domain::feed::Board = serde_json::from_value(event.data).unwrap();
                    let cursor = Cursor { seq: board.seq, ..want.cursor };
                    self.view = View::new(&Snapshot { cursor, cards: board.cards, counts: board.counts });
                    self.boards += 1;
                }
                _ => assert_ne!(self.view.apply(serde_json::from_value(event.data).unwrap()), Outcome::Gap),
            }
        }
        assert_eq!((self.view.cursor, self.view.counts), (want.cursor, want.counts));
        assert!(want.cards.iter().all(|card| self.view.holds(card.id)), "{:?}", self.scope);
        assert_eq!(self.view.beyond(), want.counts.choices() - want.cards.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_sent_what_it_shows_and_only_that() {
    let mut config = config();
    config.feed.beat = 300;
    let node = Node::with(config).await;
    let at = node.hub.read(|board| board.cursor);
    let named = |n: u64| Card { at: Timestamp(n as i64), ..card(n.into(), if n.is_multiple_of(2) { "Even" } else { "Odd" }) };
    node.hub.reload(Board::new(at, (0..300).map(named)));
    let only = |q: &str| Scope::Window { filter: Filter { search: q.into(), ..Filter::default() }, window: WINDOW };
    let scopes =
        [Scope::front(), only("even"), only("odd"), only("nobody"), Scope::Offers(vec![named(3).id, named(7).id]), Scope::Everything];
    let mut pages = Vec::new();
    for scope in scopes {
        pages.push(Page::open(&node, scope).await);
    }
    assert_eq!(node.hub.counts().views, 6, "the two that are always there are shared");
    for step in 1..=400_u64 {
        let n = step * 37 % 300;
        let is = Shown::ALL[usize::try_from(step % 3).unwrap()];
        node.hub
            .take([(at.seq + step, FeedBody { cards: vec![Card { is, at: Timestamp(1_000 + step as i64), ..named(n) }], gone: vec![] })]);
        if step % 3 == 0 {
            node.hub.flush();
        }
    }
    node.hub.flush();
    for page in &mut pages {
        page.agrees().await;
        assert!(page.boards <= 1, "{:?} was read anew {} times", page.scope, page.boards);
    }
    // An offer far down changes its words: whoever shows it is told, and nobody else is sent a card.
    let far = node.hub.read(|board| board.listed()[&named(7).id].clone());
    let row = FeedBody { cards: vec![Card { name: "Nina".into(), ..far }], gone: vec![] };
    node.hub.take([(at.seq + 401, row)]);
    node.hub.flush();
    for page in &mut pages {
        let shows = page.view.holds(named(7).id);
        let event = loop {
            let event = page.watcher.next().await.unwrap();
            if event.data["to"] == at.seq + 401 {
                break event;
            }
        };
        let told = event.data["cards"].as_array().map_or(0, Vec::len);
        assert_eq!(told, usize::from(shows), "{:?}: {}", page.scope, event.data);
    }
    assert!(!pages[0].view.holds(named(7).id) && pages[4].view.holds(named(7).id));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_an_end_to_the_views_that_a_node_keeps() {
    let node = Node::start().await;
    let mut full = None;
    let mut followed = Vec::new();
    for n in 0..500 {
        let scope = Scope::Window { filter: Filter { search: format!("word {n}"), ..Filter::default() }, window: WINDOW_MAX };
        match node.hub.open(&scope, None) {
            Ok(open) => followed.push(open),
            Err(Full) => {
                full = Some(scope);
                break;
            }
        }
    }
    let full = full.expect("an end");
    let url = node.url(&format!("/live/choices?{}", full.query_string()));
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().contains_key("retry-after")), (503, true));
    // Wide windows leave room for narrow ones, and these for single offers.
    assert!(node.hub.open(&Scope::Offers(vec![card(1, "One").id]), None).is_ok());
    // The choices that everybody sees are there all the same, and so is the page that was refused.
    assert!(node.hub.open(&Scope::front(), None).is_ok());
    let (status, _) = node.client().page(&format!("/?{}", full.query_string())).await;
    assert_eq!(status, 200);
    // Views that nobody follows any more make room for those that somebody asks for.
    drop(followed);
    assert!(node.hub.open(&full, None).is_ok());
    assert_eq!(node.hub.counts().views, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_follows_in_an_outage_too() {
    let node = Node::start().await;
    let at = node.hub.read(|board| board.cursor);
    for n in 1..=3_u64 {
        node.hub.take([(at.seq + n, FeedBody { cards: vec![card(u128::from(n), "Missed")], gone: vec![] })]);
        node.hub.flush();
    }
    // The node's own look at its database may find that nothing is wrong just now.
    let first = loop {
        node.hub.set_stale(true);
        let (first, ..) = node.hub.open(&Scope::Everything, Some(at)).unwrap();
        let first = String::from_utf8(first.to_vec()).unwrap();
        if first.contains("\"stale\":true") {
            break first;
        }
    };
    assert!(first.contains("\"replay\""), "{first}");
    let beat = first.split("event: beat").nth(1).unwrap().split_once("data: ").unwrap().1;
    let beat: domain::feed::Change = serde_json::from_str(beat.trim()).unwrap();
    assert_eq!(beat.step(at.seq), domain::feed::Step::Ignore, "it stands for nothing that is still to come");
}
