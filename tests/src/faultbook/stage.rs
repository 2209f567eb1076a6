//! A set-up on this machine, broken step by step.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::Signal;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ask::{Said, ask};
use super::fault::{Base, Fault, Until};
use super::step::{self, ProxyProgram, Step, Which};
use super::words::{SECRETS, Words};
use super::{files, listener};
use crate::home::{set, unset};
use crate::{
    Builder, Gateway, Home, Namespaces, OpenClaw, Portreeve, Proxy, Supervisor, certificate, connect_with, free_port,
    time_server, wait_until,
};

/// What a state may take to come about.
const LIMIT: Duration = Duration::from_mins(3);
/// What one question to `portreeve` or the command line may take.
pub(super) const ASKING: Duration = Duration::from_secs(90);

/// What is set up. It goes when it is dropped.
pub(super) struct Stage {
    openclaw: OpenClaw,
    pub(super) words: Words,
    gateways: BTreeMap<Which, Gateway>,
    supervisor: Option<Supervisor>,
    user: Vec<(String, String)>,
    client: Option<Home>,
    proxies: Vec<Proxy>,
    held: Vec<Connection>,
    network: Option<Namespaces>,
    folder: TempDir,
}

impl Stage {
    /// The healthy set-up, before anything of it runs.
    pub(super) fn new(fault: &Fault, openclaw: &OpenClaw) -> Self {
        let mut stage = Self {
            openclaw: openclaw.clone(),
            words: Words::new(),
            gateways: BTreeMap::new(),
            supervisor: None,
            user: Vec::new(),
            client: None,
            proxies: Vec::new(),
            held: Vec::new(),
            network: (fault.base == Base::Namespaces).then(Namespaces::new),
            folder: tempfile::tempdir().unwrap(),
        };
        stage.words.set("folder", path(stage.folder.path()));
        stage.words.set("modules", path(openclaw.modules()));
        stage.words.set("other-port", free_port());
        stage.add(Which::A, fault.base);
        if matches!(fault.base, Base::TwoGateways | Base::Supervised) {
            stage.add(Which::B, fault.base);
        }
        stage
    }

    fn add(&mut self, which: Which, base: Base) {
        let token = SECRETS[usize::from(which == Which::B)].1;
        let mut builder = Builder::new(&self.openclaw).token(token);
        if base == Base::Supervised {
            builder = builder.env("OPENCLAW_SERVICE_MARKER", "openclaw").env("OPENCLAW_SERVICE_KIND", "gateway");
        }
        if let Some(network) = &self.network {
            builder = builder.bind_lan().through(network.prefix(0));
            self.words.set("address", network.address(0));
        }
        let gateway = builder.build();
        let name = |name: &str| if which == Which::A { name.to_owned() } else { format!("{name}-b") };
        self.words.set(&name("port"), gateway.port());
        self.words.set(&name("home"), path(gateway.home()));
        self.words.set(&name("state"), path(gateway.state()));
        self.gateways.insert(which, gateway);
    }

    /// Does what differs before the start, starts, and breaks it.
    pub(super) fn play(&mut self, fault: &Fault) {
        fault.before.iter().for_each(|step| self.apply(step));
        if fault.base != Base::Supervised {
            self.start(Which::A, fault.start);
        }
        if fault.base == Base::TwoGateways {
            self.start(Which::B, fault.second);
        }
        fault.step.iter().for_each(|step| self.apply(step));
    }

    fn gateway(&mut self, which: Which) -> &mut Gateway {
        self.gateways.get_mut(&which).unwrap_or_else(|| panic!("there is no gateway {which:?} here"))
    }

    fn start(&mut self, which: Which, until: Until) {
        let gateway = self.gateway(which);
        match until {
            Until::Ready => gateway.start_until_ready(),
            Until::Owner => {
                gateway.spawn();
                gateway.wait_until_owner();
            }
            Until::Exit => {
                gateway.start_until_exit();
            }
            Until::Never => return,
        }
        if until != Until::Exit {
            let pid = self.gateway(which).pid();
            self.words.set(if which == Which::A { "pid" } else { "pid-b" }, pid);
        }
    }

