//! `portreeve-fleet code`

use std::io::Write;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use secrecy::ExposeSecret;

use super::{Failure, actor, entry, plain};
use crate::auth::issue;
use crate::store::{audit, millis, timestamp};

#[derive(Subcommand)]
pub(super) enum Code {
    /// Make a join code; it is shown this once
    Create {
        /// How many nodes may enrol with it
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        uses: u32,
        /// Hours that it lasts
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=24 * 90))]
        hours: u32,
        /// The node, by identity or name, that is enrolled already and may enrol again with it
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
    },
    /// List the codes that count still
    List,
    /// Take a code back
    Revoke {
        /// Its label, as `list` shows it
        label: String,
    },
}

impl Code {
    pub(super) fn run(self, connection: &Connection, out: &mut impl Write) -> Result<(), Failure> {
        let now = Timestamp::now();
        match self {
            Self::Create { uses, hours, node } => {
                let node = node.map(|node| super::node::find(connection, &node).map(|(_, id)| id)).transpose()?;
                let issued = issue("prj_")?;
                let [a, b, c, d, ..] = issued.hash.bytes();
                let label = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
                let expires_at = now.saturating_add(SignedDuration::from_hours(hours.into())).unwrap_or(now);
                connection.execute_batch("BEGIN IMMEDIATE")?;
                connection.execute("DELETE FROM join_code WHERE expires_at <= ?", [millis(now)])?;
                connection.execute(
                    "INSERT INTO join_code (hash, label, created_at, created_by, expires_at, uses_left, node)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                    params![issued.hash.bytes(), label, millis(now), actor(), millis(expires_at), uses, node],
                )?;
                audit::record(
                    connection,
                    now,
                    &entry(
                        "code.create",
                        &label,
                        format!("{uses} {} until {expires_at:.0}", if uses == 1 { "use" } else { "uses" }),
                    ),
                )?;
                connection.execute_batch("COMMIT")?;
                writeln!(out, "{}", issued.token.expose_secret())?;
            }
            Self::List => {
                let mut statement = connection.prepare(
                    "SELECT label, uses_left, expires_at, created_by, node FROM join_code
                     WHERE expires_at > ? AND uses_left > 0 ORDER BY created_at",
                )?;
                let mut rows = statement.query([millis(now)])?;
                while let Some(row) = rows.next()? {
                    let (label, uses, until): (String, u32, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let (by, node): (String, Option<String>) = (row.get(3)?, row.get(4)?);
                    let node = node.map_or_else(String::new, |node| format!("  for {}", plain(&node)));
                    writeln!(out, "{label}  {uses} uses left  until {:.0}  by {by}{node}", timestamp(until))?;
                }
            }
            Self::Revoke { label } => {
                if connection.execute("DELETE FROM join_code WHERE label = ?", [&label])? == 0 {
                    return Err(Failure::refused(format!("there is no code `{}`", plain(&label))));
                }
                audit::record(connection, now, &entry("code.revoke", &label, String::new()))?;
            }
        }
        Ok(())
    }
}
