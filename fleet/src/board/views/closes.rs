//! How connections end, week by week.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};

use crate::AppState;
use crate::auth::Viewer;
use crate::board::Board;
use crate::board::chart::{Bars, Picture, SERIES, Tint, bars};
use crate::board::error::BoardError;
use crate::board::measures::{self, Closes};
use crate::board::query::grouped;

use super::{Fleet, ViewParts};

/// Weeks that the picture shows.
const WEEKS: i64 = 12;
const WEEK_S: i64 = 7 * 86_400;
/// Monday after the beginning of time.
const MONDAY_S: i64 = 4 * 86_400;

/// `GET /closes`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
) -> Result<Response, BoardError> {
    let now = Timestamp::now();
    let from = Timestamp::from_second(first_week(now)).unwrap_or(now);
    let closes = state.store.read(move |connection| measures::closes(connection, (from, now))).await?;
    board.desk.draw(move || view(&viewer, &closes, now)).await
}

pub(in crate::board) fn view(viewer: &Viewer, closes: &[Closes], now: Timestamp) -> Response {
    let picture = picture(closes, first_week(now));
    let all: u64 = closes.iter().map(|one| one.count).sum();
    let lead = format!(
        "{} closed connections in {WEEKS} weeks, as the gateways’ logs tell them.",
        grouped(usize::try_from(all).unwrap_or(usize::MAX))
    );
    let fleet = Fleet { viewer, items: &[], now };
    fleet.page("Close codes", "closes", ViewParts { lead, pictures: vec![picture], ..ViewParts::default() })
}

/// The second at which the first week that the picture shows begins.
fn first_week(now: Timestamp) -> i64 {
    week_of(now) - (WEEKS - 1) * WEEK_S
}

/// The second at which the week of a time begins.
fn week_of(at: Timestamp) -> i64 {
    (at.as_second() - MONDAY_S).div_euclid(WEEK_S) * WEEK_S + MONDAY_S
}

fn picture(closes: &[Closes], first: i64) -> Picture {
    let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
    for one in closes {
        *codes.entry(&one.code).or_default() += one.count;
    }
    let mut codes: Vec<(&str, u64)> = codes.into_iter().collect();
    codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let own: Vec<&str> = codes.iter().take(SERIES - 1).map(|(code, _)| *code).collect();
    let starts: Vec<i64> = (0..WEEKS).map(|week| first + week * WEEK_S).collect();
    let counts = |holds: &dyn Fn(&str) -> bool| -> Vec<u64> {
        let within = |start: &i64| {
            closes.iter().filter(|one| week_of(one.at) == *start && holds(&one.code)).map(|one| one.count).sum()
        };
        starts.iter().map(within).collect()
    };
    let mut parts: Vec<(String, Tint, Vec<u64>)> = own
        .iter()
        .enumerate()
        .map(|(at, code)| (meaning(code), Tint::Series(at), counts(&|one| one == *code)))
        .collect();
    if codes.len() > own.len() {
        parts.push(("other codes".to_owned(), Tint::Series(SERIES - 1), counts(&|one| !own.contains(&one))));
    }
    let name = |start: &i64| {
        let at =
            Timestamp::from_second(*start).unwrap_or_default().checked_add(SignedDuration::ZERO).unwrap_or_default();
        at.strftime("%b %-d").to_string()
    };
    bars(&Bars {
        id: "closes",
        title: "Close codes by week",
        about: "all nodes; each bar is the week from that Monday on, UTC",
        of: "Week from",
        names: starts.iter().map(name).collect(),
        parts,
    })
}

/// A close code with what it means.
fn meaning(code: &str) -> String {
    let meaning = match code {
        "none" => return "no code told".to_owned(),
        "1000" => "normal closure",
        "1001" => "going away",
        "1002" => "protocol error",
        "1005" => "no code",
        "1006" => "no close frame",
        "1008" => "refused",
        "1009" => "too large",
        "1011" => "internal error",
        "1012" => "service restart",
        "1013" => "try again later",
        _ => "",
    };
    format!("{code} {meaning}").trim_end().to_owned()
}
