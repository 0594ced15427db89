//! Priority that a PASSporT speaks of: RFC 8443, RFC 9027.
//!
//! ```text
//!    INVITE, Resource-Priority: ets.0, wps.0 ── Identity: rph, auth ets.0, by who may sign for ets ──► ets.0 is honoured
//!                                           └── Identity: rph, auth wps.0, by who may sign for wps ──► wps.0 is honoured, too
//! ```
//!
//! This test verifies which values of a call are honoured, and when it is a proven call-back of an emergency answering point.

use super::told;
use countersign::call::Call;
use countersign::certificate::ServiceProviderCode;
use countersign::identity::{Identity, IdentityPolicy, Role};
use countersign::passport::{Presented, Sph};
use countersign::priority::{Dialled, PriorityMark, ResourceValue};
use countersign::verification::policy::{NamespaceAuthority, PrioritySigner};
use countersign::verification::{
    Callback, Consequences, Fault, Malformed, SignedPriority, Verdict,
};
use countersign_sip::identity_header;
use countersign_testkit::lab::{NOW, Signer};
use countersign_testkit::scene::{ALICE, BOB, Forgery, Scene, X5U, call, number};

/// Where the second authority publishes its certificate.
const OTHER_X5U: &str = "https://cert.example.org/wireless.pem";

fn values(texts: &[&str]) -> Vec<ResourceValue> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Alice's provider may sign for `ets` and `esnet`; the wireless authority, known by its code, for `wps`.
fn scene() -> Scene {
    let authority = |namespace: &str, signer| NamespaceAuthority {
        namespace: namespace.into(),
        signers: [signer].into(),
    };
    let scene = Scene::new();
    let alice = || PrioritySigner::Subject("SHAKEN numbers".into());
    let wireless = PrioritySigner::Provider(ServiceProviderCode::new("709W").unwrap());
    let authorities = [
        authority("esnet", alice()),
        authority("ets", alice()),
        authority("wps", wireless),
    ];
    scene.with_policy(|policy| policy.priority.authorities = authorities.into())
}

fn wireless(scene: &Scene) -> Signer {
    let signer = scene.lab.provider("709W");
    scene.repository.publish(OTHER_X5U, &signer.chain);
    signer
}

/// A call from Alice to Bob that asks for these values.
fn asking(texts: &[&str]) -> Call {
    let mut call = call();
    call.priority.values = values(texts);
    call
}

