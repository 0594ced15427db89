//! The register: what is settled before the key of an authority is used, and what is remembered afterwards.
//!
//! ```text
//!     request ──▶ prepare ──▶ Prepared ──▶ (the key) ──▶ finish ──▶ Issued ──▶ revoke ──▶ Revoked
//!                    │                         │
//!                 refused, nothing kept     restart: the same bytes again, or given up
//! ```

use countersign::certificate::crl::Reason;
use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, Point, SigningKey};
use countersign::time::{UnixTime, Validity};
use countersign_ca::extension::PathLength;
use countersign_ca::issuance::SHAKEN_POLICY;
use countersign_ca::journal::{Chain, Head};
use countersign_ca::ledger::{self, Ledger};
use countersign_ca::register::approval::{self, ApprovalRefused};
use countersign_ca::register::preparation::{
    Asked, IssuanceRefused, NotFinished, Resumed, Rules, SecondApproval, abandon,
};
use countersign_ca::register::revocation::RevocationRefused;
use countersign_ca::register::{
    Abandonment, CertificateName, CrlNumbered, Event, Register, Status, Wrong, key_digest,
};
use countersign_ca::{
    Authority, CrlPoint, IssuanceError, Practice, Profile, Request, Serial, Subject,
};
use countersign_testkit::lab::{NOW, new_key, subject, validity};
use proptest::prelude::*;

/// An authority that issues as SHAKEN does, and its register.
struct Office {
    authority: Authority,
    register: Register,
    journal: Vec<Event>,
    drawn: u8,
}

fn practice() -> Practice {
    Practice {
        policy: Some(SHAKEN_POLICY),
        crl: Some(CrlPoint {
            url: "https://sti-pa.example/crl".into(),
            issuer: subject("STI-PA CRL").name().clone(),
        }),
        ocsp: None,
    }
}

fn authority() -> Authority {
    let serial = Serial::from_random([1; 16]);
    let name = subject("Lab SHAKEN ROOT");
    let root = Authority::root(&name, new_key(), practice(), serial, validity()).unwrap();
    let key = new_key();
    let profile = Profile::Intermediate(PathLength::Unbounded);
    let request = Request::new(profile, subject("Lab SHAKEN Issuing CA"), key.public_key());
    let serial = Serial::from_random([2; 16]);
    let certificate = root.issue(&request, serial, validity()).unwrap();
    Authority::new(certificate, key, practice()).unwrap()
}

/// A provider's request for a certificate with its code.
fn provider(code: &str, key: &Point) -> Request {
    let code = code.parse().unwrap();
    let subject = Subject::shaken("US", "Example Telco", &code).unwrap();
    let list = TnAuthList::new(vec![TnEntry::Spc(code)]).unwrap();
    Request::new(Profile::EndEntity, subject, *key).with_scope(list)
}

fn intermediate(key: &Point) -> Request {
    let profile = Profile::Intermediate(PathLength::AtMost(0));
    Request::new(profile, subject("Lab SHAKEN Second CA"), *key)
}

fn asked<'a>(request: &'a Request, approval: Option<&'a str>) -> Asked<'a> {
    Asked {
        request,
        validity: validity(),
        order: Some("order-1"),
        approval,
        by: None,
    }
}

impl Office {
    fn new() -> Self {
        Self {
            authority: authority(),
            register: Register::default(),
            journal: Vec::new(),
            drawn: 10,
        }
    }

    fn keep(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.register.apply(&event);
            self.journal.push(event);
        }
    }

    fn prepare(&mut self, asked: &Asked<'_>) -> Result<CertificateName, IssuanceRefused> {
        self.drawn += 1;
        let random = [self.drawn; 16];
        let rules = Rules::default();
        let events = self
            .register
            .prepare(&self.authority, &rules, asked, NOW, random)?;
        let [Event::Prepared(prepared)] = events.as_slice() else {
            panic!("{events:?}");
        };
        let name = prepared.name.clone();
        self.keep(events);
        Ok(name)
    }

    fn finish(&mut self, name: &CertificateName) -> Certificate {
        let tbs = self.register.find(name).unwrap().to_sign().unwrap();
        let signature = self.authority.key().sign(tbs).unwrap();
        let issued = self.register.finish(&self.authority, name, &signature);
        self.keep([issued.unwrap()]);
        let der = self.register.find(name).unwrap().certificate().unwrap();
        Certificate::parse(der).unwrap()
    }

    fn issue(&mut self, request: &Request) -> CertificateName {
        let name = self.prepare(&asked(request, None)).unwrap();
        self.finish(&name);
        name
    }

    fn status(&self, name: &CertificateName) -> Status<'_> {
        let issuer = self.authority.certificate().subject();
        self.register.status(issuer, name.serial.as_bytes())
    }
}

