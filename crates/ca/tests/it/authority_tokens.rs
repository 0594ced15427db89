//! Authority tokens: the nine steps of RFC 9448 §6, each failing for its own reason.
//!
//! ```text
//!     token authority ── token{atc, exp, jti} ──▶ ACME client ── tkauth ──▶ ACME server: validate
//!          ▲ x5u, x5c: its certificate                                        │ at finalize: step 9
//!          └──────────────── trusted by the server ◀──────────────────────────┘
//! ```

use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign::passport::X5c;
use countersign::time::UnixTime;
use countersign_ca::csr::{self, CertificationRequest};
use countersign_ca::extension::{self, PathLength};
use countersign_ca::token::validation::{
    Expected, NotAnIssuer, TokenFault, TokenIssuer, Validated, needs_certificate, validate,
};
use countersign_ca::token::{
    Atc, AuthorityToken, Claims, Fingerprint, FingerprintRule, Header, MalformedToken, Permission,
    Spelling,
};
use countersign_ca::{Authority, Practice, Profile};
use countersign_testkit::lab::{Lab, NOW, Signer, new_key, subject};
use std::sync::Arc;

const X5U: &str = "https://authority.example.org/cert";
/// RFC 8226's list of the one code 1234.
const SPC_1234: [u8; 10] = [0x30, 8, 0xa0, 6, 0x16, 4, b'1', b'2', b'3', b'4'];

/// A token authority, an ACME server that trusts it, and a client with an account.
struct Story {
    issuer: Signer,
    trusted: Vec<TokenIssuer>,
    account: Arc<EcdsaP256Key>,
}

impl Story {
    fn new() -> Self {
        let issuer = Lab::new().provider("0001");
        let certificate = issuer_certificate(&issuer);
        let trusted = TokenIssuer::holder_of(certificate)
            .unwrap()
            .with_iss("https://authority.example.org");
        Self {
            issuer,
            trusted: vec![trusted],
            account: new_key(),
        }
    }

    fn claims(&self) -> Claims {
        Claims {
            aud: Box::default(),
            atc: Atc {
                tk_type: "TNAuthList".into(),
                tk_value: SPC_1234.into(),
                spelling: Spelling::Exact,
                permission: Permission::EndEntity,
                fingerprint: Fingerprint::thumbprint_of(&self.account.public_key()),
            },
            exp: NOW.saturating_add(3_600),
            iss: Some("https://authority.example.org".into()),
            jti: "id6098364921".into(),
            nbf: None,
        }
    }

    fn expected<'a>(&'a self, account: &'a [u8; 65]) -> Expected<'a> {
        Expected {
            identifier_der: &SPC_1234,
            account_key: account,
            fingerprint: FingerprintRule::JwkThumbprint,
            trusted: &self.trusted,
            spelling: Spelling::Exact,
            audience: None,
        }
    }

    /// What the server makes of a token with these claims, by x5u.
    fn judge(&self, claims: &Claims) -> Result<Validated, TokenFault> {
        self.judge_with(&by_url(), claims)
    }

    fn judge_with(&self, header: &Header, claims: &Claims) -> Result<Validated, TokenFault> {
        let text = AuthorityToken::issue(header, claims, &*self.issuer.key).unwrap();
        self.judge_text(&text)
    }

    fn judge_text(&self, text: &str) -> Result<Validated, TokenFault> {
        let token = AuthorityToken::parse(text)?;
        let account = self.account.public_key();
        let fetched = [issuer_certificate(&self.issuer)];
        let fetched = needs_certificate(&token, &self.trusted).map(|_| &fetched[..]);
        validate(&token, &self.expected(&account), fetched, NOW)
    }

    /// The text of a token with a payload and a header of one's own.
    fn text(&self, header: &str, payload: &str) -> String {
        let input = [header, payload]
            .map(|part| base64url::encode(part.as_bytes()))
            .join(".");
        let signature = self.issuer.key.sign(input.as_bytes()).unwrap();
        format!("{input}.{}", base64url::encode(&signature))
    }
}

