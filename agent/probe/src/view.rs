//! The whole answer, within the deadline.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::snapshot::namespace::{ConnectSeries, HttpSeen, NameAnswer, NamespaceView, SCHEMA};
use portreeve_core::{Fact, FingerprintKey};
use portreeve_facts::file::{chain, from_io};
use portreeve_facts::request::{Request, Role};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant as Deadline, timeout_at};

use crate::network::{self, milliseconds};
use crate::role::{self, Local};
use crate::user::Target;
use crate::{os, state};

/// Time kept for printing the answer.
const MARGIN: Duration = Duration::from_millis(50);

/// What the files say. Looking at them may hang on a dead mount.
struct Files {
    target: Target,
    local: Local,
    seen: state::Seen,
    view: NamespaceView,
}

/// Looks at everything that was asked for. What is not there by the deadline is given up with a reason.
pub(crate) async fn take(request: &Request, key: &FingerprintKey) -> NamespaceView {
    let started = Instant::now();
    let at = Timestamp::now();
    let by = Deadline::now() + Duration::from_millis(request.deadline_ms).saturating_sub(MARGIN);

    let network = network(request, by);
    let asked = request.clone();
    let files = timeout_at(by, spawn_blocking(move || files(&asked, at)));
    let (mut view, from_files) = match files.await {
        Ok(Ok(Ok(files))) => (files.view, Some((files.target, files.local, files.seen))),
        Ok(Ok(Err(why))) => (blank(request, &why, at), None),
        Ok(Err(_)) => (blank(request, "looking at the files failed", at), None),
        Err(_) => (blank(request, "looking at the files took too long", at), None),
    };
    if let Some((target, local, seen)) = from_files {
        match request.role {
            Some(Role::Gateway) => {
                let gateway = role::gateway(request, &target, &local, &view.listeners, key, by);
                let (gateway, answers) = tokio::join!(gateway, network);
                view.gateway = Some(gateway);
                add(&mut view, answers);
            }
            Some(role) => {
                let auth = role::client_auth(request, role, &target, &local, seen.has_device_token);
                let client = role::client(request, &local, &auth, seen.device, key, by);
                let (client, answers) = tokio::join!(client, network);
                view.client = Some(client);
                view.series = role::series(request, &auth, by).await;
                add(&mut view, answers);
            }
            None => add(&mut view, network.await),
        }
    } else {
        add(&mut view, network.await);
    }
    if request.brief {
        keep_gateways_listeners(&mut view);
    }
    view.elapsed_ms = milliseconds(started.elapsed());
    view
}

struct Answers {
    names: Vec<NameAnswer>,
    connects: Vec<ConnectSeries>,
    http: Vec<HttpSeen>,
}

/// All questions to the network at once, the answers in the order of the questions.
async fn network(request: &Request, by: Deadline) -> Answers {
    let mut names = JoinSet::new();
    for (index, host) in request.names.iter().cloned().enumerate() {
        names.spawn(async move { (index, network::name(&host, by).await) });
    }
    let mut connects = JoinSet::new();
    for (index, asked) in request.connects.iter().cloned().enumerate() {
        connects.spawn(async move { (index, network::connects(&asked, by).await) });
    }
    let mut http = JoinSet::new();
    for (index, url) in request.http.iter().cloned().enumerate() {
        http.spawn(async move { (index, network::probes(&url, by).await) });
    }
    Answers {
        names: in_order(names.join_all().await),
        connects: in_order(connects.join_all().await),
        http: in_order(http.join_all().await),
    }
}

fn in_order<T>(mut answers: Vec<(usize, T)>) -> Vec<T> {
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn add(view: &mut NamespaceView, answers: Answers) {
    view.names = answers.names;
    view.connects = answers.connects;
    view.http = answers.http;
}

fn files(request: &Request, at: Timestamp) -> Result<Files, String> {
    let target = Target::of(request).map_err(|error| chain(&error))?;
    let reader = target.reader();
    let seen = state::look(&target, request.brief, at);
    let local = Local::read(&target);
    let view = NamespaceView {
        home: Some(target.paths.home.to_string_lossy().into_owned()),
        resolver: network::resolver(&reader, at),
        listeners: from_io(os::listeners(&|_| true), "/proc/self/net/tcp", at),
        mounts: state::mounts(&target, &request.sockets, at),
        sockets: request.sockets.iter().map(|asked| state::socket(asked, &target.user, at)).collect(),
        state: seen.state.clone(),
        write_test: request.write_test.as_deref().map(|folder| state::write_test(folder, &target, at)),
        ..blank(request, "", at)
    };
    Ok(Files { target, local, seen, view })
}

/// A view of somebody who could not look at the files.
fn blank(request: &Request, why: &str, at: Timestamp) -> NamespaceView {
    NamespaceView {
        schema: SCHEMA.to_owned(),
        probe_version: env!("CARGO_PKG_VERSION").to_owned(),
        at,
        elapsed_ms: 0.0,
        uid: nix::unistd::getuid().as_raw(),
        gid: nix::unistd::getgid().as_raw(),
        groups: os::groups(),
        home: None,
        resolver: Fact::unreadable(why, "/etc/resolv.conf", at),
        names: Vec::new(),
        connects: Vec::new(),
        http: Vec::new(),
        listeners: Fact::unreadable(why, "/proc/self/net/tcp", at),
        mounts: Fact::unreadable(why, "/proc/self/mountinfo", at),
        sockets: Vec::new(),
        state: Fact::unreadable(why, "lstat", at),
        write_test: request.write_test.as_deref().map(|folder| Fact::unreadable(why, folder, at)),
        gateway: None,
        client: None,
        series: None,
    }
}

fn keep_gateways_listeners(view: &mut NamespaceView) {
    let port = view.gateway.as_ref().map(|gateway| gateway.port);
    if let portreeve_core::fact::Outcome::Known { value } = &mut view.listeners.outcome {
        value.retain(|listener| Some(listener.port) == port);
    }
}
