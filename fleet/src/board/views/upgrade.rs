//! An upgrade of the operating system as it goes through the fleet, and how far nodes are accepted after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::{Cell, Fleet, Head, Table, ViewParts, draw, list, nodes};
use crate::AppState;
use crate::auth::Viewer;
use crate::board::Board;
use crate::board::chart::{Bars, Tint, bars, label};
use crate::board::error::BoardError;
use crate::board::query::natural;
use crate::board::standing::{Item, Standing};

/// Builds that have room.
const MOST: usize = 12;

/// Nodes with one build.
#[derive(Default, Clone)]
struct Wave {
    version: String,
    build: String,
    accepted: usize,
    quarantined: usize,
    waiting: usize,
    absent: usize,
}

impl Wave {
    fn all(&self) -> usize {
        self.accepted + self.quarantined + self.waiting + self.absent
    }
}

/// `GET /upgrade`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
) -> Result<Response, BoardError> {
    draw(viewer, &state, &board, view).await
}

pub(in crate::board) fn view(fleet: &Fleet<'_>) -> Response {
    let waves = waves(fleet.items);
    let known: usize = waves.iter().map(Wave::all).sum();
    let lead = waves.first().map_or_else(
        || "No node has told its build yet.".to_owned(),
        |newest| {
            format!(
                "The newest build is {} ({}): {} of {} run it, and {} accepted on it.",
                newest.build,
                newest.version,
                newest.all(),
                nodes(known),
                if newest.accepted == 1 { "1 is".to_owned() } else { format!("{} are", newest.accepted) },
            )
        },
    );
    let shown: Vec<Wave> = waves.iter().take(MOST).rev().cloned().collect();
    let part = |name: &str, standing, count: fn(&Wave) -> usize| {
        (name.to_owned(), Tint::Standing(standing), shown.iter().map(|wave| count(wave) as u64).collect())
    };
    let picture = bars(&Bars {
        id: "wave",
        title: "Nodes by build",
        about: "the oldest build first",
        of: "Build",
        names: shown.iter().map(|wave| label(&wave.build)).collect(),
        parts: vec![
            part("accepted on this build", Standing::Ready, |wave| wave.accepted),
            part("not accepted yet", Standing::Degraded, |wave| wave.waiting),
            part("in quarantine", Standing::Blocked, |wave| wave.quarantined),
            part("absent", Standing::Absent, |wave| wave.absent),
        ],
    });
    let mut table = Table::new("Acceptance by build", ["Build", "Version"]);
    table.heads.extend(["Nodes", "Accepted", "Not accepted yet", "In quarantine", "Absent"].map(Head::number));
    table.empty = ("No node has told its build yet.", "It comes with a node’s first report.");
    table.rows = waves
        .iter()
        .map(|wave| {
            let name =
                vec![Cell::new(&wave.build).class("code").link(list("build", &wave.build)), Cell::new(&wave.version)];
            let share = |count: usize| {
                let cell = Cell::number(count);
                if count == 0 { cell } else { cell.sub(format!("{} %", 100 * count / wave.all().max(1))) }
            };
            let counts = [wave.accepted, wave.waiting, wave.quarantined, wave.absent].map(share);
            name.into_iter().chain([Cell::number(wave.all()).class("cell most")]).chain(counts).collect()
        })
        .collect();
    fleet.page(
        "macOS upgrade",
        "upgrade",
        ViewParts { lead, pictures: vec![picture], tables: vec![table], pages: None },
    )
}

/// Builds with how far their nodes are, the newest first.
fn waves(items: &[Item]) -> Vec<Wave> {
    let mut waves: BTreeMap<(&str, &str), Wave> = BTreeMap::new();
    for item in items {
        let brief = &item.node.brief;
        let Some(build) = brief.os_build.as_deref() else { continue };
        let version = brief.os_version.as_deref().unwrap_or_default();
        let wave = waves.entry((version, build)).or_default();
        (wave.version, wave.build) = (super::super::nodes::os(&item.node), build.to_owned());
        let is_accepted = brief.accepted.as_ref().is_some_and(|accepted| accepted.os_build.as_deref() == Some(build));
        if item.standing == Standing::Absent {
            wave.absent += 1;
        } else if brief.quarantine.is_some() {
            wave.quarantined += 1;
        } else if is_accepted {
            wave.accepted += 1;
        } else {
            wave.waiting += 1;
        }
    }
    let mut waves: Vec<Wave> = waves.into_values().collect();
    waves.sort_by(|one, other| natural(&other.version, &one.version).then_with(|| natural(&other.build, &one.build)));
    waves
}
