//! One gateway as the snapshot keeps it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::FingerprintKey;
use portreeve_core::gate::Through;
use portreeve_core::snapshot::{Expectation, Gateway, Ladder, Listener, StateDir, Unit};
use portreeve_facts::credentials::of_gateway;
use portreeve_facts::{
    Climb, ConfigRevision, Loaded, certificate, climb, local_target, read_environment, secret, unasked, untried,
};
use portreeve_openclaw::config::GatewayMode;
use portreeve_openclaw::credentials::{
    EnvironmentFileKind, EnvironmentLayers, GatewayInputs, ProcessLayer, SecretResolver, resolve_gateway,
};
use portreeve_openclaw::endpoint::{CertFingerprint, Target, TargetError};
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::paths::{self, LockPurpose};
use portreeve_openclaw::port::{PortInputs, resolve as resolve_port};
use portreeve_openclaw::protocol::Credential;

use super::begun::{Begun, ask};
use super::trust::trusted;
use crate::client::{inline_secrets, unit_layer};
use crate::dotenv;
use crate::log;
use crate::running::Running;
use crate::site::Site;
use crate::units::Detail;

/// A gateway before it was asked anything.
pub(crate) struct Draft {
    pub(crate) gateway: Gateway,
    pub(crate) loaded: Loaded,
    pub(crate) layers: EnvironmentLayers,
    pub(crate) reader: Reader,
    account_home: PathBuf,
    secret: Result<Credential, String>,
}

/// What the other observers found.
pub(crate) struct Surroundings<'a> {
    pub(crate) running: &'a BTreeMap<u32, Running>,
    pub(crate) units: &'a [Unit],
    pub(crate) details: &'a [Detail],
    pub(crate) key: &'a FingerprintKey,
    pub(crate) callers_environment: &'a Environment,
    pub(crate) at: Timestamp,
}

impl Draft {
    /// What is known of the gateway on a site; none where nothing says that there should be one.
    pub(crate) fn of(site: &Site, dir: &StateDir, around: &Surroundings<'_>) -> Option<Self> {
        // Below a mount that answers nothing even a look at the configuration would hang; the directory's facts say so.
        if dir.volume.blind().is_some() {
            return None;
        }
        let reader = site.reader();
        let owner = live_owner(site, dir);
        let mut site_pids = site.pids.clone();
        site_pids.extend(owner.map(|owner| owner.pid).filter(|pid| !site.pids.contains(pid)));
        let process = site_pids.iter().find_map(|pid| around.running.get(pid));
        let units: Vec<&Unit> = around.units.iter().filter(|unit| site.units.contains(&unit.id)).collect();
        let (layers, blind) = layers(site, process, &units, around, &reader);
        let loaded = Loaded::read(&site.config_path, &reader, &include_roots(site, &layers));
        let effective = layers.effective(loaded.config.as_ref());
        let settings = loaded.config.as_ref().map(|config| config.gateway(&effective));
        let mode = settings.as_ref().and_then(|settings| settings.mode);

        let mut expected = Vec::new();
        if !site_pids.is_empty() {
            expected.push(Expectation::Process);
        }
        if !units.is_empty() {
            expected.push(Expectation::Unit);
        }
        // A word that is no mode is meant for a gateway: clients need none.
        let is_meant = matches!(mode, Some(GatewayMode::Local | GatewayMode::Other));
        if (is_meant || loaded.exists() && loaded.config.is_none()) && !site.is_within_another() && !site.is_former() {
            expected.push(Expectation::Config);
        }
        if has_remains(dir) {
            expected.push(Expectation::Remains);
        }
        if site.asked {
            expected.push(Expectation::Asked);
        }
        let only_asked = expected == [Expectation::Asked];
        let is_client_only = mode == Some(GatewayMode::Remote)
            && !expected.iter().any(|why| matches!(why, Expectation::Process | Expectation::Unit));
        if expected.is_empty() || is_client_only || only_asked && !loaded.exists() {
            return None;
        }

        let profile = site.profile.clone().or_else(|| process.and_then(|process| process.profile.clone()));
        let (port, port_source) =
            port(site, owner, &units, process, &effective, settings.as_ref().and_then(|s| s.port), profile.as_deref());
        let resolver = SecretResolver {
            reader: &reader,
            account_home: site.home().unwrap_or(Path::new("/")),
            working_directory: Path::new("/"),
            has_its_rights: false,
        };
        let auth = resolve_gateway(&GatewayInputs {
            config: loaded.config.as_ref(),
            layers: &layers,
            resolver,
            token_flag: None,
            password_flag: None,
            mode_flag: None,
        });
        let secret = secret::of_gateway(&auth);
        let at = around.at;
        let gateway = Gateway {
            id: site.id(),
            user: site.user(),
            profile,
            state_dir: Some(dir.path.clone()),
            workload: None,
            expected,
            config: loaded.facts(&effective, around.key, at),
            port,
            port_source,
            pids: site_pids,
            units: site.units.clone(),
            credentials: of_gateway(&auth, &blind, around.key, at),
            ladder: untried("not asked yet", port, at),
            pairing: portreeve_core::Fact::unreadable("not asked yet", "device.pair.list", at),
            log: portreeve_core::Fact::absent("log files", at),
            connects: None,
        };
        let account_home = site.home().unwrap_or(Path::new("/")).to_owned();
        Some(Self { gateway, loaded, layers, reader, account_home, secret })
    }

