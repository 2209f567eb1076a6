//! What a running gateway says of the configuration on disk.

use std::time::Duration;

use portreeve_core::snapshot::{ConfigFacts, ConfigProblem};
use portreeve_openclaw::client::Connection;
use portreeve_openclaw::log::redact;
use serde::Deserialize;

/// How long the answer may take.
const DEADLINE: Duration = Duration::from_secs(8);
/// Most issues that are kept.
const MAX_ISSUES: usize = 16;
/// Most bytes that are kept of one.
const MAX_ISSUE_BYTES: usize = 300;

/// What it answers to `config.get`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Hash of the revision; none where it is not valid.
    pub hash: Option<String>,
    /// What is wrong with it, as `key: what`; the gateway goes on with the last revision that was valid.
    pub refused: Vec<String>,
}

/// What is taken of the answer; everything else of it is dropped while parsing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    config_revision_hash: Option<String>,
    #[serde(default)]
    valid: Option<bool>,
    #[serde(default)]
    issues: Vec<Issue>,
}

/// Something wrong with a key.
#[derive(Deserialize)]
struct Issue {
    path: String,
    message: String,
}

impl Written {
    /// Asks; none where there is no answer.
    pub(crate) async fn ask(connection: &mut Connection) -> Option<Self> {
        let asked: Result<Answer, _> = connection.request("config.get", &serde_json::json!({}), DEADLINE).await;
        asked.inspect_err(|error| tracing::debug!(%error, "config.get")).ok().map(Self::from)
    }

    /// Adds it to what was read of the file. Where that was found to be wrong before, with its place, nothing is said twice.
    pub fn note(self, config: &mut ConfigFacts) {
        config.hash = self.hash;
        if config.is_refused() {
            return;
        }
        let path = config.path.clone();
        let problem = |message| ConfigProblem { path: path.clone(), line: None, column: None, message, fatal: true };
        config.problems.extend(self.refused.into_iter().map(problem));
    }
}

impl From<Answer> for Written {
    fn from(answer: Answer) -> Self {
        let mut refused = Vec::new();
        if answer.valid == Some(false) {
            let issues = answer.issues.iter().take(MAX_ISSUES);
            refused
                .extend(issues.map(|issue| redact(&format!("`{}`: {}", issue.path, issue.message), MAX_ISSUE_BYTES)));
            if refused.is_empty() {
                refused.push("the running gateway says that it is not valid".to_owned());
            }
        }
        Self { hash: answer.config_revision_hash, refused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answer: &str) -> Written {
        serde_json::from_str::<Answer>(answer).unwrap().into()
    }

    #[test]
    fn what_the_gateway_refuses_is_kept_with_its_key() {
        let said = said(
            r#"{"valid":false,"configRevisionHash":null,"raw":null,"config":{"a":1},
               "issues":[{"path":"cron.enabled","message":"Invalid input: expected boolean","allowedValues":["true"]}]}"#,
        );
        assert_eq!(
            said,
            Written { hash: None, refused: vec!["`cron.enabled`: Invalid input: expected boolean".to_owned()] }
        );
    }

    #[test]
    fn a_valid_revision_has_a_hash_and_nothing_else() {
        let valid =
            said(r#"{"valid":true,"configRevisionHash":"hmac-sha256:v1:a","issues":[{"path":"a","message":"b"}]}"#);
        assert_eq!(valid, Written { hash: Some("hmac-sha256:v1:a".to_owned()), refused: Vec::new() });
        assert_eq!(said("{}"), Written::default());
    }

    #[test]
    fn one_that_does_not_say_why_is_refused_all_the_same() {
        assert_eq!(said(r#"{"valid":false}"#).refused.len(), 1);
    }
}
