//! What revocation lists do to paths: direct lists, indirect ones, lists in parts, lists that are late.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ SHAKEN 1234, SHAKEN 1235     (their list: signed by STI-PA CRL)
//!            └──────────▶ STI-PA CRL ──▶ one list: certificates of the Issuing CA, then of others
//! ```

use const_oid::ObjectIdentifier;
use countersign::certificate::encode::{element, oid, primitive, sequence};
use countersign::certificate::no_rev_avail::NoRevAvailConflict;
use countersign::certificate::{Certificate, CertificateChain, Crl, TnAuthList};
use countersign::crypto::{AwsLc, SigningKey};
use countersign::path::{CrlFault, CrlIssuer, PathFault, RevocationEvidence, Step, verify};
use countersign::time::{UnixTime, Validity};
use countersign::trust::revocation::{Gap, MAX_AHEAD};
use countersign::trust::{RevocationRule, Trust, VerifiedCrl};
use countersign_ca::crl::{self, CrlDraft, Reason, Revoked, issue};
use countersign_ca::extension::{self, CrlScope, Extension};
use countersign_ca::{Authority, Profile, Request};
use countersign_testkit::administrator::{
    LIST_PERIOD, LIST_URL, PolicyAdministrator, revoked as entry,
};
use countersign_testkit::lab::{Lab, NOW, chain, new_key, numbers, subject, validity};
use std::sync::Arc;

const HARD: RevocationRule = RevocationRule::Hard { grace: 0 };
const SOFT: RevocationRule = RevocationRule::Soft { grace: 0 };
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// A lab, and its policy administrator who is pinned.
struct World {
    lab: Lab,
    pa: PolicyAdministrator,
}

impl World {
    fn new() -> Self {
        let lab = Lab::new();
        let pa = PolicyAdministrator::of(&lab);
        Self { lab, pa }
    }

    fn provider(&self, code: &str) -> CertificateChain {
        self.pa.provider(&self.lab, code).chain
    }

    fn proven(&self, draft: &CrlDraft) -> Arc<VerifiedCrl> {
        let list = self
            .pa
            .verified(draft, self.pa.pinned(), &self.lab.trust(1));
        list.unwrap()
    }

    fn trust_in(&self, rule: RevocationRule, drafts: &[CrlDraft]) -> Trust {
        let lists = drafts.iter().map(|draft| self.proven(draft)).collect();
        self.lab.trust(1).with_crls(rule, lists)
    }

    fn trust(&self, rule: RevocationRule, revoked: Vec<Revoked>) -> Trust {
        self.trust_in(rule, &[self.pa.draft(revoked)])
    }
}

/// A list whose issuingDistributionPoint has these fields.
fn scoped(mut draft: CrlDraft, fields: &[Vec<u8>]) -> CrlDraft {
    let scope = Extension::critical(ISSUING_DISTRIBUTION_POINT, sequence(fields));
    let point = draft
        .extensions
        .iter_mut()
        .find(|one| one.kind == ISSUING_DISTRIBUTION_POINT);
    *point.unwrap() = scope;
    draft
}

fn indirect() -> Vec<u8> {
    element(primitive(4), &[0xff])
}

fn judge(
    chain: &CertificateChain,
    trust: &Trust,
    at: UnixTime,
) -> Result<RevocationEvidence, PathFault> {
    verify(chain, trust, at, &AwsLc).map(|path| path.revocation())
}

fn is_good(chain: &CertificateChain, trust: &Trust) -> bool {
    matches!(judge(chain, trust, NOW), Ok(RevocationEvidence::Good(_)))
}

fn revoked_at(step: Step, reason: Reason) -> Result<RevocationEvidence, PathFault> {
    Err(PathFault::Revoked {
        step,
        at: NOW,
        reason,
    })
}

fn unknown(gap: Gap) -> Result<RevocationEvidence, PathFault> {
    Err(PathFault::RevocationUnknown {
        step: Step::EndEntity,
        gap,
    })
}

/// The revoked certificate's entry says nothing of its issuer: the one before it did.
#[test]
fn digest12_case08_an_entry_inherits_the_issuer_of_the_one_before() {
    let world = World::new();
    let [first, second, third] = ["1234", "1235", "1236"].map(|code| world.provider(code));
    let revoked = vec![
        entry(first.end_entity(), Reason::Superseded),
        entry(second.end_entity(), Reason::KeyCompromise),
    ];
    let draft = world.pa.draft(revoked);
    assert_eq!(draft.entries[1].extensions.len(), 1, "a reason, no issuer");
    let trust = world.trust_in(HARD, &[draft]);
    assert_eq!(
        judge(&second, &trust, NOW),
        revoked_at(Step::EndEntity, Reason::KeyCompromise)
    );
    assert!(is_good(&third, &trust));
}

