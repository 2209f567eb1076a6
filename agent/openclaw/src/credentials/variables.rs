//! Dotenv files.

use crate::environment::Environment;

/// Whether OpenClaw takes a name for that of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`.
pub fn is_portable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Parses a dotenv file as the `dotenv` package does.
///
/// `NAME=value`, `NAME: value`, an optional `export`, comments from `#` in unquoted values, single, double and
/// backtick quotes that may span lines; `\n` and `\r` are line ends in double quotes. Nothing is expanded. The last
/// of equal names wins.
pub fn parse_dotenv(text: &str) -> Environment {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut pairs = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        match assignment(rest) {
            Some((name, value, after)) => {
                if is_portable_name(name) {
                    pairs.push((name.to_owned(), value));
                }
                rest = after;
            }
            // Blank lines before the one that was no assignment are passed over with it, and not looked at once more for each.
            None => rest = rest.trim_start().split_once('\n').map_or("", |(_, after)| after),
        }
    }
    Environment::all(pairs)
}

/// One assignment at the beginning of a text: name, value, and what follows its line.
fn assignment(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start();
    let text = match text.strip_prefix("export") {
        Some(after) if after.starts_with(char::is_whitespace) => after.trim_start(),
        _ => text,
    };
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))).unwrap_or(text.len());
    let (name, after) = text.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    let value = match after.trim_start_matches([' ', '\t']).strip_prefix('=') {
        Some(value) => value,
        None => after.strip_prefix(':').filter(|value| value.starts_with([' ', '\t', '\n']))?,
    };
    let blank_end = value.find(|c: char| !c.is_whitespace() || c == '\n').unwrap_or(value.len());
    let value = value.get(blank_end..)?;
    if let Some((quoted, after)) = quoted(value) {
        let (remainder, next) = after.split_once('\n').unwrap_or((after, ""));
        let remainder = remainder.trim_start();
        if remainder.is_empty() || remainder.starts_with('#') {
            return Some((name, quoted, next));
        }
    }
    let (line, next) = value.split_once('\n').unwrap_or((value, ""));
    let value = line.split('#').next().unwrap_or_default().trim();
    Some((name, unquoted(value).to_owned(), next))
}

/// A quoted value at the beginning of a text, decoded, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let inner = text.get(1..)?;
    let mut escaped = false;
    let end = inner.char_indices().find_map(|(at, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })?;
    let (value, after) = (inner.get(..end)?, inner.get(end + 1..)?);
    let value = if quote == '"' { value.replace("\\n", "\n").replace("\\r", "\r") } else { value.to_owned() };
    Some((value, after))
}

fn unquoted(value: &str) -> &str {
    ['\'', '"', '`'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn shown(environment: &Environment) -> Vec<String> {
        environment.names().map(|name| format!("{name}=[{}]", environment.get(name).unwrap().expose_secret())).collect()
    }

    #[test]
    fn dotenv_forms() {
        let text = "# comment\nA=1\r\nexport B = two words # tail\nC: yes\nD='a # b'\nE=\"x\\ny\" # tail\nF=`q`\n\
                    G=\nH=${A}\nbad line\n1X=no\nJ=\"multi\nline\"\nK='open\nL=last\nA=2\n=x\nM=\"a\" b\n";
        assert_eq!(
            shown(&parse_dotenv(text)),
            [
                "A=[2]",
                "B=[two words]",
                "C=[yes]",
                "D=[a # b]",
                "E=[x\ny]",
                "F=[q]",
                "G=[]",
                "H=[${A}]",
                "J=[multi\nline]",
                "K=['open]",
                "L=[last]",
                "M=[\"a\" b]",
            ]
        );
    }

    #[test]
    fn blank_lines_are_passed_over_once() {
        let blank = "\n".repeat(1 << 20);
        for text in
            [format!("A=1\n{blank}#\nB=2"), format!("A=1\nexport{blank}#\nB=2"), format!("A=1\n{blank}B=2{blank}")]
        {
            assert_eq!(shown(&parse_dotenv(&text)), ["A=[1]", "B=[2]"]);
        }
    }

    proptest::proptest! {
        #[test]
        fn parsers_never_panic(text in "[A-C='\"`#: \n\r\\\\é]{0,80}") {
            let _ = parse_dotenv(&text);
        }
    }
}
