//! What the tools of virtual machines and containers print.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::commands::{apple_container, colima, multipass};

fuzz_target!(|data: &[u8]| {
    let _ = apple_container::parse(data);
    colima::parse(data);
    let _ = multipass::parse(data);
});
