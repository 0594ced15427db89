//! What an authority is sent and what it writes, there and back: requests, tokens, signed requests, questions, records of the journal.
//!
//! ```text
//!     anything that can be meant ──► written ──► read ──► the same
//!     any bytes ───────────────────────────────► read, or refused; and written again as they were
//! ```
//!
//! This test verifies both for whatever proptest makes up. The same promises are fuzzed (`countersign_testkit::fuzz_entry`).

use countersign::certificate::ocsp::{Asked, CertId, HashForm, OcspRequest, OcspResponse};
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::SigningKey;
use countersign::jose::flattened::FlattenedJws;
use countersign::number::TelephoneNumberRange;
use countersign::time::UnixTime;
use countersign_ca::Subject;
use countersign_ca::csr::{self, CertificationRequest};
use countersign_ca::extension::{self, PathLength};
use countersign_ca::journal::{Chain, Head, Record, verify};
use countersign_ca::ledger::{Event, Ledger};
use countersign_ca::token::{
    Atc, AuthorityToken, Claims, Fingerprint, Header, Permission, Spelling,
};
use countersign_ca::token_authority::{self, Credential, Resources};
use countersign_testkit::lab::{Lab, new_key};
use proptest::collection::vec;
use proptest::prelude::*;

/// A TN Authorization List of codes, ranges and numbers.
fn lists() -> impl Strategy<Value = TnAuthList> {
    let code = "[A-Z0-9]{1,8}".prop_map(|code| TnEntry::Spc(code.parse().unwrap()));
    let digits = 12_025_550_100_u64..12_025_550_140;
    let one = digits
        .clone()
        .prop_map(|one| TnEntry::One(one.to_string().parse().unwrap()));
    let range = (digits, 2_u64..8).prop_map(|(start, count)| {
        let start = start.to_string().parse().unwrap();
        TnEntry::Range(TelephoneNumberRange::new(start, count).unwrap())
    });
    let entries = vec(prop_oneof![code, one, range], 1..6);
    entries.prop_filter_map("a list", |entries| TnAuthList::new(entries).ok())
}

/// What a token says.
fn claims() -> impl Strategy<Value = Claims> {
    let atc = (lists(), any::<bool>(), any::<[u8; 32]>());
    let times = (
        0_i64..4_000_000_000,
        proptest::option::of(0_i64..4_000_000_000),
    );
    let names = (
        proptest::option::of("\\PC{1,40}"),
        "[ -~]{1,40}",
        vec("[a-z:/.]{1,20}", 0..3),
    );
    (atc, times, names).prop_map(|((list, ca, digest), (exp, nbf), (iss, jti, aud))| Claims {
        aud: aud.into_iter().map(Box::from).collect(),
        atc: Atc {
            tk_type: "TNAuthList".into(),
            tk_value: list.to_der().into(),
            spelling: Spelling::Exact,
            permission: match ca {
                true => Permission::Authority,
                false => Permission::EndEntity,
            },
            fingerprint: Fingerprint::new(digest),
        },
        exp: UnixTime::from_secs(exp),
        iss: iss.map(Box::from),
        jti: jti.into(),
        nbf: nbf.map(UnixTime::from_secs),
    })
}