    fn apply(&mut self, step: &Step) {
        let is_done = files::apply(step, &self.words) || self.configure(step) || self.run(step);
        assert!(is_done, "this step goes with another base: {step:?}");
    }

    /// What a gateway is started with, and its config.
    fn configure(&mut self, step: &Step) -> bool {
        match step {
            Step::SetConfig(change) => {
                let value = self.words.value(&change.value);
                let key = self.words.text(&change.key);
                self.change_config(change.on, |config| set(config, &key, value));
            }
            Step::UnsetConfig(key) => self.change_config(key.on, |config| unset(config, &key.key)),
            Step::GatewayEnv(variable) => {
                let value = self.words.text(&variable.value);
                self.gateway(variable.on).spec().environment.push((variable.name.clone(), value));
            }
            Step::GatewayArguments(arguments) => {
                let words: Vec<String> = arguments.words.iter().map(|word| self.words.text(word)).collect();
                self.gateway(arguments.on).spec().arguments.extend(words);
            }
            Step::BindLan(on) => {
                let arguments = &mut self.gateway(on.on).spec().arguments;
                arguments.iter_mut().filter(|word| *word == "loopback").for_each(|word| "lan".clone_into(word));
            }
            Step::SamePort {} => {
                let port = self.gateway(Which::A).port();
                self.gateway(Which::B).spec().port = port;
                self.words.set("port-b", port);
                self.change_config(Which::B, |config| set(config, "/gateway/port", json!(port)));
            }
            Step::ClientEnv(variable) => self.user.push((variable.name.clone(), self.words.text(&variable.value))),
            Step::ClientHome {} => {
                let home = Home::new();
                self.words.set("client-home", path(home.path()));
                self.words.set("client-state", path(home.state()));
                self.client = Some(home);
            }
            _ => return false,
        }
        true
    }

    fn change_config(&mut self, which: Which, change: impl FnOnce(&mut Value)) {
        let gateway = self.gateway(which);
        change(&mut gateway.spec().config);
        gateway.write_config(&serde_json::to_string_pretty(&gateway.config()).unwrap());
    }

    /// What runs.
    fn run(&mut self, step: &Step) -> bool {
        match step {
            Step::Start(start) => self.start(start.on, start.until),
            Step::Said(said) => self.wait_until_said(said),
            Step::Exists(file) => {
                let file = self.words.text(&file.path);
                wait_until(&file, LIMIT, || Path::new(&file).exists().then_some(()));
            }
            Step::Stop(on) => {
                self.gateway(on.on).stop();
            }
            Step::Kill(on) => self.gateway(on.on).kill(),
            Step::Suspend(on) => self.gateway(on.on).signal(Signal::SIGSTOP),
            Step::SecondOnState {} => {
                self.gateway(Which::A).second();
            }
            Step::Supervise {} => {
                self.supervisor = Some(Supervisor::start(std::mem::take(&mut self.gateways).into_values().collect()));
            }
            Step::Listen(listen) => listener::listen(self.words.text(&listen.port).parse().unwrap(), listen.answer),
            Step::Proxy(proxy) => self.proxy(proxy),
            Step::Certificate(wanted) => {
                let at = |days: i64| {
                    let time = Timestamp::now() + SignedDuration::from_hours(24 * days);
                    time.strftime("%Y%m%d%H%M%SZ").to_string()
                };
                certificate(self.folder.path(), &wanted.name, [&at(wanted.from_days), &at(wanted.to_days)]);
            }
            Step::HoldLock(database) => {
                let database = Connection::open(self.words.text(&database.path)).unwrap();
                database.busy_timeout(LIMIT).unwrap();
                database.execute_batch("BEGIN IMMEDIATE; CREATE TABLE faultbook (x)").unwrap();
                self.held.push(database);
            }
            Step::Connect(connect) => {
                let (port, token) = (self.gateway(Which::A).port(), self.words.text(&connect.token));
                (0..connect.times).for_each(|_| connect_with(port, &token));
            }
            Step::TimeServer { ahead } => {
                self.user.push(("PORTREEVE_TIME_SERVER".to_owned(), time_server(*ahead)));
            }
            Step::Openclaw(call) => self.call(call),
            Step::Process { words } => {
                let words: Vec<String> = words.iter().map(|word| self.words.text(word)).collect();
                let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
                files::run(&words[0], &arguments);
            }
            Step::Lose { every, how } => {
                let port = self.gateway(Which::A).port();
                let network = self.network.as_ref().unwrap();
                assert!(network.lose(0, port, *every, how), "no `iptables`, or a kernel without its match `statistic`");
            }
            _ => return false,
        }
        true
    }

