//! The floor: a program that answers a head and then writes every message to every socket, once, and does nothing else. Nobody who sends the
//! same bytes over the same sockets can do with less.

use crate::{Outcome, http};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr},
};

const LISTENER: Token = Token(usize::MAX);
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n";
const TAKEN: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Serves until it is killed.
pub fn serve(port: u16) -> Outcome {
    run(port).map_err(|e| format!("the floor program: {e}"))
}

fn run(port: u16) -> io::Result<()> {
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1_024));
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut asking, mut watching, mut next) = (HashMap::<Token, (TcpStream, Vec<u8>)>::new(), Vec::<TcpStream>::new(), 0);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut socket, _)) = listener.accept() {
                    socket.set_nodelay(true)?;
                    poll.registry().register(&mut socket, Token(next), Interest::READABLE)?;
                    asking.insert(Token(next), (socket, Vec::new()));
                    next += 1;
                }
                continue;
            }
            let Some((mut socket, mut bytes)) = asking.remove(&event.token()) else { continue };
            let mut part = [0; 4_096];
            match socket.read(&mut part) {
                Ok(0) => continue,
                Ok(n) => bytes.extend_from_slice(part.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => continue,
            }
            match request(&bytes) {
                Some(Asked::Watch) => {
                    socket.write_all(HEAD)?;
                    watching.push(socket);
                }
                Some(Asked::Publish(body)) => {
                    socket.write_all(TAKEN)?;
                    let frame = [b"event: change\ndata: ".as_slice(), body, b"\n\n"].concat();
                    // A reader whose buffer is full misses the message, and is seen to miss it; one that takes half of it is dropped.
                    watching.retain_mut(|w| match w.write(&frame) {
                        Ok(n) => n == frame.len(),
                        Err(e) => e.kind() == io::ErrorKind::WouldBlock,
                    });
                    asking.insert(event.token(), (socket, Vec::new()));
                }
                None => drop(asking.insert(event.token(), (socket, bytes))),
            }
        }
    }
}

enum Asked<'a> {
    Watch,
    Publish(&'a [u8]),
}

/// What is asked for, once all of it is there.
fn request(bytes: &[u8]) -> Option<Asked<'_>> {
    let (head, rest) = http::split_head(bytes)?;
    if head.starts_with("GET ") {
        return Some(Asked::Watch);
    }
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok()).unwrap_or(0);
    rest.get(..length).map(Asked::Publish)
}
