//! Who a TLS peer is: RFC 5922.
//!
//! ```text
//!     client ── certificate of a.example? ──► server
//!     client ◄── certificate of b.example? ── server        handshakes without a network
//! ```
//!
//! This test verifies which names of a certificate count, that a name is matched whole, and that nobody is believed whom no
//! anchor vouches for, whose time is over, or who shows a certificate that is meant for something else.

use crate::peers::{Domain, Domains};
use countersign_server::tls::server::{Clients, Protocol};
use countersign_server::tls::{self, identities};
use rustls::{ClientConnection, Error, ServerConnection};
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// The names that each end has proven to the other in the end.
type Proven = (Vec<Box<str>>, Vec<Box<str>>);

/// Bytes go to and fro until both ends are content or one is not.
fn shake(mut client: ClientConnection, mut server: ServerConnection) -> Result<Proven, Error> {
    let mut wire = Vec::new();
    for _ in 0..10 {
        wire.clear();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut &*wire).unwrap();
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut &*wire).unwrap();
        client.process_new_packets()?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok((
        identities(client.peer_certificates().unwrap_or_default()),
        identities(server.peer_certificates().unwrap_or_default()),
    ))
}

struct Play {
    domains: Domains,
}

impl Play {
    fn server(&self, domain: &Domain, clients: &Clients) -> ServerConnection {
        let config = tls::server::config(&domain.credential(), clients, Protocol::Sip);
        ServerConnection::new(config.unwrap()).unwrap()
    }

    fn client(&self, name: Option<&str>, own: Option<&Domain>) -> ClientConnection {
        let own = own.map(Domain::credential);
        let config = tls::client::config(self.domains.roots(), own.as_ref()).unwrap();
        ClientConnection::new(config, tls::client::host(name, HERE).unwrap()).unwrap()
    }

    /// Whether a server with such a certificate is the host of this name.
    fn is(&self, server: &Domain, name: Option<&str>) -> bool {
        let server = self.server(server, &Clients::NotAsked);
        shake(self.client(name, None), server).is_ok()
    }
}

#[test]
fn a_server_is_who_its_certificate_names() {
    let domains = Domains::new();
    let play = Play { domains };
    for (number, (extensions, names, is, is_not)) in [
        (
            "subjectAltName = DNS:A.example, DNS:b.example",
            &["A.example", "b.example"][..],
            "B.EXAMPLE",
            "c.example",
        ),
        (
            "subjectAltName = URI:SIP:a.example, DNS:b.example",
            &["a.example"],
            "a.example",
            "b.example",
        ),
        (
            "subjectAltName = URI:sip:bob@a.example, DNS:b.example",
            &["b.example"],
            "b.example",
            "a.example",
        ),
        (
            "subjectAltName = URI:sips:a.example, DNS:b.example",
            &["b.example"],
            "b.example",
            "a.example",
        ),
        (
            "subjectAltName = URI:sip:a.example:5061;transport=tls",
            &["a.example"],
            "a.example.",
            "b.a.example",
        ),
        (
            "subjectAltName = DNS:*.example, DNS:b.example",
            &["b.example"],
            "b.example",
            "a.example",
        ),
        (
            "subjectAltName = DNS:example",
            &["example"],
            "example",
            "a.example",
        ),
        (
            "extendedKeyUsage = clientAuth\nsubjectAltName = DNS:a.example",
            &["a.example"],
            "a.example",
            "cn.example",
        ),
        (
            "extendedKeyUsage = 1.3.6.1.5.5.7.3.20\nsubjectAltName = DNS:a.example",
            &["a.example"],
            "a.example",
            "cn.example",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let server = play.domains.issue(&number.to_string(), extensions, 9);
        let proven: Vec<_> = server.credential().identities();
        let proven: Vec<&str> = proven.iter().map(|name| &**name).collect();
        assert_eq!(proven, names, "{extensions}");
        assert!(play.is(&server, Some(is)), "{extensions}: {is}");
        assert!(!play.is(&server, Some(is_not)), "{extensions}: {is_not}");
        assert!(!play.is(&server, None), "{extensions}");
    }
}

#[test]
fn an_address_is_proven_as_an_address() {
    let play = Play {
        domains: Domains::new(),
    };
    for (name, extensions, is) in [
        ("ip", "subjectAltName = IP:192.0.2.7", true),
        ("uri", "subjectAltName = URI:sip:192.0.2.7", true),
        ("other", "subjectAltName = IP:192.0.2.8", false),
        ("none", "", false),
    ] {
        let server = play.domains.issue(name, extensions, 9);
        assert_eq!(play.is(&server, None), is, "{extensions}");
        assert!(!play.is(&server, Some("cn.example")), "{extensions}");
    }
}

#[test]
fn nobody_is_believed_without_an_anchor_a_time_and_a_purpose() {
    let (domains, others) = (Domains::new(), Domains::new());
    let play = Play { domains };
    let name = "subjectAltName = DNS:a.example";
    let good = play.domains.issue("good", name, 9);
    let mail = format!("extendedKeyUsage = emailProtection\n{name}");
    for (server, is) in [
        (good.clone(), true),
        (play.domains.issue("over", name, -1), false),
        (play.domains.issue("mail", &mail, 9), false),
        (others.issue("stranger", name, 9), false),
    ] {
        assert_eq!(play.is(&server, Some("a.example")), is, "{server:?}");
        // The same as a client.
        let asked = Clients::Required(play.domains.roots());
        let client = play.client(Some("a.example"), Some(&server));
        let shaken = shake(client, play.server(&good, &asked));
        assert_eq!(shaken.is_ok(), is, "{server:?}");
    }
}

#[test]
fn a_client_proves_its_name_if_it_is_asked_and_has_one() {
    let play = Play {
        domains: Domains::new(),
    };
    let (server, client) = (
        play.domains.domain("a.example"),
        play.domains.domain("b.example"),
    );
    // As public authorities make them today.
    let public = "extendedKeyUsage = serverAuth\nsubjectAltName = DNS:c.example";
    let public = play.domains.issue("c.example", public, 9);
    let roots = play.domains.roots();
    for (asked, own, proven) in [
        (Clients::NotAsked, None, Some(&[][..])),
        (Clients::NotAsked, Some(&client), Some(&[])),
        (Clients::Optional(roots.clone()), None, Some(&[])),
        (
            Clients::Optional(roots.clone()),
            Some(&client),
            Some(&["b.example".into()]),
        ),
        (
            Clients::Required(roots.clone()),
            Some(&public),
            Some(&["c.example".into()]),
        ),
        (Clients::Required(roots), None, None),
    ] {
        let connection = play.client(Some("a.example"), own);
        let shaken = shake(connection, play.server(&server, &asked));
        let shaken = shaken.as_ref().ok().map(|(_, client)| &**client);
        assert_eq!(shaken, proven, "{asked:?} {own:?}");
    }
}

#[test]
fn to_ask_for_certificates_without_an_anchor_is_a_mistake() {
    let domains = Domains::new();
    let credential = domains.domain("a.example").credential();
    for protocol in [Protocol::Http, Protocol::Sip] {
        let asked = Clients::Optional(rustls::RootCertStore::empty().into());
        assert!(tls::server::config(&credential, &asked, protocol).is_err());
    }
}
