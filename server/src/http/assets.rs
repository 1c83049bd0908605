//! The built assets: hashed, compressed beforehand, kept by browsers for good. They are in the binary, or in a folder while working on them.

use super::AppState;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::{collections::HashMap, io, path::Path, sync::Arc};

/// One asset in the forms that clients can take.
#[derive(Clone, Debug, Default)]
struct Asset {
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    etag: String,
}

/// All assets, by address.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    files: Arc<HashMap<String, Asset>>,
    build: Arc<str>,
}

/// The assets in the binary.
#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../target/site"]
struct Embedded;

/// Whether whoever asks takes this coding.
pub(super) fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next() == Some(coding) && parts.all(|part| part != "q=0")
    })
}

impl Assets {
    /// The assets of a folder, or those in the binary when there is none. A binary without any serves pages without style and script.
    pub fn load(folder: Option<&Path>) -> io::Result<Self> {
        let mut raw = HashMap::new();
        match folder {
            Some(folder) => collect(folder, folder, &mut raw)
                .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}. `cargo xtask build` makes the assets.", folder.display())))?,
            None => embedded(&mut raw),
        }
        let build = raw.remove("/build.txt").map(|b| String::from_utf8_lossy(&b).trim().to_owned()).unwrap_or_else(|| "noren".into());
        let names: Vec<String> = raw.keys().filter(|n| !n.ends_with(".br") && !n.ends_with(".gz")).cloned().collect();
        let files = names
            .into_iter()
            .map(|name| {
                let form = |end: &str| raw.get(&format!("{name}{end}")).cloned();
                let plain = raw.get(&name).cloned().unwrap_or_default();
                let etag = format!("\"{}\"", crate::ids::fingerprint(&plain));
                let asset = Asset { brotli: form(".br"), gzip: form(".gz"), plain, etag };
                (name, asset)
            })
            .collect();
        Ok(Assets { files: Arc::new(files), build: build.into() })
    }

    /// The name of this build: the stem of its files in `/pkg`.
    pub fn build(&self) -> &str {
        &self.build
    }

    fn respond(&self, path: &str, headers: &HeaderMap) -> Response {
        let Some(asset) = self.files.get(path) else { return StatusCode::NOT_FOUND.into_response() };
        let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).unwrap_or_default();
        let mut response = if text(header::IF_NONE_MATCH).split(',').any(|t| t.trim().trim_start_matches("W/") == asset.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let (body, coding) = match (&asset.brotli, &asset.gzip) {
                (Some(body), _) if takes(headers, "br") => (body, Some("br")),
                (_, Some(body)) if takes(headers, "gzip") => (body, Some("gzip")),
                _ => (&asset.plain, None),
            };
            let mut response = Body::from(body.clone()).into_response();
            if let Some(coding) = coding {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            let kind = if path.ends_with(".webmanifest") {
                "application/manifest+json".to_owned()
            } else {
                let guess = mime_guess::from_path(path).first_or_octet_stream();
                if guess.type_() == "text" { format!("{guess}; charset=utf-8") } else { guess.to_string() }
            };
            if let Ok(kind) = HeaderValue::try_from(kind) {
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response
        };
        // Names in /pkg hold a hash of their content; the others are asked for anew.
        let cache = if path.starts_with("/pkg/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
            response.headers_mut().insert(header::ETAG, etag);
        }
        response
    }
}

#[cfg(feature = "embed")]
fn embedded(into: &mut HashMap<String, Bytes>) {
    for name in Embedded::iter() {
        if let Some(file) = Embedded::get(&name) {
            into.insert(format!("/{name}"), Bytes::from(file.data.into_owned()));
        }
    }
}

#[cfg(not(feature = "embed"))]
fn embedded(_: &mut HashMap<String, Bytes>) {}

fn collect(root: &Path, folder: &Path, into: &mut HashMap<String, Bytes>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, into)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            into.insert(format!("/{}", name.to_string_lossy()), Bytes::from(std::fs::read(&path)?));
        }
    }
    Ok(())
}

/// `/pkg/*`, and the files at the root of the site that there are.
pub fn routes(assets: &Assets) -> Router<AppState> {
    let root = assets.files.keys().filter(|name| !name.starts_with("/pkg/"));
    root.fold(Router::new().route("/pkg/{file}", get(file)), |router, name| router.route(name, get(file)))
}

async fn file(State(state): State<AppState>, request: Request<Body>) -> Response {
    state.assets.respond(request.uri().path(), request.headers())
}
