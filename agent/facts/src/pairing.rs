//! Devices as the gateway lists them.

use jiff::Timestamp;
use portreeve_core::snapshot::{PairedDevice, Pairing, PendingPairing};
use portreeve_openclaw::protocol::PairingList;
use portreeve_openclaw::protocol::text::Text;

fn time(milliseconds: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds?).ok()
}

fn words(texts: &[Text]) -> Vec<String> {
    texts.iter().map(|text| text.as_str().to_owned()).collect()
}

fn word(text: Option<&Text>) -> Option<String> {
    text.map(|text| text.as_str().to_owned())
}

/// The answer to `device.pair.list` as the snapshot keeps it.
pub fn pairing(list: &PairingList) -> Pairing {
    Pairing {
        pending: list
            .pending
            .iter()
            .map(|request| PendingPairing {
                request_id: request.request_id.clone(),
                device_id: request.device_id.clone(),
                role: word(request.role.as_ref()),
                scopes: words(&request.scopes),
                client_id: word(request.client_id.as_ref()),
                platform: word(request.platform.as_ref()),
                remote_ip: word(request.remote_ip.as_ref()),
                requested_at: time(request.ts),
                repair: request.is_repair,
            })
            .collect(),
        paired: list
            .paired
            .iter()
            .map(|device| PairedDevice {
                device_id: device.device_id.clone(),
                roles: if device.roles.is_empty() {
                    word(device.role.as_ref()).into_iter().collect()
                } else {
                    words(&device.roles)
                },
                scopes: words(&device.scopes),
                client_id: word(device.client_id.as_ref()),
                platform: word(device.platform.as_ref()),
                display_name: word(device.display_name.as_ref()),
                remote_ip: word(device.remote_ip.as_ref()),
                approved_at: time(device.approved_at_ms),
                last_seen_at: time(device.last_seen_at_ms),
            })
            .collect(),
    }
}
