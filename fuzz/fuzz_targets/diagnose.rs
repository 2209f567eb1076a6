//! Whatever a snapshot says, there is a report and a picture of it.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/core.rs"]
mod core;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| core::snapshot(data));
