//! The environment files that every command and gateway of a state directory reads.

use portreeve_facts::read_environment;
use portreeve_openclaw::credentials::{EnvironmentFile, EnvironmentFileKind};
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::paths;

use crate::site::Site;

/// Reads them in their order. What is there and cannot be read is added to `blind`.
pub(crate) fn read(site: &Site, reader: &Reader, blind: &mut Vec<String>) -> Vec<EnvironmentFile> {
    let mut files = Vec::new();
    read_environment(&paths::state_dotenv(&site.path), EnvironmentFileKind::StateDotenv, reader, &mut files, blind);
    if let Some(home) = site.home().filter(|home| home.join(paths::STATE_DIR_NAME) == site.path) {
        let kind = EnvironmentFileKind::GatewayDotenv;
        read_environment(&paths::gateway_dotenv(home), kind, reader, &mut files, blind);
    }
    files
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_of_the_state_directory_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let site = Site::bare(home.join(paths::STATE_DIR_NAME));
        let mut blind = Vec::new();
        assert!(read(&site, &site.reader(), &mut blind).is_empty());
        fs::create_dir(&site.path).unwrap();
        fs::write(paths::state_dotenv(&site.path), "OPENCLAW_GATEWAY_PASSWORD=one\n").unwrap();
        let files = read(&site, &site.reader(), &mut blind);
        let [file] = files.as_slice() else { panic!("{files:?}") };
        assert_eq!(file.environment.text("OPENCLAW_GATEWAY_PASSWORD"), Some("one"));
        assert!(blind.is_empty(), "{blind:?}");
    }
}
