//! `portreeve enrol`.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use nix::sys::termios::{self, LocalFlags, SetArg, Termios};
use portreeve_core::Secret;
use portreeve_deliver::send::enrol::{EnrolError, enrol, leave, rotate};
use portreeve_deliver::send::enrolment::{self, Enrolment};
use portreeve_store::{Privacy, read_named};
use portreeve_telemetry::enrol::Request;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{json, observe};
use crate::cli::{EnrolArgs, Global};
use crate::error::UserError;
use crate::output;
use crate::settings::Settings;

/// The name and version of the form of `enrol --json`.
const SCHEMA: &str = "portreeve.enrol/1";
/// Longest join code, in bytes.
const MAX_CODE: u64 = 1024;

pub(super) fn run(global: &Global, args: &EnrolArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let (options, data_dir) = (&settings.deliver.options, settings.data_dir.as_path());
    let (did, enrolment) = if let Some(url) = &args.url {
        let request = request(&settings, args)?;
        ("enrolled", observe::until_signal(enrol(options, data_dir, url, &request))??)
    } else if args.rotate {
        ("rotated", observe::until_signal(rotate(options, data_dir))??)
    } else {
        ("left", self::left(&settings, args.forget)?)
    };
    if args.json {
        let (endpoint, node, name, at) = (&enrolment.endpoint, &enrolment.node, &enrolment.name, enrolment.at);
        let value = json!({
            "schema": SCHEMA, "did": did, "endpoint": endpoint, "node": node, "name": name, "granted_at": at,
        });
        output::print(&json(&value)?)?;
    } else {
        output::print(&told(did, &enrolment, &settings))?;
    }
    Ok(0)
}

fn left(settings: &Settings, forget: bool) -> Result<Enrolment> {
    let data_dir = &settings.data_dir;
    match observe::until_signal(leave(&settings.deliver.options, data_dir))? {
        Ok(enrolment) => Ok(enrolment),
        Err(error) if forget => {
            let before = enrolment::read(data_dir).ok().flatten();
            if !enrolment::remove(data_dir).context("cannot forget the enrolment")? {
                return Err(EnrolError::NotEnrolled.into());
            }
            output::note(&format!("the fleet was not told: {error}; revoke the credential there"));
            // Where the file is damaged nobody knows what it said.
            let unknown = || Enrolment {
                endpoint: String::new(),
                node: String::new(),
                name: String::new(),
                token: Secret::from(String::new()),
                at: Timestamp::now(),
            };
            Ok(before.unwrap_or_else(unknown))
        }
        Err(error) => Err(error.into()),
    }
}

fn told(did: &str, enrolment: &Enrolment, settings: &Settings) -> String {
    let (name, endpoint) = (output::plain(&enrolment.name), output::plain(&enrolment.endpoint));
    match did {
        "left" => format!("left {endpoint}; its credential is forgotten\n"),
        "rotated" => {
            format!("`{name}` has a new credential at {endpoint}; the old one counts until the new one is used\n")
        }
        _ => {
            let other = settings.deliver.options.endpoint.as_ref();
            let set = other
                .map(|other| format!("\nnote: `deliver.endpoint` is set, and reports go to {}", output::plain(other)));
            format!("enrolled as `{name}` at {endpoint}; `portreeve run` reports there{}\n", set.unwrap_or_default())
        }
    }
}

fn request(settings: &Settings, args: &EnrolArgs) -> Result<Request> {
    let key = portreeve_observe::fingerprint_key(&settings.data_dir, settings.shared_key_file.as_deref())
        .context("cannot make fingerprints")?;
    let node = portreeve_observe::node_identity(&settings.data_dir, &key).context("cannot keep the node's identity")?;
    let hostname = portreeve_observe::host::hostname(Timestamp::now()).get().cloned().unwrap_or_default();
    let code = code(args.code_file.as_deref())?;
    Ok(Request {
        code: code.expose_secret().to_owned(),
        node,
        name: args.name.clone(),
        hostname,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn code(file: Option<&Path>) -> Result<Secret> {
    let text = match file {
        Some(path) if path == Path::new("-") => from_stdin()?,
        Some(path) => {
            let path = std::path::absolute(path).map_err(|source| UserError::Read { path: path.to_owned(), source })?;
            let bytes = read_named(&path, MAX_CODE, Privacy::Secret).context("cannot read the join code")?;
            Secret::from(String::from_utf8(bytes).map_err(|_| UserError::NoCode)?)
        }
        None if io::stdin().is_terminal() => {
            observe::until_signal(asked())?.map_err(|source| UserError::Read { path: "/dev/stdin".into(), source })?
        }
        None => from_stdin()?,
    };
    let code = text.expose_secret().trim();
    if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UserError::NoCode.into());
    }
    Ok(Secret::from(code))
}

fn from_stdin() -> Result<Secret> {
    let mut text = String::new();
    let read = io::stdin().take(MAX_CODE + 1).read_to_string(&mut text);
    read.map_err(|source| UserError::Read { path: "/dev/stdin".into(), source })?;
    Ok(Secret::from(text))
}

/// A line from the terminal, which does not show it. Where this is given up, the terminal shows again what is typed.
async fn asked() -> io::Result<Secret> {
    let _quiet = Quiet::begin()?;
    write!(io::stderr(), "Join code: ")?;
    let read = || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| Secret::from(line))
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// A terminal that does not show what is typed, until it is dropped.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = termios::tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        quiet.local_flags.insert(LocalFlags::ECHONL);
        termios::tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // The shell sets its terminal anew where this fails.
        let _ = termios::tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0);
    }
}
