//! Secrets: which one each side uses, and whether the two sides agree.

use super::super::{Context, Draft, Rule};
use crate::Fingerprint;
use crate::catalogue::{Code, Severity};
use crate::snapshot::{AuthMode, Client, ClientKind, Credentials, Gateway, Snapshot, SourceOutcome, TokenSource};

pub(super) const RULES: &[Rule] = &[
    shadowed,
    duplicated,
    split,
    stale_process,
    missing,
    runtime_only,
    mode_flipped,
    remote_only,
    placeholder,
    secret_ref,
    exposed,
    weak,
];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[
    Code::TokenShadowed,
    Code::TokenDuplicated,
    Code::TokenSplit,
    Code::TokenStaleProcess,
    Code::TokenMissing,
    Code::TokenRuntimeOnly,
    Code::AuthModeFlipped,
    Code::AuthRemoteOnly,
    Code::TokenPlaceholder,
    Code::TokenSecretref,
    Code::TokenExposed,
    Code::TokenWeak,
];

/// One side that resolves a secret.
#[derive(Clone, Copy)]
pub(super) enum Reader<'a> {
    Gateway(&'a Gateway),
    Client(&'a Client),
}

impl<'a> Reader<'a> {
    fn all(snapshot: &'a Snapshot) -> impl Iterator<Item = Self> {
        snapshot.gateways.iter().map(Self::Gateway).chain(snapshot.clients.iter().map(Self::Client))
    }

    fn credentials(self) -> &'a Credentials {
        match self {
            Self::Gateway(gateway) => &gateway.credentials,
            Self::Client(client) => &client.credentials,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Gateway(_) => "gateway",
            Self::Client(_) => "client",
        }
    }

    fn id(self) -> &'a str {
        match self {
            Self::Gateway(gateway) => &gateway.id,
            Self::Client(client) => &client.id,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Gateway(gateway) => format!("gateway {}", gateway.id),
            Self::Client(client) => client_name(client),
        }
    }

    fn draft(self, code: Code, summary: impl Into<String>) -> Draft {
        let draft = Draft::new(code, self.kind(), self.id(), summary);
        match self {
            Self::Gateway(gateway) => draft.gateway(gateway),
            Self::Client(client) => draft.client(client),
        }
    }
}

/// `the command line of op`.
pub(super) fn client_name(client: &Client) -> String {
    let kind = match client.kind {
        ClientKind::Cli => "the command line",
        ClientKind::NodeHost => "the node host",
    };
    match &client.user {
        Some(user) => format!("{kind} of {user}"),
        None => kind.to_owned(),
    }
}

/// The gateway of this node that a client leads to.
pub(super) fn gateway_of<'a>(snapshot: &'a Snapshot, client: &Client) -> Option<&'a Gateway> {
    let id = client.gateway.as_ref()?;
    snapshot.gateways.iter().find(|gateway| gateway.id == *id)
}

/// Sources that this reader looks at and that hold a value. For a gateway and the command line beside it `gateway.remote.*` is about a
/// gateway elsewhere and no rival; for a node host it is one.
fn competing(reader: Reader<'_>) -> impl Iterator<Item = (&TokenSource, &Fingerprint)> {
    let remote_counts = matches!(reader, Reader::Client(client) if client.kind == ClientKind::NodeHost);
    reader
        .credentials()
        .sources
        .iter()
        .filter(move |source| match source.outcome {
            SourceOutcome::Wins { .. } => true,
            SourceOutcome::Loses { .. } => remote_counts || !source.location.contains("gateway.remote."),
            SourceOutcome::NotRead { .. } | SourceOutcome::Unresolved { .. } | SourceOutcome::Empty => false,
        })
        .filter_map(|source| source.fingerprint.as_ref().map(|print| (source, print)))
}

fn winning(credentials: &Credentials) -> Option<&TokenSource> {
    credentials.sources.iter().find(|source| matches!(source.outcome, SourceOutcome::Wins { .. }))
}

