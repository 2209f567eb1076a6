//! What a registry wants to know before it answers: `WWW-Authenticate` (RFC 9110, section 11).

/// Longest header that is read, in bytes.
const MAX_HEADER: usize = 8 * 1024;
/// Most challenges of one header, and most parameters of one challenge.
const MAX_MANY: usize = 16;

/// One challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// `bearer`, `basic`, in lower case.
    pub scheme: String,
    /// Parameters, names in lower case, values without quotes.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The challenges of one header. What does not parse ends the list.
pub fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let Some(mut rest) = header.get(..header.len().min(MAX_HEADER)) else { return found };
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return found;
        }
        let spaced = after.trim_start_matches([' ', '\t']);
        match (spaced.strip_prefix('='), found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, after)) = parameter(value.trim_start_matches([' ', '\t'])) else { return found };
                if challenge.parameters.len() < MAX_MANY {
                    challenge.parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => {
                if found.len() == MAX_MANY {
                    return found;
                }
                found.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                rest = after;
            }
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A value, quoted or not, and what follows it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = token(text);
        return (!word.is_empty()).then(|| (word.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn real_headers_are_taken_apart() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#;
        let found = challenges(hub);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].scheme, "bearer");
        assert_eq!(found[0].get("realm"), Some("https://auth.docker.io/token"));
        assert_eq!(found[0].get("scope"), Some("repository:library/nginx:pull"));
        let basic = challenges(r#"Basic realm="Registry Realm""#);
        assert_eq!((basic[0].scheme.as_str(), basic[0].get("realm")), ("basic", Some("Registry Realm")));
        let both = challenges(r#"Basic realm="a, b=\"c\"" , BEARER realm = https , service=x"#);
        assert_eq!(both[0].get("realm"), Some(r#"a, b="c""#));
        assert_eq!((both[1].scheme.as_str(), both[1].get("service")), ("bearer", Some("x")));
    }

    #[test]
    fn what_is_torn_ends_the_list() {
        assert!(challenges("").is_empty() && challenges("=x").is_empty());
        assert_eq!(challenges(r#"Bearer realm="https://a"#)[0].parameters, []);
        assert_eq!(challenges("Negotiate, Basic").len(), 2);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", odd in "[a-zA-Z=\", \\\\]{0,60}") {
            prop_assert!(challenges(&text).len() <= MAX_MANY && challenges(&odd).len() <= MAX_MANY);
        }
    }
}
