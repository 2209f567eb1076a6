//! Images of gateways and command lines: `image.skew`, `image.platform`, `image.floating`

use super::super::{Context, Draft, Rule};
use super::auth::{client_name, gateway_of};
use super::contained::{name, of, of_client};
use crate::catalogue::Code;
use crate::images::{is_id, is_openclaw};
use crate::snapshot::{ClientKind, Image, Workload};

pub(super) const RULES: &[Rule] = &[skew, platform, floating];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::ImageFloating, Code::ImageSkew, Code::ImagePlatform];

/// Tags that move.
const MOVING: [&str; 8] = ["latest", "main", "master", "edge", "nightly", "beta", "stable", "dev"];

/// `image.skew`: gateway and command line run different images.
pub(in super::super) fn skew(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in snapshot.clients.iter().filter(|client| client.kind == ClientKind::Cli) {
        let Some(here) = of_client(snapshot, client) else { continue };
        let Some(gateway) = gateway_of(snapshot, client) else { continue };
        let Some(there) = of(snapshot, gateway).filter(|there| there.id != here.id) else { continue };
        let Some(how) = differ(&here.image, &there.image) else { continue };
        let summary = format!("{} and its gateway {} run different images: {how}", client_name(client), name(there));
        let mut draft =
            Draft::new(Code::ImageSkew, "client", client.id.clone(), summary).client(client).gateway(gateway);
        for workload in [here, there] {
            draft = seen(context, draft, workload);
        }
        out.push(draft.remedy("pin one image for both, by version or digest, then pull it and make both anew"));
    }
}

/// How two images differ, where that is known.
fn differ(ours: &Image, theirs: &Image) -> Option<String> {
    let versions = ours.version.as_ref().zip(theirs.version.as_ref());
    let by_version = versions.filter(|(ours, theirs)| ours != theirs);
    if let (Some(one), Some(other)) = (&ours.id, &theirs.id) {
        // One version built twice is one release.
        let rebuilt = (ours.built || theirs.built) && versions.is_some_and(|(ours, theirs)| ours == theirs);
        if one == other || rebuilt {
            return None;
        }
        return Some(match by_version {
            Some((ours, theirs)) => format!("version {ours} and version {theirs}"),
            None => format!("`{one}` and `{other}`"),
        });
    }
    if let Some((ours, theirs)) = by_version {
        return Some(format!("version {ours} and version {theirs}"));
    }
    let (one, other) = (ours.reference.rsplit_once('@')?, theirs.reference.rsplit_once('@')?);
    (repository(one.0) == repository(other.0) && one.1 != other.1).then(|| format!("`{}` and `{}`", one.1, other.1))
}

