//! Durations as Go writes them: `1m30s`, `500ms`, `1h`, and a plain number of nothing, which Compose reads as nanoseconds.

/// Milliseconds of a duration; none for a text that is none.
pub fn parse_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    if text == "0" {
        return Some(0);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    if rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(rest.parse::<u64>().ok()? / 1_000_000);
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at_checked(end)?;
        let number: f64 = number.parse().ok()?;
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let ms = match unit {
            "ns" => 1e-6,
            "us" | "µs" | "μs" => 1e-3,
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 60e3,
            "h" => 3_600e3,
            "d" => 86_400e3,
            "w" => 7.0 * 86_400e3,
            _ => return None,
        };
        total += number * ms;
        rest = after;
    }
    // Beyond what a float holds exactly no health check waits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on both sides just above")]
    (0.0..9e15).contains(&total).then_some(total as u64)
}

#[cfg(test)]
mod tests {
    use super::parse_ms;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("1m30s", Some(90_000)),
            ("500ms", Some(500)),
            ("1.5h", Some(5_400_000)),
            ("0", Some(0)),
            ("30s", Some(30_000)),
            ("2000000000", Some(2_000)),
            ("10", Some(0)),
            ("", None),
            ("x", None),
            ("5 s", None),
            ("s", None),
            ("-5s", None),
        ] {
            assert_eq!(parse_ms(text), ms, "{text}");
        }
    }
}
