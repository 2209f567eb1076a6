//! What `sfltool`, `log show`, `pmset`, `sw_vers` and `xattr` print.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::commands::{log, pmset, sfltool, sw_vers, xattr};

fuzz_target!(|data: &[u8]| {
    sfltool::parse(data);
    log::parse(data);
    pmset::parse(data);
    pmset::parse_schedule(data);
    sw_vers::parse(data);
    xattr::parse_names(data);
    xattr::exclusion(data);
});
