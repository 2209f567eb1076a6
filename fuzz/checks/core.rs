use portreeve_core::evidence::Redactor;
use portreeve_core::topology::Topology;
use portreeve_core::{FingerprintKey, Policy, Snapshot, diagnose};

/// A token as OpenClaw makes them.
const TOKEN: &str = "a7f3c0f1b9a7e4d2286d1c4ab70e9f3551c8e2b6";

/// Whatever a snapshot says, there is a report and a picture of it.
pub(crate) fn snapshot(data: &[u8]) {
    if let Ok(snapshot) = serde_json::from_slice::<Snapshot>(data) {
        let _ = (diagnose(&snapshot, &Policy::default()), Topology::of(&snapshot));
    }
}

/// Any text before it leaves a node: what is masked once stays as it is, and no planted token comes through.
pub(crate) fn redact(data: &[u8]) {
    let key = FingerprintKey::new(&[7; 32]).unwrap();
    let facts = serde_json::from_slice::<Snapshot>(include_bytes!("../seeds/diagnose/split.json")).unwrap();
    let mut redactor = Redactor::new(key, &facts, &[]);
    let text = String::from_utf8_lossy(data);
    let once = redactor.text(&text);
    assert_eq!(redactor.text(&once), once);
    for planted in [format!("{text} {TOKEN}"), format!("{TOKEN} {text}"), format!("token={TOKEN},{text}")] {
        assert!(!redactor.text(&planted).contains(TOKEN), "{planted:?}");
    }
}
