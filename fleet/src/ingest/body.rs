//! Bodies: read within a deadline, unpacked within a bound, and all of them together within another.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use flate2::bufread::GzDecoder;
use http_body_util::BodyExt;
use portreeve_telemetry::otlp::PROTOBUF;

use super::Refusal;
use crate::AppState;

/// Bytes of bodies that are in memory.
#[derive(Default)]
pub struct Budget {
    used: AtomicUsize,
}

/// A share of the budget, given back when it is dropped.
struct Share {
    budget: Arc<Budget>,
    bytes: usize,
    max: usize,
}

/// A body, unpacked. Its share of the budget also stands for what is made of it, so it is kept until that is committed.
pub(super) struct Body {
    bytes: Vec<u8>,
    _share: Share,
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        // What was added goes back with the share.
        if before + bytes > self.max { Err(Refusal::Overloaded) } else { Ok(()) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads a body and unpacks it.
pub(super) async fn read(headers: &HeaderMap, body: axum::body::Body, state: &AppState) -> Result<Body, Refusal> {
    let limits = &state.config.limits;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let media = text(CONTENT_TYPE).and_then(|value| value.split(';').next()).map(str::trim);
    if !media.is_some_and(|media| media.eq_ignore_ascii_case(PROTOBUF)) {
        return Err(Refusal::Form("the body must be application/x-protobuf"));
    }
    let is_packed = match text(CONTENT_ENCODING).map(str::trim) {
        None | Some("" | "identity") if !headers.contains_key(CONTENT_ENCODING) => false,
        Some("identity") => false,
        Some(coding) if coding.eq_ignore_ascii_case("gzip") => true,
        _ => return Err(Refusal::Form("the body must be plain or gzip")),
    };
    let length: usize = text(CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or_default();
    let max = if is_packed { limits.body_bytes } else { limits.body_bytes.min(limits.unpacked_bytes) };
    if length > max {
        return Err(Refusal::TooLarge);
    }
    let mut share = Share { budget: Arc::clone(&state.bodies), bytes: 0, max: limits.bodies_bytes };
    let gathered = gather(body, length, max, &mut share);
    let gathered = tokio::time::timeout(limits.body(), gathered).await.map_err(|_| Refusal::Slow)??;
    let bytes = if is_packed { unpack(&gathered, limits.unpacked_bytes, &mut share)? } else { gathered };
    Ok(Body { bytes, _share: share })
}

async fn gather(mut body: axum::body::Body, length: usize, max: usize, share: &mut Share) -> Result<Vec<u8>, Refusal> {
    let mut gathered = Vec::with_capacity(length.min(64 * 1024));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::Malformed("the body ended early"))?;
        let Ok(data) = frame.into_data() else { continue };
        if gathered.len() + data.len() > max {
            return Err(Refusal::TooLarge);
        }
        share.grow(data.len())?;
        gathered.extend_from_slice(&data);
    }
    Ok(gathered)
}

fn unpack(packed: &[u8], max: usize, share: &mut Share) -> Result<Vec<u8>, Refusal> {
    const CHUNK: usize = 64 * 1024;
    let mut decoder = GzDecoder::new(packed);
    let mut unpacked = Vec::with_capacity(packed.len().saturating_mul(4).min(max).min(CHUNK));
    loop {
        let before = unpacked.len();
        // One byte more than may be shows that there is more.
        let room = CHUNK.min(max + 1 - before);
        let read = decoder.by_ref().take(room as u64).read_to_end(&mut unpacked);
        let read = read.map_err(|_| Refusal::Malformed("the body is not gzip"))?;
        share.grow(read)?;
        if unpacked.len() > max {
            return Err(Refusal::TooLarge);
        }
        if read < room {
            break;
        }
    }
    if !decoder.into_inner().is_empty() {
        return Err(Refusal::Malformed("something follows after the gzip member"));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn share(max: usize) -> Share {
        Share { budget: Arc::default(), bytes: 0, max }
    }

    #[test]
    fn what_fits_is_unpacked() {
        let bytes = vec![7; 200_000];
        assert_eq!(unpack(&packed(&bytes), 200_000, &mut share(usize::MAX >> 1)).unwrap(), bytes);
        assert_eq!(unpack(&packed(&[]), 10, &mut share(100)).unwrap(), Vec::<u8>::new());
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let bomb = packed(&vec![0; 50_000_000]);
        let mut share = share(usize::MAX >> 1);
        assert_eq!(unpack(&bomb, 1_000_000, &mut share).unwrap_err(), Refusal::TooLarge);
        assert!(share.bytes <= 1_000_001);
    }

    #[test]
    fn all_bodies_together_have_a_bound() {
        let budget: Arc<Budget> = Arc::default();
        let mut one = Share { budget: Arc::clone(&budget), bytes: 0, max: 100 };
        one.grow(80).unwrap();
        let mut other = Share { budget: Arc::clone(&budget), bytes: 0, max: 100 };
        assert_eq!(other.grow(30).unwrap_err(), Refusal::Overloaded);
        drop(other);
        drop(one);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_cut_or_goes_on_is_refused() {
        let whole = packed(b"hello hello hello");
        let cut = &whole[..whole.len() - 4];
        assert!(matches!(unpack(cut, 100, &mut share(1_000)), Err(Refusal::Malformed(_))));
        let more = [whole.as_slice(), b"x"].concat();
        assert!(matches!(unpack(&more, 100, &mut share(1_000)), Err(Refusal::Malformed(_))));
        assert!(matches!(unpack(b"plain", 100, &mut share(1_000)), Err(Refusal::Malformed(_))));
    }
}
