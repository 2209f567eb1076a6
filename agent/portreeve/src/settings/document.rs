//! Settings as one document, as they are handed from the daemon to its lanes: what was accepted counts, whatever files say meanwhile.

use std::path::Path;

use toml::Value;

use super::{Settings, SettingsError, file, keys};

/// How a document is named where it is not understood.
const NAME: &str = "(settings of the daemon)";

impl Settings {
    /// All of them as TOML.
    pub(crate) fn document(&self) -> String {
        let mut text = String::new();
        for key in keys() {
            text.push_str(&format!("{} = {}\n", key.name, (key.show)(self)));
        }
        for waiver in &self.policy.waivers {
            let quoted = |text: String| Value::String(text).to_string();
            text.push_str(&format!("\n[[waiver]]\ncode = {}\n", quoted(waiver.code.to_string())));
            if let Some(subject) = &waiver.subject {
                text.push_str(&format!("subject = {}\n", quoted(subject.clone())));
            }
            text.push_str(&format!("until = {}\n", quoted(waiver.until.to_string())));
            text.push_str(&format!("reason = {}\n", quoted(waiver.reason.clone())));
        }
        text
    }

    /// Those of a document. Neither a file nor the environment adds to them.
    pub(crate) fn from_document(text: &str) -> Result<Self, SettingsError> {
        let mut settings = Self::defaults(&|_| None, true);
        file::apply_text(&mut settings, Path::new(NAME), text)?;
        settings.origins.clear();
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_gives_the_same_settings() {
        let text = "homes = [\"/Users/a \\\"b\\\"\"]\nports = [19001, 19002]\ntimeout_s = 7\ncontainers = \"off\"\ntime_server = \"time.apple.com\"\n\
                    [policy]\nlock_wait_s = 1.5\ndisk_error_bytes = 7\n\
                    [[waiver]]\ncode = \"state.open\"\nuntil = \"2030-01-01T00:00:00Z\"\nreason = \"one \\\"user\\\"\"\n";
        let mut settings = Settings::defaults(&|_| None, true);
        file::apply_text(&mut settings, Path::new("x"), text).unwrap();
        settings.origins.clear();
        assert_eq!(Settings::from_document(&settings.document()).unwrap(), settings);
        let defaults = Settings::defaults(&|_| None, true);
        assert_eq!(Settings::from_document(&defaults.document()).unwrap(), defaults);
    }
}
