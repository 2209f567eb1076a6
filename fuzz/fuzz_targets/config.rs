//! OpenClaw's configuration.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::config::{LoadOptions, load};
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fuzz_target!(|data: &[u8]| {
    let file = DIRECTORY.path().join("openclaw.json");
    fs::write(&file, data).unwrap();
    if let Ok(config) = load(&file, &LoadOptions::new(&Reader::for_self(None))) {
        let environment = Environment::all([("NAME".to_owned(), "value".to_owned())]);
        config.env_vars();
        config.gateway(&environment);
        config.logging(&environment);
        config.channels();
        config.referenced_variables();
    }
});
