//! The steps, and the way back.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::User;
use portreeve_observe::command::Runner;
use portreeve_observe::plist;
use portreeve_openclaw::file::read_regular;
use portreeve_store::{Audience, Folder};

use crate::control::{self, Control};
use crate::plan::{self, ComposeJob, Old, Plan};
use crate::record::{Original, Record, Records};
use crate::{InstallError, diff, label};

/// Most property lists that are looked through for a label.
const MAX_LISTS: usize = 10_000;
/// What launchd may take beyond the time that a job has to end.
const SLACK: Duration = Duration::from_secs(10);

/// Where jobs of one domain are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The folder of property lists.
    pub folder: PathBuf,
    /// launchd's name of the domain: `system`, `gui/501`.
    pub domain: String,
    /// Who must own the lists.
    pub uid: u32,
}

impl Place {
    /// The system's jobs, which run from boot on.
    pub fn system(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), domain: "system".to_owned(), uid: 0 }
    }

    /// The jobs of the user of this process. Without a login at the screen launchd has no `gui` domain for them.
    pub fn own(home: &Path, runner: &dyn Runner) -> Result<Self, InstallError> {
        let uid = nix::unistd::geteuid().as_raw();
        let gui = format!("gui/{uid}");
        let domain = if control::has_domain(runner, &gui)? { gui } else { format!("user/{uid}") };
        Ok(Self { folder: home.join("Library/LaunchAgents"), domain, uid })
    }
}

/// Puts gates in the place of units, and takes them out.
#[derive(Clone, Copy)]
pub struct Installer<'a> {
    /// Where the jobs are.
    pub place: &'a Place,
    /// The agent's own folder.
    pub data_dir: &'a Path,
    /// The program that the jobs run.
    pub program: &'a Path,
    /// What runs `launchctl`.
    pub runner: &'a dyn Runner,
}

/// What is there again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uninstalled {
    /// Label of the gate that is gone.
    pub gate: String,
    /// The unit that is restored, by label and file.
    pub restored: Option<(String, PathBuf)>,
}

