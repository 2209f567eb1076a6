//! Why no gate was installed or removed.

use std::path::PathBuf;

use portreeve_observe::command::CommandError;
use portreeve_observe::launchd::PrintError;
use portreeve_observe::plist::ParseError;
use portreeve_openclaw::file::ReadError;
use portreeve_store::StoreError;

/// Why no gate was installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A label that is no name of a file.
    #[error("`{label}` is no label that a gate can be named after: letters, digits, `.`, `-` and `_` are, 128 at most")]
    Label {
        /// The label.
        label: String,
    },
    /// No property list has the label.
    #[error("no property list in `{folder}` has the label `{label}`", folder = .folder.display())]
    NoSuchUnit {
        /// The label.
        label: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The unit is not to be touched as it is.
    #[error("`{path}` cannot be taken over: {why}", path = .path.display())]
    Unfit {
        /// The property list.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Another user could change what root would run.
    #[error("root must not run what others can change")]
    Exposed(#[source] StoreError),
    /// The file could not be read.
    #[error("cannot read the unit")]
    Read(#[from] ReadError),
    /// It is no property list.
    #[error("`{path}` cannot be parsed", path = .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ParseError,
    },
    /// The template of this program is damaged.
    #[error("the template of the gate cannot be parsed")]
    Template(#[source] ParseError),
    /// The property list could not be put into words.
    #[error("the property list of the gate cannot be written")]
    Write(#[source] plist::Error),
    /// There is a gate already.
    #[error("there is a gate for `{label}` already")]
    Already {
        /// The label of the unit or the project.
        label: String,
    },
    /// There is none.
    #[error("no gate was installed for `{label}`")]
    NotInstalled {
        /// The label of the unit or the project.
        label: String,
    },
    /// Somebody else has put something in the place of the original.
    #[error("`{path}` is there again and is not what was taken over", path = .path.display())]
    InTheWay {
        /// The property list.
        path: PathBuf,
    },
    /// What is kept could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be changed.
    #[error("cannot {doing} `{path}`", path = .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `launchctl` refused.
    #[error("launchd refused: {words}")]
    Launchd {
        /// The last line of its complaint.
        words: String,
        /// How `launchctl` ended.
        #[source]
        source: CommandError,
    },
    /// What launchd says of jobs that are switched off was not understood.
    #[error("cannot tell which jobs launchd has switched off")]
    Disabled(#[source] PrintError),
    /// A job does not go away.
    #[error("`{label}` is still loaded {seconds} s after launchd was told to end it")]
    StillLoaded {
        /// The job.
        label: String,
        /// How long was waited.
        seconds: u64,
    },
    /// launchd took the job and has it not.
    #[error("launchd took `{label}` and does not have it")]
    NotLoaded {
        /// The job.
        label: String,
    },
    /// A step failed, and so did taking the steps before it back.
    #[error("{failed}, and not everything could be taken back: {rollback}")]
    NotTakenBack {
        /// What failed first.
        failed: String,
        /// What failed then.
        #[source]
        rollback: Box<InstallError>,
    },
}

impl InstallError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchUnit { .. } => Some("`portreeve units` lists labels and where they are".to_owned()),
            Self::Already { label } => Some(format!("`portreeve gate uninstall {label}` takes it out")),
            Self::NotTakenBack { .. } => {
                Some("mend the cause, then `portreeve gate uninstall LABEL` takes the rest back".to_owned())
            }
            Self::InTheWay { .. } => Some("move it away and try again".to_owned()),
            Self::Exposed(_) => {
                Some("install it where only root writes, or name a `UserName` in the property list".to_owned())
            }
            _ => None,
        }
    }
}
