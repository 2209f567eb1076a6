//! The state database; what begins like its log is its log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::state_db;

fuzz_target!(|data: &[u8]| {
    let log = data.windows(4).position(|word| matches!(word, b"\x37\x7f\x06\x82" | b"\x37\x7f\x06\x83"));
    let (database, log) = data.split_at(log.unwrap_or(data.len()));
    let _ = state_db::read(database, Some(log), 1 << 20);
});
