//! Metrics as a node sends them, up to what would be stored.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/otlp.rs"]
mod otlp;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| otlp::check_metrics(data));
