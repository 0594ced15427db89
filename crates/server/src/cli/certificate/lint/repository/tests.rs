//! Every rule once broken and once kept.

use super::*;
use crate::fetch::caching::{Freshness, Validators};
use bytes::Bytes;
use countersign::certificate::pem::armoured;

const URL: &str = "https://cert.example.org/provider.pem";

/// An answer that keeps every rule.
fn visit() -> Visit {
    Visit {
        status: 200,
        media_type: "application/pem-certificate-chain".into(),
        freshness: Freshness {
            directive: Some(90_000),
            validators: Validators::default(),
        },
        location: None,
        body: Bytes::new(),
    }
}

/// The certificate that RFC 9118 prints.
fn certificate() -> Vec<u8> {
    let pem = include_str!("../../../../../../../test-data/x509/rfc9118-figure1.pem");
    countersign::certificate::CertificateChain::parse(pem.as_bytes())
        .unwrap()
        .end_entity()
        .as_der()
        .to_vec()
}

fn broken(url: Option<&str>, visit: Option<&Visit>, bytes: &[u8]) -> Vec<&'static str> {
    let contents = Contents::of(bytes);
    let offer = Offer {
        url,
        visit,
        contents: &contents,
    };
    run(&offer).iter().map(|finding| finding.name).collect()
}

fn good() -> Vec<u8> {
    armoured("CERTIFICATE", &certificate()).into_bytes()
}

#[test]
fn what_is_served_well_has_no_findings() {
    assert_eq!(broken(Some(URL), Some(&visit()), &good()), [""; 0]);
    assert_eq!(broken(None, None, &good()), [""; 0]);
    let der = Visit {
        media_type: "application/pkix-cert".into(),
        ..visit()
    };
    assert_eq!(broken(Some(URL), Some(&der), &certificate()), [""; 0]);
}

#[test]
fn every_rule_about_the_url_has_a_name() {
    for (url, name) in [
        ("https://h/a b", "e_repository_url_character"),
        ("https://h/a#f", "e_repository_url_fragment"),
        ("https:///a", "e_repository_url_host"),
        ("https://h/a;p", "e_repository_url_path_parameters"),
        ("https://h:5443/a", "e_repository_url_port"),
        ("https://h/a?q", "e_repository_url_query"),
        ("http://h/a", "e_repository_url_scheme"),
        ("https://u@h/a", "e_repository_url_userinfo"),
        (
            &format!("https://h/{}", "a".repeat(5000)),
            "w_repository_url_length",
        ),
    ] {
        assert_eq!(broken(Some(url), None, b""), [name], "{url}");
    }
}

#[test]
fn every_rule_about_the_answer_has_a_name() {
    let answer = |change: fn(&mut Visit)| {
        let mut visit = visit();
        change(&mut visit);
        broken(Some(URL), Some(&visit), &good())
    };
    assert_eq!(
        answer(|visit| visit.status = 302),
        ["e_repository_redirect"]
    );
    assert_eq!(answer(|visit| visit.status = 404), ["e_repository_status"]);
    assert_eq!(
        answer(|visit| visit.media_type = "text/plain".into()),
        ["e_repository_media_type"]
    );
    for directive in [None, Some(0), Some(-5)] {
        let freshness = Freshness {
            directive,
            ..Freshness::default()
        };
        let visit = Visit {
            freshness,
            ..visit()
        };
        assert_eq!(
            broken(Some(URL), Some(&visit), &good()),
            ["w_repository_cache_control"]
        );
    }
}

#[test]
fn every_rule_about_the_contents_has_a_name() {
    let with = |bytes: &[u8]| broken(Some(URL), Some(&visit()), bytes);
    let and = |label: &str| [good(), armoured(label, &[0x30, 0]).into_bytes()].concat();
    assert_eq!(with(&and("EC PRIVATE KEY")), ["e_repository_private_key"]);
    assert_eq!(with(&and("X509 CRL")), ["e_repository_contents"]);
    assert_eq!(with(&and("CERTIFICATE")), ["e_repository_contents"]);
    assert_eq!(with(b"<html>"), ["e_repository_contents"]);
    assert_eq!(
        with(&[good(), good()].concat()),
        ["e_repository_chain_order"]
    );
    assert_eq!(
        broken(None, None, &and("PRIVATE KEY")),
        ["e_repository_private_key"]
    );
    assert_eq!(broken(None, None, &and("X509 CRL")), [""; 0]);
    assert_eq!(
        broken(None, None, &[good(), good()].concat()),
        [""; 0],
        "a collection"
    );
}

#[test]
fn the_page_for_people_says_what_the_rules_say() {
    let page = include_str!("../../../../../../../docs/repository-lints.md");
    let rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected = RULES.iter().map(|rule| {
        let Rule {
            name,
            document,
            clause,
            meaning,
            ..
        } = rule;
        format!("| `{name}` | {document}, {clause} | {meaning} |")
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn the_table_is_sorted_and_names_tell_how_bad_it_is() {
    assert!(RULES.is_sorted_by_key(|rule| rule.name));
    for rule in RULES {
        let known =
            rule.name.starts_with("e_repository_") || rule.name.starts_with("w_repository_");
        assert!(known, "{}", rule.name);
    }
}
