//! The reference pages of the documentation, in Markdown.

use portreeve_core::catalogue::{self, Entry};
use portreeve_core::{Layer, Severity};

use crate::settings::{Key, Kind, SYSTEM_CONFIG, WAIVER, default_of, keys};

const FINDINGS: &str = "\
# Findings

Everything that `portreeve check` can name. A finding of severity *error* blocks readiness, a *warning* degrades it, and *info* changes no
verdict. A *symptom* is no root cause while a finding that explains it is present. Codes are stable: never renamed, never reused.

`portreeve explain CODE` prints one entry, `portreeve explain` lists all. This page is generated: `cargo run -p portreeve -- reference docs`.
";

const CONFIGURATION: &str = "\
# Configuration

Portreeve needs no configuration. Each setting can come from an environment variable, device management, the configuration file or its
default, in this order of precedence; as root, device management comes before the environment. Where a command has a flag for it, the flag
counts above all. `portreeve config show` prints each value with its origin. The file is the one that `--config` or `PORTREEVE_CONFIG`
names";

const CONFIGURATION_END: &str =
    "An unknown setting is an error with its line. `portreeve config example` prints a file \
with every default, [`portreeve.toml`](portreeve.toml).

This page is generated: `cargo run -p portreeve -- reference docs`.
";

/// All findings by layer, with what each means and how to mend it.
pub(crate) fn findings() -> String {
    let mut out = FINDINGS.to_owned();
    for layer in Layer::ALL {
        out.push_str(&format!("\n## Layer {layer}\n\n| code | severity | holds when |\n|---|---|---|\n"));
        for entry in catalogue::entries().filter(|entry| entry.layer == layer) {
            let code = entry.code.as_str();
            out.push_str(&format!(
                "| [`{code}`](#{}) | {} | {} |\n",
                anchor(code),
                weight(entry),
                entry.title.replace('|', "\\|")
            ));
        }
    }
    for entry in catalogue::entries() {
        out.push_str(&finding(entry));
    }
    out
}

fn finding(entry: &Entry) -> String {
    let mut out = format!(
        "\n### {}\n\n**{}**\n\n{}, layer {}\n\n{}\n\n",
        entry.code,
        entry.title,
        weight(entry),
        entry.layer,
        entry.why
    );
    for (number, step) in (1..).zip(entry.remedy) {
        out.push_str(&format!("{number}. {step}\n"));
    }
    if !entry.explains.is_empty() {
        let links = entry.explains.iter().map(|code| format!("[`{code}`](#{})", anchor(code.as_str())));
        out.push_str(&format!("\nExplains: {}\n", links.collect::<Vec<_>>().join(", ")));
    }
    if !entry.sources.is_empty() {
        let links = entry.sources.iter().map(|source| source_link(source));
        out.push_str(&format!("\nSources: {}\n", links.collect::<Vec<_>>().join(", ")));
    }
    out
}

fn weight(entry: &Entry) -> String {
    let word = match entry.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "info",
    };
    if entry.symptom { format!("{word}, symptom") } else { word.to_owned() }
}

/// The anchor that GitHub gives a heading: lower case, without dots.
fn anchor(code: &str) -> String {
    code.replace('.', "")
}

/// `owner/repository#number` as a link; anything else as it is.
fn source_link(source: &str) -> String {
    let parts = source.split_once('#').filter(|(repository, number)| {
        repository.split('/').count() == 2 && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
    });
    match parts {
        Some((repository, number)) => format!("[{source}](https://github.com/{repository}/issues/{number})"),
        None => source.to_owned(),
    }
}

/// Every setting with its form, default and environment variable.
pub(crate) fn configuration() -> String {
    let mut out = format!("{CONFIGURATION}, else `{SYSTEM_CONFIG}` where that exists.\n{CONFIGURATION_END}");
    for key in keys() {
        out.push_str(&setting(key));
    }
    // The first line of the comment is prose, the rest is what it would be without the comment signs.
    let (prose, block) = WAIVER.trim().split_once("\n#\n").unwrap_or_default();
    let block: Vec<&str> = block.lines().map(|line| line.trim_start_matches("# ")).collect();
    out.push_str(&format!(
        "\n## Waivers\n\n{}\n\n```toml\n{}\n```\n",
        prose.trim_start_matches("# "),
        block.join("\n")
    ));
    out
}

fn setting(key: &Key) -> String {
    let (form, listed) = match key.kind {
        Kind::Integer => ("a whole number", ""),
        Kind::Float => ("a number", ""),
        Kind::Text => ("a text", ""),
        Kind::Paths => ("a list of absolute paths", ", separated by `:`"),
        Kind::Integers => ("a list of whole numbers", ", separated by `,`"),
        Kind::Words => ("a list of texts", ", separated by spaces"),
    };
    format!(
        "\n## `{}`\n\n{}\n\n- form: {form}\n- default: `{}`\n- environment: `{}`{listed}\n",
        key.name,
        key.doc,
        default_of(key),
        key.variable()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_becomes_a_link_and_anything_else_stays() {
        assert_eq!(source_link("a/b#12"), "[a/b#12](https://github.com/a/b/issues/12)");
        for text in ["docs/gateway/auth.md", "launchd.plist(5)", "a/b/c#12", "a/b#x", "a/b#"] {
            assert_eq!(source_link(text), text);
        }
    }
}
