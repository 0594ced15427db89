//! What a certification authority and a token authority are sent: requests, tokens, signed requests of ACME.

use countersign::certificate::CertificationRequest;
use countersign::crypto::{
    BadSignature, Point, Signature, SigningFailed, SigningKey, UnusableKey, VerifyingKey,
    VerifyingKeys,
};
use countersign::jose::base64url;
use countersign::jose::flattened::FlattenedJws;
use countersign::jose::json;
use countersign::jose::jwk::Jwk;
use countersign::time::UnixTime;
use countersign_ca::journal::{Chain, Head, Record};
use countersign_ca::ledger::{self, Ledger};
use countersign_ca::token::validation::needs_certificate;
use countersign_ca::token::{AuthorityToken, Fingerprint, Header, Permission};
use countersign_ca::token_authority::{
    Asked, Credential, Dialect, Event, Practice, Proof, TokenAccounts, decide,
};
use std::sync::Arc;

/// Believes every signature, so that what is behind it is read.
struct Gullible;

impl VerifyingKey for Gullible {
    fn verify(&self, _: &[u8], _: &Signature) -> Result<(), BadSignature> {
        Ok(())
    }
}

impl VerifyingKeys for Gullible {
    fn p256(&self, _: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey> {
        Ok(Arc::new(Self))
    }
}

/// Signs with zeros.
struct Zeros;

impl SigningKey for Zeros {
    fn sign(&self, _: &[u8]) -> Result<Signature, SigningFailed> {
        Ok([0; 64])
    }

    fn public_key(&self) -> Point {
        [4; 65]
    }
}

/// The bytes received are the bytes kept; what is asked for is a part of them.
pub(super) fn certification_request(bytes: &[u8]) {
    let Ok(request) = CertificationRequest::parse_with(bytes, &Gullible) else {
        assert!(CertificationRequest::parse(bytes).is_err());
        return;
    };
    assert_eq!(request.as_der(), bytes);
    for extension in request.extensions() {
        let value = extension.value;
        assert!(value.is_empty() || bytes.windows(value.len()).any(|part| part == value));
    }
    if let Some((list, der)) = request.tn_auth_list() {
        assert_eq!(
            countersign::certificate::TnAuthList::from_der(der).as_ref(),
            Ok(list)
        );
    }
    for permission in [Permission::Authority, Permission::EndEntity] {
        let may = permission.may_finalize(&request).is_ok();
        assert_eq!(may, permission.ca() == request.is_ca());
    }
}

/// What was signed is what was received; a key in the header is written as it is read.
pub(super) fn flattened_jws(bytes: &[u8]) {
    let Ok(jws) = FlattenedJws::parse(bytes) else {
        return;
    };
    let parts = jws.signing_input().split_once('.');
    let payload = parts.map(|(_, payload)| payload);
    assert_eq!(payload, Some(&*base64url::encode(jws.payload())));
    let _ = (jws.signature(), jws.verify(&Gullible));
    let Some(Ok(key)) = jws.header().get("jwk").map(Jwk::parse) else {
        return;
    };
    let mut text = String::new();
    key.write(&mut text);
    let again = json::parse(text.as_bytes()).map(|value| Jwk::parse(&value));
    assert_eq!(again, Ok(Ok(key)));
}

/// What is read is written so that it is read the same.
pub(super) fn authority_token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(token) = AuthorityToken::parse(text) else {
        return;
    };
    assert_eq!(token.as_str(), text);
    assert!(text.starts_with(token.signing_input()));
    if let Some(url) = needs_certificate(&token, &[]) {
        assert!(url.is_ascii() && url.len() > "https://".len());
    }
    let issued = AuthorityToken::issue(&token.header, &token.claims, &Zeros);
    let again = issued.map(|text| AuthorityToken::parse(&text));
    // Escapes may make it longer than a token may be.
    if let Ok(Ok(again)) = again {
        assert_eq!(again.header, token.header);
        assert_eq!(again.claims.jti, token.claims.jti);
        assert_eq!(again.claims.atc.tk_value, token.claims.atc.tk_value);
    }
}

/// The first line is the `Authorization`, the rest the body. Nobody gets a token for what the account does not hold, and what goes into
/// the journal comes out of it.
pub(super) fn token_request(bytes: &[u8]) {
    let line_end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, body) = bytes.split_at(line_end.unwrap_or(bytes.len()));
    let (Ok(line), body) = (std::str::from_utf8(line), body.get(1..).unwrap_or_default()) else {
        return;
    };
    let Ok(held) = countersign::certificate::TnAuthList::from_der(b"\x30\x08\xa0\x06\x16\x041234")
    else {
        return;
    };
    let mut accounts = TokenAccounts::new();
    let secret = Credential::of(b"secret");
    let Ok(opened) = accounts.open("1234", "", held, Permission::EndEntity, secret) else {
        return;
    };
    accounts.apply(&opened);
    let asked = Asked {
        account: "1234",
        proof: Proof::Authorization(line),
        body,
        dialect: Dialect::Rfc,
    };
    let practice = Practice::new(Header::default(), 60);
    let now = UnixTime::from_secs(0);
    match decide(&accounts, &practice, asked, now, [0; 16]) {
        Ok(decided) => {
            let held = b"\x30\x08\xa0\x06\x16\x041234";
            let Event::TokenIssued {
                resources,
                permission,
                fingerprint,
                ..
            } = &decided.event
            else {
                return;
            };
            let entries = resources.0.entries();
            let own = countersign::certificate::TnAuthList::from_der(held);
            assert!(own.is_ok_and(|own| entries.iter().all(|one| own.entries().contains(one))));
            assert_eq!(*permission, Permission::EndEntity);
            let printed = fingerprint.to_string().parse::<Fingerprint>();
            assert_eq!(printed.as_ref(), Ok(fingerprint));
            let token = decided.grant.token(&Zeros);
            assert!(token.is_ok_and(|token| AuthorityToken::parse(&token).is_ok()));
        }
        Err(refused) => assert!((400..500).contains(&refused.reply().status)),
    }
}

/// A record is the one line that writes it, whoever follows it has its digest, and an event that is read is written as it is read.
pub(super) fn journal_record(bytes: &[u8]) {
    let Ok(record) = Record::from_line(bytes) else {
        return;
    };
    assert_eq!(record.to_line().as_bytes(), bytes);
    let before = Head {
        position: record.position.wrapping_sub(1),
        digest: record.previous,
    };
    let mut chain = Chain::at(before);
    // The last position there can be is followed by none.
    if record.position > 0 {
        assert_eq!(chain.follow(bytes).as_ref(), Ok(&record));
        assert_eq!(chain.head().digest, record.digest());
        assert!(chain.follow(bytes).is_err(), "it does not follow itself");
    }
    if let Ok(event) = ledger::Event::from_json(&record.event) {
        let again = ledger::Event::from_json(&event.to_json());
        assert_eq!(again.ok().as_ref(), Some(&event));
        // Whatever it says, it can be applied.
        let mut ledger = Ledger::default();
        ledger.apply(&event);
        ledger.apply(&event);
    }
}
