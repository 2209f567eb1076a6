//! Unit files and drop-ins of systemd.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/observe.rs"]
mod observe;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| observe::systemd_unit(data));
