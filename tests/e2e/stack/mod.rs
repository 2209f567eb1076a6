//! `fleet/contrib` against the real stores: what agents send is taken there, and what is shipped answers.

mod agent;
mod native;
mod nodes;
mod settings;

use std::collections::BTreeSet;
use std::fs;

use portreeve_telemetry::metric;
use portreeve_tests::{Store, contrib};
use serde_json::Value;

/// Grafana's variables, as it would fill them in.
const VARIABLES: [(&str, &str); 2] = [("$__rate_interval", "5m"), ("$node", nodes::SICK)];
/// The alert that answers only where nothing arrives.
const NOTHING: &str = "PortreeveNothingArrives";

/// A query and where it stands.
struct Query {
    place: String,
    text: String,
}

#[test]
fn prometheus_takes_every_metric_and_answers_every_query() {
    let Some(store) = Store::prometheus() else { return };
    every_query_answers(&store);
    let rules: usize = store.rules().iter().map(|group| group["rules"].as_array().unwrap().len()).sum();
    assert!(rules >= 20, "{rules} rules were loaded");
}

#[test]
fn victoria_metrics_takes_every_metric_and_answers_every_query() {
    let Some(store) = Store::victoria_metrics() else { return };
    every_query_answers(&store);
}

#[test]
fn every_metric_that_is_asked_for_is_in_the_catalogue() {
    let names: BTreeSet<String> = metric::ALL.iter().map(|metric| metric.prometheus()).collect();
    for query in queries() {
        let words = query.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("portreeve_") && *word != "portreeve_node_name") {
            let is_known = names.contains(word.strip_suffix("_bucket").unwrap_or(word));
            assert!(is_known, "{}: `{word}`", query.place);
        }
    }
}

fn every_query_answers(store: &Store) {
    for request in nodes::requests() {
        store.take(&request);
    }
    let last = metric::ALL.last().unwrap().prometheus();
    store.wait_for(&format!("last_over_time({last}{{host_name=\"gone.example\"}}[1h])"));
    if store.is_behind_another() {
        for request in native::requests() {
            store.write(&request);
        }
    }
    let mut silent = Vec::new();
    for metric in metric::ALL {
        let name = metric.prometheus();
        let query = match metric.kind {
            metric::Kind::Histogram => format!("{name} or {name}_count"),
            _ => name,
        };
        ask(store, &Query { place: metric.name.to_owned(), text: query }, &mut silent);
    }
    for query in queries() {
        ask(store, &query, &mut silent);
    }
    assert!(silent.is_empty(), "no answer to {} queries:\n{}", silent.len(), silent.join("\n"));
    labels_are_promoted(store);
}

fn ask(store: &Store, query: &Query, silent: &mut Vec<String>) {
    let answer = store.query(&query.text).unwrap_or_else(|error| panic!("{}: `{}`: {error}", query.place, query.text));
    if answer.is_empty() && query.place != NOTHING {
        silent.push(format!("{}: `{}`", query.place, query.text));
    }
}

/// A node's series can be told apart by these, and not by what changes with each upgrade.
fn labels_are_promoted(store: &Store) {
    let answer = store.query(&format!("portreeve_node_uptime_seconds{{host_id=\"{}\"}}", nodes::SICK)).unwrap();
    let labels = answer[0]["metric"].as_object().unwrap();
    assert_eq!(labels["host_name"], "sick.example");
    assert_eq!(labels["portreeve_node_name"], "sick");
    let known = ["__name__", "host_id", "host_name", "portreeve_node_name", "job", "instance"];
    let other: Vec<&String> = labels.keys().filter(|key| !known.contains(&key.as_str())).collect();
    assert!(other.is_empty(), "{other:?}");
}

fn queries() -> Vec<Query> {
    let queries: Vec<Query> = rules().into_iter().chain(dashboard("nodes")).chain(dashboard("node")).collect();
    assert!(queries.len() > 100, "{} queries", queries.len());
    queries
}

/// The queries of the rules, read as `promtool` prints none: by the keys of the file.
fn rules() -> Vec<Query> {
    let text = fs::read_to_string(contrib("alerts/portreeve.rules.yml")).unwrap();
    let mut queries: Vec<Query> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(name) = line.trim().strip_prefix("- alert: ") {
            queries.push(Query { place: name.to_owned(), text: String::new() });
        } else if let Some(query) = line.trim().strip_prefix("expr: ") {
            let mut query = query.trim_start_matches('|').to_owned();
            while let Some(more) = lines.next_if(|line| query.is_empty() || line.starts_with("          ")) {
                query.push_str(more);
            }
            queries.last_mut().unwrap().text = query;
        }
    }
    queries
}

fn dashboard(name: &str) -> Vec<Query> {
    let text = fs::read_to_string(contrib(&format!("grafana/{name}.json"))).unwrap();
    let board: Value = serde_json::from_str(&text).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "ids of panels of `{name}`");
    let mut queries = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let mut text = target["expr"].as_str().unwrap().to_owned();
            for (variable, value) in VARIABLES {
                text = text.replace(variable, value);
            }
            assert!(!text.contains('$'), "an unknown variable in `{text}`");
            queries.push(Query { place: format!("{name}: {}", panel["title"]), text });
        }
    }
    for variable in board["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            let text = query.strip_prefix("query_result(").and_then(|query| query.strip_suffix(')')).unwrap();
            queries.push(Query { place: format!("{name}: variable {}", variable["name"]), text: text.to_owned() });
        }
    }
    queries
}
