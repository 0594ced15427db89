//! The board for Grafana and the alarms for Prometheus, held against the page that they are made of.
//!
//! ```text
//!     /metrics ──► names and labels ◄── deploy/grafana/countersign.json
//!                                   ◄── deploy/prometheus/alerts.yml ── promtool: each of them goes off
//! ```
//!
//! This test verifies that every metric and label that a panel or an alarm names exists, that every expression is one to
//! Prometheus itself, and that the board is whole: every panel has a place of its own, a source and something to show.

use crate::metrics_page::promtool;
use crate::peers::{Process, Workspace};
use countersign::verification::{Fault, Verdict};
use countersign_server::metrics::Metrics;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const BOARD: &str = include_str!("../../../../deploy/grafana/countersign.json");
const ALARMS: &str = include_str!("../../../../deploy/prometheus/alerts.yml");
const ALARM_TESTS: &str = include_str!("../../../../deploy/prometheus/alerts_test.yml");
const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

/// Labels that Prometheus adds.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

/// Every metric of the page with its labels, after something has happened of everything that has labels.
fn page() -> BTreeMap<String, BTreeSet<String>> {
    let metrics = Metrics::default();
    metrics.calls.increment("t", ["verify", "passed", "", ""]);
    metrics.signers.increment("709J", Verdict::Passed);
    metrics.signers.err("709J", Fault::SignatureInvalid);
    metrics.priorities.increment("t", ["honoured"]);
    metrics.diversions.increment("t", ["signed"]);
    metrics.reported_errors.increment("t", ["ours", "438"]);
    metrics.signings.increment("t", ["signed", "A"]);
    metrics.answers.increment("t", ["matching", ""]);
    metrics.signed_answers.increment("t", ["signed"]);
    metrics.mid_dialog.increment("t", ["BYE", "signed"]);
    metrics.inquiries.increment("t", ["answered"]);
    let fetches = [
        &metrics.fetches,
        &metrics.list_fetches,
        &metrics.resource_fetches,
        &metrics.status_fetches,
        &metrics.staple_fetches,
        &metrics.brand_refreshes,
    ];
    for family in fetches.into_iter().chain([&metrics.prewarmed]) {
        family.increment(["ok"]);
    }
    metrics.cache_lookups.increment(["hit"]);
    metrics.list_lookups.increment(["hit"]);
    metrics.resource_lookups.increment(["hit"]);
    metrics.status_lookups.increment(["hit"]);
    metrics.sip_messages.increment(["udp", "in", "request"]);
    metrics.sip_bytes.increment(["udp", "in"]);
    metrics.sip_unsent.increment(["udp", "system"]);
    metrics.oversize_fallbacks.increment(["udp-after-tcp"]);
    metrics.sip_connections.set(["tcp"], 1);
    metrics.http_requests.increment(["/ready", "200"]);
    metrics.stir_requests.increment(["signing", "ok"]);
    metrics.next_hops.lookups.increment(["ok"]);
    let hop = "tcp:sbc.example";
    metrics.next_hops.addresses.set([hop], 1);
    metrics.next_hops.up.set([hop], 1);
    metrics.next_hops.probes.increment([hop, "answered"]);
    metrics.next_hops.failures.increment([hop, "silent"]);
    metrics.next_hops.failovers.increment([hop]);
    metrics.own_certificates.set(["tenant", "acme"], 1);
    let authority = &metrics.authority;
    authority.works.set(["journal"], 1);
    authority.certificates.set(["valid"], 1);
    authority.records.set([], 1);
    authority.list_ends.set(["ca"], 1);
    authority.certificate_ends.set(["authority"], 1);
    authority.signatures.increment(["authority", "signed"]);
    authority.turned_away.increment(["acme", "busy"]);
    metrics.own_certificates_begin.set(["tenant", "acme"], 1);
    metrics.renewals.increment(["failed"]);
    let trust = &metrics.trust;
    for by_source in [&trust.crl_ends, &trust.crl_entries, &trust.ca_list_ends] {
        by_source.set(["us", "file"], 1);
    }
    trust.anchors.set(["us"], 1);
    trust.versions.set(["us"], 1);
    trust.show_number_authority(Some(countersign::time::UnixTime::from_secs(1)));
    metrics.shards.of(0);
    labels_of(&metrics.render())
}

