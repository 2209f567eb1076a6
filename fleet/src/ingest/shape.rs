//! Looks at a message before it is decoded: two bytes on the wire may become hundreds in memory.
//!
//! It counts the messages that decoding would make, and how deep they nest, without making any.

use super::Refusal;
use super::body::Body;

/// Deepest nesting: what OTLP itself needs, and values of 24 levels, each of which takes three.
const MAX_DEPTH: usize = 90;

/// The kind of a message: which fields of it hold messages, and of which kind.
pub struct Kind(&'static [(u32, &'static Kind)]);

/// `ExportMetricsServiceRequest`.
pub static METRICS: Kind = Kind(&[(1, &RESOURCE_METRICS)]);
/// `ExportLogsServiceRequest`.
pub static LOGS: Kind = Kind(&[(1, &RESOURCE_LOGS)]);

static RESOURCE_METRICS: Kind = Kind(&[(1, &RESOURCE), (2, &SCOPE_METRICS)]);
static SCOPE_METRICS: Kind = Kind(&[(1, &SCOPE), (2, &METRIC)]);
static METRIC: Kind =
    Kind(&[(5, &NUMBERS), (7, &NUMBERS), (9, &BUCKETS), (10, &BUCKETS), (11, &SUMMARIES), (12, &PAIR)]);
static NUMBERS: Kind = Kind(&[(1, &NUMBER)]);
static NUMBER: Kind = Kind(&[(5, &EXEMPLAR), (7, &PAIR)]);
static BUCKETS: Kind = Kind(&[(1, &POINT)]);
// Attributes are field 9 of a histogram's point and 1 of an exponential one's; exemplars 8 and 11; its buckets are small.
static POINT: Kind = Kind(&[(1, &PAIR), (8, &EXEMPLAR), (9, &PAIR), (11, &EXEMPLAR)]);
static SUMMARIES: Kind = Kind(&[(1, &SUMMARY)]);
static SUMMARY: Kind = Kind(&[(6, &LEAF), (7, &PAIR)]);
static EXEMPLAR: Kind = Kind(&[(7, &PAIR)]);
static RESOURCE_LOGS: Kind = Kind(&[(1, &RESOURCE), (2, &SCOPE_LOGS)]);
static SCOPE_LOGS: Kind = Kind(&[(1, &SCOPE), (2, &RECORD)]);
static RECORD: Kind = Kind(&[(5, &VALUE), (6, &PAIR)]);
static RESOURCE: Kind = Kind(&[(1, &PAIR), (3, &ENTITY)]);
static ENTITY: Kind = Kind(&[(3, &LEAF), (4, &LEAF)]);
static SCOPE: Kind = Kind(&[(3, &PAIR)]);
static PAIR: Kind = Kind(&[(2, &VALUE)]);
static VALUE: Kind = Kind(&[(5, &ARRAY), (6, &PAIRS)]);
static ARRAY: Kind = Kind(&[(1, &VALUE)]);
static PAIRS: Kind = Kind(&[(1, &PAIR)]);
static LEAF: Kind = Kind(&[]);

/// Refuses a body that would become more messages than `max`, or nests too deep.
pub(super) fn check(body: &Body, kind: &'static Kind, max: usize) -> Result<(), Refusal> {
    check_bytes(body.bytes(), kind, max)
}

/// The same of bytes.
pub fn check_bytes(bytes: &[u8], kind: &'static Kind, max: usize) -> Result<(), Refusal> {
    let mut left = max;
    walk(bytes, kind, MAX_DEPTH, &mut left)
}

fn walk(mut bytes: &[u8], kind: &'static Kind, depth: usize, left: &mut usize) -> Result<(), Refusal> {
    const CUT: Refusal = Refusal::Malformed("it is no protobuf message");
    let depth = depth.checked_sub(1).ok_or(Refusal::Malformed("it is nested too deep"))?;
    while !bytes.is_empty() {
        let tag = varint(&mut bytes).ok_or(CUT)?;
        let field = u32::try_from(tag >> 3).map_err(|_| CUT)?;
        match tag & 7 {
            0 => drop(varint(&mut bytes).ok_or(CUT)?),
            1 => skip(&mut bytes, 8).ok_or(CUT).map(drop)?,
            5 => skip(&mut bytes, 4).ok_or(CUT).map(drop)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes).ok_or(CUT)?).map_err(|_| CUT)?;
                let inner = skip(&mut bytes, length).ok_or(CUT)?;
                *left = left.checked_sub(1).ok_or(Refusal::TooLarge)?;
                if let Some((_, kind)) = kind.0.iter().find(|(number, _)| *number == field) {
                    walk(inner, kind, depth, left)?;
                }
            }
            // Groups are of a time before OTLP.
            _ => return Err(CUT),
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn skip<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (skipped, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(skipped)
}

#[cfg(test)]
mod tests {
    use portreeve_telemetry::otlp::{
        AnyValue, ArrayValue, ExportLogsServiceRequest, LogRecord, Message, ResourceLogs, ScopeLogs, any_value,
    };
    use proptest::prelude::*;

    use super::*;

    fn logs(records: Vec<LogRecord>) -> Vec<u8> {
        let scope_logs = vec![ScopeLogs { log_records: records, ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
        ExportLogsServiceRequest { resource_logs }.encode_to_vec()
    }

    fn nested(levels: usize) -> AnyValue {
        let mut value = AnyValue { value: Some(any_value::Value::IntValue(1)) };
        for _ in 0..levels {
            value = AnyValue { value: Some(any_value::Value::ArrayValue(ArrayValue { values: vec![value] })) };
        }
        value
    }

    #[test]
    fn many_empty_messages_are_too_large() {
        let bytes = logs(vec![LogRecord::default(); 1_000]);
        assert_eq!(check_bytes(&bytes, &LOGS, 1_100), Ok(()));
        assert_eq!(check_bytes(&bytes, &LOGS, 900), Err(Refusal::TooLarge));
    }

    #[test]
    fn depth_has_a_bound_below_that_of_the_decoder() {
        let record = |levels| LogRecord { body: Some(nested(levels)), ..LogRecord::default() };
        assert_eq!(check_bytes(&logs(vec![record(24)]), &LOGS, 1_000), Ok(()));
        assert!(matches!(check_bytes(&logs(vec![record(60)]), &LOGS, 1_000), Err(Refusal::Malformed(_))));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_decodes_is_let_through(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let checked = check_bytes(&bytes, &LOGS, 1_000);
            if checked.is_err() {
                // Groups and very deep values are refused here and not by the decoder.
                return Ok(());
            }
            let _ = ExportLogsServiceRequest::decode(bytes.as_slice());
        }
    }
}
