//! How often what is found is what was wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::label::Label;
use super::project::Found;

/// Findings beside labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    hits: usize,
    misses: usize,
    false_alarms: usize,
}

/// What was measured over all folders.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    folders: usize,
    by_code: BTreeMap<String, Count>,
    misses: Vec<String>,
    false_alarms: Vec<String>,
    /// Found as a warning and wanted as an error, or the other way round.
    severities: Vec<String>,
    pub(crate) forbidden: Vec<String>,
    pub(crate) crashes: Vec<String>,
    pub(crate) unreadable: Vec<String>,
}

impl Measure {
    pub(crate) fn is_empty(&self) -> bool {
        self.folders == 0 && self.crashes.is_empty() && self.unreadable.is_empty()
    }

    pub(crate) fn add(&mut self, name: &str, label: &Label, found: &Found) {
        self.folders += 1;
        let none = BTreeSet::new();
        let (errors, warnings) = (label.errors.as_ref().unwrap_or(&none), label.warnings.as_ref().unwrap_or(&none));
        for code in errors.union(warnings) {
            let count = self.by_code.entry(code.clone()).or_default();
            match (found.errors.contains(code), found.warnings.contains(code) || found.others.contains(code)) {
                (false, false) => {
                    count.misses += 1;
                    self.misses.push(format!("{name}: {code}"));
                    continue;
                }
                (true, _) if !errors.contains(code) => self.severities.push(format!("{name}: {code} is an error")),
                (false, true) if errors.contains(code) => self.severities.push(format!("{name}: {code} is no error")),
                _ => {}
            }
            count.hits += 1;
        }
        let alarms = |found: &BTreeSet<String>, labelled: bool| {
            let found = found.iter().filter(|code| labelled && !errors.contains(*code) && !warnings.contains(*code));
            found.cloned().collect::<Vec<_>>()
        };
        let unwanted = alarms(&found.errors, label.errors.is_some());
        for code in unwanted.into_iter().chain(alarms(&found.warnings, label.warnings.is_some())) {
            self.false_alarms.push(format!("{name}: {code}"));
            self.by_code.entry(code).or_default().false_alarms += 1;
        }
        let all = found.errors.iter().chain(&found.warnings).chain(&found.others);
        let forbidden: BTreeSet<&String> = all.filter(|code| label.must_not.contains(*code)).collect();
        self.forbidden.extend(forbidden.into_iter().map(|code| format!("{name}: {code}")));
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |part: fn(&Count) -> usize| self.by_code.values().map(part).sum::<usize>();
        let all = Count {
            hits: sum(|count| count.hits),
            misses: sum(|count| count.misses),
            false_alarms: sum(|count| count.false_alarms),
        };
        writeln!(f, "{} labelled folders", self.folders)?;
        for (code, count) in
            std::iter::once(("all", &all)).chain(self.by_code.iter().map(|(code, count)| (code.as_str(), count)))
        {
            writeln!(
                f,
                "  {code}: precision {}, recall {}",
                share(count.hits, count.false_alarms),
                share(count.hits, count.misses)
            )?;
        }
        let lists = [
            ("missed", &self.misses),
            ("false alarms", &self.false_alarms),
            ("other severity", &self.severities),
            ("in spite of must_not", &self.forbidden),
            ("crashed", &self.crashes),
            ("not read", &self.unreadable),
        ];
        for (what, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            writeln!(f, "{what}:")?;
            for entry in list {
                writeln!(f, "  {entry}")?;
            }
        }
        Ok(())
    }
}

/// `95 % (19 of 20)`.
fn share(good: usize, bad: usize) -> String {
    match good + bad {
        0 => "-".to_owned(),
        all => format!("{} % ({good} of {all})", good * 100 / all),
    }
}
