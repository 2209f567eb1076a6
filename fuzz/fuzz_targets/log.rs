//! A line of a gateway log, as it is and as the message of a JSON line; where the full look finds a kind, the quick one
//! has called for it. Of JSON this holds in the gateway's own shape alone, which has no key twice.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::log::{EventKind, Form, classify, parse_line};

fuzz_target!(|data: &[u8]| {
    let message = serde_json::Value::from(String::from_utf8_lossy(data));
    let written = format!(r#"{{"0":"{{\"subsystem\":\"gateway\"}}","1":{message},"_meta":{{"logLevelId":3}}}}"#);
    for (line, is_written) in [(data, false), (written.as_bytes(), true)] {
        if let Some(event) = parse_line(line)
            && (is_written || event.form != Form::Json)
        {
            assert!(classify(line).recognised || event.kind == EventKind::Other, "{event:?}");
        }
    }
});
