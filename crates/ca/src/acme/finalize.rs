//! Finalizing an order: what a certification request may ask for, and what becomes of it
//! ([RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4), [RFC 9448 §6](https://www.rfc-editor.org/rfc/rfc9448#section-6) step 9).
//!
//! Nothing is signed here: the register prepares a certificate, that is kept, and then the key is used ([`crate::register`]).

use super::desk::{Challenge, Order, Progress};
use super::event::{Entry, Event, Grant};
use super::handled::{Handled, Then};
use super::name::Name;
use super::order::{self, own};
use super::payload::{self, Empty};
use super::practice::{Dialect, Outliving, Practice};
use super::problem::{Kind, Problem, Refusal};
use super::request::Admitted;
use super::states::{Books, OrderState};
use crate::csr::CertificationRequest;
use crate::extension::PathLength;
use crate::issuance::{IssuanceError, Profile, Request, Revocation};
use crate::notation::Octets;
use crate::register::preparation::{self, IssuanceRefused};
use crate::register::{self, approval};
use crate::subject::Subject;
use const_oid::ObjectIdentifier;
use countersign::certificate::extensions::oid;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::VerifyingKeys;
use countersign::jose::base64url;
use countersign::time::{UnixTime, Validity};

/// What may be asked for: everything else is not ours to promise.
const TAKEN: [ObjectIdentifier; 4] = [
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::TN_AUTH_LIST,
];

/// What deployed clients ask for besides, and what we write ourselves whatever they ask.
const READ_OVER: [ObjectIdentifier; 3] = [
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::CERTIFICATE_POLICIES,
    oid::CRL_DISTRIBUTION_POINTS,
];

/// The first word of a common name that goes on with a service provider code.
const SHAKEN: &str = "SHAKEN";

/// Finalizes an order: its certificate is prepared, and will be signed.
pub(super) fn finalize(
    at: At<'_>,
    admitted: &Admitted<'_>,
    asked: Name,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Handled, Refusal> {
    let order = own(at.books.desk.order(&asked), admitted)?;
    let members = payload::members(admitted, Empty::Malformed)?;
    let grant = ready(at.books, order, at.now)?;
    let keys = at.practice.authority.keys();
    let request = read(payload::needed(&members, "csr")?, keys)?;
    judge(at.books, at.practice, order, grant, &request)?;
    let wanted = wanted(at.practice, order, &request)?;
    let validity = match validity(at.practice, order, grant, at.now) {
        Ok(validity) => validity,
        Err(problem) => return Ok(failed(order, problem)),
    };
    let wanted = wanted.with_revocation(revocation(at.practice, validity));
    match prepare(at, order, &wanted, validity, None, random) {
        Err(IssuanceRefused::Approval(_)) => await_approval(at, order, &request, &wanted, validity),
        prepared => settle(order, prepared),
    }
}

/// Goes on with an order that has waited for a second person; `None` if it goes on waiting, or does not wait.
pub(super) fn resume(
    at: At<'_>,
    order: &Order,
    random: &mut dyn FnMut(&mut [u8]),
) -> Option<Result<Handled, Refusal>> {
    let Progress::Awaiting { request, validity } = &order.progress else {
        return None;
    };
    let id = order.asked.order.to_string();
    at.books.register.approval(&id)?.given_by.as_ref()?;
    let keys = at.practice.authority.keys();
    let wanted = CertificationRequest::parse_with(request.as_bytes(), keys)
        .map_err(|fault| bad(fault.to_string()))
        .and_then(|request| wanted(at.practice, order, &request));
    Some(match wanted {
        Err(problem) => Ok(failed(order, problem)),
        Ok(wanted) => {
            let wanted = wanted.with_revocation(revocation(at.practice, *validity));
            let prepared = prepare(at, order, &wanted, *validity, Some(&id), random);
            match prepared {
                Err(refused) => Ok(failed(order, problem_of(&refused))),
                prepared => settle(order, prepared),
            }
        }
    })
}

/// What a decision is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    /// What is known.
    pub(super) books: Books<'a>,
    /// What the operator has decided.
    pub(super) practice: &'a Practice,
    /// When.
    pub(super) now: UnixTime,
}

