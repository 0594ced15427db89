//! What `sign` signs, with what, and what it refuses.

use super::{CALLED, CALLER, INVITE, Lab, X5U, now, run, run_with, start};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const PARTIES: [&str; 4] = ["--from", CALLER, "--to", CALLED];

/// This test verifies that a request leaves as it came, but for the two headers that were added.
#[test]
fn a_request_leaves_as_it_came_but_for_two_headers() {
    let lab = Lab::new();
    let signed = run_with(&["sign", "--data", &lab.data()], INVITE);
    assert_eq!((signed.code, signed.err.as_str()), (0, ""));
    let added: Vec<_> = signed
        .out
        .split_inclusive("\r\n")
        .filter(|line| line.starts_with("Date: ") || line.starts_with("Identity: "))
        .collect();
    assert_eq!(added.len(), 2, "{}", signed.out);
    assert_eq!(signed.out.replace(&added.concat(), ""), INVITE);
    let again = run_with(&["sign", "--data", &lab.data()], &signed.out);
    assert!(
        again
            .out
            .starts_with(&signed.out[..signed.out.find("Date:").unwrap()])
    );
    assert_eq!(
        again.out.matches("Date: ").count(),
        1,
        "a Date that is there stays"
    );
    assert_eq!(again.out.matches("Identity: ").count(), 2);
    assert!(again.err.starts_with("warning: "), "{}", again.err);
    let file = lab.workspace.write("invite.sip", INVITE);
    let from_file = lab.sign(&[file.to_str().unwrap()]);
    assert_eq!(from_file.out.len(), signed.out.len());
}

/// This test verifies the shape of `--json`, and that the operator's word is what is recorded.
#[test]
fn the_evidence_names_the_operator() {
    let lab = Lab::new();
    let origid = "123e4567-e89b-12d3-a456-426655440000";
    let (iat, to) = (now().as_secs().to_string(), "12025550102");
    let signed = lab.sign(
        &[
            &PARTIES[..],
            &[
                "--to", to, "--attest", "B", "--origid", origid, "--iat", &iat, "--json",
            ],
        ]
        .concat(),
    );
    let json = signed.json();
    let claims = &json["passport"]["claims"];
    assert_eq!(claims["attest"], "B");
    assert_eq!(claims["origid"], origid);
    assert_eq!(claims["iat"].to_string(), iat);
    assert_eq!(claims["dest"]["tn"].as_array().unwrap().len(), 2);
    assert_eq!(json["passport"]["header"]["x5u"], X5U);
    let token = json["passport"]["token"].as_str().unwrap();
    let identity = format!("{token};info=<{X5U}>;alg=ES256;ppt=shaken");
    assert_eq!(json["identity"], identity);
    let evidence = &json["attestation"];
    assert_eq!(
        (&evidence["signed"], &evidence["asked"]),
        (&"B".into(), &"B".into())
    );
    assert_eq!(
        (&evidence["deserved"], &evidence["basis"]),
        (&"A".into(), &"operator".into())
    );
    assert_eq!(json["covers"], "by-provider");
    assert_eq!(json["request"], serde_json::Value::Null);
    let request = run_with(&["sign", "--data", &lab.data(), "--json"], INVITE).json();
    assert!(request["request"].as_str().unwrap().starts_with("INVITE "));
}

/// This test verifies that each origination has an identifier of its own unless one is given.
#[test]
fn two_headers_are_never_the_same() {
    let lab = Lab::new();
    let iat = now().as_secs().to_string();
    let claims = |_| {
        let identity = lab.identity(&["--iat", &iat]);
        identity.split('.').nth(1).unwrap().to_owned()
    };
    let [first, second] = [0, 1].map(claims);
    assert_ne!(first, second);
}

