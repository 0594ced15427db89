//! Every mode over every transport.
//!
//! ```text
//!                          proxy, b2bua
//!     SIPp ══► serve, signs ══► serve, verifies ══► SIPp           ══   UDP, or TCP, or TLS: the same all the way
//!
//!                            redirect
//!     SIPp ══► serve, signs         302 with the proof             Over TLS, a Kamailio speaks it for each SIPp:
//!     SIPp ══► serve, verifies      302 with the verdict           SIPp ── UDP ──► Kamailio ══ TLS ══► serve
//! ```
//!
//! This test verifies that a call is signed, verified and ends as its parties want in each mode of a trunk and over each
//! transport, that nothing of it takes another transport, and that the logs of both servers tell of its way what the mode makes of
//! it. What is special to one mode or one transport has its own tests.

use crate::peers::{Called, Caller, Domains, Kamailio, Sipp, Trace};
use crate::provider::{Provider, Server, Setup};
use serde_json::Value;
use std::net::SocketAddr;

/// A transport as configurations, logs and metrics name it.
const TRANSPORTS: [&str; 3] = ["udp", "tcp", "tls"];
/// Never the way of a call: the servers here send nothing on.
const NOWHERE: &str = "udp:127.0.0.1:9";

/// What the parties of one case have in common.
struct Case {
    transport: &'static str,
    provider: Provider,
    domains: Domains,
}

/// A call that went all the way.
struct Call {
    /// What the caller saw.
    near: Trace,
    /// What the called side saw.
    far: Trace,
    signs: Server,
    verifies: Server,
    /// The log lines of both.
    signed: Value,
    verified: Value,
}

impl Case {
    fn new(transport: &'static str) -> Self {
        // The output of a test that fails: its last case is the one.
        eprintln!("over {transport}");
        Self {
            transport,
            provider: Provider::new(),
            domains: Domains::new(),
        }
    }

    fn start(&self, setup: Setup, domain: &str) -> Server {
        match self.transport {
            "tls" => setup
                .secured(&self.domains.domain(domain), &self.domains)
                .start(),
            _ => setup.start(),
        }
    }

    fn hop(&self, address: SocketAddr) -> String {
        format!("{}:{address}", self.transport)
    }

    /// Someone who speaks TLS for a SIPp.
    fn neighbour(&self, next: &str, domain: &str) -> Kamailio {
        Kamailio::secures(next, &self.domains.domain(domain), &self.domains)
    }

    /// How many neighbours the called side has besides us.
    fn neighbours(&self) -> usize {
        usize::from(self.transport == "tls")
    }

    /// Places a call at a server, with this proof if there is one.
    #[track_caller]
    fn place(&self, caller: Caller, server: SocketAddr, identity: Option<&str>) -> Trace {
        let secures = (self.transport == "tls").then(|| {
            let next = format!("sip:{server};transport=tls");
            self.neighbour(&next, "before.example")
        });
        let target = secures.as_ref().map_or(server, Kamailio::address);
        let mut call = Sipp::call(caller, target);
        if self.transport == "tcp" {
            call = call.over_tcp();
        }
        if let Some(identity) = identity {
            call = call.header("Identity", identity);
        }
        call.place()
    }

    /// A call through a signer and a verifier, both in this mode, until it is hung up.
    fn goes_through_two(&self, mode: &str) -> Call {
        let called = match self.transport {
            "tcp" => Sipp::called_over_tcp(Called::Answers),
            _ => Sipp::called(Called::Answers),
        };
        let secures = (self.transport == "tls").then(|| {
            let next = format!("sip:{};transport=udp", called.address());
            self.neighbour(&next, "after.example")
        });
        let last = secures.as_ref().map_or(called.address(), Kamailio::address);
        // A proof may make an INVITE too long for a datagram, and take it to TCP.
        let settings = format!("mode = \"{mode}\"\noversize = \"fragment\"");
        let verifies = self.provider.is_verified(&self.hop(last)).trunk(&settings);
        let mut verifies = self.start(verifies, "verifies.example");
        let signs = self.provider.signs(&self.hop(verifies.sip()));
        let mut signs = self.start(signs.trunk(&settings), "signs.example");

        let near = self.place(Caller::Answered, signs.sip(), None);

        let far = called.finish();
        let (signed, verified) = (signs.call(), verifies.call());
        assert_eq!(signed["next_hop"], self.hop(verifies.sip()));
        assert_eq!(verified["next_hop"], self.hop(last));
        assert_eq!(far.invite().verstat(), "TN-Validation-Passed");
        assert_eq!(near.response(200).headers("Via").len(), 1);
        assert_eq!(near.sent("INVITE")[0].header("Call-ID"), signed["call_id"]);
        assert!(!far.received("BYE").is_empty(), "{far:#?}");
        self.went_well(&signs, &signed, &verifies, &verified, 200);
        Call {
            near,
            far,
            signs,
            verifies,
            signed,
            verified,
        }
    }