fn with_sources(mut draft: Draft, reader: Reader<'_>, context: Context<'_>) -> Draft {
    for (source, print) in competing(reader) {
        let (word, why) = match &source.outcome {
            SourceOutcome::Wins { why } => ("wins", why.as_str()),
            SourceOutcome::Loses { why } => ("loses", why.as_str()),
            _ => ("", ""),
        };
        let text = format!("{} {print} {word}: {why}", source.kind);
        draft = draft.evidence(text, source.location.clone(), context.snapshot.taken_at);
    }
    draft
}

/// `token.shadowed`: two sources of different value on one side.
fn shadowed(context: Context<'_>, out: &mut Vec<Draft>) {
    for reader in Reader::all(context.snapshot) {
        let credentials = reader.credentials();
        let Some(winner) = winning(credentials) else { continue };
        let others: Vec<&TokenSource> = competing(reader)
            .filter(|(source, print)| source.kind == winner.kind && Some(*print) != winner.fingerprint.as_ref())
            .map(|(source, _)| source)
            .collect();
        if others.is_empty() {
            continue;
        }
        let refused = match reader {
            Reader::Gateway(_) => false,
            Reader::Client(client) => refused(context.snapshot, client),
        };
        let losers: Vec<&str> = others.iter().map(|source| source.location.as_str()).collect();
        let summary = format!(
            "{} finds different {}s: {} wins over {}",
            reader.name(),
            winner.kind,
            winner.location,
            losers.join(" and ")
        );
        let mut draft = reader.draft(Code::TokenShadowed, summary);
        draft = draft.severity(if refused { Severity::Error } else { Severity::Warning });
        draft = with_sources(draft, reader, context);
        draft = if refused {
            draft.remedy(format!(
                "remove or correct {}: its value is not the one that the gateway accepts",
                winner.location
            ))
        } else {
            draft.remedy(format!(
                "remove {}: it counts for nothing until another reader or release prefers it",
                losers.join(" and ")
            ))
        };
        out.push(draft.command("see every source and who reads it", "portreeve tokens"));
    }
}

/// Whether the gateway of this node accepts another secret than this client sends.
fn refused(snapshot: &Snapshot, client: &Client) -> bool {
    let Some(gateway) = gateway_of(snapshot, client) else { return false };
    if gateway.credentials.runtime_only || gateway.credentials.mode.get() == Some(&AuthMode::None) {
        return false;
    }
    matches!((&client.credentials.winner, &gateway.credentials.winner), (Some(ours), Some(theirs)) if ours != theirs)
}

/// `token.duplicated`: two sources of one value on one side.
fn duplicated(context: Context<'_>, out: &mut Vec<Draft>) {
    for reader in Reader::all(context.snapshot) {
        let credentials = reader.credentials();
        let Some(winner) = winning(credentials) else { continue };
        let copies: Vec<&str> = competing(reader)
            .filter(|(source, print)| Some(*print) == winner.fingerprint.as_ref() && source.location != winner.location)
            .map(|(source, _)| source.location.as_str())
            .collect();
        if copies.is_empty() {
            continue;
        }
        let summary = format!(
            "{} finds the same {} in {} and {}",
            reader.name(),
            winner.kind,
            winner.location,
            copies.join(" and ")
        );
        let draft = with_sources(reader.draft(Code::TokenDuplicated, summary), reader, context);
        out.push(draft.remedy(format!(
            "keep {} and remove {}: a rotation will forget one of them",
            winner.location,
            copies.join(" and ")
        )));
    }
}

/// `token.split`: the client's secret is not the gateway's.
fn split(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for client in snapshot.clients.iter().filter(|client| refused(snapshot, client)) {
        let Some(gateway) = gateway_of(snapshot, client) else { continue };
        let (Some(ours), Some(theirs)) = (winning(&client.credentials), winning(&gateway.credentials)) else {
            continue;
        };
        let summary = format!(
            "{} sends the {} of {}, the gateway on port {} accepts that of {}",
            client_name(client),
            ours.kind,
            ours.location,
            gateway.port,
            theirs.location
        );
        let mut draft =
            Draft::new(Code::TokenSplit, "client", client.id.clone(), summary).client(client).gateway(gateway);
        for (who, source) in [("client", ours), ("gateway", theirs)] {
            if let Some(print) = &source.fingerprint {
                draft = draft.evidence(
                    format!("{who}: {} {print}", source.kind),
                    source.location.clone(),
                    snapshot.taken_at,
                );
            }
        }
        if let Some(url) = client.url.get().filter(|url| url.is_override) {
            let text = format!("the URL comes from {}, so that configured secrets count for nothing", url.source);
            draft = draft.seen(text, &client.url);
        }
        let same = format!("put the value of {} into {}, or remove the latter", theirs.location, ours.location);
        out.push(draft.remedy(same).command("see every source and who reads it", "portreeve tokens"));
    }
}