fn new_point() -> Point {
    EcdsaP256Key::generate().unwrap().public_key()
}

/// This test verifies that what was prepared is what is issued, byte for byte, and what the authority alone would have issued.
#[test]
fn what_was_prepared_is_issued() {
    let mut office = Office::new();
    let request = provider("1234", &new_point());
    let name = office.prepare(&asked(&request, None)).unwrap();
    assert!(matches!(office.status(&name), Status::Prepared(_)));
    assert_eq!(office.register.unfinished().count(), 1);
    let tbs = office
        .register
        .find(&name)
        .unwrap()
        .to_sign()
        .unwrap()
        .to_vec();
    let certificate = office.finish(&name);
    assert_eq!(certificate.tbs(), tbs);
    assert_eq!(CertificateName::of(&certificate), name);
    assert!(matches!(office.status(&name), Status::Good(_)));
    assert_eq!(office.register.unfinished().count(), 0);
    let serial = Serial::from_random([office.drawn; 16]);
    let direct = office
        .authority
        .issue(&request, serial, validity())
        .unwrap();
    assert_eq!(direct.tbs(), tbs);
    assert!(office.register.contradictions().is_empty());
}

/// This test verifies that whatever refuses a certificate refuses it before anything is kept or signed.
#[test]
fn what_is_refused_is_refused_before_the_key_is_used() {
    let mut office = Office::new();
    let key = new_point();
    let refused =
        |office: &mut Office, request: &Request| office.prepare(&asked(request, None)).unwrap_err();

    let without = Request::new(Profile::EndEntity, subject("SHAKEN 1234"), key);
    let missing = IssuanceRefused::Issuance(IssuanceError::ScopeMissing);
    assert_eq!(refused(&mut office, &without), missing);

    let own = provider("1234", &office.authority.key().public_key());
    assert_eq!(refused(&mut office, &own), IssuanceRefused::KeyOfAuthority);

    office.keep(office.register.block(key_digest(&key), "operator", NOW));
    let blocked = provider("1234", &key);
    assert_eq!(refused(&mut office, &blocked), IssuanceRefused::KeyBlocked);

    let past = Validity {
        not_before: NOW.saturating_add(-20),
        not_after: NOW,
    };
    let request = provider("1234", &new_point());
    let expired = Asked {
        validity: past,
        ..asked(&request, None)
    };
    let validity = IssuanceRefused::Issuance(IssuanceError::Validity);
    assert_eq!(office.prepare(&expired).unwrap_err(), validity);

    assert_eq!(office.register.certificates().count(), 0);
}

/// This test verifies that lints are asked before the key is: a common name without SHAKEN, and one that the operator ignores.
#[test]
fn lints_are_asked_before_the_key() {
    let office = Office::new();
    let mut request = provider("1234", &new_point());
    request.subject = Subject::new("US", "Example Telco", "Somebody 1234").unwrap();
    let prepare = |rules: &Rules| {
        let asked = asked(&request, None);
        office
            .register
            .prepare(&office.authority, rules, &asked, NOW, [9; 16])
    };
    let mut rules = Rules::default();
    let Err(IssuanceRefused::Lints(names)) = prepare(&rules) else {
        panic!("no lint was broken");
    };
    assert!(names.contains(&"e_atis_subject_cn"), "{names:?}");
    rules.ignored_lints = names.iter().map(|name| Box::from(*name)).collect();
    assert!(prepare(&rules).is_ok());
}

