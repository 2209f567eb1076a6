//! A first look at a line, and a closer one where it is worth it.

use jiff::Timestamp;

use super::line::{self, Head, Parts};
use super::needle;
use super::rules::{self, Rule};
use super::{Class, Event, EventKind, Form, Layer, MAX_TEXT_BYTES, Phase, redact};

/// One line, looked at without allocation; what it says is read when it is asked for.
#[derive(Debug)]
pub struct Glance<'a> {
    line: &'a [u8],
    seen: Seen<'a>,
}

#[derive(Debug)]
enum Seen<'a> {
    /// In the gateway's usual shape.
    Head { head: Head<'a>, rule: Option<&'static Rule> },
    /// Colours, another order of keys, no UTF-8, a torn line.
    Parts { parts: Parts<'a>, rule: Option<&'static Rule> },
}

impl<'a> Glance<'a> {
    /// Looks at a line, with or without its end of line.
    pub fn of(line: &'a [u8]) -> Self {
        let line = line::bounded(line);
        let seen = match line::head(line) {
            Some(head) => {
                let rule = rules::recognise(head.subsystem, head.message, || head.level());
                Seen::Head { head, rule }
            }
            None => {
                let parts = line::parts(line);
                let rule = rule_of(&parts);
                Seen::Parts { parts, rule }
            }
        };
        Self { line, seen }
    }

    fn rule(&self) -> Option<&'static Rule> {
        match &self.seen {
            Seen::Head { rule, .. } | Seen::Parts { rule, .. } => *rule,
        }
    }

    /// Whether the line may have a kind of its own, without where it belongs.
    pub fn is_recognised(&self) -> bool {
        self.rule().is_some()
    }

    /// Where the line belongs and whether it may have a kind of its own.
    pub fn class(&self) -> Class {
        let layer = match &self.seen {
            Seen::Head { head, rule } => match rule {
                None => rules::default_layer(head.subsystem),
                Some(rule) => rule.layer.unwrap_or_else(|| {
                    let phase = head.field(&needle::PHASE, "phase").and_then(Phase::from_name);
                    rules::close_layer(phase, head.field(&needle::CAUSE, "cause"))
                }),
            },
            Seen::Parts { parts, rule } => layer_of(parts, *rule, &kind_of(parts, *rule)),
        };
        Class { layer, recognised: self.is_recognised() }
    }

    /// When it was written.
    pub fn time(&self) -> Option<Timestamp> {
        match &self.seen {
            Seen::Head { head, .. } => head.time(),
            Seen::Parts { parts, .. } => parts.time,
        }
    }

    /// Whether it begins like JSON and is none. Of a JSON line in the usual order it is told by its end alone.
    pub fn is_torn(&self) -> bool {
        match &self.seen {
            Seen::Head { .. } => {
                let line = self.line.trim_ascii_end();
                line.first() == Some(&b'{') && line.last() != Some(&b'}')
            }
            Seen::Parts { parts, .. } => parts.form == Form::BrokenJson,
        }
    }

    /// Layer and kind, without the line's text.
    pub fn kind(&self) -> (Layer, EventKind) {
        let of = |parts: &Parts<'_>, rule| {
            let kind = kind_of(parts, rule);
            (layer_of(parts, rule, &kind), kind)
        };
        match &self.seen {
            Seen::Parts { parts, rule } => of(parts, *rule),
            Seen::Head { rule: None, head } => (rules::default_layer(head.subsystem), EventKind::Other),
            Seen::Head { head, .. } => {
                let parts = head.parts().unwrap_or_else(|| line::parts(self.line));
                of(&parts, rule_of(&parts))
            }
        }
    }

    /// All that the line says.
    pub fn event(&self) -> Event {
        match &self.seen {
            Seen::Parts { parts, rule } => event(parts, *rule),
            Seen::Head { head, .. } => {
                let timed = || {
                    let time = head.time()?;
                    Some(Parts { time: Some(time), ..head.parts()? })
                };
                let parts = timed().unwrap_or_else(|| line::parts(self.line));
                event(&parts, rule_of(&parts))
            }
        }
    }
}

/// What a full parse alone makes of a line.
#[cfg(test)]
pub(super) fn full_parse(line: &[u8]) -> Event {
    let parts = line::parts(line::bounded(line));
    event(&parts, rule_of(&parts))
}

fn rule_of(parts: &Parts<'_>) -> Option<&'static Rule> {
    match parts.form {
        Form::BrokenJson => None,
        _ => rules::recognise(&parts.subsystem, &parts.message, || parts.level),
    }
}

fn kind_of(parts: &Parts<'_>, rule: Option<&Rule>) -> EventKind {
    rule.map_or(EventKind::Other, |rule| (rule.build)(parts))
}

fn layer_of(parts: &Parts<'_>, rule: Option<&Rule>, kind: &EventKind) -> Layer {
    match (kind, rule) {
        (EventKind::Other, _) | (_, None) => rules::default_layer(&parts.subsystem),
        (kind, Some(rule)) => rule.layer.unwrap_or_else(|| {
            let close = kind.close();
            rules::close_layer(close.and_then(|close| close.phase), close.and_then(|close| close.cause.as_deref()))
        }),
    }
}

fn event(parts: &Parts<'_>, rule: Option<&Rule>) -> Event {
    let kind = kind_of(parts, rule);
    let layer = layer_of(parts, rule, &kind);
    let conn = parts.fields.string("conn").or_else(|| line::pair(&parts.message, "conn").map(Into::into));
    let endpoint = parts
        .fields
        .string("endpoint")
        .or_else(|| parts.fields.string("peer"))
        .or_else(|| line::pair(&parts.message, "endpoint").map(Into::into))
        .or_else(|| line::pair(&parts.message, "peer").map(Into::into));
    let port = kind.port().or_else(|| endpoint?.rsplit_once(':')?.1.parse().ok());
    Event {
        time: parts.time,
        level: parts.level,
        form: parts.form,
        subsystem: (!parts.subsystem.is_empty()).then(|| redact(&parts.subsystem, 64)),
        layer,
        conn: conn.map(|conn| redact(&conn, 64)),
        port,
        text: redact(line::without_parameters(&parts.message), MAX_TEXT_BYTES),
        kind,
    }
}
