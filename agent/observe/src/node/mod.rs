//! The whole node at one time.

mod clients;
pub(crate) mod climb;
pub(crate) mod ports;
pub(crate) mod processes;
mod states;
mod ways;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{
    Blind, Gateway, Listener, Node, SCHEMA, Snapshot, StateDir, Unit, UnitInventory, Workload, WorkloadRole,
};
use portreeve_openclaw::environment::Environment;

use crate::clock::{Clock, timed};
use crate::command::System;
use crate::containers::{self, Plan};
use crate::engine::{OwnSystem, Seen};
use crate::gateway::{Draft, Surroundings};
use crate::inside::Inside;
use crate::install::installs;
use crate::listener::Listeners;
use crate::local_address::local_addresses;
use crate::process::{self, ProcessTable};
use crate::running;
use crate::site::{Site, Sites};
use crate::state::Place;
use crate::units::{Inventory, Question, inventory, native_manager};
use crate::users::Account;
use crate::{
    Options, acceptance, accepted, asked, connects, host, images, listener, locks, log, maintenance, mirror, os, proxy,
    selftest, time_server,
};

/// Observes the node once. It takes at most about the deadline: what is not known by then stays unknown.
pub async fn observe(options: &Options) -> Snapshot {
    let at = Timestamp::now();
    let begun = Instant::now();
    let mut clock = Clock::default();
    let environment = Environment::all(options.environment.iter().cloned());
    let mut node = clock.time("host", || host::observe(&options.key, asked::observe(&System, at), at));

    let table = clock.time("processes", || process::table(at));
    let empty = ProcessTable::default();
    let entries = table.get().unwrap_or(&empty);
    // Whose socket is whose is the longest look of all; the rest is done beside it.
    let listening = tokio::task::spawn_blocking({
        let entries = entries.clone();
        move || {
            let started = Instant::now();
            let heard = listener::observe(None, entries.entries(), at);
            (heard, started.elapsed())
        }
    });
    let mut sites = clock.time("state directories", || Sites::find(options, &environment, at));
    let running = clock.time("processes", || running::observe(entries, &sites, at));
    for process in running.values() {
        sites.claim_gateway(&process.process, process.config_path.as_deref());
    }
    for process in running.values() {
        sites.claim_starting(&process.process);
    }
    let known_ports = ports::known_ports(options, &environment);
    let inventory = clock.time("units", || units(&node, sites.accounts(), &known_ports, at));
    let (inventory, details, started) = (inventory.units, inventory.details, inventory.started);
    let units = relevant_units(&inventory, &sites);
    for unit in &units {
        sites.claim_unit(unit);
    }
    let mut blind = std::mem::take(&mut sites.blind);
    let accounts = sites.accounts().to_vec();
    let sites = sites.into_sites();
    let places: Vec<Place> = sites.iter().map(|site| Place::of(site, &running, entries)).collect();
    let (mut dirs, reading) = states::read(&sites, &places, entries, &mut clock, at);
    let watch = options.lock_window.map(|window| (locks::watch(&places, options), Instant::now() + window));
    let watch = watch.filter(|(watch, _)| !watch.is_empty());

    let mirrors = mirror::Task::new(&dirs, &accounts, started, entries.entries(), at);
    let mirroring = tokio::task::spawn_blocking({
        let task = mirrors.clone();
        move || {
            let started = Instant::now();
            (task.run(), started.elapsed())
        }
    });

    let around = Surroundings {
        running: &running,
        units: &units,
        details: &details,
        key: &options.key,
        callers_environment: &environment,
        at,
    };
    let mut drafts: Vec<Option<Draft>> =
        sites.iter().zip(&dirs).map(|(site, dir)| Draft::of(site, dir, &around)).collect();

    let ports = ports::ports(known_ports, drafts.iter().flatten(), &units);
    let heard = match listening.await {
        Ok((heard, elapsed)) => {
            clock.note("listeners", elapsed);
            heard
        }
        Err(error) => Listeners { listeners: Fact::unreadable(error.to_string(), "listeners", at), blind: None },
    };
    blind.extend(heard.blind);
    let gateway_pids: BTreeSet<u32> = drafts.iter().flatten().flat_map(|draft| draft.gateway.pids.clone()).gather();
    let listeners = heard.listeners.map(|listeners| {
        let concerns = |listener: &Listener| {
            ports.contains(&listener.port) || listener.pids.iter().any(|pid| gateway_pids.contains(pid))
        };
        listeners.into_iter().filter(concerns).collect::<Vec<Listener>>()
    });

    let left = options.deadline.saturating_sub(begun.elapsed());
    let question = containers::Question {
        options,
        accounts: &accounts,
        environment: &environment,
        details: &details,
        own: OwnSystem { kernel: own_kernel(&node), processes: entries },
        until: Instant::now() + left,
        at,
    };
    let told = async {
        match &options.time_server {
            Some(server) => Some(Box::pin(time_server::ask(server)).await),
            None => None,
        }
    };
    let (climbs, contained, told) = tokio::join!(
        timed(climb::climb_all(&drafts, &sites, &listeners, left)),
        timed(Box::pin(containers::observe(&question))),
        told,
    );
    node.clock.server = told;
    clock.note("gateways", climbs.1);
    clock.note("containers", contained.1);
    reading.into(&mut dirs, &mut clock).await;
    let (climbs, (mut contained, written)) = (climbs.0, contained.0);
    for (draft, climb) in drafts.iter_mut().zip(climbs) {
        if let (Some(draft), Some(climb)) = (draft, climb) {
            climb::settle(draft, climb);
        }
    }
    clock.time("logs", || read_logs(&mut drafts, &sites, &dirs, at));

    let mut gateways: Vec<Gateway> = drafts.iter().flatten().map(|draft| draft.gateway.clone()).collect();
    let mut clients = clients::clients(
        &sites,
        &dirs,
        &drafts,
        &gateways,
        &running,
        (&units, &details),
        &options.key,
        &environment,
        at,
    );
    containers::name_needs(&mut contained, &units);
    let (in_gateways, in_clients) = containers::entries(&mut contained, at);
    gateways.extend(in_gateways);
    clients.extend(in_clients);
    let takers: Vec<Seen> =
        contained.workloads.iter().filter(|seen| seen.workload.role == WorkloadRole::Ingress).cloned().collect();
    let callers: Vec<(usize, Seen)> =
        contained.workloads.iter().cloned().enumerate().filter(|(_, seen)| is_caller(seen)).collect();
    let workloads: Vec<Workload> = contained.workloads.into_iter().map(|seen| seen.workload).collect();
    let addresses = local_addresses();
    let plan = Plan {
        gateways: &gateways,
        workloads: &workloads,
        networks: &contained.networks,
        engines: &contained.engines,
        addresses: &addresses,
    };
    containers::connect(&mut clients, &plan);
    let is_local = |workload: &Workload| plan.shares_kernel(workload);
    let processes = processes::processes(&table, &running, &listeners, at).map(|mut processes| {
        containers::name_owners(&mut processes, &workloads, entries, &is_local);
        processes
    });
    if let Some(wanted) = &options.in_container {
        containers::keep_only(wanted, &mut gateways, &mut clients, &workloads);
    }
    blind.extend(contained.blind);
    let public = proxy::public_urls(&options.public_urls, &gateways, &clients, &addresses);
    let world = proxy::World {
        gateways: &gateways,
        workloads: &workloads,
        networks: &contained.networks,
        addresses: &addresses,
    };
    let question = proxy::Question {
        world,
        processes: entries,
        public_urls: &public,
        engines: &contained.clients,
        deep: options.deep,
        ingresses: takers
            .iter()
            .flat_map(|seen| proxy::ingresses(&seen.workload, &seen.definition, &world, at))
            .collect(),
        deadline: options.deadline.saturating_sub(begun.elapsed()),
        at,
    };
    let left = options.deadline.saturating_sub(begun.elapsed());
    let (through, ways) =
        tokio::join!(timed(proxy::observe(question)), timed(ways::try_out(&mut clients, &gateways, &addresses, left)),);
    clock.note("proxies", through.1);
    clock.note("ways of clients", ways.1);
    let through = through.0;
    blind.extend(through.blind);
    let mut mirrored = match mirroring.await {
        Ok((mirrored, elapsed)) => {
            clock.note("mirrors", elapsed);
            mirrored
        }
        Err(error) => mirror::Seen::failed(&error.to_string(), at),
    };
    let contained_mirrors = mirrors.contained(&workloads, &dirs);
    mirrored.extend(clock.time("mirrors", || contained_mirrors.run()));
    blind.extend(mirrored.blind);
    if options.deep && options.deep_connects > 0 {
        let known = climb::targets(&drafts, &listeners);
        let inside = Inside::new(options.probe_dir.clone());
        let callers = containers::Callers {
            seen: &callers,
            written: &written,
            engines: &contained.clients,
            inside: options.probe.then_some(&inside),
            key: &options.key,
        };
        let counted =
            connects::deep::observe(&mut gateways, &mut clients, &workloads, &known, &callers, options.deep_connects);
        clock.time_async("connects", Box::pin(counted)).await;
    }
    if options.deep {
        let on_host = acceptance::Host {
            sites: &sites,
            units: &units,
            processes: entries,
            environment: &environment,
            variables: &options.environment,
        };
        let in_containers =
            acceptance::Containers { workloads: &workloads, engines: &contained.clients, written: &written };
        let accepted = acceptance::observe(&mut clients, &gateways, &on_host, &in_containers);
        clock.time_async("acceptance", accepted).await;
    }
    let lock_waits = match watch {
        Some((watch, until)) => {
            let rest = until.saturating_duration_since(Instant::now());
            let left = options.deadline.saturating_sub(begun.elapsed());
            clock.time_async("locks", tokio::time::sleep(rest.min(left))).await;
            if rest > left {
                blind.push(Blind {
                    what: "lock wait".to_owned(),
                    why: "the time was up before locks were watched for long enough".to_owned(),
                    remedy: "give `check --deep` more time with `--timeout`".to_owned(),
                    readiness: true,
                });
            }
            watch.read()
        }
        None => Vec::new(),
    };
    let image_checks = match images::last(&options.data_dir) {
        Ok(checks) => checks,
        Err(error) => {
            blind.push(Blind {
                what: "what registries said of images".to_owned(),
                why: error.sentence(),
                remedy: "run `portreeve images`, which sets a damaged file aside".to_owned(),
                readiness: false,
            });
            Vec::new()
        }
    };
    let maintenance = match maintenance::current(&options.data_dir, at) {
        Ok(maintenance) => maintenance,
        Err(error) => {
            blind.push(Blind {
                what: "whether somebody works on the node".to_owned(),
                why: error.to_string(),
                remedy: "announce it anew with `portreeve maintenance on`, or run `portreeve maintenance off`"
                    .to_owned(),
                readiness: false,
            });
            None
        }
    };
    let (accepted, data_folder) = accepted::last(&options.data_dir, &options.key, at);
    let mut snapshot = Snapshot {
        schema: SCHEMA.to_owned(),
        taken_at: at,
        agent_version: options.agent_version.clone(),
        node,
        processes,
        listeners,
        installs: installs(&units, entries, &running, &environment),
        units: UnitInventory { units, ..inventory },
        state_dirs: dirs,
        gateways,
        clients,
        engines: contained.engines,
        networks: contained.networks,
        volumes: contained.volumes,
        projects: contained.projects,
        workloads,
        proxies: through.routes,
        ingresses: through.ingresses,
        lock_waits,
        image_checks,
        time_machine: mirrored.time_machine,
        mirrors: mirrored.mirrors,
        selftest: Fact::absent("not read yet", at),
        maintenance,
        accepted,
        data_folder,
        delivery: accepted::delivery(&options.data_dir, at),
        before: None,
        blind,
        timings: clock.timings,
    };
    selftest::apply(&options.data_dir, &mut snapshot);
    snapshot
}

