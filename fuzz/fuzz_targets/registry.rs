//! What registries say, logins as engines' command lines keep them, references, and what is kept of the last time.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use portreeve_core::ImageReference;
use portreeve_observe::registry::{challenges, logins, manifest, retry_after};
use portreeve_observe::images;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(reference) = ImageReference::parse(&text) {
        let again = ImageReference::parse(&reference.normal()).unwrap();
        assert_eq!(again.normal(), reference.normal());
    }
    for challenge in challenges(&text) {
        assert!(!challenge.scheme.is_empty());
    }
    let _ = (manifest(data, "linux/arm64"), logins(data), retry_after(&text, Timestamp::UNIX_EPOCH));
    if let Ok(kept) = images::parse(data) {
        for check in &kept.images {
            let _ = portreeve_core::images::standing(&[], Some(check));
        }
        let next = kept.runs.next(Timestamp::UNIX_EPOCH, 604_800, 0);
        assert!(next >= Timestamp::MIN);
    }
});