/// `token.stale-process`: the gateway refuses the secret that its sources now give.
fn stale_process(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let credentials = &gateway.credentials;
        let probe = &gateway.ladder.connect;
        let Some(failure) = probe.failure() else { continue };
        let refused = matches!(failure.detail_code.as_deref(), Some("AUTH_TOKEN_MISMATCH" | "AUTH_PASSWORD_MISMATCH"));
        let Some(winner) = winning(credentials).filter(|_| refused && !credentials.mode_flipped) else { continue };
        if credentials.remote_only || credentials.runtime_only {
            continue;
        }
        let summary =
            format!("the gateway on port {} refuses the {} of {}", gateway.port, winner.kind, winner.location);
        let draft = Draft::new(Code::TokenStaleProcess, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .answered(failure.message.clone(), gateway.ladder.target.clone(), probe);
        let draft = with_sources(draft, Reader::Gateway(gateway), context);
        out.push(draft.remedy("restart the gateway: it holds a secret of an earlier time, or one given by `--token`"));
    }
}

/// `token.missing`: a secret is needed and none resolves.
fn missing(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for reader in Reader::all(snapshot) {
        let credentials = reader.credentials();
        if credentials.winner.is_some()
            || credentials.remote_only
            || credentials.runtime_only
            || !credentials.blind.is_empty()
        {
            continue;
        }
        if credentials.sources.iter().any(|source| matches!(source.outcome, SourceOutcome::Unresolved { .. })) {
            continue;
        }
        let needed = match reader {
            Reader::Gateway(_) => {
                credentials.refusal.is_some()
                    && matches!(credentials.mode.get(), Some(AuthMode::Token | AuthMode::Password))
            }
            Reader::Client(client) => client_needs_secret(snapshot, client),
        };
        if !needed {
            continue;
        }
        let summary = match reader {
            Reader::Gateway(gateway) => format!("the gateway on port {} needs a secret and finds none", gateway.port),
            Reader::Client(client) => {
                format!("{} has neither a secret nor an approved device for its gateway", client_name(client))
            }
        };
        let mut draft = reader.draft(Code::TokenMissing, summary).seen("no source holds a secret", &credentials.mode);
        if let Some(refusal) = &credentials.refusal {
            draft = draft.seen(refusal.clone(), &credentials.mode);
        }
        if let Reader::Client(client) = reader
            && client.url.get().is_some_and(|url| url.is_override)
        {
            draft = draft.remedy("with a URL override only the environment or a flag counts: set `OPENCLAW_GATEWAY_TOKEN`, or remove the override");
        }
        out.push(draft);
    }
}

/// Whether a client leads to a gateway of this node that asks for a secret, and has no approved device to do without.
fn client_needs_secret(snapshot: &Snapshot, client: &Client) -> bool {
    let Some(gateway) = gateway_of(snapshot, client) else { return false };
    let asked = matches!(gateway.credentials.mode.get(), Some(AuthMode::Token | AuthMode::Password));
    let has_device = match client.device.get() {
        Some(device) => device.approved.is_some() || device.pending.is_some(),
        // Nothing is said of a device that could not be looked at.
        None => !client.device.is_absent(),
    };
    asked && !gateway.credentials.runtime_only && !gateway.credentials.remote_only && !has_device
}

/// `token.runtime-only`: the gateway made a token for this run.
fn runtime_only(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in context.snapshot.gateways.iter().filter(|gateway| gateway.credentials.runtime_only) {
        let summary =
            format!("no secret is configured for the gateway on port {}: it makes one for each run", gateway.port);
        out.push(
            Draft::new(Code::TokenRuntimeOnly, "gateway", gateway.id.clone(), summary)
                .gateway(gateway)
                .seen("no source holds a secret", &gateway.credentials.mode),
        );
    }
}

