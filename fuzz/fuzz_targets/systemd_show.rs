//! What `systemctl show` prints.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::systemd::show;

fuzz_target!(|data: &[u8]| {
    for shown in show::parse(data).value {
        shown.runtime("system");
    }
});
