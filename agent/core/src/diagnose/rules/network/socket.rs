//! `socket.missing`, `socket.denied`

use super::super::contained::name;
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Workload, namespace::SocketSeen};

/// `socket.missing` and `socket.denied`: a Unix socket that a configuration names is not there, is none, or keeps the client out.
pub(super) fn sockets(context: Context<'_>, out: &mut Vec<Draft>) {
    for workload in &context.snapshot.workloads {
        for socket in workload.view.get().into_iter().flat_map(|view| &view.sockets) {
            out.extend(judge(context, workload, socket));
        }
    }
}

fn judge(context: Context<'_>, workload: &Workload, socket: &SocketSeen) -> Option<Draft> {
    let SocketSeen { path, source, .. } = socket;
    let what = if socket.stat.is_absent() {
        "is not there".to_owned()
    } else if let Some(kind) = socket.kind.as_deref().filter(|kind| *kind != "socket") {
        format!("is no socket but a {kind}")
    } else {
        return denied(context, workload, socket);
    };
    let summary = format!("`{path}` ({source}) {what} in {}", name(workload));
    let draft = about(context, Code::SocketMissing, workload, socket, summary);
    let mounted = workload.mount_of(path).map(|mount| (mount.source.as_deref().unwrap_or("memory"), &mount.target));
    Some(match mounted {
        Some((from, target)) => draft
            .evidence(format!("`{target}` is mounted from `{from}`"), source.clone(), context.snapshot.taken_at)
            .remedy("start what makes the socket, and bind its folder and not the socket itself: a bind keeps the old file when it is made anew"),
        None => draft.remedy(format!("mount the folder of `{path}` at the same path on both sides")),
    })
}

fn denied(context: Context<'_>, workload: &Workload, socket: &SocketSeen) -> Option<Draft> {
    let SocketSeen { path, source, .. } = socket;
    let stat = socket.stat.get().filter(|_| socket.permitted == Some(false))?;
    let view = workload.view.get()?;
    let owner = format!("{}:{}, mode {:04o}", stat.uid, stat.gid, stat.mode & 0o7777);
    let summary = format!(
        "`{path}` ({source}) belongs to {owner}, and {} runs as {}:{}: it may not connect",
        name(workload),
        view.uid,
        view.gid
    );
    let draft = about(context, Code::SocketDenied, workload, socket, summary);
    Some(
        draft
            .seen(format!("owner {owner}"), &socket.stat)
            .remedy(format!("run it with the socket's group: `group_add: [\"{}\"]`", stat.gid)),
    )
}

fn about(context: Context<'_>, code: Code, workload: &Workload, socket: &SocketSeen, summary: String) -> Draft {
    let client = context.snapshot.clients.iter().find(|client| client.workload.as_ref() == Some(&workload.id));
    let draft = Draft::new(code, "socket", format!("{} of {}", socket.path, workload.id), summary)
        .workload(workload)
        .seen(format!("named by {}", socket.source), &socket.stat);
    client.into_iter().fold(draft, Draft::client)
}
