//! YAML 1.2 as Compose reads it: anchors, aliases, `<<`, the tags `!reset` and `!override`, and an error for a key that is there twice.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::at::At;
use crate::node::{Entry, Kind, Map, Node, Scalar, Tag, weight};
use crate::{MAX_DEPTH, MAX_FILE_BYTES, MAX_KEY_BYTES, MAX_NODES};

/// A text that is no YAML, or more than is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

/// Reads every document of a text and says how many nodes there are, long texts and aliases at their full weight.
pub fn check(text: &str) -> Result<usize, YamlError> {
    let mut budget = MAX_NODES;
    parse(text, &Arc::from(""), &mut budget)?;
    Ok(MAX_NODES - budget)
}

/// The documents of a text; takes their nodes off the budget.
pub(crate) fn parse(text: &str, file: &Arc<str>, budget: &mut usize) -> Result<Vec<Node>, YamlError> {
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(YamlError { line: 1, column: 1, message: format!("larger than {MAX_FILE_BYTES} bytes") });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut composer = Composer { file, budget, stack: Vec::new(), anchors: HashMap::new(), documents: Vec::new() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            YamlError {
                line: small(at.line()),
                column: small(at.col() + 1),
                message: format!("no valid YAML: {}", error.info()),
            }
        })?;
        composer.take(event, span)?;
    }
    Ok(composer.documents)
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A finished node with its weight and its depth.
#[derive(Clone)]
struct Built {
    node: Node,
    weight: usize,
    depth: usize,
}

/// A list or a mapping that is not finished.
struct Open {
    at: At,
    tag: Tag,
    anchor: usize,
    weight: usize,
    depth: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { map: Map, key: Option<(String, At)>, merged: Vec<Map> },
}

struct Composer<'a> {
    file: &'a Arc<str>,
    budget: &'a mut usize,
    stack: Vec<Open>,
    anchors: HashMap<usize, Built>,
    documents: Vec<Node>,
}

