//! What was said, judged by what was to be said.

use std::collections::BTreeSet;

use portreeve_core::catalogue::Code;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::Said;
use super::fault::{Expect, Fault, Kind};

/// What `portreeve` said of a set-up.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Answer {
    /// Exit status.
    pub status: Option<i32>,
    /// Wall time in milliseconds.
    pub elapsed_ms: u64,
    /// The root causes.
    pub root_causes: Vec<String>,
    /// Everything that was found.
    pub findings: Vec<Finding>,
    /// What it said where it gave no report.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub no_report: String,
    /// The rungs that did not hold, and what could not be seen.
    #[serde(default)]
    pub unproven: Vec<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Finding {
    /// Its code.
    pub code: String,
    /// Its severity.
    pub severity: String,
    /// What it says.
    pub summary: String,
}

/// How well an answer hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hit {
    /// The root causes are the expected ones and no others, with the expected status; of a healthy set-up, nothing.
    Exact,
    /// The expected ones are among what was found, but there is more, or the status is another.
    Named,
    /// Something expected is not found.
    Missed,
}

/// The judgement of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Judgement {
    /// How well it hits.
    pub hit: Hit,
    /// Whether it says what is not so.
    pub false_alarm: bool,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

impl Answer {
    /// Reads the report of `check --json` or `lint --format json`.
    pub fn read(said: &Said, redact: impl Fn(&str) -> String) -> Self {
        let mut answer = Self { status: said.status, elapsed_ms: said.elapsed_ms, ..Self::default() };
        let Ok(report) = serde_json::from_str::<Value>(&said.stdout) else {
            answer.no_report = redact(&said.text());
            return answer;
        };
        let list = |key: &str| report[key].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| redact(value.as_str().unwrap_or_default());
        let findings = list("findings");
        answer.findings = findings
            .iter()
            .map(|one| Finding {
                code: text(&one["code"]),
                severity: text(&one["severity"]),
                summary: text(&one["summary"]),
            })
            .collect();
        answer.root_causes = match report["root_causes"].as_array() {
            Some(causes) => causes.iter().map(text).collect(),
            None => {
                let own = findings.iter().filter(|one| one["severity"] == "error" && one["explained_by"].is_null());
                own.map(|one| text(&one["code"])).collect()
            }
        };
        let rungs = list("gateways").into_iter().filter_map(|gateway| gateway["rungs"].as_array().cloned()).flatten();
        let unproven = rungs.filter(|rung| rung["state"] != "pass");
        answer.unproven = unproven.map(|rung| format!("{} {}", text(&rung["rung"]), text(&rung["state"]))).collect();
        answer.unproven.extend(list("blind").iter().map(|blind| format!("blind: {}", text(&blind["what"]))));
        answer
    }

    /// Whether it found this, in whatever severity.
    pub fn has(&self, code: Code) -> bool {
        self.findings.iter().any(|finding| finding.code == code.as_str())
    }

    /// Judges it.
    pub fn judge(&self, fault: &Fault) -> Judgement {
        let expect = &fault.expect;
        let mut why = Vec::new();
        if !self.no_report.is_empty() {
            let first = self.no_report.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            why.push(format!("no report: {first}"));
        }
        let lacks = |codes: &[Code]| -> Vec<Code> { codes.iter().copied().filter(|code| !self.has(*code)).collect() };
        let lacking = [lacks(&expect.causes), lacks(&expect.warns)].concat();
        why.extend(lacking.iter().map(|code| format!("`{code}` is not found")));
        let forbidden: Vec<Code> = expect.must_not.iter().copied().filter(|code| self.has(*code)).collect();
        why.extend(forbidden.iter().map(|code| format!("`{code}` is reported")));
        let causes: BTreeSet<&str> = self.root_causes.iter().map(String::as_str).collect();
        let wanted: BTreeSet<&str> = expect.causes.iter().map(|code| code.as_str()).collect();
        let more: Vec<&str> = causes.difference(&wanted).copied().collect();
        why.extend(more.iter().map(|code| format!("`{code}` is a root cause too")));
        let less: Vec<&str> = wanted.difference(&causes).copied().filter(|code| self.root_has(code)).collect();
        why.extend(less.iter().map(|code| format!("`{code}` is no root cause")));
        // Where nothing blocks, the warnings are what is said.
        let idle = if expect.causes.is_empty() { self.idle_warnings(expect) } else { Vec::new() };
        why.extend(idle.iter().map(|code| format!("`{code}` is a warning too")));
        if self.status != Some(expect.status) {
            let status = self.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            why.push(format!("exit status {status}, expected {}", expect.status));
        }
        let hit = match () {
            () if why.is_empty() => Hit::Exact,
            () if lacking.is_empty() && self.no_report.is_empty() => Hit::Named,
            () => Hit::Missed,
        };
        let noise = fault.kind == Kind::Healthy && !why.is_empty();
        Judgement { hit, false_alarm: noise || !forbidden.is_empty(), why }
    }

