//! The owner in a lock file.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/openclaw.rs"]
mod openclaw;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| openclaw::lock(data));
