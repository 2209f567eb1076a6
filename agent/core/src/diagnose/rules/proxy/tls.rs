//! `proxy.tls`

use jiff::{SignedDuration, Timestamp};

use super::{about, as_written, name};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Client, ProxyRoute, Snapshot, TlsSeen, UrlFacts, UrlTls};

/// Days before its end from which on a certificate is to be renewed.
const RENEW_DAYS: i64 = 14;

/// `proxy.tls`: clients refuse the certificate of the front, or soon will.
pub(in super::super) fn bad(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    // One certificate serves many places of a proxy.
    let mut told: Vec<(&str, u16)> = Vec::new();
    for route in context.snapshot.proxies.iter().filter(|route| route.front.scheme == "wss") {
        let Some(tls) = route.tls.get() else { continue };
        let Some((severity, problem)) = problem(&route.front.host, tls, now) else { continue };
        if !is_general(context.snapshot, route, tls, severity, now) {
            continue;
        }
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

/// `proxy.tls`: a client of this node refuses the certificate that it is shown.
pub(in super::super) fn unaccepted(context: Context<'_>, out: &mut Vec<Draft>) {
    let (snapshot, now) = (context.snapshot, context.snapshot.taken_at);
    for client in snapshot.host_clients() {
        let Some((url, tls)) = over_tls(client) else { continue };
        let (Some(shown), Some((severity, problem))) = (&tls.shown, refusal(url, tls, now)) else { continue };
        // What is wrong for everyone is said of the proxy.
        let is_told = |route: &ProxyRoute| {
            let seen = route.tls.get().filter(|seen| is_same(seen, &shown.seen));
            let told = seen.and_then(|seen| problem_of(route, seen, now));
            told.is_some_and(|severity| severity == Severity::Error)
        };
        if tls.pinned.is_none() && snapshot.proxies.iter().any(is_told) {
            continue;
        }
        let at = format!("{}:{}", url.url.host, url.url.port);
        let summary = format!("`{}` refuses the certificate of `{at}` ({}): it {problem}", client.id, url.source);
        let mut draft = Draft::new(Code::ProxyTls, "client", client.id.clone(), summary)
            .severity(severity)
            .client(client)
            .evidence(
                format!("{}, SHA-256 {}", words(&shown.seen), shown.sha256),
                format!("TLS handshake with {at}"),
                now,
            );
        if let Some(pinned) = &tls.pinned {
            draft = draft.seen(format!("the client has pinned {pinned}"), &client.url);
        }
        let pin = format!("openclaw config set gateway.remote.tlsFingerprint {}", shown.sha256);
        out.push(
            draft
                .command("where that is the certificate that the proxy is to have: as the client's user, pin it", pin)
                .remedy("or give the proxy one for the name that clients use, of an authority that they know"),
        );
    }
}

/// The URL of a client that speaks TLS, where it is known what the client takes.
fn over_tls(client: &Client) -> Option<(&UrlFacts, &UrlTls)> {
    let url = client.url.get()?;
    Some((url, url.tls.as_ref()?))
}

/// Why a client refuses the certificate that it is shown.
fn refusal(url: &UrlFacts, tls: &UrlTls, now: Timestamp) -> Option<(Severity, String)> {
    let shown = tls.shown.as_ref()?;
    match &tls.pinned {
        Some(pinned) if *pinned == shown.sha256 => None,
        Some(_) => Some((Severity::Error, "is not the one that the client has pinned".to_owned())),
        None if shown.seen.refusal.is_none() => None,
        None if shown.seen.self_signed && expired(&shown.seen, now).is_none() && shown.seen.name_matches => {
            Some((Severity::Error, "signs itself, and the client has not pinned it".to_owned()))
        }
        None => problem(&url.url.host, &shown.seen, now),
    }
}

/// Whether what is wrong with a front's certificate is so for all that come: not where clients of this node have pinned it, and not where
/// one of them is told of itself.
fn is_general(snapshot: &Snapshot, route: &ProxyRoute, tls: &TlsSeen, severity: Severity, now: Timestamp) -> bool {
    let here = || {
        let clients = snapshot.host_clients().filter_map(over_tls);
        clients.filter(|(url, of)| {
            let shown = of.shown.as_ref();
            url.url.port == route.front.port && shown.is_some_and(|shown| is_same(&shown.seen, tls))
        })
    };
    let is_dated = expired(tls, now).is_some() || severity == Severity::Warning && tls.refusal.is_none();
    let is_pinned = here().any(|(url, of)| of.pinned.is_some() && refusal(url, of, now).is_none());
    let is_told = severity == Severity::Warning && here().any(|(url, of)| refusal(url, of, now).is_some());
    is_dated || !is_pinned && !is_told
}

/// Whether two looks saw one certificate, whatever name was asked for.
fn is_same(one: &TlsSeen, other: &TlsSeen) -> bool {
    (&one.names, &one.issuer, one.not_before, one.not_after)
        == (&other.names, &other.issuer, other.not_before, other.not_after)
}

fn problem_of(route: &ProxyRoute, tls: &TlsSeen, now: Timestamp) -> Option<Severity> {
    problem(&route.front.host, tls, now).map(|(severity, _)| severity)
}

/// What is wrong with the time of a certificate.
fn expired(tls: &TlsSeen, now: Timestamp) -> Option<String> {
    if let Some(left) = tls.not_after.map(|end| end.duration_since(now)).filter(SignedDuration::is_negative) {
        return Some(format!("expired {} ago", days(left.abs())));
    }
    tls.not_before.is_some_and(|begin| begin > now).then(|| "is not valid yet".to_owned())
}

fn problem(host: &str, tls: &TlsSeen, now: Timestamp) -> Option<(Severity, String)> {
    if let Some(expired) = expired(tls, now) {
        return Some((Severity::Error, expired));
    }
    let left = tls.not_after.map(|end| end.duration_since(now));
    if !tls.name_matches {
        let names = tls.names.join("`, `");
        let names = if names.is_empty() { "no name".to_owned() } else { format!("`{names}`") };
        return Some((Severity::Error, format!("is for {names}, not for `{host}`")));
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
    use crate::snapshot::ShownCertificate;

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

    const SHOWN: &str = "ab12";

    /// A client of this node comes over the front, whose certificate signs itself.
    fn client_of(pinned: Option<&str>, change: impl Fn(&mut TlsSeen)) -> crate::Snapshot {
        let mut node = with(|tls| {
            (tls.self_signed, tls.chain_length) = (true, 1);
            tls.refusal = Some("signed by nobody trusted".to_owned());
            change(tls);
        });
        let seen = node.proxies[0].tls.get().unwrap().clone();
        first_client(&mut node).gateway = None;
        let url = value(&mut first_client(&mut node).url);
        url.loopback = false;
        (url.url.scheme, url.url.host, url.url.port) = ("wss".to_owned(), "claw.example".to_owned(), 443);
        let shown = ShownCertificate { sha256: SHOWN.to_owned(), seen };
        url.tls = Some(UrlTls { pinned: pinned.map(str::to_owned), shown: Some(shown) });
        node
    }

    #[test]
    fn a_client_that_was_not_told_of_a_certificate_that_signs_itself_is_cut_off() {
        let node = client_of(None, |_| {});
        assert_eq!(
            draft(unaccepted, &node).summary,
            "`cli:/Users/op/.openclaw` refuses the certificate of `claw.example:443` (gateway.port in \
             /Users/op/.openclaw/openclaw.json): it signs itself, and the client has not pinned it"
        );
        assert!(silent(bad, &node), "it is said of the client");
        assert_eq!(root_causes(&node), [Code::ProxyTls]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn a_client_that_pinned_the_certificate_takes_it_whatever_its_name() {
        let other_name = |tls: &mut TlsSeen| tls.name_matches = false;
        for node in [client_of(Some(SHOWN), |_| {}), client_of(Some(SHOWN), other_name)] {
            assert!(silent(unaccepted, &node));
            assert!(silent(bad, &node));
        }
        let expired = client_of(Some(SHOWN), |tls| tls.not_after = Some(ago(86_400)));
        assert_eq!(draft(bad, &expired).severity, Severity::Error, "others do not");
    }

    #[test]
    fn a_pin_of_an_earlier_certificate_cuts_its_client_off() {
        let node = client_of(Some("cd34"), |tls| tls.refusal = None);
        let draft = draft(unaccepted, &node);
        assert!(draft.summary.ends_with("it is not the one that the client has pinned"), "{}", draft.summary);
        assert_eq!(draft.remedy[0].command.as_deref(), Some("openclaw config set gateway.remote.tlsFingerprint ab12"));
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn what_is_wrong_for_everyone_is_said_of_the_proxy_alone() {
        let node = client_of(None, |tls| tls.name_matches = false);
        assert!(silent(unaccepted, &node));
        assert_eq!(draft(bad, &node).severity, Severity::Error);
    }

    #[test]
    fn an_authority_of_ones_own_may_be_known_to_the_shell_of_a_client() {
        let node = client_of(None, |tls| tls.self_signed = false);
        assert_eq!(draft(unaccepted, &node).severity, Severity::Warning);
        assert!(silent(bad, &node));
    }

    #[test]
    fn a_certificate_that_is_good_or_was_not_seen_is_none_to_refuse() {
        assert!(silent(unaccepted, &client_of(None, |tls| (tls.self_signed, tls.refusal) = (false, None))));
        let mut unseen = client_of(None, |_| {});
        value(&mut first_client(&mut unseen).url).tls.as_mut().unwrap().shown = None;
        assert!(silent(unaccepted, &unseen));
        value(&mut first_client(&mut unseen).url).tls = None;
        assert!(silent(unaccepted, &unseen));
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
