//! A time server's answer, and the question (SNTP: RFC 4330, RFC 5905).

use std::time::Duration;

use portreeve_core::snapshot::ServerTime;
use thiserror::Error;

/// Bytes of a question, and least bytes of an answer.
pub const PACKET: usize = 48;
/// Most bytes of an answer that are read; extensions and signatures are passed over.
pub const MAX_PACKET: usize = 512;
/// Seconds between 1900, where NTP begins, and 1970.
const SINCE_1900: u64 = 2_208_988_800;
/// How coarse a server's clock may be: a fiftieth of a second, in 32.32 bits.
const GRAIN: i64 = (1 << 32) / 50;
/// Client, version 4.
const QUESTION: u8 = 0x23;

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SntpError {
    /// Too few bytes.
    #[error("it has {0} bytes and not at least {PACKET}")]
    Short(usize),
    /// Not the answer of a server to a client.
    #[error("it is not the answer of a time server")]
    NotAnAnswer,
    /// It answers another question.
    #[error("it answers another question")]
    Foreign,
    /// The server says that it does not know the time.
    #[error("the server itself is not synchronised")]
    Unsynchronised,
    /// The server asks not to be asked (a kiss of death), with its code.
    #[error("the server refuses: {0}")]
    Refused(String),
    /// Its times contradict each other.
    #[error("its times contradict each other")]
    Contradiction,
}

/// A question. `nonce` is any number that nobody can guess; it stands where our own time would, which is nobody's business.
pub fn question(nonce: u64) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[0] = QUESTION;
    packet[40..].copy_from_slice(&nonce.to_be_bytes());
    packet
}

/// How far our clock is from the server's. `sent` is when the question was sent, by our clock, as time since 1970; the answer came after
/// `elapsed`.
pub fn parse(
    answer: &[u8],
    nonce: u64,
    sent: Duration,
    elapsed: Duration,
    server: &str,
) -> Result<ServerTime, SntpError> {
    let Some(packet) = answer.first_chunk::<PACKET>() else { return Err(SntpError::Short(answer.len())) };
    let number =
        |at: usize| packet.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    let short =
        |at: usize| packet.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
    let (leap, version, mode, stratum) = (packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7, packet[1]);
    if mode != 4 || !(1..=4).contains(&version) {
        return Err(SntpError::NotAnAnswer);
    }
    if number(24) != nonce {
        return Err(SntpError::Foreign);
    }
    if stratum == 0 {
        let code = packet.get(12..16).unwrap_or_default();
        let code = code.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|byte| char::from(*byte)).collect();
        return Err(SntpError::Refused(code));
    }
    if leap == 3 || stratum > 15 || number(40) == 0 {
        return Err(SntpError::Unsynchronised);
    }
    let (received, replied) = (number(32), number(40));
    // The differences are right across the end of an era (2036) too, as long as the clocks are within 68 years of each other.
    let ours = timestamp(sent);
    let there = difference(received, ours);
    let back = difference(replied, ours).saturating_sub(fixed(elapsed));
    let held = difference(replied, received);
    let round_trip = fixed(elapsed).saturating_sub(held);
    // A server cannot have held the question for longer than the answer took; the grain of a coarse clock it may.
    if held < 0 || round_trip < -GRAIN {
        return Err(SntpError::Contradiction);
    }
    let offset = i64::midpoint(there, back);
    // What the server says of its own way to a reference clock: delay and dispersion, each in seconds of 16.16 bits.
    let root = u64::from(short(4)) / 2 + u64::from(short(8));
    let uncertainty = milliseconds(round_trip.max(0)).unsigned_abs() / 2 + ((root * 1_000) >> 16) + 1;
    Ok(ServerTime { server: server.to_owned(), offset_ms: milliseconds(offset), uncertainty_ms: uncertainty, stratum })
}

/// Time since 1970 as seconds since 1900 of 32.32 bits, of the era that it falls into.
fn timestamp(time: Duration) -> u64 {
    let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
    time.as_secs().wrapping_add(SINCE_1900) << 32 | fraction
}

/// Seconds of 32.32 bits, signed.
fn difference(later: u64, earlier: u64) -> i64 {
    later.wrapping_sub(earlier).cast_signed()
}

fn fixed(time: Duration) -> i64 {
    let seconds = i64::try_from(time.as_secs().min(1 << 30)).unwrap_or(0);
    let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
    seconds << 32 | i64::try_from(fraction).unwrap_or(0)
}

