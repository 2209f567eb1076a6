//! The owner in a lock file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::lock::parse_owner;

fuzz_target!(|data: &[u8]| {
    let _ = parse_owner(data);
});
