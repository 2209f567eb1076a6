//! Home folders, accounts of cloud storage and mail addresses.

use super::{Redactor, run};

/// Folders of homes.
const HOMES: [&str; 2] = ["/Users/", "/home/"];
/// Folder in which macOS keeps what file providers show.
const CLOUD: &str = "/CloudStorage/";
/// What the names of folders there begin with.
const PROVIDERS: [&str; 8] =
    ["GoogleDrive", "OneDrive", "Dropbox", "Box", "iCloudDrive", "Nextcloud", "ProtonDrive", "pCloudDrive"];
/// Ends of names of units, which look like addresses: `user@501.service`.
const UNIT_ENDS: [&str; 8] = ["service", "socket", "timer", "target", "slice", "scope", "mount", "path"];

impl Redactor {
    pub(super) fn places_in(&mut self, text: &str) -> Option<String> {
        super::rewrite(text, |_, rest| {
            if let Some(tail) = rest.strip_prefix(CLOUD) {
                let folder = run(tail, |c| !ends_folder(c));
                let length = CLOUD.len() + folder.len();
                let provider = PROVIDERS.into_iter().find(|name| folder.starts_with(name)).unwrap_or_default();
                let account = folder.get(provider.len()..)?;
                let account = if provider.is_empty() { account } else { account.trim_start_matches(['-', ' ']) };
                let dash = if provider.is_empty() { "" } else { "-" };
                return (!account.is_empty())
                    .then(|| (length, format!("{CLOUD}{provider}{dash}{}", self.accounts.alias(account))));
            }
            if let Some(tail) = rest.strip_prefix("/OneDrive - ") {
                let account = run(tail, |c| !ends_folder(c));
                return Some((12 + account.len(), format!("/OneDrive - {}", self.accounts.alias(account))));
            }
            if let Some(tail) = rest.strip_prefix("/Dropbox (") {
                let account = run(tail, |c| !ends_folder(c) && c != ')');
                return Some((10 + account.len(), format!("/Dropbox ({}", self.accounts.alias(account))));
            }
            let home = HOMES.into_iter().find(|home| rest.starts_with(home))?;
            let name = run(rest.get(home.len()..)?, |c| {
                !c.is_whitespace()
                    && !matches!(
                        c,
                        '/' | '\\'
                            | ':'
                            | ','
                            | ';'
                            | '"'
                            | '\''
                            | '`'
                            | ')'
                            | ']'
                            | '}'
                            | '|'
                            | '<'
                            | '>'
                            | '&'
                            | '?'
                            | '#'
                            | '*'
                            | '…'
                    )
            });
            // A folder that is hidden is nobody's name: `/srv/home/.openclaw`.
            let is_name = !name.is_empty() && !name.starts_with('.');
            is_name.then(|| (home.len() + name.len(), format!("{home}{}", self.users.alias(name))))
        })
    }

    pub(super) fn mails_in(&mut self, text: &str) -> Option<String> {
        let is_local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
        super::rewrite(text, |before, rest| {
            if before.is_some_and(is_local) {
                return None;
            }
            let local = run(rest, is_local);
            let domain = rest.get(local.len()..)?.strip_prefix('@').filter(|_| !local.is_empty())?;
            let domain = run(domain, |c| c.is_alphanumeric() || matches!(c, '.' | '-')).trim_end_matches(['.', '-']);
            let (_, end) = domain.rsplit_once('.')?;
            let is_domain =
                end.chars().count() >= 2 && end.chars().all(char::is_alphabetic) && !UNIT_ENDS.contains(&end);
            let length = local.len() + 1 + domain.len();
            is_domain.then(|| (length, self.mails.alias(rest.get(..length).unwrap_or_default())))
        })
    }
}

fn ends_folder(c: char) -> bool {
    matches!(c, '/' | '"' | '\'' | '`' | '\n' | '\r' | '\\' | '<' | '>')
}