/// `auth.mode-flipped`: a password in the environment turned the mode.
fn mode_flipped(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in context.snapshot.gateways.iter().filter(|gateway| gateway.credentials.mode_flipped) {
        let credentials = &gateway.credentials;
        let summary =
            format!("the gateway on port {} is in password mode although a token is configured", gateway.port);
        let mut draft = Draft::new(Code::AuthModeFlipped, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .seen(credentials.mode_reason.clone(), &credentials.mode);
        if let Some(failure) = gateway.ladder.connect.failure() {
            draft = draft.answered(failure.message.clone(), gateway.ladder.target.clone(), &gateway.ladder.connect);
        }
        draft = draft.command("say which mode is meant", "openclaw config set gateway.auth.mode token");
        out.push(draft.remedy("remove `OPENCLAW_GATEWAY_PASSWORD` from the gateway's environment, then restart it"));
    }
}

/// `auth.remote-only`: only the secret for a gateway elsewhere is set.
fn remote_only(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let probe = &gateway.ladder.connect;
        let refused = probe.failure().filter(|failure| {
            matches!(failure.detail_code.as_deref(), Some("AUTH_TOKEN_NOT_CONFIGURED" | "AUTH_PASSWORD_NOT_CONFIGURED"))
        });
        if !gateway.credentials.remote_only && refused.is_none() {
            continue;
        }
        let summary = format!(
            "the gateway on port {} has no secret of its own, only `gateway.remote.token`: it refuses every connect",
            gateway.port
        );
        let mut draft = Draft::new(Code::AuthRemoteOnly, "gateway", gateway.id.clone(), summary)
            .gateway(gateway)
            .seen(gateway.credentials.mode_reason.clone(), &gateway.credentials.mode);
        if let Some(failure) = refused {
            draft = draft.answered(failure.message.clone(), gateway.ladder.target.clone(), probe);
        }
        out.push(draft);
    }
}

/// `token.placeholder`: a value that stands for a secret and is none.
fn placeholder(context: Context<'_>, out: &mut Vec<Draft>) {
    for reader in Reader::all(context.snapshot) {
        for source in &reader.credentials().sources {
            let Some(what) = source.quality.as_ref().and_then(|quality| quality.placeholder.as_ref()) else { continue };
            let wins = matches!(source.outcome, SourceOutcome::Wins { .. } | SourceOutcome::Unresolved { .. });
            if matches!(source.outcome, SourceOutcome::NotRead { .. }) {
                continue;
            }
            let summary = format!("the {} of {} is a placeholder ({what})", source.kind, source.location);
            let draft = reader
                .draft(Code::TokenPlaceholder, summary)
                .severity(if wins { Severity::Error } else { Severity::Warning })
                .evidence(what.clone(), source.location.clone(), context.snapshot.taken_at);
            out.push(draft);
        }
    }
}

/// `token.secretref`: a reference that does not resolve where it is needed.
fn secret_ref(context: Context<'_>, out: &mut Vec<Draft>) {
    for reader in Reader::all(context.snapshot) {
        let credentials = reader.credentials();
        let Some(refusal) = credentials.refusal.as_ref() else { continue };
        for source in &credentials.sources {
            let SourceOutcome::Unresolved { why } = &source.outcome else { continue };
            // A text that nothing expands is a placeholder, not a reference.
            if source.quality.as_ref().is_some_and(|quality| quality.placeholder.is_some()) {
                continue;
            }
            let summary = format!("the reference at {} does not resolve: {why}", source.location);
            out.push(reader.draft(Code::TokenSecretref, summary).evidence(
                refusal.clone(),
                source.location.clone(),
                context.snapshot.taken_at,
            ));
        }
    }
}

