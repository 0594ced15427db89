//! The authority gets another key, and keeps its name: certificates of the key before live on, are told of and are revoked.
//!
//! ```text
//!     root ─┬─▶ authority, first key  ─▶ issued-1     /crl/ca-1.crl, /ocsp by the first key     [[ca.former]]
//!           └─▶ authority, second key ─▶ issued-2     /crl/ca-2.crl, /ocsp by the second key
//! ```

use super::served::{self, Customer, ask, until};
use super::{openssl, run_in, told};
use crate::authority_journal::{book, rules, wanted};
use crate::peers::Workspace;
use countersign::certificate::CertificateChain;
use countersign_ca::register::preparation::Asked;
use countersign_ca::register::{Abandonment, Event, Stage};
use countersign_server::authority::book::Decision;
use countersign_server::authority::issuing::resume;
use countersign_server::store::memory::MemoryStore;
use countersign_testkit::lab::Lab;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

/// An authority that signs its lists itself, which no policy of SHAKEN lets it.
fn configuration() -> String {
    let ignored = [
        "e_atis_ext_certificate_policies",
        "e_atis_ext_crl_distribution_struct",
        "e_shaken_certificate_policies_id",
    ];
    let plain = format!("[ca]\npolicy = \"none\"\nignored_lints = {ignored:?}\n");
    let text = served::configuration(served::BASE).replacen("[ca]\n", &plain, 1);
    text.replace(
        "[ca.crl]\ncertificate_file = \"crl.pem\"\nkey = \"crl.key\"\n",
        "[ca.crl]\nname = \"ca-1\"\n",
    )
}

/// Runs the binary; blanks within a word are written as underscores.
fn run(folder: &Workspace, arguments: &str) -> (i32, String, String) {
    let words = arguments.split(' ').map(|word| word.replace('_', " "));
    let arguments: Vec<_> = words.collect();
    tokio::task::block_in_place(|| run_in(folder.path(), &[], &arguments))
}

#[track_caller]
fn done(folder: &Workspace, arguments: &str) -> String {
    let (code, out, err) = run(folder, arguments);
    assert_eq!(code, 0, "{arguments}: {out}{err}");
    out
}

fn run_openssl(folder: &Workspace, arguments: &str) -> String {
    let arguments: Vec<_> = arguments.split(' ').collect();
    tokio::task::block_in_place(|| openssl(folder.path(), &arguments))
}

/// Somebody new gets a certificate: into a file, with where it is published.
async fn issue(folder: &Workspace, address: SocketAddr, secret: &str, file: &str) -> String {
    let directory = ask(address, "GET", "/acme/directory", "", "").await.json();
    let mut customer = Customer::open(address, &directory).await;
    let (order, chain) = customer.issued(&directory, secret).await;
    folder.write(file, &chain.body);
    let x5u = order["x5u"].as_str().unwrap();
    x5u.strip_prefix(served::BASE).unwrap().to_owned()
}

/// The second key, by the verbs that `operations.md` names.
fn roll_over(folder: &Workspace) {
    done(
        folder,
        "ca csr --key ca-2.key --out ca-2.csr --organization Example --name Example_SHAKEN_CA",
    );
    done(
        folder,
        "ca sign ca-2.csr --key root.key --certificate root.pem --path-length 1 --days 300 --out new.pem \
         --crl-url https://ca.example/crl/pa.crl --crl-issuer crl.pem",
    );
    let before = std::fs::read(folder.path().join("ca.pem")).unwrap();
    let install = "ca install new.pem --key ca-2.key --certificate ca.pem";
    let (code, _, err) = run(folder, install);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--former"), "{err}");
    let (code, _, err) = run(folder, &format!("{install} --former ca-1.pem"));
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("[[ca.former]]"), "{err}");
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("ca-1.pem"), before);
    let subject = |name: &str| {
        let chain = CertificateChain::parse(&read(name)).unwrap();
        chain.end_entity().subject().clone()
    };
    assert_eq!(subject("ca-1.pem"), subject("ca.pem"));
    let text = configuration()
        .replace("key = \"ca.key\"", "key = \"ca-2.key\"")
        .replace("name = \"ca-1\"", "name = \"ca-2\"");
    let former =
        "[[ca.former]]\ncertificate_file = \"ca-1.pem\"\nkey = \"ca.key\"\ncrl_name = \"ca-1\"\n";
    folder.write("countersign.toml", text + former);
}

/// A question about a certificate of `issuer`, over HTTP: its answer, which openssl has verified.
fn ocsp(folder: &Workspace, address: SocketAddr, issuer: &str, which: &str) -> String {
    let of = format!("ocsp -issuer {issuer} {which} -url http://{address}/ocsp -CAfile root.pem");
    run_openssl(folder, &of)
}