#[test]
fn digest12_case09_the_same_serial_number_of_another_issuer_is_not_revoked() {
    let world = World::new();
    let chain = world.provider("1234");
    let other = Revoked {
        issuer: world.lab.root().certificate().subject().clone(),
        ..entry(chain.end_entity(), Reason::KeyCompromise)
    };
    assert!(is_good(&chain, &world.trust(HARD, vec![other])));
}

/// A list out of date, or none at all: the rule decides.
#[test]
fn what_nobody_knows_is_not_validated_or_passes_by_rule() {
    let world = World::new();
    let chain = world.provider("1234");
    let late = NOW.saturating_add(LIST_PERIOD + 1);
    let next_update = NOW.saturating_add(LIST_PERIOD);
    let stale = |rule| judge(&chain, &world.trust(rule, Vec::new()), late);
    let gap = Gap::Stale { next_update };
    assert_eq!(stale(HARD), unknown(gap));
    let step = Step::EndEntity;
    assert_eq!(stale(SOFT), Ok(RevocationEvidence::Unknown { step, gap }));
    assert_eq!(stale(RevocationRule::Off), Ok(RevocationEvidence::NotAsked));
    let grace = RevocationRule::Hard { grace: 1 };
    assert!(matches!(stale(grace), Ok(RevocationEvidence::Good(_))));
    let none = world.trust_in(HARD, &[]);
    assert_eq!(judge(&chain, &none, NOW), unknown(Gap::NoList));
    let this_update = NOW;
    let ahead = |seconds: i64| {
        let trust = world.trust(HARD, Vec::new());
        judge(&chain, &trust, NOW.saturating_add(-seconds))
    };
    assert!(ahead(MAX_AHEAD).is_ok(), "clocks differ");
    assert_eq!(ahead(MAX_AHEAD + 1), unknown(Gap::NotYet { this_update }));
}

/// This test verifies that what was revoked stays revoked when the next list is late, and that no rule but Off passes it.
#[test]
fn a_list_out_of_date_still_revokes() {
    let world = World::new();
    let chain = world.provider("1234");
    let late = NOW.saturating_add(2 * LIST_PERIOD);
    for rule in [HARD, SOFT] {
        let trust = world.trust(
            rule,
            vec![entry(chain.end_entity(), Reason::CertificateHold)],
        );
        assert_eq!(
            judge(&chain, &trust, late),
            revoked_at(Step::EndEntity, Reason::CertificateHold)
        );
    }
}

/// The list stops telling that anything is good when the certificate of its signer ends.
#[test]
fn a_list_is_worth_no_more_than_its_signer() {
    let world = World::new();
    let not_after = world.pa.certificate().validity().not_after;
    let mut draft = world.pa.draft(Vec::new());
    draft.next_update = Some(not_after.saturating_add(LIST_PERIOD));
    let list = world.proven(&draft);
    assert_eq!(list.good_until(3600), not_after);
}

#[test]
fn a_revoked_authority_takes_along_what_it_has_issued() {
    let world = World::new();
    let authority = world.lab.intermediate().certificate();
    // The intermediate names no list; whoever pins the signer of one hears it about every certificate.
    let trust = world.trust(HARD, vec![entry(authority, Reason::CaCompromise)]);
    assert_eq!(
        judge(&world.provider("1234"), &trust, NOW),
        revoked_at(Step::Issuer(1), Reason::CaCompromise)
    );
}