/// What happens at a token authority.
fn events() -> impl Strategy<Value = Event> {
    let account = "[a-z0-9._-]{1,12}";
    let opened =
        (account, "\\PC{0,20}", lists(), any::<[u8; 8]>()).prop_map(|(id, name, list, shown)| {
            token_authority::Event::AccountOpened {
                account: id.into(),
                name: name.into(),
                resources: Resources(list),
                may_ask: Permission::Authority,
                credential: Credential::of(&shown),
            }
        });
    let issued = (
        account,
        claims(),
        proptest::option::of(0_i64..4_000_000_000),
        lists(),
    )
        .prop_map(
            |(id, claims, at, list)| token_authority::Event::TokenIssued {
                account: id.into(),
                jti: claims.jti,
                exp: claims.exp.as_secs(),
                resources: Resources(list),
                permission: claims.atc.permission,
                fingerprint: claims.atc.fingerprint,
                at,
            },
        );
    let closed =
        account.prop_map(|id| token_authority::Event::AccountClosed { account: id.into() });
    prop_oneof![opened, issued, closed].prop_map(Event::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn requests_for_certificates(list in lists(), length in proptest::option::of(0_u8..4), name in "[A-Za-z ]{1,20}") {
        let key = new_key();
        let subject = Subject::new("US", "Example", &format!("SHAKEN {name}")).unwrap();
        let constraints = match length {
            Some(length) => extension::authority_constraints(PathLength::AtMost(length)),
            None => extension::end_entity_constraints(),
        };
        let extensions = [constraints, extension::tn_auth_list(&list)];
        let der = csr::write(subject.name(), &extensions, key.as_ref()).unwrap();
        let read = CertificationRequest::parse(&der).unwrap();
        prop_assert_eq!(read.as_der(), &der);
        prop_assert!(read.subject().matches(subject.name()));
        prop_assert_eq!(read.public_key(), &key.public_key());
        prop_assert_eq!(read.is_ca(), length.is_some());
        let (there, of) = read.tn_auth_list().unwrap();
        prop_assert_eq!((there, of), (&list, &*list.to_der()));
        prop_assert_eq!(read.extensions().count(), 2);
    }

    #[test]
    fn tokens(claims in claims(), x5u in proptest::option::of("https://[a-z]{1,12}/[a-z]{0,12}"), x5c in proptest::option::of(vec(vec(any::<u8>(), 1..40), 1..3))) {
        let header = Header {
            x5c: x5c.map(|all| all.into_iter().map(Box::from).collect()),
            x5u: x5u.map(Box::from),
        };
        let text = AuthorityToken::issue(&header, &claims, new_key().as_ref()).unwrap();
        let read = AuthorityToken::parse(&text).unwrap();
        prop_assert_eq!((&read.claims, &read.header), (&claims, &header));
        let signed = text.rsplit_once('.').unwrap().0;
        prop_assert_eq!(read.signing_input(), signed);
    }

    #[test]
    fn signed_requests(payload in vec(any::<u8>(), 0..200), nonce in "[A-Za-z0-9_-]{1,40}") {
        let key = new_key();
        let header = format!(r#"{{"alg":"ES256","nonce":"{nonce}","url":"https://ca.example/acme/x"}}"#);
        let text = FlattenedJws::sign(&header, &payload, key.as_ref()).unwrap();
        let read = FlattenedJws::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(read.payload(), &*payload);
        prop_assert_eq!(read.header().get("nonce").and_then(|one| one.as_str()), Some(&*nonce));
    }

    #[test]
    fn questions(form in 0_usize..3, several in 1_usize..4, number in proptest::option::of(12_025_550_100_u64..12_025_550_200), nonce in proptest::option::of(vec(any::<u8>(), 1..64))) {
        let lab = Lab::new();
        let leaf = lab.provider("1234").chain.end_entity().clone();
        let form = [HashForm::Sha1, HashForm::Sha256, HashForm::Sha256Cut][form];
        let issuer = lab.intermediate().certificate();
        let asked = Asked {
            certificate: CertId::of(form, &leaf, issuer).unwrap(),
            number: number.map(|digits| digits.to_string().parse().unwrap()),
        };
        let request = OcspRequest {
            asked: vec![asked; several],
            nonce: nonce.map(Box::from),
        };
        prop_assert_eq!(OcspRequest::parse(&request.to_der()), Ok(request));
    }

    #[test]
    fn records_of_a_journal(events in vec(events(), 1..8), from in -4_000_000_000_i64..4_000_000_000) {
        let (mut chain, mut lines) = (Chain::at(Head::beginning("ca")), Vec::new());
        let mut ledger = Ledger::default();
        for (index, event) in (0_i64..).zip(&events) {
            let record = chain.append(UnixTime::from_secs(from + index), &event.to_json());
            let line = record.to_line();
            prop_assert_eq!(Record::from_line(line.as_bytes()), Ok(record.clone()));
            prop_assert_eq!(&Event::from_json(&record.event).unwrap(), event);
            ledger.apply(event);
            lines.push(line);
        }
        let head = verify("ca", lines.iter().map(|line| line.as_bytes()));
        prop_assert_eq!(head, Ok(chain.head()));
        // Any other byte at any place is another journal.
        let spoilt = lines.iter().enumerate().map(|(index, line)| match index {
            0 => line.replacen("\"at\":", "\"at\":1", 1),
            _ => line.clone(),
        });
        let spoilt: Vec<_> = spoilt.collect();
        let head = verify("ca", spoilt.iter().map(|line| line.as_bytes()));
        prop_assert_ne!(head, Ok(chain.head()));
        // Twice the same is the same.
        let again = events.iter().fold(Ledger::default(), |mut ledger, event| {
            ledger.apply(event);
            ledger
        });
        prop_assert_eq!(again.tokens, ledger.tokens);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever comes is read or refused; what is read is what came.
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300), text in "\\PC{0,200}") {
        if let Ok(read) = CertificationRequest::parse(&bytes) {
            prop_assert_eq!(read.as_der(), &bytes);
        }
        if let Ok(read) = OcspRequest::parse(&bytes) {
            prop_assert_eq!(OcspRequest::parse(&read.to_der()), Ok(read));
        }
        let _ = OcspResponse::parse(&bytes);
        for bytes in [&bytes[..], text.as_bytes()] {
            let _ = FlattenedJws::parse(bytes);
            if let Ok(read) = Record::from_line(bytes) {
                let line = read.to_line();
                prop_assert_eq!(line.as_bytes(), bytes);
            }
        }
        let _ = (AuthorityToken::parse(&text), Event::from_json(&text), text.parse::<Fingerprint>());
    }
}
