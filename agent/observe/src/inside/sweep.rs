//! What an agent left behind that was killed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::Method;
use jiff::Timestamp;
use nix::errno::Errno;
use nix::sys::signal::kill;
use serde::Deserialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

use super::container::host_name;
use super::{LABEL, NAME_PREFIX};
use crate::engine::{Body, Bounds, Client, EngineError, segment};

/// Label: seconds since 1970 at which it was made.
pub(super) const CREATED: &str = "dev.portreeve.probe.created";
/// Label: host name and process id of the agent.
pub(super) const AGENT: &str = "dev.portreeve.probe.agent";

/// No look takes longer.
const MAX_AGE: Duration = Duration::from_mins(1);
/// Containers that are looked at in one sweep.
const BOUNDS: Bounds = Bounds { total: 4 << 20, element: 256 * 1024, items: 200 };
/// Longest answer to a removal, in bytes.
const SMALL: usize = 64 * 1024;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
    id: String,
    names: Vec<String>,
    labels: BTreeMap<String, String>,
}

/// Removes every throw-away container that is older than any look or whose agent is gone, and says how many there were. One of an agent
/// that is at work is left alone.
pub async fn sweep(client: &Client, until: Instant) -> Result<usize, EngineError> {
    // {"label":["dev.portreeve.probe"]}
    let path = format!("/containers/json?all=true&filters=%7B%22label%22%3A%5B%22{LABEL}%22%5D%7D");
    let listed = client.list::<Listed>(&path, BOUNDS, until).await?;
    let now = Timestamp::now();
    let mut removed = 0;
    for container in listed.items.iter().filter(|container| is_ours(container) && is_left_behind(container, now)) {
        let path = format!("/containers/{}?force=1&v=1", segment(&container.id));
        match client.call(Method::DELETE, &path, Body::Empty, SMALL, until).await {
            Ok(_) => removed += 1,
            Err(error) if error.is_not_found() || matches!(error, EngineError::Refused { status: 409, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

/// Whether it is one of ours: its label has its own name, which differs from run to run. An image can bring any label with it, but no name.
fn is_ours(container: &Listed) -> bool {
    let name = container.labels.get(LABEL).filter(|name| name.starts_with(NAME_PREFIX));
    name.is_some_and(|name| container.names.iter().any(|own| own.trim_start_matches('/') == name))
}

fn is_left_behind(container: &Listed, now: Timestamp) -> bool {
    let created = container.labels.get(CREATED).and_then(|text| text.parse::<i64>().ok());
    let age = created.map(|created| now.as_second().saturating_sub(created));
    // An age below zero is that of another clock.
    if age.is_none_or(|age| age.unsigned_abs() > MAX_AGE.as_secs()) {
        return true;
    }
    let Some((host, pid)) = container.labels.get(AGENT).and_then(|agent| agent.rsplit_once('/')) else { return true };
    host == host_name() && pid.parse().is_ok_and(|pid| !is_at_work(pid, created.unwrap_or_default()))
}

/// Whether the process that made something at this second is still there. Its number may be another's by now, or its parent's to collect.
fn is_at_work(pid: u32, since: i64) -> bool {
    let Ok(number) = i32::try_from(pid) else { return false };
    if kill(nix::unistd::Pid::from_raw(number), None) == Err(Errno::ESRCH) {
        return false;
    }
    let pid = Pid::from_u32(pid);
    let Ok(mut system) = System::new() else { return true };
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, ProcessRefreshKind::nothing());
    system.process(pid).is_none_or(|process| {
        let is_ended = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
        // Start times are known to a second.
        !is_ended && i64::try_from(process.start_time()).is_ok_and(|start| start <= since.saturating_add(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(age: i64, agent: &str) -> Listed {
        let labels = [
            (LABEL, "portreeve-probe-1".to_owned()),
            (CREATED, (Timestamp::now().as_second() - age).to_string()),
            (AGENT, agent.to_owned()),
        ];
        Listed {
            id: "1".to_owned(),
            names: vec!["/portreeve-probe-1".to_owned()],
            labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    }

    #[test]
    fn only_what_nobody_waits_for_is_left_behind() {
        let now = Timestamp::now();
        let own = format!("{}/{}", host_name(), std::process::id());
        let dead = format!("{}/{}", host_name(), i32::MAX);
        assert!(!is_left_behind(&container(0, &own), now));
        assert!(!is_left_behind(&container(5, "another-host/1"), now));
        // This process had not begun then: the number was another's.
        assert!(is_left_behind(&container(55, &own), now));
        assert!(is_left_behind(&container(5, &dead), now));
        assert!(is_left_behind(&container(90, &own), now) && is_left_behind(&container(-90, &own), now));
        assert!(is_left_behind(&container(90, "another-host/1"), now));
    }

    #[test]
    fn a_label_alone_makes_nothing_ours() {
        assert!(is_ours(&container(1, "x/1")));
        let named = Listed { names: vec!["/web".to_owned()], ..container(1, "x/1") };
        let other = Listed { names: vec!["/portreeve-probe-2".to_owned()], ..container(1, "x/1") };
        assert!(!is_ours(&named) && !is_ours(&other));
    }
}
