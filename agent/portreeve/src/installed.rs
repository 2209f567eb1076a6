//! Where the package puts things, and what the property lists in `launchd/` say. A test compares both.
//!
//! Plain constants and nothing else, so that the builder of the package can include this file.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the builder of the package and the tests use what this program does not"
)]

/// The label of the agent's job, and the identifier of the package.
pub const AGENT_LABEL: &str = "dev.portreeve.agent";
/// The beginning of the labels of gates.
pub const GATE_LABEL: &str = "dev.portreeve.gate";
/// The program.
pub const PROGRAM: &str = "/usr/local/bin/portreeve";
/// The folder of the probes for containers.
pub const PROBE_DIR: &str = "/usr/local/libexec/portreeve";
/// The folder of daemons' property lists.
pub const LAUNCH_DAEMONS: &str = "/Library/LaunchDaemons";
/// The agent's property list.
pub const AGENT_PLIST: &str = "/Library/LaunchDaemons/dev.portreeve.agent.plist";
/// The folder of logs.
pub const LOG_DIR: &str = "/Library/Logs/Portreeve";
/// What the agent says before it can reach the unified log.
pub const AGENT_LOG: &str = "/Library/Logs/Portreeve/agent.log";
/// The rule by which logs are rotated.
pub const NEWSYSLOG_RULE: &str = "/etc/newsyslog.d/portreeve.conf";
/// The folder of the agent's own state where it runs as root.
pub const DATA_DIR: &str = "/var/db/portreeve";
/// The folder of configuration.
pub const CONFIG_DIR: &str = "/etc/portreeve";
/// Seconds between two starts of the agent (`ThrottleInterval`).
pub const AGENT_THROTTLE_S: u64 = 10;
/// Seconds that the agent has to end (`ExitTimeOut`).
pub const AGENT_EXIT_TIMEOUT_S: u64 = 20;
/// Most files that the agent has open (`SoftResourceLimits`).
pub const AGENT_OPEN_FILES: u64 = 1024;
/// Seconds between two starts of a gate.
pub const GATE_THROTTLE_S: u64 = 10;
/// Seconds between two starts of a gate for a Compose project.
pub const COMPOSE_THROTTLE_S: u64 = 30;
/// Seconds that a gate has to end.
pub const GATE_EXIT_TIMEOUT_S: u64 = 25;
/// Seconds that a gate gives its command (`gate --stop-timeout`).
pub const GATE_STOP_TIMEOUT_S: u64 = 18;
/// Permissions that new files are made without.
pub const UMASK: u64 = 0o077;

#[cfg(test)]
mod tests {
    use plist::{Dictionary, Value};

    use super::*;

    const AGENT: &[u8] = include_bytes!("../../../launchd/dev.portreeve.agent.plist");
    const GATE: &[u8] = include_bytes!("../../../launchd/dev.portreeve.gate.plist");
    const COMPOSE: &[u8] = include_bytes!("../../../launchd/dev.portreeve.gate.compose.plist");
    const RULE: &str = include_str!("../../../launchd/portreeve.newsyslog.conf");
    const README: &str = include_str!("../../../launchd/README.md");

    fn parse(bytes: &[u8]) -> Dictionary {
        Value::from_reader_xml(bytes).unwrap().into_dictionary().unwrap()
    }

    fn text<'a>(list: &'a Dictionary, key: &str) -> &'a str {
        list.get(key).and_then(Value::as_string).unwrap_or_else(|| panic!("{key}"))
    }

    fn number(list: &Dictionary, key: &str) -> u64 {
        list.get(key).and_then(Value::as_unsigned_integer).unwrap_or_else(|| panic!("{key}"))
    }

    fn words(list: &Dictionary) -> Vec<&str> {
        list["ProgramArguments"].as_array().unwrap().iter().map(|word| word.as_string().unwrap()).collect()
    }

    #[test]
    fn the_agents_list_says_what_the_code_says() {
        let list = parse(AGENT);
        assert_eq!(text(&list, "Label"), AGENT_LABEL);
        assert_eq!(words(&list), [PROGRAM, "run"]);
        assert_eq!((list["RunAtLoad"].as_boolean(), list["KeepAlive"].as_boolean()), (Some(true), Some(true)));
        assert_eq!(number(&list, "ThrottleInterval"), AGENT_THROTTLE_S);
        assert_eq!(number(&list, "ExitTimeOut"), AGENT_EXIT_TIMEOUT_S);
        assert_eq!(number(&list, "Umask"), UMASK);
        assert_eq!(text(&list, "StandardErrorPath"), AGENT_LOG);
        let soft = list["SoftResourceLimits"].as_dictionary().unwrap();
        let hard = list["HardResourceLimits"].as_dictionary().unwrap();
        assert_eq!((number(soft, "NumberOfFiles"), number(soft, "Core")), (AGENT_OPEN_FILES, 0));
        assert!(number(hard, "NumberOfFiles") >= AGENT_OPEN_FILES);
        assert_eq!(AGENT_PLIST, format!("{LAUNCH_DAEMONS}/{AGENT_LABEL}.plist"));
        assert!(AGENT_LOG.starts_with(LOG_DIR));
    }

    #[test]
    fn the_gates_lists_say_what_the_code_says() {
        let gate = parse(GATE);
        let stop = GATE_STOP_TIMEOUT_S.to_string();
        assert_eq!(words(&gate), [PROGRAM, "gate", "--stop-timeout", &stop, "--"]);
        assert_eq!(number(&gate, "ThrottleInterval"), GATE_THROTTLE_S);
        let compose = parse(COMPOSE);
        assert_eq!(words(&compose), [PROGRAM, "gate", "--timeout", "600", "--compose"]);
        assert_eq!(number(&compose, "ThrottleInterval"), COMPOSE_THROTTLE_S);
        assert_eq!(number(&compose, "Umask"), UMASK);
        assert!(!gate.contains_key("Umask"), "a gateway's files may be meant for others");
        for list in [gate, compose] {
            assert_eq!(text(&list, "Label"), GATE_LABEL);
            assert_eq!(number(&list, "ExitTimeOut"), GATE_EXIT_TIMEOUT_S);
            let keep = list["KeepAlive"].as_dictionary().unwrap();
            assert_eq!(keep.iter().collect::<Vec<_>>(), [(&"SuccessfulExit".to_owned(), &Value::Boolean(false))]);
        }
        // Room to count what was killed.
        const { assert!(GATE_EXIT_TIMEOUT_S > GATE_STOP_TIMEOUT_S + 5) };
    }

    #[test]
    fn each_key_has_its_reason() {
        for list in [AGENT, GATE, COMPOSE].map(parse) {
            for key in list.keys() {
                assert!(README.contains(&format!("`{key}`")), "launchd/README.md says nothing of {key}");
            }
        }
    }

    #[test]
    fn the_rule_names_the_folder_of_logs() {
        let rules: Vec<&str> = RULE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        let [rule] = rules.as_slice() else { panic!("{rules:?}") };
        let fields: Vec<&str> = rule.split_whitespace().collect();
        assert_eq!(fields, [&format!("{LOG_DIR}/*.log"), "root:wheel", "600", "5", "1024", "*", "GN"]);
    }
}
