//! The package as programs that nobody here wrote read it, and the same bytes for the same input.
//!
//! Its readers written in Rust are in `pkg/readers`, which has many dependencies and therefore a workspace of its own.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and one that is skipped says so"
)]

#[path = "../../agent/portreeve/src/installed.rs"]
mod installed;
mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use portreeve_pkg::contents::{self, Scripts, package};
use support::{EPOCH, inputs, sources};

fn pkg() -> Command {
    Command::new(env!("CARGO_BIN_EXE_portreeve-pkg"))
}

/// The smallest file that passes for a program that the linker signed.
fn program() -> Vec<u8> {
    let mut directory = vec![0; 44];
    directory[..4].copy_from_slice(&0xfade_0c02_u32.to_be_bytes());
    directory[4..8].copy_from_slice(&46_u32.to_be_bytes());
    directory[12..16].copy_from_slice(&2_u32.to_be_bytes());
    directory[20..24].copy_from_slice(&44_u32.to_be_bytes());
    directory[37] = 2;
    directory.extend_from_slice(b"p\0");
    let mut file = Vec::new();
    for word in [0xfeed_facf_u32, 0x0100_000c, 0, 2, 1, 16, 0, 0, 0x1d, 16, 48, 66] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for word in [0xfade_0cc0_u32, 66, 1, 0, 20] {
        file.extend_from_slice(&word.to_be_bytes());
    }
    file.extend_from_slice(&directory);
    file
}

/// Whether a program is there; where all are to be, it must.
fn have(program: &str) -> bool {
    let is_there = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .unwrap()
        .success();
    assert!(is_there || std::env::var_os("PORTREEVE_REQUIRE_PKG_READERS").is_none(), "there is no `{program}`");
    if !is_there {
        eprintln!("skipped: there is no `{program}`");
    }
    is_there
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_layout_is_what_macos_expects() {
    let payload = contents::payload(&inputs(b"program"), "1.2.3", Scripts::default()).unwrap();
    let shown: Vec<String> =
        payload.entries().map(|entry| format!("{:06o} /{}\n", entry.full_mode(), entry.path)).collect();
    let shown = shown.concat();
    insta::assert_snapshot!(shown);
    // Nothing may replace a link of the system.
    for link in ["etc", "tmp", "var"] {
        assert!(payload.entries().all(|entry| entry.path != link));
    }
}

#[test]
fn everything_is_where_the_program_looks_for_it() {
    use contents::{BINARY, DAEMON, LIBEXEC, NEWSYSLOG};
    assert_eq!(portreeve_pkg::IDENTIFIER, installed::AGENT_LABEL);
    for (place, known) in [
        (BINARY, installed::PROGRAM),
        (LIBEXEC, installed::PROBE_DIR),
        (DAEMON, installed::AGENT_PLIST),
        // /etc and /var are links to folders in /private.
        (NEWSYSLOG, &format!("/private{}", installed::NEWSYSLOG_RULE)),
    ] {
        assert_eq!(format!("/{place}"), known);
    }
    let library = include_str!("../scripts/installer.sh");
    for line in [
        format!("label={}", installed::AGENT_LABEL),
        format!("binary={}", installed::PROGRAM),
        format!("libexec={}", installed::PROBE_DIR),
        format!("logs={}", installed::LOG_DIR),
        format!("data=/private{}", installed::DATA_DIR),
        format!("config=/private{}", installed::CONFIG_DIR),
    ] {
        assert!(library.lines().any(|known| known == line), "{line}");
    }
    let daemon = installed::AGENT_PLIST.replace(installed::AGENT_LABEL, "$label");
    assert!(library.contains(&format!("daemon={daemon}\n")));
    assert!(include_str!("../scripts/uninstall").contains(&format!("/{}.*.plist", installed::GATE_LABEL)));
}

/// The installer's own objects, as far as the checks use them.
const INSTALLER: &str = "
const [file, ...given] = process.argv.slice(1);
const answers = Object.fromEntries(given.map((pair) => pair.split('=')));
global.my = {
  result: {},
  target: { mountpoint: '', receiptForIdentifier: () => answers.receipt && { version: answers.receipt } },
};
global.system = {
  log: () => {},
  sysctl: () => Number(answers.arm64 ?? 1),
  version: { ProductVersion: answers.macos ?? '26.1' },
  files: {
    fileExistsAtPath: () => answers.binary !== 'no',
    plistAtPath: () => answers.receipt && { PackageVersion: answers.receipt },
  },
};
const checks = require('fs').readFileSync(file, 'utf8').match(/CDATA\\[([^]*)\\]\\]>/)[1];
(0, eval)(checks);
console.log(installation_check(), volume_check(), my.result.type ?? '-', my.result.title ?? '-');
";

