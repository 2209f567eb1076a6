//! The gate's property list, made from that of a unit.

use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};
use portreeve_openclaw::file::FileMeta;

use crate::template::{array, parse, words};
use crate::{COMPOSE, InstallError, UNIT, diff, label};

/// Keys of a unit that are kept as they are.
const KEPT: [&str; 22] = [
    "AssociatedBundleIdentifiers",
    "Comment",
    "EnvironmentVariables",
    "GroupName",
    "HardResourceLimits",
    "InitGroups",
    "LegacyTimers",
    "LimitLoadToSessionType",
    "LowPriorityBackgroundIO",
    "LowPriorityIO",
    "MaterializeDatalessFiles",
    "Nice",
    "ProcessType",
    "RootDirectory",
    "SessionCreate",
    "SoftResourceLimits",
    "StandardErrorPath",
    "StandardInPath",
    "StandardOutPath",
    "Umask",
    "UserName",
    "WorkingDirectory",
];
/// Keys that the gate's own values take the place of.
const REPLACED: [&str; 8] =
    ["Disabled", "ExitTimeOut", "KeepAlive", "Label", "Program", "ProgramArguments", "RunAtLoad", "ThrottleInterval"];
/// Variables by which `OpenClaw` takes itself for a service of its own making: it would then kill other gateways on its port, and end with
/// 0 where another has it.
const MARKERS: [&str; 3] = ["OPENCLAW_LAUNCHD_LABEL", "OPENCLAW_SERVICE_KIND", "OPENCLAW_SERVICE_MARKER"];
/// Seconds that a gate needs after it has killed its command (`ExitTimeOut` less `--stop-timeout` of the template).
const MARGIN_S: u64 = 7;
/// Longest `--stop-timeout`, in seconds.
const MAX_STOP_S: u64 = 3_600;
/// `ExitTimeOut` 0 is for ever; a gate does not wait so long.
const LONG_STOP_S: u64 = 300;

/// What would be done.
#[derive(Debug)]
pub struct Plan {
    /// Label of the gate.
    pub label: String,
    /// Its property list.
    pub path: PathBuf,
    /// What is lost or changed beyond what the diff shows.
    pub notes: Vec<String>,
    pub(crate) new: Dictionary,
    pub(crate) old: Option<Old>,
    /// What stands for it in the folder of records.
    pub(crate) record: String,
}

/// The unit that is taken over.
pub(crate) struct Old {
    pub(crate) label: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) meta: FileMeta,
    pub(crate) list: Dictionary,
}

impl std::fmt::Debug for Old {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Old").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A Compose project that is to have a gate.
#[derive(Debug, Clone)]
pub struct ComposeJob {
    /// The Compose file.
    pub file: PathBuf,
    /// The project's name, as given with `--project`.
    pub project: Option<String>,
    /// The user whose job it is in the system's domain: name and home. Else the job is that of the domain.
    pub user: Option<(String, PathBuf)>,
    /// The folder for its log.
    pub logs: PathBuf,
}

impl Plan {
    /// What changes, as a unified diff without secrets.
    pub fn diff(&self) -> Result<String, InstallError> {
        let name = self.path.to_string_lossy();
        let old = self.old.as_ref().map(|old| (old.path.to_string_lossy(), &old.list));
        diff::unified(old.as_ref().map(|(name, list)| (name.as_ref(), *list)), (&name, &self.new))
    }

    /// The label of the unit that is taken over.
    pub fn takes_over(&self) -> Option<&str> {
        self.old.as_ref().map(|old| old.label.as_str())
    }

    /// The words that the job runs.
    pub fn words(&self) -> Vec<String> {
        words(&self.new)
    }