fn rph(auth: &str) -> Forgery {
    let iat = NOW.as_secs();
    Forgery {
        header: format!(r#"{{"alg":"ES256","ppt":"rph","typ":"passport","x5u":"{X5U}"}}"#),
        payload: format!(
            r#"{{"dest":{{"tn":["{BOB}"]}},"iat":{iat},"orig":{{"tn":"{ALICE}"}},"rph":{{"auth":[{auth}]}}}}"#
        ),
    }
}

fn presented(scene: &Scene, forgery: &Forgery) -> Presented {
    Presented {
        ppt: Some("rph".into()),
        ..scene.forge(forgery)
    }
}

/// The fault of the only PASSporT, and what follows.
fn judged(scene: &Scene, call: &Call, presented: Presented) -> (Option<Fault>, Consequences) {
    let report = scene.verify(call, presented);
    assert_eq!(
        told(&report),
        (Verdict::Unsigned, None),
        "priority proves no caller"
    );
    let fault = report.passports[0].verdict.fault();
    (fault, *report.consequences().unwrap_or_default())
}

#[test]
fn digest11_case09_values_are_honoured_where_somebody_signed_who_may() {
    let scene = scene();
    let ets = || presented(&scene, &rph(r#""ets.0""#));
    let (fault, one) = judged(&scene, &asking(&["ETS.0"]), ets());
    assert_eq!((fault, one.honoured), (None, values(&["ets.0"])));

    let both = asking(&["ets.0", "wps.0"]);
    let (_, one) = judged(&scene, &both, ets());
    assert_eq!(one.honoured, values(&["ets.0"]), "nobody signed for wps");
    assert_eq!(one.priority, SignedPriority::Judged);

    let forgery = rph(r#""wps.0""#).header(X5U, OTHER_X5U);
    let second = Presented {
        info: Some(OTHER_X5U.into()),
        ppt: Some("rph".into()),
        ..forgery.sign(&*wireless(&scene).key)
    };
    for headers in [
        vec![Ok(ets()), Ok(second.clone())],
        vec![Ok(second), Ok(ets())],
    ] {
        let report = scene.verify_at(0, &both, headers);
        let honoured = report.consequences().unwrap().honoured;
        assert_eq!(honoured, values(&["ets.0", "wps.0"]), "in the call's order");
    }
}

#[test]
fn digest11_case10_without_authority_or_with_a_bad_signature_nothing_is_honoured() {
    let scene = scene();
    let call = asking(&["wps.0"]);
    let (fault, one) = judged(&scene, &call, presented(&scene, &rph(r#""wps.0""#)));
    assert_eq!(fault, Some(Fault::PrioritySignerRefused));
    assert_eq!(
        (one.honoured, one.priority),
        (vec![], SignedPriority::Judged)
    );
    // One authority a claim: who may sign for a part of it may not sign for all of it.
    let call = asking(&["ets.0", "wps.0"]);
    let both = presented(&scene, &rph(r#""ets.0","wps.0""#));
    assert_eq!(judged(&scene, &call, both).1.honoured, vec![]);

    let call = asking(&["ets.0"]);
    let strange = rph(r#""ets.0""#).sign(&*countersign_testkit::lab::new_key());
    let strange = Presented {
        ppt: Some("rph".into()),
        ..strange
    };
    let (fault, one) = judged(&scene, &call, strange);
    assert_eq!(fault, Some(Fault::SignatureInvalid));
    assert_eq!(
        (one.honoured, one.priority),
        (vec![], SignedPriority::Judged)
    );

    // Nobody ever said who may: that is no fault of the signer's.
    let call = asking(&["q735.0"]);
    let (fault, one) = judged(&scene, &call, presented(&scene, &rph(r#""q735.0""#)));
    assert_eq!(fault, Some(Fault::PriorityAuthorityUnknown));
    assert_eq!((one.honoured, one.priority), (vec![], SignedPriority::None));
    assert!(one.complaints.is_empty());
}

/// A call-back from Alice, who is an answering point, to Bob.
fn callback(mark: PriorityMark) -> Call {
    let mut call = asking(&["esnet.0"]);
    call.priority.mark = mark;
    call
}

fn with_sph(value: &str) -> Forgery {
    rph(r#""esnet.0""#).payload("]}}", &format!(r#"]}},"sph":{value}}}"#))
}

#[test]
fn digest11_case11_an_sph_that_is_no_call_back_fails() {
    let scene = scene();
    let call = callback(PriorityMark::PsapCallback);
    for value in [r#""normal""#, r#""PSAP-callback""#, "true"] {
        let (fault, one) = judged(&scene, &call, presented(&scene, &with_sph(value)));
        assert_eq!(fault, Some(Fault::PriorityInvalid), "{value}");
        assert_eq!((one.honoured, one.callback), (vec![], Callback::NotProven));
    }
    let (fault, one) = judged(
        &scene,
        &call,
        presented(&scene, &with_sph(r#""psap-callback""#)),
    );
    assert_eq!((fault, one.callback), (None, Callback::Proven));
    assert_eq!(one.honoured, values(&["esnet.0"]));
    // Without sph the values are signed for, and the mark is not.
    let (fault, one) = judged(&scene, &call, presented(&scene, &rph(r#""esnet.0""#)));
    assert_eq!((fault, one.callback), (None, Callback::NotProven));
    // sph beside other values than those of emergency services.
    let misplaced = rph(r#""ets.0""#).payload("]}}", r#"]},"sph":"psap-callback"}"#);
    let (fault, one) = judged(&scene, &call, presented(&scene, &misplaced));
    assert_eq!(fault, Some(Fault::PriorityMisused));
    assert_eq!(one.callback, Callback::NotProven);
}

#[test]
fn digest11_case13_sph_on_a_call_that_is_not_marked_fails() {
    let scene = scene();
    let token = presented(&scene, &with_sph(r#""psap-callback""#));
    let (fault, one) = judged(&scene, &callback(PriorityMark::None), token);
    assert_eq!(fault, Some(Fault::PriorityMisused));
    assert_eq!((one.honoured, one.callback), (vec![], Callback::NotProven));
}

#[test]
fn digest11_case14_the_compact_form_is_refused() {
    let scene = scene();
    let token = presented(&scene, &rph(r#""ets.0""#));
    let signature = token.token.rsplit('.').next().unwrap();
    let compact = Presented {
        token: format!("..{signature}").into(),
        ..token.clone()
    };
    let (fault, one) = judged(&scene, &asking(&["ets.0"]), compact);
    assert_eq!(fault, Some(Fault::CompactForm));
    assert_eq!(
        (one.honoured, one.priority),
        (vec![], SignedPriority::Judged)
    );
}

/// The parties of a call as the signalling names them.
fn to(uri: &str, token_dest: &str) -> (Call, Forgery) {
    let mut call = asking(&["esnet.1"]);
    let dest = Identity::from_uri(uri, Role::Dest, IdentityPolicy::default()).unwrap();
    call.dest[0].0 = dest;
    let forgery = rph(r#""esnet.1""#).payload(&format!(r#"{{"tn":["{BOB}"]}}"#), token_dest);
    (call, forgery)
}

#[test]
fn digest11_case15_a_call_to_emergency_services_and_nobody_else() {
    let scene = scene();
    for (uri, dest) in [
        ("urn:service:sos", r#"{"uri":["urn:service:sos"]}"#),
        (
            "URN:service:SOS.fire",
            r#"{"uri":["urn:service:sos.fire"]}"#,
        ),
        ("sip:911@example.com;user=phone", r#"{"tn":["911"]}"#),
        ("tel:112;phone-context=example.com", r#"{"tn":["112"]}"#),
    ] {
        let (call, forgery) = to(uri, dest);
        let (fault, one) = judged(&scene, &call, presented(&scene, &forgery));
        assert_eq!((fault, one.honoured), (None, values(&["esnet.1"])), "{uri}");
        assert_eq!(one.callback, Callback::NotProven);
    }
    // Longer ones only those know who route them.
    let (mut call, forgery) = to("sip:1122@example.com;user=phone", r#"{"tn":["1122"]}"#);
    let (fault, _) = judged(&scene, &call, presented(&scene, &forgery));
    assert_eq!(fault, Some(Fault::PriorityMisused));
    call.priority.dialled = Dialled::Emergency;
    let (fault, one) = judged(&scene, &call, presented(&scene, &forgery));
    assert_eq!((fault, one.honoured), (None, values(&["esnet.1"])));
    let (call, forgery) = (asking(&["esnet.1"]), rph(r#""esnet.1""#));
    let (fault, one) = judged(&scene, &call, presented(&scene, &forgery));
    assert_eq!(fault, Some(Fault::PriorityMisused), "Bob is no 911");
    assert_eq!(one.honoured, vec![]);
}

/// Who calls back is a number that can be called: a label such as 911 is none.
#[test]
fn a_three_digit_label_is_no_caller() {
    let scene = scene();
    let mut call = callback(PriorityMark::PsapCallback);
    call.orig = Some(number("911"));
    let forgery = with_sph(r#""psap-callback""#).payload(ALICE, "911");
    let (fault, one) = judged(&scene, &call, presented(&scene, &forgery));
    assert_eq!(fault, Some(Fault::PriorityMisused));
    assert_eq!(one.callback, Callback::NotProven);
}

#[test]
fn digest11_case17_what_a_b2bua_dropped_is_not_missed_and_what_it_added_is_not_honoured() {
    let scene = scene();
    let token = presented(&scene, &rph(r#""ets.0""#));
    let (_, one) = judged(&scene, &asking(&["ets.0", "ets.1"]), token.clone());
    assert_eq!(one.honoured, values(&["ets.0"]));
    let (fault, one) = judged(&scene, &asking(&[]), token);
    assert_eq!((fault, one.honoured), (None, vec![]));
    let two = presented(&scene, &rph(r#""ets.0","ets.1""#));
    let (_, one) = judged(&scene, &asking(&["ets.1"]), two);
    assert_eq!(one.honoured, values(&["ets.1"]));
}

/// What Alice's provider signs for her, Bob's honours.
#[test]
fn signed_priority_is_honoured_beside_a_proven_caller() {
    let scene = scene();
    let mut call = callback(PriorityMark::PsapCallback);
    call.priority.values = values(&["esnet.0", "ets.3"]);
    let auth = values(&["esnet.0"]);
    let signed = scene.authentication();
    let signed = signed.prioritize(&call, &auth, Some(Sph::PsapCallback), NOW);
    let signed = identity_header::parse(signed.unwrap().identity.as_bytes()).unwrap();
    let headers: Vec<Result<_, Malformed>> = vec![Ok(scene.present(&call)), Ok(signed)];
    let report = scene.verify_at(0, &call, headers);
    assert_eq!(told(&report), (Verdict::Passed, None));
    let one = report.consequences().unwrap();
    assert_eq!((one.honoured, one.callback), (auth, Callback::Proven));
    assert!(one.complaints.is_empty());
}

/// Whoever has a delegate's certificate chose the name on it, and nobody above answers for that name.
#[test]
fn the_name_of_a_delegate_says_nothing_and_its_code_does() {
    use super::scopes::{by_value, code, scene as delegated};
    for (signer, fault) in [
        (
            PrioritySigner::Subject("SHAKEN delegate".into()),
            Some(Fault::PrioritySignerRefused),
        ),
        (
            PrioritySigner::Provider(ServiceProviderCode::new("709W").unwrap()),
            None,
        ),
    ] {
        let codes = [code("709W")];
        let scene = delegated(by_value(&codes), by_value(&codes)).with_policy(|policy| {
            policy.priority.authorities = [NamespaceAuthority {
                namespace: "ets".into(),
                signers: [signer].into(),
            }]
            .into();
        });
        let token = presented(&scene, &rph(r#""ets.0""#));
        assert_eq!(judged(&scene, &asking(&["ets.0"]), token).0, fault);
    }
}

/// What stands in a list that was not looked at may be the code that is asked for.
#[test]
fn a_signer_whose_list_is_elsewhere_is_not_refused() {
    use super::scopes::{by_reference, scene_of};
    let scene = scene_of(by_reference("https://lists.example.org/b")).with_policy(|policy| {
        policy.priority.authorities = [NamespaceAuthority {
            namespace: "ets".into(),
            signers: [PrioritySigner::Provider(
                ServiceProviderCode::new("709W").unwrap(),
            )]
            .into(),
        }]
        .into();
    });
    let token = presented(&scene, &rph(r#""ets.0""#));
    let (fault, one) = judged(&scene, &asking(&["ets.0"]), token);
    assert_eq!(fault, Some(Fault::TnAuthListUnavailable));
    assert_eq!((one.honoured, one.priority), (vec![], SignedPriority::None));
}
