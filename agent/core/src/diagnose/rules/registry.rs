//! Images beside what is pinned and what registries have: `image.drift`, `image.behind`, `image.unchecked`
//!
//! No registry is asked for a snapshot: they judge by what came of the last time.

use super::super::{Context, Draft, Rule};
use super::contained::name;
use super::image::about;
use crate::Severity;
use crate::catalogue::Code;
use crate::images::{ImageUse, PinnedBy, Standing, broken_pin, in_use, is_openclaw, moved, of_workload};
use crate::snapshot::{ImageCheck, RegistryAnswer, Snapshot, Workload};

pub(super) const RULES: &[Rule] = &[drift, behind, unchecked];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::ImageDrift, Code::ImageBehind, Code::ImageUnchecked];

/// Seconds after which the last answer of a registry is too old.
const OLD_S: i64 = 8 * 86_400;

/// How far ahead of the snapshot a check may lie before the clock counts as set back, in seconds.
const AHEAD_S: i64 = 86_400;

/// `image.drift`: a container runs another image than the pinned one.
fn drift(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for workload in snapshot.workloads.iter().filter(|workload| is_openclaw(workload)) {
        let Some(one) = of_workload(workload, &context.policy.pinned_images, &snapshot.image_checks) else { continue };
        let check = check_of(snapshot, &one);
        let Some(pin) = broken_pin(&one.pins, &one.running, check) else { continue };
        let runs = one.running.first().map_or("nothing known", |running| running.digest.as_str());
        let right = pin.digests.first().map_or("", |right| right.digest.as_str());
        let summary = format!("{} runs `{runs}`, and {} pins `{right}`", name(workload), pin.by.name());
        let mut draft = about(context, Code::ImageDrift, workload, summary);
        let accepted = check.and_then(|check| check.accepted.as_ref());
        if let Some(accepted) = accepted.filter(|_| pin.by == PinnedBy::Accepted) {
            let why = accepted.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            draft = draft.evidence(
                format!("`{right}` was accepted by {}{why}", accepted.by),
                "portreeve images accept",
                accepted.at,
            );
        }
        out.push(
            draft
                .remedy(format!("make it anew from the pinned image: `{}@{right}`", repository(&one)))
                .command("or accept what runs now", format!("portreeve images accept {}", one.image)),
        );
    }
}

/// `image.behind`: the tag stands for another image at the registry than the one that runs.
fn behind(context: Context<'_>, out: &mut Vec<Draft>) {
    for (one, check) in checked(context) {
        // A digest never moves, and what is pinned is meant to stay.
        if one.reference.digest.is_some() || matches!(check.answer, RegistryAnswer::Gone { .. }) {
            continue;
        }
        let (Some(registry), Some(at)) = (&check.digest, check.checked_at) else { continue };
        let (words, severity) = match moved(&one.running, check) {
            Standing::MovedForward => ("has moved on to", Severity::Information),
            Standing::MovedBack => ("has moved back to", Severity::Warning),
            _ => continue,
        };
        let summary = format!("`{}` {words} `{}`, another image than the one that runs", one.image, registry.digest);
        let mut draft = image(context, Code::ImageBehind, &one, summary).severity(severity);
        draft = draft.evidence(
            format!("the registry gives `{}` ({})", registry.digest, registry.kind.name()),
            format!("HEAD at {}", one.reference.registry),
            at,
        );
        draft = match severity {
            Severity::Warning => draft.remedy(
                "do not pull: an older release refuses state that a newer one has migrated; ask whoever moved the tag why",
            ),
            _ => draft.remedy("plan a window, then pull and make the containers anew"),
        };
        out.push(draft.remedy(format!("or pin what runs: `{}@sha256:…`", repository(&one))));
    }
}

