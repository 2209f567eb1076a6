//! `resolv.conf`.

use portreeve_core::snapshot::namespace::Resolver;

/// Most words kept of one kind.
const MAX_WORDS: usize = 32;

/// Reads a `resolv.conf`. As with the C library, the last of several `search` lines counts, and `domain` is a `search` of one word.
pub fn parse(text: &str) -> Resolver {
    let mut resolver = Resolver { nameservers: Vec::new(), search: Vec::new(), options: Vec::new() };
    for line in text.lines() {
        let line = line.split(['#', ';']).next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace().map(ToOwned::to_owned);
        match words.next().as_deref() {
            Some("nameserver") => resolver.nameservers.extend(words.next()),
            Some("search") => resolver.search = words.take(MAX_WORDS).collect(),
            Some("domain") => resolver.search = words.take(1).collect(),
            Some("options") => resolver.options.extend(words),
            _ => {}
        }
    }
    resolver.nameservers.truncate(MAX_WORDS);
    resolver.options.truncate(MAX_WORDS);
    resolver
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_file_of_a_container_is_read() {
        let text = "# made by the engine\nnameserver 127.0.0.11\nnameserver ::1 # second\ndomain a\nsearch b.example c\noptions ndots:0 edns0\noptions trust-ad\n; end\nbogus\n";
        let read = parse(text);
        assert_eq!(read.nameservers, ["127.0.0.11", "::1"]);
        assert_eq!(read.search, ["b.example", "c"]);
        assert_eq!(read.options, ["ndots:0", "edns0", "trust-ad"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            let read = parse(&text.replace('x', "\n"));
            prop_assert!(read.nameservers.len() <= MAX_WORDS);
        }
    }
}