    /// How this node reaches it, with these listeners on its port.
    pub(crate) fn target(&self, on_port: &[&Listener]) -> Result<Target, TargetError> {
        let tls = self.gateway.config.get().is_some_and(|config| config.tls);
        local_target(self.gateway.port, tls, self.certificate(tls), on_port)
    }

    /// Asks the gateway what its rungs up to this one need, and nothing more; where it can, on a handshake that was begun.
    pub(crate) async fn prove(
        &self,
        listeners: Result<Vec<&Listener>, &str>,
        owner_uid: u32,
        through: Through,
        begun: Option<Begun>,
    ) -> Ladder {
        if through == Through::Channels {
            return self.ask(listeners, owner_uid).await.ladder;
        }
        let gateway = &self.gateway;
        let mut ladder = untried("not asked", gateway.port, Timestamp::now());
        let target = match self.target(listeners.as_deref().unwrap_or_default()) {
            Ok(target) => target,
            Err(error) => return untried(&error.to_string(), gateway.port, Timestamp::now()),
        };
        let secret = match through {
            Through::Transport => Err("not asked".to_owned()),
            Through::Auth | Through::Channels => {
                trusted(&listeners, &gateway.pids, owner_uid).and_then(|()| self.secret.clone())
            }
        };
        let ((healthz, startupz, readyz), (handshake, connect)) = ask(begun, &target, secret).await;
        ladder.target = format!("{}://{}", target.scheme().as_str(), target.authority());
        Ladder { healthz, startupz, readyz, handshake, connect, ..ladder }
    }

    /// Asks the gateway everything that its listener may be asked.
    pub(crate) async fn ask(&self, listeners: Result<Vec<&Listener>, &str>, owner_uid: u32) -> Climb {
        let gateway = &self.gateway;
        let at = Timestamp::now();
        let target = match self.target(listeners.as_deref().unwrap_or_default()) {
            Ok(target) => target,
            Err(error) => return unasked(&error.to_string(), gateway.port, at),
        };
        let secret = trusted(&listeners, &gateway.pids, owner_uid).and_then(|()| self.secret.clone());
        let revision = self.loaded.modified().map_or(ConfigRevision::Unknown, ConfigRevision::ModifiedAt);
        climb(&target, secret, revision).await
    }

