//! Kamailio with secsipid, by the configurations in `tests/kamailio/`.

use super::{Domain, Domains, Process, Workspace, free_address};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// What changes in a call that passes [`Kamailio::changes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The last digit of the caller's number.
    From,
    /// Nothing: the control of the experiment.
    Nothing,
    /// The last digit of the called number, in the Request-URI alone: the call is forwarded.
    RequestUri,
    /// The fingerprint of media keys in the description of a 2xx.
    KeysAnswered,
    /// The same of an INVITE.
    KeysAsked,
    /// The first proof of a diversion that comes back with an answer is none any more.
    Diversion,
    /// Nothing that rings comes back.
    Ringing,
    /// One bit of the signature.
    Signature,
    /// No Identity comes back with an answer.
    Answers,
    /// The last digit of the called number.
    To,
}

/// A running Kamailio.
pub(crate) struct Kamailio {
    process: Process,
    address: SocketAddr,
}

/// How long one probe waits for its answer.
const PROBE_LIMIT: Duration = Duration::from_millis(200);

impl Kamailio {
    /// Signs what comes, with attestation A, and passes it to `next`.
    #[track_caller]
    pub(crate) fn signs(next: SocketAddr, key_pem: &str, x5u: &str) -> Self {
        let workspace = Workspace::new("kamailio-signs");
        let key = workspace.write("key.pem", key_pem);
        let values = [("KEY", text(&key)), ("X5U", x5u), ("ATTEST", "A")];
        Self::start("signs.cfg", workspace, next, &values, &[])
    }

    /// Asks at `signer` for the signature of what comes, and passes it to `next` with that.
    #[track_caller]
    pub(crate) fn asks_over_http(next: SocketAddr, signer: &str) -> Self {
        let workspace = Workspace::new("kamailio-http");
        Self::start(
            "asks_over_http.cfg",
            workspace,
            next,
            &[("SIGNER", signer)],
            &[],
        )
    }

    /// Verifies what comes, to the one anchor, fetching over https as `web_anchor_pem` allows; passes what holds to `next` and
    /// refuses the rest with 438 and the reason in `X-Identity-Check`.
    #[track_caller]
    pub(crate) fn verifies(next: SocketAddr, anchor_pem: &str, web_anchor_pem: &str) -> Self {
        let workspace = Workspace::new("kamailio-verifies");
        let anchor = workspace.write("anchor.pem", anchor_pem);
        let web = workspace.write("web.pem", web_anchor_pem);
        let anchor = format!("CertCAFile={}", text(&anchor));
        let environment = [("SSL_CERT_FILE", text(&web))];
        Self::start(
            "verifies.cfg",
            workspace,
            next,
            &[("ANCHOR", &anchor)],
            &environment,
        )
    }

    /// Asks `asked` about each call and passes it to `next` with what the 302 brings.
    #[track_caller]
    pub(crate) fn asks(asked: SocketAddr, next: SocketAddr) -> Self {
        let workspace = Workspace::new("kamailio-asks");
        let asked = format!("sip:{asked}");
        Self::start("asks.cfg", workspace, next, &[("ASKED", &asked)], &[])
    }

    /// Passes what comes to both at once.
    #[track_caller]
    pub(crate) fn forks(next: SocketAddr, other: SocketAddr) -> Self {
        let other = format!("sip:12025550101@{other}");
        Self::start(
            "changes.cfg",
            Workspace::new("kamailio-forks"),
            next,
            &[("OTHER", &other)],
            &[],
        )
    }

