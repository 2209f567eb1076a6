//! Where a workload keeps its state.

use std::path::Path;

use portreeve_openclaw::environment::HOME;
use portreeve_openclaw::paths::{self, PathInputs};

use super::Definition;
use super::role::started;

/// The state directory of `OpenClaw` in a workload, as a path within it. None where neither its environment nor its user says what its home
/// is.
pub fn state_dir(definition: &Definition) -> Option<String> {
    let home = definition.environment.text(HOME).map(str::to_owned).or_else(|| home_of_user(definition));
    let names_it = definition
        .environment
        .text(portreeve_openclaw::environment::STATE_DIR)
        .is_some_and(|dir| !dir.starts_with('~'));
    let home = match home {
        Some(home) => home,
        None if names_it => "/".to_owned(),
        None => return None,
    };
    let inputs = PathInputs {
        environment: &definition.environment,
        account_home: Path::new(&home),
        working_directory: Path::new(definition.working_dir.as_deref().unwrap_or("/")),
    };
    let words = definition.words();
    let profile = started(definition, &words).and_then(|started| started.profile.map(str::to_owned));
    let resolved = paths::resolve(&inputs, profile.as_deref(), &|_| true).ok()?;
    resolved.state_dir.to_str().map(str::to_owned)
}

/// Home of the users that images of node have.
fn home_of_user(definition: &Definition) -> Option<String> {
    let user = match definition.user.as_deref() {
        Some(user) => user.split(':').next().unwrap_or_default(),
        None if definition.is_openclaw_image() => "node",
        None => return None,
    };
    match user {
        "" | "0" | "root" => Some("/root".to_owned()),
        "node" | "1000" => Some("/home/node".to_owned()),
        name if !name.bytes().all(|b| b.is_ascii_digit()) => Some(format!("/home/{name}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use portreeve_openclaw::environment::Environment;

    use super::*;

    fn of(image: &str, user: Option<&str>, variables: &[(&str, &str)], command: &[&str]) -> Option<String> {
        state_dir(&Definition {
            image: image.into(),
            user: user.map(str::to_owned),
            command: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            environment: Environment::all(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))),
            ..Definition::default()
        })
    }

    #[test]
    fn environment_then_home_then_user() {
        let image = "ghcr.io/openclaw/openclaw";
        assert_eq!(of(image, None, &[], &[]).as_deref(), Some("/home/node/.openclaw"));
        assert_eq!(of(image, Some("root"), &[], &[]).as_deref(), Some("/root/.openclaw"));
        assert_eq!(of(image, Some("1000:1000"), &[], &[]).as_deref(), Some("/home/node/.openclaw"));
        assert_eq!(of(image, Some("1001"), &[], &[]), None);
        assert_eq!(of(image, Some("1001"), &[("HOME", "/data")], &[]).as_deref(), Some("/data/.openclaw"));
        assert_eq!(of("own", None, &[("OPENCLAW_STATE_DIR", "/state")], &[]).as_deref(), Some("/state"));
        assert_eq!(of("own", None, &[], &[]), None);
        assert_eq!(
            of(image, None, &[], &["openclaw", "--profile", "rescue", "gateway"]).as_deref(),
            Some("/home/node/.openclaw-rescue")
        );
    }
}
