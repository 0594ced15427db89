//! Revocation by clients: [RFC 8555 §7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6).
//!
//! What a revocation does is the register's matter ([`crate::register`]); here is who may ask for one, and how.

use super::event::Entry;
use super::handled::{Handled, Then};
use super::payload::{self, Empty};
use super::problem::{Kind, Problem, Refusal};
use super::reply::Reply;
use super::request::{Admitted, Signer};
use super::states::{AuthorizationState, Books};
use crate::register::revocation::RevocationRefused;
use crate::register::{CertificateName, Entry as Issued};
use countersign::certificate::Certificate;
use countersign::certificate::crl::Reason;
use countersign::jose::base64url;
use countersign::jose::json::{Object, Value};
use countersign::time::UnixTime;

/// The reasons that clients may give: those that only an authority can know, or that can be taken back, are left out.
const ALLOWED: [Reason; 6] = [
    Reason::Unspecified,
    Reason::KeyCompromise,
    Reason::AffiliationChanged,
    Reason::Superseded,
    Reason::CessationOfOperation,
    Reason::PrivilegeWithdrawn,
];

/// Revokes a certificate.
pub(super) fn revoke(
    books: Books<'_>,
    admitted: &Admitted<'_>,
    now: UnixTime,
) -> Result<Handled, Refusal> {
    let members = payload::members(admitted, Empty::Malformed)?;
    let certificate = certificate(&members)?;
    let name = CertificateName::of(&certificate);
    let issued = books.register.find(&name).and_then(Issued::certificate);
    if issued != Some(certificate.as_der()) {
        return Err(Problem::malformed("the certificate is not one of this authority").into());
    }
    let right = right(books, admitted, &certificate, &name, now)?;
    let reason = reason(&members)?;
    // Whoever knows a key has every certificate of it, and all of them are revoked: only its holder may say that others know it.
    if reason == Reason::KeyCompromise && right == Right::Authorization {
        let detail =
            "that a key is known to others is said by who ordered the certificate, or with the key";
        return Err(Problem::new(Kind::BadRevocationReason, detail).into());
    }
    let revoked = books
        .register
        .revoke(&name, reason, &by(admitted), now)
        .map_err(|refused| problem_of(&refused))?;
    Ok(Handled {
        events: revoked.into_iter().map(Entry::Certificate).collect(),
        then: Then::Reply(Reply::empty(200)),
    })
}

// RFC 8555 §7.6: "if the certificate has already been revoked, the server returns an error response with status code 400 (Bad Request)
// and type "urn:ietf:params:acme:error:alreadyRevoked"."
fn problem_of(refused: &RevocationRefused) -> Problem {
    let kind = match refused {
        RevocationRefused::AlreadyRevoked => Kind::AlreadyRevoked,
        RevocationRefused::BadReason(_) => Kind::BadRevocationReason,
        RevocationRefused::NotIssued | RevocationRefused::Unknown => Kind::Malformed,
    };
    Problem::new(kind, refused.to_string())
}

// RFC 8555 §7.6: "The certificate to be revoked, in the base64url-encoded version of the DER format."
fn certificate(members: &Object<'_>) -> Result<Certificate, Problem> {
    let text = payload::needed(members, "certificate")?;
    let der = base64url::decode(text)
        .map_err(|_| Problem::malformed("certificate is not base64url of a certificate in DER"))?;
    Certificate::parse(&der)
        .map_err(|error| Problem::malformed(format!("the certificate cannot be read: {error}")))
}

// RFC 8555 §7.6: "If a request contains a disallowed reasonCode, then the server MUST reject it with the error type
// "urn:ietf:params:acme:error:badRevocationReason". The problem document detail SHOULD indicate which reasonCodes are allowed."
fn reason(members: &Object<'_>) -> Result<Reason, Problem> {
    let code = match members.get("reason") {
        None => return Ok(Reason::Unspecified),
        Some(value) => value.as_i64(),
    };
    let allowed = ALLOWED.into_iter();
    let found = allowed
        .clone()
        .find(|reason| code == Some(reason.code().into()));
    found.ok_or_else(|| {
        let codes: Vec<_> = allowed.map(|reason| reason.code().to_string()).collect();
        let detail = format!("the reason is one of {}", codes.join(", "));
        match members.get("reason") {
            Some(Value::Number(_)) => Problem::new(Kind::BadRevocationReason, detail),
            _ => Problem::malformed(detail),
        }
    })
}

/// By which right somebody revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// It holds an authorization for everything in the certificate.
    Authorization,
    /// It has ordered the certificate, or has its key.
    Holder,
}

/// By which right whoever has signed revokes this certificate.
fn right(
    books: Books<'_>,
    admitted: &Admitted<'_>,
    certificate: &Certificate,
    name: &CertificateName,
    now: UnixTime,
) -> Result<Right, Problem> {
    let is_holder = match admitted.signer {
        // RFC 8555 §7.6: "The server MUST also consider a revocation request valid if it is signed with the private key corresponding to the
        // public key in the certificate."
        Signer::Key(key) => certificate.public_key().p256() == Some(&key),
        // RFC 8555 §7.6: "The server MUST consider at least the following accounts authorized for a given certificate: o the account that
        // issued the certificate. o an account that holds authorizations for all of the identifiers in the certificate."
        Signer::Account(account, _) => {
            let order = books.desk.order_of_certificate(name);
            order.is_some_and(|order| order.asked.account == account)
        }
    };
    if is_holder {
        return Ok(Right::Holder);
    }
    match holds_authorization(books, admitted, certificate, now) {
        true => Ok(Right::Authorization),
        false => Err(Problem::unauthorized(
            "a certificate is revoked by the account that ordered it, by one that is authorized for all of it, or with its own key",
        )),
    }
}

fn holds_authorization(
    books: Books<'_>,
    admitted: &Admitted<'_>,
    certificate: &Certificate,
    now: UnixTime,
) -> bool {
    let (Signer::Account(_, account), Some(list)) = (admitted.signer, certificate.tn_auth_list())
    else {
        return false;
    };
    let mut orders = account
        .orders
        .iter()
        .filter_map(|order| books.desk.order(order));
    orders.any(|order| {
        order.authorization_state(now) == AuthorizationState::Valid
            && order.list.to_der() == list.to_der()
    })
}

fn by(admitted: &Admitted<'_>) -> Box<str> {
    match admitted.signer {
        Signer::Account(name, _) => format!("account {name}").into(),
        Signer::Key(_) => "whoever has its key".into(),
    }
}
