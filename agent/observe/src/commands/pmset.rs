//! `pmset`: sleep, restart and scheduled events.

use std::collections::BTreeMap;

use portreeve_core::snapshot::PowerSettings;

use super::{Parsed, Unparsed};

/// What `pmset -g` and `pmset -g custom` show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Settings that hold on every source of power: `SleepDisabled`.
    pub system: BTreeMap<String, String>,
    /// Settings by profile: `Currently in use`, `AC Power`, `Battery Power`.
    pub profiles: BTreeMap<String, BTreeMap<String, String>>,
    /// What keeps the machine awake at the moment: `sleep` → `sleep prevented by powerd`.
    pub remarks: BTreeMap<String, String>,
}

impl Settings {
    /// The settings in force, with mains power where only profiles are known.
    pub fn power(&self) -> PowerSettings {
        let profile = self.profiles.get("Currently in use").or_else(|| self.profiles.get("AC Power"));
        let value = |name: &str| profile.and_then(|profile| profile.get(name)).or_else(|| self.system.get(name));
        let flag = |name: &str| value(name).map(|value| value != "0");
        PowerSettings {
            sleep_minutes: value("sleep").and_then(|value| value.parse().ok()),
            auto_restart: flag("autorestart"),
            sleep_disabled: flag("SleepDisabled"),
        }
    }
}

/// Parses `pmset -g` and `pmset -g custom`. Names may hold blanks, a remark in brackets may follow the value.
///
/// ```text
/// System-wide power settings:
///  SleepDisabled          0
/// Currently in use:
///  Sleep On Power Button 1
///  hibernatefile        /var/vm/sleepimage
///  sleep                1 (sleep prevented by powerd, coreaudiod)
/// ```
pub fn parse(output: &[u8]) -> Parsed<Settings> {
    let text = String::from_utf8_lossy(output);
    let (mut settings, mut unparsed) = (Settings::default(), Unparsed::default());
    let mut section: Option<String> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(title) = line.strip_suffix(':').filter(|title| !title.starts_with([' ', '\t'])) {
            section = Some(title.to_owned());
            continue;
        }
        let Some((section, (name, value, remark))) = section.as_deref().zip(setting(line)) else {
            unparsed.push(line);
            continue;
        };
        if let Some(remark) = remark {
            settings.remarks.insert(name.to_owned(), remark.to_owned());
        }
        let into = if section == "System-wide power settings" {
            &mut settings.system
        } else {
            settings.profiles.entry(section.to_owned()).or_default()
        };
        into.insert(name.to_owned(), value.to_owned());
    }
    Parsed { value: settings, unparsed }
}

fn setting(line: &str) -> Option<(&str, &str, Option<&str>)> {
    let line = line.trim();
    let (line, remark) = match line.strip_suffix(')').and_then(|line| line.split_once(" (")) {
        Some((line, remark)) => (line.trim_end(), Some(remark)),
        None => (line, None),
    };
    let (name, value) = line.rsplit_once([' ', '\t'])?;
    Some((name.trim_end(), value, remark))
}

/// One line of `pmset -g sched`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledEvent {
    /// `wake`, `poweron`, `wakepoweron`, `sleep`, `shutdown`.
    pub what: String,
    /// Local time as written, `MM/DD/YYYY HH:MM:SS`, or the days and time of a repeating event.
    pub when: String,
    /// Who asked for it.
    pub by: Option<String>,
    /// Whether it repeats.
    pub repeats: bool,
}

/// Parses `pmset -g sched`.
///
/// ```text
/// Repeating power events:
///   wakepoweron at 7:00AM every day
/// Scheduled power events:
///  [0]  wake at 09/22/2026 16:38:36 by 'com.apple.alarm' User visible: true
/// ```
pub fn parse_schedule(output: &[u8]) -> Parsed<Vec<ScheduledEvent>> {
    let text = String::from_utf8_lossy(output);
    let (mut events, mut unparsed) = (Vec::new(), Unparsed::default());
    let mut repeats = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match line.trim() {
            "Repeating power events:" => repeats = true,
            "Scheduled power events:" => repeats = false,
            entry => match event(entry, repeats) {
                Some(event) => events.push(event),
                None => unparsed.push(line),
            },
        }
    }
    Parsed { value: events, unparsed }
}

fn event(entry: &str, repeats: bool) -> Option<ScheduledEvent> {
    let entry = match entry.strip_prefix('[') {
        Some(numbered) => numbered.split_once(']')?.1.trim_start(),
        None => entry,
    };
    let (what, rest) = entry.split_once(" at ")?;
    let (when, by) = match rest.split_once(" by '") {
        Some((when, by)) => (when, by.rsplit_once('\'').map(|(by, _)| by.to_owned())),
        None => (rest, None),
    };
    Some(ScheduledEvent { what: what.to_owned(), when: when.trim().to_owned(), by, repeats })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_remarks_and_profiles() {
        let parsed = parse(
            b"System-wide power settings:\n SleepDisabled\t\t1\nBattery Power:\n sleep  1\nAC Power:\n Sleep On Power Button 1\n\
              sleep                0 (sleep prevented by powerd)\n autorestart 1\nhello\n",
        );
        let power = parsed.value.power();
        assert_eq!((power.sleep_minutes, power.auto_restart, power.sleep_disabled), (Some(0), Some(true), Some(true)));
        assert_eq!(parsed.value.profiles["AC Power"]["Sleep On Power Button"], "1");
        assert_eq!(parsed.value.remarks["sleep"], "sleep prevented by powerd");
        assert_eq!(parsed.unparsed.lines(), ["hello"]);
    }

    #[test]
    fn schedule_with_and_without_repetition() {
        let parsed = parse_schedule(
            b"Repeating power events:\n  wakepoweron at 7:00AM every day\nScheduled power events:\n [0]  wake at 09/22/2026 16:38:36 by 'a' User visible: true\n?\n",
        );
        assert_eq!(parsed.value.len(), 2);
        assert!(parsed.value[0].repeats && !parsed.value[1].repeats);
        assert_eq!(parsed.value[1].by.as_deref(), Some("a"));
        assert_eq!(parsed.unparsed.count(), 1);
    }
}
