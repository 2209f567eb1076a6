//! Gateways that several tests only look at.

use std::sync::OnceLock;

use portreeve_tests::{Builder, Gateway, OpenClaw};

use crate::{CONFIG_TOKEN, OTHER_TOKEN, TOKEN_VARIABLE};

/// A gateway with the same token in config and environment. None where tests with the real one are left out.
pub(crate) fn alike() -> Option<&'static Gateway> {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    started(&GATEWAY, CONFIG_TOKEN)
}

/// A gateway with a token in its environment that differs from the one in its config.
pub(crate) fn differing() -> Option<&'static Gateway> {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    started(&GATEWAY, OTHER_TOKEN)
}

fn started(place: &'static OnceLock<Gateway>, environment: &str) -> Option<&'static Gateway> {
    let openclaw = OpenClaw::find()?;
    let gateway = place.get_or_init(|| {
        let builder = Builder::new(&openclaw).token(CONFIG_TOKEN).env(TOKEN_VARIABLE, environment);
        let mut gateway = builder.build();
        gateway.start_until_ready();
        gateway
    });
    Some(gateway)
}