/// `token.exposed`: a secret that others can read.
fn exposed(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    let mut seen: Vec<&str> = Vec::new();
    for reader in Reader::all(snapshot) {
        for source in &reader.credentials().sources {
            if source.readable_by_others != Some(true)
                || source.fingerprint.is_none()
                || seen.contains(&source.location.as_str())
            {
                continue;
            }
            seen.push(&source.location);
            let summary = format!("others can read the {} of {}", source.kind, source.location);
            let mut draft = reader.draft(Code::TokenExposed, summary);
            draft = draft.evidence(
                "readable by others, as are the folders above it",
                source.location.clone(),
                snapshot.taken_at,
            );
            if let Some(path) = &source.path {
                draft = draft.command("close the file", format!("chmod 600 '{path}'"));
            }
            out.push(draft.remedy("then make a new secret: whoever could read it may have"));
        }
    }
    for process in snapshot.processes.get().into_iter().flatten().filter(|process| process.shows_secret) {
        let summary = format!("pid {} shows a secret in its arguments to everybody on this node", process.pid);
        out.push(
            Draft::new(Code::TokenExposed, "process", process.pid.to_string(), summary)
                .seen("`--token` or `--password` with a value", &snapshot.processes),
        );
    }
    for unit in &snapshot.units.units {
        for secret in &unit.exposed {
            let summary = format!("{} holds a secret in the open: {}", unit.id, secret.how);
            let draft = Draft::new(Code::TokenExposed, "unit", unit.id.clone(), summary).evidence(
                secret.how.clone(),
                secret.location.clone(),
                snapshot.taken_at,
            );
            out.push(draft);
        }
    }
}

