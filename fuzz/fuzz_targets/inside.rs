//! What a probe in a container is asked, what it answers, and what it reads there.

#![no_main]

#[path = "../checks/inside.rs"]
mod inside;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| inside::check(data));
