//! What pages refer to, embedded. The name of each holds a hash of its content, so that browsers may keep it for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// A file.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Where it is served.
    pub(crate) path: String,
    media_type: &'static str,
    content: &'static [u8],
}

/// All files.
#[derive(Debug)]
pub(crate) struct Assets {
    /// The style sheet.
    pub(crate) style: Asset,
    /// What keeps pages current.
    pub(crate) script: Asset,
    /// The icon.
    pub(crate) icon: Asset,
    /// Version of this program.
    pub(crate) version: &'static str,
}

/// The files of this program.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new("board", "css", "text/css; charset=utf-8", include_bytes!("../../assets/board.css")),
    script: Asset::new("board", "js", "text/javascript; charset=utf-8", include_bytes!("../../assets/board.js")),
    icon: Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    version: env!("CARGO_PKG_VERSION"),
});

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static [u8]) -> Self {
        let digest = Sha256::digest(content);
        let hash = hex(digest.get(..8).unwrap_or_default());
        Self { path: format!("/assets/{stem}-{hash}.{extension}"), media_type, content }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// `GET /assets/{name}`
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let Assets { style, script, icon, .. } = &*ASSETS;
    let asset = [style, script, icon].into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(&*name));
    match asset {
        Some(asset) => (
            [(header::CONTENT_TYPE, asset.media_type), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")],
            asset.content,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