/// A certificate of an authority is asked for; somebody else has to approve it.
fn await_approval(
    at: At<'_>,
    order: &Order,
    request: &CertificationRequest,
    wanted: &Request,
    validity: Validity,
) -> Result<Handled, Refusal> {
    let id = order.asked.order.to_string();
    let internal = |why: String| Problem::new(Kind::ServerInternal, why);
    let what = approval::subject(
        &at.practice.authority,
        &preparation::Asked {
            request: wanted,
            validity,
            order: Some(&id),
            approval: Some(&id),
            by: None,
        },
    )
    .map_err(|error| internal(error.to_string()))?;
    let by = format!("ACME account {}", order.asked.account);
    let asked = at.books.register.ask_approval(&id, what, &by, at.now);
    let asked = asked.map_err(|refused| internal(refused.to_string()))?;
    let event = Event::OrderAwaitsApproval {
        order: order.asked.order,
        request: Octets::from(request.as_der()),
        not_before: validity.not_before,
        not_after: validity.not_after,
    };
    let mut after = order.clone();
    after.progress = Progress::Awaiting {
        request: Octets::from(request.as_der()),
        validity,
    };
    let reply = order::reply(200, at.books, at.practice, &after, at.now);
    Ok(Handled {
        events: vec![Entry::Certificate(asked), Entry::Acme(event)],
        then: Then::Reply(reply),
    })
}

// RFC 8555 §7.4: "A request to finalize an order will result in error if the order is not in the "ready" state. In such cases, the server
// MUST return a 403 (Forbidden) error with a problem document of type "orderNotReady"."
fn ready<'a>(books: Books<'_>, order: &'a Order, now: UnixTime) -> Result<&'a Grant, Problem> {
    let state = order.state(books.register, now);
    match (state, &order.challenge) {
        (OrderState::Ready, Challenge::Met { grant, .. }) => Ok(grant),
        _ => Err(Problem::new(
            Kind::OrderNotReady,
            format!("the order is {state:?}, not ready").to_lowercase(),
        )),
    }
}

// RFC 8555 §7.4: "The CSR is sent in the base64url-encoded version of the DER format."
fn read(csr: &str, keys: &dyn VerifyingKeys) -> Result<CertificationRequest, Problem> {
    let der = base64url::decode(csr)
        .map_err(|_| Problem::malformed("csr is not base64url of a request in DER"))?;
    CertificationRequest::parse_with(&der, keys).map_err(|fault| bad(fault.to_string()))
}

fn bad(detail: impl Into<Box<str>>) -> Problem {
    Problem::new(Kind::BadCsr, detail)
}

/// Whether the request asks for what was ordered and authorized. Each fault leaves the order ready.
// RFC 8555 §7.4: "After returning such an error, the server SHOULD leave the order in the "ready" state, to allow the client to submit a
// new finalize request with an amended CSR."
fn judge(
    books: Books<'_>,
    practice: &Practice,
    order: &Order,
    grant: &Grant,
    request: &CertificationRequest,
) -> Result<(), Problem> {
    check_key(books, practice, request)?;
    // RFC 8555 §7.4: "The CSR MUST indicate the exact same set of requested identifiers as the initial newOrder request."
    match request.tn_auth_list() {
        None => return Err(bad("the request has no TN Authorization List")),
        Some((_, der)) if der != order.asked.identifier.as_bytes() => {
            return Err(bad(
                "the request has another TN Authorization List than the order",
            ));
        }
        Some(_) => {}
    }
    if request.subject_alt_name().is_some() {
        return Err(bad("the request has names that were not ordered"));
    }
    // RFC 9448 §6, step 9
    grant
        .permission
        .may_finalize(request)
        .map_err(|fault| bad(fault.to_string()))?;
    check_extensions(practice, request)
}

// RFC 8555 §11.1: "ACME clients and servers MUST verify that a CSR submitted in a finalize request does not contain a public key for any
// known account key pair."
fn check_key(
    books: Books<'_>,
    practice: &Practice,
    request: &CertificationRequest,
) -> Result<(), Problem> {
    let key = request.public_key();
    if practice.dialect == Dialect::Rfc && books.desk.account_with_key(key).is_some() {
        return Err(bad("the key of the request is the key of an account"));
    }
    if books.register.is_blocked(key) {
        return Err(bad(
            "the key of the request is known to have been compromised",
        ));
    }
    Ok(())
}

