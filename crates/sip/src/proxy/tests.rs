//! What a request looks like when it leaves.

use super::*;
use crate::call::TrustPai;
use crate::message::Framing;
use crate::resource_priority::PriorityFate;
use crate::trunk::{CallInfoTrust, Role, UnsignedPriority};
use countersign::verification::{Callback, SignedPriority};

const FROM_TO: &str = "From: <sip:+12025550100@a.example>;tag=1\r\nTo: <sip:+12025550101@b.example>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n";

fn request(uri: &str, headers: &str) -> Message {
    let text = format!("INVITE {uri} SIP/2.0\r\n{headers}\r\n");
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

fn copied(message: &Message, trunk: &Trunk, additions: &Additions) -> String {
    let names = OurNames {
        sent_by: SentBy::new("proxy.example", None).unwrap(),
        also_known_as: vec![SentBy::new("192.0.2.1", Some(5060)).unwrap()],
        listeners: Vec::new(),
    };
    let copy = Copy::of(message, trunk, additions, &names).unwrap();
    let bytes = copy.with_via(Transport::Udp, &names.sent_by, "z9hG4bKours");
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn passed(uri: &str, headers: &str) -> String {
    copied(
        &request(uri, headers),
        &Trunk::new("t", Vec::new()),
        &Additions::default(),
    )
}

#[test]
fn only_via_and_max_forwards_change() {
    let sent = passed(
        "sip:+12025550101@b.example",
        "v:  SIP/2.0/UDP a.example;branch=z9hG4bKtheirs\r\nX-Odd:\tvalue\r\n folded\r\nMAX-FORWARDS: 10\r\nl: 0\r\n",
    );
    assert_eq!(
        sent,
        "INVITE sip:+12025550101@b.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP proxy.example;rport;branch=z9hG4bKours\r\n\
         v:  SIP/2.0/UDP a.example;branch=z9hG4bKtheirs\r\nX-Odd:\tvalue\r\n folded\r\nMAX-FORWARDS: 9\r\nl: 0\r\n\r\n"
    );
}

#[test]
fn what_is_missing_is_added() {
    let sent = passed("sip:b@h", "Via: SIP/2.0/UDP a\r\n");
    assert!(sent.contains("\r\nMax-Forwards: 70\r\n"), "{sent}");
    assert!(sent.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{sent}");
}

#[test]
fn our_route_is_taken_and_the_next_one_left() {
    for (routes, left) in [
        ("Route: <sip:proxy.example;lr>\r\n", ""),
        (
            "Route: <sip:192.0.2.1:5060;lr>, <sip:next.example;lr>\r\n",
            "Route: <sip:next.example;lr>\r\n",
        ),
        (
            "Route: <sip:proxy.example;lr>\r\nRoute: <sip:next.example;lr>\r\n",
            "Route: <sip:next.example;lr>\r\n",
        ),
        (
            "Route: <sip:other.example;lr>\r\n",
            "Route: <sip:other.example;lr>\r\n",
        ),
        (
            "Route: <sip:proxy.example:5070;lr>\r\n",
            "Route: <sip:proxy.example:5070;lr>\r\n",
        ),
    ] {
        let sent = passed("sip:b@h", routes);
        let route: String = sent
            .split_inclusive("\r\n")
            .filter(|line| line.starts_with("Route"))
            .collect();
        assert_eq!(route, left, "{routes}");
        assert!(sent.starts_with("INVITE sip:b@h SIP/2.0\r\n"));
    }
}

/// RFC 3261 §16.12.1.2, "Traversing a Strict-Routing Proxy": what U1's request looks like when P3 has it for a strict router.
#[test]
fn a_strict_router_gets_its_uri_in_the_request_line() {
    let sent = passed(
        "sip:u2@domain.com",
        "Route: <sip:proxy.example;lr>,<sip:p3.middle.com>,<sip:p4.domain.com;lr>\r\n",
    );
    assert!(
        sent.starts_with("INVITE sip:p3.middle.com SIP/2.0\r\n"),
        "{sent}"
    );
    assert!(
        sent.contains("\r\nRoute: <sip:p4.domain.com;lr>, <sip:u2@domain.com>\r\n"),
        "{sent}"
    );
    assert_eq!(sent.matches("Route").count(), 1);
}

#[test]
fn an_untrusted_side_asserts_nothing() {
    let headers = format!("{FROM_TO}P-Asserted-Identity: <sip:+12025550102@a.example>\r\n");
    assert!(!passed("sip:b@h", &headers).contains("P-Asserted-Identity"));
    let mut trunk = Trunk::new("t", Vec::new());
    trunk.call.trust_pai = TrustPai::Trusted;
    let sent = copied(&request("sip:b@h", &headers), &trunk, &Additions::default());
    assert!(sent.contains("\r\nP-Asserted-Identity: <sip:+12025550102@a.example>\r\n"));
}

#[test]
fn a_verdict_goes_on_an_assertion_of_ours() {
    let additions = Additions {
        verstat: Some("TN-Validation-Passed".into()),
        ..Additions::default()
    };
    let headers = format!(
        "{FROM_TO}P-Asserted-Identity: <sip:+12025550102;verstat=TN-Validation-Passed@a.example>\r\n"
    );
    let sent = copied(
        &request("sip:b@h", &headers),
        &Trunk::new("t", Vec::new()),
        &additions,
    );
    let asserted: Vec<_> = sent
        .lines()
        .filter(|line| line.starts_with("P-Asserted"))
        .collect();
    assert_eq!(
        asserted,
        ["P-Asserted-Identity: <sip:+12025550100;verstat=TN-Validation-Passed@a.example>"]
    );
    assert!(
        sent.contains("From: <sip:+12025550100@a.example>;tag=1\r\n"),
        "From is never written to"
    );
}

#[test]
fn a_signature_comes_with_its_date() {
    let mut trunk = Trunk::new("t", Vec::new());
    let additions = Additions {
        identities: vec!["a.b.c;info=<https://cert.example/c.pem>;alg=ES256;ppt=shaken".into()],
        date: Some(UnixTime::from_secs(1_443_208_345)),
        verstat: None,
        ..Additions::default()
    };
    let headers = format!("{FROM_TO}y: their.own.token;info=<https://x.example>\r\n");
    let sent = copied(&request("sip:b@h", &headers), &trunk, &additions);
    assert!(
        sent.contains("\r\nDate: Fri, 25 Sep 2015 19:12:25 GMT\r\nIdentity: a.b.c;info="),
        "{sent}"
    );
    assert!(
        sent.contains("\r\ny: their.own.token"),
        "added, not replaced"
    );
    trunk.existing_identity = ExistingIdentity::Replace;
    let sent = copied(&request("sip:b@h", &headers), &trunk, &additions);
    assert!(!sent.contains("their.own.token"), "{sent}");
    assert_eq!(sent.matches("Identity: ").count(), 1);
}

const SHOWN: &str = "From: \"M\" <sip:+12025550100@a.example>;tag=1\r\nTo: <sip:+12025550101@b.example>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
    Call-Info: <https://a.example/theirs.png>;purpose=icon\r\n";

fn proven() -> Additions {
    let caller = ProvenCaller {
        name: Some("Q Branch".into()),
        reason: Some("For your ears only".into()),
        ..ProvenCaller::default()
    };
    let consequences = Consequences {
        caller: Some(Box::new(caller)),
        ..Consequences::default()
    };
    Additions {
        verstat: Some("TN-Validation-Passed".to_owned()),
        consequences: Some(Box::new(consequences)),
        ..Additions::default()
    }
}

#[test]
fn what_was_proven_takes_the_place_of_what_was_said() {
    let message = request("sip:+12025550101@b.example", SHOWN);
    for trust in [CallInfoTrust::Ignored, CallInfoTrust::Trusted] {
        let mut trunk = Trunk::new("t", Vec::new());
        trunk.role = Role::Verify;
        trunk.call_info_trust = trust;
        let sent = copied(&message, &trunk, &proven());
        assert!(!sent.contains("theirs"), "{sent}");
        assert!(
            sent.contains("\r\nFrom: \"Q Branch\" <sip:+12025550100@a.example>;tag=1\r\n"),
            "{sent}"
        );
        assert!(
            sent.contains(
                "\r\nCall-Info: <data:>;purpose=jcard;call-reason=\"For your ears only\";verified=\"true\"\r\n\
                 Call-Info: <data:>;purpose=jcard;verified=\"true\"\r\n"
            ),
            "{sent}"
        );
    }
}

#[test]
fn what_nobody_proved_passes_only_among_those_who_trust_each_other() {
    let message = request("sip:+12025550101@b.example", SHOWN);
    let passes = |trust, next, role| {
        let mut trunk = Trunk::new("t", Vec::new());
        (trunk.call_info_trust, trunk.next_hop_trust, trunk.role) = (trust, next, role);
        copied(&message, &trunk, &Additions::default()).contains("theirs")
    };
    let (inside, outside) = (NextHopTrust::Inside, NextHopTrust::Outside);
    assert!(passes(CallInfoTrust::Trusted, inside, Role::None));
    assert!(passes(CallInfoTrust::Trusted, inside, Role::Verify));
    assert!(!passes(CallInfoTrust::Trusted, outside, Role::None));
    for (next, role) in [
        (inside, Role::None),
        (inside, Role::Sign),
        (outside, Role::Verify),
    ] {
        assert!(
            !passes(CallInfoTrust::Ignored, next, role),
            "{next:?} {role:?}"
        );
    }
}

#[test]
fn whoever_wants_to_be_private_is_not_shown_outside() {
    let message = request(
        "sip:+12025550101@b.example",
        &format!("{SHOWN}Privacy: id\r\n"),
    );
    let mut trunk = Trunk::new("t", Vec::new());
    trunk.role = Role::Verify;
    trunk.next_hop_trust = NextHopTrust::Outside;
    let sent = copied(&message, &trunk, &proven());
    assert!(
        !sent.contains("Call-Info") && !sent.contains("Q Branch"),
        "{sent}"
    );
}

#[test]
fn emergency_services_see_who_calls_whatever_the_caller_wants() {
    let message = request(
        "urn:service:sos",
        "From: <sip:anonymous@anonymous.invalid>;tag=1\r\nP-Asserted-Identity: <sip:+12025550100@a.example>\r\nPrivacy: id\r\n\
         Call-Info: <https://a.example/a.png>;purpose=icon, <cid:1@a.example>;purpose=EmergencyCallData.ProviderInfo\r\n",
    );
    let mut trunk = Trunk::new("t", Vec::new());
    trunk.next_hop_trust = NextHopTrust::Outside;
    trunk.call.trust_pai = TrustPai::Trusted;
    let of = |urgency| Additions {
        urgency,
        ..Additions::default()
    };
    for (urgency, is_seen) in [
        (Urgency::Emergency, true),
        (Urgency::ListedCallback, false),
        (Urgency::Ordinary, false),
    ] {
        let sent = copied(&message, &trunk, &of(urgency));
        let asserted = "\r\nP-Asserted-Identity: <sip:+12025550100@a.example>\r\n";
        assert_eq!(sent.contains(asserted), is_seen, "{urgency:?} {sent}");
        assert!(sent.contains("\r\nPrivacy: id\r\n"), "{sent}");
        let data = "\r\nCall-Info: <cid:1@a.example>;purpose=EmergencyCallData.ProviderInfo\r\n";
        assert!(sent.contains(data) && !sent.contains("icon"), "{sent}");
    }
    // What nobody believes is nobody's number here either.
    trunk.call.trust_pai = TrustPai::Ignored;
    let sent = copied(&message, &trunk, &of(Urgency::Emergency));
    assert!(!sent.contains("P-Asserted-Identity"), "{sent}");
}

const URGENT: &str = "Resource-Priority: ets.0, wps.0, esnet.1\r\nPriority: psap-callback\r\nFrom: <sip:+12025550100@a.example>;tag=1\r\n";

/// What of the priority that was asked for leaves.
fn urgent(trunk: &Trunk, additions: &Additions) -> (String, bool) {
    let sent = copied(
        &request("sip:+12025550101@b.example", URGENT),
        trunk,
        additions,
    );
    let mut lines = sent.lines();
    let values = lines.find_map(|line| line.strip_prefix("Resource-Priority: "));
    (
        values.unwrap_or_default().to_owned(),
        sent.contains("psap-callback"),
    )
}

fn honours(values: &[&str], callback: Callback) -> Additions {
    let consequences = Consequences {
        honoured: values.iter().map(|value| value.parse().unwrap()).collect(),
        callback,
        priority: SignedPriority::Judged,
        ..Consequences::default()
    };
    Additions {
        consequences: Some(Box::new(consequences)),
        ..Additions::default()
    }
}

#[test]
fn digest11_case09_and_case10_only_priority_that_was_proven_leaves() {
    let mut trunk = Trunk::new("t", Vec::new());
    trunk.role = Role::Verify;
    for unsigned in [UnsignedPriority::Strip, UnsignedPriority::TrustPeer] {
        trunk.unsigned_priority = Some(unsigned);
        let ets = urgent(&trunk, &honours(&["ets.0"], Callback::NotProven));
        assert_eq!(ets, ("ets.0".to_owned(), false));
        let none = urgent(&trunk, &honours(&[], Callback::Proven));
        assert_eq!(none, (String::new(), true));
    }
    let all = urgent(&trunk, &Additions::default());
    assert_eq!(all, ("ets.0, wps.0, esnet.1".to_owned(), true), "trusted");
    trunk.unsigned_priority = Some(UnsignedPriority::Strip);
    assert_eq!(
        urgent(&trunk, &Additions::default()),
        (String::new(), false)
    );
}

#[test]
fn what_a_trunk_may_have_signed_stays_and_values_of_emergency_services_only_in_their_calls() {
    let mut trunk = Trunk::new("t", Vec::new());
    trunk.signed_priority = vec!["wps.0".parse().unwrap(), "esnet.1".parse().unwrap()];
    trunk.unsigned_priority = Some(UnsignedPriority::Strip);
    let of = |urgency| Additions {
        urgency,
        ..Additions::default()
    };
    assert_eq!(
        urgent(&trunk, &of(Urgency::Ordinary)).0,
        "",
        "it signs none"
    );
    trunk.unsigned_priority = None;
    trunk.role = Role::Sign;
    for (urgency, left) in [
        (Urgency::Ordinary, ("wps.0", false)),
        (Urgency::Emergency, ("wps.0, esnet.1", false)),
        (Urgency::ListedCallback, ("wps.0, esnet.1", true)),
    ] {
        let (values, mark) = urgent(&trunk, &of(urgency));
        assert_eq!((&*values, mark), left, "{urgency:?}");
    }
}

#[test]
fn priority_is_taken_out_only_where_it_is_judged_unless_it_is_said() {
    let whole = ("ets.0, wps.0, esnet.1".to_owned(), true);
    let nothing = (String::new(), false);
    let known = |trunk: &mut Trunk| trunk.psap_numbers = vec!["12025550111".parse().unwrap()];
    let may_have = |trunk: &mut Trunk| trunk.signed_priority = vec!["dsn.flash".parse().unwrap()];
    for (role, says, left) in [
        (Role::None, None, &whole),
        (Role::Sign, None, &whole),
        (Role::Verify, None, &nothing),
        (Role::Both, None, &nothing),
        (Role::None, Some(UnsignedPriority::Strip), &nothing),
        (Role::Sign, Some(UnsignedPriority::Strip), &nothing),
        (Role::Verify, Some(UnsignedPriority::TrustPeer), &whole),
    ] {
        let mut trunk = Trunk::new("t", Vec::new());
        (trunk.role, trunk.unsigned_priority) = (role, says);
        let seen = urgent(&trunk, &Additions::default());
        assert_eq!(&seen, left, "{role:?} {says:?}");
    }
    for (role, knows, left) in [
        (Role::None, &known as &dyn Fn(&mut Trunk), &nothing),
        (Role::Sign, &known, &nothing),
        (Role::Sign, &may_have, &nothing),
        // Nothing is signed here, so nobody was told what they may have.
        (Role::None, &may_have, &whole),
    ] {
        let mut trunk = Trunk::new("t", Vec::new());
        trunk.role = role;
        knows(&mut trunk);
        let seen = urgent(&trunk, &Additions::default());
        assert_eq!(&seen, left, "{role:?}");
    }
}

#[test]
fn what_became_of_priority_is_told() {
    use PriorityFate::{
        CallbackListed, CallbackProven, CallbackStripped, Honoured, Kept, Stripped,
    };
    let asks = request("sip:+12025550101@b.example", URGENT);
    let of = |urgency| Additions {
        urgency,
        ..Additions::default()
    };
    let mut trunk = Trunk::new("t", Vec::new());
    assert_eq!(
        priority::fates(&asks, &trunk, &of(Urgency::Ordinary)),
        [Kept]
    );
    trunk.role = Role::Verify;
    for (additions, expected) in [
        (of(Urgency::Ordinary), vec![CallbackStripped, Stripped]),
        (
            of(Urgency::Emergency),
            vec![CallbackStripped, Kept, Stripped],
        ),
        (of(Urgency::ListedCallback), vec![CallbackListed, Stripped]),
        (
            honours(&["ets.0"], Callback::Proven),
            vec![CallbackProven, Honoured, Stripped],
        ),
    ] {
        assert_eq!(priority::fates(&asks, &trunk, &additions), expected);
    }
    let asks_nothing = request("sip:+12025550101@b.example", "Priority: urgent\r\n");
    assert!(priority::fates(&asks_nothing, &trunk, &of(Urgency::Ordinary)).is_empty());
}

#[test]
fn what_a_copy_has_is_found_without_reading_it_anew() {
    let names = OurNames {
        sent_by: SentBy::new("proxy.example", None).unwrap(),
        also_known_as: Vec::new(),
        listeners: Vec::new(),
    };
    let identities = "iDENTITY \t: one;info=<https://i.example/>\r\nIn-Reply-To: Identity: none\r\nIdentity:\r\n two,\r\n\tthree\r\n\
        y: four\r\nYonder: five\r\nIdentity-Info: six\r\nX: seven\r\n Identity: eight\r\nIdentity:\r\n";
    for (uri, headers) in [
        ("sip:+12025550101@b.example", identities),
        ("sip:b@h;x=\"y\"", ""),
        ("tel:+12025550101", "i: z@h\r\ny: one\r\n"),
    ] {
        let message = request(uri, &format!("{FROM_TO}{headers}"));
        let additions = Additions {
            identities: vec!["ours;info=<https://o.example/>".into()],
            ..Additions::default()
        };
        let mut trunk = Trunk::new("t", Vec::new());
        trunk.role = Role::Sign;
        let copy = Copy::of(&message, &trunk, &additions, &names).unwrap();
        let read = Message::parse(copy.bytes().clone(), Framing::Datagram).unwrap();
        assert_eq!(copy.request_uri(), read.request_uri());
        let found: Vec<_> = copy.values(Name::Identity).collect();
        let lines = read.headers(Name::Identity);
        assert_eq!(found, lines.map(|line| line.value).collect::<Vec<_>>());
        assert!(found.contains(&b"ours;info=<https://o.example/>".as_slice()));
    }
}
