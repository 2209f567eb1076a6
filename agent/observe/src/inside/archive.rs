//! A tar archive with the one file that the throw-away container needs.

/// Bytes of a block.
const BLOCK: usize = 512;

/// An archive (POSIX ustar) with one file that everybody may read and execute. Its name has less than 100 bytes.
pub(super) fn of_program(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = header.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, name.as_bytes().get(..99).unwrap_or(name.as_bytes()));
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(place) = header.get_mut(148..156) {
        place.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    let mut archive = Vec::with_capacity(content.len() + 4 * BLOCK);
    archive.extend_from_slice(&header);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    archive
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_systems_tar_unpacks_it() {
        let dir = tempfile::tempdir().unwrap();
        for length in [0, 1, 511, 512, 513, 100_000] {
            let content = vec![b'x'; length];
            let mut tar =
                Command::new("tar").args(["-xf", "-", "-C"]).arg(dir.path()).stdin(Stdio::piped()).spawn().unwrap();
            tar.stdin.take().unwrap().write_all(&of_program("program", &content)).unwrap();
            assert!(tar.wait().unwrap().success());
            let path = dir.path().join("program");
            assert_eq!(std::fs::read(&path).unwrap(), content);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        }
    }
}
