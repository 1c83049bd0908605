//! Server-sent events out of the bytes of one HTTP/1 answer, cut anywhere. Ten thousand of these share one core, so nothing is copied that
//! does not have to wait for its other half.

use crate::http::{chunk_size, split_head};

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Came<'a> {
    /// The head: the stream is open.
    Open,
    /// The content of a `data:` line, cut at the length that is kept.
    Data(&'a [u8]),
}

#[derive(Clone, Copy)]
enum State {
    Head,
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    Unframed,
}

/// The decoder of one stream.
pub struct Decoder {
    state: State,
    /// What was seen of an unfinished head, chunk size or line.
    partial: Vec<u8>,
    /// How much of a line is kept.
    keep: usize,
}

impl Decoder {
    /// A decoder that hands out at most the first `keep` bytes of a line.
    pub const fn new(keep: usize) -> Self {
        Decoder { state: State::Head, partial: Vec::new(), keep }
    }

    /// Takes the next bytes. Errors: the answer is no stream, or it has ended.
    pub fn take(&mut self, mut bytes: &[u8], came: &mut impl FnMut(Came<'_>)) -> Result<(), String> {
        while !bytes.is_empty() {
            match self.state {
                State::Head => {
                    let before = self.partial.len();
                    self.partial.extend_from_slice(bytes);
                    let Some((head, rest)) = split_head(&self.partial) else { return Ok(()) };
                    if !(head.starts_with("HTTP/1.") && head.get(8..12) == Some(" 200")) {
                        return Err(format!("a stream was refused: {}", head.lines().next().unwrap_or_default()));
                    }
                    let chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
                    let used = self.partial.len() - rest.len() - before;
                    self.state = if chunked { State::ChunkSize } else { State::Unframed };
                    self.partial = Vec::new();
                    came(Came::Open);
                    bytes = bytes.get(used..).unwrap_or_default();
                }
                State::ChunkSize => {
                    let Some(end) = memchr::memchr(b'\n', bytes) else {
                        self.keep_rest(bytes);
                        return Ok(());
                    };
                    let (line, rest) = bytes.split_at(end);
                    self.keep_rest(line);
                    let size = chunk_size(&self.partial).ok_or("a chunk without a size")?;
                    self.partial.clear();
                    if size == 0 {
                        return Err("the server ended a stream".into());
                    }
                    self.state = State::Chunk(size);
                    bytes = rest.get(1..).unwrap_or_default();
                }
                State::Chunk(left) => {
                    let (now, rest) = bytes.split_at(left.min(bytes.len()));
                    self.state = if now.len() == left { State::ChunkEnd } else { State::Chunk(left - now.len()) };
                    // A line that goes on in the next chunk would mix with the chunk's size; every server here ends chunks with whole events.
                    self.lines(now, came);
                    bytes = rest;
                }
                State::ChunkEnd => {
                    let line = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| {
                        self.state = State::ChunkSize;
                        end + 1
                    });
                    bytes = bytes.get(line..).unwrap_or_default();
                }
                State::Unframed => {
                    self.lines(bytes, came);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn keep_rest(&mut self, bytes: &[u8]) {
        let room = self.keep.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn lines(&mut self, mut bytes: &[u8], came: &mut impl FnMut(Came<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            if self.partial.is_empty() {
                data(line.get(..self.keep.min(line.len())).unwrap_or_default(), came);
            } else {
                self.keep_rest(line);
                data(&self.partial, came);
                self.partial.clear();
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.keep_rest(bytes);
    }
}

fn data(line: &[u8], came: &mut impl FnMut(Came<'_>)) {
    if let Some(content) = line.strip_prefix(b"data:") {
        came(Came::Data(content.trim_ascii()));
    }
}

/// The number behind a key of JSON text, near its start.
pub fn number(json: &[u8], key: &str) -> Option<u64> {
    let at = json.windows(key.len()).position(|w| w == key.as_bytes())?;
    let digits = json.get(at + key.len()..)?;
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(parts: &[&[u8]], keep: usize) -> Result<Vec<String>, String> {
        let (mut decoder, mut seen) = (Decoder::new(keep), Vec::new());
        for part in parts {
            decoder.take(part, &mut |came| {
                seen.push(match came {
                    Came::Open => "open".to_owned(),
                    Came::Data(data) => String::from_utf8(data.to_vec()).unwrap(),
                });
            })?;
        }
        Ok(seen)
    }

    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        6\r\n: hi\n\n\r\n29\r\nevent: change\ndata: {\"from\":7,\"to\":9}\nx\n\n\r\n9\r\ndata: z\n\n\r\n";

    #[test]
    fn events_are_found_wherever_the_bytes_are_cut() {
        for cut in 0..CHUNKED.len() {
            let (a, b) = CHUNKED.split_at(cut);
            assert_eq!(decode(&[a, b], 128).unwrap(), ["open", "{\"from\":7,\"to\":9}", "z"], "cut at {cut}");
        }
        let single: Vec<&[u8]> = CHUNKED.chunks(1).collect();
        assert_eq!(decode(&single, 16).unwrap(), ["open", "{\"from\":7,", "z"]);
    }

    #[test]
    fn unframed_streams_are_read_too() {
        let stream = b"HTTP/1.0 200 OK\r\n\r\ndata: a\n\ndata: b\n\n";
        assert_eq!(decode(&[stream], 128).unwrap(), ["open", "a", "b"]);
    }

    #[test]
    fn refusals_and_ends_are_told() {
        assert!(decode(&[b"HTTP/1.1 503 Service Unavailable\r\n\r\n"], 128).unwrap_err().contains("503"));
        assert!(decode(&[CHUNKED, b"0\r\n\r\n"], 128).unwrap_err().contains("ended"));
    }

    #[test]
    fn numbers_are_found() {
        assert_eq!(number(b"{\"from\":7,\"to\":19,\"cards\":[]}", "\"to\":"), Some(19));
        assert_eq!(number(b"{\"epoch\":\"x\",\"seq\":3}", "\"to\":"), None);
    }
}
