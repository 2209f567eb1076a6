//! `portreeve-fleet viewer`

use std::io::Write;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use secrecy::ExposeSecret;

use super::{Failure, entry, plain};
use crate::auth::{Role, issue};
use crate::store::{audit, millis, timestamp};

#[derive(Subcommand)]
pub(super) enum Viewer {
    /// Let somebody look at the board; the token to log in with is shown this once
    Add {
        /// Name, for the audit
        name: String,
        /// What they may do
        #[arg(long, value_enum, default_value_t = Role::Viewer)]
        role: Role,
        /// Days after which the token ends
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3_660))]
        days: Option<u32>,
    },
    /// List who may look
    List,
    /// Let somebody look no longer
    Revoke {
        /// Name
        name: String,
    },
}

impl Viewer {
    pub(super) fn run(self, connection: &Connection, out: &mut impl Write) -> Result<(), Failure> {
        let now = Timestamp::now();
        match self {
            Self::Add { name, role, days } => {
                let name = crate::enrol::checked_name(&name).ok_or_else(|| {
                    Failure::refused("a name has 1 to 100 characters, none of them a control character")
                })?;
                let there = "SELECT 1 FROM viewer WHERE name = ?";
                if connection.query_row(there, [&name], |_| Ok(())).optional()?.is_some() {
                    return Err(Failure::refused(format!("there is a viewer `{name}`: revoke it first")));
                }
                let issued = issue("prv_")?;
                let end = days.and_then(|days| now.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok());
                connection.execute_batch("BEGIN IMMEDIATE")?;
                connection.execute(
                    "INSERT INTO viewer (hash, name, role, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
                    params![issued.hash.bytes(), name, role.name(), millis(now), end.map(millis)],
                )?;
                audit::record(connection, now, &entry("viewer.add", &name, role.name().to_owned()))?;
                connection.execute_batch("COMMIT")?;
                writeln!(out, "{}", issued.token.expose_secret())?;
            }
            Self::List => {
                let mut statement =
                    connection.prepare("SELECT name, role, created_at, expires_at FROM viewer ORDER BY name")?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let (name, role, since): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let end = row
                        .get::<_, Option<i64>>(3)?
                        .map_or_else(String::new, |end| format!("  until {:.0}", timestamp(end)));
                    writeln!(out, "{name}  {role}  since {:.0}{end}", timestamp(since))?;
                }
            }
            Self::Revoke { name } => {
                if connection.execute("DELETE FROM viewer WHERE name = ?", [&name])? == 0 {
                    return Err(Failure::refused(format!("there is no viewer `{}`", plain(&name))));
                }
                audit::record(connection, now, &entry("viewer.revoke", &name, String::new()))?;
            }
        }
        Ok(())
    }
}
