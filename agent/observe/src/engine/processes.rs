//! What a container runs, where its definition does not tell.

use std::time::Instant;

use portreeve_core::snapshot::WorkloadRole;
use portreeve_openclaw::service::{ProcessKind, ProcessView, classify_process};

use super::client::Client;
use super::containers::{CONCURRENT, plain};
use super::observe::ONE;
use super::wire::Top;
use super::workload::Seen;

/// A program that nobody knows may start `OpenClaw`: its processes tell.
pub(super) async fn judge(client: &Client, seen: &mut [Seen], until: Instant) {
    let unknown = |seen: &Seen| {
        seen.workload.role == WorkloadRole::Other
            && seen.workload.is_running()
            && (seen.definition.ports.contains(&18_789)
                || seen.definition.is_openclaw_image()
                || seen.definition.environment.names().any(|name| name.starts_with("OPENCLAW_")))
    };
    for seen in seen.iter_mut().filter(|seen| unknown(seen)).take(CONCURRENT) {
        let id = plain(seen.workload.container_id.as_deref().unwrap_or_default());
        let path = format!("/containers/{id}/top?ps_args=-eo%20pid,args");
        let Ok(top) = client.get::<Top>(&path, ONE, until).await else { continue };
        let role = commands(&top).into_iter().find_map(|argv| {
            match classify_process(&ProcessView { argv: &argv, ..ProcessView::default() }).kind {
                ProcessKind::Gateway | ProcessKind::GatewayStarting => Some((WorkloadRole::Gateway, "a gateway")),
                ProcessKind::NodeHost => Some((WorkloadRole::NodeHost, "a node host")),
                _ => None,
            }
        });
        if let Some((role, what)) = role {
            seen.workload.role = role;
            seen.workload.role_reason = format!("{what} is among its processes");
            if role == WorkloadRole::Gateway {
                seen.workload.listens = Some(portreeve_facts::workload::listens_as_gateway(&seen.definition, None));
            }
        }
    }
}

/// The words of each process.
fn commands(top: &Top) -> Vec<Vec<String>> {
    let is_command = |title: &str| matches!(title, "COMMAND" | "CMD");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    if let Some(column) = top.titles.iter().position(|title| is_command(title)) {
        return top.processes.iter().filter_map(|row| row.get(column)).map(|command| words(command)).collect();
    }
    // Podman gives lines as the `ps` of the container wrote them, and that of busybox puts a thread's name before its command.
    let [titles] = &top.titles[..] else { return Vec::new() };
    let Some(column) = titles.split_whitespace().position(is_command) else { return Vec::new() };
    let is_thread = |word: &String| word.starts_with('{') && word.ends_with('}');
    let lines = top.processes.iter().filter_map(|row| row.first());
    lines.map(|line| words(line).into_iter().skip(column).skip_while(is_thread).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_columns_and_from_lines() {
        let docker = r#"{"Titles":["PID","COMMAND"],"Processes":[["1","node dist/index.js gateway"]]}"#;
        let podman =
            r#"{"Titles":["PID   COMMAND"],"Processes":[["1 {MainThread} node dist/index.js gateway"],["34 sh"]]}"#;
        let of = |json: &str| commands(&serde_json::from_str(json).unwrap());
        assert_eq!(of(docker), [vec!["node", "dist/index.js", "gateway"]]);
        assert_eq!(of(podman), [vec!["node", "dist/index.js", "gateway"], vec!["sh"]]);
        assert!(of(r#"{"Titles":["PID"],"Processes":[["1"]]}"#).is_empty());
        assert!(of(r#"{"Titles":null,"Processes":null}"#).is_empty());
    }
}
