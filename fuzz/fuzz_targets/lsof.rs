//! What `lsof` prints, as a table and as fields.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::commands::lsof;

fuzz_target!(|data: &[u8]| {
    lsof::parse_fields(data);
    lsof::parse_table(data);
});
