//! The logins that engines' command lines have stored, read and never written.
//!
//! `~/.docker/config.json` and Podman's `auth.json` hold them in Base64, or name a program that gives them. Such a program runs as its user, with
//! a deadline.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portreeve_core::Secret;
use portreeve_core::order::Order as _;
use portreeve_openclaw::file::Reader;
use secrecy::zeroize::Zeroize;
use serde::Deserialize;

use crate::acceptance::trust::check;
use crate::command::Awaited;
use crate::users::Account;

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Most registries of one file.
const MAX_ENTRIES: usize = 256;
/// How long a program may take; one that asks its user for leave never ends.
const HELPER_DEADLINE: Duration = Duration::from_secs(4);
/// Longest answer of a program, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// Where programs lie that are run for another user.
const USUAL_PATH: &str =
    "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin:/Applications/Docker.app/Contents/Resources/bin";
/// What Docker calls its own registry in its files.
const HUB: &str = "https://index.docker.io/v1/";

/// A stored login.
#[derive(Debug)]
pub struct Login {
    /// Whose: `the login of op in /home/op/.docker/config.json`.
    pub whose: String,
    /// What is sent.
    pub kind: LoginKind,
}

/// What a login sends.
#[derive(Debug)]
pub enum LoginKind {
    /// Name and password.
    Password {
        /// Name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A token that is exchanged for others.
    Identity(Secret),
}

/// Whose environment a search follows, besides the accounts.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// User id of the agent.
    pub uid: u32,
    /// Its environment.
    pub variables: Vec<(String, String)>,
}