#[test]
fn the_checks_refuse_what_cannot_be_installed() {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `node`");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let payload = contents::payload(&inputs(b"program"), "0.10.0", Scripts::default()).unwrap();
    let size = portreeve_pkg::component::Size::of(&payload);
    let file = dir.path().join("Distribution");
    fs::write(&file, portreeve_pkg::distribution::distribution("0.10.0", size)).unwrap();
    let later = "false false Fatal A later version is installed";
    for (given, expected) in [
        (&[][..], "true true - -"),
        (&["receipt=0.9.9"], "true true - -"),
        (&["receipt=0.10.0"], "true true - -"),
        (&["receipt=0.10.0-rc.1"], "true true - -"),
        (&["receipt=0.10.1"], later),
        (&["receipt=1.0.0"], later),
        (&["receipt=1.0.0", "binary=no"], "true true - -"),
        (&["macos=12.7.6"], "false true Fatal macOS is too old"),
        (&["macos=13.0"], "true true - -"),
        (&["arm64=0"], "false true Fatal Not an Apple Silicon Mac"),
    ] {
        let said = run(Command::new("node").arg("-e").arg(INSTALLER).arg(&file).args(given));
        assert_eq!(said.trim_end(), expected, "{given:?}");
    }
}

#[test]
fn the_summaries_name_version_size_and_scripts() {
    let payload = contents::payload(&inputs(b"program"), "1.2.3", Scripts::default()).unwrap();
    let size = portreeve_pkg::component::Size { kibibytes: 7, ..portreeve_pkg::component::Size::of(&payload) };
    insta::assert_snapshot!("package_info", portreeve_pkg::component::package_info("1.2.3", size));
    insta::assert_snapshot!("distribution", portreeve_pkg::distribution::distribution("1.2.3", size));
}

#[test]
fn the_same_input_gives_the_same_bytes_wherever_it_is_built() {
    let dir = tempfile::tempdir().unwrap();
    let sources = sources(dir.path(), &program());
    let settings = dir.path().join("settings.plist");
    fs::write(&settings, "<plist version=\"1.0\"><dict><key>timeout_s</key><integer>40</integer></dict></plist>")
        .unwrap();
    let build = |out: &Path, folder: &Path, umask: &str, zone: &str, locale: &str| {
        let script = format!("umask {umask}; exec \"$@\"");
        run(Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_portreeve-pkg"), "build", "--epoch", &EPOCH.to_string()])
            .arg("--checkout")
            .arg(&sources.checkout)
            .arg("--binary")
            .arg(&sources.binary)
            .arg("--probes")
            .arg(&sources.probes)
            .arg("--generated")
            .arg(&sources.generated)
            .arg("--out")
            .arg(out)
            .arg("--profiles")
            .arg(out.with_extension("mdm"))
            .arg("--settings")
            .arg(&settings)
            .current_dir(folder)
            .env("TZ", zone)
            .env("LC_ALL", locale));
        fs::read(out).unwrap()
    };
    let first = build(&dir.path().join("a.pkg"), dir.path(), "022", "UTC", "C");
    // Other times and modes of the files that it is made of must not show, either.
    fs::set_permissions(&sources.binary, fs::Permissions::from_mode(0o600)).unwrap();
    fs::File::options().write(true).open(&sources.binary).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let second = build(&dir.path().join("b.pkg"), Path::new("/"), "077", "Asia/Kathmandu", "tr_TR.UTF-8");
    assert!(first == second);
    for profile in ["full-disk-access", "background-item", "settings"] {
        let read = |name: &str| fs::read(dir.path().join(name).join(format!("{profile}.mobileconfig"))).unwrap();
        assert_eq!(read("a.mdm"), read("b.mdm"));
    }
}