fn issuer_certificate(issuer: &Signer) -> Certificate {
    issuer.chain.end_entity().clone()
}

fn by_url() -> Header {
    Header {
        x5c: None,
        x5u: Some(X5U.into()),
    }
}

fn by_value(certificates: &[&Certificate]) -> Header {
    let ders = certificates.iter().map(|one| one.as_der().into());
    Header {
        x5c: Some(ders.collect()),
        x5u: None,
    }
}

fn request(authority: bool) -> CertificationRequest {
    let constraints = match authority {
        true => extension::authority_constraints(PathLength::Unbounded),
        false => extension::end_entity_constraints(),
    };
    let der = csr::write(subject("x").name(), &[constraints], &*new_key()).unwrap();
    CertificationRequest::parse(&der).unwrap()
}

#[test]
fn digest06_case01_the_identifier_of_a_provider_code() {
    let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
    assert_eq!(list.to_der(), SPC_1234);
    assert_eq!(base64url::encode(&SPC_1234), "MAigBhYEMTIzNA");
}

#[test]
fn a_good_token_passes_by_url_and_by_value() {
    let story = Story::new();
    let certificate = issuer_certificate(&story.issuer);
    let both = Header {
        x5u: Some(X5U.into()),
        ..by_value(&[&certificate])
    };
    for header in [by_url(), by_value(&[&certificate]), both] {
        let validated = story.judge_with(&header, &story.claims()).unwrap();
        assert_eq!(&*validated.jti, "id6098364921");
        assert_eq!(validated.exp, NOW.saturating_add(3_600));
        assert_eq!(validated.permission, Permission::EndEntity);
    }
}

#[test]
fn a_token_reads_as_it_was_issued() {
    let story = Story::new();
    let claims = Claims {
        aud: ["https://ca.example".into(), "b".into()].into(),
        nbf: Some(NOW),
        ..story.claims()
    };
    let header = Header {
        x5u: Some(X5U.into()),
        ..by_value(&[&issuer_certificate(&story.issuer)])
    };
    let text = AuthorityToken::issue(&header, &claims, &*story.issuer.key).unwrap();
    let read = AuthorityToken::parse(&text).unwrap();
    assert_eq!((&read.claims, &read.header), (&claims, &header));
    assert_eq!(read.as_str(), text);
    assert_eq!(read.signing_input(), text.rsplit_once('.').unwrap().0);
}

#[test]
fn digest06_case02_a_token_for_other_numbers() {
    let story = Story::new();
    let mut claims = story.claims();
    claims.atc.tk_value = [0x30, 8, 0xa0, 6, 0x16, 4, b'1', b'2', b'3', b'5'].into();
    assert_eq!(story.judge(&claims), Err(TokenFault::Value));
    assert_eq!(TokenFault::Value.step(), 6);
}

#[test]
fn digest06_case03_an_expired_token() {
    let story = Story::new();
    for (exp, good) in [
        (NOW, false),
        (NOW.saturating_add(1), true),
        (UnixTime::from_secs(-1), false),
    ] {
        let claims = Claims {
            exp,
            ..story.claims()
        };
        let judged = story.judge(&claims).map(|_| ());
        let expected = if good {
            Ok(())
        } else {
            Err(TokenFault::Expired(exp))
        };
        assert_eq!(judged, expected);
    }
    let claims = Claims {
        nbf: Some(NOW.saturating_add(1)),
        ..story.claims()
    };
    assert_eq!(
        story.judge(&claims),
        Err(TokenFault::NotYet(NOW.saturating_add(1)))
    );
}

#[test]
fn digest06_case04_the_fingerprint_of_another_account() {
    let story = Story::new();
    let mut claims = story.claims();
    claims.atc.fingerprint = Fingerprint::thumbprint_of(&new_key().public_key());
    assert_eq!(story.judge(&claims), Err(TokenFault::Fingerprint));
}