impl Caller {
    /// Its home, as the environment has it.
    pub fn home(&self) -> Option<&Path> {
        self.get("HOME").map(Path::new).filter(|home| home.is_absolute())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Files with logins, in the order in which they count.
#[derive(Debug, Default)]
pub struct Logins {
    files: Vec<File>,
    /// Files that could not be read, and why.
    pub notes: Vec<String>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    account: Account,
    content: Stored,
    /// Environment in which its programs run.
    environment: Vec<(String, String)>,
    /// Whether programs run as another user than the agent.
    foreign: bool,
    /// How long a program may take.
    deadline: Duration,
    /// Whether one took longer: it waits for its user, who is not there.
    is_late: AtomicBool,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Stored {
    /// Registries, as the file names them, with the login where it is in the file.
    auths: Vec<(String, Option<LoginKind>)>,
    /// Program that gives all others.
    store: Option<String>,
    /// Programs of single registries.
    helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Wire {
    auths: BTreeMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    #[serde(rename = "auth")]
    encoded: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// Reads a file of logins. None where it is none.
pub fn parse(bytes: &[u8]) -> Option<Stored> {
    let wire: Wire = serde_json::from_slice(bytes).ok()?;
    let is_helper = |name: &String| {
        !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    Some(Stored {
        auths: wire.auths.into_iter().take(MAX_ENTRIES).map(|(name, auth)| (name, kind(auth))).collect(),
        store: wire.creds_store.filter(is_helper),
        helpers: wire.cred_helpers.into_iter().take(MAX_ENTRIES).filter(|(_, name)| is_helper(name)).collect(),
    })
}

fn kind(auth: Auth) -> Option<LoginKind> {
    if let Some(token) = auth.identitytoken.filter(|token| !token.is_empty()) {
        return Some(LoginKind::Identity(token.into()));
    }
    if let Some(encoded) = auth.encoded.filter(|encoded| !encoded.is_empty()) {
        let mut decoded = STANDARD.decode(encoded.trim_end_matches(['\n', '\0'])).ok()?;
        let login = std::str::from_utf8(&decoded).ok().and_then(|text| {
            let (user, password) = text.trim_end_matches('\0').split_once(':')?;
            Some(LoginKind::Password { user: user.to_owned(), password: password.into() })
        });
        decoded.zeroize();
        return login;
    }
    let (user, password) = auth.username.zip(auth.password)?;
    Some(LoginKind::Password { user, password: password.into() })
}

/// A registry's host in a file's key: `https://index.docker.io/v1/` is `docker.io`. What follows the host is Podman's namespace.
fn host(key: &str) -> (&str, &str) {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let host = if matches!(host, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { host };
    let path = path.trim_end_matches('/');
    (host, if matches!(path, "v1" | "v2") { "" } else { path })
}

impl Stored {
    /// The login for a repository, or the program and the name to ask it for.
    fn of(&self, registry: &str, repository: &str) -> Option<Result<&LoginKind, (&str, String)>> {
        let fits = |key: &str| {
            let (known, path) = host(key);
            known == registry
                && (path.is_empty()
                    || repository.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
        };
        let asked = || {
            let named = self.auths.iter().map(|(key, _)| key).find(|key| fits(key)).cloned();
            named.unwrap_or_else(|| if registry == "docker.io" { HUB.to_owned() } else { registry.to_owned() })
        };
        if let Some((_, helper)) = self.helpers.iter().find(|(key, _)| fits(key)) {
            return Some(Err((helper, asked())));
        }
        let longest =
            self.auths.iter().filter(|(key, login)| fits(key) && login.is_some()).max_by_key(|(key, _)| key.len());
        if let Some((_, Some(login))) = longest {
            return Some(Ok(login));
        }
        Some(Err((self.store.as_deref()?, asked())))
    }
}

impl Logins {
    /// Finds the files of accounts, those of the caller first. Reads each with the rights of its user.
    pub fn find(accounts: &[Account], caller: &Caller) -> Self {
        let mut logins = Self::default();
        let mut accounts: Vec<&Account> = accounts.iter().filter(|account| account.unreachable.is_none()).collect();
        accounts.order_by_key(|account| (account.uid != caller.uid, caller.home() != Some(&account.home)));
        for account in accounts {
            let own = account.uid == caller.uid;
            if !own && caller.uid != 0 {
                continue;
            }
            let named = |name: &str| caller.get(name).filter(|_| own).map(PathBuf::from);
            let docker = named("DOCKER_CONFIG").unwrap_or_else(|| account.home.join(".docker")).join("config.json");
            let run = named("XDG_RUNTIME_DIR").unwrap_or_else(|| PathBuf::from(format!("/run/user/{}", account.uid)));
            let podman = named("REGISTRY_AUTH_FILE").unwrap_or_else(|| run.join("containers/auth.json"));
            for path in [docker, podman, account.home.join(".config/containers/auth.json")] {
                logins.add(path, account, caller, own);
            }
        }
        logins
    }

    fn add(&mut self, path: PathBuf, account: &Account, caller: &Caller, own: bool) {
        let reader = Reader::for_user(account.uid, Some(account.home.clone()));
        let mut bytes = match reader.read_linked(&path, MAX_FILE) {
            Ok(content) => content.bytes,
            Err(error) if error.is_not_found() => return,
            Err(error) => return self.notes.push(format!("logins of {} not read: {error}", account.name)),
        };
        let content = parse(&bytes);
        bytes.zeroize();
        let Some(content) = content else {
            return self.notes.push(format!("logins of {} not read: `{}` is malformed", account.name, path.display()));
        };
        let environment = if own {
            caller.variables.clone()
        } else {
            let home = account.home.to_string_lossy().into_owned();
            [("HOME", home), ("USER", account.name.clone()), ("PATH", USUAL_PATH.to_owned())]
                .map(|(name, value)| (name.to_owned(), value))
                .to_vec()
        };
        self.files.push(File {
            path,
            account: account.clone(),
            content,
            environment,
            foreign: !own,
            deadline: HELPER_DEADLINE,
            is_late: AtomicBool::new(false),
        });
    }

    /// The login of the first file that has one for a repository.
    pub async fn of(&self, registry: &str, repository: &str) -> Option<Login> {
        for file in &self.files {
            let whose = format!("the login of {} in `{}`", file.account.name, file.path.display());
            let kind = match file.content.of(registry, repository) {
                None => continue,
                Some(Ok(LoginKind::Password { user, password })) => {
                    Some(LoginKind::Password { user: user.clone(), password: password.clone() })
                }
                Some(Ok(LoginKind::Identity(token))) => Some(LoginKind::Identity(token.clone())),
                Some(Err((helper, server))) => file.ask(helper, &server).await,
            };
            if let Some(kind) = kind {
                return Some(Login { whose, kind });
            }
        }
        None
    }
}

impl File {
    /// Asks a program for a login. None where it has none, may not be run, or does not answer in time; after that none of the file is asked.
    async fn ask(&self, helper: &str, server: &str) -> Option<LoginKind> {
        if self.is_late.load(Ordering::Relaxed) {
            return None;
        }
        let path = self.environment.iter().find(|(name, _)| name == "PATH").map_or(USUAL_PATH, |(_, path)| path);
        let program = path
            .split(':')
            .filter(|folder| folder.starts_with('/'))
            .map(|folder| Path::new(folder).join(format!("docker-credential-{helper}")))
            .find(|program| program.is_file())?;
        let checked = check(&program, self.account.uid);
        let program = checked.inspect_err(|why| tracing::warn!(%why, "a program for logins is not run")).ok()?;
        let awaited = Awaited {
            program,
            arguments: vec![OsString::from("get")],
            environment: self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            directory: PathBuf::from("/"),
            user: (self.foreign && self.account.uid != 0).then_some((self.account.uid, self.account.gid)),
            input: server.as_bytes().to_vec(),
            deadline: self.deadline,
            output_limit: MAX_ANSWER,
            is_whole: |_| false,
        };
        let mut said = awaited.run().await.ok()?;
        self.is_late.fetch_or(said.ending.is_none(), Ordering::Relaxed);
        let login = given(&said.output.stdout);
        said.output.stdout.zeroize();
        login
    }
}

/// What a program gives: a password, or an identity token where the name is `<token>`.
fn given(bytes: &[u8]) -> Option<LoginKind> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Given {
        username: String,
        secret: String,
    }
    let given: Given = serde_json::from_slice(bytes).ok()?;
    if given.secret.is_empty() {
        return None;
    }
    Some(match given.username.as_str() {
        "<token>" => LoginKind::Identity(given.secret.into()),
        _ => LoginKind::Password { user: given.username, password: given.secret.into() },
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn account(home: &Path) -> Account {
        let uid = nix::unistd::geteuid().as_raw();
        Account {
            name: "op".to_owned(),
            uid,
            gid: nix::unistd::getegid().as_raw(),
            home: home.to_owned(),
            unreachable: None,
        }
    }

    fn caller(path: &str) -> Caller {
        Caller { uid: nix::unistd::geteuid().as_raw(), variables: vec![("PATH".to_owned(), path.to_owned())] }
    }

    async fn found(home: &Path, path: &str, registry: &str, repository: &str) -> Option<(String, String)> {
        let login = Logins::find(&[account(home)], &caller(path)).of(registry, repository).await?;
        assert!(!format!("{login:?}").contains("secret word"));
        Some(match login.kind {
            LoginKind::Password { user, password } => (user, password.expose_secret().to_owned()),
            LoginKind::Identity(token) => ("<token>".to_owned(), token.expose_secret().to_owned()),
        })
    }

    fn config(home: &Path, text: &str) {
        fs::create_dir_all(home.join(".docker")).unwrap();
        fs::write(home.join(".docker/config.json"), text).unwrap();
    }

    fn helper(folder: &Path, script: &str) -> PathBuf {
        let program = folder.join("docker-credential-mine");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    #[tokio::test]
    async fn logins_of_the_file_are_found_by_every_spelling() {
        let home = tempfile::tempdir().unwrap();
        let auth = STANDARD.encode("op:secret word:x");
        config(
            home.path(),
            &format!(
                r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{auth}"}},"ghcr.io":{{"identitytoken":"secret word"}},
                    "quay.io/one":{{"username":"a","password":"secret word"}},"empty.io":{{}}}},"HttpHeaders":{{}}}}"#
            ),
        );
        let of = async |registry, repository| found(home.path(), "", registry, repository).await;
        assert_eq!(of("docker.io", "library/nginx").await, Some(("op".into(), "secret word:x".into())));
        assert_eq!(of("ghcr.io", "a/b").await, Some(("<token>".into(), "secret word".into())));
        assert_eq!(of("quay.io", "one/x").await, Some(("a".into(), "secret word".into())));
        for (registry, repository) in [("quay.io", "onex"), ("empty.io", "x"), ("other.io", "x")] {
            assert_eq!(of(registry, repository).await, None, "{registry}/{repository}");
        }
    }

    #[tokio::test]
    async fn a_program_is_asked_where_the_file_names_one() {
        let home = tempfile::tempdir().unwrap();
        config(home.path(), r#"{"auths":{"ghcr.io":{}},"credsStore":"mine","credHelpers":{"quay.io":"../../bin/sh"}}"#);
        let script = "#!/bin/sh\nread -r server\n[ \"$1\" = get ] && [ \"$server\" = ghcr.io ] || exit 1\n\
                      printf '{\"ServerURL\":\"x\",\"Username\":\"op\",\"Secret\":\"secret word\"}'\n";
        let program = helper(home.path(), script);
        let path = format!("relative:{}:/usr/bin:/bin", home.path().display());
        assert_eq!(found(home.path(), &path, "ghcr.io", "x").await, Some(("op".into(), "secret word".into())));
        assert_eq!(found(home.path(), &path, "other.io", "x").await, None, "it has none");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(found(home.path(), &path, "ghcr.io", "x").await, None, "anybody may have written it");
    }

    #[tokio::test]
    async fn a_program_that_waits_for_its_user_is_started_once() {
        let home = tempfile::tempdir().unwrap();
        config(home.path(), r#"{"credsStore":"mine"}"#);
        let started = home.path().join("started");
        helper(home.path(), &format!("#!/bin/sh\necho once >> '{}'\nexec sleep 60\n", started.display()));
        let path = format!("{}:/usr/bin:/bin", home.path().display());
        let mut logins = Logins::find(&[account(home.path())], &caller(&path));
        logins.files[0].deadline = Duration::from_secs(1);
        for image in ["one", "two"] {
            assert!(logins.of("ghcr.io", image).await.is_none());
        }
        assert_eq!(fs::read_to_string(started).unwrap(), "once\n");
    }

    #[test]
    fn a_malformed_file_is_told() {
        let home = tempfile::tempdir().unwrap();
        config(home.path(), "{");
        let logins = Logins::find(&[account(home.path())], &caller(""));
        assert!(logins.files.is_empty() && logins.notes[0].contains("malformed"), "{:?}", logins.notes);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), key in "\\PC{0,40}") {
            let _ = (parse(&bytes), given(&bytes), host(&key));
        }
    }
}
