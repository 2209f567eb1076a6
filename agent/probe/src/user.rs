//! Who the probe runs as, which is who its target runs as, and with which environment.

use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User as Account};
use portreeve_facts::permission::User;
use portreeve_facts::request::Request;
use portreeve_openclaw::environment::{self, Environment};
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::paths::{self, PathInputs, ProfileError, ResolvedPaths};
use secrecy::ExposeSecret;

use crate::os;

/// The target's user, environment and paths.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) user: User,
    /// Home directory of the account, where `HOME` says nothing.
    pub(crate) account_home: PathBuf,
    pub(crate) working_directory: PathBuf,
    pub(crate) environment: Environment,
    pub(crate) paths: ResolvedPaths,
}

impl Target {
    /// What the process and the request say.
    pub(crate) fn of(request: &Request) -> Result<Self, ProfileError> {
        let uid = nix::unistd::getuid();
        let user = User { uid: uid.as_raw(), gid: nix::unistd::getgid().as_raw(), groups: os::groups() };
        let account_home = Account::from_uid(Uid::from_raw(user.uid))
            .ok()
            .flatten()
            .map_or_else(|| PathBuf::from("/"), |account| account.dir);
        let working_directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let given = environment(request);
        let inputs =
            PathInputs { environment: &given, account_home: &account_home, working_directory: &working_directory };
        let mut environment = paths::apply_profile_flag(&inputs, request.profile.as_deref())?;
        if let Some(dir) = &request.state_dir {
            environment.set(environment::STATE_DIR, dir.as_str());
        }
        let inputs = PathInputs { environment: &environment, ..inputs };
        let paths = paths::resolve(&inputs, None, &|path: &Path| path.exists())?;
        Ok(Self { user, account_home, working_directory, environment, paths })
    }

    /// Reads files with no rights but the target's own.
    pub(crate) fn reader(&self) -> Reader {
        Reader::for_self(Some(self.paths.home.clone()))
    }
}

/// The environment of the process, which is the target's, with the changes that the request names.
fn environment(request: &Request) -> Environment {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let own = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    let mut environment = Environment::all(own);
    for (name, value) in &request.environment {
        match value {
            Some(value) => environment.set(name, value.expose_secret()),
            None => environment.remove(name),
        }
    }
    environment
}
