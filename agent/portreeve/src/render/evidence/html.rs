//! Pieces of a page. Whatever comes from the node passes through [`text`], so that it is text and nothing else.

use crate::output::{copyable, plain};
use crate::render::map::escaped;

/// Text of one line, as HTML has it: what hides or reorders its neighbours is made visible, and what nobody would read is cut.
pub(super) fn text(words: &str) -> String {
    escaped(&plain(words))
}

/// A sentence: what stands between two backticks is code.
pub(super) fn sentence(words: &str) -> String {
    let escaped = text(words);
    let mut parts = escaped.split('`');
    let mut out = parts.next().unwrap_or_default().to_owned();
    while let Some(inner) = parts.next() {
        match parts.next() {
            Some(after) => out.push_str(&format!("<code>{inner}</code>{after}")),
            None => out.push_str(&format!("`{inner}")),
        }
    }
    out
}

/// A command to copy, whole, or a word that it is none.
pub(super) fn command(words: &str) -> String {
    match copyable(words) {
        Some(words) => format!("<pre class=\"command\"><code>{}</code></pre>", escaped(words)),
        None => format!("<p class=\"quiet\">not to be copied: {}</p>", text(words)),
    }
}

/// A state in a word, in a colour that the word does not need.
pub(super) fn badge(look: &str, words: &str) -> String {
    format!("<span class=\"badge {look}\">{}</span>", text(words))
}

/// A part of the page with its heading.
pub(super) fn section(id: &str, heading: &str, body: &str) -> String {
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{}</h2>\n{body}</section>\n",
        text(heading)
    )
}

/// A paragraph.
pub(super) fn paragraph(words: &str) -> String {
    format!("<p>{}</p>\n", sentence(words))
}

/// A paragraph that only the curious read.
pub(super) fn quiet(words: &str) -> String {
    format!("<p class=\"quiet\">{}</p>\n", sentence(words))
}

/// A list, where there is something in it.
pub(super) fn list(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items = all(items, |item| format!("<li>{item}</li>\n"));
    format!("<ul>\n{items}</ul>\n")
}

/// A table whose cells are HTML already. It scrolls by itself where the page is narrow.
pub(super) fn table(caption: &str, heads: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let heads = all(heads, |head| format!("<th scope=\"col\">{}</th>", text(head)));
    let rows = all(rows, |row| format!("<tr>{}</tr>\n", all(row, |cell| format!("<td>{cell}</td>"))));
    let caption = text(caption);
    format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table><caption>{caption}</caption>\n\
         <thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// A word in the letters of code.
pub(super) fn code(words: &str) -> String {
    format!("<code>{}</code>", text(words))
}

/// A picture of our own, whose text is escaped where it is drawn.
pub(super) fn picture(about: &str, svg: &str) -> String {
    format!(
        "<div class=\"scroll picture\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n{svg}</div>\n",
        text(about)
    )
}

/// Pieces one after the other.
pub(super) fn all<T>(items: &[T], piece: impl Fn(&T) -> String) -> String {
    items.iter().map(piece).collect::<Vec<_>>().concat()
}
