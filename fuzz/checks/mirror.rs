use std::path::Path;
use std::sync::LazyLock;

use portreeve_observe::mirror::ignore::Rules;
use portreeve_observe::mirror::shell::Variables;
use portreeve_observe::mirror::{StatePlace, SystemMarks, copy, cron_entries, settings, shell};

/// A state directory that is nowhere.
static PLACE: LazyLock<StatePlace> =
    LazyLock::new(|| StatePlace::of(Path::new("/nowhere/op/sync/.openclaw"), None, false, &SystemMarks));

/// Reads bytes as each thing that says what is copied.
pub(crate) fn check(data: &[u8]) {
    let _ = (settings::syncthing(data), settings::dropbox(data), settings::nextcloud(data), settings::onedrive(data));
    let text = String::from_utf8_lossy(data);
    let variables = Variables::from([("HOME".to_owned(), "/nowhere/op".to_owned())]);
    let mut commands = shell::commands(&text, &variables);
    for is_system in [false, true] {
        for entry in cron_entries(&text, is_system) {
            assert!(entry.line > 0);
            commands.extend(shell::commands(&entry.command, &variables));
        }
    }
    for words in &commands {
        let Some(mut copied) = copy::without_wrappers(words).and_then(copy::parse) else { continue };
        copy::unison_profile(&mut copied, &text);
        copy::lsyncd_settings(&mut copied, &text);
        let _ = copied.rules.judge(&PLACE, Path::new("/nowhere/op"));
    }
    for rules in [Rules::syncthing(&text, "f"), Rules::lines(&text, "f", &["+ "], &["- ", "]"])] {
        let _ = rules.judge(&PLACE, Path::new("/nowhere/op"));
    }
}
