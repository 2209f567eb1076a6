//! The time of a line. Each line has one, so that it is read without the generality of a parser where it has the gateway's own form.

use jiff::Timestamp;

/// Reads `2026-11-21T03:43:40.544+00:00` and the like.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    usual(text.as_bytes()).or_else(|| text.parse().ok())
}

/// A time in whole milliseconds with `Z` or an offset; `None` for any other form, and for what no calendar has.
fn usual(text: &[u8]) -> Option<Timestamp> {
    let (time, zone) = text.split_at_checked(23)?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1, b'.', f0, f1, f2] =
        *time
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_i64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(&[y0, y1, y2, y3])?, number(&[m0, m1])?, number(&[d0, d1])?);
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[n0, n1])?, number(&[s0, s1])?);
    // Leap days are left to the parser, and so are leap seconds.
    let last_day = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].get(usize::try_from(month - 1).ok()?)?;
    if !(1970..=9990).contains(&year) || !(1..=*last_day).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset_minutes = match *zone {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), z0, z1, b':', z2, z3] => {
            let (hours, minutes) = (number(&[z0, z1])?, number(&[z2, z3])?);
            if hours > 23 || minutes > 59 || (sign == b'-' && hours == 0 && minutes == 0) {
                return None;
            }
            (hours * 60 + minutes) * if sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let minutes = days(year, month, day) * 1_440 + hour * 60 + minute - offset_minutes;
    Timestamp::from_millisecond((minutes * 60 + second) * 1_000 + number(&[f0, f1, f2])?).ok()
}

/// Days from 1970-01-01 in the Gregorian calendar, for a year of this era.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_forms_are_left_to_the_parser() {
        for text in [
            "2028-02-29T03:43:40.544Z",
            "2026-11-31T03:43:40.544Z",
            "2026-11-21T03:43:40Z",
            "2026-11-21T03:43:40.544123Z",
            "2026-13-21T03:43:40.544Z",
            "2026-11-21T03:43:40.544",
            "2026-11-21T24:43:40.544Z",
        ] {
            assert_eq!(usual(text.as_bytes()), None, "{text}");
            assert_eq!(timestamp(text), text.parse().ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_the_parser_reads(ms in 0_i64..253_000_000_000_000, minutes in -1_439_i64..1_440) {
            let at = Timestamp::from_millisecond(ms).unwrap();
            let local = Timestamp::from_millisecond(ms + minutes * 60_000).unwrap();
            let sign = if minutes < 0 { '-' } else { '+' };
            let zone = format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
            for text in [format!("{at:.3}"), format!("{local:.3}").replace('Z', &zone)] {
                prop_assert_eq!(timestamp(&text), Some(at), "{}", text);
                if let Some(usual) = usual(text.as_bytes()) {
                    prop_assert_eq!(usual, at, "{}", text);
                }
            }
        }

        #[test]
        fn it_reads_no_more_than_the_parser(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}(Z|[+-][0-2][0-9]:[0-6][0-9])") {
            if let Some(usual) = usual(text.as_bytes()) {
                prop_assert_eq!(Some(usual), text.parse().ok(), "{}", text);
            }
        }
    }
}
