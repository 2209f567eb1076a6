//! The steps that break a set-up: a closed vocabulary.
//!
//! `@NAME@` stands for what is only known once it is set up: `@port@` and `@port-b@` of the gateways, `@other-port@` on which nobody listens,
//! `@home@`, `@state@` and their `-b`, `@client-home@` and `@client-state@`, `@proxy-port@` and `@proxy-folder@` of the last proxy,
//! `@folder@` for whatever else, `@address@` of the gateway's namespace, `@pid@`, and the secrets `@token@`, `@other-token@` and `@password@`.

use serde::Deserialize;
use serde_json::Value;

use super::fault::Until;

/// One step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Step {
    /// Sets a value of a gateway's config by its JSON pointer.
    SetConfig(Set),
    /// Removes a key of a gateway's config by its JSON pointer.
    UnsetConfig(Key),
    /// Adds a variable to a gateway's environment, before it starts.
    GatewayEnv(Variable),
    /// Adds words to a gateway's command line, before it starts.
    GatewayArguments(Words),
    /// Lets a gateway listen on every address, before it starts.
    BindLan(On),
    /// Gives the second gateway the first one's port, before it starts.
    SamePort {},
    /// Adds a variable to the environment of the user who looks.
    ClientEnv(Variable),
    /// Makes another home on this machine, at which is looked too.
    ClientHome {},
    /// Writes a file; folders on the way are made.
    Write(Write),
    /// Adds text to a file.
    Append(Write),
    /// Makes a file of so many bytes, all zero and not allocated.
    Fill(Fill),
    /// Overwrites the beginning of a file.
    Damage(Path),
    /// Sets permission bits.
    Chmod(Chmod),
    /// Gives a file, or all below a folder, to another user.
    Chown(Chown),
    /// Makes a symbolic link.
    Symlink(Link),
    /// Makes a second name of a file.
    HardLink(Link),
    /// Copies a file or folder with all that it has.
    Copy(Link),
    /// Moves a file or folder.
    Move(Link),
    /// Removes a file or folder.
    Remove(Path),
    /// Makes a folder.
    Folder(Path),
    /// Makes a pipe.
    Pipe(Path),
    /// Mounts a file system in memory, or what is there already once more, read-only.
    Mount(Mount),
    /// Starts a gateway, again where it has ended.
    Start(Start),
    /// Waits until a gateway has said something.
    Said(Said),
    /// Waits until a file is there.
    Exists(Path),
    /// Asks a gateway to end, and waits for it.
    Stop(On),
    /// Kills a gateway, and waits for it.
    Kill(On),
    /// Suspends a gateway.
    Suspend(On),
    /// A second gateway with the home and state of the first, on another port; ends with its exit.
    SecondOnState {},
    /// Lets a supervisor start each gateway that ends from now on.
    Supervise {},
    /// Listens on a port with a program that is no gateway.
    Listen(Listen),
    /// Runs a proxy.
    Proxy(Proxy),
    /// Makes a certificate that signs itself, `cert.pem` and `key.pem` in `@folder@`.
    Certificate(Certificate),
    /// Holds the writer's lock of a database.
    HoldLock(Path),
    /// A client connects with a token.
    Connect(Connect),
    /// A time server that is ahead by so many seconds, which the user who looks has named.
    TimeServer {
        /// Seconds.
        ahead: u64,
    },
    /// Runs the real command line as a user of a home would.
    Openclaw(Openclaw),
    /// Runs another program until the end.
    Process {
        /// The program and its arguments.
        words: Vec<String>,
    },
    /// Refuses or drops each connect to the gateway whose number this divides.
    Lose {
        /// The number.
        every: u32,
        /// `iptables`' target.
        how: String,
    },
    /// Sets a recorded fact by its JSON pointer.
    SetFact(Set),
    /// Merges keys into a recorded fact.
    MergeFact(Set),
    /// Removes a recorded fact by its JSON pointer.
    UnsetFact(Key),
    /// Sets a value of the Compose file by its JSON pointer.
    SetCompose(Set),
    /// Removes a key of the Compose file by its JSON pointer.
    UnsetCompose(Key),
    /// Writes a file of the project.
    ProjectFile(Write),
    /// Makes a state directory of the project with a config.
    ProjectState(Set),
    /// Starts services.
    Up(Up),
    /// Waits for the end of a service.
    ServiceExit(Service),
    /// Waits until a service was started again so many times.
    Restarted(Restarted),
    /// Runs the command line of a service.
    RunService(ServiceWords),
    /// Starts a gateway on the machine of the engine itself; `@home@` and `@state@` are its own then.
    HostGateway(HostGateway),
}

