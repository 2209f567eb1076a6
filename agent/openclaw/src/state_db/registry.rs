//! Where the databases of agents lie (`agent_databases`).

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::rows::{Rows, Select, read};

/// A database that an agent of this state directory has used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentDatabase {
    /// The agent.
    pub agent_id: Option<String>,
    /// Path of the database, as the gateway's own system names it.
    pub path: Option<String>,
    /// When it was last used.
    pub last_seen_at: Option<Timestamp>,
}

pub(super) fn agent_databases(db: &Connection) -> Rows<AgentDatabase> {
    const SELECT: Select = Select {
        table: "agent_databases",
        needed: &["path"],
        columns: &[("agent_id", "agent_id"), ("path", "path"), ("last_seen_at", "last_seen_at")],
        newest_by: "last_seen_at",
        condition: "",
    };
    read(db, &SELECT, |cells| AgentDatabase {
        agent_id: cells.text(0),
        path: cells.text(1),
        last_seen_at: cells.time(2),
    })
}
