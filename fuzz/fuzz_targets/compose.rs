//! Compose projects, from their files to what is found in them.

#![no_main]

#[path = "../checks/compose.rs"]
mod compose;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| compose::check(data));
