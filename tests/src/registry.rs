//! A real container registry on this host: Debian's `docker-registry`, with a folder and a port of its own.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Node, Running, free_port, skip, wait_until};

const PROGRAM: &str = "/usr/bin/docker-registry";
const START: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(10);
/// The password of [`Registry::closed`], and what `bcrypt` makes of it.
const PASSWORD: &str = "not a secret";
const HASH: &str = "$2y$04$abcdefghijklmnopqrstuufjJ3DP7hIDUkwzAqTBtlkzMsXi0O/Pm";

/// The media type of a list.
pub const LIST: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that runs. It ends when it is dropped.
#[derive(Debug)]
pub struct Registry {
    running: Running,
    port: u16,
    login: bool,
    #[expect(dead_code, reason = "held until the registry ends")]
    folder: TempDir,
}

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Digest of the list, or of the manifest where there is no list.
    pub digest: String,
    /// Digest of the manifest for `linux/amd64`.
    pub manifest: String,
    /// Digest of the configuration for `linux/amd64`.
    pub config: String,
}

impl Registry {
    /// One that anybody may read and write. None, after having said so, where it is not installed.
    pub fn open() -> Option<Self> {
        Self::start(false, None)
    }

    /// One on a node, for its engine. Nothing else reaches it: the engine has to push.
    pub fn on(node: &Node) -> Option<Self> {
        Self::start(false, Some(node))
    }

    /// One that wants the name `op` and [`Registry::login`]'s password for everything.
    pub fn closed() -> Option<Self> {
        Self::start(true, None)
    }

    fn start(login: bool, node: Option<&Node>) -> Option<Self> {
        if !Path::new(PROGRAM).is_file() {
            skip("`docker-registry` is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (at, port) = (folder.path(), free_port());
        let mut config = json!({
            "version": 0.1,
            "log": { "level": "error" },
            "storage": { "filesystem": { "rootdirectory": at.join("data") }, "delete": { "enabled": true } },
            "http": { "addr": format!("127.0.0.1:{port}") },
        });
        if login {
            fs::write(at.join("htpasswd"), format!("op:{HASH}\n")).unwrap();
            config["auth"] = json!({ "htpasswd": { "realm": "tests", "path": at.join("htpasswd") } });
        }
        // JSON is YAML.
        fs::write(at.join("config.yml"), config.to_string()).unwrap();
        let log = File::create(at.join("console.log")).unwrap();
        let command = |program: &str| match node {
            Some(node) => node.command(program),
            None => Command::new(program),
        };
        let mut serve = command(PROGRAM);
        serve.arg("serve").arg(at.join("config.yml")).env_clear();
        serve.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let running = Running::start(&mut serve, Some(at));
        let mut registry = Self { running, port, login, folder };
        wait_until(&format!("the registry on port {port}"), START, || {
            if let Some(status) = registry.running.child.try_wait().unwrap() {
                panic!("the registry ended with {status}");
            }
            let mut connect = command("/bin/bash");
            connect.args(["-c", &format!("exec 3<>/dev/tcp/127.0.0.1/{port}")]).stderr(Stdio::null());
            connect.status().unwrap().success().then_some(())
        });
        Some(registry)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A name with its host: `127.0.0.1:41234/openclaw:latest`.
    pub fn name(&self, image: &str) -> String {
        format!("127.0.0.1:{}/{image}", self.port)
    }

    /// The login as Docker's configuration has it.
    pub fn login(password: &str) -> String {
        STANDARD.encode(format!("op:{password}"))
    }

    /// The password that [`Registry::closed`] takes.
    pub fn password() -> &'static str {
        PASSWORD
    }

    /// Puts an image for two platforms there under a tag. `content` makes it another image.
    pub fn push(&self, repository: &str, tag: &str, content: &str) -> Pushed {
        let [amd64, arm64] = ["amd64", "arm64"].map(|arch| self.push_platform(repository, arch, content));
        let entry = |(manifest, _, size): &(String, String, usize), arch: &str| json!({ "mediaType": MANIFEST, "digest": manifest, "size": size, "platform": { "os": "linux", "architecture": arch } });
        let list = json!({
            "schemaVersion": 2,
            "mediaType": LIST,
            "manifests": [entry(&arm64, "arm64"), entry(&amd64, "amd64")],
        });
        let digest = self.put_manifest(repository, tag, LIST, &list.to_string());
        Pushed { digest, manifest: amd64.0, config: amd64.1 }
    }

    fn push_platform(&self, repository: &str, arch: &str, content: &str) -> (String, String, usize) {
        let config = json!({ "os": "linux", "architecture": arch, "config": { "Labels": { "content": content } } });
        let config = config.to_string();
        let digest = self.push_blob(repository, config.as_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len(),
            },
            "layers": [],
        });
        let manifest = manifest.to_string();
        (self.put_manifest(repository, arch, MANIFEST, &manifest), digest, manifest.len())
    }

    fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let (status, head, _) = self.call("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"");
        assert_eq!(status, 202, "{head}");
        let location = header(&head, "location").unwrap();
        let path = location.splitn(4, '/').nth(3).unwrap();
        let digest = sha256(bytes);
        let target = format!("/{path}&digest={digest}");
        let (status, head, body) = self.call("PUT", &target, &[("Content-Type", "application/octet-stream")], bytes);
        assert_eq!(status, 201, "{head}\n{body}");
        digest
    }

    /// Puts a text there as what a tag stands for; gives its digest.
    pub fn put_manifest(&self, repository: &str, tag: &str, media_type: &str, text: &str) -> String {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let (status, head, body) = self.call("PUT", &path, &[("Content-Type", media_type)], text.as_bytes());
        assert_eq!(status, 201, "{head}\n{body}");
        header(&head, "docker-content-digest").unwrap()
    }

    /// Lets a tag stand for what a digest is.
    pub fn tag(&self, repository: &str, tag: &str, digest: &str) {
        let path = format!("/v2/{repository}/manifests/{digest}");
        let (status, head, body) = self.call("GET", &path, &[("Accept", &format!("{LIST}, {MANIFEST}"))], b"");
        assert_eq!(status, 200, "{head}\n{body}");
        let media_type = header(&head, "content-type").unwrap();
        assert_eq!(self.put_manifest(repository, tag, &media_type, &body), digest);
    }

    /// Deletes what a digest stands for, with its tags.
    pub fn delete(&self, repository: &str, digest: &str) {
        let (status, head, body) = self.call("DELETE", &format!("/v2/{repository}/manifests/{digest}"), &[], b"");
        assert_eq!(status, 202, "{head}\n{body}");
    }

    fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n", self.port);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.login {
            head.push_str(&format!("Authorization: Basic {}\r\n", Self::login(PASSWORD)));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
    }
}

/// A container in the form of saved facts that runs an image: what an engine would say of it.
pub fn container(name: &str, role: &str, image: &str, runs: &Pushed) -> Value {
    let repository =
        image.rsplit_once(':').map_or(image, |(repository, tag)| if tag.contains('/') { image } else { repository });
    let at = "2026-11-20T08:00:00Z";
    json!({
        "id": format!("container:{name}"), "name": name, "engine": "docker:/var/run/docker.sock", "container_id": "0123456789ab",
        "project": null, "service": null, "role": role, "role_reason": "a test says so",
        "image": {
            "reference": image, "built": false, "id": runs.config, "digests": [format!("{repository}@{}", runs.digest)],
            "platform": "linux/amd64", "version": null,
        },
        "user": null, "command": [], "environment": [], "listens": null, "network_mode": { "mode": "own" }, "networks": [],
        "ports": [], "mounts": [], "state_dir": null, "read_only_root": false, "healthcheck": null, "restart": null,
        "depends_on": [], "profiles": [], "memory_limit": null, "runtime": null,
        "view": { "status": "absent", "source": "none", "at": at },
    })
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// The digest of some bytes, as registries write it.
fn sha256(bytes: &[u8]) -> String {
    let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    format!("sha256:{}", String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap())
}
