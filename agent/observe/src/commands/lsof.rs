//! `lsof`: open sockets with their processes, from the fields of `-F` or from the table.

use super::{Parsed, Unparsed};

/// One socket on one descriptor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Socket {
    /// Process id.
    pub pid: u32,
    /// Command name, cut to 9 characters in the table.
    pub command: Option<String>,
    /// Owner as a number or a name.
    pub user: Option<String>,
    /// Descriptor.
    pub descriptor: String,
    /// `TCP`, `UDP`.
    pub protocol: Option<String>,
    /// `IPv4`, `IPv6`.
    pub family: Option<String>,
    /// Own end: `127.0.0.1:18789`, `*:22`, `[::1]:18789`.
    pub local: Option<String>,
    /// Other end.
    pub remote: Option<String>,
    /// `LISTEN`, `ESTABLISHED`, …
    pub state: Option<String>,
}

impl Socket {
    /// Whether it waits for connections.
    pub fn is_listening(&self) -> bool {
        self.state.as_deref() == Some("LISTEN")
    }

    /// Port of the own end.
    pub fn port(&self) -> Option<u16> {
        self.local.as_deref()?.rsplit_once(':')?.1.parse().ok()
    }

    fn name(&mut self, name: &str) {
        let (local, remote) = name.split_once("->").map_or((name, None), |(local, remote)| (local, Some(remote)));
        self.local = Some(local.to_owned());
        self.remote = remote.map(str::to_owned);
    }
}

/// Parses `-F` fields, separated by newlines or (`-F0`) by NUL. Their order within a set varies.
///
/// ```text
/// p200
/// cnode
/// f4
/// PTCP
/// n127.0.0.1:18789
/// TST=LISTEN
/// TQR=0
/// ```
pub fn parse_fields(output: &[u8]) -> Parsed<Vec<Socket>> {
    let text = String::from_utf8_lossy(output);
    let mut unparsed = Unparsed::default();
    let mut sockets: Vec<Socket> = Vec::new();
    let mut process: Option<Socket> = None;
    let mut current: Option<Socket> = None;
    for field in text.split(['\n', '\0']) {
        let mut characters = field.chars();
        let Some(kind) = characters.next() else { continue };
        let value = characters.as_str();
        match (kind, current.as_mut(), process.as_mut()) {
            ('p', _, _) => {
                sockets.extend(current.take());
                process = value.parse().ok().map(|pid| Socket { pid, ..Socket::default() });
                if process.is_none() {
                    unparsed.push(field);
                }
            }
            ('f', _, Some(process)) => {
                sockets.extend(current.replace(Socket { descriptor: value.to_owned(), ..process.clone() }));
            }
            ('c', None, Some(process)) => process.command = Some(value.to_owned()),
            ('u' | 'L', None, Some(process)) => process.user = Some(value.to_owned()),
            ('P', Some(socket), _) => socket.protocol = Some(value.to_owned()),
            ('t', Some(socket), _) => socket.family = Some(value.to_owned()),
            ('n', Some(socket), _) => socket.name(value),
            ('T', Some(socket), _) => {
                if let Some(state) = value.strip_prefix("ST=") {
                    socket.state = Some(state.to_owned());
                }
            }
            ('g' | 'R', None, Some(_)) | ('a' | 'l' | 'd' | 'D' | 's' | 'o' | 'i' | 'k' | 'G', Some(_), _) => {}
            _ => unparsed.push(field),
        }
    }
    sockets.extend(current);
    Parsed { value: sockets, unparsed }
}

/// Parses the table. A blank in a command's name is written `\x20`.
///
/// ```text
/// COMMAND   PID USER   FD   TYPE             DEVICE SIZE/OFF NODE NAME
/// node    4711 user   22u  IPv4 0xa89d451b9ea11d87      0t0  TCP 127.0.0.1:18789 (LISTEN)
/// ```
pub fn parse_table(output: &[u8]) -> Parsed<Vec<Socket>> {
    let text = String::from_utf8_lossy(output);
    let (mut sockets, mut unparsed) = (Vec::new(), Unparsed::default());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        match columns.as_slice() {
            ["COMMAND", "PID", ..] => {}
            [command, pid, user, descriptor, family, _device, _size, protocol, name, rest @ ..] => {
                let Ok(pid) = pid.parse() else {
                    unparsed.push(line);
                    continue;
                };
                let state =
                    rest.first().and_then(|state| state.strip_prefix('(')).and_then(|state| state.strip_suffix(')'));
                let mut socket = Socket {
                    pid,
                    command: Some(command.replace("\\x20", " ")),
                    user: Some((*user).to_owned()),
                    descriptor: (*descriptor).to_owned(),
                    protocol: Some((*protocol).to_owned()),
                    family: Some((*family).to_owned()),
                    state: state.map(str::to_owned),
                    ..Socket::default()
                };
                socket.name(name);
                sockets.push(socket);
            }
            _ => unparsed.push(line),
        }
    }
    Parsed { value: sockets, unparsed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_in_any_order_and_with_nul() {
        let parsed = parse_fields(b"p1\0cRemote Desktop\0u501\0\nf3\0tIPv6\0TST=LISTEN\0TQR=0\0n[fe80:17::1]:5900\0PTCP\0\nf4\0n1:2->3:4\0\np2\0\nf5\0n*:9\0\nzz\n");
        let [first, second, third] = parsed.value.as_slice() else { panic!("{parsed:?}") };
        assert_eq!(
            (first.command.as_deref(), first.port(), first.is_listening()),
            (Some("Remote Desktop"), Some(5900), true)
        );
        assert_eq!((second.local.as_deref(), second.remote.as_deref()), (Some("1:2"), Some("3:4")));
        assert_eq!((third.pid, third.command.as_deref(), third.port()), (2, None, Some(9)));
        assert_eq!(parsed.unparsed.lines(), ["zz"]);
    }

    #[test]
    fn a_table_with_a_blank_in_the_command() {
        let parsed =
            parse_table(b"COMMAND PID USER\nRemote\\x20D 9 user 3u IPv4 0x1 0t0 TCP *:5900 (LISTEN)\nlsof: WARNING\n");
        assert_eq!(parsed.value[0].command.as_deref(), Some("Remote D"));
        assert!(parsed.value[0].is_listening());
        assert_eq!(parsed.unparsed.count(), 1);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[pcfnTPu0-9\n\0*:>-]{0,60}") {
            parse_fields(text.as_bytes());
            parse_table(text.as_bytes());
        }
    }
}