/// This test verifies that a serial number is taken once, also by a certificate that was given up.
#[test]
fn no_serial_number_is_used_twice() {
    let mut office = Office::new();
    let request = provider("1234", &new_point());
    let name = office.prepare(&asked(&request, None)).unwrap();
    office.drawn -= 1;
    let again = office.prepare(&asked(&request, None));
    assert_eq!(again, Err(IssuanceRefused::SerialTaken));
    office.keep([abandon(&name, Abandonment::Operator, NOW)]);
    office.drawn -= 1;
    let again = office.prepare(&asked(&request, None));
    assert_eq!(again, Err(IssuanceRefused::SerialTaken));
    assert!(matches!(office.status(&name), Status::Revoked(_)));
    let listed: Vec<_> = office.register.revocations().collect();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].serial, name.serial.as_bytes());
}

/// This test verifies that after a restart the same bytes are signed, or the certificate is given up and counts as revoked.
#[test]
fn after_a_restart_the_same_bytes_are_signed() {
    let mut office = Office::new();
    let request = provider("1234", &new_point());
    let name = office.prepare(&asked(&request, None)).unwrap();
    let tbs = office
        .register
        .find(&name)
        .unwrap()
        .to_sign()
        .unwrap()
        .to_vec();
    let resumed = |register: &Register, authority: &Authority, now: UnixTime| match register
        .resume(authority, &name, now)
    {
        Resumed::Sign(bytes) => Ok(bytes.to_vec()),
        Resumed::GivenUp(Event::Abandoned(abandoned)) => Err(abandoned.why),
        other => panic!("{other:?}"),
    };
    assert_eq!(resumed(&office.register, &office.authority, NOW), Ok(tbs));
    let other = authority();
    let late = validity().not_after;
    let expected = [
        (
            resumed(&office.register, &other, NOW),
            Abandonment::AuthorityChanged,
        ),
        (
            resumed(&office.register, &office.authority, late),
            Abandonment::Expired,
        ),
    ];
    for (resumed, why) in expected {
        assert_eq!(resumed, Err(why));
    }
    let block = office
        .register
        .block(key_digest(&request.public_key), "operator", NOW);
    office.keep(block);
    let resumed = resumed(&office.register, &office.authority, NOW);
    assert_eq!(resumed, Err(Abandonment::KeyBlocked));
    let signature = [1; 64];
    let finished = office.register.finish(&office.authority, &name, &signature);
    assert_eq!(finished, Err(NotFinished::KeyBlocked));
}

/// This test verifies that a signature of another key, or over other bytes, makes no certificate.
#[test]
fn a_bad_signature_makes_no_certificate() {
    let mut office = Office::new();
    let name = office
        .prepare(&asked(&provider("1234", &new_point()), None))
        .unwrap();
    let tbs = office
        .register
        .find(&name)
        .unwrap()
        .to_sign()
        .unwrap()
        .to_vec();
    for signature in [
        new_key().sign(&tbs).unwrap(),
        office.authority.key().sign(&tbs[1..]).unwrap(),
    ] {
        let finished = office.register.finish(&office.authority, &name, &signature);
        assert_eq!(finished, Err(NotFinished::BadSignature));
    }
    let signature = office.authority.key().sign(&tbs).unwrap();
    let finished = office.register.finish(&office.authority, &name, &signature);
    office.keep([finished.unwrap()]);
    let again = office.register.finish(&office.authority, &name, &signature);
    assert_eq!(again, Err(NotFinished::NotPrepared));
}

