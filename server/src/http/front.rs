//! The front page, ready: `/` as a visitor without an account gets it, rendered once for each position of the board, and handed out to each with a nonce
//! of its own.
//!
//! What stands between the nonces is shared by all answers, as it is and deflated. A deflated piece refers to nothing before it and ends on a byte, so a
//! nonce fits in between as a block that is stored as it is (RFC 1951, 3.2.4), and the pieces together are one gzip member (RFC 1952).

use super::{AppState, assets::takes, visitor};
use crate::ids;
use axum::{
    Router,
    body::{Body, to_bytes},
    response::Response,
};
use bytes::Bytes;
use domain::feed::Cursor;
use flate2::{Compress, Compression, Crc, FlushCompress};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body::{Frame, SizeHint};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tower::ServiceExt;

/// How long a page is handed out though nothing changed.
const AGE: Duration = Duration::from_secs(30);
/// Longest page that is kept, in bytes.
const PAGE_MAX: usize = 4 * 1_024 * 1_024;
/// The head of a gzip member: deflate, no name, no time, system unknown.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty block that is the last one.
const LAST: [u8; 2] = [0x03, 0x00];

/// All that decides what the page looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shows {
    cursor: Cursor,
    frozen: bool,
    down: bool,
}

impl Shows {
    fn now(state: &AppState) -> Self {
        Shows { cursor: state.hub.read(|board| board.cursor), frozen: state.store.is_frozen(), down: state.store.is_down() }
    }
}

/// A part of the page between two nonces.
struct Piece {
    plain: Bytes,
    deflated: Bytes,
    crc: Crc,
}

/// A page that was rendered.
struct Page {
    shows: Shows,
    made_at: Instant,
    headers: HeaderMap,
    /// The policy before the nonce and after it.
    policy: [String; 2],
    pieces: Vec<Piece>,
}

/// The front page of a node.
#[derive(Default)]
pub struct Front {
    page: RwLock<Option<Arc<Page>>>,
    /// Held while one is rendered: whoever comes meanwhile waits for that one.
    renders: tokio::sync::Mutex<()>,
}

/// Whether a request asks for the page that everybody without an account gets.
pub fn is_meant<B>(state: &AppState, request: &Request<B>) -> bool {
    request.method() == Method::GET
        && request.uri().path() == "/"
        && request.uri().query().is_none()
        && visitor::token(state, request.headers()).is_none()
}

impl Front {
    /// The page as it is now, or nothing when it cannot be kept: then it is rendered as any other.
    pub async fn answer(&self, state: &AppState, router: &Router, headers: &HeaderMap) -> Option<Response> {
        let page = match self.kept(Shows::now(state)) {
            Some(page) => page,
            None => {
                let _one = self.renders.lock().await;
                match self.kept(Shows::now(state)) {
                    Some(page) => page,
                    None => self.render(state, router, headers).await?,
                }
            }
        };
        Some(page.answer(takes(headers, "gzip")))
    }

    fn kept(&self, shows: Shows) -> Option<Arc<Page>> {
        let page = self.page.read().unwrap_or_else(PoisonError::into_inner);
        page.as_ref().filter(|page| page.shows == shows && page.made_at.elapsed() < AGE).cloned()
    }

    async fn render(&self, state: &AppState, router: &Router, headers: &HeaderMap) -> Option<Arc<Page>> {
        let before = Shows::now(state);
        let mut request = Request::builder().uri("/").header(header::ACCEPT, "text/html");
        if let Some(host) = headers.get(header::HOST) {
            request = request.header(header::HOST, host);
        }
        let response = router.clone().oneshot(request.body(Body::empty()).ok()?).await.unwrap_or_else(|never| match never {});
        if response.status() != StatusCode::OK {
            return None;
        }
        let (mut head, body) = response.into_parts();
        let body = to_bytes(body, PAGE_MAX).await.ok()?;
        let policy = head.headers.remove(header::CONTENT_SECURITY_POLICY)?;
        let (start, rest) = policy.to_str().ok()?.split_once("'nonce-")?;
        let (nonce, end) = rest.split_once('\'')?;
        // They are made anew for each answer.
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.remove(header::DATE);
        head.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        let page = Arc::new(Page {
            shows: before,
            made_at: Instant::now(),
            headers: head.headers,
            policy: [format!("{start}'nonce-"), format!("'{end}")],
            pieces: pieces(&body, nonce.as_bytes()),
        });
        // What changed while it was rendered may be on it or not: it is good for this answer, and not kept.
        if Shows::now(state) == before {
            *self.page.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&page));
        }
        Some(page)
    }
}

