use std::process::{Command, Stdio};

use portreeve_deliver::send::{Options, Outcome};
use portreeve_tests::otlp_endpoint::Endpoint;
use portreeve_tests::{Authority, ConnectProxy};

use crate::given::{options, send};

/// What [`sends_to`] is told, in a process with an environment of its own.
const URL: &str = "PORTREEVE_TEST_URL";
const CA: &str = "PORTREEVE_TEST_CA";

#[test]
#[ignore = "the other tests run it"]
fn sends_to() {
    let data = tempfile::tempdir().unwrap();
    let ca_file = Some(std::env::var(CA).unwrap().into());
    let options = Options { ca_file, ..options(&std::env::var(URL).unwrap()) };
    assert_eq!(send(&options, data.path()), Outcome::Accepted);
}

fn send_with(url: &str, authority: &Authority, variables: &[(&str, &str)]) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "proxy::sends_to"]).stdout(Stdio::null()).stderr(Stdio::null());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env(URL, url).env(CA, authority.file("ca.pem")).envs(variables.iter().copied());
    command.status().unwrap().success()
}

#[test]
fn a_proxy_of_the_environment_tunnels_and_the_endpoint_still_proves_itself() {
    let (authority, proxy) = (Authority::new(), ConnectProxy::start());
    let endpoint = Endpoint::start_tls(&authority.server(false));
    let (far, near) = (format!("https://fleet.test:{}", endpoint.port()), endpoint.url());
    let through = format!("http://user:pass@127.0.0.1:{}", proxy.port());
    assert!(send_with(&far, &authority, &[("HTTPS_PROXY", &through)]));
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with(&format!("CONNECT fleet.test:{} ", endpoint.port())), "{}", heads[0]);
    assert!(heads[0].contains("Basic dXNlcjpwYXNz"), "{}", heads[0]);
    assert!(!send_with(&far, &authority, &[("HTTPS_PROXY", &through), ("NO_PROXY", "fleet.test")]), "no such host");
    assert!(send_with(&near, &authority, &[("HTTPS_PROXY", &through)]), "this machine is in nobody's proxy");
    assert_eq!((proxy.heads().len(), endpoint.events().len()), (1, 2));
}
