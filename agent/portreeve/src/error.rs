//! Errors that end a command: what failed, where, and what to do.

use std::path::PathBuf;

use portreeve_deliver::send::SetupError;
use portreeve_deliver::send::enrol::EnrolError;

/// What was typed or configured cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserError {
    /// A file named on the command line.
    #[error("cannot read `{path}`", path = path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A file named on the command line.
    #[error("cannot write `{path}`", path = path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// `check --from` of something that is no snapshot.
    #[error("`{path}` is not a snapshot of this version of Portreeve", path = path.display())]
    NotASnapshot {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// `explain` of an unknown code.
    #[error("`{code}` is not a finding's code")]
    UnknownCode { code: String, nearest: Option<&'static str> },
    /// `connect` without a URL where it is not plain which gateway is meant.
    #[error("{problem}")]
    WhichGateway { problem: &'static str, known: Vec<String> },
    /// `connect` to something that is no URL of a gateway.
    #[error("cannot connect to `{url}`")]
    NotAGateway {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// `connect --in` for longer than a probe runs.
    #[error("a series in a container takes at most {seconds} s and {count} connects")]
    TooLong { seconds: u64, count: u32 },
    /// `connect --in` of a container that is no client's.
    #[error("container `{name}` is no client of a gateway: {why}")]
    NoClient { name: String, why: String },
    /// `locks` where there is no state directory.
    #[error("{problem}")]
    NoStateDir { problem: String },
    /// `images` of what is no reference.
    #[error("`{text}` is no image")]
    NotAnImage {
        text: String,
        #[source]
        source: portreeve_core::image_reference::ImageReferenceError,
    },
    /// `images accept` of an image that does not run.
    #[error("nothing here runs `{image}`")]
    NotRunning { image: String },
    /// `status` where no daemon has run.
    #[error("no daemon has left its verdict on this node")]
    NoStatus { places: Vec<PathBuf> },
    /// `status` of something else.
    #[error("`{path}` is not what a daemon of this version writes", path = path.display())]
    NotAStatus {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// `spool` where nothing was ever spooled.
    #[error("there is no spool at `{path}`", path = path.display())]
    NoSpool { path: PathBuf },
    /// `spool flush` without somewhere to deliver to.
    #[error("no endpoint is set, and this node is not enrolled")]
    NoEndpoint,
    /// `logs` where there are none.
    #[error("no log of a gateway was found on this node")]
    NoLogs,
    /// `gate install` on a system without launchd.
    #[error("there is no launchd on this system")]
    NoLaunchd,
    /// `gate install` of a unit that runs something else.
    #[error("unit `{label}` runs no gateway")]
    NotAGatewayUnit { label: String },
    /// `gate install` where another has the port.
    #[error("the port of the gateway has, or may have, another owner: {}", .owners.join("; "))]
    PortTaken { owners: Vec<String> },
    /// `gate install` without a yes.
    #[error("nothing was changed")]
    Unconfirmed,
    /// `maintenance on` with an end or a reason that cannot be.
    #[error(transparent)]
    Maintenance(portreeve_core::maintenance::MaintenanceError),
    /// `evidence` into a place that is not fit.
    #[error("cannot write `{path}`: {problem}", path = path.display())]
    Unfit { path: PathBuf, problem: String, hint: &'static str },
    /// `enrol` without a code, or with what is none.
    #[error("what was read is no join code")]
    NoCode,
    /// `--in` of a container that no engine has.
    #[error("no engine of this node has a container `{name}`")]
    NoSuchContainer { name: String, known: Vec<String> },
}

/// Most names that a hint lists.
const MAX_SHOWN: usize = 20;

impl UserError {
    /// What the user can do about it.
    fn hint(&self) -> String {
        match self {
            Self::Read { .. } => "check the path and its permissions".to_owned(),
            Self::Write { .. } => "choose a folder that exists and that you may write".to_owned(),
            Self::NotASnapshot { .. } => "make one with `portreeve check --save FILE`".to_owned(),
            Self::NoStateDir { .. } => "name the state directory: `portreeve locks ~/.openclaw`".to_owned(),
            Self::UnknownCode { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`? `portreeve explain` lists all codes")
            }
            Self::WhichGateway { known, .. } if known.is_empty() => {
                "name a URL (`portreeve connect ws://127.0.0.1:18789`), or a client's container with `--in`".to_owned()
            }
            Self::WhichGateway { known, .. } => format!("name one of them: {}", known.join(", ")),
            Self::NoStatus { places } => {
                let looked: Vec<String> = places.iter().map(|path| format!("`{}`", path.display())).collect();
                format!("start one with `portreeve run`; looked for {}", looked.join(" and "))
            }
            Self::NotAStatus { .. } => "name the document with `status_file`, or `portreeve status FILE`".to_owned(),
            Self::NotAGateway { .. } => "write it as `ws://host:port` or `wss://host`".to_owned(),
            Self::TooLong { .. } => "ask for less, or run it again: `--spread`, `--count`".to_owned(),
            Self::NoLaunchd => "`portreeve gate -- COMMAND` runs a gateway under any supervisor".to_owned(),
            Self::NotAGatewayUnit { .. } => "`portreeve units` lists units by what they run".to_owned(),
            Self::PortTaken { .. } => "`portreeve check` tells how to mend it".to_owned(),
            Self::Unconfirmed => "`--yes` goes on without asking, `--dry-run` only shows what would change".to_owned(),
            Self::Maintenance(_) => "`portreeve maintenance on --for 2h --reason TEXT`".to_owned(),
            Self::Unfit { hint, .. } => (*hint).to_owned(),
            Self::NoCode => {
                "`portreeve-fleet code create` makes one on the fleet; name its file with `--code-file`".to_owned()
            }
            Self::NoSpool { .. } => {
                "`portreeve run` makes one once `deliver.endpoint` is set or this node is enrolled".to_owned()
            }
            Self::NoEndpoint => "set `deliver.endpoint`, or join a fleet with `portreeve enrol URL`".to_owned(),
            Self::NoLogs => "name a file: `portreeve logs FILE`".to_owned(),
            Self::NoClient { .. } => {
                "`portreeve check` lists what each container is; `portreeve connect URL` connects from this node"
                    .to_owned()
            }
            Self::NotAnImage { .. } => "write it as `ghcr.io/openclaw/openclaw:2026.9.6`".to_owned(),
            Self::NotRunning { .. } => "`portreeve images` lists what runs".to_owned(),
            Self::NoSuchContainer { known, .. } if known.is_empty() => "no container was found at all".to_owned(),
            Self::NoSuchContainer { known, .. } => {
                let shown: Vec<&str> = known.iter().take(MAX_SHOWN).map(String::as_str).collect();
                let more = if known.len() > MAX_SHOWN { ", …" } else { "" };
                format!("there are: {}{more}", shown.join(", "))
            }
            Self::UnknownCode { nearest: None, .. } => "`portreeve explain` lists all codes".to_owned(),
        }
    }
}

/// The hint of the outermost error that has one.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(user) = cause.downcast_ref::<UserError>() {
            return Some(user.hint());
        }
        if let Some(install) = cause.downcast_ref::<portreeve_launchd::InstallError>() {
            return install.hint();
        }
        if let Some(enrol) = cause.downcast_ref::<EnrolError>() {
            return enrol_hint(enrol);
        }
        cause.downcast_ref::<crate::settings::SettingsError>().and_then(crate::settings::SettingsError::hint)
    })
}

fn enrol_hint(error: &EnrolError) -> Option<String> {
    let hint = match error {
        EnrolError::Setup(SetupError::Plaintext { .. }) => {
            "use `https://`; `deliver.plaintext = \"allow\"` sends it all the same"
        }
        EnrolError::Setup(SetupError::Url { .. }) => "write it as `https://fleet.example.com`",
        EnrolError::Unreachable { why, .. } if why.contains("certificate") => {
            "name the authority that signed it with `deliver.ca_file`"
        }
        EnrolError::Unreachable { .. } => "check the URL, and `HTTPS_PROXY` where a proxy leads there",
        EnrolError::Refused { .. } => {
            "a join code counts for a while and so many nodes only: `portreeve-fleet code create` makes a new one"
        }
        EnrolError::Later { .. } => "try it again in a few minutes",
        EnrolError::NotAFleet { .. } | EnrolError::OtherNode { .. } => {
            "name the URL of a `portreeve-fleet`; for any other OTLP endpoint set `deliver.endpoint` and `deliver.token_file`"
        }
        EnrolError::NotEnrolled => "`portreeve enrol URL` joins a fleet",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Usage errors give 2, configuration of the agent itself 78, anything else 1.
pub(crate) fn exit_status(error: &anyhow::Error) -> u8 {
    if error.chain().any(<dyn std::error::Error>::is::<crate::settings::SettingsError>) {
        78
    } else if error.chain().any(|cause| {
        let user = cause.downcast_ref::<UserError>();
        matches!(user, Some(UserError::NoStatus { .. } | UserError::NotAStatus { .. }))
    }) {
        portreeve_core::status::NOT_KNOWN
    } else if error.chain().any(<dyn std::error::Error>::is::<UserError>) {
        2
    } else {
        1
    }
}
