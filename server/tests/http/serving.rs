//! The serve loop: limits, probes, and the end of a node.

use crate::node::{Node, config};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn probes_answer() {
    let node = Node::start().await;
    for (path, words) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let response = reqwest::get(node.url(path)).await.unwrap();
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, words));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_told_to_come_back() {
    let mut config = config();
    config.http.connections = 3;
    let node = Node::with(config).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut socket = node.socket().await;
        socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        socket.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        held.push(socket);
    }
    let mut text = String::new();
    node.socket().await.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after"), "{text}");
    held.clear();
    // The seats come free when the server has seen the ends.
    loop {
        let mut socket = node.socket().await;
        let _ = socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let mut text = String::new();
        let _ = socket.read_to_string(&mut text).await;
        if text.starts_with("HTTP/1.1 200") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_is_cut() {
    let mut config = config();
    config.http.head_timeout = 200;
    let node = Node::with(config).await;
    let mut socket = node.socket().await;
    socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nslow:").await.unwrap();
    let mut text = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut text)).await;
    assert!(ended.is_ok(), "the connection is still open");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_bodies_have_limits() {
    let node = Node::start().await;
    let huge = "x".repeat(100_000);
    let mut socket = node.socket().await;
    let _ = socket.write_all(format!("GET / HTTP/1.1\r\nhost: x\r\nbig: {huge}\r\n\r\n").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    let (status, json) = node.client().api("account/sign_in", &[("email", &huge), ("password", "x")]).await;
    assert_eq!((status.as_u16(), json["code"].as_str()), (413, Some("too_large")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_ends_in_time_with_everything_open() {
    let node = Node::start().await;
    let mut held = Vec::new();
    for at in 0..200 {
        let mut socket = node.socket().await;
        // Half of them watch, half of them hold a connection without a request.
        if at % 2 == 0 {
            socket.write_all(b"GET /live/choices HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            socket.readable().await.unwrap();
        }
        held.push(socket);
    }
    let ended = tokio::time::timeout(Duration::from_secs(20), node.end()).await;
    std::fs::remove_dir_all(ended.expect("the node ends within its bound")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_do_not_share_a_data_folder() {
    let config = config();
    let data = config.data.clone();
    let _node = Node::with(config).await;
    let second = server::config::Config { data, ..crate::node::config() };
    let refused = server::application::Application::start(second, server::clock::Clock::system()).await;
    assert!(refused.err().is_some_and(|e| e.to_string().contains("another")), "the second process is refused in words");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_went_away_shows_the_board_and_clear_words() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    ana.go_online().await;
    let mut watcher = node.watch(None).await;
    watcher.next().await.unwrap();
    node.store.close().await;
    assert_eq!(reqwest::get(node.url("/readyz")).await.unwrap().status(), 503);
    let (status, json) = ana.api("presence/go_offline", &[]).await;
    assert_eq!((status.as_u16(), json["code"].as_str()), (503, Some("overloaded")), "not signed out, but told the truth");
    assert!(!json.to_string().contains("sql") && !json.to_string().contains("pool"), "the browser never sees a database's words: {json}");
    assert!(node.client().page("/").await.1.contains(&offer), "the board is served from memory");
}
