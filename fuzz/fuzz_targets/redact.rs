//! Any text before it leaves a node: what is masked once stays as it is, and no planted token comes through.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_core::evidence::Redactor;
use portreeve_core::snapshot::Snapshot;
use portreeve_core::FingerprintKey;

const TOKEN: &str = "a7f3c0f1b9a7e4d2286d1c4ab70e9f3551c8e2b6";

fuzz_target!(|data: &[u8]| {
    let Ok(key) = FingerprintKey::new(&[7; 32]) else { return };
    let facts = include_bytes!("../seeds/diagnose/split.json");
    let Ok(facts) = serde_json::from_slice::<Snapshot>(facts) else { return };
    let mut redactor = Redactor::new(key, &facts, &[]);
    let text = String::from_utf8_lossy(data);
    let once = redactor.text(&text);
    assert_eq!(redactor.text(&once), once);
    for planted in [format!("{text} {TOKEN}"), format!("{TOKEN} {text}"), format!("token={TOKEN},{text}")] {
        assert!(!redactor.text(&planted).contains(TOKEN), "{planted:?}");
    }
});
