//! Listeners of this process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use portreeve_core::snapshot::Listener;

use super::super::trial::{Objection, Trial, untried};

/// How often it is looked: a program that this process is about to start shares for a moment what it has open.
const LOOKS: u32 = 5;

pub(super) fn v4(trial: &Trial<'_>) -> Result<(), Objection> {
    let own = bind(Ipv4Addr::LOCALHOST.into()).map_err(untried("nothing could be opened"))?;
    seen(trial, own)
}

pub(super) fn v6(trial: &Trial<'_>) -> Result<(), Objection> {
    let own = bind(Ipv6Addr::LOCALHOST.into()).map_err(untried("this system has no IPv6"))?;
    seen(trial, own)
}

/// On all addresses. Nothing is accepted, and the port is closed as soon as it was seen.
pub(super) fn wildcard(trial: &Trial<'_>) -> Result<(), Objection> {
    let own = bind(Ipv4Addr::UNSPECIFIED.into()).map_err(untried("nothing could be opened"))?;
    seen(trial, own)?;
    match bind(Ipv6Addr::UNSPECIFIED.into()) {
        Ok(own) => seen(trial, own),
        // What IPv4 has shown stands.
        Err(_) => Ok(()),
    }
}

fn bind(address: IpAddr) -> std::io::Result<(TcpListener, IpAddr)> {
    Ok((TcpListener::bind((address, 0))?, address))
}

fn seen(trial: &Trial<'_>, (listener, address): (TcpListener, IpAddr)) -> Result<(), Objection> {
    let port = listener.local_addr().map_err(untried("a listener has no address"))?.port();
    let truth = Listener {
        address,
        port,
        pids: vec![std::process::id()],
        uid: Some(nix::unistd::geteuid().as_raw()),
        foreign_netns: false,
    };
    let at = trial.at;
    trial.looks(LOOKS, || {
        let heard = trial.fact(move |eyes| eyes.listeners(port, at))?.unwrap_or_default();
        match heard.iter().find(|one| one.address == address) {
            Some(one) if *one == truth => Ok(()),
            Some(one) => Err(Objection::wrong(words(&truth), words(one))),
            None => Err(Objection::wrong(words(&truth), "no listener")),
        }
    })?;
    drop(listener);
    trial.looks(LOOKS, || {
        let heard = trial.fact(move |eyes| eyes.listeners(port, at))?.unwrap_or_default();
        match heard.iter().find(|one| one.address == address && one.pids.contains(&std::process::id())) {
            None => Ok(()),
            Some(one) => Err(Objection::wrong("no listener after it was closed", words(one))),
        }
    })
}

fn words(listener: &Listener) -> String {
    let Listener { address, port, pids, uid, foreign_netns } = listener;
    let uid = uid.map_or_else(|| "an unknown user".to_owned(), |uid| format!("user {uid}"));
    let foreign = if *foreign_netns { ", in another network namespace" } else { "" };
    format!("{address} port {port}, pids {pids:?} of {uid}{foreign}")
}
