//! The operator's side of a reload: a command with an answer, and a signal.
//!
//! ```text
//!   countersign reload ── POST /reload ──► countersign serve        exit 0: it runs; 1: every mistake; 2: nobody to ask
//!   systemctl reload ──── SIGHUP ────────►        │
//!                                                 └──► log, metrics
//! ```
//!
//! This test verifies by the real binary what the command says and how it ends, that a signal does the same, that two of them
//! in a row are no harm, and that a log level takes effect at once.

use crate::peers::free_address;
use crate::provider::{COUNTERSIGN, Provider, Server, get, udp};
use countersign_server::config::keys::KEYS;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn reload(arguments: &[&str]) -> Said {
    let output = Command::new(COUNTERSIGN)
        .arg("reload")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn start() -> (Provider, Server) {
    let provider = Provider::new();
    let server = provider.signs(&udp(free_address())).start();
    (provider, server)
}

fn generation(admin: SocketAddr) -> u64 {
    let (_, metrics) = get(admin, "/metrics").unwrap();
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix("countersign_config_generation "));
    value.unwrap().parse().unwrap()
}

#[test]
fn the_command_tells_what_came_of_it() {
    let (_provider, server) = start();
    let (config, admin) = (server.config(), server.admin().to_string());
    let config = config.to_str().unwrap();
    server.rewrite("numbers = \"full\"", "numbers = \"hidden\"");
    server.rewrite("[sip]\n", "[sip]\nshards = 1\n");
    let said = reload(&["--config", config]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert_eq!(
        said.out,
        "reloaded: configuration 2 runs\n  changed        log.numbers\n  needs restart  sip.shards\n"
    );
    let said = reload(&["--admin", &admin, "--json"]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said.code, Some(0));
    assert_eq!(answer["outcome"], "done");
    assert_eq!(answer["generation"], 3);
    assert_eq!(answer["changed"], serde_json::json!([]));
    assert_eq!(answer["restart"], serde_json::json!(["sip.shards"]));
    assert_eq!(said.err, "", "warnings are in the answer");
}

#[test]
fn the_command_names_every_mistake() {
    let (provider, mut server) = start();
    let admin = server.admin().to_string();
    let key = provider.key_file();
    std::fs::rename(&key, key.with_extension("gone")).unwrap();
    let mistake = "tenants[0].key_file";
    for asked in [
        ["--admin", &admin],
        ["--config", server.config().to_str().unwrap()],
    ] {
        let said = reload(&asked);
        assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
        assert_eq!(said.out, "not reloaded: the server goes on as it was\n");
        let [line] = said.err.lines().collect::<Vec<_>>()[..] else {
            panic!("{}", said.err)
        };
        assert!(
            line.starts_with("error: ") && line.contains(mistake),
            "{line}"
        );
        assert!(
            line.contains("countersign.toml:") && line.contains("provider.key"),
            "{line}"
        );
    }
    server.rewrite("role = \"sign\"", "role = \"sing\"");
    let config = server.config();
    let said = reload(&["--config", config.to_str().unwrap(), "--json"]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.code, &answer["outcome"]),
        (Some(1), &"refused".into())
    );
    assert!(
        answer["mistakes"][0]
            .as_str()
            .unwrap()
            .contains("trunks[0].role"),
        "{answer}"
    );
    assert_eq!(generation(server.admin()), 1);
    server.until_metric("countersign_reloads_total{outcome=\"refused\"}", 2);
}

#[test]
fn without_a_server_there_is_nobody_to_ask() {
    let nobody = free_address().to_string();
    let said = reload(&["--admin", &nobody]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(
        said.err.contains(&nobody) && said.err.contains("--admin"),
        "{}",
        said.err
    );
}

/// This test verifies that every key is told with the time at which it takes effect, and that each is one or the other.
#[test]
fn every_key_says_when_it_takes_effect() {
    let output = Command::new(COUNTERSIGN)
        .args(["check-config", "--keys", "--json"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told.len(), KEYS.len());
    let applies = |key: &str| {
        let line = told.iter().find(|line| line["key"] == key).unwrap();
        line["applies"].as_str().unwrap()
    };
    assert_eq!(applies("tenants[].key_file"), "live");
    assert_eq!(applies("sip.udp"), "restart");
}

#[test]
fn a_signal_does_the_same() {
    let (_provider, mut server) = start();
    let admin = server.admin();
    server.rewrite("[log]\n", "[log]\nlevel = \"debug\"\n");
    server.process().hang_up();
    let reloaded = |generation: u64| {
        format!("\"message\":\"configuration reloaded\",\"generation\":{generation}")
    };
    let line = format!("{},\"changed\":\"log.level\"", reloaded(2));
    server
        .process()
        .until("reloaded", |process| process.output().contains(&line));
    // The second may come before the first is done, and then be answered with it or after it.
    server.process().hang_up();
    server.process().hang_up();
    server
        .process()
        .until("reloaded twice", |_| generation(admin) >= 3);
    server.rewrite("level = \"debug\"", "level = \"loud\"");
    server.process().hang_up();
    // The second of the two may have come so late that it is refused, too.
    let refused = "countersign_reloads_total{outcome=\"refused\"}";
    let told = |admin| {
        get(admin, "/metrics").is_some_and(|(_, page)| {
            let mut lines = page.lines();
            lines.any(|line| line.starts_with(refused) && !line.ends_with(" 0"))
        })
    };
    server.process().until("refused", |_| told(admin));
    // Lines leave together, a moment after what they tell.
    server.process().until("told of", |process| {
        let output = process.output();
        output.contains("log.level") && output.contains("all is as it was")
    });
    let (status, _) = get(admin, "/ready").unwrap();
    assert_eq!(status, 200);
}

#[test]
fn a_log_level_takes_effect_at_once() {
    let (_provider, mut server) = start();
    let config = server.config();
    let asks = || reload(&["--config", config.to_str().unwrap()]).code;
    server.rewrite("[log]\n", "[log]\nlevel = \"error\"\n");
    assert_eq!(asks(), Some(0));
    server.rewrite("level = \"error\"", "level = \"info\"");
    assert_eq!(asks(), Some(0));
    let told = |process: &crate::peers::Process| process.output().contains("\"generation\":3");
    server.process().until("told", told);
    let output = server.process().output();
    assert!(!output.contains("\"generation\":2"), "{output}");
}
