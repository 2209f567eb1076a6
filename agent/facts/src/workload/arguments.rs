//! Arguments without their secrets.

use portreeve_openclaw::log::{MASK, names_secret, redact};

/// Most arguments that are kept.
const MAX_ARGUMENTS: usize = 64;

/// Longest argument that is kept, in bytes.
const MAX_ARGUMENT: usize = 1024;

/// Arguments with anything that may be secret hidden: what follows `--token` and its like, `NAME=value` by the name, user and
/// password of URLs, and long random-looking words. It errs towards hiding. Bounded in number and length.
pub fn mask(argv: &[String]) -> Vec<String> {
    let mut masked = Vec::with_capacity(argv.len().min(MAX_ARGUMENTS));
    let mut is_value_of_secret = false;
    for argument in argv.iter().take(MAX_ARGUMENTS) {
        masked.push(if is_value_of_secret { MASK.to_owned() } else { mask_argument(argument) });
        is_value_of_secret = announces_secret(argument);
    }
    if argv.len() > MAX_ARGUMENTS {
        masked.push("…".to_owned());
    }
    masked
}

/// `--token=…` whole: redaction by words would end the value at the first character that is none of a word.
fn mask_argument(argument: &str) -> String {
    match argument.split_once('=') {
        Some((name, _)) if names_secret(name) && !name.contains(char::is_whitespace) => {
            format!("{}={MASK}", redact(name, MAX_ARGUMENT))
        }
        Some(_) | None => redact(argument, MAX_ARGUMENT),
    }
}

fn announces_secret(argument: &str) -> bool {
    argument.starts_with('-') && !argument.contains(['=', ' ']) && names_secret(argument)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn arguments_that_may_be_secret_are_masked() {
        let masked = |list: &[&str]| mask(&strings(list)).join(" ");
        let cases = [
            (&["node", "openclaw.mjs", "gateway", "--port", "18789"][..], "node openclaw.mjs gateway --port 18789"),
            (&["openclaw", "--token", "canary one", "--port", "1"], "openclaw --token *** --port 1"),
            (&["openclaw", "--gateway-token=canary/x+y z"], "openclaw --gateway-token=***"),
            (&["env", "OPENAI_API_KEY=canary.x", "HOME=/root"], "env OPENAI_API_KEY=*** HOME=/root"),
            (&["curl", "https://me:canary@host/x?token=canary"], "curl https://***@host/x?token=***"),
            (&["curl", "-H", "Authorization: Bearer canary"], "curl -H Authorization: Bearer ***"),
            (&["sh", "-c", "openclaw gateway --token canary --port 1"], "sh -c openclaw gateway --token *** --port 1"),
            (
                &["env", "DB_PASS=canary x", "PWD=/srv", "app", "--pass", "canary"],
                "env DB_PASS=*** PWD=/srv app --pass ***",
            ),
            (&["openclaw", "--token-file", "/run/t", "--password"], "openclaw --token-file /run/t --password"),
        ];
        for (argv, expected) in cases {
            assert_eq!(masked(argv), expected);
        }
        assert_eq!(mask(&vec!["x".to_owned(); 1_000]).len(), MAX_ARGUMENTS + 1);
    }

    proptest! {
        #[test]
        fn the_value_of_a_secret_option_never_shows(
            before in proptest::collection::vec("[ -~]{0,12}", 0..4),
            option in prop_oneof![Just("--token"), Just("--password"), Just("--gateway-token"), Just("--remote-password")],
            joined: bool,
        ) {
            const CANARY: &str = "Canary-0123456789";
            let mut argv = before;
            // An option before it would take this one for its value.
            argv.push("gateway".to_owned());
            if joined {
                argv.push(format!("{option}={CANARY}"));
            } else {
                argv.extend([option.to_owned(), CANARY.to_owned()]);
            }
            prop_assert!(!mask(&argv).join(" ").contains(CANARY));
        }

        #[test]
        fn masking_never_panics(argv in proptest::collection::vec("\\PC{0,60}", 0..8)) {
            prop_assert_eq!(mask(&argv).len(), argv.len());
        }
    }
}
