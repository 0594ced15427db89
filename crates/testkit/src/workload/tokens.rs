//! Authority tokens, checked as an ACME server does whose token authority is known to it: read, and the steps of RFC 9448 §6.

use super::CALLS;
use crate::lab::{Lab, NOW, new_key, numbers};
use countersign::certificate::TnAuthList;
use countersign::crypto::{Point, SigningKey};
use countersign_ca::token::validation::{Expected, TokenFault, TokenIssuer, Validated, validate};
use countersign_ca::token::{
    Atc, AuthorityToken, Claims, Fingerprint, FingerprintRule, Header, Permission, Spelling,
    TN_AUTH_LIST,
};

/// Where the certificate of the token authority is said to be.
const X5U: &str = "https://authority.example.org/cert";

/// Tokens for one account, and what is expected of them.
pub struct Tokens {
    texts: Vec<String>,
    trusted: Vec<TokenIssuer>,
    account: Point,
    identifier: Vec<u8>,
}

#[allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]
impl Tokens {
    /// Issues the tokens and checks each once.
    pub fn new() -> Self {
        let issuer = Lab::new().provider("0001");
        let account = new_key().public_key();
        let list = TnAuthList::new(vec![numbers("12025550100", 50)]).expect("list");
        let header = Header {
            x5c: None,
            x5u: Some(X5U.into()),
        };
        let token = |index: usize| {
            let claims = Claims {
                aud: Box::default(),
                atc: Atc {
                    tk_type: TN_AUTH_LIST.into(),
                    tk_value: list.to_der().into(),
                    spelling: Spelling::Exact,
                    permission: Permission::EndEntity,
                    fingerprint: Fingerprint::thumbprint_of(&account),
                },
                exp: NOW.saturating_add(3_600),
                iss: Some("https://authority.example.org".into()),
                jti: format!("id60983649{index:02}").into(),
                nbf: None,
            };
            AuthorityToken::issue(&header, &claims, &*issuer.key).expect("token")
        };
        let certificate = issuer.chain.end_entity().clone();
        let trusted = TokenIssuer::holder_of(certificate).expect("issuer");
        let workload = Self {
            texts: (0..CALLS).map(token).collect(),
            trusted: vec![trusted.with_x5u(X5U)],
            account,
            identifier: list.to_der(),
        };
        assert!((0..CALLS).all(|index| workload.check(index).is_ok()));
        workload
    }

    /// Checks one token.
    ///
    /// # Errors
    /// None: every token is good.
    pub fn check(&self, index: usize) -> Result<Validated, TokenFault> {
        let token = AuthorityToken::parse(&self.texts[index % CALLS])?;
        let expected = Expected {
            identifier_der: &self.identifier,
            account_key: &self.account,
            fingerprint: FingerprintRule::JwkThumbprint,
            trusted: &self.trusted,
            spelling: Spelling::Exact,
            audience: None,
        };
        validate(&token, &expected, None, NOW)
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}
