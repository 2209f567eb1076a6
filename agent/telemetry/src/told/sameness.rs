//! Whether a report is another one than before.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use sha2::{Digest as _, Sha256};

/// Keys whose values differ from look to look though nothing has changed.
const TIMES: [&str; 8] =
    ["generated_at", "observed_at", "uptime_s", "elapsed_ms", "free_bytes", "wal_bytes", "last_attempt", "boots"];
/// Keys of sentences in which ages and durations stand.
const SENTENCES: [&str; 5] = ["detail", "fact", "summary", "why", "message"];

/// What tells one report from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sameness {
    /// Without times, and without the numbers in sentences.
    pub words: String,
    /// Without times.
    pub exact: String,
}

impl Sameness {
    /// That of a report, as JSON.
    pub fn of(json: &[u8]) -> Result<Self, serde_json::Error> {
        let mut digests = Digests { words: Sha256::new(), exact: Sha256::new() };
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        Walk { digests: &mut digests, is_sentence: false }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(Self { words: hex(digests.words), exact: hex(digests.exact) })
    }
}

/// The first half of a digest.
fn hex(digest: Sha256) -> String {
    digest.finalize().iter().take(16).fold(String::new(), |mut hex, byte| {
        hex.push_str(&format!("{byte:02x}"));
        hex
    })
}

struct Digests {
    words: Sha256,
    exact: Sha256,
}

impl Digests {
    fn both(&mut self, tag: u8, bytes: &[u8]) {
        for digest in [&mut self.words, &mut self.exact] {
            feed(digest, tag, bytes);
        }
    }
}

fn feed(digest: &mut Sha256, tag: u8, bytes: &[u8]) {
    digest.update([tag]);
    digest.update(bytes.len().to_le_bytes());
    digest.update(bytes);
}

struct Walk<'a> {
    digests: &'a mut Digests,
    is_sentence: bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.digests.both(b'n', &[]);
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.digests.both(b'b', &[u8::from(value)]);
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.digests.both(b'i', &value.to_le_bytes());
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.digests.both(b'i', &value.to_le_bytes());
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.digests.both(b'f', &value.to_le_bytes());
        Ok(())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        feed(&mut self.digests.exact, b's', value.as_bytes());
        if self.is_sentence {
            let words: String = value.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect();
            feed(&mut self.digests.words, b's', words.as_bytes());
        } else {
            feed(&mut self.digests.words, b's', value.as_bytes());
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.digests.both(b'[', &[]);
        while seq.next_element_seed(Walk { digests: self.digests, is_sentence: self.is_sentence })?.is_some() {}
        self.digests.both(b']', &[]);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.digests.both(b'{', &[]);
        while let Some(key) = map.next_key::<String>()? {
            if TIMES.contains(&key.as_str()) {
                map.next_value::<de::IgnoredAny>()?;
                continue;
            }
            self.digests.both(b'k', key.as_bytes());
            let is_sentence = SENTENCES.contains(&key.as_str());
            map.next_value_seed(Walk { digests: self.digests, is_sentence })?;
        }
        self.digests.both(b'}', &[]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Sameness {
        Sameness::of(json.as_bytes()).unwrap()
    }

    #[test]
    fn times_and_numbers_in_sentences_do_not_count_and_all_else_does() {
        let base = of(r#"{"generated_at":"1","rungs":[{"elapsed_ms":1.5,"detail":"after 3 ms","port":1}]}"#);
        let later = of(r#"{"generated_at":"2","rungs":[{"elapsed_ms":7,"detail":"after 12.5 ms","port":1}]}"#);
        assert_eq!(base.words, later.words);
        assert_ne!(base.exact, later.exact);
        let other = of(r#"{"generated_at":"1","rungs":[{"elapsed_ms":1.5,"detail":"after 3 ms","port":2}]}"#);
        assert_ne!(base.words, other.words);
        assert_ne!(of("[[1],[2]]").words, of("[[1,2]]").words);
        assert!(Sameness::of(b"{} x").is_err());
    }
}