fn milliseconds(fixed: i64) -> i64 {
    i64::try_from((i128::from(fixed) * 1_000) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SENT: Duration = Duration::new(1_800_000_000, 250_000_000);
    const TOOK: Duration = Duration::from_millis(40);
    const NONCE: u64 = 0x1234_5678_9abc_def0;

    /// The answer of a server whose clock is ahead by so much, halfway.
    fn answer(ahead_ms: i64) -> [u8; PACKET] {
        let there = (i64::try_from(SENT.as_millis()).unwrap() + 20 + ahead_ms).unsigned_abs();
        let there = timestamp(Duration::from_millis(there)).to_be_bytes();
        let mut packet = [0; PACKET];
        packet[..2].copy_from_slice(&[0x24, 2]);
        packet[8..12].copy_from_slice(&(1_u32 << 16).to_be_bytes());
        packet[24..32].copy_from_slice(&NONCE.to_be_bytes());
        packet[32..40].copy_from_slice(&there);
        packet[40..].copy_from_slice(&there);
        packet
    }

    fn read(packet: &[u8]) -> Result<ServerTime, SntpError> {
        parse(packet, NONCE, SENT, TOOK, "time.example")
    }

    #[test]
    fn the_offset_is_told_with_half_the_round_trip_and_the_servers_own_doubt() {
        let time = read(&answer(5_000)).unwrap();
        assert!((time.offset_ms - 5_000).abs() <= 1, "{time:?}");
        assert!((1_020..=1_022).contains(&time.uncertainty_ms), "{time:?}");
        assert_eq!((time.stratum, time.server.as_str()), (2, "time.example"));
        assert!((read(&answer(-86_400_000)).unwrap().offset_ms + 86_400_000).abs() <= 1);
    }

    #[test]
    fn the_end_of_the_era_is_none_for_the_clock() {
        // 2036-02-07 06:28:16 UTC, where the seconds begin again at zero.
        let sent = Duration::from_millis(((1 << 32) - SINCE_1900) * 1_000 - 10);
        let there = timestamp(sent + Duration::from_millis(2_020)).to_be_bytes();
        let mut packet = answer(0);
        packet[32..40].copy_from_slice(&there);
        packet[40..].copy_from_slice(&there);
        let time = parse(&packet, NONCE, sent, TOOK, "").unwrap();
        assert!((time.offset_ms - 2_000).abs() <= 1, "{time:?}");
    }

    #[test]
    fn what_is_no_answer_to_this_question_is_refused() {
        let with = |at: usize, bytes: &[u8]| {
            let mut packet = answer(0);
            packet[at..at + bytes.len()].copy_from_slice(bytes);
            read(&packet)
        };
        assert_eq!(read(&answer(0)[..47]), Err(SntpError::Short(47)));
        assert_eq!(with(0, &[0x23]), Err(SntpError::NotAnAnswer));
        assert_eq!(with(0, &[0xe4]), Err(SntpError::Unsynchronised));
        assert_eq!(with(24, &[0]), Err(SntpError::Foreign));
        assert_eq!(with(1, &[16]), Err(SntpError::Unsynchronised));
        assert_eq!(with(40, &[0; 8]), Err(SntpError::Unsynchronised));
        let mut kiss = answer(0);
        kiss[1] = 0;
        kiss[12..16].copy_from_slice(b"RATE");
        assert_eq!(read(&kiss), Err(SntpError::Refused("RATE".to_owned())));
        let mut early = answer(0);
        early[40..44].copy_from_slice(&1_u32.to_be_bytes());
        assert_eq!(read(&early), Err(SntpError::Contradiction));
    }

    #[test]
    fn the_question_tells_nothing_of_this_node() {
        let question = question(NONCE);
        assert_eq!((question[0], &question[40..]), (0x23, NONCE.to_be_bytes().as_slice()));
        assert!(question[1..40].iter().all(|byte| *byte == 0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200), nonce: u64) {
            let _ = parse(&bytes, nonce, SENT, TOOK, "x");
        }

        #[test]
        fn the_true_offset_is_within_the_uncertainty(
            ahead in -10_000_000_i64..10_000_000, there in 0_u64..2_000, held in 0_u64..2_000, back in 0_u64..2_000,
        ) {
            let at = |after: u64| {
                let ms = i64::try_from(SENT.as_millis()).unwrap() + ahead + i64::try_from(after).unwrap();
                timestamp(Duration::from_millis(ms.unsigned_abs())).to_be_bytes()
            };
            let mut packet = answer(0);
            packet[32..40].copy_from_slice(&at(there));
            packet[40..].copy_from_slice(&at(there + held));
            let took = Duration::from_millis(there + held + back);
            let time = parse(&packet, NONCE, SENT, took, "x").unwrap();
            prop_assert!(time.offset_ms.abs_diff(ahead) <= time.uncertainty_ms, "{} {:?}", ahead, time);
        }
    }
}