// RFC 8555 §7.4, of what makes a request unacceptable: "If the CSR requests extensions that the CA is not willing to include"
fn check_extensions(practice: &Practice, request: &CertificationRequest) -> Result<(), Problem> {
    let read_over =
        |kind: &ObjectIdentifier| practice.dialect == Dialect::Shaken && READ_OVER.contains(kind);
    for extension in request.extensions() {
        let kind = extension.kind;
        if !TAKEN.contains(&kind) && !read_over(&kind) {
            return Err(bad(format!("the extension {kind} is not given on request")));
        }
    }
    let signs_calls = |bits: countersign::certificate::extensions::KeyUsage| {
        bits.digital_signature() && !bits.key_cert_sign()
    };
    match (request.key_usage(), request.is_ca()) {
        (Some(usage), false) if !signs_calls(usage) => {
            Err(bad("the key usage of an end entity is digitalSignature"))
        }
        (Some(usage), true) if !usage.key_cert_sign() => {
            Err(bad("the key usage of an authority has keyCertSign"))
        }
        _ => Ok(()),
    }
}

/// What the authority is asked for.
fn wanted(
    practice: &Practice,
    order: &Order,
    request: &CertificationRequest,
) -> Result<Request, Problem> {
    let subject = Subject::requested(request.subject()).map_err(|fault| bad(fault.to_string()))?;
    check_common_name(practice, &subject, &order.list)?;
    let asked = request.basic_constraints().and_then(|asked| asked.path_len);
    let length = match asked.map(u8::try_from) {
        None => PathLength::AtMost(0),
        Some(Ok(length)) => PathLength::AtMost(length),
        Some(Err(_)) => return Err(bad("the path length is longer than any path")),
    };
    let profile = match (
        request.is_ca(),
        practice.authority.certificate().has_scope(),
    ) {
        (true, _) => Profile::DelegateCa(length),
        (false, true) => Profile::Delegate,
        (false, false) => Profile::EndEntity,
    };
    let wanted = Request::new(profile, subject, *request.public_key());
    Ok(wanted.with_scope(order.list.clone()))
}

/// A common name of SHAKEN names a provider: one that the list names, too. That of an issuer of tokens is nobody's who orders: issuers
/// below an authority are known by it.
fn check_common_name(
    practice: &Practice,
    subject: &Subject,
    list: &TnAuthList,
) -> Result<(), Problem> {
    let name = subject.name().common_name().unwrap_or_default();
    if practice
        .token_issuers
        .iter()
        .any(|one| one.is_called(&name))
    {
        return Err(bad("the common name is that of an issuer of tokens"));
    }
    let mut words = name.split_whitespace();
    let first = words.next().unwrap_or_default();
    let (true, Some(code)) = (first.eq_ignore_ascii_case(SHAKEN), words.next()) else {
        return Ok(());
    };
    let listed = |entry: &TnEntry| matches!(entry, TnEntry::Spc(spc) if spc.as_str() == code);
    let has_codes = !list.providers().is_empty();
    match has_codes && !list.entries().iter().any(listed) {
        false => Ok(()),
        true => Err(bad(
            "the common name names a provider that is not in the list",
        )),
    }
}

/// Whether the revocation of what lives so long would be published.
// RFC 8226 §10: verifiers "Rely on short-lived certificates and not check the certificate's status", or rely on status information.
fn revocation(practice: &Practice, life: Validity) -> Revocation {
    let seconds = life.not_after.as_secs() - life.not_before.as_secs();
    match seconds <= practice.lifetimes.never_revoked {
        true => Revocation::Never,
        false => Revocation::Published,
    }
}

/// At most this share of a life is before now: of a life of minutes an hour would be most.
const BACKDATED_SHARE: i64 = 10;

