//! Configurations of reverse proxies.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::proxy::{Program, parse_text};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for program in [Program::Nginx, Program::Caddy] {
        for route in parse_text(program, "/etc/proxy", &text).routes {
            assert!(!route.front().host.is_empty());
        }
    }
});
