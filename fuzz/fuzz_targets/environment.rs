//! Dotenv files and the environment files of services.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::credentials::parse_dotenv;
use portreeve_openclaw::service::{parse_launchd, parse_systemd};

fuzz_target!(|data: &[u8]| {
    parse_dotenv(&String::from_utf8_lossy(data));
    let _ = parse_launchd(data);
    let _ = parse_systemd(data);
});
