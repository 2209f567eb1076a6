//! Whatever a snapshot says, there is a report and a picture of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_core::topology::Topology;
use portreeve_core::{Policy, Snapshot, diagnose};

fuzz_target!(|data: &[u8]| {
    if let Ok(snapshot) = serde_json::from_slice::<Snapshot>(data) {
        diagnose(&snapshot, &Policy::default());
        Topology::of(&snapshot);
    }
});
