//! Images beside their pins and their registries, as a table.

use portreeve_core::images::{ImageLine, ImagesReport, PinnedBy, Standing};
use portreeve_core::snapshot::{DigestKind, ImageDigest, WorkloadRole};

use super::text::{columns, count, labelled, paragraph};
use crate::output::{BAD, BOLD, DIM, GOOD, WARN, plain, styled};

/// Characters of a digest that are shown: as many as engines show.
const SHORT: usize = 12;

/// The images, and what to know of them.
pub(crate) fn images(report: &ImagesReport, width: usize) -> String {
    let mut out = String::new();
    if report.images.is_empty() {
        out.push_str("No image of a gateway, command line, node host or proxy is in use here\n");
    } else {
        let mut rows = vec![
            ["IMAGE", "ROLES", "RUNNING", "PINNED", "REGISTRY", "VERDICT"].map(|head| styled(BOLD, head)).to_vec(),
        ];
        rows.extend(report.images.iter().map(row));
        let table = columns(&rows, 0, usize::MAX);
        let mut lines = table.lines();
        out.push_str(&format!("{}\n", lines.next().unwrap_or_default()));
        for (image, line) in report.images.iter().zip(lines) {
            out.push_str(&format!("{line}\n"));
            for text in details(image) {
                out.push_str(&paragraph(&text, 2, width));
            }
        }
    }
    for skew in &report.skew {
        out.push_str(&labelled("skew", skew, 0, 6, width));
    }
    for note in &report.notes {
        out.push_str(&labelled("note", note, 0, 6, width));
    }
    let requests = &report.requests;
    let mut total = if report.asked {
        format!("{} to registries, {:.0} ms", count(requests.head as usize, "HEAD", "HEADs"), requests.elapsed_ms)
    } else {
        "no registry asked".to_owned()
    };
    if requests.get > 0 {
        total.push_str(&format!(", {} of manifests", count(requests.get as usize, "GET", "GETs")));
    }
    if let Some(next) = report.next.filter(|next| *next > report.at) {
        total.push_str(&format!("; due again {}", next.strftime("%Y-%m-%d %H:%M UTC")));
    }
    out.push_str(&format!("\n{}\n", styled(DIM, &total)));
    out
}

fn row(line: &ImageLine) -> Vec<String> {
    let verdict = match line.standing {
        _ if line.drift => styled(BAD, "drift"),
        Standing::Same => styled(GOOD, "same"),
        standing @ (Standing::MovedForward | Standing::Available | Standing::Local) => standing.name().to_owned(),
        standing => styled(WARN, standing.name()),
    };
    let roles: Vec<&str> = line.roles.iter().map(|role| role_name(*role)).collect();
    let pinned = line.pinned.first().and_then(|pin| {
        let by = match pin.by {
            PinnedBy::Config => "config",
            PinnedBy::Definition => "definition",
            PinnedBy::Accepted => "accepted",
        };
        Some(format!("{} {by}", short(&pin.digests.first()?.digest)))
    });
    vec![
        plain(&line.image),
        if roles.is_empty() { "-".to_owned() } else { roles.join(", ") },
        shown(&line.running).map_or_else(|| "-".to_owned(), digest),
        pinned.unwrap_or_else(|| "-".to_owned()),
        line.registry
            .as_ref()
            .map_or_else(|| "-".to_owned(), |known| format!("{} {}", short(&known.digest), known.kind.name())),
        verdict,
    ]
}

/// What is to be said of an image below its row.
fn details(line: &ImageLine) -> Vec<String> {
    let mut details: Vec<String> = line.detail.iter().cloned().collect();
    if line.drift && line.standing != Standing::Same {
        details.push(format!("registry: {}", line.standing.name()));
    }
    let old = line.checked_at.filter(|checked| line.tried_at.is_some_and(|tried| tried > *checked));
    if let Some(checked) = old {
        details.push(format!("the registry's digest is of {}", checked.strftime("%Y-%m-%d %H:%M UTC")));
    }
    details
}

/// The digest that can be compared with a registry's, or else the configuration's.
fn shown(digests: &[ImageDigest]) -> Option<&ImageDigest> {
    digests.iter().find(|digest| digest.kind != DigestKind::Config).or_else(|| digests.first())
}

fn digest(digest: &ImageDigest) -> String {
    format!("{} {}", short(&digest.digest), digest.kind.name())
}

fn short(digest: &str) -> String {
    let hex = digest.rsplit(':').next().unwrap_or(digest);
    plain(&hex.chars().take(SHORT).collect::<String>())
}

fn role_name(role: WorkloadRole) -> &'static str {
    match role {
        WorkloadRole::Gateway => "gateway",
        WorkloadRole::Cli => "cli",
        WorkloadRole::NodeHost => "node-host",
        WorkloadRole::Proxy => "proxy",
        WorkloadRole::Ingress => "ingress",
        WorkloadRole::Other => "other",
    }
}

/// What was accepted.
pub(crate) fn accepted(images: &[(String, Vec<ImageDigest>)], note: Option<&str>, width: usize) -> String {
    let mut out = String::new();
    if images.is_empty() {
        out.push_str("No image runs here that could be accepted\n");
    }
    let rows: Vec<Vec<String>> = images
        .iter()
        .map(|(image, digests)| {
            vec![styled(GOOD, "accepted"), plain(image), shown(digests).map_or_else(String::new, digest)]
        })
        .collect();
    out.push_str(&columns(&rows, 0, usize::MAX));
    if let Some(note) = note {
        out.push_str(&labelled("note", note, 0, 6, width));
    }
    out
}
