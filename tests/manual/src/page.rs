//! One page of Markdown.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::transcript::{Origin, Transcript};

/// One page: what it tells to type, its links, and the anchors that others can link to.
#[derive(Debug)]
pub struct Page {
    /// Path below the folder of the checkout.
    pub path: PathBuf,
    /// The blocks of the language `console`.
    pub transcripts: Vec<Transcript>,
    /// Lines of blocks of shell scripts and of YAML, whose `run:` is left out.
    pub lines: Vec<Inline>,
    /// Code within lines of text.
    pub inline: Vec<Inline>,
    /// Where its links lead.
    pub links: Vec<Link>,
    /// The anchors of its headings, as forges and mdBook make them.
    pub anchors: Vec<String>,
}

/// A piece of code of one line.
#[derive(Debug)]
pub struct Inline {
    /// Line on the page, from 1.
    pub line: usize,
    /// The code.
    pub text: String,
}

/// A link.
#[derive(Debug)]
pub struct Link {
    /// Line on the page, from 1.
    pub line: usize,
    /// What it leads to, as written.
    pub target: String,
}

impl Page {
    /// Reads a page.
    #[must_use]
    pub fn read(text: &str, path: PathBuf) -> Self {
        let mut page =
            Self { path, transcripts: vec![], lines: vec![], inline: vec![], links: vec![], anchors: vec![] };
        let line = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
        let mut seen = BTreeMap::new();
        let mut heading: Option<String> = None;
        let mut origin = None;
        let mut block: Option<Range<usize>> = None;
        let mut script = false;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Html(html) => origin = Origin::read(&html).or(origin),
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if &*language == "console" => {
                    block = Some(range.start..range.start);
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    script = matches!(&*language, "sh" | "bash" | "yaml");
                }
                Event::Text(words) if script => {
                    page.lines.extend((line(range.start)..).zip(words.lines()).map(|(line, text)| {
                        let text = text.trim().trim_start_matches("- ").trim_start_matches("run: ");
                        Inline { line, text: text.to_owned() }
                    }));
                }
                Event::Text(_) if block.is_some() => {
                    let first =
                        block.as_ref().is_some_and(|block| block.start < range.start && block.start == block.end);
                    let start =
                        if first { range.start } else { block.as_ref().map_or(range.start, |block| block.start) };
                    block = Some(start..range.end);
                }
                Event::End(TagEnd::CodeBlock) => {
                    script = false;
                    if let Some(range) = block.take().filter(|range| !range.is_empty()) {
                        let shown = text.get(range.clone()).unwrap_or_default();
                        page.transcripts.push(Transcript::read(shown, line(range.start), range, origin.take()));
                    }
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = slug(&heading.take().unwrap_or_default());
                    let count: &mut usize = seen.entry(anchor.clone()).or_default();
                    page.anchors.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
                    *count += 1;
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Link { line: line(range.start), target: dest_url.into_string() });
                }
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    page.inline.push(Inline { line: line(range.start), text: code.into_string() });
                }
                Event::Text(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                Event::Start(Tag::Paragraph) => origin = None,
                _ => {}
            }
        }
        page
    }
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A `b.c` d, e\n\n## Same\n\n## Same\n\n[x](y.md#z) and `portreeve check`\n\n\
        <!-- run: somewhere -->\n```console\n$ one \\\n    two\nout\n\nput\n$ three\n```\n\n```toml\n$ no\n```\n";

    #[test]
    fn a_page_is_taken_apart() {
        let page = Page::read(TEXT, PathBuf::from("page.md"));
        assert_eq!(page.anchors, ["a-bc-d-e", "same", "same-1"]);
        assert_eq!(
            page.links.iter().map(|link| (link.line, link.target.as_str())).collect::<Vec<_>>(),
            [(7, "y.md#z")]
        );
        assert_eq!(page.inline.iter().map(|code| code.text.as_str()).collect::<Vec<_>>(), ["b.c", "portreeve check"]);
        let [transcript] = page.transcripts.as_slice() else { unreachable!("one block is a console") };
        assert_eq!(transcript.origin, Some(Origin::Run("somewhere".to_owned())));
        let steps: Vec<_> = transcript.steps.iter().map(|s| (s.line, s.command.as_str(), s.output.as_str())).collect();
        assert_eq!(steps, [(11, "one two", "out\n\nput\n"), (16, "three", "")]);
        assert!(TEXT.get(transcript.range.clone()).unwrap_or_default().starts_with("$ one"));
    }
}
