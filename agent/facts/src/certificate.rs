//! The certificate of a gateway.

use std::path::{Path, PathBuf};

use portreeve_openclaw::config::Config;
use portreeve_openclaw::endpoint::CertFingerprint;
use portreeve_openclaw::environment;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::paths::{self, PathInputs};

/// No certificate is larger.
const MAX_PEM_BYTES: u64 = 1 << 20;
/// Where a gateway keeps the certificate that it makes itself, below its directory.
const OWN: &str = "gateway/tls/gateway-cert.pem";

/// The certificate that a gateway with this configuration and state directory shows: where it runs it is the proof of whom we talk to. The
/// inputs are those of its effective environment.
pub fn certificate(
    config: &Config,
    state_dir: &Path,
    inputs: &PathInputs<'_>,
    reader: &Reader,
) -> Option<CertFingerprint> {
    let pem = places(config, state_dir, inputs)
        .into_iter()
        .find_map(|place| reader.read_linked(&place, MAX_PEM_BYTES).ok())?;
    CertFingerprint::of_pem(&pem.bytes)
}

/// `gateway.tls.certPath`, else the gateway's own: in its state directory, and beside a configuration that the environment names where it
/// names no state directory.
fn places(config: &Config, state_dir: &Path, inputs: &PathInputs<'_>) -> Vec<PathBuf> {
    let environment = inputs.environment;
    if let Some(path) = config.gateway(environment).tls.cert_path.filter(|path| !path.trim().is_empty()) {
        return vec![paths::expand(&path, inputs)];
    }
    let named =
        environment.text(environment::CONFIG_PATH).filter(|_| environment.text(environment::STATE_DIR).is_none());
    let beside = named.and_then(|path| Some(paths::expand(path, inputs).parent()?.join(OWN)));
    beside.into_iter().chain([state_dir.join(OWN)]).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portreeve_openclaw::config::{self, LoadOptions};
    use portreeve_openclaw::environment::Environment;

    use super::*;

    const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    /// Whether a certificate at this place below a home is found with this configuration and these variables.
    fn is_found(place: &str, tls: &str, variables: &[(&str, &str)]) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let reader = Reader::for_self(Some(home.clone()));
        let file = home.join("openclaw.json");
        fs::write(&file, format!("{{ gateway: {{ tls: {{ {tls} }} }} }}")).unwrap();
        let place = home.join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, PEM).unwrap();
        let config = config::load(&file, &LoadOptions::new(&reader)).unwrap();
        let environment = Environment::all(variables.iter().map(|(name, value)| {
            let value = value.replace("@home@", &home.to_string_lossy());
            ((*name).to_owned(), value)
        }));
        let inputs = PathInputs { environment: &environment, account_home: &home, working_directory: Path::new("/") };
        certificate(&config, &home.join("state"), &inputs, &reader).is_some()
    }

    #[test]
    fn a_gateway_that_makes_its_own_certificate_keeps_it_in_its_directory() {
        const IN_STATE: &str = "state/gateway/tls/gateway-cert.pem";
        const BESIDE: &str = "conf/gateway/tls/gateway-cert.pem";
        let elsewhere = [("OPENCLAW_STATE_DIR", "@home@/state"), ("OPENCLAW_CONFIG_PATH", "@home@/conf/openclaw.json")];
        for variables in [&[][..], &elsewhere[..1], &elsewhere] {
            assert!(is_found(IN_STATE, "enabled: true", variables));
            assert!(!is_found(BESIDE, "enabled: true", variables));
        }
        assert!(is_found(IN_STATE, "enabled: true, certPath: ' '", &[]));
        assert!(is_found(BESIDE, "enabled: true", &elsewhere[1..]), "the configuration's directory is the gateway's");
        assert!(is_found(IN_STATE, "enabled: true", &elsewhere[1..]), "a profile named another one");
    }

    #[test]
    fn a_named_certificate_is_the_one() {
        assert!(is_found("own.pem", "certPath: '~/own.pem'", &[]));
        assert!(!is_found("state/gateway/tls/gateway-cert.pem", "certPath: '~/own.pem'", &[]));
        assert!(!is_found("other.pem", "enabled: true", &[]));
    }
}
