//! What `tmutil` prints.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/observe.rs"]
mod observe;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| observe::tmutil(data));
