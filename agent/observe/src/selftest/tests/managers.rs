//! Service managers that are only played.

use std::path::PathBuf;
use std::sync::Mutex;

use portreeve_core::snapshot::Manager;

use super::*;
use crate::command::{CommandError, Ending, Invocation, Output, Runner};

/// How a manager that is played differs from one that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It takes no job.
    Refuses,
    /// What it took is not shown.
    Hides,
    /// It shows another exit status.
    Miscounts,
    /// It shows the job from another file.
    Misplaces,
    /// What was taken back is still shown.
    Remembers,
    /// It says nothing that can be understood.
    Mumbles,
}

#[derive(Debug)]
struct Played {
    manager: Manager,
    fault: Fault,
    root: PathBuf,
    /// Label or unit, and where it was loaded from.
    loaded: Mutex<Option<(String, String)>>,
    commands: Mutex<Vec<String>>,
}

impl Played {
    fn launchctl(&self, words: &[String]) -> Result<String, (i32, &'static str)> {
        let mut loaded = self.loaded.lock().unwrap();
        let domain = if nix::unistd::geteuid().is_root() {
            "system".to_owned()
        } else {
            format!("user/{}", nix::unistd::geteuid())
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["bootstrap", _, _] if self.fault == Fault::Refuses => Err((5, "Bootstrap failed: 5: Input/output error")),
            ["bootstrap", into, path] => {
                assert_eq!(into, domain);
                let text = std::fs::read(path).unwrap();
                let job = plist::from_bytes::<plist::Value>(&text).unwrap();
                let label = job.as_dictionary().unwrap().get("Label").unwrap().as_string().unwrap().to_owned();
                *loaded = Some((label, path.to_owned()));
                Ok(String::new())
            }
            ["bootout", target] => {
                if self.fault != Fault::Remembers {
                    let (label, _) = loaded.take().ok_or((3, "No such process"))?;
                    assert_eq!(target, format!("{domain}/{label}"));
                }
                Ok(String::new())
            }
            ["print", name] if name == domain => {
                let label = loaded.as_ref().filter(|_| self.fault != Fault::Hides).map_or("a.b", |(label, _)| label);
                Ok(format!("{name} = {{\n\ttype = user\n\tservices = {{\n\t\t0\t7\t{label}\n\t}}\n}}\n"))
            }
            ["print", target] => {
                let (label, path) = loaded.as_ref().ok_or((113, "Could not find service"))?;
                if target != format!("{domain}/{label}") || self.fault == Fault::Hides {
                    return Err((113, "Could not find service"));
                }
                let path = if self.fault == Fault::Misplaces { "/elsewhere" } else { path };
                let status = if self.fault == Fault::Miscounts { 0 } else { 7 };
                if self.fault == Fault::Mumbles {
                    return Ok("new format of macOS 27\n".to_owned());
                }
                Ok(format!(
                    "{target} = {{\n\tpath = {path}\n\tstate = not running\n\truns = 1\n\tlast exit code = {status}\n}}\n"
                ))
            }
            _ => Err((113, "Could not find domain")),
        }
    }

    fn systemd(&self, program: &str, words: &[String]) -> Result<String, (i32, &'static str)> {
        let mut loaded = self.loaded.lock().unwrap();
        let unit = words.iter().find_map(|word| word.strip_prefix("--unit=")).map(str::to_owned);
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        match (program, unit) {
            ("/usr/bin/systemd-run", _) if self.fault == Fault::Refuses => {
                Err((1, "Failed to start transient service"))
            }
            ("/usr/bin/systemd-run", Some(unit)) => {
                *loaded = Some((unit, String::new()));
                Ok(String::new())
            }
            _ if has("reset-failed") => {
                if self.fault != Fault::Remembers {
                    *loaded = None;
                }
                Ok(String::new())
            }
            _ if has("show") => {
                let wanted = words.last().unwrap();
                let status = if self.fault == Fault::Miscounts { 0 } else { 7 };
                let is_there = loaded.as_ref().is_some_and(|(unit, _)| unit == wanted);
                Ok(match (is_there && self.fault != Fault::Hides, self.fault) {
                    (true, Fault::Mumbles) => "new format of systemd 300\n".to_owned(),
                    (true, _) => format!(
                        "Id={wanted}\nLoadState=loaded\nActiveState=failed\nSubState=failed\nExecMainCode=1\nExecMainStatus={status}\n"
                    ),
                    (false, _) => format!("Id={wanted}\nLoadState=not-found\n"),
                })
            }
            _ => Ok(String::new()),
        }
    }
}

