//! The program of a container itself, run once: in the container where it runs, else in a throw-away one as it is defined.

use std::time::{Duration, Instant};

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::attach::{Output, Streams};
use super::container::ThrowAway;
use super::subject::{self, Spec};
use super::{InsideError, Subject};
use crate::engine::{Body, Client, EngineError, Found, read, segment};

/// Longest answer to a small question, in bytes.
const SMALL: usize = 64 * 1024;
/// What the engine may take for its own part.
const ENGINE_SHARE: Duration = Duration::from_secs(4);

/// Ends a program with its whole group when its time is over. An engine cannot end what it was told to run in a container, and in the
/// machine of an engine nobody else can.
const GUARD: &str = "const c=require('child_process').spawn(process.execPath,process.argv.slice(2),\
    {stdio:['ignore','inherit','inherit'],detached:true});\
    const k=()=>{try{process.kill(-c.pid,'SIGKILL')}catch{}};\
    setTimeout(k,Number(process.argv[1]));c.on('error',()=>process.exit(127));\
    c.on('exit',code=>{k();process.exit(code??137)})";

/// What a program of a container said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Exit status; none where it did not end in time.
    pub(crate) exit: Option<i32>,
}

/// A container or service that a program is run in.
pub(crate) struct Place<'a> {
    pub(crate) client: &'a Client,
    pub(crate) subject: Subject<'a>,
    /// It runs, so that the program is run in it and not in one like it.
    pub(crate) is_running: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Ended {
    running: bool,
    exit_code: Option<i32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Inspected {
    state: Ended,
}

impl Place<'_> {
    /// The first of these files that is there, with its content.
    pub(crate) async fn find(
        &self,
        paths: &[String],
        until: Instant,
    ) -> Result<Option<(String, Vec<u8>)>, InsideError> {
        if let (Subject::Container { id }, true) = (self.subject, self.is_running) {
            return Ok(first(self.client, id, paths, until).await);
        }
        // What an engine has no container of can be looked into once there is one; it is never started.
        let spec = self.spec(&["true".to_owned()], until).await?;
        let container = ThrowAway::make(self.client, &spec, until).await?;
        let found = first(self.client, container.name(), paths, until).await;
        container.remove(self.client).await;
        Ok(found)
    }

    /// Runs Node with these arguments, for at most `time`.
    pub(crate) async fn node(
        &self,
        arguments: &[String],
        time: Duration,
        is_whole: fn(&[u8]) -> bool,
    ) -> Result<Answer, InsideError> {
        let until = Instant::now() + time + ENGINE_SHARE;
        let work = async {
            match self.subject {
                Subject::Container { id } if self.is_running => self.exec(id, arguments, time, until, is_whole).await,
                _ => self.throw_away(arguments, time, until, is_whole).await,
            }
        };
        match tokio::time::timeout_at((until + ENGINE_SHARE).into(), work).await {
            Ok(result) => result,
            Err(_) => Err(InsideError::Late { after: time }),
        }
    }

    async fn exec(
        &self,
        id: &str,
        arguments: &[String],
        time: Duration,
        until: Instant,
        is_whole: fn(&[u8]) -> bool,
    ) -> Result<Answer, InsideError> {
        let failed = |source| InsideError::Engine { action: "run a program in the container", source };
        let guard = ["node".to_owned(), "-e".to_owned(), GUARD.to_owned(), time.as_millis().to_string()];
        let words: Vec<String> = guard.into_iter().chain(arguments.iter().cloned()).collect();
        let asked = json!({ "AttachStdout": true, "AttachStderr": true, "Cmd": words, "Env": ["NO_COLOR=1"] });
        let path = format!("/containers/{}/exec", segment(id));
        let body = Body::Json(asked.to_string().into_bytes());
        let made = self.client.call(Method::POST, &path, body, SMALL, until).await.map_err(failed)?;
        let made: Created = serde_json::from_slice(&made).map_err(|error| failed(EngineError::Malformed(error)))?;
        let exec = segment(&made.id);
        let path = format!("/v{}/exec/{exec}/start", self.client.api_version());
        let start = json!({ "Detach": false, "Tty": false }).to_string();
        let streams = Streams::open_with(self.client, &path, start, until).await?;
        let output = streams.listen(until, is_whole).await?;
        let ended: Ended =
            self.client.get(&format!("/exec/{exec}/json"), SMALL, until + ENGINE_SHARE).await.unwrap_or_default();
        Ok(answer(output, &ended))
    }

    async fn throw_away(
        &self,
        arguments: &[String],
        time: Duration,
        until: Instant,
        is_whole: fn(&[u8]) -> bool,
    ) -> Result<Answer, InsideError> {
        let words: Vec<String> = ["node".to_owned()].into_iter().chain(arguments.iter().cloned()).collect();
        let spec = self.spec(&words, until).await?;
        let container = ThrowAway::make(self.client, &spec, until).await?;
        let result = async {
            let prefix = format!("/v{}/containers/{}", self.client.api_version(), container.name());
            let path = format!("{prefix}/attach?stream=1&stdout=1&stderr=1");
            let streams = Streams::open(self.client, &path, until).await?;
            let path = format!("/containers/{}/start", container.name());
            let failed = |source| InsideError::Engine { action: "start the program", source };
            self.client.call(Method::POST, &path, Body::Empty, SMALL, until).await.map_err(failed)?;
            let output = streams.listen(Instant::now() + time, is_whole).await?;
            let path = format!("/containers/{}/json", container.name());
            let seen: Inspected = self.client.get(&path, 1 << 20, until + ENGINE_SHARE).await.unwrap_or_default();
            Ok(answer(output, &seen.state))
        }
        .await;
        container.remove(self.client).await;
        result
    }

    /// A container like the target, with its volumes as the target has them.
    async fn spec(&self, words: &[String], until: Instant) -> Result<Spec, InsideError> {
        let (mut spec, seen) = subject::resolve(self.client, self.subject, true, until).await?;
        spec.own = Some(subject::Own { words: words.to_vec(), read_only_root: seen.read_only_root });
        for mount in &mut spec.mounts {
            mount.read_only = seen.read_only.iter().any(|(target, read_only)| *target == mount.target && *read_only);
        }
        Ok(spec)
    }
}

fn answer(output: Output, ended: &Ended) -> Answer {
    let exit = ended.exit_code.filter(|_| !ended.running);
    Answer { stdout: output.stdout, stderr: output.stderr, exit }
}

async fn first(client: &Client, container: &str, paths: &[String], until: Instant) -> Option<(String, Vec<u8>)> {
    for path in paths {
        if let Ok(Found::File(content)) = read(client, container, path, until).await {
            return Some((path.clone(), content));
        }
    }
    None
}