impl Composer<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let at =
            At { file: Arc::clone(self.file), line: small(span.start.line()), column: small(span.start.col() + 1) };
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
            Event::Alias(id) => {
                let Some(built) = self.anchors.get(&id) else {
                    return Err(error(&at, "an alias to a value that it is part of"));
                };
                // The copy is weighed before it is made: aliases of aliases grow without bound.
                let (weight, depth) = (built.weight, built.depth);
                self.spend(weight, &at)?;
                self.fits(depth, &at)?;
                let built = built_clone(&self.anchors, id).ok_or_else(|| error(&at, "an unknown alias"))?;
                self.place(built, at)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let weight = weight(&text);
                self.spend(weight, &at)?;
                let core = tag.as_ref().filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.clone());
                let plain = style == ScalarStyle::Plain && core.as_deref() != Some("str");
                let null = plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let kind = if null {
                    Kind::Null
                } else {
                    Kind::Scalar(Scalar { text: text.into_owned(), plain, unknown: None, literal: true })
                };
                let node = Node { at: at.clone(), tag: merge_tag(tag.as_deref()), kind };
                self.finish(node, anchor, weight, 1, at)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(at, merge_tag(tag.as_deref()), anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map { map: Map::new(), key: None, merged: Vec::new() };
                self.open(at, merge_tag(tag.as_deref()), anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&at),
        }
    }

    fn spend(&mut self, nodes: usize, at: &At) -> Result<(), YamlError> {
        *self.budget = self.budget.checked_sub(nodes).ok_or_else(|| {
            error(at, format!("more than {MAX_NODES} values, with long texts and aliases counted in full"))
        })?;
        Ok(())
    }

    fn fits(&self, depth: usize, at: &At) -> Result<(), YamlError> {
        if self.stack.len() + depth > MAX_DEPTH {
            return Err(error(at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    fn open(&mut self, at: At, tag: Tag, anchor: usize, content: Content) -> Result<(), YamlError> {
        self.spend(1, &at)?;
        self.fits(1, &at)?;
        self.stack.push(Open { at, tag, anchor, weight: 1, depth: 1, content });
        Ok(())
    }

    fn close(&mut self, end: &At) -> Result<(), YamlError> {
        let Some(open) = self.stack.pop() else { return Err(error(end, "an end without a beginning")) };
        let kind = match open.content {
            Content::List(list) => Kind::List(list),
            Content::Map { mut map, merged, .. } => {
                // What is written wins over what is merged, and the first that is merged over the later ones.
                for other in merged {
                    for (key, entry) in other {
                        map.entry(key).or_insert(entry);
                    }
                }
                Kind::Map(map)
            }
        };
        let node = Node { at: open.at.clone(), tag: open.tag, kind };
        self.finish(node, open.anchor, open.weight, open.depth, open.at)
    }

    fn finish(&mut self, node: Node, anchor: usize, weight: usize, depth: usize, at: At) -> Result<(), YamlError> {
        let built = Built { node, weight, depth };
        if anchor > 0 {
            self.spend(weight, &at)?;
            self.anchors.insert(anchor, built.clone());
        }
        self.place(built, at)
    }

    /// Puts a finished node where it belongs; `at` is where it is used.
    fn place(&mut self, built: Built, at: At) -> Result<(), YamlError> {
        let Some(open) = self.stack.last_mut() else {
            self.documents.push(built.node);
            return Ok(());
        };
        open.weight += built.weight;
        open.depth = open.depth.max(built.depth + 1);
        let (map, key, merged) = match &mut open.content {
            Content::List(list) => {
                list.push(built.node);
                return Ok(());
            }
            Content::Map { map, key, merged } => (map, key, merged),
        };
        match key.take() {
            None => {
                let Kind::Scalar(scalar) = &built.node.kind else {
                    return Err(error(&at, format!("{} as a key", built.node.word())));
                };
                if !scalar.is_string() {
                    return Err(error(&at, format!("the key `{}` is no text: put it in quotes", scalar.text)));
                }
                if scalar.text.len() > MAX_KEY_BYTES {
                    return Err(error(&at, format!("a key longer than {MAX_KEY_BYTES} bytes")));
                }
                if map.contains_key(&scalar.text) {
                    return Err(error(&at, format!("the key `{}` is there twice", scalar.text)));
                }
                *key = Some((scalar.text.clone(), at));
            }
            Some((name, _)) if name == "<<" => match built.node.kind {
                Kind::Map(other) => merged.push(other),
                Kind::List(list) => {
                    for node in list {
                        let Kind::Map(other) = node.kind else {
                            return Err(error(&at, "`<<` takes a mapping or a list of mappings"));
                        };
                        merged.push(other);
                    }
                }
                Kind::Null => {}
                Kind::Scalar(_) => return Err(error(&at, "`<<` takes a mapping or a list of mappings")),
            },
            Some((name, key)) => {
                map.insert(name, Entry { key, node: built.node });
            }
        }
        Ok(())
    }
}

fn built_clone(anchors: &HashMap<usize, Built>, id: usize) -> Option<Built> {
    anchors.get(&id).cloned()
}

fn merge_tag(tag: Option<&saphyr_parser::Tag>) -> Tag {
    match tag {
        Some(tag) if tag.handle == "!" && tag.suffix == "reset" => Tag::Reset,
        Some(tag) if tag.handle == "!" && tag.suffix == "override" => Tag::Override,
        _ => Tag::None,
    }
}

fn error(at: &At, message: impl Into<String>) -> YamlError {
    YamlError { line: at.line, column: at.column, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        parse(text, &Arc::from("f.yaml"), &mut MAX_NODES.clone()).unwrap().remove(0)
    }

    fn place(node: &Node) -> (u32, u32) {
        (node.at.line, node.at.column)
    }

    #[test]
    fn every_value_has_its_place() {
        let node = one("a:\n  b: [1, \"two\"]\n  c: |\n    text\n");
        let list = node.get("a").and_then(|a| a.get("b")).unwrap().list().unwrap();
        assert_eq!(list.iter().map(place).collect::<Vec<_>>(), [(2, 7), (2, 10)]);
        let key = &node.get("a").unwrap().map().unwrap().get("c").unwrap().key;
        assert_eq!((key.line, key.column), (3, 3));
    }

    #[test]
    fn aliases_and_merges_keep_the_place_of_what_they_name() {
        let node = one("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: {<<: [*x, {c: 4}]}\n");
        let y = node.get("y").unwrap();
        assert_eq!(y.get("a").unwrap().string().as_deref(), Some("1"));
        assert_eq!(y.get("b").unwrap().string().as_deref(), Some("3"));
        assert_eq!(place(y.get("a").unwrap()), (1, 11));
        assert_eq!(node.get("z").and_then(|z| z.get("c")).unwrap().string().as_deref(), Some("4"));
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        let refused = |text: &str| check(text).unwrap_err();
        assert_eq!((refused("a: 1\na: 2\n").line, refused("a: 1\na: 2\n").column), (2, 1));
        assert!(refused("a: [1, 2\n").line >= 1);
        assert_eq!(refused("a: 1\n1: 2\n").message, "the key `1` is no text: put it in quotes");
        assert!(refused("a: &a [*a]\n").message.contains("alias"));
    }

    #[test]
    fn bombs_are_defused() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(check(&deep(60)).unwrap_err().message.contains("nested deeper"));
        assert!(check(&deep(100_000)).is_err());
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..30 {
            let all = format!("*a{},", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
        }
        assert!(check(&bomb).unwrap_err().message.contains("more than"));
        assert!(check(&"x".repeat(2 << 20)).unwrap_err().message.contains("larger"));
        let text = format!("x: &a {}\ny: [{}]\n", "x".repeat(500_000), "*a,".repeat(50_000));
        assert!(check(&text).unwrap_err().message.contains("more than"));
        let key = format!("? {}\n: [a, b]\n", "k".repeat(2_000));
        assert!(check(&key).unwrap_err().message.contains("a key longer"));
    }

    #[test]
    fn tags_of_compose_are_kept() {
        let node = one("a: !reset null\nb: !override [1]\nc: !!str 022\n");
        assert_eq!(node.get("a").unwrap().tag, Tag::Reset);
        assert_eq!(node.get("b").unwrap().tag, Tag::Override);
        assert_eq!(node.get("c").unwrap().string().as_deref(), Some("022"));
    }
}