    /// The seconds that the unit has to end.
    pub(crate) fn old_exit_timeout_s(&self) -> u64 {
        let given = self.old.as_ref().and_then(|old| number(&old.list, "ExitTimeOut"));
        match given {
            Some(0) => LONG_STOP_S,
            Some(seconds) => seconds.min(MAX_STOP_S),
            None => 20,
        }
    }
}

fn number(list: &Dictionary, key: &str) -> Option<u64> {
    list.get(key).and_then(Value::as_unsigned_integer)
}

/// The command of a unit in words.
pub(crate) fn command(list: &Dictionary) -> Vec<String> {
    let mut words = words(list);
    if let Some(program) = list.get("Program").and_then(Value::as_string) {
        match words.first_mut() {
            Some(first) => program.clone_into(first),
            None => words.push(program.to_owned()),
        }
    }
    words
}

/// The gate in the place of a unit, whose user has this home.
pub(crate) fn of_unit(
    old: Old,
    program: &Path,
    options: &[String],
    folder: &Path,
    home: Option<&Path>,
) -> Result<Plan, InstallError> {
    let unfit = |why: &str| InstallError::Unfit { path: old.path.clone(), why: why.to_owned() };
    let template = parse(UNIT)?;
    let command = command(&old.list);
    let mut parts = command.iter().map(|word| word.rsplit('/').next().unwrap_or(word));
    if command.is_empty() {
        return Err(unfit("it names no program"));
    }
    if parts.next() == Some("portreeve") && parts.next() == Some("gate") {
        return Err(unfit("it is a gate already"));
    }
    if old.list.get("EnableGlobbing").and_then(Value::as_boolean) == Some(true) {
        return Err(unfit("`EnableGlobbing` makes other words of its arguments"));
    }
    let exit_s = match number(&old.list, "ExitTimeOut") {
        Some(0) => LONG_STOP_S,
        Some(seconds) => seconds,
        None => 0,
    };
    let own_stop_s = number(&template, "ExitTimeOut").unwrap_or_default().saturating_sub(MARGIN_S);
    let stop_s = exit_s.clamp(own_stop_s, MAX_STOP_S);
    let throttle_s = number(&old.list, "ThrottleInterval").max(number(&template, "ThrottleInterval"));

    let gate = label::gate_of(&old.label);
    let mut new = Dictionary::new();
    let mut notes = Vec::new();
    new.insert("Label".to_owned(), Value::String(gate.clone()));
    let mut line = vec![program.to_string_lossy().into_owned()];
    line.extend(words(&template).into_iter().skip(1).take_while(|word| word != "--stop-timeout"));
    line.extend(["--stop-timeout".to_owned(), stop_s.to_string()]);
    line.extend(options.iter().cloned());
    line.push("--".to_owned());
    line.extend(command);
    new.insert("ProgramArguments".to_owned(), array(line));
    for (key, value) in &old.list {
        if KEPT.binary_search(&key.as_str()).is_ok() {
            new.insert(key.clone(), value.clone());
        } else if REPLACED.binary_search(&key.as_str()).is_err() {
            notes.push(format!("`{key}` is not kept"));
        }
    }
    for (key, value) in template {
        match key.as_str() {
            "ExitTimeOut" => set(&mut new, &key, stop_s.saturating_add(MARGIN_S).into()),
            "ThrottleInterval" => set(&mut new, &key, throttle_s.unwrap_or_default().into()),
            "EnvironmentVariables" => notes.extend(merge_variables(&mut new, value, home)),
            "SoftResourceLimits" => merge_limits(&mut new, value),
            _ if !new.contains_key(&key) => set(&mut new, &key, value),
            _ => {}
        }
    }
    diff::sort(&mut new);
    let (path, record) = (folder.join(format!("{gate}.plist")), old.label.clone());
    Ok(Plan { label: gate, path, notes, new, old: Some(old), record })
}

fn set(list: &mut Dictionary, key: &str, value: Value) {
    list.insert(key.to_owned(), value);
}

/// The gate's variables on top of the unit's, less the markers. Gives what to say.
fn merge_variables(new: &mut Dictionary, value: Value, home: Option<&Path>) -> Vec<String> {
    let mut variables = match new.remove("EnvironmentVariables") {
        Some(Value::Dictionary(variables)) => variables,
        _ => Dictionary::new(),
    };
    let mut notes = Vec::new();
    for marker in MARKERS {
        if variables.remove(marker).is_some() {
            notes.push(format!("variable `{marker}` is not kept: it says that OpenClaw manages the job itself"));
        }
    }
    variables.extend(value.into_dictionary().unwrap_or_default());
    // A program can ask the user database; where the gate keeps what it remembers follows from the variable.
    if let Some(home) = home
        && !variables.contains_key("HOME")
    {
        set(&mut variables, "HOME", Value::String(home.to_string_lossy().into_owned()));
    }
    set(new, "EnvironmentVariables", Value::Dictionary(variables));
    notes
}

/// The gate's limits where the unit has none.
fn merge_limits(new: &mut Dictionary, value: Value) {
    let mut limits = value.into_dictionary().unwrap_or_default();
    if let Some(Value::Dictionary(own)) = new.remove("SoftResourceLimits") {
        limits.extend(own);
    }
    // A soft limit above a hard one is refused.
    let hard = new.get("HardResourceLimits").and_then(Value::as_dictionary);
    if let Some(most) = hard.and_then(|hard| number(hard, "NumberOfFiles"))
        && number(&limits, "NumberOfFiles").is_some_and(|files| files > most)
    {
        set(&mut limits, "NumberOfFiles", most.into());
    }
    set(new, "SoftResourceLimits", Value::Dictionary(limits));
}

/// The gate for a Compose project.
pub(crate) fn of_compose(
    job: &ComposeJob,
    program: &Path,
    options: &[String],
    folder: &Path,
) -> Result<Plan, InstallError> {
    let name = match (&job.project, job.file.parent().and_then(Path::file_name)) {
        (Some(project), _) => project.clone(),
        (None, Some(name)) => name.to_string_lossy().into_owned(),
        (None, None) => String::new(),
    };
    let name = label::check(&name)?;
    let gate = label::gate_of_project(name);
    let mut new = parse(COMPOSE)?;
    let template = words(&new);
    let mut line = vec![program.to_string_lossy().into_owned()];
    line.extend(template.into_iter().skip(1).take_while(|word| word != "--compose"));
    line.extend(options.iter().cloned());
    line.extend(["--compose".to_owned(), job.file.to_string_lossy().into_owned()]);
    line.extend(job.project.iter().flat_map(|project| ["--project".to_owned(), project.clone()]));
    set(&mut new, "Label", Value::String(gate.clone()));
    set(&mut new, "ProgramArguments", array(line));
    if let Some((user, home)) = &job.user {
        set(&mut new, "UserName", Value::String(user.clone()));
        let home = Value::String(home.to_string_lossy().into_owned());
        set(&mut new, "EnvironmentVariables", Value::Dictionary(Dictionary::from_iter([("HOME".to_owned(), home)])));
    }
    let log = job.logs.join(format!("gate.{name}.log"));
    set(&mut new, "StandardErrorPath", Value::String(log.to_string_lossy().into_owned()));
    diff::sort(&mut new);
    let (path, record) = (folder.join(format!("{gate}.plist")), format!("compose.{name}"));
    Ok(Plan { label: gate, path, notes: Vec::new(), new, old: None, record })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_in_one_list() {
        assert!(KEPT.is_sorted() && REPLACED.is_sorted());
        assert!(KEPT.iter().all(|key| !REPLACED.contains(key)));
    }
}
