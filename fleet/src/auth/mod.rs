//! Who may do what: nodes by their credentials, people by a token, a session or a proxy's header.

mod access;
mod csrf;
mod secret;
mod viewer;

pub use access::{Access, AccessChange, Credential, Grants, Role, Session, ViewerToken};
pub use csrf::CsrfForm;
pub use secret::{Hash, Issued, RandomError, issue, random};
pub(crate) use viewer::bearer;
pub use viewer::{COOKIE, LoginError, Peer, Viewer, log_in, log_out};
