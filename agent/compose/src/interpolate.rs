//! Interpolation of a whole tree.

use crate::NODE_BYTES;
use crate::load::Loader;
use crate::model::{Unknown, Variable};
use crate::node::{Kind, Node};
use crate::template::{self, Expanded, Fallback};

impl Loader<'_> {
    /// Fills in the variables of every value below a node. Keys stay as they are written, as with Compose.
    pub(crate) fn interpolate(&mut self, node: &mut Node) {
        match &mut node.kind {
            Kind::Null => {}
            Kind::List(list) => list.iter_mut().for_each(|node| self.interpolate(node)),
            Kind::Map(map) => map.values_mut().for_each(|entry| self.interpolate(&mut entry.node)),
            Kind::Scalar(scalar) => {
                if !scalar.text.contains('$') || self.is_spent() {
                    return;
                }
                let place = node.at.place();
                let variables = &self.variables;
                match template::expand(&scalar.text, &|name| variables.get(name).cloned()) {
                    Ok(expanded) => {
                        if !self.spend(expanded.text.len() / NODE_BYTES + expanded.unset.len(), &place) {
                            return;
                        }
                        self.note(&expanded, &place);
                        scalar.unknown = unknown(&expanded).map(Box::new);
                        scalar.literal = expanded.used.is_empty();
                        // A number that a variable gives is read as one where a number is wanted, and as a text elsewhere.
                        scalar.plain = false;
                        scalar.text = expanded.text;
                    }
                    Err(error) => self.fatal(Some(place), error.to_string()),
                }
            }
        }
    }

    /// Keeps each variable that nobody gives once.
    pub(crate) fn note(&mut self, expanded: &Expanded, place: &portreeve_core::snapshot::Place) {
        for unset in &expanded.unset {
            let required = match &unset.fallback {
                Fallback::Required(message) => Some(message.clone()),
                Fallback::None | Fallback::Empty => None,
            };
            let has_default = unset.fallback == Fallback::Empty;
            match self.project.unset.iter_mut().find(|known| known.name == unset.name) {
                Some(known) => {
                    known.has_default &= has_default;
                    if place.file == known.place.file && *place < known.place {
                        known.place.clone_from(place);
                    }
                    if known.required.is_none() {
                        known.required = required;
                    }
                }
                None => self.project.unset.push(Variable {
                    name: unset.name.clone(),
                    place: place.clone(),
                    required,
                    has_default,
                }),
            }
        }
    }
}

/// What of an expanded text nobody gave.
pub(crate) fn unknown(expanded: &Expanded) -> Option<Unknown> {
    let mut variables: Vec<String> = expanded.unset.iter().map(|unset| unset.name.clone()).collect();
    variables.sort_unstable();
    variables.dedup();
    let may_be_empty = expanded.unset.iter().all(|unset| unset.fallback == Fallback::Empty);
    (!variables.is_empty()).then(|| Unknown { expression: expanded.expression.clone(), variables, may_be_empty })
}