/// `image.unchecked`: the registry's side has not been known for long, or the next pull will fail.
fn unchecked(context: Context<'_>, out: &mut Vec<Draft>) {
    for (one, check) in checked(context) {
        let Some(tried) = check.tried_at else { continue };
        let source = format!("HEAD at {}", one.reference.registry);
        let registry = &one.reference.registry;
        let now = context.snapshot.taken_at.as_second();
        let since = check.checked_at.or(check.first_tried_at).unwrap_or(tried);
        let age = now - since.as_second();
        let draft = match &check.answer {
            RegistryAnswer::Gone { why } => {
                let summary =
                    format!("{registry} has no `{}` any more: a container that must pull it cannot be made", one.image);
                image(context, Code::ImageUnchecked, &one, summary)
                    .evidence(format!("the registry says: {why}"), source, tried)
                    .remedy("name a tag or digest that is there, or put it back")
                    .remedy("keep the local image: `docker image save` it before anything is pruned")
            }
            RegistryAnswer::Digest { refused_login: Some(whose) } => {
                let summary = format!(
                    "{registry} refuses {whose}, though anybody may pull `{}`: each pull fails with `denied`",
                    one.image
                );
                image(context, Code::ImageUnchecked, &one, summary)
                    .evidence("the registry refused the stored login, and answered without it", source, tried)
                    .command("remove the stale login, as its user", logout(registry))
            }
            _ if age > OLD_S => {
                let days = age / 86_400;
                let why = match &check.answer {
                    RegistryAnswer::Denied { why }
                    | RegistryAnswer::RateLimited { why, .. }
                    | RegistryAnswer::Unreachable { why } => why.as_str(),
                    RegistryAnswer::WrongType { .. } => "what the registry has there is no image",
                    _ => "the check was not run since",
                };
                let summary = format!("the digest of `{}` has not been known for {days} days: {why}", one.image);
                image(context, Code::ImageUnchecked, &one, summary)
                    .evidence(format!("last answer that decides: {since}"), source, tried)
                    .command("check it now", "portreeve images")
            }
            _ if age < -AHEAD_S => {
                let summary = format!(
                    "`{}` was last checked at {since}, which is still to come: the clock was set back",
                    one.image
                );
                image(context, Code::ImageUnchecked, &one, summary)
                    .evidence(format!("last check at {since}"), source, tried)
                    .command("check it now", "portreeve images")
            }
            _ => continue,
        };
        out.push(draft);
    }
}

/// Docker's own registry goes without a name.
fn logout(registry: &str) -> String {
    let name = if registry == "docker.io" { "" } else { registry };
    format!("docker logout {name}").trim_end().to_owned()
}

/// Images of `OpenClaw` in use that a registry was asked for.
fn checked(context: Context<'_>) -> Vec<(ImageUse, &ImageCheck)> {
    let snapshot = context.snapshot;
    let mut uses = in_use(snapshot, &context.policy.pinned_images);
    uses.retain(|one| one.local.is_none() && workloads(snapshot, one).any(is_openclaw));
    uses.into_iter().filter_map(|one| Some((check_of(snapshot, &one)?, one))).map(|(check, one)| (one, check)).collect()
}

fn check_of<'a>(snapshot: &'a Snapshot, one: &ImageUse) -> Option<&'a ImageCheck> {
    snapshot.image_checks.iter().find(|check| check.image == one.image)
}

fn workloads<'a>(snapshot: &'a Snapshot, one: &'a ImageUse) -> impl Iterator<Item = &'a Workload> {
    snapshot.workloads.iter().filter(|workload| one.used_by.contains(&workload.id))
}

fn repository(one: &ImageUse) -> String {
    format!("{}/{}", one.reference.registry, one.reference.repository)
}

