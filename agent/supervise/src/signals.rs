//! Signals to this program.

use std::io;

use portreeve_core::gate::Signal;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;

use crate::os;

/// Signals that wait to be looked at: a flood of one kind is one signal.
const WAITING: usize = 32;

/// Every signal that is passed on, as it comes.
#[derive(Debug)]
pub struct Signals {
    receiver: mpsc::Receiver<Signal>,
}

impl Signals {
    /// Takes the signals over. Within a Tokio runtime, once.
    pub fn take_over() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(WAITING);
        for signal in [
            Signal::Interrupt,
            Signal::Terminate,
            Signal::Quit,
            Signal::HangUp,
            Signal::User1,
            Signal::User2,
            Signal::WindowChange,
            Signal::TerminalStop,
            Signal::Continue,
        ] {
            // What is ignored stays so, for the command too: `nohup` means both.
            if os::is_ignored(of(signal)) {
                continue;
            }
            let mut stream = unix::signal(SignalKind::from_raw(of(signal) as i32))?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if sender.send(signal).await.is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { receiver })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        match self.receiver.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

pub(crate) fn of(signal: Signal) -> nix::sys::signal::Signal {
    use nix::sys::signal::Signal as System;
    match signal {
        Signal::Interrupt => System::SIGINT,
        Signal::Terminate => System::SIGTERM,
        Signal::Quit => System::SIGQUIT,
        Signal::HangUp => System::SIGHUP,
        Signal::User1 => System::SIGUSR1,
        Signal::User2 => System::SIGUSR2,
        Signal::WindowChange => System::SIGWINCH,
        Signal::TerminalStop => System::SIGTSTP,
        Signal::Continue => System::SIGCONT,
    }
}