/// A value and its place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Set {
    /// JSON pointer.
    pub key: String,
    /// The value.
    pub value: Value,
    /// The gateway.
    #[serde(default)]
    pub on: Which,
}

/// A place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Key {
    /// JSON pointer.
    pub key: String,
    /// The gateway.
    #[serde(default)]
    pub on: Which,
}

/// Which of two gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The first.
    #[default]
    A,
    /// The second.
    B,
}

/// A gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct On {
    /// The gateway.
    #[serde(default)]
    pub on: Which,
}

/// A variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The gateway.
    #[serde(default)]
    pub on: Which,
}

/// Words of a command line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Words {
    /// The words.
    pub words: Vec<String>,
    /// The gateway.
    #[serde(default)]
    pub on: Which,
}

/// A file and its text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Write {
    /// The file.
    pub path: String,
    /// The text.
    pub text: String,
    /// Permission bits, octal; 600 where none are given.
    pub mode: Option<String>,
}

/// A file and its size.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fill {
    /// The file.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
}

/// A file or folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Path {
    /// The file or folder.
    pub path: String,
}

/// Permission bits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Chmod {
    /// The file or folder.
    pub path: String,
    /// Octal.
    pub mode: String,
}

/// An owner.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Chown {
    /// The file or folder, with all below it.
    pub path: String,
    /// User and group id.
    pub id: u32,
}

/// Two files or folders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Link {
    /// What is there.
    pub from: String,
    /// What is made.
    pub to: String,
}

/// A mount.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mount {
    /// The folder.
    pub path: String,
    /// Size of a file system in memory, `64m`; what is in the folder goes there. Read-only where none is given.
    pub size: Option<String>,
}

/// A start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Start {
    /// The gateway.
    #[serde(default)]
    pub on: Which,
    /// Until when it is waited for.
    #[serde(default)]
    pub until: Until,
}

/// Something that a gateway says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Said {
    /// What it says.
    pub text: String,
    /// How often.
    #[serde(default = "once")]
    pub times: usize,
    /// The gateway.
    #[serde(default)]
    pub on: Which,
}

/// A listener that is no gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Listen {
    /// The port.
    pub port: String,
    /// What it does with those who connect.
    pub answer: Answer,
}

/// What a listener that is no gateway does with those who connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// A web page.
    Http,
    /// A word of its own and then nothing, as SSH does.
    Banner,
    /// Nothing.
    Silent,
    /// The end of the connection.
    Close,
}

/// A proxy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Proxy {
    /// Which program.
    pub program: ProxyProgram,
    /// Flags of nginx's `listen`.
    #[serde(default)]
    pub listen: String,
    /// What stands in nginx's server or Caddy's site.
    pub text: String,
}

/// A program that is a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyProgram {
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
}

impl ProxyProgram {
    /// Its name on the search path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }
}

/// A certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Certificate {
    /// The name that it is for.
    pub name: String,
    /// Days from now when it begins to hold.
    pub from_days: i64,
    /// Days from now when it ceases to.
    pub to_days: i64,
}

/// Connects.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connect {
    /// The token.
    pub token: String,
    /// How often.
    #[serde(default = "once")]
    pub times: usize,
}

/// A call of the real command line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Openclaw {
    /// Its arguments.
    pub words: Vec<String>,
    /// The home.
    #[serde(default = "home")]
    pub home: String,
    /// Variables.
    #[serde(default)]
    pub env: std::collections::BTreeMap<String, String>,
    /// Whether it runs in the client's namespace.
    #[serde(default)]
    pub apart: bool,
    /// Words that it has to print, where it is not to succeed.
    pub says: Option<String>,
}

/// Services.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Up {
    /// The services; all where none is named.
    #[serde(default)]
    pub services: Vec<String>,
    /// Whether the gateway is waited for.
    #[serde(default)]
    pub until: Until,
}

/// A service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Service {
    /// Its name.
    pub service: String,
}

/// Starts of a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Restarted {
    /// Its name.
    pub service: String,
    /// How often.
    pub times: u32,
}

/// A gateway beside an engine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostGateway {
    /// Its port.
    pub port: u16,
}

/// A call of a service's command line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServiceWords {
    /// Its name.
    pub service: String,
    /// The arguments.
    pub words: Vec<String>,
}

fn once() -> usize {
    1
}

fn home() -> String {
    "@home@".to_owned()
}
