//! Whose a request says it is.

use portreeve_telemetry::otlp::{Resource, any_value, resource};

use crate::enrol::is_hidden;
use crate::index::clipped;

const MAX_TEXT: usize = 200;

/// What the resources of a request tell of their node.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) agent_version: Option<String>,
    pub(super) hostname: Option<String>,
}

impl About {
    /// Takes over what a resource tells. Where it is of another node than `id`, that one's identity is the error.
    pub(super) fn read(&mut self, resource: &Resource, id: &str) -> Result<(), String> {
        for pair in &resource.attributes {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            let is_identity = matches!(pair.key.as_str(), resource::SERVICE_INSTANCE_ID | resource::HOST_ID);
            let Some(any_value::Value::StringValue(text)) = value else {
                if is_identity {
                    return Err("an identity that is no text".to_owned());
                }
                continue;
            };
            let short = || Some(clipped(text, MAX_TEXT).replace(is_hidden, "\u{fffd}"));
            match pair.key.as_str() {
                _ if is_identity && text != id => return Err(clipped(text, MAX_TEXT).to_owned()),
                resource::SERVICE_VERSION => self.agent_version = short(),
                resource::HOST_NAME => self.hostname = short(),
                _ => {}
            }
        }
        Ok(())
    }
}
