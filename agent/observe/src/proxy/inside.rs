//! The configuration of a proxy in a container: what is mounted from the host, and what only the container has.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portreeve_core::snapshot::Workload;

use super::host::in_time;
use super::{File, Files, MountedFiles, Parsed, Program, parse};
use crate::engine::{self, Client, Found};
use crate::os;

/// How often more files are asked for: each round knows what the last one includes.
const MAX_ROUNDS: usize = 6;
/// Most files and folders of one container that its engine is asked for.
const MAX_ASKED: usize = 64;
/// Time that the engine gets for the files of one container.
const TIME: Duration = Duration::from_secs(3);
/// Id of the engine that has no socket.
const APPLE: &str = "apple-container";
/// Time that what is mounted gets in each round.
const MOUNTED: Duration = Duration::from_secs(2);

type Read = BTreeMap<String, Result<Found, String>>;

/// Mounted files first, then those that the engine has given. What it was not asked for yet is noted.
struct ContainerFiles<'a> {
    workload: &'a Workload,
    mounted: MountedFiles<'a>,
    read: &'a Read,
    missing: RefCell<BTreeSet<String>>,
}

impl Files for ContainerFiles<'_> {
    fn read(&self, path: &str) -> Result<File, String> {
        self.mounted.read(path).or_else(|why| match self.read.get(path) {
            Some(Ok(Found::File(content))) => {
                let text = String::from_utf8_lossy(content).into_owned();
                Ok(File { name: format!("{}:{path}", self.workload.name), text })
            }
            Some(Ok(Found::Folder(_))) => Err("it is a folder".to_owned()),
            Some(Err(why)) => Err(why.clone()),
            None => {
                self.missing.borrow_mut().insert(path.to_owned());
                Err(why)
            }
        })
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let mut names = self.mounted.list(folder);
        match self.read.get(folder) {
            Some(Ok(Found::Folder(inside))) => names.extend(inside.iter().cloned()),
            Some(_) => {}
            None => {
                self.missing.borrow_mut().insert(folder.to_owned());
            }
        }
        names
    }
}

/// Reads the configuration at `path` of a container. What lies in its image or in its own layer is asked of its engine, as far as there
/// is time. An error where what is mounted gives no answer.
pub(super) async fn parse_inside(
    program: Program,
    path: &str,
    workload: &Workload,
    engines: &BTreeMap<String, Client>,
    until: Instant,
) -> Result<Parsed, String> {
    let client = workload.engine.as_ref().and_then(|engine| engines.get(engine));
    let engine = client.zip(workload.container_id.as_deref());
    let owner = owner(client, workload);
    let until = until.min(Instant::now() + TIME);
    let own = Arc::new(workload.clone());
    let mut read = Read::new();
    let mut rounds = 0..MAX_ROUNDS;
    loop {
        let (own, path, known) = (Arc::clone(&own), path.to_owned(), read);
        let round = move || {
            let mounted = MountedFiles::of(&own, owner);
            let files = ContainerFiles { workload: &own, mounted, read: &known, missing: RefCell::default() };
            let parsed = parse(program, &path, own.image.version.as_deref(), &files);
            let missing = files.missing.into_inner();
            (parsed, missing, known)
        };
        let (parsed, missing, known) = in_time(Instant::now() + MOUNTED, round).await?;
        read = known;
        let room = MAX_ASKED.saturating_sub(read.len());
        let may_ask = !missing.is_empty() && room > 0 && rounds.next().is_some();
        let Some((client, container)) = engine.filter(|_| may_ask) else { return Ok(parsed) };
        let asked = missing.into_iter().take(room).map(|path| async move {
            let found = engine::read(client, container, &path, until).await;
            (path, found)
        });
        read.extend(futures_util::future::join_all(asked).await);
    }
}

/// The user whose engine it is. Apple's has no socket, and is that of who looks or, where root looks, of who sits there.
fn owner(client: Option<&Client>, workload: &Workload) -> Option<u32> {
    let agent = nix::unistd::geteuid().as_raw();
    match client {
        Some(client) => client.owner(),
        None if workload.engine.as_deref() != Some(APPLE) => None,
        None if agent == 0 => os::console_user_id().ok().flatten(),
        None => Some(agent),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::engine::test_workload;

    /// An engine with one container, whose files are those below a folder.
    fn engine(socket: &Path, root: &Path) {
        let listener = UnixListener::bind(socket).unwrap();
        let root = root.to_owned();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let asked = head.split(' ').nth(1).unwrap_or_default();
                let (status, body) = if asked.ends_with("/version") {
                    (200, br#"{"Version":"27.0","ApiVersion":"1.46","Os":"linux","Arch":"amd64"}"#.to_vec())
                } else {
                    let path = asked.split_once("path=").unwrap().1.replace("%2F", "/");
                    let path = root.join(path.trim_start_matches('/'));
                    let mut tar = Command::new("tar");
                    tar.args(["--format=ustar", "-cf", "-", "-C"])
                        .arg(path.parent().unwrap())
                        .arg(path.file_name().unwrap());
                    let output = tar.output().unwrap();
                    if output.status.success() { (200, output.stdout) } else { (404, b"{}".to_vec()) }
                };
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
            }
        });
    }

    #[tokio::test]
    async fn what_is_baked_into_an_image_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("etc/nginx/conf.d")).unwrap();
        fs::create_dir_all(root.join("srv")).unwrap();
        fs::write(root.join("etc/nginx/nginx.conf"), "http { include /etc/nginx/conf.d/*.conf; }").unwrap();
        let site = "server { listen 80; location / { proxy_pass http://openclaw-gateway:18789; } }";
        fs::write(root.join("srv/site"), site).unwrap();
        symlink("../../../srv/site", root.join("etc/nginx/conf.d/site.conf")).unwrap();
        let socket = dir.path().join("docker.sock");
        engine(&socket, &root);
        let until = Instant::now() + Duration::from_secs(10);
        let (client, _) = Client::connect(&socket, until).await.unwrap();
        let mut workload = test_workload("web", &portreeve_facts::workload::Definition::default());
        let engines = BTreeMap::from([("docker".to_owned(), client)]);
        workload.engine = Some("docker".to_owned());
        workload.container_id = Some("0123".to_owned());
        let path = Program::Nginx.default_config();
        let parsed = parse_inside(Program::Nginx, path, &workload, &engines, until).await.unwrap();
        assert_eq!(parsed.routes.len(), 1, "{:?}", parsed.problems);
        assert_eq!(parsed.routes[0].upstream.as_ref().unwrap().port, 18789);
        let caddyfile = Program::Caddy.default_config();
        let nothing = parse_inside(Program::Caddy, caddyfile, &workload, &engines, until).await.unwrap();
        assert!(nothing.problems[0].message.contains("no such file in the container"), "{:?}", nothing.problems);
        let unseen = parse_inside(Program::Caddy, caddyfile, &workload, &BTreeMap::new(), until).await.unwrap();
        assert!(unseen.routes.is_empty() && unseen.problems[0].message.contains("not mounted"));
    }
}
