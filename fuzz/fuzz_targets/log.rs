//! A line of a gateway log, as it is and as the message of a JSON line; where the full look finds a kind, the quick one
//! has called for it. Of JSON this holds in the gateway's own shape alone, which has no key twice.

#![no_main]

#[expect(dead_code, reason = "for the other targets")]
#[path = "../checks/openclaw.rs"]
mod openclaw;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| openclaw::log(data));