/// The names of metrics in a page, each with its labels.
fn labels_of(rendered: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut page = BTreeMap::from([("up".to_owned(), BTreeSet::new())]);
    for line in rendered.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let labels: &mut BTreeSet<String> = page.entry(name.to_owned()).or_default();
        let inside = rest.split('}').next().unwrap().trim_start_matches('{');
        let named = inside
            .split("\",")
            .filter_map(|label| label.split_once('='));
        labels.extend(named.map(|(label, _)| label.to_owned()));
    }
    page
}

/// What an expression names: metrics with the labels that are asked of them, and the labels that it groups by.
#[derive(Debug, Default)]
struct Named {
    metrics: BTreeMap<String, BTreeSet<String>>,
    groups: BTreeSet<String>,
}

fn named(expression: &str) -> Named {
    let mut named = Named::default();
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut rest = expression;
    while let Some(start) = rest.find(is_word) {
        let word = &rest[start..];
        let end = word.find(|letter| !is_word(letter)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        rest = after;
        let list = |open: char, close: char| {
            let inside = after.trim_start().strip_prefix(open)?;
            Some(inside.split(close).next().unwrap().to_owned())
        };
        if word == "by" {
            let groups = list('(', ')').expect("a list of labels");
            named
                .groups
                .extend(groups.split(',').map(|label| label.trim().to_owned()));
            rest = &after[after.find(')').unwrap()..];
        } else if ["countersign", "process", "up"]
            .iter()
            .any(|begin| word.starts_with(begin))
        {
            let labels = list('{', '}').unwrap_or_default();
            let asked = labels
                .split("\",")
                .filter_map(|label| label.split_once(['=', '!']));
            let asked = asked.map(|(label, _)| label.trim().to_owned());
            named
                .metrics
                .entry(word.to_owned())
                .or_default()
                .extend(asked);
            if !labels.is_empty() {
                rest = &after[after.find('}').unwrap()..];
            }
        }
    }
    named
}

/// What is wrong with an expression, held against the page.
fn wrong(expression: &str, page: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let Named { metrics, groups } = named(expression);
    if metrics.is_empty() {
        return vec!["it names no metric".to_owned()];
    }
    let mut wrong = Vec::new();
    for (metric, asked) in &metrics {
        let Some(labels) = page.get(metric) else {
            wrong.push(format!("there is no {metric}"));
            continue;
        };
        for label in asked.union(&groups) {
            if !labels.contains(label) && !OF_PROMETHEUS.contains(&&**label) {
                wrong.push(format!("{metric} has no {label}"));
            }
        }
    }
    wrong
}

fn board() -> Value {
    serde_json::from_str(BOARD).unwrap()
}

/// Every panel that shows something.
fn panels(board: &Value) -> Vec<&Value> {
    let panels = board["panels"].as_array().unwrap();
    panels
        .iter()
        .filter(|panel| panel["type"] != "row")
        .collect()
}

fn expressions(panel: &Value) -> Vec<&str> {
    let targets = panel["targets"].as_array().unwrap();
    targets
        .iter()
        .map(|target| target["expr"].as_str().unwrap())
        .collect()
}

#[test]
fn every_panel_shows_what_there_is() {
    let (board, page) = (board(), page());
    for panel in panels(&board) {
        for expression in expressions(panel) {
            assert_eq!(
                wrong(expression, &page),
                Vec::<String>::new(),
                "{expression}"
            );
        }
        for target in panel["targets"].as_array().unwrap() {
            let legend = target["legendFormat"].as_str().unwrap();
            let known = named(target["expr"].as_str().unwrap());
            for label in legend
                .split("{{")
                .skip(1)
                .map(|rest| rest.split("}}").next().unwrap())
            {
                let of_metric = known
                    .metrics
                    .keys()
                    .any(|metric| page[metric].contains(label));
                let remains = known.groups.is_empty() || known.groups.contains(label);
                let is_there = of_metric || OF_PROMETHEUS.contains(&label);
                assert!(is_there && remains, "{legend}: {target}");
            }
        }
    }
}

#[test]
fn everything_that_is_counted_has_its_place_on_the_board() {
    let board = board();
    let shown: BTreeSet<String> = panels(&board)
        .into_iter()
        .flat_map(expressions)
        .flat_map(|expression| named(expression).metrics.into_keys())
        .collect();
    // Of a histogram the buckets are shown; what is not in here is told by something that is.
    let apart = [
        "_count",
        "_sum",
        "_this_update_timestamp_seconds",
        "countersign_ca_list_sequence",
        "countersign_number_authority_as_of_timestamp_seconds",
        "process_start_time_seconds",
        "up",
    ];
    for metric in page().keys() {
        let is_apart = apart.iter().any(|end| metric.ends_with(end));
        assert!(
            is_apart || shown.contains(metric),
            "{metric} is on no panel: give it one, or name it in `apart`"
        );
    }
}

#[test]
fn the_board_is_whole() {
    let board = board();
    assert!(board["schemaVersion"].as_u64().unwrap() >= 36);
    assert_eq!(board["uid"], "countersign");
    let variables = board["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["datasource", "instance"]);
    let mut ids = BTreeSet::new();
    let mut places = BTreeSet::new();
    for panel in board["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let number = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(number("x") + number("w") <= 24);
        for x in number("x")..number("x") + number("w") {
            for y in number("y")..number("y") + number("h") {
                assert!(places.insert((x, y)), "two panels at {x}, {y}: {panel}");
            }
        }
    }
    for panel in panels(&board) {
        assert_eq!(panel["type"], "timeseries");
        let mut letters = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(letters.insert(target["refId"].as_str().unwrap()));
            assert_eq!(target["datasource"]["uid"], "${datasource}");
        }
    }
}

#[test]
fn prometheus_understands_the_board() {
    let board = board();
    let rules: String = panels(&board)
        .into_iter()
        .flat_map(expressions)
        .enumerate()
        .map(|(number, expression)| {
            let expression = expression.replace("$__rate_interval", "5m");
            let quoted = serde_json::to_string(&expression).unwrap();
            format!("  - record: panel:target{number}\n    expr: {quoted}\n")
        })
        .collect();
    let rules = format!("groups:\n- name: board\n  rules:\n{rules}");
    assert_eq!(promtool("rules", "board.yml", &rules), "");
    let broken = rules.replacen("sum by (", "sum by ((", 1);
    assert!(promtool("rules", "board.yml", &broken).contains("parse error"));
}

/// The names and expressions of the alarms.
fn alarms() -> Vec<(&'static str, String)> {
    let alarms = ALARMS.split("- alert: ").skip(1).map(|alarm| {
        let (name, rest) = alarm.split_once('\n').unwrap();
        let (_, rest) = rest.split_once("expr: ").unwrap();
        let end = ["\n        for:", "\n        labels:"];
        let end = end.iter().filter_map(|end| rest.find(end)).min().unwrap();
        (name.trim(), rest[..end].trim_start_matches('|').to_owned())
    });
    alarms.collect()
}

#[test]
fn every_alarm_watches_what_there_is_and_is_explained() {
    let page = page();
    let alarms = alarms();
    assert!(alarms.len() > 15);
    for (name, expression) in alarms {
        assert_eq!(wrong(&expression, &page), Vec::<String>::new(), "{name}");
        assert!(
            ALARM_TESTS.contains(&format!("alertname: {name}\n")),
            "{name}"
        );
        assert!(
            OPERATIONS.contains(&format!("`{name}`")),
            "{name} is not explained"
        );
    }
}

#[test]
fn every_alarm_goes_off() {
    assert_eq!(promtool("rules", "alerts.yml", ALARMS), "");
    let workspace = Workspace::new("alarms");
    workspace.write("alerts.yml", ALARMS);
    workspace.write("alerts_test.yml", ALARM_TESTS);
    let mut process = Process::start("promtool", workspace, |promtool| {
        promtool.args(["test", "rules", "alerts_test.yml"]);
    });
    let status = process.end(Duration::from_secs(60));
    assert!(status.success(), "{}", process.output());
}

#[test]
fn a_wrong_name_would_be_found() {
    let page = page();
    for (expression, found) in [
        (
            "rate(countersign_cals_total[5m])",
            "there is no countersign_cals_total",
        ),
        (
            "sum by (verdict, colour) (rate(countersign_calls_total{instance=~\"a\"}[5m]))",
            "countersign_calls_total has no colour",
        ),
        (
            "countersign_queue_depth{shard=\"0\",trunk!=\"x\"}",
            "countersign_queue_depth has no trunk",
        ),
        ("vector(1)", "it names no metric"),
    ] {
        assert_eq!(wrong(expression, &page), [found], "{expression}");
    }
}
