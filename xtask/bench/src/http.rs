//! As much of HTTP/1.1 as a load generator needs.

use crate::Outcome;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A request with a body of form fields or plain text.
pub fn post(at: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("POST {path} HTTP/1.1\r\nhost: {at}\r\n{more}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A request without a body.
pub fn get(at: SocketAddr, path: &str, accept: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {at}\r\naccept: {accept}\r\n\r\n").into_bytes()
}

/// The fields of a form, percent-encoded.
pub fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect::<String>()
    };
    fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, as sent.
    pub head: String,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// The values of a header.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(':'));
        pairs.filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The answer at the start of `bytes`, if all of it is there.
    pub fn read(bytes: &[u8]) -> Option<Answer> {
        let (head, rest) = split_head(bytes)?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Answer { status, head: head.to_owned(), body: Vec::new() };
        let chunked = answer.headers("transfer-encoding").any(|v| v.eq_ignore_ascii_case("chunked"));
        let length = answer.headers("content-length").find_map(|v| v.parse::<usize>().ok());
        answer.body = match length {
            _ if chunked => unchunk(rest)?,
            Some(length) => rest.get(..length)?.to_vec(),
            None => Vec::new(),
        };
        Some(answer)
    }
}

/// Head and rest, once the empty line is there.
pub fn split_head(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    Some((std::str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 4..)?))
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = memchr::memchr(b'\n', bytes)?;
        let size = chunk_size(bytes.get(..line)?)?;
        bytes = bytes.get(line + 1..)?;
        if size == 0 {
            return bytes.starts_with(b"\r\n").then_some(body);
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size + 2..)?;
    }
}

/// The size that a chunk's first line tells.
pub fn chunk_size(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line).ok()?;
    usize::from_str_radix(text.split(';').next()?.trim(), 16).ok()
}

/// A connection that waits for each answer.
pub struct Client(TcpStream);

impl Client {
    /// Connects.
    pub fn connect(at: SocketAddr) -> Outcome<Self> {
        let socket = TcpStream::connect(at).map_err(|e| format!("connecting to {at}: {e}"))?;
        let settled = socket.set_nodelay(true).and_then(|()| socket.set_read_timeout(Some(Duration::from_secs(30))));
        settled.map(|()| Client(socket)).map_err(|e| e.to_string())
    }

    /// Sends a request and waits for its answer.
    pub fn call(&mut self, request: &[u8]) -> Outcome<Answer> {
        self.0.write_all(request).map_err(|e| format!("sending a request: {e}"))?;
        let (mut bytes, mut part) = (Vec::new(), [0; 16_384]);
        loop {
            match self.0.read(&mut part) {
                Ok(0) => return Err("the server closed the connection instead of answering".into()),
                Ok(n) => bytes.extend_from_slice(part.get(..n).unwrap_or_default()),
                Err(e) => return Err(format!("waiting for an answer: {e}")),
            }
            if let Some(answer) = Answer::read(&bytes) {
                return Ok(answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_when_they_are_whole() {
        let whole =
            b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=1; Path=/\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        for cut in 0..whole.len() {
            assert_eq!(Answer::read(&whole[..cut]), None, "cut at {cut}");
        }
        let answer = Answer::read(whole).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"abcde".as_slice()));
        assert_eq!(answer.headers("set-cookie").collect::<Vec<_>>(), ["sid=1; Path=/"]);
        assert_eq!(Answer::read(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok").unwrap().body, b"ok");
        assert_eq!(Answer::read(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().status, 204);
    }

    #[test]
    fn forms_are_encoded() {
        assert_eq!(form(&[("a", "x y&z"), ("b", "é")]), "a=x%20y%26z&b=%C3%A9");
    }
}
