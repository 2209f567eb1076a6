//! Reverse proxies before gateways: what their configurations say, and what they do.
//!
//! [`parse`] is pure: it reads nginx configurations, Caddyfiles and Caddy's JSON from wherever [`Files`] takes them, and tells for each
//! place that passes requests on what it does with a WebSocket. Broken and unknown parts are passed over and told as problems; nothing
//! of a file is trusted to be small, flat or finite.

mod caddy;
mod files;
mod host;
mod ingress;
mod inside;
mod live;
mod nginx;
mod public;
mod relate;
mod route;
mod tls;

use portreeve_core::snapshot::Place;

pub use files::{File, Files, MAX_FILE_BYTES};
pub use host::{HostFiles, MountedFiles};
pub use ingress::ingresses;
pub use live::{Question, Seen, observe};
pub use public::{PublicUrl, public_urls};
pub use relate::{Owner, World, routes};
pub use route::RouteFound;
pub use tls::certificate;
pub(crate) use tls::{certificate_of, shown};

/// A proxy whose configuration can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// nginx, in the `http` and `stream` modules.
    Nginx,
    /// Caddy 2.
    Caddy,
}

impl Program {
    /// Its name, as its package and its image are called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    /// The program that an image or an executable is, by the last part of its name: `nginx:1.27-alpine`, `docker.io/library/caddy`,
    /// `/usr/sbin/nginx`.
    pub fn of(name: &str) -> Option<Self> {
        let last = name.rsplit('/').next().unwrap_or(name);
        let last = last.split(['@', ':']).next().unwrap_or(last).to_ascii_lowercase();
        let is = |program: &str| last == program || last.split(['-', '_']).any(|part| part == program);
        if is("nginx") || is("openresty") || is("angie") {
            return Some(Self::Nginx);
        }
        is("caddy").then_some(Self::Caddy)
    }

    /// Where its configuration lies unless it is told otherwise.
    pub fn default_config(self) -> &'static str {
        match self {
            Self::Nginx => "/etc/nginx/nginx.conf",
            Self::Caddy => "/etc/caddy/Caddyfile",
        }
    }
}

/// Something wrong with a configuration, or a part of it that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Option<Place>,
    /// What.
    pub message: String,
}

/// What a configuration says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parsed {
    /// Each place that passes requests on.
    pub routes: Vec<RouteFound>,
    /// What is wrong or could not be read, bounded.
    pub problems: Vec<Problem>,
    /// The first bound that was reached: what comes after it was not looked at.
    pub cut: Option<Problem>,
}

/// Reads the configuration at `path`. `version` is that of the program where it is known: defaults changed over time.
///
/// Where the main file of nginx is not among the files, as in a container into which only a site is mounted, the image's own main file is
/// assumed, which includes `/etc/nginx/conf.d/*.conf` and what is made from `/etc/nginx/templates/*.template`.
pub fn parse(program: Program, path: &str, version: Option<&str>, files: &dyn Files) -> Parsed {
    let loader = files::Loader::new(files);
    let mut routes = match program {
        Program::Nginx => nginx::routes(path, version, &loader),
        Program::Caddy => caddy::routes(path, &loader),
    };
    route::settle(&mut routes);
    Parsed { routes, problems: loader.problems.into_inner(), cut: loader.cut.into_inner() }
}

/// Reads `text` as the content of one configuration that includes nothing.
pub fn parse_text(program: Program, path: &str, text: &str) -> Parsed {
    let files = std::collections::BTreeMap::from([(path.to_owned(), text.to_owned())]);
    parse(program, path, None, &files)
}

#[cfg(test)]
mod tests;
