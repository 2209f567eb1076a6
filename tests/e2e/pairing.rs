//! Devices that wait for approval.

use portreeve_tests::{Builder, Home, Namespaces, OpenClaw, is_root, skip};

use crate::{CONFIG_TOKEN, TOKEN_VARIABLE};

#[test]
fn a_device_from_another_namespace_waits_for_approval() {
    let Some(openclaw) = OpenClaw::find() else { return };
    if !is_root() {
        return skip("network namespaces need root");
    }
    let network = Namespaces::new();
    let builder = Builder::new(&openclaw).token(CONFIG_TOKEN).bind_lan();
    let mut gateway = builder.through(network.prefix(0)).build();
    gateway.start_until_ready();

    // The cheapest command of the real one that sends a device: it wants to write.
    let client = Home::new();
    let mut command = openclaw.command(&network.prefix(1), client.path());
    command.args(["agent", "--agent", "main", "--message", "hello", "--json"]);
    command.env("OPENCLAW_GATEWAY_URL", format!("ws://{}:{}", network.address(0), gateway.port()));
    let output = command.env(TOKEN_VARIABLE, CONFIG_TOKEN).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let request = said.split("requestId: ").nth(1).and_then(|rest| rest.split(')').next());
    let request = request.unwrap_or_else(|| panic!("no pairing request:\n{said}"));

    let checked = gateway.portreeve().home(client.path()).check();
    checked.assert_blocked(&["pairing.pending"], 77);
    checked.assert_says("pairing.pending", &[request, &format!("openclaw devices approve {request}")]);

    // The gateway's own device is neither approved nor pending, and needs neither.
    checked.assert_lacks("pairing.unapproved");

    let approved = gateway.openclaw(&["devices", "approve", request]);
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    let checked = gateway.portreeve().home(client.path()).check();
    checked.assert_lacks("pairing.pending");
    checked.assert_lacks("pairing.unapproved");
}