    fn root_has(&self, code: &str) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    fn idle_warnings(&self, expect: &Expect) -> Vec<&str> {
        let known = |code: &str| expect.warns.iter().chain(&expect.also).any(|known| known.as_str() == code);
        let warnings = self.findings.iter().filter(|finding| finding.severity == "warning");
        let codes: BTreeSet<&str> = warnings.map(|finding| finding.code.as_str()).collect();
        codes.into_iter().filter(|code| !known(code)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(kind: &str, expect: &str) -> Fault {
        let family = if kind == "healthy" { "healthy" } else { "auth" };
        let text = format!(
            "id = 'x'\ntitle = 'x'\nfamily = '{family}'\nkind = '{kind}'\nbase = 'native'\nsees = 'x'\n[expect]\n{expect}"
        );
        Fault::parse(&text, "x").unwrap()
    }

    fn answer(causes: &[&str], findings: &[(&str, &str)], status: i32) -> Answer {
        let findings: Vec<Value> = findings
            .iter()
            .map(|(code, severity)| json!({ "code": code, "severity": severity, "summary": "" }))
            .collect();
        let stdout = json!({ "root_causes": causes, "findings": findings }).to_string();
        let said = Said { status: Some(status), elapsed_ms: 1, stdout, stderr: String::new() };
        Answer::read(&said, ToOwned::to_owned)
    }

    #[test]
    fn the_cause_alone_with_its_status_is_exact() {
        let fault = fault("fault", "causes = ['token.split']\nstatus = 77\nmust-not = ['port.silent']");
        let split = ("token.split", "error");
        let hit = |causes: &[&str], findings: &[(&str, &str)], status| {
            let judgement = answer(causes, findings, status).judge(&fault);
            (judgement.hit, judgement.false_alarm)
        };
        assert_eq!(hit(&["token.split"], &[split, ("state.open", "warning")], 77), (Hit::Exact, false));
        assert_eq!(hit(&["token.split"], &[split], 69), (Hit::Named, false));
        let beside = [split, ("state.shared", "error")];
        assert_eq!(hit(&["token.split", "state.shared"], &beside, 77), (Hit::Named, false));
        assert_eq!(hit(&["state.shared"], &beside, 77), (Hit::Named, false));
        assert_eq!(hit(&["state.shared"], &beside[1..], 78), (Hit::Missed, false));
        assert_eq!(hit(&["token.split"], &[split, ("port.silent", "error")], 77), (Hit::Named, true));
        assert_eq!(hit(&[], &[], 0), (Hit::Missed, false));
    }

    #[test]
    fn a_warning_is_exact_where_no_other_is() {
        let fault = fault("fault", "warns = ['token.shadowed']\nalso = ['token.weak']\nstatus = 0");
        let judge = |findings: &[(&str, &str)]| answer(&[], findings, 0).judge(&fault).hit;
        let shadowed = ("token.shadowed", "warning");
        assert_eq!(judge(&[shadowed]), Hit::Exact);
        assert_eq!(judge(&[shadowed, ("token.weak", "warning"), ("channel.none", "info")]), Hit::Exact);
        assert_eq!(judge(&[shadowed, ("state.open", "warning")]), Hit::Named);
    }

    #[test]
    fn whatever_is_said_of_a_healthy_set_up_is_a_false_alarm() {
        let fault = fault("healthy", "status = 0");
        assert_eq!(answer(&[], &[("channel.none", "info")], 0).judge(&fault).hit, Hit::Exact);
        for wrong in [
            answer(&["port.silent"], &[("port.silent", "error")], 69),
            answer(&[], &[("state.open", "warning")], 0),
            answer(&[], &[], 75),
        ] {
            assert!(wrong.judge(&fault).false_alarm, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_report_misses() {
        let said = Said { status: Some(0), elapsed_ms: 1, stdout: String::new(), stderr: "error: no\n".to_owned() };
        let judgement = Answer::read(&said, ToOwned::to_owned).judge(&fault("healthy", "status = 0"));
        assert_eq!((judgement.hit, judgement.false_alarm), (Hit::Missed, true));
        assert_eq!(judgement.why[0], "no report: error: no");
    }
}
