//! Files: the state directory, mounts, Unix sockets.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::namespace::{MountSeen, SocketSeen, StateSeen};
use portreeve_core::snapshot::{DeviceStanding, FileStat};
use portreeve_facts::database;
use portreeve_facts::file::{error_fact, file_stat, from_io};
use portreeve_facts::mountinfo::{self, is_below};
use portreeve_facts::permission::User;
use portreeve_facts::request::SocketAsked;
use portreeve_openclaw::paths::{DatabasePaths, default_log_directory};
use portreeve_openclaw::state_db::OwnDevices;

use crate::os;
use crate::user::Target;

/// Largest state database read, in bytes: the probe's memory is limited.
const MAX_DATABASE_BYTES: u64 = 16 << 20;
/// Most entries looked at below the state directory.
const MAX_ENTRIES: usize = 2_000;
/// Levels below the state directory that are looked at.
const LEVELS: u32 = 3;
/// Most files of other users that are named.
const MAX_FOREIGN: usize = 20;
/// Permission to read and to pass.
const READ_PASS: u32 = 0o5;
/// Permission to write and to pass.
const WRITE_PASS: u32 = 0o3;

/// What lies in the state directory.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) state: Fact<StateSeen>,
    /// The device of a client with this state.
    pub(crate) device: Fact<DeviceStanding>,
    /// Whether a client with this state holds a device token.
    pub(crate) has_device_token: bool,
}

/// Looks at the state directory. `brief` leaves out the files of other users.
pub(crate) fn look(target: &Target, brief: bool, at: Timestamp) -> Seen {
    let path = &target.paths.state_dir;
    let records = database::own_devices(&DatabasePaths::of(path).state, &target.reader(), MAX_DATABASE_BYTES, at);
    let state = state(target, brief, &records, at);
    let has_device_token = records.get().is_some_and(|read| !read.tokens.is_empty());
    let writable = state.get().is_none_or(|seen| seen.writable);
    let source = records.source.clone();
    let device = match records.get() {
        Some(read) => match read.ids.first().cloned() {
            Some(device_id) => Fact::known(standing(device_id, read, writable), source, at),
            None => Fact::absent(source, at),
        },
        None => match records.blind() {
            Some(why) => Fact::unreadable(why, source, at),
            None => Fact::absent(source, at),
        },
    };
    Seen { state, device, has_device_token }
}

fn standing(device_id: String, read: &OwnDevices, state_writable: bool) -> DeviceStanding {
    DeviceStanding {
        has_device_token: read.tokens.iter().any(|(id, _)| id.eq_ignore_ascii_case(&device_id)),
        device_id,
        approved: None,
        pending: None,
        token_outdated: false,
        state_writable,
    }
}

fn state(target: &Target, brief: bool, records: &Fact<OwnDevices>, at: Timestamp) -> Fact<StateSeen> {
    const SOURCE: &str = "lstat";
    let path = &target.paths.state_dir;
    let text = path.to_string_lossy().into_owned();
    let (stat, made_in) = match nearest(path) {
        Ok(found) => found,
        Err(error) => return error_fact(&error, SOURCE, at),
    };
    let user = &target.user;
    let folders = made_in.as_deref().unwrap_or(path);
    let passable = is_passable(folders, user);
    let foreign =
        if brief || made_in.is_some() { Vec::new() } else { foreign(path, user.uid, &target.paths.config_path) };
    let seen = StateSeen {
        readable: passable && user.may(&stat, READ_PASS),
        writable: passable && user.may(&stat, WRITE_PASS),
        stat,
        made_in: made_in.map(|folder| folder.to_string_lossy().into_owned()),
        foreign,
        devices: records.get().map(|read| read.ids.clone()).unwrap_or_default(),
        path: text,
    };
    Fact::known(seen, SOURCE, at)
}

