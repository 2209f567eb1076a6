//! How what is known of an image grows with each time that its registry is asked.

use jiff::Timestamp;

use super::usage::{ImageUse, is_running};
use crate::snapshot::{
    AcceptedImage, DigestKind, DigestSeen, ImageCheck, ImageDigest, RegistryAnswer, RegistryDigest, ResolvedManifest,
};

/// Most digests that are remembered of one image.
const MAX_SEEN: usize = 64;
/// Most digests of one image whose meaning is remembered.
const MAX_RESOLVED: usize = 32;

impl ImageCheck {
    /// Takes in what a registry said. `running` are the digests of what ran then. The last digest stays where none came.
    pub fn record(
        &mut self,
        answer: RegistryAnswer,
        digest: Option<RegistryDigest>,
        running: &[ImageDigest],
        now: Timestamp,
    ) {
        if self.first_tried_at.is_none_or(|first| first > now) {
            self.first_tried_at = Some(now);
        }
        self.tried_at = Some(now);
        if answer.decides() {
            self.checked_at = Some(now);
        }
        self.answer = answer;
        for running in running.iter().filter(|running| running.kind != DigestKind::Config) {
            self.see(&running.digest, now);
        }
        if let Some(digest) = digest {
            self.see(&digest.digest, now);
            self.digest = Some(digest);
        }
    }

    /// Remembers that a digest was seen.
    fn see(&mut self, digest: &str, now: Timestamp) {
        match self.history.iter_mut().find(|seen| seen.digest == digest) {
            Some(seen) => seen.last = now,
            None => self.history.push(DigestSeen { digest: digest.to_owned(), first: now, last: now }),
        }
        if self.history.len() > MAX_SEEN {
            self.history.remove(0);
        }
    }

    /// Remembers what a digest stands for.
    pub fn resolve(&mut self, resolved: ResolvedManifest) {
        self.resolved.retain(|known| known.digest != resolved.digest || known.platform != resolved.platform);
        self.resolved.push(resolved);
        if self.resolved.len() > MAX_RESOLVED {
            self.resolved.remove(0);
        }
    }

    /// Remembers what the operator said is right.
    pub fn accept(&mut self, accepted: AcceptedImage) {
        self.accepted = Some(accepted);
    }

    /// Digests whose manifest would tell whether they stand for what runs, which a digest alone does not.
    pub fn unresolved(&self, one: &ImageUse) -> Vec<String> {
        let Some(platform) = &one.platform else { return Vec::new() };
        let registry = self.digest.iter().map(|digest| (&digest.digest, digest.kind));
        let pins = one.pins.iter().flat_map(|pin| &pin.digests).map(|pin| (&pin.digest, pin.kind));
        let mut digests: Vec<String> = Vec::new();
        for (is_pin, (digest, kind)) in registry.map(|one| (false, one)).chain(pins.map(|one| (true, one))) {
            let told = is_running(&one.running, digest, kind, Some(self));
            let wanted = !one.running.is_empty() && (told.is_none() || is_pin && told == Some(false));
            let known = |resolved: &ResolvedManifest| resolved.digest == *digest && resolved.platform == *platform;
            if wanted && kind != DigestKind::Config && !self.resolved.iter().any(known) && !digests.contains(digest) {
                digests.push(digest.clone());
            }
        }
        digests
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Standing, standing};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn runs(digest: &str) -> Vec<ImageDigest> {
        vec![
            ImageDigest { digest: digest.to_owned(), kind: DigestKind::Pulled },
            ImageDigest { digest: format!("{digest} config"), kind: DigestKind::Config },
        ]
    }

    fn list(digest: &str) -> RegistryDigest {
        RegistryDigest { digest: digest.to_owned(), kind: DigestKind::List, media_type: "list".to_owned() }
    }

    fn says(check: &mut ImageCheck, digest: &str, running: &str, second: i64) -> Standing {
        check.record(RegistryAnswer::Digest { refused_login: None }, Some(list(digest)), &runs(running), at(second));
        standing(&runs(running), Some(check))
    }

    #[test]
    fn forward_and_back_are_told_by_what_was_seen_before() {
        let mut check = ImageCheck::new("x");
        assert_eq!(says(&mut check, "a", "a", 0), Standing::Same);
        assert_eq!(says(&mut check, "b", "a", 10), Standing::MovedForward);
        assert_eq!(says(&mut check, "b", "b", 20), Standing::Same);
        assert_eq!(says(&mut check, "a", "b", 30), Standing::MovedBack);
        assert_eq!(says(&mut check, "b", "b", 40), Standing::Same);
        assert_eq!(says(&mut check, "c", "b", 50), Standing::MovedForward);
        let seen: Vec<&str> = check.history.iter().map(|seen| seen.digest.as_str()).collect();
        assert_eq!(seen, ["a", "b", "c"]);
        assert_eq!((check.history[0].first, check.history[0].last), (at(0), at(30)));
    }

    #[test]
    fn a_failure_keeps_the_last_digest_and_its_time() {
        let mut check = ImageCheck::new("x");
        says(&mut check, "a", "a", 0);
        check.record(RegistryAnswer::Unreachable { why: "503".to_owned() }, None, &runs("a"), at(10));
        assert_eq!(check.digest, Some(list("a")));
        assert_eq!((check.first_tried_at, check.tried_at, check.checked_at), (Some(at(0)), Some(at(10)), Some(at(0))));
        assert_eq!(standing(&runs("a"), Some(&check)), Standing::Unreachable);
        check.record(RegistryAnswer::Gone { why: "404".to_owned() }, None, &runs("a"), at(20));
        assert_eq!((check.checked_at, standing(&runs("a"), Some(&check))), (Some(at(20)), Standing::Gone));
    }

    #[test]
    fn kinds_are_never_compared_with_each_other() {
        let mut check = ImageCheck::new("x");
        let config = vec![ImageDigest { digest: "config".to_owned(), kind: DigestKind::Config }];
        check.record(RegistryAnswer::Digest { refused_login: None }, Some(list("a")), &config, at(0));
        assert_eq!(standing(&config, Some(&check)), Standing::Available);
        let mut one = ImageUse {
            image: "x".to_owned(),
            reference: crate::ImageReference::parse("x").unwrap(),
            roles: Vec::new(),
            used_by: Vec::new(),
            platform: Some("linux/arm64".to_owned()),
            running: config.clone(),
            pins: Vec::new(),
            local: None,
        };
        assert_eq!(check.unresolved(&one), ["a"]);
        let resolved = |config: &str| ResolvedManifest {
            digest: "a".to_owned(),
            platform: "linux/arm64".to_owned(),
            manifest: Some("manifest".to_owned()),
            config: Some(config.to_owned()),
        };
        check.resolve(resolved("config"));
        assert_eq!(standing(&config, Some(&check)), Standing::Same);
        assert!(check.unresolved(&one).is_empty());
        check.resolve(resolved("another"));
        assert_eq!(standing(&config, Some(&check)), Standing::MovedForward);
        one.running = runs("b");
        assert!(ImageCheck { resolved: Vec::new(), ..check }.unresolved(&one).is_empty(), "two lists can be compared");
    }

    #[test]
    fn memory_is_bounded() {
        let mut check = ImageCheck::new("x");
        for number in 0..200 {
            says(&mut check, &number.to_string(), "a", number);
        }
        assert_eq!(check.history.len(), MAX_SEEN);
        assert_eq!(check.history.last().unwrap().digest, "199");
    }
}
