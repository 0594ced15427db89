//! Another certificate for SIP while the server runs, seen by a foreign client.
//!
//! ```text
//!     openssl s_client ══ TLS ══► serve       certificate_file: first, then second, then garbage
//! ```
//!
//! This test verifies that a reload shows the new certificate to who connects then and leaves open connections alone, that a file
//! which cannot be used changes nothing, and that check-config says what is wrong with it.

use crate::peers::{Domain, Domains};
use crate::provider::{COUNTERSIGN, Server, Setup, udp};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Seconds that a foreign client may take.
const LIMIT_S: &str = "20";

fn options(us: SocketAddr) -> String {
    format!(
        "OPTIONS sip:{us} SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bKreload\r\nMax-Forwards: 70\r\n\
         From: <sip:a.example>;tag=1\r\nTo: <sip:{us}>\r\nCall-ID: tls-reload\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The certificate that the server shows to a foreign client, which gets its OPTIONS answered.
#[track_caller]
fn shown(server: &Server, domains: &Domains) -> String {
    let us = server.sip();
    let mut client = Command::new("timeout")
        .args([LIMIT_S, "openssl", "s_client", "-showcerts", "-ign_eof"])
        .args(["-verify_return_error", "-verify_hostname", "us.example"])
        .args(["-connect", &us.to_string(), "-CAfile"])
        .arg(domains.anchor())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    let mut output = client.stdout.take().unwrap();
    input.write_all(options(us).as_bytes()).unwrap();
    let mut told = String::new();
    let mut buffer = [0; 4096];
    while !told.contains("SIP/2.0 200 OK") {
        let length = output.read(&mut buffer).unwrap();
        assert!(length > 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    drop(input);
    let _ = client.kill();
    let _ = client.wait();
    let (_, certificate) = told.split_once("-----BEGIN CERTIFICATE-----\n").unwrap();
    certificate.split("-----END").next().unwrap().to_owned()
}

/// A connection that stays.
fn connection(server: &Server, domains: &Domains) -> StreamOwned<ClientConnection, TcpStream> {
    let config = domains.domain("a.example").connects(domains);
    let us = ServerName::try_from("us.example").unwrap();
    let session = ClientConnection::new(config, us).unwrap();
    let stream = TcpStream::connect(server.sip()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    StreamOwned::new(session, stream)
}

/// It still answers.
#[track_caller]
fn answers(stream: &mut StreamOwned<ClientConnection, TcpStream>) {
    stream.write_all(b"\r\n\r\n").unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).unwrap();
    assert_eq!(pong, *b"\r\n");
}

/// What check-config says: whether it is content, and the lines.
fn checked(server: &Server) -> (bool, String) {
    let output = Command::new(COUNTERSIGN)
        .arg("check-config")
        .arg(server.config())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.success(), text)
}

fn put(new: &Domain, in_place_of: &Domain) {
    fs::copy(&new.certificate, &in_place_of.certificate).unwrap();
    fs::copy(&new.key, &in_place_of.key).unwrap();
}

const DONE: &str = "countersign_reloads_total{outcome=\"done\"}";
const REFUSED: &str = "countersign_reloads_total{outcome=\"refused\"}";

#[test]
fn a_new_certificate_is_shown_and_a_broken_one_is_not() {
    let domains = Domains::new();
    let ours = domains.domain("us.example");
    let setup = Setup::passes(&udp("127.0.0.1:9".parse().unwrap()));
    let mut server = setup.secured(&ours, &domains).start();
    let first = shown(&server, &domains);
    let mut open = connection(&server, &domains);
    answers(&mut open);

    put(
        &domains.issue("renewed", "subjectAltName = DNS:us.example", 9),
        &ours,
    );
    server.process().hang_up();
    server.until_metric(DONE, 1);
    let second = shown(&server, &domains);
    assert_ne!(second, first);
    answers(&mut open);

    for (broken, told) in [
        (None, "there is no certificate in it"),
        (
            Some(("over", "subjectAltName = DNS:us.example", -1)),
            "the certificate ended at",
        ),
    ] {
        match broken {
            None => fs::write(&ours.certificate, "garbage").unwrap(),
            Some((name, names, days)) => put(&domains.issue(name, names, days), &ours),
        }
        let (is_content, lines) = checked(&server);
        assert!(
            !is_content && lines.contains("sip.certificate_file"),
            "{lines}"
        );
        assert!(lines.contains(told), "{lines}");
        let refused = server.metric(REFUSED) + 1;
        server.process().hang_up();
        server.until_metric(REFUSED, refused);
        assert_eq!(shown(&server, &domains), second);
        answers(&mut open);
    }
}

#[test]
fn check_config_holds_certificate_key_and_names_against_each_other() {
    let domains = Domains::new();
    let ours = domains.domain("us.example");
    let setup = Setup::passes(&udp("127.0.0.1:9".parse().unwrap()));
    let server = setup.secured(&ours, &domains).start();
    let (is_content, lines) = checked(&server);
    assert!(is_content && !lines.contains("sip."), "{lines}");

    server.rewrite("[sip]\n", "[sip]\nadvertise = \"other.example:5061\"\n");
    let (is_content, lines) = checked(&server);
    let told = "the certificate does not name other.example, which is advertised";
    assert!(is_content && lines.contains(told), "{lines}");

    put(&domains.issue("nameless", "", 3), &ours);
    let (is_content, lines) = checked(&server);
    assert!(
        is_content && lines.contains("names no SIP domain"),
        "{lines}"
    );
    assert!(lines.contains("renew it"), "{lines}");

    let another = domains.domain("another.example");
    fs::copy(&another.key, &ours.key).unwrap();
    let (is_content, lines) = checked(&server);
    let told = "sip.key_file";
    assert!(!is_content && lines.contains(told), "{lines}");

    put(&another, &ours);
    server.rewrite(
        "[[trunks]]\n",
        "[[trunks]]\ntls_identity = \"pbx.example\"\n",
    );
    let (is_content, lines) = checked(&server);
    let told = "trunks[0].tls_identity: it needs sip.client_ca_file";
    assert!(!is_content && lines.contains(told), "{lines}");
}
