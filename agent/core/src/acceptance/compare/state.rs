//! State directories, what leaves them out, and what copies them.

use super::{About, Weight};
use crate::acceptance::baseline::{ExclusionBaseline, StateDirBaseline};
use crate::report::MirrorState;
use crate::snapshot::ExclusionKind;

pub(super) fn state_dir(was: Option<&StateDirBaseline>, is: Option<&StateDirBaseline>, mut about: About<'_>) {
    let id = about.id.to_owned();
    match (was, is) {
        (Some(was), Some(is)) => {
            about.text(&format!("owner of {id}"), was.owner.as_ref(), is.owner.as_ref());
            about.text(&format!("mode of {id}"), was.mode.as_ref(), is.mode.as_ref());
            about.text(&format!("file system of {id}"), was.file_system.as_ref(), is.file_system.as_ref());
        }
        (Some(was), None) => {
            about.say(Weight::Lost, format!("state directory {id} is gone or no longer used"), was.owner.clone(), None);
        }
        (None, Some(is)) => {
            about.say(Weight::Changed, format!("state directory {id} is new"), None, is.owner.clone());
        }
        (None, None) => {}
    }
}

pub(super) fn exclusion(was: Option<&ExclusionBaseline>, is: Option<&ExclusionBaseline>, mut about: About<'_>) {
    use ExclusionBaseline::{Excluded, Included, Unseen};
    let id = about.id.to_owned();
    match (was, is) {
        (Some(Excluded { path, .. }), Some(Included)) => about.say(
            Weight::Lost,
            format!("{id} is no longer excluded from Time Machine, {path} was"),
            Some(path.clone()),
            None,
        ),
        (Some(Excluded { path, .. }), Some(Unseen) | None) => about.say(
            Weight::Unseen,
            format!("{id} was excluded from Time Machine, and whether it still is cannot be seen"),
            Some(path.clone()),
            None,
        ),
        (Some(Included), Some(Excluded { path, .. })) => about.say(
            Weight::Changed,
            format!("{id} is excluded from Time Machine now, by {path}"),
            None,
            Some(path.clone()),
        ),
        (Some(Excluded { by: old, path: from }), Some(Excluded { by: new, path: to })) if (old, from) != (new, to) => {
            let words = |by: &ExclusionKind, path: &str| {
                let by = serde_json::to_value(by).ok();
                format!("{path} by {}", by.as_ref().and_then(serde_json::Value::as_str).unwrap_or("another rule"))
            };
            about.text(
                &format!("what excludes {id} from Time Machine"),
                Some(&words(old, from)),
                Some(&words(new, to)),
            );
        }
        _ => {}
    }
}

pub(super) fn mirror(was: Option<&MirrorState>, is: Option<&MirrorState>, mut about: About<'_>) {
    use MirrorState::{Copies, Excluded, Unknown};
    let id = about.id.to_owned();
    let (weight, text) = match (was, is) {
        (Some(Excluded), Some(Copies)) => (Weight::Lost, "copies what it left out"),
        (Some(Excluded), Some(Unknown)) => (Weight::Unseen, "left it out, and whether it still does cannot be seen"),
        (Some(Copies | Unknown), Some(Excluded)) => (Weight::Changed, "leaves it out now"),
        (Some(Unknown), Some(Copies)) => (Weight::Changed, "copies it"),
        (Some(Copies), Some(Unknown)) => (Weight::Changed, "can no longer be told to copy it"),
        (None, Some(Copies)) => (Weight::Changed, "copies it, and is new"),
        (None, Some(Excluded)) => (Weight::Changed, "is new, and leaves it out"),
        (None, Some(Unknown)) => (Weight::Changed, "is new, and may copy it"),
        (Some(_), None) => (Weight::Changed, "is gone"),
        _ => return,
    };
    let word = |state: Option<&MirrorState>| {
        state.map(|state| {
            let word = match state {
                Copies => "copies",
                Excluded => "excluded",
                Unknown => "unknown",
            };
            word.to_owned()
        })
    };
    about.say(weight, format!("{id}: {text}"), word(was), word(is));
}