    /// What is so in every mode: signed here and believed there, answered with this status, and by this transport alone.
    #[track_caller]
    fn went_well(
        &self,
        signs: &Server,
        signed: &Value,
        verifies: &Server,
        verified: &Value,
        status: u16,
    ) {
        for (line, role, verdict) in [(signed, "sign", "signed"), (verified, "verify", "passed")] {
            assert_eq!(line["role"], role, "{line}");
            assert_eq!(line["verdict"], verdict, "{line}");
            assert_eq!(line["attest"], "A", "{line}");
            assert_eq!(line["method"], "INVITE", "{line}");
            assert_eq!(line["status"], status, "{line}");
            let source = line["source"].as_str().unwrap_or_default();
            let from = format!("{}:127.0.0.1:", self.transport);
            assert!(source.starts_with(&from), "{line}");
        }
        assert_eq!(verified["verstat"], "TN-Validation-Passed");
        assert_eq!(verified["origid"], signed["origid"]);
        for server in [signs, verifies] {
            for transport in TRANSPORTS {
                let messages = format!("countersign_sip_messages_total{{transport=\"{transport}\"");
                let is_ours = transport == self.transport;
                assert_eq!(server.metric(&messages) > 0, is_ours, "{transport}");
            }
            for lost in [
                "countersign_sip_unsent_total",
                "countersign_sip_refused_total",
            ] {
                assert_eq!(server.metric(lost), 0, "{lost}");
            }
        }
    }
}

/// The lines about calls that ended.
fn ends(log: &str) -> Vec<Value> {
    // The last line may be half written.
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["target"] == "countersign::call_end")
        .collect()
}

#[test]
fn a_proxy_carries_a_call_over_every_transport() {
    for transport in TRANSPORTS {
        let case = Case::new(transport);
        let mut call = case.goes_through_two("proxy");

        // One dialog, which is theirs: we are in its way and nowhere else.
        let invite = call.far.invite();
        assert_eq!(call.signed["call_id"], invite.header("Call-ID"));
        assert_eq!(call.verified["call_id"], invite.header("Call-ID"));
        let vias = invite.headers("Via");
        assert_eq!(vias.len(), 3 + 2 * case.neighbours(), "{vias:?}");
        let protocol = format!("SIP/2.0/{} ", transport.to_uppercase());
        let ours = vias.iter().skip(case.neighbours()).take(2);
        for (via, server) in ours.zip([&call.verifies, &call.signs]) {
            let us = format!("{protocol}{}", server.sip());
            assert!(via.starts_with(&us), "{via} is not {us}");
        }
        for (line, server) in [
            (&call.signed, &mut call.signs),
            (&call.verified, &mut call.verifies),
        ] {
            assert_eq!(line["other_call_id"], Value::Null);
            assert!(ends(&server.process().output()).is_empty());
        }
    }
}

#[test]
fn a_back_to_back_user_agent_carries_a_call_over_every_transport() {
    for transport in TRANSPORTS {
        let case = Case::new(transport);
        let mut call = case.goes_through_two("b2bua");

        // Three dialogs, and the logs lead from one to the next.
        let invite = call.far.invite();
        assert_eq!(call.signed["other_call_id"], call.verified["call_id"]);
        assert_eq!(call.verified["other_call_id"], invite.header("Call-ID"));
        let first = call.near.sent("INVITE")[0].header("Call-ID");
        assert_ne!(call.verified["call_id"], first);
        assert_ne!(call.verified["call_id"], invite.header("Call-ID"));
        let vias = invite.headers("Via");
        assert_eq!(vias.len(), 1 + case.neighbours(), "{vias:?}");
        // Their end is known, too.
        for (line, server) in [
            (&call.signed, &mut call.signs),
            (&call.verified, &mut call.verifies),
        ] {
            let process = server.process();
            process.until("told of the end", |process| {
                !ends(&process.output()).is_empty()
            });
            let [end] = &ends(&process.output())[..] else {
                panic!("more than one end")
            };
            assert_eq!(end["by"], "caller");
            assert_eq!(end["call_id"], line["call_id"]);
        }
    }
}

#[test]
fn a_redirect_answers_over_every_transport() {
    for transport in TRANSPORTS {
        let case = Case::new(transport);
        let signs = case.provider.signs(NOWHERE).redirects("header");
        let mut signs = case.start(signs, "signs.example");
        let verifies = case.provider.is_verified(NOWHERE).redirects("header");
        let mut verifies = case.start(verifies, "verifies.example");

        let near = case.place(Caller::Redirected, signs.sip(), None);
        let answer = near.response(302);
        let identity = Some(answer.header("Identity"));
        let judged = case.place(Caller::Redirected, verifies.sip(), identity);

        assert_eq!(answer.headers("Date").len(), 1);
        assert_eq!(judged.response(302).verstat(), "TN-Validation-Passed");
        let (signed, verified) = (signs.call(), verifies.call());
        case.went_well(&signs, &signed, &verifies, &verified, 302);
        for (line, trace, server) in [
            (&signed, &near, &mut signs),
            (&verified, &judged, &mut verifies),
        ] {
            // Nothing went on from here.
            let invite = trace.sent("INVITE")[0];
            assert_eq!(line["call_id"], invite.header("Call-ID"));
            assert_eq!(line["next_hop"], Value::Null);
            assert_eq!(line["other_call_id"], Value::Null);
            assert!(ends(&server.process().output()).is_empty());
        }
    }
}
