//! `certificate lint`: what profiles ask of certificates, and of the repositories that serve them.
//!
//! ```text
//!     file, folder ─────────────────────────────► certificate lint ──► names of the rules that are broken
//!     URL ──https──► a repository that misbehaves ──────┘
//! ```

use super::hierarchy::Hierarchy;
use super::{Run, run};
use crate::repository::{Pki, Reaction, Repository, answer};
use countersign::certificate::chain::{armoured, pem};
use serde_json::{Value, json};

fn lines(run: &Run) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    run.out.lines().map(parse).collect()
}

/// This test verifies the JSON that scripts rely on, for a chain that keeps every rule but those of the lab's own name.
#[test]
fn programs_get_an_object_per_certificate() {
    let lab = Hierarchy::new();
    let provider = lab.provider();
    let file = lab.write("chain.pem", &[&provider, lab.issuing.certificate()]);
    let told = run(&["certificate", "lint", "--json", &file]);
    let lines = lines(&told);
    assert_eq!(lines.len(), 2, "{told:?}");
    for (line, certificate) in lines.iter().zip([&provider, lab.issuing.certificate()]) {
        let keys: Vec<_> = line.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["errors", "file", "sha256", "warnings"]);
        let digest: String = certificate
            .sha256()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            (&line["file"], &line["sha256"]),
            (&json!(file), &json!(digest))
        );
        for name in line["errors"].as_array().unwrap() {
            assert!(name.as_str().unwrap().starts_with("e_"), "{told:?}");
        }
    }
}

/// This test verifies what is said of files: a chain out of order, a key beside a certificate, collections left alone.
#[test]
fn files_are_asked_what_applies_to_them() {
    let lab = Hierarchy::new();
    let (provider, issuing) = (lab.provider(), lab.issuing.certificate());
    let key = armoured("PRIVATE KEY", &[0x30, 0]);
    let table = [
        (lab.write("chain.pem", &[&provider, issuing]), None),
        (
            lab.write("reversed.pem", &[issuing, &provider]),
            Some("e_repository_chain_order"),
        ),
        (
            lab.write("gap.pem", &[&provider, lab.root.certificate()]),
            Some("e_repository_chain_order"),
        ),
        (
            lab.write("collection.pem", &[&provider, &lab.provider()]),
            None,
        ),
        (
            lab.write_bytes("key.pem", pem(provider.as_der()) + &key),
            Some("e_repository_private_key"),
        ),
    ];
    for (file, expected) in table {
        let told = run(&["certificate", "lint", "--json", &file]);
        let all: Vec<_> = lines(&told).iter().map(repository_errors).collect();
        let (first, others) = all.split_first().unwrap();
        assert_eq!(
            first.iter().map(String::as_str).collect::<Vec<_>>(),
            Vec::from_iter(expected),
            "{told:?}"
        );
        assert!(others.iter().all(Vec::is_empty), "told once: {told:?}");
    }
    let alone = lab.write_bytes("alone.pem", key);
    let told = run(&["certificate", "lint", "--json", &alone]);
    assert_eq!(told.code, 1);
    assert_eq!(
        told.json(),
        json!({"file": alone, "sha256": null, "errors": ["e_repository_private_key"], "warnings": []})
    );
}

/// This test verifies that what cannot be read is told with its file, and the others are still asked.
#[test]
fn what_cannot_be_read_costs_no_other() {
    let lab = Hierarchy::new();
    let file = lab.write_bytes(
        "mixed.pem",
        pem(lab.provider().as_der())
            + &armoured("CERTIFICATE", &[0x30, 0])
            + "-----BEGIN CERTIFICATE-----\n",
    );
    let told = run(&["certificate", "lint", "--json", &file, "/nonexistent.pem"]);
    assert_eq!(told.code, 2, "{told:?}");
    let errors: Vec<_> = lines(&told)
        .iter()
        .map(|line| line["error"].clone())
        .collect();
    assert_eq!(
        errors,
        [
            json!(null),
            json!("not a certificate in DER"),
            json!("broken PEM"),
            json!("no such file or folder")
        ]
    );
}

