//! Does what the machine says, and tells it what happens.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::time::Instant;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use portreeve_core::gate::{Action, Failures, Input, Machine, Message, Now, Settings};
use portreeve_supervise::{Event, Signals, Supervisor};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::memory::Memory;
use super::notice::Notice;
use super::scout::{Ask, Scout};
use crate::output;

/// What OpenClaw is told of the gate, unless the caller has said something else: it leaves service files alone, and ends where it wants
/// to be started again.
const VARIABLES: [(&str, &str); 2] =
    [("OPENCLAW_SUPERVISOR_MODE", "external"), ("OPENCLAW_SERVICE_REPAIR_POLICY", "external")];

/// The gate at work.
pub(super) struct Driver<'a> {
    command: &'a [OsString],
    memory: Option<Memory>,
    scout: Scout,
    notice: Notice,
    quiet: bool,
    supervisor: Option<Supervisor>,
    signals: Signals,
    children: Signal,
    begun: Instant,
    /// A diagnosis waits for children of its own.
    is_diagnosing: bool,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        command: &'a [OsString],
        memory: Option<Memory>,
        scout: Scout,
        notice: Notice,
        quiet: bool,
    ) -> Result<Self> {
        let supervisor = if command.is_empty() { None } else { Some(Supervisor::new().context("cannot supervise")?) };
        Ok(Self {
            command,
            memory,
            scout,
            notice,
            quiet,
            supervisor,
            signals: Signals::take_over().context("cannot take signals over")?,
            children: signal(SignalKind::child()).context("cannot take signals over")?,
            begun: Instant::now(),
            is_diagnosing: false,
        })
    }

    /// Runs the gate to its end, and gives its exit status.
    pub(super) async fn run(mut self, settings: Settings) -> Result<u8> {
        let failures = self.memory.as_ref().map(Memory::load).unwrap_or_default();
        let (mut machine, actions) = Machine::new(settings, failures, self.now());
        let mut actions = VecDeque::from(actions);
        actions.extend(machine.on(self.now(), Input::Maintenance(self.notice.read())));
        loop {
            while let Some(action) = actions.pop_front() {
                if let Action::Exit(status) = action {
                    return Ok(status);
                }
                if let Some(input) = self.act(action) {
                    actions.extend(machine.on(self.now(), input));
                }
            }
            for input in self.next(&machine).await {
                actions.extend(machine.on(self.now(), input));
            }
        }
    }

    fn now(&self) -> Now {
        Now { since: self.begun.elapsed(), wall: Timestamp::now() }
    }

    /// Does one thing, and gives what it led to.
    fn act(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Start => return self.start(),
            Action::Look { ticket, depth } => self.scout.ask(Ask::Look { ticket, depth }),
            Action::Diagnose { ticket, has_ended } => {
                self.is_diagnosing = true;
                self.scout.ask(Ask::Diagnose { ticket, has_ended });
            }
            Action::AskRestart { ticket } => self.scout.ask(Ask::Restart { ticket }),
            Action::Forward(signal) => self.supervised(|supervisor| supervisor.forward(signal)),
            Action::Terminate => self.supervised(Supervisor::terminate),
            Action::Kill => self.supervised(Supervisor::kill),
            Action::Remember(failures) => self.remember(&failures),
            Action::Say(message) => self.say(&message),
            Action::Exit(_) => {}
        }
        None
    }

    fn supervised(&self, act: impl FnOnce(&Supervisor)) {
        if let Some(supervisor) = &self.supervisor {
            act(supervisor);
        }
    }

    fn start(&mut self) -> Option<Input> {
        let variables: Vec<(&str, &str)> =
            VARIABLES.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()).collect();
        let since = Timestamp::now();
        Some(match self.supervisor.as_mut()?.start(self.command, &variables) {
            Ok(pid) => {
                self.scout.ask(Ask::Run { pid, since });
                Input::Started { pid }
            }
            Err(error) => {
                Input::NotStarted { status: error.status, why: format!("`{}`: {}", error.command, error.source) }
            }
        })
    }

    fn remember(&self, failures: &Failures) {
        if let Some(memory) = &self.memory
            && let Err(error) = memory.store(failures)
        {
            tracing::warn!(%error, "failures cannot be kept, and are forgotten when the gate ends");
        }
    }

    fn say(&self, message: &Message) {
        if !self.quiet || message.is_error() {
            output::note(&message.to_string());
        }
    }

    /// Waits until something happens.
    async fn next(&mut self, machine: &Machine) -> Vec<Input> {
        let wake = machine.wake_at().map(|at| tokio::time::Instant::from_std(self.begun + at));
        let timer = async {
            match wake {
                Some(wake) => tokio::time::sleep_until(wake).await,
                None => std::future::pending().await,
            }
        };
        let mut inputs = Vec::new();
        tokio::select! {
            signal = self.signals.next() => inputs.push(Input::Signal(signal)),
            _ = self.children.recv() => {}
            answer = self.scout.answer() => {
                if matches!(answer, Input::Diagnosed { .. }) {
                    self.is_diagnosing = false;
                }
                inputs.push(answer);
            }
            () = timer => inputs.push(Input::Tick),
            () = self.notice.due(), if self.supervisor.is_some() => {
                inputs.push(Input::Maintenance(self.notice.read()));
            }
        }
        if let Some(supervisor) = &mut self.supervisor {
            for event in supervisor.reap(!self.is_diagnosing) {
                inputs.push(match event {
                    Event::Ended(end) => Input::Ended(end),
                    Event::Stopped => Input::Resumed { after: supervisor.suspend() },
                });
            }
            if machine.is_draining() && supervisor.is_gone() {
                inputs.push(Input::Gone);
            }
        }
        inputs
    }
}
