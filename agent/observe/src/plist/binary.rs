//! Binary property lists (`bplist00`).
//!
//! ```text
//! bplist00 | objects | offset table | trailer (32 bytes)
//! trailer: 5 unused, sort version, bytes an offset, bytes a reference, objects u64, root u64, offset table u64; big endian
//! ```
//!
//! References are followed where they stand in the file, so that a huge declared count costs nothing.

use std::time::{Duration, SystemTime};

use ::plist::{Date, Integer, Uid};

use super::build::{Builder, Misplaced};
use super::{ParseError, Value};

const TRAILER: usize = 32;
/// Seconds from the Unix epoch to 2001-01-01, from which dates count.
const EPOCH_2001: f64 = 978_307_200.0;

pub(super) fn parse(bytes: &[u8]) -> Result<Value, ParseError> {
    let file = File::open(bytes)?;
    let mut builder = Builder::default();
    let mut open: Vec<Container> = Vec::new();
    let mut next = Some(file.root);
    loop {
        if let Some(reference) = next.take()
            && let Some(container) = file.value(reference, &open, &mut builder)?
        {
            open.push(container);
        }
        let Some(container) = open.last_mut() else {
            break;
        };
        if container.next == container.count {
            builder.end().map_err(|misplaced| wrong(container.at, misplaced))?;
            open.pop();
            continue;
        }
        let index = container.next;
        container.next += 1;
        if container.is_dictionary {
            let key = file.key(container.reference(&file, index)?)?;
            builder.key(key).map_err(|misplaced| wrong(container.at, misplaced))?;
            next = Some(container.reference(&file, container.count + index)?);
        } else {
            next = Some(container.reference(&file, index)?);
        }
    }
    builder.finish().ok_or(ParseError::Binary { at: 0, what: "no root object" })
}

fn wrong(at: usize, misplaced: Misplaced) -> ParseError {
    match misplaced {
        Misplaced::Limit(error) => error,
        Misplaced::Wrong(what) => ParseError::Binary { at, what },
    }
}

/// An array, set or dictionary whose members are being read.
struct Container {
    object: u64,
    at: usize,
    references: usize,
    count: usize,
    next: usize,
    is_dictionary: bool,
}

impl Container {
    fn reference(&self, file: &File<'_>, index: usize) -> Result<u64, ParseError> {
        file.number(self.references + index * file.reference_size, file.reference_size)
    }
}

