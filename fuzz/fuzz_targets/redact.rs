//! Any text before it leaves a node: what is masked once stays as it is, and no planted token comes through.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/core.rs"]
mod core;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| core::redact(data));