/// This test verifies each rule about repositories against a repository that breaks it, over real https.
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_told_everything_that_is_wrong_with_it() {
    let lab = Hierarchy::new();
    let chain = pem(lab.provider().as_der()) + &pem(lab.issuing.certificate().as_der());
    let reversed = pem(lab.issuing.certificate().as_der()) + &pem(lab.provider().as_der());
    let key = armoured("PRIVATE KEY", &[0x30, 0]);
    let day = "Cache-Control: max-age=86400";
    let other_type = |body: &str| {
        let answer = String::from_utf8(answer(body, &[day])).unwrap();
        answer
            .replace("application/pem-certificate-chain", "text/html")
            .into_bytes()
    };
    let status = |line: &str| format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").into_bytes();
    let table: Vec<(Vec<u8>, &[&str])> = vec![
        (answer(&chain, &[day]), &[]),
        (answer(&chain, &[]), &["w_repository_cache_control"]),
        (
            answer(&chain, &["Cache-Control: no-store"]),
            &["w_repository_cache_control"],
        ),
        (other_type(&chain), &["e_repository_media_type"]),
        (answer(&reversed, &[day]), &["e_repository_chain_order"]),
        (
            answer(&(chain.clone() + &key), &[day]),
            &["e_repository_private_key"],
        ),
        (answer("<html></html>", &[day]), &["e_repository_contents"]),
        (status("404 Not Found"), &["e_repository_status"]),
        (
            status("302 Found\r\nLocation: https://other.example/c.pem"),
            &["e_repository_redirect"],
        ),
        (
            b"garbage\r\n\r\n".to_vec(),
            &["the HTTP answer breaks the protocol"],
        ),
    ];
    let repository = Repository::saying("").await;
    for (bytes, expected) in table {
        repository.change(move |_| Reaction::Bytes(bytes.clone()));
        let (url, told) = lint(&repository).await;
        assert_eq!(told.code, 1, "{expected:?} {told:?}");
        let lines = lines(&told);
        assert!(
            lines.iter().all(|line| line["file"] == url.as_str()),
            "{told:?}"
        );
        let mut found: Vec<String> = lines.iter().flat_map(repository_findings).collect();
        // The repository of the tests has a port of its own, which is a finding, and is fetched from because it was named.
        let at_port = found
            .iter()
            .position(|name| name == "e_repository_url_port");
        assert!(at_port.map(|at| found.remove(at)).is_some(), "{told:?}");
        found.extend(
            lines
                .iter()
                .filter_map(|line| line["error"].as_str().map(str::to_owned)),
        );
        assert_eq!(found, expected, "{told:?}");
    }
}

/// Runs `certificate lint` on the repository's URL, told to fetch from there.
async fn lint(repository: &Repository) -> (String, Run) {
    let origin = repository.origin();
    let url = format!("{origin}/provider.pem");
    let web_ca = Pki::get().directory.join("root.pem").display().to_string();
    let arguments = [
        "certificate",
        "lint",
        "--json",
        &url,
        "--allow-origin",
        &origin,
        "--web-ca",
        &web_ca,
    ];
    let arguments = arguments.map(str::to_owned);
    let told = tokio::task::spawn_blocking(move || run(&arguments.each_ref().map(String::as_str)));
    (url, told.await.unwrap())
}

fn repository_errors(line: &Value) -> Vec<String> {
    let mut found = repository_findings(line);
    found.retain(|name| name.starts_with("e_"));
    found
}

fn repository_findings(line: &Value) -> Vec<String> {
    let names = [&line["errors"], &line["warnings"]]
        .into_iter()
        .filter_map(Value::as_array);
    let names = names.flatten().filter_map(Value::as_str);
    names
        .filter(|name| name.contains("_repository_"))
        .map(str::to_owned)
        .collect()
}