/// The life of the certificate.
// RFC 9447 §7: "ACME services relying on Authority Tokens SHOULD NOT issue certificates with a longer expiry than the expiry of the
// Authority Token." What an order asks for is met or refused, never bent.
fn validity(
    practice: &Practice,
    order: &Order,
    grant: &Grant,
    now: UnixTime,
) -> Result<Validity, Problem> {
    let lives = &practice.lifetimes;
    let issuer = practice.authority.certificate().validity();
    let end = order.asked.not_after;
    let life = end.map_or(lives.usual, |end| end.as_secs() - now.as_secs());
    let back = lives.backdated.min(life / BACKDATED_SHARE).max(0);
    let backdated = now.saturating_add(-back).max(issuer.not_before);
    let not_before = order.asked.not_before.unwrap_or(backdated);
    let capped = practice.outliving == Outliving::Forbidden;
    let not_after = match order.asked.not_after {
        Some(asked) if capped && grant.until < asked => {
            return Err(Problem::unauthorized(format!(
                "the token counts until {} and does not last as long as the certificate that was ordered, until {asked}: order one that ends before, or none in particular",
                grant.until
            )));
        }
        Some(asked) => asked,
        None => {
            let usual = now.saturating_add(lives.usual).min(issuer.not_after);
            let end = not_before.max(usual);
            if capped { end.min(grant.until) } else { end }
        }
    };
    match not_before < not_after && now < not_after {
        true => Ok(Validity {
            not_before,
            not_after,
        }),
        false => Err(Problem::unauthorized(
            "nothing is left of the certificate's life",
        )),
    }
}

/// The order fails for good: no other request could be met.
fn failed(order: &Order, problem: Problem) -> Handled {
    let event = Event::OrderFailed {
        order: order.asked.order,
        problem: problem.clone(),
    };
    Handled::new([event], problem.into())
}

/// How often a serial number is drawn: the second draw is as good as certain.
const DRAWS: usize = 3;

/// What the register has prepared for an order.
fn prepare(
    at: At<'_>,
    order: &Order,
    wanted: &Request,
    validity: Validity,
    approval: Option<&str>,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Vec<register::Event>, IssuanceRefused> {
    let name = order.asked.order.to_string();
    let asked = preparation::Asked {
        request: wanted,
        validity,
        order: Some(&name),
        approval,
        by: None,
    };
    let (authority, rules) = (&at.practice.authority, &at.practice.rules);
    let mut prepared = Err(IssuanceRefused::SerialTaken);
    for _ in 0..DRAWS {
        if !matches!(prepared, Err(IssuanceRefused::SerialTaken)) {
            break;
        }
        let mut serial = [0; 16];
        random(&mut serial);
        prepared = at
            .books
            .register
            .prepare(authority, rules, &asked, at.now, serial);
    }
    prepared
}

/// The order is finalized, or says what is wrong.
fn settle(
    order: &Order,
    prepared: Result<Vec<register::Event>, IssuanceRefused>,
) -> Result<Handled, Refusal> {
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(refused) => {
            let problem = problem_of(&refused);
            return match problem.kind {
                // No other request could be met: the order has come to nothing.
                Kind::RejectedIdentifier | Kind::Unauthorized => Ok(failed(order, problem)),
                _ => Err(problem.into()),
            };
        }
    };
    let name = prepared.iter().find_map(|event| match event {
        register::Event::Prepared(prepared) => Some(prepared.name.clone()),
        _ => None,
    });
    let Some(certificate) = name else {
        return Err(Problem::new(Kind::ServerInternal, "nothing was prepared").into());
    };
    let order = order.asked.order;
    let finalized = Event::OrderFinalized {
        order,
        certificate: certificate.clone(),
    };
    let events = prepared.into_iter().map(Entry::Certificate);
    Ok(Handled {
        events: events.chain([Entry::Acme(finalized)]).collect(),
        then: Then::Sign { certificate, order },
    })
}

/// What a client is told of a certificate that the register does not prepare.
fn problem_of(refused: &IssuanceRefused) -> Problem {
    use IssuanceError as E;
    let kind = match refused {
        IssuanceRefused::Issuance(
            E::NothingToDelegate
            | E::NumbersUnknown
            | E::RangeEnd
            | E::ScopeForbidden
            | E::ScopeMissing
            | E::ScopeTooWide,
        ) => Kind::RejectedIdentifier,
        IssuanceRefused::Issuance(E::NotWithin { .. } | E::Time(_) | E::Validity) => {
            Kind::Unauthorized
        }
        IssuanceRefused::Issuance(E::PathLength)
        | IssuanceRefused::KeyBlocked
        | IssuanceRefused::KeyOfAuthority
        | IssuanceRefused::Lints(_) => Kind::BadCsr,
        _ => Kind::ServerInternal,
    };
    Problem::new(kind, refused.to_string())
}
