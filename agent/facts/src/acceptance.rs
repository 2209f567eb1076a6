//! What the real command line said, as a fact.

use portreeve_core::snapshot::{AcceptanceOutcome, Refusal};
use portreeve_openclaw::acceptance::{Answer, Reason, parse};

use crate::ladder::channels;

/// What came of a run by its output; `ended` tells how it ended where it printed nothing that can be understood.
pub fn acceptance(output: &str, ended: &str) -> AcceptanceOutcome {
    match parse(output) {
        Ok(Answer::Accepted(status)) => match channels(&status) {
            Ok(channels) => AcceptanceOutcome::Accepted { channels },
            Err(why) => AcceptanceOutcome::Failed { why: why.to_owned() },
        },
        Ok(Answer::Refused(refused)) => AcceptanceOutcome::Refused {
            refusal: match refused.reason {
                Reason::Secret => Refusal::Secret,
                Reason::NoSecret => Refusal::NoSecret,
                Reason::Pairing => Refusal::Pairing,
                Reason::Plaintext => Refusal::Plaintext,
                Reason::Protocol => Refusal::Protocol,
                Reason::RateLimited => Refusal::RateLimited,
                Reason::Unreachable => Refusal::Unreachable,
                Reason::Other => Refusal::Other,
            },
            message: refused.message,
            close_code: refused.close_code,
        },
        Err(error) => AcceptanceOutcome::Failed { why: format!("{error}; {ended}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_a_refusal_and_neither() {
        let accepted = acceptance(r#"{"channelAccounts":{}}"#, "");
        assert!(matches!(accepted, AcceptanceOutcome::Accepted { channels } if channels.channels.is_empty()));
        let refused = acceptance(r#"{"gatewayReachable":false,"error":"gateway token mismatch"}"#, "");
        assert!(matches!(refused, AcceptanceOutcome::Refused { refusal: Refusal::Secret, close_code: None, .. }));
        let failed = acceptance("Segmentation fault", "it ended with signal 11");
        let why = "it printed no JSON; it ended with signal 11".to_owned();
        assert_eq!(failed, AcceptanceOutcome::Failed { why });
    }

    #[test]
    fn an_answer_in_part_is_no_acceptance() {
        let part = acceptance(r#"{"partial":true,"channelAccounts":{}}"#, "");
        assert!(matches!(part, AcceptanceOutcome::Failed { why } if why.starts_with("only a part")));
    }
}
