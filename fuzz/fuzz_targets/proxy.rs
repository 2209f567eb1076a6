//! Configurations of reverse proxies, and the certificates that they name.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::proxy::{Program, certificate, parse_text};

fuzz_target!(|data: &[u8]| {
    let _ = certificate(data, None, jiff::Timestamp::UNIX_EPOCH);
    let text = String::from_utf8_lossy(data);
    for program in [Program::Nginx, Program::Caddy] {
        for route in parse_text(program, "/etc/proxy", &text).routes {
            assert!(!route.front().host.is_empty());
        }
    }
});
