//! A conversation with a gateway, one frame a line; a line that is `close` and a reason closes it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_openclaw::client::{Input, Machine, Step};
use portreeve_openclaw::protocol::{
    ChannelsStatus, ClientIdentity, Close, ConnectParams, Credential, Health, PairingList,
};

fuzz_target!(|text: &str| {
    let credential = Credential::Token("planted-secret".into());
    let mut machine = Machine::new(ConnectParams::reader(ClientIdentity::Cli, credential), "c1");
    for line in text.lines() {
        let input = line.strip_prefix("close ").map(|reason| Input::Close(Some(Close::new(1008, reason))));
        match machine.on(input.unwrap_or(Input::Text(line))) {
            Step::Answer { frame, .. } => {
                let _ = frame.payload::<Health>("health");
                let _ = frame.payload::<ChannelsStatus>("channels.status");
                let _ = frame.payload::<PairingList>("device.pair.list");
                machine.rejection(&frame);
            }
            Step::Ended(kind) => assert!(!format!("{kind:?}").contains("planted-secret")),
            Step::Wait | Step::Send(_) | Step::Hello(_) => {}
        }
    }
});