    fn wait_until_said(&mut self, said: &step::Said) {
        let text = self.words.text(&said.text);
        match &self.supervisor {
            Some(supervisor) => {
                let index = usize::from(said.on == Which::B);
                wait_until(&format!("`{text}` of a supervised gateway"), LIMIT, || {
                    let count = supervisor.with(index, |gateway| {
                        gateway.console().matches(&text).count().max(gateway.log().matches(&text).count())
                    });
                    (count >= said.times).then_some(())
                });
            }
            None => self.gateway(said.on).wait_until_said(&text, said.times),
        }
    }

    fn proxy(&mut self, wanted: &step::Proxy) {
        let text = self.words.text(&wanted.text);
        let proxy = match wanted.program {
            ProxyProgram::Nginx => Proxy::nginx_listening(&wanted.listen, &text),
            ProxyProgram::Caddy => Proxy::caddy(&text),
        };
        let proxy = proxy.unwrap();
        self.words.set("proxy-port", proxy.port());
        self.words.set("proxy-folder", path(proxy.folder()));
        self.proxies.push(proxy);
    }

    fn call(&self, call: &step::Openclaw) {
        let home = self.words.text(&call.home);
        let words: Vec<String> = call.words.iter().map(|word| self.words.text(word)).collect();
        let prefix = self.prefix(usize::from(call.apart));
        let mut command = self.openclaw.command(&prefix, Path::new(&home));
        command.args(&words).envs(call.env.iter().map(|(name, value)| (name, self.words.text(value))));
        let said = ask(command, ASKING);
        let as_wanted = match &call.says {
            Some(text) => said.text().contains(&self.words.text(text)),
            None => said.status == Some(0),
        };
        assert!(as_wanted, "openclaw {}: {:?}\n{}", words.join(" "), said.status, said.text());
    }

    fn prefix(&self, side: usize) -> Vec<String> {
        self.network.as_ref().map(|network| network.prefix(side)).unwrap_or_default()
    }

    fn homes(&self) -> Vec<String> {
        let known = ["@home@", "@home-b@"].into_iter().take(if self.words.knows("home-b") { 2 } else { 1 });
        let mut homes: Vec<String> = known.map(|name| self.words.text(name)).collect();
        homes.extend(self.client.as_ref().map(|home| path(home.path())));
        homes
    }

    /// Asks `portreeve`.
    pub(super) fn portreeve(&self, arguments: &[String]) -> Said {
        let homes = self.homes();
        let mut portreeve =
            Portreeve::new(Path::new(&homes[0])).env("PORTREEVE_CONTAINERS", "off").through(self.prefix(0));
        for (name, value) in &self.user {
            portreeve = portreeve.env(name, value);
        }
        let mut command = portreeve.command();
        command.args(arguments.iter().map(|word| self.words.text(word)));
        command.args(homes.iter().flat_map(|home| ["--home", home]));
        ask(command, ASKING)
    }

    /// The real command line as the user who looks would call it.
    pub(super) fn openclaw(&self, arguments: &[&str]) -> Command {
        let mut command = self.openclaw.command(&self.prefix(0), Path::new(&self.homes()[0]));
        command.args(arguments);
        let own = self.user.iter().filter(|(name, _)| !name.starts_with("PORTREEVE_"));
        command.envs(own.map(|(name, value)| (name, value)));
        command
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