/// This test verifies that a list is asked only about certificates that name it: by URL, by signer, by kind.
#[test]
fn a_list_speaks_of_what_names_it() {
    let world = World::new();
    let chain = world.provider("1234");
    let place = |url: &str| {
        let uri = element(primitive(6), url.as_bytes());
        element(0xa0, &element(0xa0, &uri))
    };
    let judged = |fields: &[Vec<u8>]| {
        let draft = scoped(world.pa.draft(Vec::new()), fields);
        judge(&chain, &world.trust_in(HARD, &[draft]), NOW)
    };
    let users = element(primitive(1), &[0xff]);
    let authorities = element(primitive(2), &[0xff]);
    let attributes = element(primitive(5), &[0xff]);
    for good in [
        &[indirect()][..],
        &[place(LIST_URL), indirect()],
        &[place("HTTPS://STI-PA.EXAMPLE/crl"), indirect()],
        &[users, indirect()],
    ] {
        assert!(
            matches!(judged(good), Ok(RevocationEvidence::Good(_))),
            "{good:02x?}"
        );
    }
    for other in [
        &[place("https://sti-pa.example/other"), indirect()][..],
        &[place(LIST_URL)],
        &[authorities, indirect()],
        &[indirect(), attributes],
    ] {
        assert_eq!(judged(other), unknown(Gap::NoList), "{other:02x?}");
    }
}

/// This test verifies that a certificate is good when lists together speak of every reason, and not before.
#[test]
fn lists_in_parts_by_reason_add_up() {
    let world = World::new();
    let chain = world.provider("1234");
    let reasons = |bits: &[u8]| {
        let only = element(primitive(3), bits);
        scoped(world.pa.draft(Vec::new()), &[only, indirect()])
    };
    let compromise = reasons(&[5, 0x60]);
    let others = reasons(&[7, 0x1f, 0x80]);
    let judged = |drafts: &[CrlDraft]| judge(&chain, &world.trust_in(HARD, drafts), NOW);
    assert_eq!(
        judged(std::slice::from_ref(&compromise)),
        unknown(Gap::ReasonsMissing)
    );
    let both = [compromise, others];
    assert!(matches!(judged(&both), Ok(RevocationEvidence::Good(_))));
    let [mut compromise, others] = both;
    compromise.entries = world
        .pa
        .draft(vec![entry(chain.end_entity(), Reason::KeyCompromise)])
        .entries;
    assert_eq!(
        judged(&[others, compromise]),
        revoked_at(Step::EndEntity, Reason::KeyCompromise)
    );
}

/// This test verifies that a list is refused as a whole for something critical in it that nobody understands, and that it then
/// makes nothing good, whoever the entry is about.
#[test]
fn a_critical_extension_that_is_not_known_forbids_every_conclusion() {
    let world = World::new();
    let [chain, other] = ["1234", "1235"].map(|code| world.provider(code));
    let kind = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
    let unknown_kind = Extension::critical(kind, vec![5, 0]);
    let mut of_entry = world
        .pa
        .draft(vec![entry(other.end_entity(), Reason::Superseded)]);
    of_entry.entries[0].extensions.push(unknown_kind.clone());
    let mut of_list = world.pa.draft(Vec::new());
    of_list.extensions.push(unknown_kind);
    let mut delta = world.pa.draft(Vec::new());
    let base = Extension::critical(ObjectIdentifier::new_unwrap("2.5.29.27"), vec![2, 1, 6]);
    delta.extensions.push(base);
    for draft in [of_entry, of_list, delta] {
        let refused = world
            .pa
            .verified(&draft, world.pa.pinned(), &world.lab.trust(1));
        assert!(matches!(refused, Err(CrlFault::Obstacle(_))), "{refused:?}");
    }
    let trust = world.trust_in(HARD, &[]);
    assert_eq!(judge(&chain, &trust, NOW), unknown(Gap::NoList));
}

/// A provider whose certificate names no list, below an authority that publishes one of its own.
#[test]
fn a_direct_list_of_the_issuer_is_heard_without_being_named() {
    let lab = Lab::new();
    let ca = lab.intermediate();
    let [bad, good] = ["1234", "1235"].map(|code| lab.provider(code).chain);
    let list = direct(
        &lab,
        ca,
        vec![entry(bad.end_entity(), Reason::PrivilegeWithdrawn)],
    );
    let trust = lab.trust(1).with_crls(HARD, vec![list]);
    assert_eq!(
        judge(&bad, &trust, NOW),
        revoked_at(Step::EndEntity, Reason::PrivilegeWithdrawn)
    );
    assert!(is_good(&good, &trust));
    // Without any list nobody has promised one.
    let none = lab.trust(1).with_crls(HARD, Vec::new());
    assert_eq!(
        judge(&good, &none, NOW),
        Ok(RevocationEvidence::NotPublished)
    );
}

