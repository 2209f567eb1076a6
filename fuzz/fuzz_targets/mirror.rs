//! Settings of sync clients, patterns, crontabs, scripts and command lines that copy.

#![no_main]

#[path = "../checks/mirror.rs"]
mod mirror;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mirror::check(data));
