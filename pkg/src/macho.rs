//! As much of a Mach-O file as a package must know: that it is a program for Apple Silicon, and the hash by which it is named in a
//! profile where nobody signed it.

use sha2::{Digest as _, Sha256};

/// Why a file cannot be the program.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum MachoError {
    /// Not a thin 64-bit Mach-O program for arm64.
    #[error("it is not a Mach-O program for arm64 alone")]
    Kind,
    /// arm64 refuses to run what is not signed at least ad hoc.
    #[error("it has no code signature, and macOS would kill it")]
    Unsigned,
    /// The signature is torn.
    #[error("its code signature cannot be read")]
    Signature,
}

/// What its signature says of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The identifier that was given when signing, or the linker's.
    pub identifier: String,
    /// Signed by nobody.
    pub is_ad_hoc: bool,
    /// The hash of its code directory in hexadecimal digits, as in the requirement `cdhash H"…"`.
    pub cdhash: String,
}

const MAGIC_64: u32 = 0xfeed_facf;
const CPU_ARM64: u32 = 0x0100_000c;
const EXECUTE: u32 = 2;
const LC_CODE_SIGNATURE: u32 = 0x1d;
const SUPERBLOB: u32 = 0xfade_0cc0;
const CODE_DIRECTORY: u32 = 0xfade_0c02;
const AD_HOC: u32 = 2;
const HASH_SHA256: u8 = 2;

fn bytes<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn little(file: &[u8], at: usize) -> Option<u32> {
    bytes(file, at).map(u32::from_le_bytes)
}

fn big(file: &[u8], at: usize) -> Option<u32> {
    bytes(file, at).map(u32::from_be_bytes)
}

fn part(file: &[u8], at: u32, length: u32) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    file.get(at..at.checked_add(usize::try_from(length).ok()?)?)
}

/// Reads the signature of a program for arm64 macOS.
pub fn signature(file: &[u8]) -> Result<Signature, MachoError> {
    let is_program =
        little(file, 0) == Some(MAGIC_64) && little(file, 4) == Some(CPU_ARM64) && little(file, 12) == Some(EXECUTE);
    if !is_program {
        return Err(MachoError::Kind);
    }
    let (at, length) = signature_place(file).ok_or(MachoError::Unsigned)?;
    let blob = part(file, at, length).ok_or(MachoError::Signature)?;
    code_directory(blob).ok_or(MachoError::Signature)
}

fn signature_place(file: &[u8]) -> Option<(u32, u32)> {
    let mut at: usize = 32;
    for _ in 0..little(file, 16)?.min(4096) {
        if little(file, at)? == LC_CODE_SIGNATURE {
            return Some((little(file, at + 8)?, little(file, at + 12)?));
        }
        at = at.checked_add(usize::try_from(little(file, at + 4)?.max(8)).ok()?)?;
    }
    None
}

fn code_directory(blob: &[u8]) -> Option<Signature> {
    if big(blob, 0)? != SUPERBLOB {
        return None;
    }
    (0..usize::try_from(big(blob, 8)?.min(64)).ok()?).find_map(|index| {
        let at = usize::try_from(big(blob, 12 + 8 * index + 4)?).ok()?;
        let rest = blob.get(at..)?;
        let is_wanted = big(rest, 0)? == CODE_DIRECTORY && rest.get(37) == Some(&HASH_SHA256);
        if !is_wanted {
            return None;
        }
        let directory = part(rest, 0, big(rest, 4)?)?;
        let name = directory.get(usize::try_from(big(directory, 20)?).ok()?..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        Some(Signature {
            identifier: String::from_utf8(name.get(..end)?.to_vec()).ok()?,
            is_ad_hoc: big(directory, 12)? & AD_HOC != 0,
            cdhash: crate::hex(Sha256::digest(directory).get(..20)?),
        })
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The smallest file that passes for a program that the linker signed.
    pub(crate) fn program() -> Vec<u8> {
        let mut directory = vec![0; 44];
        directory[..4].copy_from_slice(&CODE_DIRECTORY.to_be_bytes());
        directory[12..16].copy_from_slice(&AD_HOC.to_be_bytes());
        directory[20..24].copy_from_slice(&44_u32.to_be_bytes());
        directory[37] = HASH_SHA256;
        directory.extend_from_slice(b"portreeve-55554944\0");
        let length = u32::try_from(directory.len()).unwrap();
        directory[4..8].copy_from_slice(&length.to_be_bytes());
        let mut blob = Vec::new();
        for word in [SUPERBLOB, 20 + length, 1, 0, 20] {
            blob.extend_from_slice(&word.to_be_bytes());
        }
        blob.extend_from_slice(&directory);
        let mut file = Vec::new();
        let size = u32::try_from(blob.len()).unwrap();
        for word in [MAGIC_64, CPU_ARM64, 0, EXECUTE, 2, 24, 0, 0, 0x1b, 8, LC_CODE_SIGNATURE, 16, 56, size] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&blob);
        file
    }

    #[test]
    fn the_signature_of_a_program_is_found() {
        let signature = signature(&program()).unwrap();
        assert_eq!(signature.identifier, "portreeve-55554944");
        assert!(signature.is_ad_hoc);
        assert_eq!(signature.cdhash.len(), 40);
    }

    #[test]
    fn anything_else_is_refused_and_nothing_panics() {
        assert_eq!(signature(b"#!/bin/sh\n"), Err(MachoError::Kind));
        let whole = program();
        for length in 0..whole.len() {
            assert!(signature(&whole[..length]).is_err(), "{length}");
        }
        let mut unsigned = whole;
        unsigned[40] = 0x1c;
        assert_eq!(signature(&unsigned), Err(MachoError::Unsigned));
    }
}