/// The directory itself, links followed as the target follows them, or the nearest folder above it that is there.
fn nearest(path: &Path) -> io::Result<(FileStat, Option<PathBuf>)> {
    match fs::metadata(path) {
        Ok(metadata) => return Ok((file_stat(&metadata), None)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    for folder in path.ancestors().skip(1) {
        match fs::metadata(folder) {
            Ok(metadata) => return Ok((file_stat(&metadata), Some(folder.to_owned()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::NotFound))
}

/// Whether the user may pass every folder above a path.
fn is_passable(path: &Path, user: &User) -> bool {
    path.ancestors().skip(1).all(|folder| {
        // What cannot be looked at lies below a folder that is refused already.
        fs::metadata(folder).is_ok_and(|metadata| user.may(&file_stat(&metadata), 0o1))
    })
}

/// Files below a directory that are not the user's. An engine makes a folder, which is root's, where a file is to be mounted that is not there:
/// of a configuration that is none, its own finding tells.
fn foreign(dir: &Path, uid: u32, config: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut left = MAX_ENTRIES;
    walk(dir, LEVELS, &mut left, &mut |path, stat| {
        let is_no_config = path == config && path.is_dir();
        if stat.uid != uid && !is_no_config && found.len() < MAX_FOREIGN {
            found.push((path.to_string_lossy().into_owned(), stat.uid));
        }
    });
    found.sort();
    found
}

fn walk(dir: &Path, levels: u32, left: &mut usize, see: &mut dyn FnMut(&Path, &FileStat)) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let path = entry.path();
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        see(&path, &file_stat(&metadata));
        if metadata.is_dir() && levels > 1 {
            walk(&path, levels - 1, left, see);
        }
    }
}

/// Mounts where `OpenClaw` keeps things, and where the sockets are that were asked for.
pub(crate) fn mounts(target: &Target, sockets: &[SocketAsked], at: Timestamp) -> Fact<Vec<MountSeen>> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let paths = &target.paths;
    let mut places = vec![text(&paths.home), text(&paths.state_dir), text(&paths.config_path)];
    places.push(text(&default_log_directory()));
    places.extend(sockets.iter().map(|socket| socket.path.clone()));
    from_io(os::mountinfo(), "/proc/self/mountinfo", at).map(|table| {
        let all = mountinfo::parse(&table);
        let state = text(&paths.state_dir);
        let holders: Vec<&str> = places
            .iter()
            .filter_map(|place| mountinfo::holder(&all, place))
            .map(|mount| mount.target.as_str())
            .collect();
        all.iter()
            .filter(|mount| holders.contains(&mount.target.as_str()) || is_below(&mount.target, &state))
            .take(MAX_FOREIGN)
            .cloned()
            .collect()
    })
}

/// Looks at one Unix socket. Nothing connects to it.
pub(crate) fn socket(asked: &SocketAsked, user: &User, at: Timestamp) -> SocketSeen {
    let path = Path::new(&asked.path);
    let metadata = fs::metadata(path);
    let kind = metadata.as_ref().ok().map(|metadata| kind(metadata.file_type()).to_owned());
    let stat = from_io(metadata.map(|metadata| file_stat(&metadata)), "stat", at);
    // To connect to a socket is to write it.
    let permitted = stat.get().map(|stat| is_passable(path, user) && user.may(stat, 0o2));
    let permitted = permitted.or_else(|| stat.blind().map(|_| false));
    SocketSeen { path: asked.path.clone(), source: asked.source.clone(), stat, kind, permitted }
}

fn kind(kind: fs::FileType) -> &'static str {
    if kind.is_socket() {
        "socket"
    } else if kind.is_dir() {
        "directory"
    } else if kind.is_file() {
        "file"
    } else if kind.is_fifo() {
        "named pipe"
    } else {
        "device"
    }
}

/// Makes a file in a folder and removes it. Never in the state directory: a gateway watches it.
pub(crate) fn write_test(folder: &str, target: &Target, at: Timestamp) -> Fact<bool> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = real(Path::new(folder));
    let state = real(&target.paths.state_dir);
    let source = folder.to_string_lossy().into_owned();
    if folder.starts_with(&state) || folder.join(portreeve_openclaw::paths::CONFIG_NAME).exists() {
        return Fact::unreadable("nothing is written in a state directory", source, at);
    }
    let path = folder.join(format!(".portreeve-probe.{}", std::process::id()));
    match fs::File::create_new(&path) {
        Ok(_) => {
            // One that cannot be removed again was made all the same.
            let _ = fs::remove_file(&path);
            Fact::known(true, source, at)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Fact::absent(source, at),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Fact::unreadable(error.to_string(), source, at),
        Err(_) => Fact::known(false, source, at),
    }
}
