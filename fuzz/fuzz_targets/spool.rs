//! Files of the spool, as they may be after a crash or on a failing disk.

#![no_main]

#[path = "../checks/spool.rs"]
mod spool;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| spool::check(data));