struct File<'a> {
    bytes: &'a [u8],
    /// Everything before the trailer.
    end: usize,
    offset_size: usize,
    reference_size: usize,
    objects: u64,
    root: u64,
    offset_table: usize,
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, ParseError> {
        if !bytes.starts_with(b"bplist0") {
            return Err(ParseError::Binary { at: 0, what: "a version of the format that is not known" });
        }
        let end = bytes.len().checked_sub(TRAILER).filter(|end| *end > b"bplist00".len());
        let Some(end) = end else {
            return Err(ParseError::Binary { at: bytes.len(), what: "the file ends too early" });
        };
        let mut file =
            Self { bytes, end: bytes.len(), offset_size: 0, reference_size: 0, objects: 0, root: 0, offset_table: 0 };
        let size = |at| {
            file.number(at, 1).ok().and_then(|size| usize::try_from(size).ok()).filter(|size| (1..=8).contains(size))
        };
        let (Some(offset_size), Some(reference_size)) = (size(end + 6), size(end + 7)) else {
            return Err(ParseError::Binary { at: end, what: "an impossible size of offsets or references" });
        };
        let objects = file.number(end + 8, 8)?;
        let root = file.number(end + 16, 8)?;
        let offset_table = usize::try_from(file.number(end + 24, 8)?).ok().filter(|offset| *offset <= end);
        let Some(offset_table) = offset_table else {
            return Err(ParseError::Binary { at: end + 24, what: "the offset table lies outside of the file" });
        };
        let table = usize::try_from(objects).ok().and_then(|objects| objects.checked_mul(offset_size));
        if table.is_none_or(|table| table > end - offset_table) {
            return Err(ParseError::Binary { at: end + 8, what: "more objects than the file can hold" });
        }
        file = Self { end, offset_size, reference_size, objects, root, offset_table, ..file };
        Ok(file)
    }

    fn slice(&self, at: usize, length: usize) -> Result<&'a [u8], ParseError> {
        let end = at.checked_add(length).filter(|end| *end <= self.end);
        end.and_then(|end| self.bytes.get(at..end)).ok_or(ParseError::Binary { at, what: "points outside of the file" })
    }

    /// A big-endian number of at most 8 bytes.
    fn number(&self, at: usize, size: usize) -> Result<u64, ParseError> {
        Ok(self.slice(at, size)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Where an object begins.
    fn offset(&self, reference: u64) -> Result<usize, ParseError> {
        if reference >= self.objects {
            return Err(ParseError::Binary { at: self.end, what: "a reference to an object that is not there" });
        }
        let index = usize::try_from(reference).unwrap_or(usize::MAX);
        let offset =
            self.number(self.offset_table.saturating_add(index.saturating_mul(self.offset_size)), self.offset_size)?;
        usize::try_from(offset).map_err(|_| ParseError::Binary { at: self.end, what: "points outside of the file" })
    }

    /// Length and begin of the content of an object whose marker has the given low half.
    fn length(&self, at: usize, low: u8) -> Result<(usize, usize), ParseError> {
        if low != 0xf {
            return Ok((usize::from(low), at + 1));
        }
        let marker = self.number(at + 1, 1)?;
        if marker & 0xf0 != 0x10 || marker & 0x0f > 3 {
            return Err(ParseError::Binary { at: at + 1, what: "a length that is no integer" });
        }
        let size = 1_usize << (marker & 0x0f);
        let length = usize::try_from(self.number(at + 2, size)?).unwrap_or(usize::MAX);
        Ok((length, at + 2 + size))
    }

    fn key(&self, reference: u64) -> Result<String, ParseError> {
        let at = self.offset(reference)?;
        match self.scalar(at)? {
            Value::String(key) => Ok(key),
            _ => Err(ParseError::Binary { at, what: "a key that is no string" }),
        }
    }

    /// Hands a scalar to the builder, or begins a container and returns it.
    fn value(
        &self,
        reference: u64,
        open: &[Container],
        builder: &mut Builder,
    ) -> Result<Option<Container>, ParseError> {
        let at = self.offset(reference)?;
        let marker = u8::try_from(self.number(at, 1)?).unwrap_or_default();
        let is_dictionary = marker >> 4 == 0xd;
        if !is_dictionary && !matches!(marker >> 4, 0xa..=0xc) {
            let value = self.scalar(at)?;
            builder.value(value).map_err(|misplaced| wrong(at, misplaced))?;
            return Ok(None);
        }
        if open.iter().any(|container| container.object == reference || container.at == at) {
            return Err(ParseError::Binary { at, what: "a container that holds itself" });
        }
        let (count, references) = self.length(at, marker & 0x0f)?;
        let bytes = count.checked_mul(self.reference_size * if is_dictionary { 2 } else { 1 });
        self.slice(references, bytes.unwrap_or(usize::MAX))?;
        let begun = if is_dictionary { builder.begin_dictionary() } else { builder.begin_array() };
        begun.map_err(|misplaced| wrong(at, misplaced))?;
        Ok(Some(Container { object: reference, at, references, count, next: 0, is_dictionary }))
    }

    fn scalar(&self, at: usize) -> Result<Value, ParseError> {
        let broken = |what| Err(ParseError::Binary { at, what });
        let marker = u8::try_from(self.number(at, 1)?).unwrap_or_default();
        let low = marker & 0x0f;
        match marker >> 4 {
            0x0 if low == 8 => Ok(Value::Boolean(false)),
            0x0 if low == 9 => Ok(Value::Boolean(true)),
            0x1 => self.integer(at, low),
            0x2 if low == 2 => {
                let bits = u32::try_from(self.number(at + 1, 4)?).unwrap_or_default();
                Ok(Value::Real(f64::from(f32::from_bits(bits))))
            }
            0x2 if low == 3 => Ok(Value::Real(f64::from_bits(self.number(at + 1, 8)?))),
            0x3 if low == 3 => match date(f64::from_bits(self.number(at + 1, 8)?)) {
                Some(date) => Ok(Value::Date(date)),
                None => broken("a date that is none"),
            },
            0x4 => {
                let (length, start) = self.length(at, low)?;
                Ok(Value::Data(self.slice(start, length)?.to_vec()))
            }
            0x5 | 0x7 => {
                let (length, start) = self.length(at, low)?;
                match std::str::from_utf8(self.slice(start, length)?) {
                    Ok(text) => Ok(Value::String(text.to_owned())),
                    Err(_) => broken("a string that is no text"),
                }
            }
            0x6 => {
                let (length, start) = self.length(at, low)?;
                let (units, _) = self.slice(start, length.saturating_mul(2))?.as_chunks::<2>();
                match char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))).collect() {
                    Ok(text) => Ok(Value::String(text)),
                    Err(_) => broken("a string that is no text"),
                }
            }
            0x8 if low < 8 => Ok(Value::Uid(Uid::new(self.number(at + 1, usize::from(low) + 1)?))),
            _ => broken("an object of an unknown type"),
        }
    }

    fn integer(&self, at: usize, power: u8) -> Result<Value, ParseError> {
        let integer = match power {
            // Shorter integers are unsigned, those of 8 bytes are signed: so the format's own writer has it.
            0..=2 => Integer::from(self.number(at + 1, 1 << power)?),
            3 => Integer::from(self.number(at + 1, 8)?.cast_signed()),
            4 => {
                let (high, low) = (self.number(at + 1, 8)?, self.number(at + 9, 8)?);
                match (high, low.cast_signed()) {
                    (0, _) => Integer::from(low),
                    (u64::MAX, low) if low < 0 => Integer::from(low),
                    _ => return Err(ParseError::Binary { at, what: "an integer of more than 64 bits" }),
                }
            }
            _ => return Err(ParseError::Binary { at, what: "an integer of more than 64 bits" }),
        };
        Ok(Value::Integer(integer))
    }
}

/// A date from seconds since 2001, within the years 1 to 9999.
fn date(seconds: f64) -> Option<Date> {
    let seconds = seconds + EPOCH_2001;
    if !(-62_000_000_000.0..=253_000_000_000.0).contains(&seconds) {
        return None;
    }
    let distance = Duration::try_from_secs_f64(seconds.abs()).ok()?;
    let time = if seconds < 0.0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.map(Date::from)
}
