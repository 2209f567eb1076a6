//! `proxy.tls`

use jiff::{SignedDuration, Timestamp};

use super::{about, as_written, name};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{ProxyRoute, TlsSeen};

/// Days before its end from which on a certificate is to be renewed.
const RENEW_DAYS: i64 = 14;

/// `proxy.tls`: clients refuse the certificate of the front, or soon will.
pub(in super::super) fn bad(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    // One certificate serves many places of a proxy.
    let mut told: Vec<(&str, u16)> = Vec::new();
    for route in context.snapshot.proxies.iter().filter(|route| route.front.scheme == "wss") {
        let Some(tls) = route.tls.get() else { continue };
        let Some((severity, problem)) = problem(route, tls, now) else { continue };
        let front = (route.front.host.as_str(), route.front.port);
        if told.contains(&front) {
            continue;
        }
        told.push(front);
        let draft = about(context, Code::ProxyTls, route, format!("the certificate of {} {problem}", name(route)))
            .severity(severity)
            .seen(words(tls), &route.tls);
        let draft = match route.config.get().and_then(|config| config.certificate.as_ref()) {
            Some(file) => as_written(draft, route, "certificate", &format!("certificate `{file}`"), now)
                .remedy(format!("renew `{file}` for `{}`, with its full chain", route.front.host)),
            None => draft,
        };
        out.push(draft);
    }
}

fn problem(route: &ProxyRoute, tls: &TlsSeen, now: Timestamp) -> Option<(Severity, String)> {
    let left = tls.not_after.map(|end| end.duration_since(now));
    if let Some(left) = left.filter(SignedDuration::is_negative) {
        return Some((Severity::Error, format!("expired {} ago", days(left.abs()))));
    }
    if tls.not_before.is_some_and(|begin| begin > now) {
        return Some((Severity::Error, "is not valid yet".to_owned()));
    }
    if !tls.name_matches {
        let names = tls.names.join("`, `");
        let names = if names.is_empty() { "no name".to_owned() } else { format!("`{names}`") };
        return Some((Severity::Error, format!("is for {names}, not for `{}`", route.front.host)));
    }
    if let Some(left) = left.filter(|left| *left < SignedDuration::from_hours(24 * RENEW_DAYS)) {
        return Some((Severity::Warning, format!("expires in {}", days(left))));
    }
    let refusal = tls.refusal.as_ref()?;
    let why = if tls.self_signed {
        "signs itself, so that only clients that were told of it accept it".to_owned()
    } else if tls.chain_length == 1 {
        "comes without the certificates of those who signed it, or from an authority of your own".to_owned()
    } else {
        format!("is refused by a client with the public roots: {refusal}")
    };
    Some((Severity::Warning, why))
}

fn days(time: SignedDuration) -> String {
    let hours = time.as_hours();
    match hours / 24 {
        0 => format!("{hours} h"),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn words(tls: &TlsSeen) -> String {
    let names = if tls.names.is_empty() { "no name".to_owned() } else { tls.names.join(", ") };
    let issuer = tls.issuer.as_deref().map(|issuer| format!(", issued by {issuer}")).unwrap_or_default();
    let end = tls.not_after.map(|end| format!(", valid until {end}")).unwrap_or_default();
    format!("certificate for {names}{issuer}{end}")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::diagnose::fixture::*;

    fn with(change: impl FnOnce(&mut TlsSeen)) -> crate::Snapshot {
        behind(|route| change(value(&mut route.tls)))
    }

    #[test]
    fn an_expired_certificate_is_an_error_and_one_about_to_expire_a_warning() {
        let node = with(|tls| {
            tls.not_after = Some(ago(3 * 86_400));
            tls.refusal = Some("the certificate has expired".to_owned());
        });
        let draft = draft(bad, &node);
        assert_eq!(draft.summary, "the certificate of `nginx` at `claw.example:443` expired 3 days ago");
        assert_eq!(draft.remedy[0].text, "renew `/etc/ssl/claw.pem` for `claw.example`, with its full chain");
        assert_eq!(root_causes(&node), [Code::ProxyTls]);
        let soon = with(|tls| tls.not_after = Some(now() + SignedDuration::from_hours(13 * 24)));
        assert_eq!(finding(&soon, Code::ProxyTls).severity, Severity::Warning);
        assert!(silent(bad, &with(|tls| tls.not_after = Some(now() + SignedDuration::from_hours(15 * 24)))));
    }

    #[test]
    fn another_name_is_an_error() {
        let node = with(|tls| {
            (tls.name_matches, tls.names) = (false, vec!["other.example".to_owned()]);
        });
        assert_eq!(
            draft(bad, &node).summary,
            "the certificate of `nginx` at `claw.example:443` is for `other.example`, not for `claw.example`"
        );
        assert_eq!(draft(bad, &node).severity, Severity::Error);
    }

    #[test]
    fn one_that_nobody_public_signed_warns() {
        let refused = |self_signed, chain_length| {
            with(|tls| {
                (tls.self_signed, tls.chain_length) = (self_signed, chain_length);
                tls.refusal = Some("signed by nobody trusted".to_owned());
            })
        };
        for node in [refused(true, 1), refused(false, 1), refused(false, 2)] {
            assert_eq!(draft(bad, &node).severity, Severity::Warning);
        }
    }

    #[test]
    fn two_places_of_one_front_are_told_once() {
        let mut node = with(|tls| tls.name_matches = false);
        let mut second = node.proxies[0].clone();
        second.id.push_str("/ws");
        node.proxies.push(second);
        assert_eq!(drafts(bad, &node).len(), 1);
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(bad, &healthy()) && silent(bad, &behind(|_| {})));
        assert!(silent(bad, &behind(|route| route.tls = denied())));
    }
}
