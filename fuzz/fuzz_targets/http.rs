//! Bodies of the HTTP probes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::http;

fuzz_target!(|data: &[u8]| {
    for status in [200, 404, 503] {
        http::liveness(status, data);
        http::startup(status, data);
        http::readiness(status, data);
    }
});
