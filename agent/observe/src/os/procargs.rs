//! The block that `sysctl(KERN_PROCARGS2)` gives of a process.
//!
//! Layout: `argc` as a native 32-bit integer, the executable's path, NULs up to a word boundary, `argc` arguments, the
//! environment, then strings of the loader; each ends with NUL.
//!
//! A process may write its title over its arguments, as Node does: the title, then NULs up to where the arguments ended. The
//! arguments after the first are then empty strings, and the environment begins after all NULs. Who skips NULs between
//! arguments instead (as `sysinfo` 0.40 does) takes environment variables for arguments.

/// Arguments and environment of a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProcArgs<'a> {
    /// The executable's path as it was given to `exec`.
    pub(super) exec_path: &'a [u8],
    /// The arguments; those at the end that a title has overwritten are left out.
    pub(super) argv: Vec<&'a [u8]>,
    /// `NAME=value` strings; strings of the loader may follow in the same form.
    pub(super) environment: Vec<&'a [u8]>,
}

/// Reads such a block. `None` if it is too short to hold one.
pub(super) fn parse(block: &[u8]) -> Option<ProcArgs<'_>> {
    let (count, rest) = block.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_ne_bytes(*count)).ok()?;
    let (exec_path, rest) = string(rest)?;
    let mut rest = skip_nuls(rest);
    let mut argv = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let Some((argument, tail)) = string(rest) else { break };
        argv.push(argument);
        rest = tail;
    }
    while argv.len() > 1 && argv.last().is_some_and(|last| last.is_empty()) {
        argv.pop();
    }
    let mut environment = Vec::new();
    rest = skip_nuls(rest);
    while let Some((variable, tail)) = string(rest) {
        if variable.is_empty() {
            break;
        }
        environment.push(variable);
        rest = tail;
    }
    Some(ProcArgs { exec_path, argv, environment })
}

/// The string before the next NUL, and what follows that NUL. A string without one was cut and is not given.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn skip_nuls(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(argc: i32, body: &[u8]) -> Vec<u8> {
        [&argc.to_ne_bytes(), body].concat()
    }

    #[test]
    fn plain_arguments_keep_empty_ones_between() {
        let bytes = block(4, b"/bin/sh\0\0\0\0sh\0-c\0\0x\0HOME=/h\0PATH=/bin\0\0");
        let parsed = parse(&bytes).unwrap();
        assert_eq!(parsed.exec_path, b"/bin/sh");
        assert_eq!(parsed.argv, [b"sh".as_slice(), b"-c", b"", b"x"]);
        assert_eq!(parsed.environment, [b"HOME=/h".as_slice(), b"PATH=/bin"]);
    }

    #[test]
    fn a_title_over_the_arguments_does_not_swallow_the_environment() {
        let bytes = block(
            6,
            b"/opt/node\0\0\0openclaw-gateway\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0HOME=/h\0OPENCLAW_GATEWAY_TOKEN=t\0\0",
        );
        let parsed = parse(&bytes).unwrap();
        assert_eq!(parsed.argv, [b"openclaw-gateway".as_slice()]);
        assert_eq!(parsed.environment, [b"HOME=/h".as_slice(), b"OPENCLAW_GATEWAY_TOKEN=t"]);
    }

    #[test]
    fn a_hidden_environment_is_empty() {
        let parsed_bytes = block(1, b"/bin/sh\0sh\0");
        assert_eq!(parse(&parsed_bytes).unwrap().environment, Vec::<&[u8]>::new());
        assert_eq!(parse(b"\x01\0"), None);
        assert_eq!(parse(&block(-1, b"/x\0")), None);
    }

    proptest! {
        #[test]
        fn never_panics_and_invents_nothing(argc: i32, body in proptest::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..200)) {
            let bytes = block(argc, &body);
            if let Some(parsed) = parse(&bytes) {
                let kept: usize = parsed.argv.iter().chain(&parsed.environment).map(|string| string.len()).sum();
                prop_assert!(kept <= body.len());
            }
        }
    }
}
