//! Certificates that hold for as long as a test says.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Writes `cert.pem`, which signs itself, and `key.pem`. The dates are when it begins and ends to hold: `20200101000000Z`.
pub fn certificate(folder: &Path, name: &str, dates: [&str; 2]) {
    let work = tempfile::tempdir().unwrap();
    let config = format!(
        "[ca]\ndefault_ca = own\n[own]\ndatabase = {work}/index\nserial = {work}/serial\nnew_certs_dir = {work}\ndefault_md = sha256\n\
         policy = any\nx509_extensions = names\n[any]\ncommonName = supplied\n[names]\nsubjectAltName = DNS:{name}\n\
         [req]\ndistinguished_name = subject\nprompt = no\n[subject]\ncommonName = {name}\n",
        work = work.path().display(),
    );
    let write = |file: &str, text: &str| fs::write(work.path().join(file), text).unwrap();
    write("config", &config);
    write("index", "");
    write("serial", "01\n");
    let [key, cert] = ["key.pem", "cert.pem"].map(|file| folder.join(file).display().to_string());
    let [config, request] = ["config", "request"].map(|file| work.path().join(file).display().to_string());
    openssl(&["req", "-new", "-newkey", "rsa:2048", "-nodes", "-config", &config, "-keyout", &key, "-out", &request]);
    let [start, end] = dates;
    openssl(&[
        "ca",
        "-batch",
        "-notext",
        "-config",
        &config,
        "-selfsign",
        "-keyfile",
        &key,
        "-in",
        &request,
        "-out",
        &cert,
        "-startdate",
        start,
        "-enddate",
        end,
    ]);
}

pub(crate) fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("`openssl` does not run: {error}"));
    assert!(output.status.success(), "openssl {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr));
}
