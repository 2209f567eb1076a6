//! What a health check asks of a gateway.

use portreeve_core::snapshot::HealthQuestion;
use portreeve_openclaw::service::classify_definition;

use super::words::{base_name, simple_commands, split_words};

/// Programs that only look whether a process is there or a port is open, and those that always succeed.
const PROCESS_CHECKS: [&str; 15] =
    ["pgrep", "pidof", "ps", "kill", "nc", "ncat", "netcat", "ss", "netstat", "lsof", "test", "[", "true", ":", "exit"];

/// Programs that fetch a page.
const FETCHERS: [&str; 5] = ["curl", "wget", "http", "node", "bun"];

/// What a health check asks: `test` as Compose and engines have it, `["CMD", …]` or `["CMD-SHELL", script]`.
pub fn health_question(test: &[String]) -> HealthQuestion {
    let words = match test.split_first() {
        Some((kind, rest)) if kind == "CMD" => rest.to_vec(),
        Some((kind, rest)) if kind == "CMD-SHELL" => split_words(&rest.join(" ")),
        Some((kind, _)) if kind == "NONE" => return HealthQuestion::Unknown,
        Some(_) => test.to_vec(),
        None => return HealthQuestion::Unknown,
    };
    let shell = [&["sh".to_owned(), "-c".to_owned()][..], &[test.get(1..).unwrap_or_default().join(" ")]].concat();
    let commands = if test.first().is_some_and(|kind| kind == "CMD-SHELL") {
        simple_commands(&shell)
    } else {
        simple_commands(&words)
    };
    // A script may ask several things: the strictest of them decides.
    commands
        .iter()
        .map(|command| question(command))
        .max_by_key(|question| rank(*question))
        .unwrap_or(HealthQuestion::Unknown)
}

fn rank(question: HealthQuestion) -> u8 {
    match question {
        HealthQuestion::Unknown => 0,
        HealthQuestion::Process => 1,
        HealthQuestion::Liveness => 2,
        HealthQuestion::Startup => 3,
        HealthQuestion::Command => 4,
        HealthQuestion::Readiness => 5,
    }
}

fn question(command: &[String]) -> HealthQuestion {
    let has = |needle: &str| command.iter().any(|word| word.contains(needle));
    if has("/readyz") || command.iter().any(|word| path_is(word, "/ready")) {
        return HealthQuestion::Readiness;
    }
    if has("/startupz") {
        return HealthQuestion::Startup;
    }
    if has("/healthz") || command.iter().any(|word| path_is(word, "/health")) {
        return HealthQuestion::Liveness;
    }
    if let Some(started) = classify_definition(command, true)
        && started.name.is_some()
    {
        let asks = matches!(
            (started.name, started.action),
            (Some("health" | "status" | "doctor" | "channels"), _) | (Some("gateway"), Some(_))
        );
        return if asks { HealthQuestion::Command } else { HealthQuestion::Unknown };
    }
    let Some(program) = command.first().map(|program| base_name(program)) else { return HealthQuestion::Unknown };
    // The start page says no more than that something answers on the port.
    let fetches_start_page = FETCHERS.contains(&program) && (has("http://") || has("https://") || has("localhost:"));
    if PROCESS_CHECKS.contains(&program) || has("/dev/tcp/") || has(".connect(") || fetches_start_page {
        return HealthQuestion::Process;
    }
    HealthQuestion::Unknown
}

/// Whether a word names this path at its end, or before a query or a quote.
fn path_is(word: &str, path: &str) -> bool {
    word.match_indices(path).any(|(at, _)| {
        word.get(at + path.len()..)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_strictest_question_decides() {
        use HealthQuestion::{Command, Liveness, Process, Readiness, Startup, Unknown};
        for (test, expected) in [
            (&["CMD", "curl", "-f", "http://127.0.0.1:18789/healthz"][..], Liveness),
            (&["CMD-SHELL", "curl -fsS http://localhost:18789/readyz || exit 1"], Readiness),
            (&["CMD-SHELL", "wget -q -O- http://localhost:18789/ready"], Readiness),
            (&["CMD", "curl", "http://localhost:18789/startupz"], Startup),
            (
                &["CMD", "node", "-e", "fetch('http://127.0.0.1:18789/healthz').then((r)=>process.exit(r.ok?0:1))"],
                Liveness,
            ),
            (&["CMD-SHELL", "curl -f http://localhost:18789/health"], Liveness),
            (&["CMD-SHELL", "curl -f http://localhost:18789/ || exit 1"], Process),
            (&["CMD-SHELL", "pgrep -f openclaw"], Process),
            (&["CMD-SHELL", "nc -z localhost 18789"], Process),
            (&["CMD", "bash", "-c", "echo > /dev/tcp/127.0.0.1/18789"], Process),
            (&["CMD", "node", "dist/index.js", "health", "--json"], Command),
            (&["CMD", "openclaw", "channels", "status", "--probe"], Command),
            (&["CMD", "openclaw", "gateway", "status", "--require-rpc"], Command),
            (&["CMD", "/check.sh"], Unknown),
            (&["NONE"], Unknown),
            (&[], Unknown),
        ] {
            let test: Vec<String> = test.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(health_question(&test), expected, "{test:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(test in proptest::collection::vec("(CMD|CMD-SHELL|NONE|/ready|é|'|curl| ){0,6}", 0..5)) {
            health_question(&test);
        }
    }
}
