use std::path::{Path, PathBuf};

use portreeve_compose::{MemoryFiles, Options, load};
use portreeve_core::Policy;
use portreeve_core::lint::lint;
use portreeve_observe::compose::{Reading, snapshot};
use portreeve_openclaw::file::Reader;

/// Where the project would be; nothing is there.
const FOLDER: &str = "/nowhere/project";

/// A project through all that `portreeve lint` does with it. The data are `compose.yaml`; a line `%% <path>` begins a further file.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut files = MemoryFiles::default();
    let mut name = "compose.yaml";
    for line in text.split_inclusive('\n') {
        if let Some(next) = line.strip_prefix("%% ") {
            name = next.trim();
            continue;
        }
        files.0.entry(Path::new(FOLDER).join(name)).or_default().push_str(line);
    }
    let options = Options { project_dir: Some(PathBuf::from(FOLDER)), all_profiles: true, ..Options::default() };
    let project = load(&options, &files);
    let reading = Reading {
        reader: Reader::sealed(),
        key: portreeve_observe::key::passing().unwrap(),
        shown_from: Some(PathBuf::from(FOLDER)),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let facts = snapshot(&[project], &reading, "0");
    let report = lint(&facts, &Policy::default());
    let findings = report.findings.iter().filter_map(|finding| finding.place.as_ref());
    for place in findings.chain(report.problems.iter().filter_map(|problem| problem.place.as_ref())) {
        assert!(place.line >= 1 && place.column >= 1, "{place}");
    }
    assert!(report.exit_status(true) >= report.exit_status(false).min(1));
    serde_json::to_string(&report).unwrap();
}
