//! `sw_vers`.

use portreeve_core::snapshot::SystemVersion;

use super::{Parsed, Unparsed};

/// Parses the version. `ProductVersionExtra` is there after a rapid security response.
///
/// ```text
/// ProductName:        macOS
/// ProductVersion:        13.4.1
/// ProductVersionExtra:    (a)
/// BuildVersion:        22F770820d
/// ```
pub fn parse(output: &[u8]) -> Parsed<Option<SystemVersion>> {
    let text = String::from_utf8_lossy(output);
    let (mut name, mut version, mut extra, mut build) = (None, None, None, None);
    let mut unparsed = Unparsed::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match line.split_once(':').map(|(key, value)| (key.trim(), value.trim())) {
            Some(("ProductName", value)) => name = Some(value),
            Some(("ProductVersion", value)) => version = Some(value),
            Some(("ProductVersionExtra", value)) => extra = Some(value),
            Some(("BuildVersion", value)) => build = Some(value),
            _ => unparsed.push(line),
        }
    }
    let value = name.zip(version).zip(build).map(|((name, version), build)| SystemVersion {
        name: name.to_owned(),
        version: extra.map_or_else(|| version.to_owned(), |extra| format!("{version} {extra}")),
        build: build.to_owned(),
    });
    Parsed { value, unparsed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rapid_response_is_part_of_the_version() {
        let parsed = parse(
            b"ProductName:\t\tmacOS\nProductVersion:\t\t13.4.1\nProductVersionExtra:\t(a)\nBuildVersion:\t22F7\nX\n",
        );
        let version = parsed.value.unwrap();
        assert_eq!((version.version.as_str(), version.build.as_str()), ("13.4.1 (a)", "22F7"));
        assert_eq!(parsed.unparsed.lines(), ["X"]);
        assert_eq!(parse(b"ProductName: macOS\n").value, None);
    }
}