/// This test verifies that a list says what the journal has before its number and nothing else, whatever the clock says: the second
/// certificate is revoked by somebody whose clock is late.
#[test]
fn what_a_list_says_goes_by_the_journal_and_not_by_the_clock() {
    const LIST: &str = "ca";
    let mut office = Office::new();
    let names: Vec<_> = ["1234", "1235"]
        .map(|code| office.issue(&provider(code, &new_point())))
        .into();
    let revoke = |office: &mut Office, name: &CertificateName, at: UnixTime| {
        let register = &office.register;
        let events = register.revoke(name, Reason::Superseded, "test", at);
        office.keep(events.unwrap());
    };
    let number = |number| {
        Event::CrlNumbered(CrlNumbered {
            list: LIST.into(),
            number,
            this_update: NOW,
            next_update: NOW.saturating_add(3_600),
        })
    };
    let told = |office: &Office| -> Vec<_> {
        let told = office.register.revocations_told(LIST);
        told.map(|one| one.serial).collect()
    };
    let serial = |name: &CertificateName| name.serial.as_bytes().to_vec();
    revoke(&mut office, &names[0], NOW);
    office.keep([number(1)]);
    assert!(!office.register.has_untold(LIST), "in the same second");
    assert_eq!(told(&office), [serial(&names[0])]);
    revoke(&mut office, &names[1], NOW.saturating_add(-60));
    assert!(office.register.has_untold(LIST));
    assert_eq!(told(&office), [serial(&names[0])]);
    assert_eq!(office.register.revocations().count(), 2);
    office.keep([number(2)]);
    assert!(!office.register.has_untold(LIST));
    assert_eq!(told(&office).len(), 2);
    let given_up = office
        .prepare(&asked(&provider("1236", &new_point()), None))
        .unwrap();
    office.keep([abandon(&given_up, Abandonment::SigningFailed, NOW)]);
    assert!(
        office.register.has_untold(LIST),
        "given up counts as revoked"
    );
}

/// This test verifies what may be revoked, for which reason, and that a compromised key takes all its certificates with it.
#[test]
fn a_compromised_key_takes_its_certificates_with_it() {
    let mut office = Office::new();
    let key = new_point();
    let first = office.issue(&provider("1234", &key));
    let second = office.issue(&provider("1235", &key));
    let third = office.issue(&provider("1236", &new_point()));
    let revoke = |office: &Office, name: &CertificateName, reason| {
        office.register.revoke(name, reason, "operator", NOW)
    };
    for reason in [
        Reason::CaCompromise,
        Reason::AaCompromise,
        Reason::CertificateHold,
    ] {
        let refused = revoke(&office, &first, reason).unwrap_err();
        assert_eq!(refused, RevocationRefused::BadReason(reason));
    }
    office.keep(revoke(&office, &first, Reason::KeyCompromise).unwrap());
    for name in [&first, &second] {
        let Status::Revoked(revocation) = office.status(name) else {
            panic!("{name:?} is not revoked");
        };
        assert_eq!(
            (revocation.reason, revocation.at),
            (Reason::KeyCompromise, NOW)
        );
        let again = revoke(&office, name, Reason::Superseded);
        assert_eq!(again, Err(RevocationRefused::AlreadyRevoked));
    }
    assert!(matches!(office.status(&third), Status::Good(_)));
    assert!(office.register.is_blocked(&key));
    office.keep(revoke(&office, &third, Reason::Superseded).unwrap());
    assert_eq!(office.register.revocations().count(), 3);
    let prepared = office
        .prepare(&asked(&provider("1237", &new_point()), None))
        .unwrap();
    let early = revoke(&office, &prepared, Reason::Superseded);
    assert_eq!(early, Err(RevocationRefused::NotIssued));
    let nobody = CertificateName::new(office.authority.certificate().subject(), &[7]);
    let unknown = revoke(&office, &nobody, Reason::Superseded);
    assert_eq!(unknown, Err(RevocationRefused::Unknown));
}

