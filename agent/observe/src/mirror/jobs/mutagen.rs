//! Sessions that mutagen's daemon keeps.

use std::fs;

use portreeve_core::Fact;
use portreeve_core::snapshot::{Mirror, MirrorKind, MirrorWay, Starter};

use super::super::place::without_accounts;
use super::super::{Question, Seen};
use super::{MAX_ENTRIES, MAX_FILE, reader};
use crate::users::Account;

/// Sessions of mutagen: messages of protobuf, of which the strings are looked for that are paths of a state directory or above it.
pub(super) fn sessions(account: &Account, question: &Question<'_>, seen: &mut Seen) {
    let folder = account.home.join(".mutagen/sessions");
    let reader = reader(Some(account));
    for entry in fs::read_dir(&folder).into_iter().flatten().take(MAX_ENTRIES).flatten() {
        let path = entry.path();
        let Ok(content) = reader.read(&path, MAX_FILE) else { continue };
        for place in question.places {
            let covers = place.chain.iter().find(|link| {
                link.path.parent().is_some() && holds(&content.bytes, link.path.to_string_lossy().as_bytes())
            });
            let Some(link) = covers else { continue };
            let mut names = vec![place.path.file_name().unwrap_or_default().to_string_lossy().into_owned()];
            if let Some(inside) = place.relative(&link.path) {
                names.push(inside.to_string_lossy().into_owned());
                names.push(format!("/{}", inside.display()));
            }
            let ignored = names.iter().filter(|name| !name.is_empty()).find(|name| {
                holds(&content.bytes, name.as_bytes()) || holds(&content.bytes, format!("{name}/").as_bytes())
            });
            let source = path.to_string_lossy().into_owned();
            let root = without_accounts(&link.path);
            seen.mirrors.push(Mirror {
                state_dir: place.name.clone(),
                kind: MirrorKind::Job {
                    tool: "mutagen".to_owned(),
                    starter: Starter::Session { path: source.clone() },
                },
                way: MirrorWay::Both,
                seen: Fact::known(format!("a session of mutagen names `{root}`"), source.clone(), question.at),
                root,
                marker: Some(source.clone()),
                excluded: match ignored {
                    Some(name) => Fact::known(format!("`{name}` among its ignored files"), source, question.at),
                    None => Fact::absent(source, question.at),
                },
            });
        }
    }
}

/// Whether a protobuf message has this string as a field: its length stands before it.
fn holds(message: &[u8], text: &[u8]) -> bool {
    let Ok(length) = u16::try_from(text.len()) else { return false };
    let mut wanted = Vec::with_capacity(text.len() + 2);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => wanted.push(short),
        _ => wanted.extend([u8::try_from(length & 0x7f).unwrap_or(0) | 0x80, u8::try_from(length >> 7).unwrap_or(0)]),
    }
    wanted.extend(text);
    message.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_messages_have_their_length() {
        assert!(holds(b"\x12\x08/home/op\x18", b"/home/op"));
        assert!(!holds(b"\x12\x0c/home/op/dev", b"/home/op"));
        let long = "/x".repeat(80);
        let mut message = vec![0xa0, 0x01];
        message.extend(long.as_bytes());
        assert!(holds(&message, long.as_bytes()));
    }
}