fn image(context: Context<'_>, code: Code, one: &ImageUse, summary: String) -> Draft {
    let snapshot = context.snapshot;
    let draft = Draft::new(code, "image", one.image.clone(), summary);
    workloads(snapshot, one)
        .filter(|workload| is_openclaw(workload))
        .fold(draft, |draft, workload| super::image::seen(context, draft.workload(workload), workload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{AcceptedImage, DigestKind, DigestSeen, ImageDigest, RegistryDigest, ResolvedManifest};
    use crate::{Policy, diagnose};

    /// What the fixture runs.
    const RUNS: &str = "sha256:bbbb";
    const OTHER: &str = "sha256:dddd";

    fn image_name() -> String {
        format!("ghcr.io/openclaw/openclaw:{VERSION}")
    }

    /// The project with what its registry said so many seconds ago.
    fn checked(age_s: i64, change: impl FnOnce(&mut ImageCheck)) -> Snapshot {
        let mut node = split();
        let at = ago(age_s);
        let mut check = ImageCheck {
            first_tried_at: Some(at),
            tried_at: Some(at),
            checked_at: Some(at),
            answer: RegistryAnswer::Digest { refused_login: None },
            digest: Some(list(RUNS)),
            ..ImageCheck::new(image_name())
        };
        change(&mut check);
        node.image_checks = vec![check];
        node
    }

    fn list(digest: &str) -> RegistryDigest {
        RegistryDigest { digest: digest.to_owned(), kind: DigestKind::List, media_type: "list".to_owned() }
    }

    fn accepted(digest: &str) -> AcceptedImage {
        let digest = ImageDigest { digest: digest.to_owned(), kind: DigestKind::List };
        AcceptedImage { digests: vec![digest], at: ago(60), by: "op".to_owned(), reason: Some("reviewed".to_owned()) }
    }

    fn written(node: &mut Snapshot, digest: &str) {
        for workload in &mut node.workloads {
            workload.image.written = Some(format!("{}@{digest}", image_name()));
        }
    }

    #[test]
    fn what_the_registry_has_too_is_nothing_to_tell() {
        let node = checked(60, |_| ());
        for rule in [drift, behind, unchecked] {
            assert!(silent(rule, &node));
            assert!(silent(rule, &split()), "no registry was asked");
        }
    }

    #[test]
    fn a_tag_that_moved_is_information_and_one_that_moved_back_a_warning() {
        let moved = checked(60, |check| check.digest = Some(list(OTHER)));
        let one = draft(behind, &moved);
        assert_eq!((one.severity, one.subject.id.as_str()), (Severity::Information, image_name().as_str()));
        assert!(one.summary.contains("moved on to"), "{}", one.summary);
        let back = checked(60, |check| {
            check.digest = Some(list(OTHER));
            let seen =
                |digest: &str, second| DigestSeen { digest: digest.to_owned(), first: ago(second), last: ago(60) };
            check.history = vec![seen(OTHER, 900), seen(RUNS, 600)];
        });
        let one = draft(behind, &back);
        assert!(one.severity == Severity::Warning && one.summary.contains("moved back"), "{}", one.summary);
    }

    #[test]
    fn digests_of_other_kinds_say_nothing_until_they_are_resolved() {
        let config_only = |resolved: Option<&str>| {
            let mut node = checked(60, |check| {
                check.digest = Some(list(OTHER));
                check.resolved.extend(resolved.map(|config| ResolvedManifest {
                    digest: OTHER.to_owned(),
                    platform: "linux/arm64".to_owned(),
                    manifest: None,
                    config: Some(config.to_owned()),
                }));
            });
            node.workloads.iter_mut().for_each(|workload| workload.image.digests.clear());
            node
        };
        assert!(silent(behind, &config_only(None)) && silent(behind, &config_only(Some("sha256:aaaa"))));
        assert_eq!(drafts(behind, &config_only(Some("sha256:ffff"))).len(), 1);
        let mut pinned = config_only(None);
        written(&mut pinned, OTHER);
        assert!(silent(drift, &pinned), "a configuration's digest says nothing against a list's");
    }

    #[test]
    fn another_image_than_the_pinned_one_is_drift_whoever_pins_it() {
        let mut node = split();
        written(&mut node, OTHER);
        assert_eq!(drafts(drift, &node).len(), 2, "gateway and command line");
        assert_eq!(root_causes(&node), [Code::ImageDrift]);
        written(&mut node, RUNS);
        assert!(silent(drift, &node));
        // The configuration comes first.
        let policy = Policy { pinned_images: vec![format!("ghcr.io/openclaw/openclaw@{OTHER}")], ..Policy::default() };
        assert!(diagnose(&node, &policy).root_causes.contains(&Code::ImageDrift));
        let policy = Policy { pinned_images: vec![format!("ghcr.io/other/openclaw@{OTHER}")], ..policy };
        assert!(!diagnose(&node, &policy).root_causes.contains(&Code::ImageDrift), "another image");
    }

    #[test]
    fn what_was_accepted_is_right_even_where_the_file_has_moved_on() {
        let held = |pinned: Option<&str>, digest: &str| {
            let mut node = checked(60, |check| check.accepted = Some(accepted(digest)));
            if let Some(pinned) = pinned {
                written(&mut node, pinned);
            }
            node
        };
        let broken = held(None, OTHER);
        let one = &drafts(drift, &broken)[0];
        assert!(one.summary.contains("last accepted"), "{}", one.summary);
        assert!(one.evidence.iter().any(|evidence| evidence.fact.contains("by op: reviewed")), "{:?}", one.evidence);
        assert!(silent(drift, &held(None, RUNS)) && silent(drift, &held(Some(OTHER), RUNS)));
        assert!(!silent(drift, &held(Some(OTHER), OTHER)));
    }

    #[test]
    fn an_image_made_here_is_held_against_what_was_accepted_and_against_no_registry() {
        let mut node = checked(9 * 86_400, |check| {
            check.answer = RegistryAnswer::Gone { why: "404".to_owned() };
            let digest = ImageDigest { digest: "sha256:eeee".to_owned(), kind: DigestKind::Config };
            check.accepted = Some(AcceptedImage { digests: vec![digest], ..accepted(OTHER) });
        });
        for workload in &mut node.workloads {
            workload.image.built = true;
            workload.image.digests.clear();
        }
        assert_eq!(drafts(drift, &node).len(), 2);
        assert!(silent(unchecked, &node) && silent(behind, &node));
    }

    #[test]
    fn eight_days_without_an_answer_warn_with_the_reason() {
        let failing = |age_s| {
            checked(age_s, |check| {
                check.tried_at = Some(ago(60));
                check.answer = RegistryAnswer::Denied { why: "it answers 403: denied".to_owned() };
            })
        };
        assert!(silent(unchecked, &failing(7 * 86_400)));
        let one = draft(unchecked, &failing(9 * 86_400));
        assert!(one.summary.contains("9 days: it answers 403: denied"), "{}", one.summary);
        assert_eq!(drafts(unchecked, &checked(9 * 86_400, |_| ())).len(), 1, "nobody asked since");
        assert_eq!(drafts(unchecked, &checked(-9 * 86_400, |_| ())).len(), 1, "the clock was set back");
        // What was never known is missed from the first try on.
        let never = |age_s| {
            let mut node = failing(age_s);
            node.image_checks[0].checked_at = None;
            node
        };
        assert!(silent(unchecked, &never(60)));
        assert_eq!(drafts(unchecked, &never(9 * 86_400)).len(), 1);
    }

    #[test]
    fn a_tag_that_is_gone_and_a_stale_login_are_told_at_once() {
        let gone = checked(60, |check| check.answer = RegistryAnswer::Gone { why: "manifest unknown".to_owned() });
        assert!(draft(unchecked, &gone).summary.contains("has no"));
        assert!(silent(behind, &gone));
        let stale = checked(60, |check| {
            let whose = Some("the login of op in `/home/op/.docker/config.json`".to_owned());
            check.answer = RegistryAnswer::Digest { refused_login: whose };
        });
        let one = draft(unchecked, &stale);
        assert!(one.summary.contains("refuses the login of op"), "{}", one.summary);
        assert_eq!(one.remedy[0].command.as_deref(), Some("docker logout ghcr.io"));
    }
}
