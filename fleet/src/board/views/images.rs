//! Which digests run for each image, and who runs another one than most.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::{Cell, Fleet, Head, ROWS, Table, ViewParts, draw, list, page_of};
use crate::AppState;
use crate::auth::Viewer;
use crate::board::Board;
use crate::board::error::BoardError;
use crate::board::nodes::short;
use crate::board::query::Pages;
use crate::board::standing::Item;

/// Digests of an image that have a column of their own.
const COLUMNS: usize = 4;
/// Images that the page lists.
const MOST: usize = 200;

/// Who runs an image.
struct Image<'a> {
    reference: &'a str,
    /// Its digests, each with the nodes that run it, those of the most first.
    digests: Vec<(&'a str, Vec<&'a Item>)>,
    /// Nodes that do not tell which digest they run.
    unknown: usize,
}

impl<'a> Image<'a> {
    fn new(reference: &'a str, mut all: BTreeMap<Option<&'a str>, Vec<&'a Item>>) -> Self {
        let unknown = all.remove(&None).map_or(0, |items| items.len());
        let mut digests: Vec<_> = all.into_iter().filter_map(|(digest, items)| Some((digest?, items))).collect();
        digests.sort_by_key(|(_, items)| std::cmp::Reverse(items.len()));
        Self { reference, digests, unknown }
    }
}

/// `GET /images`
pub(crate) async fn show(
    viewer: Viewer,
    State(state): State<AppState>,
    Extension(board): Extension<Arc<Board>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, BoardError> {
    draw(viewer, &state, &board, move |fleet| view(fleet, raw.as_deref())).await
}

pub(in crate::board) fn view(fleet: &Fleet<'_>, raw: Option<&str>) -> Response {
    let images = images(fleet.items);

    let mut matrix = Table { title: "Digests".to_owned(), matrix: true, ..Table::default() };
    matrix.about =
        "For each image the digests that run, by how many nodes run them. One digest everywhere is no drift.";
    matrix.empty = ("No images yet.", "Images of OpenClaw’s containers come with a node’s report.");
    matrix.heads.push(Head::new("Image"));
    matrix.heads.push(Head::number("Nodes"));
    matrix.heads.extend(["Most run", "Then", "Then", "Then"].map(Head::number));
    matrix.heads.extend(["Others", "Not known"].map(Head::number));
    let mut odd = Vec::new();
    for Image { reference, digests, unknown } in images.iter().take(MOST) {
        let all = unknown + digests.iter().map(|(_, items)| items.len()).sum::<usize>();
        let mut row = vec![Cell::new(*reference).class("code").link(list("image", reference)), Cell::number(all)];
        for column in 0..COLUMNS {
            let class = if column == 0 { "cell most" } else { "cell odd" };
            row.push(digests.get(column).map_or_else(
                || Cell { number: true, ..Cell::new("–") }.class("cell zero"),
                |(digest, items)| Cell::number(items.len()).class(class).link(list("image", digest)).sub(short(digest)),
            ));
        }
        row.push(Cell::number(digests.iter().skip(COLUMNS).map(|(_, items)| items.len()).sum()));
        row.push(Cell::number(*unknown));
        matrix.rows.push(row);
        let most = digests.first().map_or("", |(digest, _)| digest);
        odd.extend(
            digests
                .iter()
                .skip(1)
                .flat_map(|(digest, items)| items.iter().map(|item| (*item, *reference, *digest, most))),
        );
    }
    let pages = Pages::new(odd.len(), ROWS, page_of(raw), "nodes", |page| format!("/images?page={page}"));
    let mut table =
        Table::new("Nodes that run another digest than most", ["Node", "Verdict", "Image", "Runs", "Most run"]);
    table.empty = if images.iter().any(|image| image.unknown > 0) {
        ("No drift is known.", "Some nodes do not tell which digest they run.")
    } else {
        ("No drift.", "Each image runs with one digest everywhere.")
    };
    table.rows = odd
        .get(pages.range())
        .unwrap_or_default()
        .iter()
        .map(|(item, reference, digest, most)| {
            vec![
                Cell::node(item),
                Cell::standing(item.standing),
                Cell::new(*reference).class("code"),
                Cell::new(short(digest)).class("code"),
                Cell::new(short(most)).class("code"),
            ]
        })
        .collect();
    let drifting = images.iter().filter(|image| image.digests.len() > 1).count();
    let lead = format!("{drifting} of {} images run with more than one digest.", images.len());
    fleet.page(
        "Image drift",
        "images",
        ViewParts { lead, tables: vec![matrix, table], pages: Some(pages), ..ViewParts::default() },
    )
}

/// All images; the one that drifts most first.
fn images(items: &[Item]) -> Vec<Image<'_>> {
    let mut images: BTreeMap<&str, BTreeMap<Option<&str>, Vec<&Item>>> = BTreeMap::new();
    for item in items {
        for image in &item.node.brief.images {
            images.entry(&image.reference).or_default().entry(image.digest.as_deref()).or_default().push(item);
        }
    }
    let mut images: Vec<_> = images.into_iter().map(|(reference, all)| Image::new(reference, all)).collect();
    images.sort_by_key(|image| std::cmp::Reverse(image.digests.len()));
    images
}