/// This test verifies that a certificate that certifies others needs a second person, who approves exactly this one, once.
#[test]
fn a_certificate_of_an_authority_needs_a_second_person() {
    let mut office = Office::new();
    let (request, other) = (intermediate(&new_point()), intermediate(&new_point()));
    let refused = |office: &mut Office, request: &Request, approval: Option<&str>| match office
        .prepare(&asked(request, approval))
    {
        Err(IssuanceRefused::Approval(why)) => Err(why),
        Ok(name) => Ok(name),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(
        refused(&mut office, &request, None),
        Err(ApprovalRefused::Missing)
    );
    assert_eq!(
        refused(&mut office, &request, Some("a")),
        Err(ApprovalRefused::Unknown)
    );
    let what = approval::subject(&office.authority, &asked(&request, None)).unwrap();
    let event = office
        .register
        .ask_approval("a", what.clone(), "alice", NOW);
    office.keep([event.unwrap()]);
    let twice = office.register.ask_approval("a", what, "alice", NOW);
    assert_eq!(twice, Err(ApprovalRefused::AlreadyAsked));
    assert_eq!(
        refused(&mut office, &request, Some("a")),
        Err(ApprovalRefused::NotGiven)
    );
    let approve = |office: &Office, by: &str| office.register.approve("a", by, NOW);
    assert_eq!(approve(&office, "alice"), Err(ApprovalRefused::SamePerson));
    office.keep([approve(&office, "bob").unwrap()]);
    assert_eq!(
        approve(&office, "carol"),
        Err(ApprovalRefused::AlreadyGiven)
    );
    let otherwise = refused(&mut office, &other, Some("a"));
    assert_eq!(otherwise, Err(ApprovalRefused::OtherCertificate));
    let name = refused(&mut office, &request, Some("a")).unwrap();
    assert!(office.finish(&name).is_ca());
    assert_eq!(
        refused(&mut office, &request, Some("a")),
        Err(ApprovalRefused::Used)
    );
    assert_eq!(approve(&office, "carol"), Err(ApprovalRefused::Used));
    let alone = Rules {
        second_approval: SecondApproval::NotNeeded,
        ..Rules::default()
    };
    let asked = asked(&other, None);
    let prepared = office
        .register
        .prepare(&office.authority, &alone, &asked, NOW, [99; 16]);
    assert!(prepared.is_ok());
}

/// This test verifies that a journal that breaks the rule of the register is told apart from one that keeps it.
#[test]
fn what_cannot_be_true_is_noticed() {
    let mut office = Office::new();
    let name = office.issue(&provider("1234", &new_point()));
    let other = office.issue(&provider("1235", &new_point()));
    let Event::Issued(mut exchanged) = office.journal[1].clone() else {
        panic!("{:?}", office.journal[1]);
    };
    let Event::Issued(issued) = &office.journal[3] else {
        panic!("{:?}", office.journal[3]);
    };
    exchanged.certificate = issued.certificate.clone();
    let wrongs = |events: &[Event]| {
        let mut register = Register::default();
        events.iter().for_each(|event| register.apply(event));
        let found = register.contradictions().iter();
        found
            .map(|contradiction| contradiction.what)
            .collect::<Vec<_>>()
    };
    let journal = &office.journal;
    assert_eq!(wrongs(journal), []);
    assert_eq!(wrongs(&journal[1..2]), [Wrong::IssuedUnprepared]);
    let twice = [&journal[..2], &journal[..2]].concat();
    assert_eq!(
        wrongs(&twice),
        [Wrong::SerialReused, Wrong::IssuedOtherwise]
    );
    let otherwise = [journal[0].clone(), Event::Issued(exchanged)];
    assert_eq!(wrongs(&otherwise), [Wrong::IssuedOtherwise]);
    let given_up = abandon(&name, Abandonment::Operator, NOW);
    let late = [journal[0].clone(), journal[1].clone(), given_up];
    assert_eq!(wrongs(&late), [Wrong::RevokedUnissued]);
    let revoked = office
        .register
        .revoke(&other, Reason::Superseded, "x", NOW)
        .unwrap();
    assert_eq!(wrongs(&revoked), [Wrong::RevokedUnissued]);
}

/// This test verifies how events are written: what stands in a journal of today has to be read by every later version.
#[test]
fn events_are_written_in_one_way() {
    let revoked = r#"{"certificate":{"revoked":{"name":{"issuer":"MAA","serial":"4a"},"reason":"keyCompromise","at":1793836800,"by":"operator"}}}"#;
    let abandoned = r#"{"certificate":{"abandoned":{"name":{"issuer":"MAA","serial":"4a"},"why":"signing-failed","at":5}}}"#;
    let prepared = r#"{"certificate":{"prepared":{"name":{"issuer":"MAA","serial":"4a"},"tbs":"MAA","profile":{"delegate-ca":{"at-most":1}},"key":"0000000000000000000000000000000000000000000000000000000000000000","not_after":7}}}"#;
    for text in [revoked, abandoned, prepared] {
        let event = ledger::Event::from_json(text).unwrap();
        assert_eq!(event.to_json(), text);
    }
    for text in [
        revoked.replace("operator\"", "operator\",\"more\":1"),
        revoked.replace("keyCompromise", "removeFromCRL"),
        revoked.replace("revoked", "renewed"),
    ] {
        assert!(ledger::Event::from_json(&text).is_err(), "{text}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Prepare { random: u8, key: usize },
    Finish(usize),
    GiveUp(usize),
    Revoke(usize, u8),
    Block(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..24_u8, 0..3_usize).prop_map(|(random, key)| Step::Prepare { random, key }),
        4 => (0..24_usize).prop_map(Step::Finish),
        1 => (0..24_usize).prop_map(Step::GiveUp),
        2 => (0..24_usize, 0..11_u8).prop_map(|(which, reason)| Step::Revoke(which, reason)),
        1 => (0..3_usize).prop_map(Step::Block),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// This test verifies that no order of commands makes the register contradict itself, forget a revocation or issue twice, and
    /// that the ledger rebuilt from the lines of its journal says the same.
    #[test]
    fn no_order_of_commands_breaks_the_rule(steps in proptest::collection::vec(step(), 1..40)) {
        let mut office = Office::new();
        let keys = [new_point(), new_point(), new_point()];
        let mut names: Vec<CertificateName> = Vec::new();
        for step in steps {
            match step {
                Step::Prepare { random, key } => {
                    office.drawn = random;
                    names.extend(office.prepare(&asked(&provider("1234", &keys[key]), None)));
                }
                Step::Finish(which) => {
                    if let Some(name) = names.get(which) {
                        let entry = office.register.find(name).unwrap();
                        let tbs = entry.to_sign().unwrap_or(b"nothing").to_vec();
                        let signature = office.authority.key().sign(&tbs).unwrap();
                        let finished = office.register.finish(&office.authority, name, &signature);
                        office.keep(finished.ok());
                    }
                }
                Step::GiveUp(which) => {
                    let waits = |name: &&CertificateName| {
                        office.register.find(name).unwrap().to_sign().is_some()
                    };
                    let event = names.get(which).filter(waits)
                        .map(|name| abandon(name, Abandonment::Operator, NOW));
                    office.keep(event);
                }
                Step::Revoke(which, reason) => {
                    if let Some(name) = names.get(which) {
                        let before = office.register.revocations().count();
                        let reason = Reason::from_code(reason);
                        let events = office.register.revoke(name, reason, "x", NOW);
                        office.keep(events.into_iter().flatten());
                        prop_assert!(office.register.revocations().count() >= before);
                    }
                }
                Step::Block(key) => {
                    let events = office.register.block(key_digest(&keys[key]), "x", NOW);
                    office.keep(events);
                }
                Step::Restart => office.register = rebuilt(&office.journal),
            }
        }
        prop_assert!(office.register.contradictions().is_empty());
        let mut issued: Vec<_> = office.register.certificates()
            .filter_map(|(_, entry)| entry.certificate()).collect();
        let all = issued.len();
        issued.sort_unstable();
        issued.dedup();
        prop_assert_eq!(issued.len(), all);
        let again = rebuilt(&office.journal);
        prop_assert_eq!(format!("{again:?}"), format!("{:?}", office.register));
    }
}

/// The register rebuilt from the lines of a journal.
fn rebuilt(events: &[Event]) -> Register {
    let mut chain = Chain::at(Head::beginning("ca"));
    let lines = events.iter().map(|event| {
        let event = ledger::Event::from(event.clone());
        chain.append(NOW, &event.to_json()).to_line()
    });
    let lines: Vec<String> = lines.collect();
    let mut chain = Chain::at(Head::beginning("ca"));
    let mut ledger = Ledger::default();
    for line in lines {
        let record = chain.follow(line.as_bytes()).unwrap();
        ledger.apply(&ledger::Event::from_json(&record.event).unwrap());
    }
    ledger.register
}