fn serial(folder: &Workspace, file: &str) -> String {
    let chain = std::fs::read(folder.path().join(file)).unwrap();
    let chain = CertificateChain::parse(&chain).unwrap();
    let octets = chain.end_entity().serial().iter();
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// A list as it is published, in PEM, beside which openssl judges a certificate.
async fn beside_list(folder: &Workspace, address: SocketAddr, list: &str, file: &str) -> String {
    let body = until(async || {
        let answer = ask(address, "GET", &format!("/crl/{list}.crl"), "", "").await;
        (answer.status == "200").then_some(answer.body)
    });
    folder.write("list.der", body.await);
    run_openssl(folder, "crl -inform DER -in list.der -out list.pem");
    let mut verify = Command::new("openssl");
    verify.args(["verify", "-crl_check", "-CAfile", "root.pem"]);
    verify.args(["-untrusted", file, "-CRLfile", "list.pem", file]);
    let output = verify.current_dir(folder.path()).output();
    let (_, out, err) = told(output.unwrap());
    out + &err
}

/// This test verifies that certificates of both keys have their own chain, are told of by the key that issued them and by no other, and are
/// revoked by lists of that key, as openssl sees it; and that the journal is proven with both.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_the_key_before_live_on() {
    let folder = served::folder();
    folder.write("countersign.toml", configuration());
    let (address, stop) = served::serve(&folder).await;
    let opened = "ca account open acme --holder Acme --spc 1234 --json --config countersign.toml";
    let opened: Value = serde_json::from_str(&done(&folder, opened)).unwrap();
    let secret = opened["secret"].as_str().unwrap();
    let first = issue(&folder, address, secret, "issued-1.pem").await;
    drop(stop);

    roll_over(&folder);
    let (address, _stop) = served::serve(&folder).await;
    let second = issue(&folder, address, secret, "issued-2.pem").await;
    for (x5u, file) in [(&first, "issued-1.pem"), (&second, "issued-2.pem")] {
        let published = ask(address, "GET", x5u, "", "").await.body;
        let issued = std::fs::read(folder.path().join(file)).unwrap();
        assert_eq!(published, issued, "{file}");
        let verify = format!("verify -CAfile root.pem -untrusted {file} {file}");
        run_openssl(&folder, &verify);
    }

    let of = |issuer, which: &str| ocsp(&folder, address, issuer, which);
    assert!(of("ca-1.pem", "-cert issued-1.pem").contains("issued-1.pem: good"));
    assert!(of("ca.pem", "-cert issued-2.pem").contains("issued-2.pem: good"));
    // What the other key has issued is none of its certificates, whatever its name is.
    for (issuer, file) in [("ca.pem", "issued-1.pem"), ("ca-1.pem", "issued-2.pem")] {
        let other = of(issuer, &format!("-serial 0x{}", serial(&folder, file)));
        assert!(other.contains("certificateHold"), "{issuer}: {other}");
    }

    let good = beside_list(&folder, address, "ca-1", "issued-1.pem").await;
    assert!(good.contains("issued-1.pem: OK"), "{good}");
    done(
        &folder,
        "ca revoke --certificate issued-1.pem --reason superseded --by alice --config countersign.toml",
    );
    until(async || {
        let revoked = beside_list(&folder, address, "ca-1", "issued-1.pem").await;
        revoked.contains("certificate revoked").then_some(())
    })
    .await;
    let good = beside_list(&folder, address, "ca-2", "issued-2.pem").await;
    assert!(good.contains("issued-2.pem: OK"), "{good}");
    assert!(of("ca-1.pem", "-cert issued-1.pem").contains("issued-1.pem: revoked"));
    assert!(of("ca.pem", "-cert issued-2.pem").contains("issued-2.pem: good"));

    let audit = done(&folder, "ca audit --json --config countersign.toml");
    let audit: Value = serde_json::from_str(&audit).unwrap();
    assert_eq!(
        (&audit["findings"], &audit["certificates"]),
        (&json!([]), &json!(2))
    );
}

/// This test verifies that two keys sign no list of one name, and that a key before has a list unless somebody else signs for all.
#[test]
fn two_keys_sign_no_list_of_one_name() {
    let folder = served::folder();
    for (name, told) in [
        ("crl_name = \"ca-1\"\n", "ca.former[0].crl_name"),
        ("", "the name of the list that it signed itself is missing"),
    ] {
        let former =
            format!("[[ca.former]]\ncertificate_file = \"ca.pem\"\nkey = \"ca.key\"\n{name}");
        folder.write("countersign.toml", configuration() + &former);
        let (code, out, err) = run_in(folder.path(), &[], &["check-config", "countersign.toml"]);
        assert_eq!(code, 2, "{out}{err}");
        assert!((out.clone() + &err).contains(told), "{out}{err}");
    }
}

/// This test verifies that what was prepared and not signed when the authority changed is given up, whether its name stays or not: it counts as
/// revoked, and nobody signs it.
#[test]
fn what_was_begun_by_the_key_before_is_given_up() {
    let (lab, other) = (Lab::new(), Lab::new());
    for changed in [other.intermediate(), lab.root()] {
        let mut book = book(Arc::new(MemoryStore::default()));
        let (issuer, wanted) = (lab.intermediate().clone(), wanted());
        let rules = rules(&issuer);
        let name = book.command(move |ledger, now, _| {
            let asked = Asked {
                request: &wanted.request,
                validity: wanted.validity,
                order: None,
                approval: None,
                by: None,
            };
            let register = &ledger.register;
            let events = register.prepare(&issuer, &rules, &asked, now, [9; 16]);
            let events = events.unwrap();
            let [Event::Prepared(prepared)] = events.as_slice() else {
                panic!("{events:?}");
            };
            Decision {
                reply: prepared.name.clone(),
                events: events.into_iter().map(Into::into).collect(),
            }
        });
        let name = name.unwrap();
        assert_eq!(resume(&mut book, changed), Ok((0, 1)));
        let ledger = book.ledger();
        let entry = ledger.register.find(&name).unwrap();
        let given_up = Stage::Abandoned(Abandonment::AuthorityChanged);
        assert_eq!(entry.stage, given_up);
        assert!(entry.revocation.is_some());
        assert_eq!(resume(&mut book, changed), Ok((0, 0)));
    }
}