/// `token.weak`: a secret in force that can be guessed.
fn weak(context: Context<'_>, out: &mut Vec<Draft>) {
    let policy = context.policy;
    for gateway in &context.snapshot.gateways {
        let Some(source) = winning(&gateway.credentials) else { continue };
        let Some(quality) = source.quality.as_ref().filter(|quality| quality.placeholder.is_none()) else { continue };
        let short = quality.length < policy.token_min_length;
        if !short && quality.entropy_bits >= policy.token_min_entropy_bits {
            continue;
        }
        let summary = if short {
            format!("the {} of {} has {} characters", source.kind, source.location, quality.length)
        } else {
            format!("the {} of {} has about {:.0} bits of entropy", source.kind, source.location, quality.entropy_bits)
        };
        let wanted =
            format!("wanted: {} characters and {:.0} bits", policy.token_min_length, policy.token_min_entropy_bits);
        let draft = Draft::new(Code::TokenWeak, "gateway", gateway.id.clone(), summary).gateway(gateway).evidence(
            wanted,
            source.location.clone(),
            context.snapshot.taken_at,
        );
        out.push(draft.command("make a new one and give it to both sides", "openssl rand -hex 24"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::*;
    use super::*;
    use crate::snapshot::{ClientKind, SecretQuality};

    const ENVIRONMENT: &str = "OPENCLAW_GATEWAY_TOKEN in the environment of pid 4242";

    fn not_read() -> SourceOutcome {
        SourceOutcome::NotRead { why: "a URL override".to_owned() }
    }

    fn environment_wins(client: &mut Client, secret: &str) {
        client.credentials.sources =
            vec![source(ENVIRONMENT, secret, wins()), source("gateway.auth.token in x", "the healthy token", loses())];
        client.credentials.winner = Some(fingerprint(secret));
    }

    #[test]
    fn healthy_node_has_nothing_to_say_about_secrets() {
        for rule in RULES {
            assert!(silent(*rule, &healthy()));
        }
    }

    #[test]
    fn another_value_in_the_gateways_environment_is_a_warning_while_the_configuration_wins() {
        let node = node(|node| gateway(node).credentials.sources.push(source(ENVIRONMENT, "another", loses())));
        assert_eq!(finding(&node, Code::TokenShadowed).severity, Severity::Warning);
        assert!(root_causes(&node).is_empty());
        assert_eq!(report(&node).exit_status(false), 0);
    }

    #[test]
    fn a_node_host_that_prefers_its_environment_is_shadowed_and_that_explains_the_split() {
        let node = node(|node| {
            let client = first_client(node);
            client.kind = ClientKind::NodeHost;
            environment_wins(client, "another");
        });
        assert_eq!(root_causes(&node), [Code::TokenShadowed]);
        assert_eq!(finding(&node, Code::TokenSplit).explained_by, Some(Code::TokenShadowed));
        assert_eq!(report(&node).exit_status(false), 77);
    }

    #[test]
    fn with_a_url_override_only_the_environment_counts_and_the_split_is_the_root_cause() {
        let node = node(|node| {
            let client = first_client(node);
            environment_wins(client, "another");
            client.credentials.sources[1].outcome = not_read();
            value(&mut client.url).is_override = true;
        });
        assert_eq!(root_causes(&node), [Code::TokenSplit]);
        assert_eq!(report(&node).exit_status(false), 77);
    }

    #[test]
    fn a_warning_on_the_gateways_side_does_not_hide_a_split() {
        let node = node(|node| {
            gateway(node).credentials.sources.push(source(ENVIRONMENT, "another", loses()));
            environment_wins(first_client(node), "another");
            first_client(node).credentials.sources.truncate(1);
        });
        assert_eq!(root_causes(&node), [Code::TokenSplit]);
    }

    #[test]
    fn no_split_is_said_where_either_side_is_not_known() {
        let unknown_gateway = node(|node| gateway(node).credentials.winner = None);
        assert!(silent(split, &unknown_gateway));
        let elsewhere = node(|node| {
            environment_wins(first_client(node), "another");
            first_client(node).gateway = None;
        });
        assert!(silent(split, &elsewhere));
        assert!(silent(shadowed, &node_without_sources()));
    }

    fn node_without_sources() -> Snapshot {
        node(|node| {
            gateway(node).credentials.sources.clear();
            first_client(node).credentials.sources.clear();
        })
    }

    #[test]
    fn a_remote_gateways_token_competes_with_nothing_here() {
        let node = node(|node| {
            gateway(node).credentials.sources.push(source("gateway.remote.token in x", "another", loses()));
        });
        assert!(silent(shadowed, &node));
    }

    #[test]
    fn one_value_in_two_places_is_a_warning() {
        let doubled = node(|node| {
            gateway(node).credentials.sources.push(source(ENVIRONMENT, "the healthy token", loses()));
        });
        assert_eq!(draft(duplicated, &doubled).code, Code::TokenDuplicated);
        assert!(silent(shadowed, &doubled));
        assert!(silent(duplicated, &node_without_sources()));
    }

    #[test]
    fn a_gateway_that_refuses_its_own_secret_holds_an_older_one() {
        let stale = node(|node| gateway(node).ladder.connect = rejected("AUTH_TOKEN_MISMATCH"));
        assert_eq!(root_causes(&stale), [Code::TokenStaleProcess]);
        let other = node(|node| gateway(node).ladder.connect = rejected("DEVICE_IDENTITY_REQUIRED"));
        assert!(silent(stale_process, &other));
        let unknown = node(|node| {
            gateway(node).ladder.connect = rejected("AUTH_TOKEN_MISMATCH");
            gateway(node).credentials.sources.clear();
        });
        assert!(silent(stale_process, &unknown));
    }

    #[test]
    fn a_client_without_secret_and_device_is_missing_one() {
        let bare = |node: &mut Snapshot| {
            let client = first_client(node);
            client.credentials.sources.clear();
            client.credentials.winner = None;
            client.device = absent();
        };
        assert_eq!(draft(missing, &node(bare)).code, Code::TokenMissing);
        let paired_device = node(|node| {
            bare(node);
            first_client(node).device = healthy().clients[0].device.clone();
        });
        assert!(silent(missing, &paired_device));
        let hidden = node(|node| {
            bare(node);
            first_client(node).device = denied();
        });
        assert!(silent(missing, &hidden));
        let unseen_source = node(|node| {
            bare(node);
            first_client(node).credentials.blind.push("environment of pid 7".to_owned());
        });
        assert!(silent(missing, &unseen_source));
    }

    #[test]
    fn a_token_for_one_run_is_a_warning_and_the_connect_stays_unproven() {
        let node = node(|node| {
            let gateway = gateway(node);
            gateway.credentials.runtime_only = true;
            gateway.credentials.winner = None;
            gateway.credentials.sources.clear();
            gateway.ladder.connect = untried();
            gateway.ladder.channels = untried();
        });
        assert_eq!(finding(&node, Code::TokenRuntimeOnly).severity, Severity::Warning);
        assert!(root_causes(&node).is_empty());
        assert_eq!(report(&node).verdict, crate::Verdict::Unknown);
        assert!(silent(runtime_only, &healthy()));
    }

    #[test]
    fn a_flipped_mode_is_the_root_cause_of_the_refusal() {
        let node = node(|node| {
            gateway(node).credentials.mode_flipped = true;
            gateway(node).ladder.connect = rejected("AUTH_PASSWORD_MISMATCH");
        });
        assert_eq!(root_causes(&node), [Code::AuthModeFlipped]);
    }

    #[test]
    fn only_a_remote_token_is_named_by_configuration_and_by_answer() {
        let configured = node(|node| gateway(node).credentials.remote_only = true);
        assert_eq!(root_causes(&configured), [Code::AuthRemoteOnly]);
        let answered = node(|node| gateway(node).ladder.connect = rejected("AUTH_TOKEN_NOT_CONFIGURED"));
        assert_eq!(root_causes(&answered), [Code::AuthRemoteOnly]);
        let unasked = node(|node| gateway(node).ladder.connect = untried());
        assert!(silent(remote_only, &unasked));
    }

    #[test]
    fn a_placeholder_that_wins_is_an_error_and_one_that_loses_a_warning() {
        let quality =
            || Some(SecretQuality { length: 21, entropy_bits: 40.0, placeholder: Some("redaction mark".to_owned()) });
        let winner = node(|node| gateway(node).credentials.sources[0].quality = quality());
        assert_eq!(root_causes(&winner), [Code::TokenPlaceholder]);
        let loser = node(|node| {
            let mut other = source(ENVIRONMENT, "another", loses());
            other.quality = quality();
            gateway(node).credentials.sources.push(other);
        });
        assert_eq!(finding(&loser, Code::TokenPlaceholder).severity, Severity::Warning);
        let unknown = node(|node| gateway(node).credentials.sources[0].quality = None);
        assert!(silent(placeholder, &unknown));
    }

    #[test]
    fn a_reference_is_an_error_only_where_it_is_needed() {
        let unresolved = |node: &mut Snapshot, refusal: Option<&str>| {
            let credentials = &mut gateway(node).credentials;
            credentials.sources[0].outcome = SourceOutcome::Unresolved { why: "`X` is not set".to_owned() };
            credentials.refusal = refusal.map(ToOwned::to_owned);
        };
        let needed = node(|node| unresolved(node, Some("required secrets are unavailable")));
        assert_eq!(draft(secret_ref, &needed).code, Code::TokenSecretref);
        assert!(silent(secret_ref, &node(|node| unresolved(node, None))));
    }

    #[test]
    fn a_readable_secret_is_exposed_once_and_an_unknown_mode_is_no_finding() {
        let open = node(|node| {
            gateway(node).credentials.sources[0].readable_by_others = Some(true);
            first_client(node).credentials.sources[0].readable_by_others = Some(true);
        });
        assert_eq!(draft(exposed, &open).code, Code::TokenExposed);
        let unknown = node(|node| gateway(node).credentials.sources[0].readable_by_others = None);
        assert!(silent(exposed, &unknown));
        let shown = node(|node| value(&mut node.processes)[0].shows_secret = true);
        assert_eq!(draft(exposed, &shown).code, Code::TokenExposed);
    }

    #[test]
    fn a_short_or_plain_secret_is_weak() {
        let quality = |length, entropy_bits| Some(SecretQuality { length, entropy_bits, placeholder: None });
        let short = node(|node| gateway(node).credentials.sources[0].quality = quality(12, 70.0));
        assert_eq!(draft(weak, &short).code, Code::TokenWeak);
        let plain = node(|node| gateway(node).credentials.sources[0].quality = quality(40, 20.0));
        assert_eq!(draft(weak, &plain).code, Code::TokenWeak);
        let unknown = node(|node| gateway(node).credentials.sources[0].quality = None);
        assert!(silent(weak, &unknown));
    }
}
