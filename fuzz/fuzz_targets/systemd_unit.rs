//! Unit files and drop-ins of systemd.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use portreeve_observe::systemd::service::Specifiers;
use portreeve_observe::systemd::{Service, unit_file};

fuzz_target!(|data: &[u8]| {
    let home = Some(Path::new("/home/op"));
    let specifiers = Specifiers { unit: "openclaw-gateway.service", home, user: Some("op"), uid: 1000 };
    Service::from_files([&unit_file::parse(data)], &specifiers).keep_alive();
});
