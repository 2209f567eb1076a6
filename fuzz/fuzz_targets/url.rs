//! URLs of gateways.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::credentials::GatewayUrl;
use portreeve_openclaw::endpoint::Target;

fuzz_target!(|text: &str| {
    if let Ok(url) = GatewayUrl::parse(text) {
        url.plaintext_verdict(false);
        let again = GatewayUrl::parse(&url.to_string()).unwrap();
        assert_eq!((again.host(), again.port(), again.path()), (url.host(), url.port(), url.path()));
    }
    let _ = Target::from_url(text);
});
