//! A supervisor that starts its gateways again and again, as launchd and systemd do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Gateway;

/// Keeps gateways alive in a thread until it is dropped.
#[derive(Debug)]
pub struct Supervisor {
    stop: Arc<AtomicBool>,
    gateways: Arc<Mutex<Vec<Gateway>>>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts them, one after the other is the owner of its state, and from then on starts each that has ended.
    pub fn start(gateways: Vec<Gateway>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let gateways = Arc::new(Mutex::new(gateways));
        for gateway in gateways.lock().unwrap().iter_mut() {
            gateway.spawn();
            gateway.wait_until_owner();
        }
        let (stopped, kept) = (Arc::clone(&stop), Arc::clone(&gateways));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                kept.lock().unwrap().iter_mut().for_each(Gateway::keep_alive);
                thread::sleep(Duration::from_millis(100));
            }
        });
        Self { stop, gateways, thread: Some(thread) }
    }

    /// Asks one of them.
    pub fn with<T>(&self, index: usize, ask: impl FnOnce(&Gateway) -> T) -> T {
        ask(&self.gateways.lock().unwrap()[index])
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
