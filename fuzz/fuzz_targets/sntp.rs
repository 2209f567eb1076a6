//! What a time server answers.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use portreeve_observe::sntp;

fuzz_target!(|data: &[u8]| {
    // The question that the seeds answer.
    let _ = sntp::parse(data, 0x1234_5678_9abc_def0, Duration::from_secs(1_750_000_000), Duration::from_millis(40), "time.example");
});