/// An image's name without its tag.
fn repository(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// `image.platform`: the image is of another architecture than the engine's machine.
fn platform(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for workload in snapshot.workloads.iter().filter(|workload| is_openclaw(workload)) {
        let engine = snapshot.engines.iter().find(|engine| workload.engine.as_ref() == Some(&engine.id));
        let Some(arch) = engine.and_then(|engine| engine.answer.get()?.arch.as_deref()) else { continue };
        let Some(image) = workload.image.platform.as_deref() else { continue };
        let of_image = image.split('/').nth(1).unwrap_or(image);
        if normal(of_image) == normal(arch) {
            continue;
        }
        let summary = format!("{} runs an image for {of_image} on a machine of {arch}, by emulation", name(workload));
        let mut draft = about(context, Code::ImagePlatform, workload, summary);
        if let Some(engine) = engine {
            draft = draft.seen(format!("the engine's machine is {arch}"), &engine.answer);
        }
        out.push(draft.remedy(format!("remove `platform: {image}`, or set `platform: linux/{arch}`, then pull again")));
    }
}

/// One name for each architecture.
fn normal(arch: &str) -> &str {
    match arch {
        "x86_64" | "x64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `image.floating`: the image is named by a tag that moves.
fn floating(context: Context<'_>, out: &mut Vec<Draft>) {
    for workload in context.snapshot.workloads.iter().filter(|workload| is_openclaw(workload)) {
        let image = &workload.image;
        let reference = image.reference.as_str();
        // What was made here is in no registry, so that no pull moves it.
        let local = image.built || image.id.is_some() && image.digests.is_empty();
        if reference.is_empty() || local || reference.contains('@') || reference.contains('$') || is_id(reference) {
            continue;
        }
        let tag = reference.strip_prefix(repository(reference)).and_then(|rest| rest.strip_prefix(':'));
        if tag.is_some_and(|tag| !MOVING.contains(&tag)) {
            continue;
        }
        let what = tag.map_or_else(|| "no tag, which means `latest`".to_owned(), |tag| format!("tag `{tag}`"));
        let summary = format!("{} runs from `{reference}`: {what}, which moves", name(workload));
        let draft = about(context, Code::ImageFloating, workload, summary);
        let pinned = image.digests.first().cloned().unwrap_or_else(|| format!("{}:<version>", repository(reference)));
        out.push(draft.remedy(format!("pin what runs now: `image: {pinned}`")));
    }
}

/// A finding about a workload and its image.
pub(super) fn about(context: Context<'_>, code: Code, workload: &Workload, summary: String) -> Draft {
    let snapshot = context.snapshot;
    let draft = Draft::new(code, "container", workload.id.clone(), summary).workload(workload);
    let gateway = snapshot.gateways.iter().find(|gateway| gateway.workload.as_ref() == Some(&workload.id));
    seen(context, gateway.into_iter().fold(draft, Draft::gateway), workload)
}

/// The same with the workload's image as evidence.
pub(super) fn seen(context: Context<'_>, draft: Draft, workload: &Workload) -> Draft {
    let image = &workload.image;
    let id = image.id.as_ref().map_or_else(String::new, |id| format!(", id `{id}`"));
    let version = image.version.as_ref().map_or_else(String::new, |version| format!(", version {version}"));
    let words = format!("{}: image `{}`{id}{version}", name(workload), image.reference);
    let at = context.snapshot.taken_at;
    match (workload.place("image"), &workload.engine) {
        (None, Some(engine)) => draft.evidence(words, engine.clone(), at),
        (place, _) => draft.written(words, place, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    #[test]
    fn another_release_of_the_command_line_is_skew() {
        let older = |node: &mut Snapshot| {
            let image = &mut cli_workload(node).image;
            image.version = Some("2026.8.2".to_owned());
            image.reference = "ghcr.io/openclaw/openclaw:2026.8.2".to_owned();
            image.id = image.id.as_ref().map(|_| "sha256:cccc".to_owned());
        };
        for node in &both(split, older) {
            assert_eq!(root_causes(node), [Code::ImageSkew], "{:#?}", report(node).findings);
        }
    }

    #[test]
    fn digests_tell_where_versions_do_not() {
        let rebuilt = |node: &mut Snapshot| cli_workload(node).image.id = Some("sha256:cccc".to_owned());
        assert_eq!(root_causes(&both(split, rebuilt)[0]), [Code::ImageSkew]);
        let by_digest = |node: &mut Snapshot| {
            for (workload, digest) in node.workloads.iter_mut().zip(["aaaa", "bbbb"]) {
                workload.image.version = None;
                workload.image.reference = format!("ghcr.io/openclaw/openclaw@sha256:{digest}");
            }
        };
        assert_eq!(root_causes(&both(split, by_digest)[1]), [Code::ImageSkew]);
        let unknown = |node: &mut Snapshot| {
            cli_workload(node).image.version = None;
            cli_workload(node).image.id = None;
        };
        assert!(silent(skew, &both(split, unknown)[0]));
        let built = |node: &mut Snapshot| {
            rebuilt(node);
            cli_workload(node).image.built = true;
        };
        assert!(silent(skew, &both(split, built)[0]));
    }

    #[test]
    fn emulation_is_named_where_the_engine_tells_its_machine() {
        let emulated = |node: &mut Snapshot| gateway_workload(node).image.platform = Some("linux/amd64".to_owned());
        assert_eq!(draft(platform, &both(split, emulated)[0]).severity, crate::Severity::Warning);
        assert!(silent(platform, &both(split, emulated)[1]), "no engine, no machine");
        assert!(silent(platform, &both(split, |node| gateway_workload(node).image.platform = None)[0]));
    }

    #[test]
    fn a_tag_that_moves_warns() {
        let named =
            |reference: &'static str| both(split, |node| gateway_workload(node).image.reference = reference.to_owned());
        for reference in ["ghcr.io/openclaw/openclaw:latest", "openclaw/openclaw", "localhost:5000/openclaw"] {
            for node in &named(reference) {
                assert_eq!(drafts(floating, node).len(), 1, "{reference}");
            }
        }
        for reference in ["ghcr.io/openclaw/openclaw:2026.9.6", "openclaw:latest@sha256:aa", "", "openclaw:${TAG}"] {
            assert!(silent(floating, &named(reference)[0]), "{reference}");
        }
        let local = |node: &mut Snapshot| {
            gateway_workload(node).image.reference = "openclaw".to_owned();
            gateway_workload(node).image.digests.clear();
        };
        assert!(silent(floating, &both(split, local)[0]));
    }
}