#[test]
fn a_key_of_ones_own_signs_what_its_certificate_verifies() {
    let lab = Lab::new();
    let (key, chain) = (lab.key(), lab.chain());
    let own = [
        "--key",
        &key,
        "--certificate",
        &chain,
        "--x5u",
        "https://cert.example.org/sp.pem",
    ];
    let signed = run(&[&["sign"], &PARTIES[..], &own].concat());
    assert_eq!((signed.code, signed.err.as_str()), (0, ""));
    assert!(
        signed
            .out
            .contains(";info=<https://cert.example.org/sp.pem>;")
    );
    assert_eq!(lab.verify(&signed.out, &PARTIES).code, 0);
    let elsewhere = ["--x5u", "https://cert.example.org:9443/sp.pem"];
    let warned = run(&[&["sign"], &PARTIES[..], &own[..4], &elsewhere].concat());
    assert_eq!(warned.code, 0);
    assert!(warned.err.starts_with("warning: --x5u"), "{}", warned.err);
}

/// `sign` between [`PARTIES`] with these flags: refused with this code, nothing printed that somebody could take for a signature,
/// and an error that has these words.
#[track_caller]
fn refused(more: &[&str], code: i32, words: &[&str]) {
    let refused = run(&[&["sign"], &PARTIES[..], more].concat());
    let found = (refused.code, refused.out.as_str());
    assert_eq!(found, (code, ""), "{more:?} {refused:?}");
    for word in words {
        assert!(refused.err.contains(word), "{word:?} in {:?}", refused.err);
    }
}

/// This test verifies that what is missing or wrong about the key is named, with what may be done about it.
#[test]
fn what_there_is_to_sign_with_is_named_if_it_is_not_right() {
    let (lab, stranger) = (Lab::new(), Lab::new());
    let (key, chain, data) = (lab.key(), lab.chain(), lab.data());
    let open = lab
        .workspace
        .write("open.key", std::fs::read(&key).unwrap());
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = open.display().to_string();
    std::fs::remove_file(stranger.directory.x5u()).unwrap();
    let folder = "/nonexistent/provider.key";
    refused(
        &["--data", "/nonexistent"],
        2,
        &[folder, "countersign up", "--key"],
    );
    refused(&["--data", &stranger.data()], 2, &["x5u", "--x5u URL"]);
    refused(&["--key", &key], 2, &["--certificate", "--x5u"]);
    refused(&["--certificate", &chain], 2, &["--key"]);
    let x5u = "https://cert.example.org/sp.pem";
    let with = |key: &str, chain: &str, words: &[&str]| {
        refused(
            &["--key", key, "--certificate", chain, "--x5u", x5u],
            2,
            words,
        );
    };
    with(
        &key,
        &stranger.chain(),
        &["provider.pem", "not of this key"],
    );
    with(&open, &chain, &["open.key", "0644", "chmod 600"]);
    with(&chain, &chain, &["provider.pem", "permissions"]);
    with(&key, &key, &["provider.key", "certificates in PEM"]);
    with(&key, &lab.anchor(), &["anchor.pem"]);
    refused(
        &["--data", &data, "--x5u", "http://h/sp.pem"],
        2,
        &["not https"],
    );
}

/// This test verifies that what is missing or wrong about the call is named.
#[test]
fn what_there_is_to_sign_is_named_if_it_is_not_right() {
    let lab = Lab::new();
    let data = lab.data();
    let with = |flag: &str, value: &str, code: i32, words: &[&str]| {
        refused(&["--data", &data, flag, value], code, words);
    };
    with("--attest", "D", 2, &["A, B or C"]);
    with("--ppt", "mky", 2, &["msec", "div", "shaken"]);
    with("--rph", "ets", 2, &["--rph"]);
    with("--div", CALLED, 2, &["--div", "--kind"]);
    with(
        "--icon",
        "https://example.com/q.png",
        2,
        &["--resource https://example.com/q.png=FILE"],
    );
    let large = [crate::fetch_resources::drawn(64, 1), vec![7; 4096]].concat();
    let picture = lab.workspace.path().join("large.png");
    std::fs::write(&picture, large).unwrap();
    let picture = picture.display().to_string();
    let on_the_web = format!("--icon URL --resource URL={picture}");
    with(
        "--icon",
        &picture,
        2,
        &["too much to be signed whole", &on_the_web],
    );
    let emergency = ["--data", &data, "--kind", "rph", "--rph", "esnet.1"];
    refused(&emergency, 1, &["must not have that priority", "--to"]);
    with("--origid", "x", 2, &["not a UUID"]);
    with("--iat", "tomorrow", 2, &["RFC 3339"]);
    with("--to", "2025550l00", 2, &["--to \"2025550l00\"", "'l'"]);
    with("--iat", "1443208345", 1, &["not valid yet", "--iat"]);
    with("--iat", "4102444800", 1, &["expired"]);
    let not_a_number = ["--from", "sip:alice@example.com", "--to", CALLED];
    for (parties, code, word) in [
        (&[][..], 2, "--from"),
        (&["--from", CALLER], 2, "--to"),
        (&not_a_number, 1, "not a telephone number"),
    ] {
        let refused = lab.sign(parties);
        assert_eq!(
            (refused.code, refused.out.as_str()),
            (code, ""),
            "{refused:?}"
        );
        assert!(refused.err.contains(word), "{refused:?}");
    }
}

