//! `verify` fetches the certificate itself, over https on the loopback, as with a running lab.
//!
//! ```text
//!     sign ──► Identity header ──► verify ──https──► repository of the lab (its own web certificate)
//! ```

use super::{CALLED, CALLER, Lab, Run, run_with};
use countersign_server::tls::server::{Clients, Protocol};
use countersign_server::tls::{self, Credential};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const PARTIES: [&str; 4] = ["--from", CALLER, "--to", CALLED];

/// Serves the lab's chain at any path, until the test ends. A thread of its own, because the binary is waited for.
fn serve(lab: &Lab, listener: std::net::TcpListener) {
    let web = (lab.directory.web_certificate(), lab.directory.web_key());
    let Ok(credential) = Credential::read(&web.0, &web.1) else {
        panic!("no TLS identity");
    };
    let config = tls::server::config(&credential, &Clients::NotAsked, Protocol::Http).unwrap();
    let chain = std::fs::read_to_string(lab.directory.chain()).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(config);
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever does not trust our web certificate hangs up.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/pem-certificate-chain\r\nContent-Length: {}\r\n\r\n{chain}",
                    chain.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
    });
}

fn verify(lab: &Lab, identity: &str, more: &[&str]) -> Run {
    let anchor = lab.anchor();
    let arguments = ["verify", "--json", "--trust", &anchor];
    run_with(&[&arguments, &PARTIES[..], more].concat(), identity)
}

/// This test verifies that a lab's call is verified by fetching, once its origin and its web anchor are named, and not before.
#[test]
fn a_lab_is_fetched_from_once_it_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let lab = Lab::serving_at(&format!("{origin}/certificates/provider.pem"));
    serve(&lab, listener);
    let identity = lab.identity(&[]);
    let (ours, stranger) = (lab.web_anchor(), Lab::new());
    let named = ["--allow-origin", &origin, "--web-ca", &ours];
    let passed = verify(&lab, &identity, &named);
    assert_eq!(passed.code, 0, "{passed:?}");
    // The web anchor is nobody's trust anchor for calls: without the lab's, the same fetch proves nothing.
    let arguments = ["verify", "--json", "--trust", &ours];
    let web_only = run_with(&[&arguments, &PARTIES[..], &named].concat(), &identity);
    assert_eq!(web_only.json()["fault"], "path-untrusted", "{web_only:?}");
    let theirs = stranger.web_anchor();
    let unknown = verify(
        &lab,
        &identity,
        &["--allow-origin", &origin, "--web-ca", &theirs],
    );
    assert_eq!(unknown.code, 4, "{unknown:?}");
    assert!(unknown.out.contains("TLS failed"), "{}", unknown.out);
    let unnamed = verify(&lab, &identity, &["--web-ca", &ours]);
    assert_eq!(unnamed.json()["fault"], "x5u-invalid", "{unnamed:?}");
}

/// This test verifies that a token cannot send us to this machine's own services, even at an ordinary port.
#[test]
fn nobody_makes_us_talk_to_ourselves() {
    for x5u in [
        "https://localhost:8443/c.pem",
        "https://127.0.0.1/c.pem",
        "https://[::1]/c.pem",
    ] {
        let lab = Lab::serving_at(x5u);
        let web = lab.web_anchor();
        let unsure = verify(&lab, &lab.identity(&[]), &["--web-ca", &web]);
        assert_eq!(unsure.code, 4, "{unsure:?}");
        assert_eq!(unsure.json()["fault"], "certificate-unavailable");
        assert!(unsure.out.contains("forbidden address"), "{}", unsure.out);
    }
}

#[test]
fn what_the_flags_name_must_be_what_they_are_for() {
    let lab = Lab::new();
    let (anchor, key) = (lab.anchor(), lab.key());
    for (more, words) in [
        (
            vec!["--trust", "/nonexistent.pem"],
            vec!["/nonexistent.pem"],
        ),
        (vec!["--trust", &key], vec!["--trust", "provider.key"]),
        (
            vec!["--trust", &anchor, "--certificate", &key],
            vec!["provider.key"],
        ),
        (
            vec!["--trust", &anchor, "--web-ca", &key],
            vec!["provider.key"],
        ),
        (
            vec!["--trust", &anchor, "--allow-origin", "localhost:8443"],
            vec!["--allow-origin", "https"],
        ),
        (
            vec!["--trust", &anchor, "--at", "noon"],
            vec!["--at", "RFC 3339"],
        ),
        (
            vec!["--trust", &anchor, "/nonexistent.sip"],
            vec!["/nonexistent.sip"],
        ),
    ] {
        let arguments = [&["verify"], &more[..], &PARTIES].concat();
        let refused = run_with(&arguments, lab.identity(&[]));
        assert_eq!(
            (refused.code, refused.out.as_str()),
            (2, ""),
            "{more:?} {refused:?}"
        );
        for word in words {
            assert!(refused.err.contains(word), "{word:?} in {:?}", refused.err);
        }
    }
}
