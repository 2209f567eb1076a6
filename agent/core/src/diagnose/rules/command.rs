//! The exact commands that mend what units, processes and files have wrong.

use std::borrow::Cow;

use crate::snapshot::{Domain, Manager, Unit};

/// A path or label as a shell takes it.
pub(super) fn quote(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

/// The launchd domain that a unit belongs to: where it is loaded, else where its id says.
fn domain(unit: &Unit) -> String {
    if let Some(runtime) = unit.runtime.get() {
        return runtime.domain.clone();
    }
    if let Some(domain) = unit.id.strip_suffix(&unit.label).and_then(|rest| rest.strip_suffix('/')) {
        return domain.to_owned();
    }
    match unit.domain {
        Domain::System => "system".to_owned(),
        Domain::User { uid } => format!("gui/{uid}"),
        Domain::EachUser => "gui/$(id -u)".to_owned(),
    }
}

/// `sudo ` for what belongs to root.
fn root(unit: &Unit) -> &'static str {
    if unit.domain == Domain::System { "sudo " } else { "" }
}

fn systemctl(unit: &Unit) -> &'static str {
    if unit.domain == Domain::System { "sudo systemctl" } else { "systemctl --user" }
}

/// Ends a unit's job and keeps it from coming back until the next boot or login.
pub(super) fn stop(unit: &Unit) -> String {
    match unit.manager {
        Manager::Launchd => format!("{}launchctl bootout {}/{}", root(unit), domain(unit), quote(&unit.label)),
        Manager::Systemd => format!("{} stop {}", systemctl(unit), quote(&unit.label)),
    }
}

/// Ends a unit's job and keeps it from coming back at all.
pub(super) fn retire(unit: &Unit) -> String {
    match unit.manager {
        Manager::Launchd => {
            let (root, domain, label) = (root(unit), domain(unit), quote(&unit.label));
            format!("{root}launchctl disable {domain}/{label} && {root}launchctl bootout {domain}/{label}")
        }
        Manager::Systemd => format!("{} disable --now {}", systemctl(unit), quote(&unit.label)),
    }
}

/// Takes back an override that keeps a unit off.
pub(super) fn enable(unit: &Unit) -> String {
    match unit.manager {
        Manager::Launchd => format!("{}launchctl enable {}/{}", root(unit), domain(unit), quote(&unit.label)),
        Manager::Systemd => format!("{} enable {}", systemctl(unit), quote(&unit.label)),
    }
}

/// Loads a unit's definition, and so starts what starts at load.
pub(super) fn load(unit: &Unit) -> String {
    match (unit.manager, &unit.path) {
        (Manager::Launchd, Some(path)) => {
            format!("{}launchctl bootstrap {} {}", root(unit), domain(unit), quote(path))
        }
        (Manager::Launchd, None) => start(unit),
        (Manager::Systemd, _) => format!("{} start {}", systemctl(unit), quote(&unit.label)),
    }
}

/// Starts a unit that is loaded; one that runs is started anew.
pub(super) fn start(unit: &Unit) -> String {
    match unit.manager {
        Manager::Launchd => format!("{}launchctl kickstart -k {}/{}", root(unit), domain(unit), quote(&unit.label)),
        Manager::Systemd => format!("{} restart {}", systemctl(unit), quote(&unit.label)),
    }
}

/// Brings a unit up from wherever it is.
pub(super) fn bring_up(unit: &Unit) -> String {
    if unit.runtime.is_absent() { load(unit) } else { start(unit) }
}

/// Shows what the service manager knows of a unit.
pub(super) fn show(unit: &Unit) -> String {
    match unit.manager {
        Manager::Launchd => format!("launchctl print {}/{}", domain(unit), quote(&unit.label)),
        Manager::Systemd => format!("{} status {}", systemctl(unit), quote(&unit.label)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{absent, unit};
    use super::*;

    #[test]
    fn launchd_commands_name_the_domain_where_the_job_is_or_belongs() {
        let loaded = unit("ai.openclaw.gateway", None);
        assert_eq!(stop(&loaded), "launchctl bootout gui/501/ai.openclaw.gateway");
        assert_eq!(bring_up(&loaded), "launchctl kickstart -k gui/501/ai.openclaw.gateway");
        let unloaded = Unit { runtime: absent(), path: Some("/Volumes/My Disk/a.plist".to_owned()), ..loaded };
        assert_eq!(bring_up(&unloaded), "launchctl bootstrap gui/501 '/Volumes/My Disk/a.plist'");
        assert_eq!(enable(&unloaded), "launchctl enable gui/501/ai.openclaw.gateway");
    }

    #[test]
    fn daemons_need_root() {
        let daemon = Unit {
            id: "system/ai.openclaw.gateway".to_owned(),
            domain: Domain::System,
            runtime: absent(),
            ..unit("ai.openclaw.gateway", None)
        };
        assert_eq!(stop(&daemon), "sudo launchctl bootout system/ai.openclaw.gateway");
    }

    #[test]
    fn systemd_units_are_named_in_their_own_manager() {
        let user = Unit {
            manager: Manager::Systemd,
            id: "systemd-user/1000/openclaw-gateway.service".to_owned(),
            domain: Domain::User { uid: 1000 },
            ..unit("openclaw-gateway.service", None)
        };
        assert_eq!(stop(&user), "systemctl --user stop openclaw-gateway.service");
        assert_eq!(retire(&user), "systemctl --user disable --now openclaw-gateway.service");
        let system = Unit { domain: Domain::System, ..user };
        assert_eq!(start(&system), "sudo systemctl restart openclaw-gateway.service");
    }

    #[test]
    fn what_a_shell_would_split_is_quoted() {
        assert_eq!(quote("/a/b-c.d"), "/a/b-c.d");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
    }
}
