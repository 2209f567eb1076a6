//! What the real daemon tells a central endpoint, however either of them ends.

mod bound;
mod fleet;
mod flush;
mod kills;
pub(crate) mod secrets;
mod tally;

use std::fs;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use portreeve_tests::{Daemon, Home, Portreeve, free_port};
use serde_json::json;

use crate::{CONFIG_TOKEN, OTHER_TOKEN, TOKEN_VARIABLE};

/// A machine with other things to do is slow, and never so slow.
const LIMIT: Duration = Duration::from_mins(1);
/// How often a daemon is killed; set it for more.
const KILLS: &str = "PORTREEVE_KILLS";

fn kills(default: u32) -> u32 {
    std::env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(default)
}

/// A daemon that can be killed and started again, on a home whose gateway does not run.
struct Agent {
    daemon: Daemon,
    home: Home,
}

impl Deref for Agent {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl DerefMut for Agent {
    fn deref_mut(&mut self) -> &mut Daemon {
        &mut self.daemon
    }
}

impl Agent {
    /// One that delivers as these lines of `[deliver]` say. It does not run yet.
    fn new(deliver: &str) -> Self {
        let home = Home::new();
        let config = json!({
            "gateway": { "mode": "local", "port": free_port(), "auth": { "mode": "token", "token": CONFIG_TOKEN } },
        });
        home.write("openclaw.json", &config.to_string());
        let settings =
            format!("[daemon]\nglance_s = 1\nfast_s = 2\nlocks_s = 0\n\n[deliver]\ninterval_s = 5\n{deliver}\n");
        let portreeve = Portreeve::new(home.path()).env(TOKEN_VARIABLE, OTHER_TOKEN);
        Self { daemon: Daemon::new(portreeve, &[home.path()], &settings), home }
    }

    /// Takes the gateway's state away, or brings it back: another verdict, with other findings.
    fn turn(&self) {
        let aside = self.home.path().join("aside");
        let state = self.home.state();
        if aside.exists() { fs::rename(aside, state) } else { fs::rename(state, aside) }.unwrap();
    }

    /// The verdict as it should be.
    fn verdict(&self) -> &'static str {
        if self.home.state().exists() { "blocked" } else { "unknown" }
    }
}
