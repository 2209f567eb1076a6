//! What `portreeve lint --format json` gave.

use std::process::Output;

use serde_json::Value;

/// What `portreeve lint --format json` gave.
#[derive(Debug)]
pub struct Linted {
    report: Value,
    status: i32,
    said: String,
}

impl Linted {
    pub(crate) fn new(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
        let report =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("no report ({error}): {said}"));
        let status = output.status.code().unwrap_or_else(|| panic!("portreeve was ended by {}", output.status));
        Self { report, status, said }
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.report["findings"].as_array().unwrap_or_else(|| panic!("no findings: {}", self.said)).iter()
    }

    /// Fails unless this is found, at a place in a file, and nothing else that is an error.
    pub fn assert_finds(&self, code: &str) {
        let found = self.findings().find(|finding| finding["code"] == code);
        let found = found.unwrap_or_else(|| panic!("no `{code}`\n{}", self.said));
        assert!(found.to_string().contains("\"line\""), "`{code}` has no place: {found}");
        let errors =
            self.findings().filter(|finding| finding["severity"] == "error" && finding["explained_by"].is_null());
        let others: Vec<&Value> = errors.filter(|finding| finding["code"] != code).collect();
        assert!(others.is_empty(), "beside `{code}`: {others:?}\n{}", self.said);
        assert_eq!(self.status == 0, found["severity"] != "error", "exit status {}\n{}", self.status, self.said);
    }

    /// Fails where there is an error.
    pub fn assert_clean(&self) {
        let errors: Vec<&Value> = self.findings().filter(|finding| finding["severity"] == "error").collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(self.status, 0, "{}", self.said);
    }
}