/// Deployed SHAKEN hashes the SubjectPublicKeyInfo instead of the JWK.
#[test]
fn each_fingerprint_is_taken_where_its_rule_says_so() {
    let story = Story::new();
    let account = story.account.public_key();
    let (jwk, spki) = (
        Fingerprint::thumbprint_of(&account),
        Fingerprint::spki_of(&account),
    );
    use FingerprintRule as R;
    for (rule, fingerprint, good) in [
        (R::JwkThumbprint, jwk, true),
        (R::JwkThumbprint, spki, false),
        (R::Spki, jwk, false),
        (R::Spki, spki, true),
        (R::Either, jwk, true),
        (R::Either, spki, true),
    ] {
        assert_eq!(fingerprint.is_of(&account, rule), good, "{rule:?}");
    }
}

#[test]
fn digest06_case05_the_ca_bit_and_the_request() {
    let story = Story::new();
    for (permission, authority, good) in [
        (Permission::EndEntity, false, true),
        (Permission::EndEntity, true, false),
        (Permission::Authority, true, true),
        (Permission::Authority, false, false),
    ] {
        let mut claims = story.claims();
        claims.atc.permission = permission;
        let validated = story.judge(&claims).unwrap();
        let outcome = validated.may_finalize(&request(authority));
        let expected = if good {
            Ok(())
        } else {
            Err(TokenFault::Permission(permission))
        };
        assert_eq!(outcome, expected);
    }
    assert_eq!(TokenFault::Permission(Permission::EndEntity).step(), 9);
    // Absent is false.
    let fingerprint = story.claims().atc.fingerprint;
    let payload = format!(
        r#"{{"exp":{},"jti":"1","atc":{{"tktype":"TNAuthList","tkvalue":"MAigBhYEMTIzNA","fingerprint":"{fingerprint}"}}}}"#,
        NOW.as_secs() + 9
    );
    let text = story.text(&format!(r#"{{"alg":"ES256","x5u":"{X5U}"}}"#), &payload);
    assert_eq!(
        story.judge_text(&text).unwrap().permission,
        Permission::EndEntity
    );
}

#[test]
fn digest06_case07_an_issuer_nobody_trusts() {
    let story = Story::new();
    let stranger = Lab::new().provider("0001");
    let theirs = issuer_certificate(&stranger);
    // A stranger's certificate and signature.
    let header = by_value(&[&theirs]);
    let text = AuthorityToken::issue(&header, &story.claims(), &*stranger.key).unwrap();
    assert_eq!(story.judge_text(&text), Err(TokenFault::X5cUntrusted));
    // The trusted one's certificate, and a stranger's signature.
    for header in [by_url(), by_value(&[&issuer_certificate(&story.issuer)])] {
        let text = AuthorityToken::issue(&header, &story.claims(), &*stranger.key).unwrap();
        assert_eq!(story.judge_text(&text), Err(TokenFault::BadSignature));
    }
    // A stranger's certificate behind the URL.
    let text = AuthorityToken::issue(&by_url(), &story.claims(), &*stranger.key).unwrap();
    let token = AuthorityToken::parse(&text).unwrap();
    let account = story.account.public_key();
    let expected = story.expected(&account);
    let judged = |fetched: Option<&[Certificate]>| validate(&token, &expected, fetched, NOW);
    assert_eq!(judged(Some(&[theirs])), Err(TokenFault::X5uUntrusted));
    assert_eq!(judged(Some(&[])), Err(TokenFault::X5uUntrusted));
    assert_eq!(judged(None), Err(TokenFault::X5uUnavailable));
    // None at all.
    let none = story.judge_with(&Header::default(), &story.claims());
    assert_eq!(none, Err(TokenFault::NoCertificate));
    // An issuer whose certificate is not valid any more.
    let late = story
        .issuer
        .chain
        .end_entity()
        .validity()
        .not_after
        .saturating_add(1);
    let text = AuthorityToken::issue(
        &by_value(&[&issuer_certificate(&story.issuer)]),
        &Claims {
            exp: late.saturating_add(9),
            ..story.claims()
        },
        &*story.issuer.key,
    )
    .unwrap();
    let token = AuthorityToken::parse(&text).unwrap();
    assert_eq!(
        validate(&token, &expected, None, late),
        Err(TokenFault::X5cUntrusted)
    );
}

#[test]
fn two_certificates_have_to_be_one() {
    let lab = Lab::new();
    let (one, other) = (lab.provider("0001"), lab.provider("0002"));
    let mut story = Story::new();
    story.trusted = [&one, &other]
        .map(|signer| TokenIssuer::holder_of(issuer_certificate(signer)).unwrap())
        .into();
    story.issuer = one;
    let header = Header {
        x5u: Some(X5U.into()),
        ..by_value(&[&issuer_certificate(&other)])
    };
    let judged = story.judge_with(&header, &story.claims());
    assert_eq!(judged, Err(TokenFault::CertificatesDisagree));
}

#[test]
fn digest06_case08_x5u_over_http() {
    let story = Story::new();
    for url in [
        "http://authority.example.org/cert",
        "HTTP://a/",
        "ftp://a/",
        "https://",
        "https:///x",
        "https://a/\u{e9}",
        "",
    ] {
        let header = Header {
            x5c: None,
            x5u: Some(url.into()),
        };
        assert_eq!(
            story.judge_with(&header, &story.claims()),
            Err(TokenFault::X5uNotHttps),
            "{url}"
        );
        let text = AuthorityToken::issue(&header, &story.claims(), &*story.issuer.key).unwrap();
        let token = AuthorityToken::parse(&text).unwrap();
        assert_eq!(
            needs_certificate(&token, &story.trusted),
            None,
            "{url} is never asked"
        );
    }
    assert_eq!(TokenFault::X5uNotHttps.step(), 2);
}

#[test]
fn an_issuer_whose_certificate_is_at_hand_needs_no_fetch() {
    let mut story = Story::new();
    let text = AuthorityToken::issue(&by_url(), &story.claims(), &*story.issuer.key).unwrap();
    let token = AuthorityToken::parse(&text).unwrap();
    assert_eq!(needs_certificate(&token, &story.trusted), Some(X5U));
    story.trusted = story
        .trusted
        .drain(..)
        .map(|one| one.with_x5u(X5U))
        .collect();
    assert_eq!(needs_certificate(&token, &story.trusted), None);
    assert!(story.judge_text(&text).is_ok());
}

#[test]
fn an_issuer_may_be_known_by_the_authority_above_it() {
    let lab = Lab::new();
    let issuer = lab.end_entity(
        "SHAKEN token authority",
        vec![TnEntry::Spc("0001".parse().unwrap())],
    );
    let other = lab.provider("0002");
    let root = lab.root().certificate().clone();
    let mut story = Story::new();
    story.trusted = vec![TokenIssuer::below(root.clone(), "SHAKEN token authority").unwrap()];
    story.issuer = issuer;
    let (leaf, between) = (
        issuer_certificate(&story.issuer),
        lab.intermediate().certificate(),
    );
    let claims = story.claims();
    assert!(
        story
            .judge_with(&by_value(&[&leaf, between]), &claims)
            .is_ok()
    );
    assert_eq!(
        story.judge_with(&by_value(&[&leaf]), &claims),
        Err(TokenFault::X5cUntrusted),
        "a gap"
    );
    // Who may hand numbers down calls whomever he likes by that name.
    let scope = || TnAuthList::new(vec![TnEntry::Spc("0003".parse().unwrap())]).unwrap();
    let profile = Profile::DelegateCa(PathLength::AtMost(0));
    let made = lab.issue(lab.root(), profile, "Enterprise", Some(scope()));
    let (key, enterprise) = made.unwrap();
    let enterprise = Authority::new(enterprise, key, Practice::default()).unwrap();
    let named = lab.issue(
        &enterprise,
        Profile::Delegate,
        "SHAKEN token authority",
        Some(scope()),
    );
    let (key, named) = named.unwrap();
    let token = AuthorityToken::issue(
        &by_value(&[&named, enterprise.certificate()]),
        &claims,
        &*key,
    );
    assert_eq!(
        story.judge_text(&token.unwrap()),
        Err(TokenFault::X5cUntrusted)
    );
    // Somebody else's certificate from the same authority is no issuer's.
    story.issuer = other;
    let leaf = issuer_certificate(&story.issuer);
    let judged = story.judge_with(&by_value(&[&leaf, between]), &claims);
    assert_eq!(judged, Err(TokenFault::X5cUntrusted));
    assert!(
        matches!(TokenIssuer::holder_of(root), Err(NotAnIssuer)),
        "it may only certify"
    );
    assert!(matches!(TokenIssuer::below(leaf, "x"), Err(NotAnIssuer)));
}

#[test]
fn digest06_case16_the_type_has_one_spelling() {
    let story = Story::new();
    let mut claims = story.claims();
    claims.atc.tk_type = "TnAuthList".into();
    assert_eq!(story.judge(&claims), Err(TokenFault::TokenType));
    assert_eq!(TokenFault::TokenType.step(), 5);
}

#[test]
fn digest06_case17_what_is_missing_or_of_another_algorithm() {
    let story = Story::new();
    let header = format!(r#"{{"alg":"ES256","typ":"JWT","x5u":"{X5U}"}}"#);
    let fingerprint = story.claims().atc.fingerprint;
    let exp = NOW.as_secs() + 9;
    let payload = format!(
        r#"{{"exp":{exp},"jti":"1","atc":{{"tktype":"TNAuthList","tkvalue":"MAigBhYEMTIzNA","ca":false,"fingerprint":"{fingerprint}"}}}}"#
    );
    assert!(story.judge_text(&story.text(&header, &payload)).is_ok());
    use MalformedToken as M;
    let exp = format!("\"exp\":{exp},");
    for (from, to, why) in [
        (&*exp, "", M::Exp),
        (&*exp, "\"exp\":\"1\",", M::Exp),
        (r#""jti":"1","#, "", M::Jti),
        (r#""jti":"1","#, r#""jti":"","#, M::Jti),
        (r#""atc":"#, r#""act":"#, M::Atc),
        (r#""tktype":"TNAuthList","#, "", M::Atc),
        (r#""tkvalue":"MAigBhYEMTIzNA","#, "", M::Atc),
        ("MAigBhYEMTIzNA", "MAigBhYEMTIzN*", M::Value),
        (r#""ca":false"#, r#""ca":"false""#, M::Atc),
        ("SHA256", "SHA1", M::Fingerprint),
        (r#""jti""#, r#""nbf":true,"jti""#, M::Claim),
        (r#""jti""#, r#""iss":1,"jti""#, M::Claim),
        (r#""jti":"1","#, r#""jti":"1","jti":"2","#, M::Payload),
    ] {
        let bad = payload.replacen(from, to, 1);
        assert_ne!(bad, payload, "{from}");
        let judged = story.judge_text(&story.text(&header, &bad));
        assert_eq!(judged, Err(TokenFault::Malformed(why)), "{bad}");
    }
    for (from, to, why) in [
        ("ES256", "HS256", M::Algorithm),
        ("ES256", "none", M::Algorithm),
        ("ES256", "es256", M::Algorithm),
        (r#""alg":"ES256","#, "", M::Algorithm),
        ("JWT", "passport", M::Type),
        (r#""typ""#, r#""crit":["b64"],"b64":false,"typ""#, M::Crit),
        (r#""typ""#, r#""crit":["exp"],"typ""#, M::Crit),
        (r#""typ""#, r#""x5c":[],"typ""#, M::X5c),
        (r#""typ""#, r#""x5c":["*"],"typ""#, M::X5c),
    ] {
        let bad = header.replacen(from, to, 1);
        assert_ne!(bad, header, "{from}");
        let judged = story.judge_text(&story.text(&bad, &payload));
        assert_eq!(judged, Err(TokenFault::Malformed(why)), "{bad}");
    }
    // "none" as attackers spell it: without a signature.
    let unsigned = story.text(&header.replace("ES256", "none"), &payload);
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    assert_eq!(
        story.judge_text(&unsigned),
        Err(TokenFault::Malformed(M::Algorithm))
    );
}

/// The samples of RFC 9447 §4 have padding; a profile may take that.
#[test]
fn padding_is_taken_where_the_profile_takes_it() {
    let story = Story::new();
    let fingerprint = story.claims().atc.fingerprint;
    let header = format!(r#"{{"alg":"ES256","x5u":"{X5U}"}}"#);
    let payload = format!(
        r#"{{"exp":{},"jti":"1","atc":{{"tktype":"TNAuthList","tkvalue":"MAigBhYEMTIzNA==","fingerprint":"{fingerprint}"}}}}"#,
        NOW.as_secs() + 9
    );
    let text = story.text(&header, &payload);
    assert_eq!(
        story.judge_text(&text),
        Err(TokenFault::Malformed(MalformedToken::Value))
    );
    let token = AuthorityToken::parse(&text).unwrap();
    let account = story.account.public_key();
    let expected = Expected {
        spelling: Spelling::Loose,
        ..story.expected(&account)
    };
    let fetched = [issuer_certificate(&story.issuer)];
    assert!(validate(&token, &expected, Some(&fetched), NOW).is_ok());
}

#[test]
fn issuer_and_audience_have_to_fit_where_they_are_said() {
    let story = Story::new();
    let none = Claims {
        iss: None,
        ..story.claims()
    };
    assert!(story.judge(&none).is_ok());
    let other = Claims {
        iss: Some("https://other.example.org".into()),
        ..story.claims()
    };
    assert_eq!(story.judge(&other), Err(TokenFault::Issuer));
    let for_another = Claims {
        aud: ["https://ca.example".into()].into(),
        ..story.claims()
    };
    assert_eq!(story.judge(&for_another), Err(TokenFault::Audience));
    let text = AuthorityToken::issue(&by_url(), &for_another, &*story.issuer.key).unwrap();
    let token = AuthorityToken::parse(&text).unwrap();
    let account = story.account.public_key();
    let fetched = [issuer_certificate(&story.issuer)];
    let expected = Expected {
        audience: Some("https://ca.example"),
        ..story.expected(&account)
    };
    assert!(validate(&token, &expected, Some(&fetched), NOW).is_ok());
}

/// No single character of a token can be changed.
#[test]
fn every_character_of_a_token_counts() {
    let story = Story::new();
    let text = AuthorityToken::issue(&by_url(), &story.claims(), &*story.issuer.key).unwrap();
    assert!(story.judge_text(&text).is_ok());
    for position in 0..text.len() {
        let mut bad = text.clone().into_bytes();
        bad[position] = if bad[position] == b'A' { b'B' } else { b'A' };
        let bad = String::from_utf8(bad).unwrap();
        assert!(story.judge_text(&bad).is_err(), "character {position}");
    }
}

/// A chain in x5c is what the encoder of PASSporTs writes: base64 with padding, not base64url.
#[test]
fn x5c_is_standard_base64() {
    let story = Story::new();
    let certificate = issuer_certificate(&story.issuer);
    let text = AuthorityToken::issue(
        &by_value(&[&certificate]),
        &story.claims(),
        &*story.issuer.key,
    )
    .unwrap();
    let header = base64url::decode(text.split('.').next().unwrap()).unwrap();
    let header = String::from_utf8(header).unwrap();
    assert!(
        header.contains(&X5c::encoded(certificate.as_der())),
        "{header}"
    );
}