/// The page cut at its nonces.
fn pieces(body: &Bytes, nonce: &[u8]) -> Vec<Piece> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    let ends: Vec<usize> = memchr::memmem::find_iter(body, nonce).chain([body.len()]).collect();
    for end in ends {
        let plain = body.slice(from.min(end)..end);
        let mut crc = Crc::new();
        crc.update(&plain);
        pieces.push(Piece { deflated: deflate(&plain), crc, plain });
        from = end.saturating_add(nonce.len());
    }
    pieces
}

/// Deflates by itself, to the end of a byte.
fn deflate(plain: &[u8]) -> Bytes {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(plain.len() / 3 + 64);
    loop {
        let taken = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let before = out.len();
        out.reserve(4_096);
        // It only fails when it is called again after its end.
        let done = compress.compress_vec(plain.get(taken..).unwrap_or_default(), &mut out, FlushCompress::Sync);
        let all = usize::try_from(compress.total_in()).is_ok_and(|taken| taken == plain.len());
        // There was room left, so nothing is held back.
        if done.is_err() || (all && out.len() < out.capacity()) || (all && out.len() == before) {
            return Bytes::from(out);
        }
    }
}

/// A block that is stored as it is. Nonces are shorter than the most that it can hold.
fn stored(bytes: &[u8]) -> Bytes {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    Bytes::from([&[0], &length.to_le_bytes()[..], &(!length).to_le_bytes()[..], bytes].concat())
}

impl Page {
    fn answer(&self, gzip: bool) -> Response {
        let nonce = ids::nonce();
        let mut frames = Vec::with_capacity(self.pieces.len().saturating_mul(2).saturating_add(2));
        if gzip {
            let (mut own, mut crc) = (Crc::new(), Crc::new());
            own.update(nonce.as_bytes());
            let block = stored(nonce.as_bytes());
            frames.push(Bytes::from_static(&GZIP));
            for (n, piece) in self.pieces.iter().enumerate() {
                if n > 0 {
                    frames.push(block.clone());
                    crc.combine(&own);
                }
                frames.push(piece.deflated.clone());
                crc.combine(&piece.crc);
            }
            frames.push(Bytes::from([&LAST[..], &crc.sum().to_le_bytes()[..], &crc.amount().to_le_bytes()[..]].concat()));
        } else {
            let own = Bytes::copy_from_slice(nonce.as_bytes());
            for (n, piece) in self.pieces.iter().enumerate() {
                if n > 0 {
                    frames.push(own.clone());
                }
                frames.push(piece.plain.clone());
            }
        }
        let length = frames.iter().map(Bytes::len).sum::<usize>();
        let mut response = Response::new(Body::new(Frames { frames: frames.into_iter(), length }));
        *response.headers_mut() = self.headers.clone();
        let [start, end] = &self.policy;
        if let Ok(policy) = HeaderValue::try_from(format!("{start}{nonce}{end}")) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        if gzip {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// Shared bytes, one after the other.
struct Frames {
    frames: std::vec::IntoIter<Bytes>,
    length: usize,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.frames.next();
        self.length = self.length.saturating_sub(next.as_ref().map_or(0, Bytes::len));
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.length).unwrap_or(u64::MAX))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn page(body: &[u8], nonce: &str) -> Page {
        Page {
            shows: Shows { cursor: Cursor { epoch: domain::id::Epoch(uuid::Uuid::nil()), seq: 0 }, frozen: false, down: false },
            made_at: Instant::now(),
            headers: HeaderMap::new(),
            policy: ["script-src 'nonce-".into(), "'".into()],
            pieces: pieces(&Bytes::copy_from_slice(body), nonce.as_bytes()),
        }
    }

    async fn read(response: Response) -> (String, Vec<u8>) {
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let nonce = policy.split('\'').nth(1).unwrap().trim_start_matches("nonce-").to_owned();
        (nonce, to_bytes(response.into_body(), PAGE_MAX).await.unwrap().to_vec())
    }

    proptest! {
        /// Whatever the page, both forms of it say the same, with the nonce of the answer wherever that of the rendering stood.
        #[test]
        fn every_answer_is_the_page_with_a_nonce_of_its_own(parts in prop::collection::vec("[a-z<>\" ]{0,400}", 1..6), many in 1usize..200) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let body = parts.iter().map(|part| part.repeat(many)).collect::<Vec<_>>().join("NONCE");
                let page = page(body.as_bytes(), "NONCE");
                let (nonce, plain) = read(page.answer(false)).await;
                assert_eq!(String::from_utf8(plain).unwrap(), body.replace("NONCE", &nonce));
                let (other, packed) = read(page.answer(true)).await;
                let mut text = String::new();
                flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
                assert_eq!(text, body.replace("NONCE", &other));
                assert_ne!(nonce, other);
            });
        }
    }
}