fn is_caller(seen: &Seen) -> bool {
    matches!(seen.workload.role, WorkloadRole::Cli | WorkloadRole::NodeHost)
}

/// The services of this node.
pub(crate) fn units(node: &Node, accounts: &[Account], ports: &BTreeSet<u16>, at: Timestamp) -> Inventory {
    let console = node.host.console_user.get();
    let question = Question {
        manager: native_manager(),
        root: Path::new("/"),
        accounts,
        ports,
        console_uid: accounts.iter().find(|account| Some(&account.name) == console).map(|account| account.uid),
        agent_uid: node.host.agent_uid,
        at,
    };
    inventory(&question, &System)
}

/// Release of the kernel that engines of this machine may share.
fn own_kernel(node: &Node) -> Option<&str> {
    os::RUNS_CONTAINERS.then(|| node.system.get().map(|system| system.build.as_str())).flatten()
}

/// Units of homes that are to be looked at, or that claim a port there.
pub(crate) fn relevant_units(inventory: &UnitInventory, sites: &Sites) -> Vec<Unit> {
    let concerns = |unit: &&Unit| unit.state_dir.as_deref().is_none_or(|dir| sites.concerns(Path::new(dir)));
    inventory.units.iter().filter(concerns).cloned().collect()
}

fn read_logs(drafts: &mut [Option<Draft>], sites: &[Site], dirs: &[StateDir], at: Timestamp) {
    let known_pids: Vec<u32> = dirs
        .iter()
        .filter_map(|dir| dir.records.get())
        .flat_map(|records| records.boots.iter().filter_map(|boot| boot.pid))
        .chain(drafts.iter().flatten().flat_map(|draft| draft.gateway.pids.clone()))
        .collect();
    let owners: Vec<u32> =
        drafts.iter().zip(sites).filter_map(|(draft, site)| draft.as_ref().map(|_| site.uid)).collect();
    for ((draft, site), dir) in drafts.iter_mut().zip(sites).zip(dirs) {
        let Some(draft) = draft else { continue };
        let alone = owners.iter().filter(|uid| **uid == site.uid).count() == 1;
        let mine = log::Mine { port: draft.gateway.port, known_pids: known_pids.clone(), alone };
        draft.gateway.log = log::observe(&draft.logs(site, dir, at), &mine, at);
    }
}
