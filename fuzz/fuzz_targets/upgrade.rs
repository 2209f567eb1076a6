//! The answer to the HTTP upgrade.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::client::ResponseHead;

fuzz_target!(|data: &[u8]| {
    if let Ok(Some(head)) = ResponseHead::parse(data) {
        let _ = head.verify("dGhlIHNhbXBsZSBub25jZQ==");
        head.refusal(&data[head.length()..]);
    }
});
