//! Text encodings of XML and `OpenStep` property lists.

use std::borrow::Cow;

use super::ParseError;

/// The file as text: UTF-8, UTF-16 or UTF-32 by byte order mark or by the shape of the first character, or one of the old single-byte
/// encodings where the XML declaration names one.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0x00, 0x00, 0xfe, 0xff, rest @ ..] => utf32(rest, u32::from_be_bytes),
        [0xff, 0xfe, 0x00, 0x00, rest @ ..] => utf32(rest, u32::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0x00, 0x00, 0x00, b'<', ..] => utf32(bytes, u32::from_be_bytes),
        [b'<', 0x00, 0x00, 0x00, ..] => utf32(bytes, u32::from_le_bytes),
        [0x00, b'<' | b'{' | b'(', ..] => utf16(bytes, u16::from_be_bytes),
        [b'<' | b'{' | b'(', 0x00, ..] => utf16(bytes, u16::from_le_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if declares_single_byte(bytes) => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Err(_) => Err(ParseError::Encoding { encoding: "UTF-8" }),
    }
}

/// Whether the XML declaration names an encoding of one byte a character. The letters outside of ASCII may then come out wrong, but
/// no key or path that matters here has any.
fn declares_single_byte(bytes: &[u8]) -> bool {
    let declaration: String =
        bytes.iter().take(120).take_while(|byte| **byte != b'>').map(|b| char::from(*b)).collect();
    let declaration = declaration.to_ascii_lowercase();
    ["iso-8859-", "windows-125", "macintosh", "us-ascii", "x-mac-"].iter().any(|name| declaration.contains(name))
}

fn utf16(bytes: &[u8], decode: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, ParseError> {
    let error = ParseError::Encoding { encoding: "UTF-16" };
    let (units, []) = bytes.as_chunks::<2>() else {
        return Err(error);
    };
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|unit| decode(*unit))).collect();
    text.map(Cow::Owned).map_err(|_| error)
}

fn utf32(bytes: &[u8], decode: fn([u8; 4]) -> u32) -> Result<Cow<'_, str>, ParseError> {
    let error = ParseError::Encoding { encoding: "UTF-32" };
    let (units, []) = bytes.as_chunks::<4>() else {
        return Err(error);
    };
    let text: Option<String> = units.iter().map(|unit| char::from_u32(decode(*unit))).collect();
    text.map(Cow::Owned).ok_or(error)
}