#[test]
fn what_macos_would_not_run_is_not_packed() {
    let dir = tempfile::tempdir().unwrap();
    let sources = sources(dir.path(), b"#!/bin/sh\n");
    let output = pkg()
        .args(["build", "--epoch", "0"])
        .arg("--checkout")
        .arg(&sources.checkout)
        .arg("--binary")
        .arg(&sources.binary)
        .arg("--probes")
        .arg(&sources.probes)
        .arg("--generated")
        .arg(&sources.generated)
        .arg("--out")
        .arg(dir.path().join("out.pkg"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("it is not a Mach-O program for arm64 alone"), "{message}");
    assert!(!dir.path().join("out.pkg").exists());
}

#[test]
fn xar_and_cpio_read_every_file() {
    if !have("xar") || !have("cpio") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let inputs = inputs(b"program");
    fs::write(dir.path().join("a.pkg"), package(&inputs, "1.2.3", EPOCH).unwrap()).unwrap();
    let listed = run(Command::new("xar").args(["-tf", "a.pkg"]).current_dir(dir.path()));
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    let component = "portreeve.pkg";
    let parts = ["Bom", "PackageInfo", "Payload", "Scripts"].map(|name| format!("{component}/{name}"));
    let mut expected = vec!["Distribution", component];
    expected.extend(parts.iter().map(String::as_str));
    assert_eq!(names, expected);
    // It checks the sums of the table and of each file.
    run(Command::new("xar").args(["-xf", "a.pkg"]).current_dir(dir.path()));

    let payload = contents::payload(&inputs, "1.2.3", Scripts::default()).unwrap();
    let scripts = contents::scripts(&payload, "1.2.3", Scripts::default()).unwrap();
    for (name, tree) in [("Payload", &payload), ("Scripts", &scripts)] {
        let packed = fs::read(dir.path().join(component).join(name)).unwrap();
        let mut archive = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut archive).unwrap();
        let folder = dir.path().join(format!("{name}.d"));
        fs::create_dir(&folder).unwrap();
        let feed = |arguments: &[&str]| {
            let mut child = Command::new("cpio")
                .args(arguments)
                .current_dir(&folder)
                .env("TZ", "UTC")
                .env("LC_ALL", "C")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&archive).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success());
            String::from_utf8(output.stdout).unwrap()
        };
        let table = feed(&["-itvn", "--quiet"]);
        assert_eq!(table.lines().count(), tree.entries().count());
        for (line, entry) in table.lines().zip(tree.entries()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let kind = if entry.content.is_some() { '-' } else { 'd' };
            let bits: String = (0..9)
                .map(|bit| if entry.mode >> (8 - bit) & 1 == 1 { ['r', 'w', 'x'][bit % 3] } else { '-' })
                .collect();
            let name = if entry.path.is_empty() { ".".to_owned() } else { format!("./{}", entry.path) };
            let size = entry.size().to_string();
            assert_eq!(words[0], format!("{kind}{bits}"), "{line}");
            assert_eq!(words[2..5], ["0", "0", size.as_str()], "{line}");
            assert_eq!(words[5..8], ["Sep", "9", "2001"], "{line}");
            let shown = words[8].strip_prefix("./").unwrap_or(words[8]);
            assert_eq!(shown, name.strip_prefix("./").unwrap_or(&name), "{line}");
        }
        feed(&["-idm", "--quiet", "--no-preserve-owner"]);
        for entry in tree.entries() {
            let metadata = fs::metadata(folder.join(entry.path)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o7777, u32::from(entry.mode), "{}", entry.path);
            if let Some(content) = entry.content {
                assert_eq!(fs::read(folder.join(entry.path)).unwrap(), content);
            }
        }
    }
}