impl Installer<'_> {
    /// The gate in the place of the unit with this label, with more options of `portreeve gate`. Nothing is changed.
    pub fn plan_unit(&self, unit: &str, options: &[String]) -> Result<Plan, InstallError> {
        let unit = label::check(unit)?;
        self.refuse_second(unit)?;
        let old = self.find(unit)?;
        let user = old.list.get("UserName").and_then(plist::Value::as_string);
        let runs_as_root = self.place.uid == 0 && matches!(user, None | Some("root"));
        let command = plan::command(&old.list);
        let home = user.and_then(|user| User::from_name(user).ok().flatten()).map(|user| user.dir);
        let plan = plan::of_unit(old, self.program, options, &self.place.folder, home.as_deref())?;
        if runs_as_root {
            self.check_programs(&command)?;
        }
        refuse_file(&plan.path)?;
        Ok(plan)
    }

    /// The gate for a Compose project. Nothing is changed.
    pub fn plan_compose(&self, job: &ComposeJob, options: &[String]) -> Result<Plan, InstallError> {
        let content = read_regular(&job.file, plist::MAX_BYTES)?;
        let unfit = |why: String| InstallError::Unfit { path: job.file.clone(), why };
        if content.meta.mode & 0o022 != 0 {
            return Err(unfit("others than its owner can change what it starts".to_owned()));
        }
        if self.place.uid == 0 && job.user.is_none() {
            self.check_programs(&[job.file.to_string_lossy().into_owned()])?;
        }
        let plan = plan::of_compose(job, self.program, options, &self.place.folder)?;
        self.refuse_second(&plan.record)?;
        refuse_file(&plan.path)?;
        Ok(plan)
    }

    /// Does what was planned. Where a step fails, everything is as it was before.
    pub fn install(&self, plan: &Plan) -> Result<(), InstallError> {
        let records = self.records()?;
        let control = self.control();
        let original = match &plan.old {
            None => None,
            Some(old) => Some(Original {
                label: old.label.clone(),
                path: old.path.clone(),
                uid: old.meta.uid,
                gid: old.meta.gid,
                mode: old.meta.mode,
                was_loaded: control.is_loaded(&old.label)?,
                was_disabled: control.is_disabled(&old.label)?,
            }),
        };
        if let Some(old) = &plan.old
            && self.folder()?.read(&file_name(&old.path)?, plist::MAX_BYTES)?.as_deref() != Some(old.bytes.as_slice())
        {
            let why = "it was changed since the plan was made".to_owned();
            return Err(InstallError::Unfit { path: old.path.clone(), why });
        }
        let record = Record::new(&plan.label, plan.path.clone(), &self.place.domain, original);
        records.keep(&plan.record, &record, plan.old.as_ref().map(|old| old.bytes.as_slice()))?;
        let Err(failed) = self.steps(plan, &record) else { return Ok(()) };
        match self.restore(&records, &plan.record, &record) {
            Ok(_) => Err(failed),
            Err(rollback) => {
                Err(InstallError::NotTakenBack { failed: failed.to_string(), rollback: Box::new(rollback) })
            }
        }
    }

    fn steps(&self, plan: &Plan, record: &Record) -> Result<(), InstallError> {
        let control = self.control();
        let folder = self.folder()?;
        if let Some(old) = &plan.old {
            control.bootout(&old.label, Duration::from_secs(plan.old_exit_timeout_s()) + SLACK)?;
            control.disable(&old.label)?;
            let name = file_name(&old.path)?;
            if folder.read(&name, plist::MAX_BYTES)?.as_deref() != Some(old.bytes.as_slice()) {
                return Err(InstallError::InTheWay { path: old.path.clone() });
            }
            folder.remove(&name)?;
        }
        // The unit's variables may hold secrets: what others could not read before stays closed.
        let is_public = plan.old.as_ref().is_none_or(|old| old.meta.mode & 0o004 != 0);
        let audience = if is_public { Audience::Everybody } else { Audience::Owner };
        folder.write(&file_name(&plan.path)?, &diff::xml(&plan.new)?, audience)?;
        control.enable(&record.gate)?;
        control.bootstrap(&record.gate, &plan.path)
    }

    /// Takes a gate out and restores the unit whose place it had. `label` is the unit's, the gate's, or `compose.PROJECT`.
    pub fn uninstall(&self, name: &str) -> Result<Uninstalled, InstallError> {
        let name = label::record_of(label::check(name)?);
        let records = self.records()?;
        let record = records.load(name)?.ok_or_else(|| InstallError::NotInstalled { label: name.to_owned() })?;
        if record.domain != self.place.domain {
            return Err(InstallError::NotInstalled { label: format!("{}/{name}", self.place.domain) });
        }
        self.restore(&records, name, &record)
    }

    /// Each step holds by itself, so that it can be tried again.
    fn restore(&self, records: &Records, name: &str, record: &Record) -> Result<Uninstalled, InstallError> {
        let control = self.control();
        let folder = self.folder()?;
        let exit_s = gate_exit_s(&record.gate_path);
        control.bootout(&record.gate, Duration::from_secs(exit_s) + SLACK)?;
        folder.remove(&file_name(&record.gate_path)?)?;
        if let Some(original) = &record.original {
            let bytes =
                records.original(name)?.ok_or_else(|| InstallError::NotInstalled { label: original.label.clone() })?;
            put_back(&folder, original, &bytes)?;
            // launchd loads nothing that is switched off.
            let loads = original.was_loaded && !control.is_loaded(&original.label)?;
            if loads || !original.was_disabled {
                control.enable(&original.label)?;
            }
            if loads {
                control.bootstrap(&original.label, &original.path)?;
            }
            if original.was_disabled {
                control.disable(&original.label)?;
            }
        }
        records.forget(name)?;
        let restored = record.original.as_ref().map(|original| (original.label.clone(), original.path.clone()));
        Ok(Uninstalled { gate: record.gate.clone(), restored })
    }

    fn refuse_second(&self, name: &str) -> Result<(), InstallError> {
        // To look must not make the folder.
        let Some(data) = Folder::open(self.data_dir)? else { return Ok(()) };
        if Records::of(&data)?.load(name)?.is_some() {
            return Err(InstallError::Already { label: name.to_owned() });
        }
        Ok(())
    }

    /// Programs that root would run: the first word, and a script that follows it; and this program.
    fn check_programs(&self, command: &[String]) -> Result<(), InstallError> {
        let check = |path| portreeve_store::check_program(path, self.place.uid).map_err(InstallError::Exposed);
        check(self.program)?;
        for (at, word) in command.iter().take(4).enumerate() {
            let path = Path::new(word);
            if at == 0 || (path.is_absolute() && path.is_file()) {
                check(path)?;
            }
        }
        Ok(())
    }

    /// The property list with a label: the file of that name, or any.
    fn find(&self, unit: &str) -> Result<Old, InstallError> {
        let folder = &self.place.folder;
        let named = folder.join(format!("{unit}.plist"));
        if let Some(old) = self.load(&named, unit)? {
            return Ok(old);
        }
        let entries =
            fs::read_dir(folder).map_err(|source| InstallError::Io { doing: "list", path: folder.clone(), source })?;
        for path in entries.take(MAX_LISTS).flatten().map(|entry| entry.path()).filter(|path| *path != named) {
            let is_list = path.extension().is_some_and(|extension| extension == "plist");
            // What cannot be read is somebody else's trouble, unless it has the name.
            if is_list && let Ok(Some(old)) = self.load(&path, unit) {
                return Ok(old);
            }
        }
        Err(InstallError::NoSuchUnit { label: unit.to_owned(), folder: folder.clone() })
    }

    /// A property list, if it has this label; none where it has another or is not there.
    fn load(&self, path: &Path, unit: &str) -> Result<Option<Old>, InstallError> {
        let content = match read_regular(path, plist::MAX_BYTES) {
            Err(portreeve_openclaw::file::ReadError::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        let parsed =
            plist::parse(&content.bytes).map_err(|source| InstallError::Parse { path: path.to_owned(), source })?;
        let Some(list) = parsed.into_dictionary() else { return Ok(None) };
        if list.get("Label").and_then(plist::Value::as_string) != Some(unit) {
            return Ok(None);
        }
        let refuse = |why: String| Err(InstallError::Unfit { path: path.to_owned(), why });
        if content.meta.uid != self.place.uid {
            return refuse(format!("it belongs to user {}", content.meta.uid));
        }
        if content.meta.mode & 0o022 != 0 {
            return refuse(format!("others than its owner can change it (mode {:o})", content.meta.mode));
        }
        if content.meta.nlink != 1 {
            return refuse("it has another name (a hard link)".to_owned());
        }
        Ok(Some(Old { label: unit.to_owned(), path: path.to_owned(), bytes: content.bytes, meta: content.meta, list }))
    }

    fn records(&self) -> Result<Records, InstallError> {
        Records::of(&Folder::create(self.data_dir)?)
    }

    fn folder(&self) -> Result<Folder, InstallError> {
        Folder::open(&self.place.folder)?.ok_or_else(|| InstallError::Io {
            doing: "open",
            path: self.place.folder.clone(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    fn control(&self) -> Control<'_> {
        Control { runner: self.runner, domain: &self.place.domain }
    }
}

fn file_name(path: &Path) -> Result<String, InstallError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| InstallError::Unfit { path: path.to_owned(), why: "its name is no text".to_owned() })
}

/// The original with its bytes, owner and mode. What somebody else has put there meanwhile is not overwritten.
fn put_back(folder: &Folder, original: &Original, bytes: &[u8]) -> Result<(), InstallError> {
    let name = file_name(&original.path)?;
    match folder.read(&name, plist::MAX_BYTES)? {
        Some(found) if found != bytes => return Err(InstallError::InTheWay { path: original.path.clone() }),
        Some(_) => {}
        None => folder.write(&name, bytes, Audience::Owner)?,
    }
    let failed = |source| InstallError::Io { doing: "restore", path: original.path.clone(), source };
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(folder.path().join(&name))
        .map_err(failed)?;
    fchown(&file, Some(original.uid), Some(original.gid)).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(original.mode)).and_then(|()| file.sync_all()).map_err(failed)
}

/// The seconds that launchd gives the gate to end.
fn gate_exit_s(path: &Path) -> u64 {
    let content = read_regular(path, plist::MAX_BYTES).ok();
    let list = content.and_then(|content| plist::parse(&content.bytes).ok());
    let given = list.as_ref().and_then(plist::Value::as_dictionary).and_then(|list| list.get("ExitTimeOut"));
    given.and_then(plist::Value::as_unsigned_integer).unwrap_or(25).min(3_700)
}

fn refuse_file(path: &Path) -> Result<(), InstallError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(InstallError::Io { doing: "look at", path: path.to_owned(), source }),
        Ok(_) => Err(InstallError::InTheWay { path: path.to_owned() }),
    }
}