/// The own list of an authority, proven by the path of the authority.
fn direct(lab: &Lab, ca: &Authority, revoked: Vec<Revoked>) -> Arc<VerifiedCrl> {
    let list = crl::Crl {
        this_update: NOW,
        next_update: NOW.saturating_add(LIST_PERIOD),
        number: 1,
        scope: CrlScope::Direct,
        url: None,
        revoked,
    };
    let der = issue(&list, ca.certificate(), ca.key()).unwrap();
    let issuer = CrlIssuer::Chain(chain(&[ca.certificate()]));
    let list = Crl::parse(&der).unwrap();
    Arc::new(list.verify(&[issuer], &lab.trust(1), NOW, &AwsLc).unwrap())
}

/// A certificate of the lab's intermediate with these extensions added.
fn with(lab: &Lab, profile: Profile, extensions: &[Extension]) -> CertificateChain {
    let key = new_key();
    let mut request = Request::new(profile, subject("SHAKEN short"), key.public_key());
    if profile == Profile::EndEntity {
        let scope = TnAuthList::new(vec![numbers("12025550100", 1)]);
        request = request.with_scope(scope.unwrap());
    }
    let ca = lab.intermediate();
    let mut draft = ca.draft(&request, lab.next_serial(), validity());
    draft.extensions.extend_from_slice(extensions);
    let der = draft.sign(ca.key()).unwrap();
    chain(&[&Certificate::parse(&der).unwrap(), ca.certificate()])
}

/// noRevAvail beside CRLDP, an OCSP responder, a delta list or cA makes the certificate invalid; alone it ends the question in
/// every mode.
#[test]
fn digest05_case15_no_rev_avail_and_what_must_not_stand_beside_it() {
    let lab = Lab::new();
    let never = extension::no_rev_avail();
    let name = lab.root().certificate().subject();
    let point = extension::CrlPoint {
        url: LIST_URL.into(),
        issuer: name.clone(),
    };
    let points = extension::distribution_point(&point, name);
    let fresh = Extension {
        kind: ObjectIdentifier::new_unwrap("2.5.29.46"),
        ..points.clone()
    };
    let ocsp = sequence(&[sequence(&[
        oid(&ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1")),
        element(primitive(6), b"http://ocsp.example"),
    ])]);
    let ocsp = Extension::non_critical(ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.1"), ocsp);
    for rule in [RevocationRule::Off, SOFT, HARD] {
        let trust = lab.trust(1).with_crls(rule, Vec::new());
        for beside in [&points, &fresh, &ocsp] {
            let both = with(&lab, Profile::EndEntity, &[never.clone(), beside.clone()]);
            let refused = judge(&both, &trust, NOW);
            assert!(
                matches!(
                    refused,
                    Err(PathFault::NoRevAvail {
                        step: Step::EndEntity,
                        ..
                    })
                ),
                "{refused:?}"
            );
        }
        let alone = with(&lab, Profile::EndEntity, std::slice::from_ref(&never));
        let expected = match rule {
            RevocationRule::Off => RevocationEvidence::NotAsked,
            _ => RevocationEvidence::NotPublished,
        };
        assert_eq!(judge(&alone, &trust, NOW), Ok(expected));
    }
    let authority = Profile::Intermediate(extension::PathLength::AtMost(0));
    let authority = with(&lab, authority, &[never]);
    let conflict = authority.end_entity().no_rev_avail_conflict();
    assert_eq!(conflict, Some(NoRevAvailConflict::Authority));
}

/// This test verifies that the proof of a path lives no longer than the list it rests on.
#[test]
fn a_proof_lives_as_long_as_its_lists() {
    let world = World::new();
    let chain = world.provider("1234");
    let lifetime = |rule| {
        let trust = world.trust(rule, Vec::new());
        verify(&chain, &trust, NOW, &AwsLc).unwrap().lifetime()
    };
    let grace = RevocationRule::Hard { grace: 60 };
    assert_eq!(
        lifetime(grace),
        Validity {
            not_before: NOW.saturating_add(-MAX_AHEAD),
            not_after: NOW.saturating_add(LIST_PERIOD + 60),
        }
    );
    assert_eq!(lifetime(RevocationRule::Off), validity());
    // Who passes because the list is from the future is asked again when it has come.
    let early = NOW.saturating_add(-MAX_AHEAD - 10);
    let trust = world.trust(SOFT, Vec::new());
    let path = verify(&chain, &trust, early, &AwsLc).unwrap();
    assert_eq!(
        path.lifetime().not_after,
        NOW.saturating_add(-MAX_AHEAD - 1)
    );
}