    /// Files that the gateway may write its log to.
    pub(crate) fn logs(&self, site: &Site, dir: &StateDir, at: Timestamp) -> Vec<log::Source> {
        let mut sources: Vec<log::Source> = Vec::new();
        let uid = site.uid;
        let own = |path: PathBuf| log::Source { path, shared: false, printed: false, uid };
        let effective = self.layers.effective(self.loaded.config.as_ref());
        let configured = self.loaded.config.as_ref().and_then(|config| config.logging(&effective).file);
        if let Some(file) = &configured {
            let inputs = paths::PathInputs {
                environment: &effective,
                account_home: site.home().unwrap_or(Path::new("/")),
                working_directory: Path::new("/"),
            };
            sources.push(own(paths::expand(file, &inputs)));
        } else {
            let zone = jiff::tz::TimeZone::system();
            let day = at.to_zoned(zone).date();
            let name = paths::default_log_name(self.gateway.profile.as_deref(), day);
            let temporary = effective.text("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
            for folder in [paths::default_log_directory(), paths::fallback_log_directory(&temporary, uid)] {
                sources.push(log::Source { path: folder.join(&name), shared: true, printed: false, uid });
            }
        }
        if let Some(home) = site.home() {
            let path = paths::launchd_log(home, self.gateway.profile.as_deref());
            sources.push(log::Source { printed: true, ..own(path) });
        }
        let open = dir.open.get().into_iter().flatten();
        sources.extend(
            open.filter(|open| open.writable && Path::new(&open.path).extension().is_some_and(|end| end == "log"))
                .map(|open| own(PathBuf::from(&open.path))),
        );
        sources.dedup_by(|later, first| later.path == first.path);
        sources
    }
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    pid: u32,
    port: Option<u16>,
}

/// The live gateway that lock file or lease names.
fn live_owner(site: &Site, dir: &StateDir) -> Option<Owner> {
    by_lock(dir)
        .or_else(|| {
            let lease = dir.records.get()?.lease.as_ref().filter(|lease| lease.alive)?;
            Some(Owner { pid: lease.pid, port: lease.port })
        })
        .filter(|owner| site.pids.is_empty() || site.pids.contains(&owner.pid))
}

/// Whether a lock file names a live gateway: what is asked of it then hangs on nothing else in the directory but its configuration.
pub(crate) fn is_claimed(dir: &StateDir) -> bool {
    by_lock(dir).is_some()
}

fn by_lock(dir: &StateDir) -> Option<Owner> {
    dir.locks.iter().filter(|lock| lock.purpose == LockPurpose::GatewayState.name()).find_map(|lock| {
        let owner = lock.owner.get()?;
        let same =
            owner.start_time.is_none() || owner.live_start_time.is_none() || owner.start_time == owner.live_start_time;
        (owner.alive && same && owner.role.is_none()).then_some(Owner { pid: owner.pid, port: owner.port })
    })
}

/// Whether an earlier run left its claim behind.
fn has_remains(dir: &StateDir) -> bool {
    let locked = dir.locks.iter().any(|lock| lock.owner.get().is_some_and(|owner| owner.role.is_none()));
    locked || dir.records.get().is_some_and(|records| records.lease.is_some() || !records.boots.is_empty())
}

/// Where the gateway listens: what the running one says of itself, then what would decide at its next start.
fn port(
    site: &Site,
    owner: Option<Owner>,
    units: &[&Unit],
    process: Option<&Running>,
    effective: &Environment,
    configured: Option<u16>,
    profile: Option<&str>,
) -> (u16, String) {
    if let Some(owner) = owner
        && let Some(port) = owner.port
    {
        return (port, format!("lock and lease of pid {}", owner.pid));
    }
    if let Some(port) = process.and_then(|running| running.process.port) {
        return (port, format!("pid {}", process.map_or(0, |running| running.process.pid)));
    }
    if let Some((unit, port)) = units.iter().find_map(|unit| Some((unit, unit.port_argument.or(unit.port)?))) {
        return (port, unit.id.clone());
    }
    let inputs = PortInputs {
        flag: None,
        environment: effective.text("OPENCLAW_GATEWAY_PORT"),
        config: configured,
        profile: profile.filter(|_| site.profile.is_some()),
    };
    let resolved = resolve_port(&inputs);
    let source = match resolved.source {
        portreeve_openclaw::port::PortSource::Config => {
            format!("{} in {}", resolved.source, site.config_path.display())
        }
        other => other.to_string(),
    };
    (resolved.port, source)
}

fn layers(
    site: &Site,
    process: Option<&Running>,
    units: &[&Unit],
    around: &Surroundings<'_>,
    reader: &Reader,
) -> (EnvironmentLayers, Vec<String>) {
    let mut blind = Vec::new();
    let process = match process {
        Some(running) => running.layer().map_err(|why| blind.push(why)).ok(),
        // Started by hand, it would get what the caller's shell has.
        None if site.is_callers && units.is_empty() => Some(ProcessLayer {
            location: "the environment of this shell".to_owned(),
            environment: around.callers_environment.clone(),
            is_running: false,
        }),
        None => units.iter().find_map(|unit| {
            let detail = around.details.iter().find(|detail| detail.id == unit.id)?;
            Some(unit_layer(unit, detail))
        }),
    };
    if process.is_none() {
        blind.extend(units.iter().flat_map(|unit| inline_secrets(unit)));
    }
    // What a unit's files hold is in its environment already; beside a running process they tell what its next start would get.
    let mut service_files = Vec::new();
    if process.as_ref().is_some_and(|layer| layer.is_running) {
        for unit in units {
            let launchd = paths::ServiceEnvPaths::of(&site.path, &unit.label).environment;
            read_environment(&launchd, EnvironmentFileKind::ServiceEnv, reader, &mut service_files, &mut blind);
        }
        if !units.is_empty() {
            let systemd = paths::systemd_environment_file(&site.path, false);
            read_environment(&systemd, EnvironmentFileKind::SystemdEnv, reader, &mut service_files, &mut blind);
        }
    }
    let dotenv_files = dotenv::read(site, reader, &mut blind);
    (EnvironmentLayers { process, service_files, dotenv_files }, blind)
}

/// Directories that its configuration may include files from besides its own: what it is started with says so, as the configuration is
/// not read yet.
fn include_roots(site: &Site, layers: &EnvironmentLayers) -> Vec<PathBuf> {
    paths::include_roots(&paths::PathInputs {
        environment: &layers.effective(None),
        account_home: site.home().unwrap_or(Path::new("/")),
        working_directory: Path::new("/"),
    })
}

impl Draft {
    fn certificate(&self, tls: bool) -> Option<CertFingerprint> {
        let config = self.loaded.config.as_ref().filter(|_| tls)?;
        let environment = self.layers.effective(Some(config));
        let inputs = paths::PathInputs {
            environment: &environment,
            account_home: &self.account_home,
            working_directory: Path::new("/"),
        };
        certificate(config, Path::new(self.gateway.state_dir.as_deref()?), &inputs, &self.reader)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::users::Account;

    #[test]
    fn a_file_of_an_allowed_directory_is_included() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let (state, shared) = (home.join(".openclaw"), home.join("shared"));
        for folder in [&state, &shared] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(shared.join("gateway.json"), "{gateway: {port: 18800}}").unwrap();
        fs::write(state.join("openclaw.json"), format!("{{$include: '{}'}}", shared.join("gateway.json").display()))
            .unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        let account = Account { name: "ann".to_owned(), uid, gid: 0, home, unreachable: None };
        let site = Site { account: Some(account), ..Site::bare(state) };
        let read = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let process = ProcessLayer {
                location: "the environment of pid 7".to_owned(),
                environment: Environment::all(variables),
                is_running: true,
            };
            let layers =
                EnvironmentLayers { process: Some(process), service_files: Vec::new(), dotenv_files: Vec::new() };
            Loaded::read(&site.config_path, &site.reader(), &include_roots(&site, &layers)).config.is_some()
        };
        assert!(read(&[("OPENCLAW_INCLUDE_ROOTS", "~/shared")]));
        assert!(!read(&[]));
    }
}
