//! A command written as one string, split into words as Compose does.

/// A string whose quotes do not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid command line: a quote or an escape does not end")]
pub struct Unbalanced;

/// Splits a command line: blanks separate, quotes and backslashes hold together, nothing is expanded. Compose drops what follows an
/// unquoted `;`, `&`, `|`, `<` or `>`, since no shell reads the line; so does this.
pub fn split(text: &str) -> Result<Vec<String>, Unbalanced> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut begun = false;
    let mut quote = None;
    let mut escaped = false;
    for c in text.chars() {
        if escaped {
            word.push(c);
            escaped = false;
            begun = true;
            continue;
        }
        match (c, quote) {
            ('\\', None | Some('"')) => escaped = true,
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                begun = true;
            }
            (' ' | '\t' | '\r' | '\n', None) => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (';' | '&' | '|' | '<' | '>', None) => break,
            (c, None) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if escaped || quote.is_some() {
        return Err(Unbalanced);
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_and_escapes_hold_together() {
        for (line, expected) in [
            ("node dist/index.js  gateway --bind lan", vec!["node", "dist/index.js", "gateway", "--bind", "lan"]),
            ("sh -c 'a \"b\" c'", vec!["sh", "-c", "a \"b\" c"]),
            ("sh -c \"a \\\"b\\\" 'c'\"", vec!["sh", "-c", "a \"b\" 'c'"]),
            ("a\\ b ''", vec!["a b", ""]),
            ("a && b", vec!["a"]),
            ("", vec![]),
        ] {
            assert_eq!(split(line).unwrap(), expected, "{line}");
        }
        assert_eq!(split("a 'b"), Err(Unbalanced));
    }

    proptest! {
        #[test]
        fn words_survive_quoting(words in proptest::collection::vec("[ -&(-~]{0,12}", 0..6)) {
            let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(split(&line).unwrap(), words);
        }
    }
}
