//! What `launchctl` means when it ends with something else than 0.

use crate::command::{CommandError, Output};

/// Why `launchctl` gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The domain is there and does not hold the job (113).
    ServiceNotFound,
    /// There is no such domain (112), as `gui/<uid>` without a login at the screen.
    DomainNotFound,
    /// The domain does not do that, or is not there (125).
    DomainUnsupported,
    /// Permission was refused.
    NotPermitted,
    /// Anything else.
    Other {
        /// Exit status.
        status: i32,
        /// The last line of its complaint.
        text: String,
    },
}

impl Refusal {
    /// The refusal behind an error; none where `launchctl` did not get to answer.
    pub fn of(error: &CommandError) -> Option<Self> {
        let (status, output) = error.exit()?;
        Some(Self::from_exit(status, output))
    }

    /// Classifies an exit status with its output. The words decide, for the numbers changed between releases.
    ///
    /// ```text
    /// Bad request.
    /// Could not find service "ai.openclaw.gateway" in domain for user gui: 501
    /// ```
    pub fn from_exit(status: i32, output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stderr);
        if text.contains("Could not find service") {
            return Self::ServiceNotFound;
        }
        if text.contains("Could not find domain") {
            return Self::DomainNotFound;
        }
        if text.contains("Domain does not support specified action") {
            return Self::DomainUnsupported;
        }
        if text.contains("not permitted") || text.contains("ot privileged") || text.contains("Permission denied") {
            return Self::NotPermitted;
        }
        match status {
            113 => Self::ServiceNotFound,
            112 => Self::DomainNotFound,
            125 => Self::DomainUnsupported,
            _ => {
                let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
                Self::Other { status, text: last.trim().chars().take(200).collect() }
            }
        }
    }

    /// Whether the domain is not there.
    pub fn is_domain_absent(&self) -> bool {
        matches!(self, Self::DomainNotFound | Self::DomainUnsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_before_numbers() {
        let refusal =
            |status, stderr: &str| Refusal::from_exit(status, &Output { stdout: Vec::new(), stderr: stderr.into() });
        assert_eq!(refusal(3, "Could not find service \"x\" in domain for system"), Refusal::ServiceNotFound);
        assert_eq!(refusal(113, "Bad request.\nCould not find domain for user gui: 1"), Refusal::DomainNotFound);
        assert_eq!(refusal(125, ""), Refusal::DomainUnsupported);
        assert_eq!(refusal(1, "Not privileged to inspect\n"), Refusal::NotPermitted);
        assert_eq!(refusal(64, "a\nUnrecognized\n"), Refusal::Other { status: 64, text: "Unrecognized".to_owned() });
    }
}
