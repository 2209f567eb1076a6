//! What `tmutil` prints.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::commands::tmutil;

fuzz_target!(|data: &[u8]| {
    tmutil::parse_destinations(data);
    let _ = tmutil::parse_destinations_xml(data);
    let _ = tmutil::parse_status(data);
    tmutil::parse_excluded(data);
    let _ = tmutil::parse_excluded_xml(data);
    tmutil::parse_snapshots(data);
    tmutil::parse_latest(data);
});
