use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use reqwest::{Certificate, Client};
use tempfile::TempDir;

use crate::program::{DEADLINE, Fleet, beat};

/// A certificate for the loopback that nobody signed but its own key.
fn certificate(folder: &Path) -> Certificate {
    let [key, cert] = ["fleet.key", "fleet.pem"].map(|file| folder.join(file).to_str().unwrap().to_owned());
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "30", "-subj", "/CN=fleet", "-keyout", &key, "-out", &cert]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]);
    assert!(openssl.output().unwrap().status.success());
    Certificate::from_pem(&std::fs::read(cert).unwrap()).unwrap()
}

fn client(trusted: Certificate) -> Client {
    Client::builder().timeout(DEADLINE).no_proxy().tls_certs_only([trusted]).build().unwrap()
}

#[tokio::test]
async fn it_speaks_tls_and_takes_a_new_certificate_over() {
    let folder = TempDir::new().unwrap();
    let first = certificate(folder.path());
    let [cert, key] = ["fleet.pem", "fleet.key"].map(|file| folder.path().join(file).to_str().unwrap().to_owned());
    let mut fleet = Fleet::with(folder, &["--tls-cert", &cert, "--tls-key", &key]);
    assert!(fleet.url.starts_with("https://"));
    fleet.client = client(first);
    let token = fleet.join("n1").await.token;
    assert_eq!(fleet.metrics(&token, beat("n1")).await.status(), 200);
    // A broken file changes nothing; a good one is in force for the next connection.
    std::fs::write(&cert, "no certificate").unwrap();
    fleet.signal(Signal::SIGHUP);
    assert_eq!(fleet.get("/healthz").await.status(), 200);
    let second = certificate(fleet.folder.path());
    fleet.signal(Signal::SIGHUP);
    let end = Instant::now() + DEADLINE;
    while client(second.clone()).get(format!("{}/healthz", fleet.url)).send().await.is_err() {
        assert!(Instant::now() < end, "the new certificate is never in force");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fleet.stop(), Some(0));
}

#[tokio::test]
async fn who_says_nothing_is_cut_off() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let fleet = Fleet::configured("[limits]\nheader_s = 1\nidle_s = 4\nbody_s = 1\nconnections_per_address = 8");
    let token = fleet.join("n1").await.token;
    let address = fleet.url.strip_prefix("http://").unwrap();
    let head = format!(
        "POST /v1/metrics HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/x-protobuf\r\n\
         content-length: 100\r\n\r\nabc"
    );
    let login = "POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: 100\r\nconnection: close\r\n\r\ntoken=";
    // Nothing, half a head, a head and half a body, and a whole request before nothing.
    for said in ["", "GET /healthz HTTP/1.1\r\nhost:", &head, login, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("it is cut off").unwrap();
        assert!(said != head || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    // Who reports now and then keeps the connection for longer than a head may take.
    let mut kept = tokio::net::TcpStream::connect(address).await.unwrap();
    for _ in 0..2 {
        kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut start = [0; 12];
        tokio::time::timeout(DEADLINE, kept.read_exact(&mut start)).await.expect("an answer").unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        let mut rest = [0; 4_096];
        while tokio::time::timeout(Duration::from_millis(1_500), kept.read(&mut rest))
            .await
            .is_ok_and(|read| read.unwrap() > 0)
        {}
    }
    drop(kept);
    // One address has a bound of its own, and is let in again when it lets go.
    let mut many = Vec::new();
    for _ in 0..20 {
        many.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    drop(many);
    let end = Instant::now() + DEADLINE;
    let fresh = || Client::builder().timeout(DEADLINE).no_proxy().build().unwrap();
    while fresh().get(format!("{}/healthz", fleet.url)).send().await.is_err() {
        assert!(Instant::now() < end, "nobody is let in again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
