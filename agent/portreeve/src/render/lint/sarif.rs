//! SARIF 2.1.0 (OASIS), which code scanning services read.

use portreeve_core::catalogue::{self, Entry};
use portreeve_core::lint::{LintFinding, LintReport};
use portreeve_core::snapshot::{Place, ProjectProblem};
use portreeve_core::{Code, Severity};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{sentence, weight};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Where the findings are documented.
const FINDINGS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/findings.md");

/// The rule of what Compose itself refuses or warns about.
const COMPOSE: &str = "compose";

/// The log of one run.
pub(crate) fn lint_sarif(report: &LintReport) -> Value {
    let mut rules: Vec<Value> = catalogue::entries().map(rule).collect();
    rules.push(json!({
        "id": COMPOSE,
        "shortDescription": { "text": "Docker Compose refuses the file or warns about it" },
        "helpUri": "https://docs.docker.com/reference/compose-file/",
        "defaultConfiguration": { "level": "error" },
    }));
    let problems = report.problems.iter().map(|problem| of_problem(problem, rules.len() - 1));
    let findings = report.findings.iter().map(of_finding);
    let results: Vec<Value> = problems.chain(findings).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Portreeve",
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "semanticVersion": report.agent.version,
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(entry: &Entry) -> Value {
    json!({
        "id": entry.code,
        "shortDescription": { "text": entry.title },
        "fullDescription": { "text": entry.why },
        "help": { "text": entry.remedy.join("\n") },
        "helpUri": format!("{FINDINGS}#{}", entry.code.as_str().replace('.', "")),
        "defaultConfiguration": { "level": level(entry.severity) },
        "properties": { "tags": [entry.layer] },
    })
}

fn of_finding(finding: &LintFinding) -> Value {
    let index = Code::ALL.iter().position(|code| *code == finding.code).unwrap_or_default();
    let mut text = sentence(finding);
    for remedy in &finding.remedy {
        text.push_str(&format!("\n- {}", remedy.text));
    }
    let seen: Vec<Value> = finding
        .evidence
        .iter()
        .filter_map(|evidence| {
            let mut location = location(evidence.place.as_ref()?);
            location["message"] = json!({ "text": evidence.fact });
            Some(location)
        })
        .collect();
    let mut result = result(finding.code.as_str(), index, finding.severity, &text, finding.place.as_ref());
    result["partialFingerprints"] = fingerprint(&[finding.code.as_str(), &finding.subject.kind, &finding.subject.id]);
    if !seen.is_empty() {
        result["relatedLocations"] = Value::Array(seen);
    }
    if finding.waived {
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted" }]);
    }
    result
}

fn of_problem(problem: &ProjectProblem, index: usize) -> Value {
    let mut result = result(COMPOSE, index, weight(problem), &problem.message, problem.place.as_ref());
    let file = problem.place.as_ref().map(|place| place.file.as_str()).unwrap_or_default();
    result["partialFingerprints"] = fingerprint(&[COMPOSE, file, &problem.message]);
    result
}

fn result(id: &str, index: usize, severity: Severity, text: &str, place: Option<&Place>) -> Value {
    let locations: Vec<Value> = place.map(location).into_iter().collect();
    json!({
        "ruleId": id,
        "ruleIndex": index,
        "level": level(severity),
        "message": { "text": text },
        "locations": locations,
    })
}

/// What stays the same while lines move, so that a service knows a finding again.
fn fingerprint(parts: &[&str]) -> Value {
    let digest = Sha256::digest(parts.join("\0").as_bytes());
    let head: [u8; 16] = std::array::from_fn(|index| digest.get(index).copied().unwrap_or_default());
    let hex = format!("{:032x}", u128::from_be_bytes(head));
    json!({ "portreeve/v1": hex })
}

fn location(place: &Place) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&place.file) },
        "region": { "startLine": place.line.max(1), "startColumn": place.column.max(1) },
    } })
}

/// A path as a reference of RFC 3986: relative ones stay relative to where the tool ran.
fn uri(path: &str) -> String {
    let escaped: String = path
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    if escaped.starts_with('/') { format!("file://{escaped}") } else { escaped }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "note",
    }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("a b/c:d.yaml"), "a%20b/c%3Ad.yaml");
        assert_eq!(uri("/x/ü.yaml"), "file:///x/%C3%BC.yaml");
    }
}