impl Runner for Arc<Played> {
    fn run(&self, invocation: &Invocation) -> Result<Output, CommandError> {
        let command = invocation.to_string();
        self.commands.lock().unwrap().push(command.clone());
        let words: Vec<String> = invocation.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let said = match self.manager {
            Manager::Launchd => self.launchctl(&words),
            Manager::Systemd => self.systemd(invocation.program, &words),
        };
        match said {
            Ok(stdout) => Ok(Output { stdout: stdout.into_bytes(), stderr: Vec::new() }),
            Err((status, stderr)) => Err(CommandError::Failed {
                command,
                ending: Ending::Exit(status),
                output: Output { stdout: Vec::new(), stderr: stderr.as_bytes().to_vec() },
            }),
        }
    }
}

struct Playing(Arc<Played>);

impl Eyes for Playing {
    fn runner(&self) -> &dyn Runner {
        &self.0
    }

    fn manager(&self) -> Manager {
        self.0.manager
    }

    fn root(&self) -> &Path {
        &self.0.root
    }
}

fn played(manager: Manager, fault: Fault) -> (Outcome, Arc<Played>) {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
    let user = format!("run/user/{}/systemd", nix::unistd::geteuid());
    std::fs::create_dir_all(root.path().join(user)).unwrap();
    let (loaded, commands) = (Mutex::default(), Mutex::default());
    let played = Arc::new(Played { manager, fault, root: root.path().to_owned(), loaded, commands });
    (tried(Seam::Services, Playing(Arc::clone(&played))), played)
}

#[test]
fn a_job_that_is_shown_as_it_is_passes_and_is_taken_back() {
    for manager in [Manager::Launchd, Manager::Systemd] {
        let (outcome, played) = played(manager, Fault::None);
        assert_eq!(outcome, Outcome::Passed, "{:?}", played.commands);
        assert_eq!(*played.loaded.lock().unwrap(), None);
    }
}

#[test]
fn a_manager_that_takes_no_job_proves_nothing() {
    for manager in [Manager::Launchd, Manager::Systemd] {
        let (outcome, _) = played(manager, Fault::Refuses);
        assert!(matches!(outcome, Outcome::Skipped { .. }), "{outcome:?}");
    }
}

#[test]
fn what_is_shown_otherwise_is_found_and_the_job_is_taken_back_all_the_same() {
    std::thread::scope(|scope| {
        for manager in [Manager::Launchd, Manager::Systemd] {
            for fault in [Fault::Hides, Fault::Miscounts, Fault::Misplaces, Fault::Remembers, Fault::Mumbles] {
                if (manager, fault) == (Manager::Systemd, Fault::Misplaces) {
                    continue;
                }
                scope.spawn(move || {
                    let (outcome, played) = played(manager, fault);
                    assert!(matches!(outcome, Outcome::Failed { .. }), "{manager:?} {fault:?}: {outcome:?}");
                    let commands = played.commands.lock().unwrap();
                    assert!(
                        commands.iter().any(|command| command.contains("bootout") || command.contains("reset-failed"))
                    );
                    assert_eq!(played.loaded.lock().unwrap().is_some(), fault == Fault::Remembers);
                });
            }
        }
    });
}