/// This test verifies what is not signed although it was given: other things than requests, and times that do not agree.
#[test]
fn what_is_no_request_or_tells_another_time_is_refused() {
    let lab = Lab::new();
    let sign = |input: &str, more: &[&str]| {
        run_with(&[&["sign", "--data", &lab.data()], more].concat(), input)
    };
    let response = INVITE.replacen(
        "INVITE sip:12025550101@example.com;user=phone SIP/2.0",
        "SIP/2.0 200 OK",
        1,
    );
    for input in [&response, "12025550100\n", &lab.identity(&[])] {
        let refused = sign(input, &PARTIES);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        assert!(refused.err.contains("not a SIP request"), "{}", refused.err);
    }
    let broken = sign("INVITE sip:h SIP/2.0\r\nbroken\r\n\r\n", &[]);
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("not a SIP message"), "{}", broken.err);
    let old = INVITE.replacen("CSeq:", "Date: Fri, 25 Sep 2015 19:12:25 GMT\r\nCSeq:", 1);
    let stale = sign(&old, &[]);
    assert_eq!((stale.code, stale.out.as_str()), (1, ""));
    assert!(stale.err.contains("Date"), "{}", stale.err);
    let undated = old.replacen("Fri, 25", "someday, 25", 1);
    assert_eq!(sign(&undated, &[]).code, 1);
    let anonymous = INVITE.replacen(
        "sip:+12025550100@example.com;user=phone",
        "sip:anonymous@anonymous.invalid",
        1,
    );
    assert_eq!(sign(&anonymous, &[]).code, 1);
    assert_eq!(sign(&anonymous, &["--from", CALLER]).code, 0);
}

/// This test verifies that `--iat` is signed although the Date says something else, as long as verifiers cannot tell.
#[test]
fn iat_comes_before_a_date_that_agrees() {
    let lab = Lab::new();
    let signed = run_with(&["sign", "--data", &lab.data()], INVITE);
    let iat = now().saturating_add(-20).as_secs().to_string();
    let again = run_with(
        &["sign", "--data", &lab.data(), "--iat", &iat, "--json"],
        &signed.out,
    );
    let json = again.json();
    assert_eq!(json["passport"]["claims"]["iat"].to_string(), iat);
    assert_eq!(
        json["request"].as_str().unwrap().matches("Date: ").count(),
        1
    );
}

/// This test verifies that whoever leaves standard input open gets an answer all the same, if the numbers are known.
#[test]
fn a_silent_standard_input_is_not_waited_for() {
    let lab = Lab::new();
    let data = lab.data();
    let begun = Instant::now();
    let mut child = start(&[&["sign", "--data", &data], &PARTIES[..]].concat());
    let mut out = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    assert!(child.wait().unwrap().success());
    // The pipe was open all the time.
    drop(child.stdin.take());
    assert!(out.contains(";ppt=shaken"), "{out}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// This test verifies that whoever gave too little is told what is waited for, and that a request that comes late is signed.
#[test]
fn a_request_that_comes_late_is_signed() {
    let lab = Lab::new();
    let mut child = start(&["sign", "--data", &lab.data()]);
    let mut told = [0; 7];
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut told)
        .unwrap();
    assert_eq!(&told, b"waiting");
    let mut input = child.stdin.take().unwrap();
    input.write_all(INVITE.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\r\nIdentity: "));
}
