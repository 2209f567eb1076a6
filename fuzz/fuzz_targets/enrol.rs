//! What a node asks for a credential with.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/otlp.rs"]
mod otlp;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| otlp::check_enrolment(data));
