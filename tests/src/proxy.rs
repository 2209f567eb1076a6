//! Real proxies on this host: nginx and Caddy, each in a folder of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Running, free_port, skip, wait_until};

const START: Duration = Duration::from_secs(30);

/// A proxy that runs. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    running: Running,
    port: u16,
    folder: TempDir,
}

impl Proxy {
    /// nginx with one server on every address and a port of its own. `server` is what stands in it besides `listen`.
    pub fn nginx(server: &str) -> Option<Self> {
        Self::nginx_listening("", server)
    }

    /// The same with flags of `listen`, such as `ssl`.
    pub fn nginx_listening(flags: &str, server: &str) -> Option<Self> {
        let program = program("nginx")?;
        let folder = tempfile::tempdir().unwrap();
        let (at, port) = (folder.path().display(), free_port());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .concat();
        let text = format!(
            "daemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}\
             server {{\nlisten {port} {flags};\n{}\n}}\n}}\n",
            server.replace("@folder@", &at.to_string())
        );
        fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
        Some(Self::start(command, folder, port))
    }

    /// Caddy with one site on every address and a port of its own.
    pub fn caddy(site: &str) -> Option<Self> {
        let program = program("caddy")?;
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = format!("{{\n\tadmin off\n\tauto_https off\n}}\n:{port} {{\n{site}\n}}\n");
        let file = folder.path().join("Caddyfile");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(program);
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file).env("HOME", folder.path());
        Some(Self::start(command, folder, port))
    }

    fn start(mut command: Command, folder: TempDir, port: u16) -> Self {
        let log = File::create(folder.path().join("console.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let running = Running::start(&mut command, Some(folder.path()));
        let mut proxy = Self { running, port, folder };
        wait_until(&format!("the proxy on port {port}"), START, || {
            if let Some(status) = proxy.running.child.try_wait().unwrap() {
                panic!("the proxy ended with {status}:\n{}", proxy.console());
            }
            std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(|_| ())
        });
        proxy
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it said.
    pub fn console(&self) -> String {
        fs::read_to_string(self.folder.path().join("console.log")).unwrap_or_default()
    }
}

/// Where a program is installed.
fn program(name: &str) -> Option<PathBuf> {
    let found = ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map(|folder| Path::new(folder).join(name));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        skip(&format!("`{name}` is not installed"));
    }
    found
}
