use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use portreeve_core::Secret;
use portreeve_deliver::send::enrol::{EnrolError, enrol, leave, rotate};
use portreeve_deliver::send::{Options, enrolment};
use portreeve_telemetry::enrol::Request;
use portreeve_tests::serve;
use secrecy::ExposeSecret as _;

use crate::given::block_on;

/// Answers with what is next, and keeps what it was asked.
fn fleet(answers: &[(u16, &str)]) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let left =
        Arc::new(Mutex::new(answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect::<Vec<_>>()));
    let kept = Arc::clone(&asked);
    let port = serve(move |mut stream| {
        let mut text = String::new();
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer).unwrap_or(0);
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.lines().next().unwrap().trim().parse().unwrap());
            if body.len() >= length || count == 0 {
                break;
            }
        }
        kept.lock().unwrap().push(text);
        let (status, body) = left.lock().unwrap().remove(0);
        let answer =
            format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        drop(stream.write_all(answer.as_bytes()));
    });
    (format!("http://127.0.0.1:{port}"), asked)
}

fn request() -> Request {
    Request {
        code: "JOIN-CODE".to_owned(),
        node: "aabbccddeeff".to_owned(),
        name: Some("mini-7".to_owned()),
        hostname: "mini".to_owned(),
        agent_version: "0.1.0".to_owned(),
    }
}

fn granted(node: &str, token: &str) -> String {
    format!(r#"{{"node":"{node}","name":"mini-7","token":"{token}"}}"#)
}

const FIRST: &str = "first-credential-000";
const SECOND: &str = "second-credential-00";

#[test]
fn a_node_joins_rotates_and_leaves() {
    let data = tempfile::tempdir().unwrap();
    let (first, second) = (granted("aabbccddeeff", FIRST), granted("aabbccddeeff", SECOND));
    let (url, asked) = fleet(&[(200, &first), (200, &second), (204, "")]);
    let options = Options::default();
    let enrolment = block_on(enrol(&options, data.path(), &url, &request())).unwrap();
    assert_eq!((enrolment.name.as_str(), enrolment.node.as_str()), ("mini-7", "aabbccddeeff"));
    let path = data.path().join(enrolment::FILE);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = |of: &Option<enrolment::Enrolment>| of.as_ref().map(|it| it.token.expose_secret().to_owned());
    assert_eq!(kept(&enrolment::read(data.path()).unwrap()).as_deref(), Some(FIRST));
    block_on(rotate(&options, data.path())).unwrap();
    assert_eq!(kept(&enrolment::read(data.path()).unwrap()).as_deref(), Some(SECOND));
    block_on(leave(&options, data.path())).unwrap();
    assert!(!path.exists() && enrolment::read(data.path()).unwrap().is_none());
    let asked = asked.lock().unwrap();
    assert!(asked[0].starts_with("POST /v1/enrol ") && asked[0].contains("JOIN-CODE"), "{}", asked[0]);
    assert!(asked[1].starts_with("POST /v1/enrol/rotate ") && asked[1].contains(&format!("Bearer {FIRST}")));
    assert!(asked[2].starts_with("POST /v1/enrol/leave ") && asked[2].contains(&format!("Bearer {SECOND}")));
    assert!(matches!(block_on(rotate(&options, data.path())), Err(EnrolError::NotEnrolled)));
}

#[test]
fn what_goes_wrong_is_said_and_leaves_the_enrolment_as_it_was() {
    let data = tempfile::tempdir().unwrap();
    let (good, other) = (granted("aabbccddeeff", FIRST), granted("000000000000", SECOND));
    let short = granted("aabbccddeeff", "short");
    let answers = [
        (200, good.as_str()),
        (403, r#"{"error":"the code is used up"}"#),
        (404, "<html>"),
        (200, "<html>"),
        (200, &other),
        (200, &short),
        (503, ""),
        (302, ""),
    ];
    let (url, _) = fleet(&answers);
    let options = Options::default();
    let ask = |url: &str| block_on(enrol(&options, data.path(), url, &request()));
    ask(&url).unwrap();
    let refused = ask(&url).unwrap_err();
    assert_eq!(refused.to_string(), format!("`{url}` refuses: the code is used up"));
    assert!(matches!(ask(&url), Err(EnrolError::NotAFleet { .. })));
    assert!(matches!(ask(&url), Err(EnrolError::NotAFleet { .. })));
    assert!(matches!(ask(&url), Err(EnrolError::OtherNode { .. })));
    assert!(matches!(ask(&url), Err(EnrolError::NotAFleet { .. })));
    assert!(matches!(ask(&url), Err(EnrolError::Later { .. })));
    assert!(matches!(ask(&url), Err(EnrolError::NotAFleet { .. })));
    let nobody = format!("http://127.0.0.1:{}", portreeve_tests::free_port());
    assert!(matches!(ask(&nobody), Err(EnrolError::Unreachable { .. })));
    for url in ["http://fleet.example", "fleet.example", "https://u:p@fleet.example"] {
        assert!(matches!(ask(url), Err(EnrolError::Setup(_))), "{url}");
    }
    let kept = enrolment::read(data.path()).unwrap().unwrap();
    assert_eq!(kept.token.expose_secret(), Secret::from(FIRST).expose_secret());
    assert!(!format!("{kept:?}").contains(FIRST));
}
