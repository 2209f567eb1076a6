//! Steps on files.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid};

use super::step::{Step, Write};
use super::words::Words;

const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// Does a step on files; false where it is none.
pub(super) fn apply(step: &Step, words: &Words) -> bool {
    let path_of = |text: &str| words.text(text);
    match step {
        Step::Write(file) => write(file, words, false),
        Step::Append(file) => write(file, words, true),
        Step::Fill(sized) => {
            make_parent(&path_of(&sized.path));
            let file = OpenOptions::new().create(true).append(true).open(path_of(&sized.path)).unwrap();
            file.set_len(sized.bytes).unwrap();
        }
        Step::Damage(file) => {
            let mut file = OpenOptions::new().write(true).open(path_of(&file.path)).unwrap();
            file.write_all(b"damaged damaged damaged damaged ").unwrap();
        }
        Step::Chmod(chmod) => fs::set_permissions(path_of(&chmod.path), bits(&chmod.mode)).unwrap(),
        Step::Chown(chown) => {
            let owner = format!("{}:{}", Uid::from_raw(chown.id), Gid::from_raw(chown.id));
            run("chown", &["-R", &owner, &path_of(&chown.path)]);
        }
        Step::Symlink(link) => {
            make_parent(&path_of(&link.to));
            symlink(path_of(&link.from), path_of(&link.to)).unwrap();
        }
        Step::HardLink(link) => fs::hard_link(path_of(&link.from), path_of(&link.to)).unwrap(),
        Step::Copy(link) => {
            make_parent(&path_of(&link.to));
            copy(&path_of(&link.from), &path_of(&link.to));
        }
        Step::Move(link) => fs::rename(path_of(&link.from), path_of(&link.to)).unwrap(),
        Step::Remove(file) => {
            let file = path_of(&file.path);
            let gone = if Path::new(&file).is_dir() { fs::remove_dir_all(&file) } else { fs::remove_file(&file) };
            gone.unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        Step::Folder(folder) => make_folder(Path::new(&path_of(&folder.path))),
        Step::Pipe(file) => {
            make_parent(&path_of(&file.path));
            run("mkfifo", &[&path_of(&file.path)]);
        }
        Step::Mount(mount) => {
            let folder = path_of(&mount.path);
            match &mount.size {
                Some(size) => {
                    let kept = tempfile::tempdir().unwrap();
                    let kept = kept.path().to_str().unwrap();
                    run("cp", &["-a", &format!("{folder}/."), kept]);
                    run("mount", &["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs", &folder]);
                    run("cp", &["-a", &format!("{kept}/."), &folder]);
                }
                None => {
                    run("mount", &["--bind", &folder, &folder]);
                    run("mount", &["-o", "remount,bind,ro", &folder]);
                }
            }
        }
        _ => return false,
    }
    true
}

fn write(file: &Write, words: &Words, keeps: bool) {
    let path = words.text(&file.path);
    make_parent(&path);
    let mut options = OpenOptions::new();
    let options = options.create(true).append(keeps).write(!keeps).truncate(!keeps);
    let mut open = options.open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    open.write_all(words.text(&file.text).as_bytes()).unwrap();
    if !keeps {
        let bits = file.mode.as_deref().map_or_else(|| Permissions::from_mode(PRIVATE), bits);
        fs::set_permissions(&path, bits).unwrap();
    }
}

fn bits(octal: &str) -> Permissions {
    Permissions::from_mode(u32::from_str_radix(octal, 8).unwrap_or_else(|_| panic!("`{octal}` is no mode")))
}

fn make_parent(path: &str) {
    make_folder(Path::new(path).parent().unwrap());
}

fn make_folder(path: &Path) {
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(path).unwrap();
}

/// Copies all that is there. What a gateway removes meanwhile lets a copy fail, which is made anew then.
fn copy(from: &str, to: &str) {
    const TRIES: usize = 8;
    let mut said = String::new();
    for _ in 0..TRIES {
        let output = Command::new("cp").args(["-a", "-T", from, to]).output().unwrap();
        if output.status.success() {
            return;
        }
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        if Path::new(to).is_dir() {
            fs::remove_dir_all(to).unwrap();
        }
    }
    panic!("`{from}` to `{to}`: {said}");
}

/// Runs a program that has to succeed.
pub(super) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("`{program}` does not run: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{program} {}`: {said}", arguments.join(" "));
}
