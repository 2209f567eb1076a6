//! What registries say, logins as engines' command lines keep them, references, and what is kept of the last time.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/observe.rs"]
mod observe;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| observe::registry(data));
