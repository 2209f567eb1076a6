//! What to observe, and on whose behalf.

use std::path::PathBuf;
use std::time::Duration;

use portreeve_core::FingerprintKey;
use portreeve_facts::request::SeriesAsked;

/// What to observe.
#[derive(Debug, Clone)]
pub struct Options {
    /// Home folders to search for state directories; those of every account where none are named.
    pub homes: Option<Vec<PathBuf>>,
    /// State directories to look at besides those found.
    pub state_dirs: Vec<PathBuf>,
    /// Ports of interest besides those found.
    pub ports: Vec<u16>,
    /// URLs by which clients reach gateways of this node from outside.
    pub public_urls: Vec<String>,
    /// Environment of the caller: what the command line of this user would see.
    pub environment: Vec<(String, String)>,
    /// Key of the fingerprints.
    pub key: FingerprintKey,
    /// When to stop looking; what is not known by then stays unknown.
    pub deadline: Duration,
    /// Whether container engines are asked.
    pub containers: bool,
    /// Whether a probe is run in the namespaces of containers; without it they are only read.
    pub probe: bool,
    /// Whether the real command line of each client is run, once, and whether many connects are made.
    pub deep: bool,
    /// Connects to each gateway and from each client of a deep look; none where it is 0.
    pub deep_connects: u32,
    /// Folder of the probe's programs; beside the agent where none is named.
    pub probe_dir: Option<PathBuf>,
    /// The one container, by its name, service or id, that is judged with the gateway that it leads to; none for all of the node.
    pub in_container: Option<String>,
    /// A series of connects from the client in that container.
    pub series: Option<SeriesAsked>,
    /// For how long the locks of state directories are watched; none for not at all.
    pub lock_window: Option<Duration>,
    /// The agent's own folder.
    pub data_dir: PathBuf,
    /// Server that tells the time: a name or an address, with a port where it is not 123. None is asked where none is named.
    pub time_server: Option<String>,
    /// Version of the agent.
    pub agent_version: String,
}