    /// Passes what comes to `next`, with one change.
    #[track_caller]
    pub(crate) fn changes(next: SocketAddr, change: Change) -> Self {
        let value: &[(&str, &str)] = match change {
            Change::From => &[("CHANGE_FROM", "yes")],
            Change::Nothing => &[],
            Change::RequestUri => &[("CHANGE_URI", "yes")],
            Change::Diversion => &[("STRIP_DIVERSION", "yes")],
            Change::KeysAnswered => &[("CHANGE_KEYS_ANSWERED", "yes")],
            Change::KeysAsked => &[("CHANGE_KEYS_ASKED", "yes")],
            Change::Answers => &[("STRIP_ANSWERS", "yes")],
            Change::Ringing => &[("SWALLOW_RINGING", "yes")],
            Change::Signature => &[("CHANGE_SIGNATURE", "yes")],
            Change::To => &[("CHANGE_TO", "yes")],
        };
        Self::start(
            "changes.cfg",
            Workspace::new("kamailio-changes"),
            next,
            value,
            &[],
        )
    }

    /// Collects traces, and says what is in them.
    #[track_caller]
    pub(crate) fn collects() -> Self {
        let workspace = Workspace::new("kamailio-collects");
        let database = format!("text://{}", text(workspace.path()));
        let nowhere = free_address();
        let values = [("DATABASE", &*database)];
        Self::start("collector.cfg", workspace, nowhere, &values, &[])
    }

    /// Speaks TLS for who does not: what comes by UDP goes to `next` over TLS, and what comes over TLS goes to `next` by UDP. It is
    /// this domain towards others, and believes this authority; TLS is at [`Kamailio::address`], too.
    #[track_caller]
    pub(crate) fn secures(next: &str, domain: &Domain, domains: &Domains) -> Self {
        let anchor = domains.anchor();
        let files = [
            ("CERTIFICATE", &domain.certificate),
            ("KEY", &domain.key),
            ("ANCHOR", &anchor),
        ];
        let values = files.map(|(name, path)| (name, text(path)));
        Self::start_at(
            "tls.cfg",
            Workspace::new("kamailio-tls"),
            next,
            &values,
            &[],
        )
    }

    #[track_caller]
    fn start(
        configuration: &str,
        workspace: Workspace,
        next: SocketAddr,
        values: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Self {
        let next = format!("sip:{next}");
        Self::start_at(configuration, workspace, &next, values, environment)
    }

    #[track_caller]
    fn start_at(
        configuration: &str,
        workspace: Workspace,
        next: &str,
        values: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Self {
        let address = free_address();
        let file = format!(
            "{}/tests/kamailio/{configuration}",
            env!("CARGO_MANIFEST_DIR")
        );
        let run_directory = text(workspace.path()).to_owned();
        let mut process = Process::start("kamailio", workspace, |kamailio| {
            kamailio.args([
                "-DD",
                "-E",
                "-m",
                "32",
                "-M",
                "8",
                "-Y",
                &run_directory,
                "-f",
                &file,
            ]);
            let stream = match configuration {
                "tls.cfg" => "tls",
                _ => "tcp",
            };
            for transport in ["udp", stream] {
                kamailio.args(["-l", &format!("{transport}:{address}")]);
            }
            kamailio.args(["-A", &format!("NEXT_HOP=\"{next}\"")]);
            for (name, value) in values {
                kamailio.args(["-A", &format!("{name}=\"{value}\"")]);
            }
            kamailio.envs(environment.iter().copied());
        });
        process.until("answering", |_| answers_options(address));
        Self { process, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What Kamailio has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.output()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Whether a SIP server at `address` answers OPTIONS within [`PROBE_LIMIT`].
pub(crate) fn answers_options(address: SocketAddr) -> bool {
    let socket = UdpSocket::bind((address.ip(), 0)).unwrap();
    socket.set_read_timeout(Some(PROBE_LIMIT)).unwrap();
    let us = socket.local_addr().unwrap();
    let port = us.port();
    let probe = format!(
        "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bKprobe{port}\r\nMax-Forwards: 1\r\n\
         From: <sip:probe@{us}>;tag={port}\r\nTo: <sip:{address}>\r\nCall-ID: probe{port}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let mut answer = [0; 2048];
    socket.send_to(probe.as_bytes(), address).is_ok()
        && socket.recv(&mut answer).is_ok_and(|length| {
            answer
                .get(..length)
                .unwrap_or_default()
                .starts_with(b"SIP/2.0 200")
        })
}
