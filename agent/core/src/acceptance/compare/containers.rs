//! Engines and containers.

use std::collections::BTreeSet;

use super::{About, Weight};
use crate::acceptance::baseline::{Baseline, ContainerBaseline, EngineBaseline};
use crate::snapshot::WorkloadRole;

pub(super) fn engine(was: Option<&EngineBaseline>, is: Option<&EngineBaseline>, mut about: About<'_>) {
    let id = about.id.to_owned();
    let name = was.or(is).map_or("engine", |engine| engine.kind.name());
    match (was, is) {
        (Some(was), Some(is)) => {
            let weight = if was.needed { Weight::Lost } else { Weight::Changed };
            about.held(
                was.answers,
                is.answers,
                (weight, &format!("{name} ({id}) no longer answers")),
                &format!("{name} ({id}) answers now"),
                &format!("{name} ({id}) answered, and whether it still does cannot be seen"),
            );
            let (old, new) = (was.kind.name().to_owned(), is.kind.name().to_owned());
            about.text(&format!("product behind {id}"), Some(&old), Some(&new));
            if is.answers == Some(true) {
                about.text(&format!("version of {name} ({id})"), was.version.as_ref(), is.version.as_ref());
            }
        }
        (Some(was), None) => {
            let weight = if was.needed && was.answers == Some(true) { Weight::Lost } else { Weight::Changed };
            about.say(weight, format!("{name} ({id}) is gone"), was.version.clone(), None);
        }
        (None, Some(is)) => about.say(Weight::Changed, format!("{name} ({id}) is new"), None, is.version.clone()),
        (None, None) => {}
    }
}

/// Whether an engine of the accepted node says nothing now, so that its containers are neither there nor gone.
pub(super) fn is_silent(id: &str, after: &Baseline) -> bool {
    after.engines.get(id).is_none_or(|engine| engine.answers != Some(true))
}

pub(super) fn container(
    was: Option<&ContainerBaseline>,
    is: Option<&ContainerBaseline>,
    silent: &BTreeSet<&str>,
    mut about: About<'_>,
) {
    let id = about.id.to_owned();
    let serves = |base: &ContainerBaseline| base.running && base.role != WorkloadRole::Cli;
    let hidden = |base: &ContainerBaseline| base.engine.as_deref().is_some_and(|engine| silent.contains(engine));
    match (was, is) {
        // The engine's silence says it all.
        (Some(was), _) if hidden(was) => {}
        (Some(was), Some(is)) => {
            let weight = if serves(was) { Weight::Lost } else { Weight::Changed };
            let (gone, back) = (format!("{id} no longer runs"), format!("{id} runs now"));
            about.held(Some(was.running), Some(is.running), (weight, &gone), &back, "");
            about.text(&format!("image of {id}"), was.digest.as_ref(), is.digest.as_ref());
        }
        (Some(was), None) => {
            let weight = if serves(was) { Weight::Lost } else { Weight::Changed };
            about.say(weight, format!("{id} is gone"), was.digest.clone(), None);
        }
        (None, Some(is)) => about.say(Weight::Changed, format!("{id} is new"), None, is.digest.clone()),
        (None, None) => {}
    }
}
