//! Mounts in their short form: `[SOURCE:]TARGET[:OPTIONS]`.

/// One mount as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Path of the host or name of a volume; none for an anonymous volume.
    pub source: Option<String>,
    /// Path within the container.
    pub target: String,
    /// Whether the source is a path of the host.
    pub bind: bool,
    /// `ro`.
    pub read_only: bool,
    /// `rshared`, `rprivate`, …
    pub propagation: Option<String>,
}

/// A text that is no mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VolumeError {
    /// Nothing in it.
    #[error("invalid empty volume specification")]
    Empty,
    /// An empty part, or too many.
    #[error("invalid volume specification: expected `[source:]target[:options]`")]
    Form,
}

/// Reads one mount.
pub fn parse(text: &str) -> Result<Short, VolumeError> {
    if text.is_empty() {
        return Err(VolumeError::Empty);
    }
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match *parts.as_slice() {
        [target] => (None, target, ""),
        [source, target] => (Some(source), target, ""),
        [source, target, options] => (Some(source), target, options),
        _ => return Err(VolumeError::Form),
    };
    if target.is_empty() || source.is_some_and(str::is_empty) {
        return Err(VolumeError::Form);
    }
    let bind = source.is_some_and(|source| source.starts_with(['.', '/', '~']));
    let mut short = Short {
        source: source.map(ToOwned::to_owned),
        target: target.to_owned(),
        bind,
        read_only: false,
        propagation: None,
    };
    for option in options.split(',') {
        match option {
            "ro" => short.read_only = true,
            "rw" => short.read_only = false,
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => {
                short.propagation = Some(option.to_owned());
            }
            _ => {}
        }
    }
    Ok(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let anonymous = parse("/data").unwrap();
        assert_eq!((anonymous.source, anonymous.bind), (None, false));
        let named = parse("state:/home/node/.openclaw").unwrap();
        assert_eq!((named.source.as_deref(), named.bind, named.read_only), (Some("state"), false, false));
        let bind = parse("./conf:/etc/x:ro,rshared").unwrap();
        assert!(bind.bind && bind.read_only);
        assert_eq!(bind.propagation.as_deref(), Some("rshared"));
        assert!(parse("~/x:/y").unwrap().bind);
        for text in ["", ":/x", "a:", "a:b:c:d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
