//! What `launchctl print`, `print-disabled`, `list` and `procinfo` print.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::launchd::{disabled, domain, list, procinfo, service};

fuzz_target!(|data: &[u8]| {
    let _ = service::parse(data).map(|print| print.value.state());
    let _ = domain::parse(data);
    let _ = disabled::parse(data);
    list::parse_table(data);
    list::parse_details(data);
    procinfo::parse(data);
});
