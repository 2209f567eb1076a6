//! How fast a node may send.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Refusal;
use crate::config::Limits;
use crate::index::NodeKey;

/// Requests of one node at once.
const AT_ONCE: u32 = 4;
/// How often one node's misdeed is written down.
const AUDIT: Duration = Duration::from_mins(1);

/// Lets so many through per second, and some more at once.
pub struct Gate {
    per_second: f64,
    burst: f64,
    state: Mutex<Option<(f64, Instant)>>,
}

impl Gate {
    /// A gate that was not passed lately.
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, state: Mutex::new(None) }
    }

    /// Whether one more may pass.
    pub fn may(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, at) = state.unwrap_or((self.burst, now));
        let passed = now.saturating_duration_since(at).as_secs_f64();
        let tokens = (tokens + passed * self.per_second).min(self.burst);
        let may = tokens >= 1.0;
        *state = Some((if may { tokens - 1.0 } else { tokens }, now));
        may
    }
}

/// A gate for each name. Names are those of nodes and viewers that somebody let in, so that they are few.
pub struct Gates {
    per_second: f64,
    burst: f64,
    by_name: Mutex<HashMap<String, Gate>>,
}

impl Gates {
    /// Gates that nobody passed lately.
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, by_name: Mutex::default() }
    }

    /// Whether this name may pass once more.
    pub fn may(&self, name: &str, now: Instant) -> bool {
        let mut gates = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(name.to_owned()).or_insert_with(|| Gate::new(self.per_second, self.burst)).may(now)
    }
}

/// How much each node has sent lately.
#[derive(Default)]
pub struct Rates {
    nodes: Mutex<HashMap<NodeKey, Rate>>,
}

struct Rate {
    tokens: f64,
    at: Instant,
    running: u32,
    audited: Option<Instant>,
}

/// One request that is let in; counted as running until it is dropped.
pub(super) struct Turn {
    rates: Arc<Rates>,
    node: NodeKey,
}

impl Rates {
    /// Lets a request of a node in, if it does not send too fast.
    pub(super) fn turn(self: &Arc<Self>, node: NodeKey, limits: &Limits, now: Instant) -> Result<Turn, Refusal> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let burst = f64::from(limits.burst);
        let fresh = || Rate { tokens: burst, at: now, running: 0, audited: None };
        let rate = nodes.entry(node).or_insert_with(fresh);
        let per_second = f64::from(limits.requests_per_minute) / 60.0;
        let passed = now.saturating_duration_since(rate.at).as_secs_f64();
        rate.tokens = (rate.tokens + passed * per_second).min(burst);
        rate.at = now;
        if rate.running >= AT_ONCE {
            return Err(Refusal::TooFast(1));
        }
        if rate.tokens < 1.0 {
            let wait = Duration::from_secs_f64(((1.0 - rate.tokens) / per_second).clamp(0.0, 3_600.0));
            return Err(Refusal::TooFast(wait.as_secs() + 1));
        }
        rate.tokens -= 1.0;
        rate.running += 1;
        Ok(Turn { rates: Arc::clone(self), node })
    }

    /// Whether a misdeed of a node is to be written down: the first of each minute.
    pub(super) fn may_audit(&self, node: NodeKey, now: Instant) -> bool {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rate) = nodes.get_mut(&node) else { return true };
        let is_due = rate.audited.is_none_or(|at| now.saturating_duration_since(at) >= AUDIT);
        if is_due {
            rate.audited = Some(now);
        }
        is_due
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut nodes = self.rates.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rate) = nodes.get_mut(&self.node) {
            rate.running = rate.running.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate_then_again() {
        let limits = Limits { burst: 3, requests_per_minute: 60, ..Limits::default() };
        let (rates, node, start) = (Arc::<Rates>::default(), NodeKey(1), Instant::now());
        for _ in 0..3 {
            drop(rates.turn(node, &limits, start).unwrap());
        }
        assert_eq!(rates.turn(node, &limits, start).err(), Some(Refusal::TooFast(2)));
        assert!(rates.turn(NodeKey(2), &limits, start).is_ok());
        assert!(rates.turn(node, &limits, start + Duration::from_millis(1_100)).is_ok());
    }

    #[test]
    fn few_requests_at_once() {
        let (rates, limits, now) = (Arc::<Rates>::default(), Limits::default(), Instant::now());
        let turns: Vec<_> = (0..AT_ONCE).map(|_| rates.turn(NodeKey(1), &limits, now).unwrap()).collect();
        assert_eq!(rates.turn(NodeKey(1), &limits, now).err(), Some(Refusal::TooFast(1)));
        drop(turns);
        assert!(rates.turn(NodeKey(1), &limits, now).is_ok());
    }
}
