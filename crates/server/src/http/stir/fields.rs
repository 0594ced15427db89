//! What a request says: out of JSON into a call, an attestation, an Identity header value. Nothing of it is believed here.
//!
//! Both dialects have the same two objects with nearly the same members; [`Dialect`] decides what must be there. Members that
//! nobody knows are ignored, as both documents want it.

use super::dialect::{Defect, Dialect};
use countersign::call::{Call, DateHeader, DestSource, OrigSource};
use countersign::identity::{Identity, IdentityPolicy, Role};
use countersign::jose::json::{Object, Value};
use countersign::passport::rph::MAX_RESOURCE_VALUES;
use countersign::passport::{Attestation, Div, OrigId, PSAP_CALLBACK, Sph};
use countersign::priority::{PriorityMark, RequestedPriority, ResourceValue};
use countersign::time::UnixTime;

/// Most called parties of one request.
pub const MAX_CALLED: usize = 64;

/// Most Identity header values of one request that are read: more than any policy judges.
pub const MAX_IDENTITIES: usize = 32;

/// Most headers in `protectedHeaders`.
pub const MAX_PROTECTED: usize = 16;

/// Longest `requestId` or `displayName` that is read, in bytes.
pub const MAX_ECHO: usize = 256;

/// The numbers of heartbeats. Session border controllers ask with them every few seconds, and nobody has them.
const HEARTBEAT: [&str; 6] = [
    "9999999999",
    "19999999999",
    "7777777777",
    "17777777777",
    "3333333333",
    "13333333333",
];

/// A request to sign.
#[derive(Debug)]
pub struct SigningFields<'a> {
    /// The dialect of the answer.
    pub dialect: Dialect,
    /// The call.
    pub call: Call,
    /// The attestation asked for.
    pub attest: Option<Attestation>,
    /// The origination identifier asked for.
    pub origid: Option<OrigId>,
    /// What kind of PASSporT is asked for.
    pub wanted: Wanted,
    /// What the answer repeats.
    pub request_id: Option<&'a str>,
}

/// The kinds of PASSporT that may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No word of it: whatever calls of the trunk are signed with.
    Any,
    /// `div`: the call went there before.
    Div(Box<Div>),
    /// `rph`: the call may have these values, and is a call-back or not.
    Rph(Vec<ResourceValue>, Option<Sph>),
    /// `rcd`, of its own: what is said of the caller beside the number.
    Rich,
    /// `shaken`, whatever calls of the trunk are signed with.
    Shaken,
}

/// A request to verify.
#[derive(Debug)]
pub struct VerificationFields<'a> {
    /// The dialect of the answer.
    pub dialect: Dialect,
    /// The call.
    pub call: Call,
    /// How far the values of Resource-Priority that are asked about are in the call.
    pub asked: Asked,
    /// The Identity header values.
    pub identities: Vec<&'a str>,
    /// What the answer repeats.
    pub request_id: Option<&'a str>,
}

/// What a request asks about by Resource-Priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// There is no such header: the PASSporT alone is asked about.
    Nothing,
    /// Some values cannot be read or are too many: they are in nobody's list.
    Partly,
    /// Every value is in the call.
    Whole,
}

/// Whether a call is none, but a heartbeat.
pub fn is_heartbeat(call: &Call) -> bool {
    let reserved = |identity: &Identity| match identity {
        Identity::Number(number) => HEARTBEAT.contains(&number.as_str()),
        Identity::Uri(_) => false,
    };
    call.orig.as_ref().is_some_and(reserved) && call.dest.iter().all(|(called, _)| reserved(called))
}

/// Reads `signingRequest`.
///
/// # Errors
/// The first [`Defect`].
pub fn signing<'a>(
    body: &'a Value<'a>,
    front: Dialect,
    policy: IdentityPolicy,
) -> Result<SigningFields<'a>, Defect> {
    let request = object_of(body, "signingRequest")?;
    // What only the other dialect has; `identityHeader` in the answer is what tells the two apart.
    let foreign = ["requestId", "profileId", "div", "rph", "sph"];
    let dialect = match front {
        Dialect::Atis if foreign.iter().any(|name| request.get(name).is_some()) => {
            Dialect::Threegpp
        }
        front => front,
    };
    let must = match dialect {
        Dialect::Atis => Must::BeThere,
        Dialect::Threegpp => Must::BeRight,
    };
    let attest = attestation(request, must)?;
    let dest = required(request, "dest")?;
    let iat = time(required(request, "iat")?, "iat")?;
    let orig = required(request, "orig")?;
    let orig = one_party(orig, &ORIG, Role::Orig, policy)?;
    let dest = parties(dest, &DEST, Shape::Array, policy)?;
    let origid = origid(request, must)?;
    let wanted = wanted(request, dialect, policy)?;
    let mut call = call(orig, dest, DestSource::Given, iat);
    if let Wanted::Rph(values, sph) = &wanted {
        // Whoever asks for it says that the request has it.
        call.priority.values.clone_from(values);
        call.priority.mark = match sph {
            Some(Sph::PsapCallback) => PriorityMark::PsapCallback,
            None => PriorityMark::None,
        };
    }
    Ok(SigningFields {
        dialect,
        call,
        wanted,
        attest,
        origid,
        request_id: echo(request, "requestId")?,
    })
}

/// Reads `verificationRequest`. A request without any Identity is read, too: whether it is one is policy.
///
/// # Errors
/// The first [`Defect`].
pub fn verification<'a>(
    body: &'a Value<'a>,
    front: Dialect,
    policy: IdentityPolicy,
) -> Result<VerificationFields<'a>, Defect> {
    let request = object_of(body, "verificationRequest")?;
    let has = |name: &str| request.get(name).is_some();
    let dialect = match front {
        Dialect::Atis if has("identityHeader") || has("identityHeaders") => Dialect::Threegpp,
        Dialect::Threegpp if has("identity") => Dialect::Atis,
        front => front,
    };
    let from = one_party(required(request, "from")?, &FROM, Role::Orig, policy)?;
    let mut dest = sourced(required(request, "to")?, &TO, DestSource::To, policy)?;
    if let Some(target) = request.get("dest").filter(|_| dialect == Dialect::Threegpp) {
        dest.extend(sourced(target, &TARGET, DestSource::RequestUri, policy)?);
    }
    let time = time(required(request, "time")?, "time")?;
    let identities = match dialect {
        Dialect::Atis => identity(request, "identity")?.into_iter().collect(),
        Dialect::Threegpp => identity_headers(request)?,
    };
    let display_name = echo(request, "displayName")?;
    let mut call = call(from, Vec::new(), DestSource::To, time);
    call.dest = dest;
    let mut asked = Asked::Nothing;
    if dialect == Dialect::Threegpp {
        call.presentation.name = display_name.map(Box::from);
        (call.priority, asked) = protected(request)?;
    }
    Ok(VerificationFields {
        dialect,
        call,
        asked,
        identities,
        request_id: echo(request, "requestId")?,
    })
}

fn call(orig: Identity, dest: Vec<Identity>, source: DestSource, at: UnixTime) -> Call {
    Call {
        orig: Some(orig),
        orig_from: OrigSource::Given,
        dest: dest.into_iter().map(|called| (called, source)).collect(),
        date: DateHeader::At(at),
        presentation: Default::default(),
        priority: Default::default(),
        media_keys: None,
        reference: None,
    }
}

/// What is asked of a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    /// It must be right if it is there.
    BeRight,
    /// It must be there.
    BeThere,
}

/// How a member with called parties is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// An array.
    Array,
    /// An array or a single string: 3GPP has `to.tn` and `dest.tn` of a verification as a string.
    Either,
}

/// The names of a party in errors.
struct Names {
    whole: &'static str,
    tn: &'static str,
    uri: &'static str,
}

const ORIG: Names = Names {
    whole: "orig",
    tn: "orig.tn",
    uri: "orig.uri",
};
const DEST: Names = Names {
    whole: "dest",
    tn: "dest.tn",
    uri: "dest.uri",
};
const DIV: Names = Names {
    whole: "div",
    tn: "div.tn",
    uri: "div.uri",
};
const FROM: Names = Names {
    whole: "from",
    tn: "from.tn",
    uri: "from.uri",
};
const TO: Names = Names {
    whole: "to",
    tn: "to.tn",
    uri: "to.uri",
};
const TARGET: Names = Names {
    whole: "dest",
    tn: "dest.tn",
    uri: "dest.uri",
};

fn object_of<'a>(body: &'a Value<'a>, name: &'static str) -> Result<&'a Object<'a>, Defect> {
    let body = body
        .as_object()
        .ok_or(Defect::Unreadable("it is not a JSON object".into()))?;
    body.get(name)
        .ok_or(Defect::Missing(name))?
        .as_object()
        .ok_or(Defect::Invalid(name, "not an object"))
}

fn required<'a>(request: &'a Object<'a>, name: &'static str) -> Result<&'a Value<'a>, Defect> {
    request.get(name).ok_or(Defect::Missing(name))
}

fn time(value: &Value<'_>, name: &'static str) -> Result<UnixTime, Defect> {
    let seconds = value.as_i64().filter(|seconds| *seconds > 0);
    seconds
        .map(UnixTime::from_secs)
        .ok_or(Defect::Invalid(name, "not a positive integer"))
}

fn attestation(request: &Object<'_>, must: Must) -> Result<Option<Attestation>, Defect> {
    match (request.get("attest"), must) {
        (None, Must::BeThere) => Err(Defect::Missing("attest")),
        (None, Must::BeRight) => Ok(None),
        (Some(value), _) => match value.as_str() {
            Some("A") => Ok(Some(Attestation::A)),
            Some("B") => Ok(Some(Attestation::B)),
            Some("C") => Ok(Some(Attestation::C)),
            _ => Err(Defect::Invalid("attest", "not A, B or C")),
        },
    }
}

fn origid(request: &Object<'_>, must: Must) -> Result<Option<OrigId>, Defect> {
    match (request.get("origid"), must) {
        (None, Must::BeThere) => Err(Defect::Missing("origid")),
        (None, Must::BeRight) => Ok(None),
        (Some(value), _) => {
            let origid = value.as_str().and_then(|text| text.parse().ok());
            origid
                .map(Some)
                .ok_or(Defect::Invalid("origid", "not a UUID"))
        }
    }
}

/// What `ppt` and the members that go with it ask for.
fn wanted(
    request: &Object<'_>,
    dialect: Dialect,
    policy: IdentityPolicy,
) -> Result<Wanted, Defect> {
    match (request.get("ppt").map(Value::as_str), dialect) {
        (None, _) => Ok(Wanted::Any),
        (Some(Some("shaken")), _) => Ok(Wanted::Shaken),
        (Some(Some("rcd")), _) => Ok(Wanted::Rich),
        (Some(Some("div")), Dialect::Threegpp) => diversion(request, policy),
        (Some(Some("rph")), Dialect::Threegpp) => {
            let rph = required(request, "rph")?.as_object();
            let rph = rph.ok_or(Defect::Invalid("rph", "not an object"))?;
            let auth = rph.get("auth").ok_or(Defect::Missing("rph.auth"))?;
            let sph = match request.get("sph").map(Value::as_str) {
                None => None,
                Some(Some(PSAP_CALLBACK)) => Some(Sph::PsapCallback),
                Some(_) => return Err(Defect::Invalid("sph", "not psap-callback")),
            };
            Ok(Wanted::Rph(resource_values(auth)?, sph))
        }
        (Some(Some("div" | "rph")), Dialect::Atis) => {
            let why = "signed in the 3GPP dialect, which has the members that it takes";
            Err(Defect::Invalid("ppt", why))
        }
        (Some(_), Dialect::Atis) => Err(Defect::Invalid("ppt", "not shaken or rcd")),
        (Some(_), Dialect::Threegpp) => Err(Defect::Invalid("ppt", "not shaken, div, rph or rcd")),
    }
}

fn diversion(request: &Object<'_>, policy: IdentityPolicy) -> Result<Wanted, Defect> {
    let div = required(request, "div")?;
    let from = one_party(div, &DIV, Role::Dest, policy)?;
    let history = div.as_object().and_then(|div| div.get("hi"));
    let history = history.map(|hi| hi.as_str().unwrap_or_default());
    let div = Div::new(from, history);
    match history.is_some() && div.history.is_none() {
        true => Err(Defect::Invalid("div.hi", "not an index of History-Info")),
        false => Ok(Wanted::Div(Box::new(div))),
    }
}

fn resource_values(auth: &Value<'_>) -> Result<Vec<ResourceValue>, Defect> {
    let bad = Defect::Invalid("rph.auth", "not a list of values such as esnet.1");
    let values = auth.as_array().ok_or(bad.clone())?;
    if values.is_empty() || values.len() > MAX_RESOURCE_VALUES {
        return Err(bad);
    }
    let read = |value: &Value<'_>| value.as_str()?.parse().ok();
    let values: Option<Vec<_>> = values.iter().map(read).collect();
    values.ok_or(bad)
}

/// What the protected headers of a request say of its priority. Others prove nothing and are left
/// out; values that are none are told of.
fn protected(request: &Object<'_>) -> Result<(RequestedPriority, Asked), Defect> {
    let name = "protectedHeaders";
    let mut priority = RequestedPriority::default();
    let mut asked = Asked::Nothing;
    let Some(headers) = request.get(name) else {
        return Ok((priority, asked));
    };
    let headers = headers
        .as_array()
        .ok_or(Defect::Invalid(name, "not an array"))?;
    if headers.len() > MAX_PROTECTED {
        return Err(Defect::Invalid(name, "too many"));
    }
    for header in headers {
        let text = header.as_str();
        let text = text.ok_or(Defect::Invalid(name, "not all strings"))?;
        let Some((header, value)) = text.split_once(':') else {
            return Err(Defect::Invalid(name, "not a header"));
        };
        match header.trim() {
            header if header.eq_ignore_ascii_case("Resource-Priority") => {
                if asked == Asked::Nothing {
                    asked = Asked::Whole;
                }
                for one in value.split(',') {
                    match one.trim().parse() {
                        Ok(value) if priority.values.len() < MAX_RESOURCE_VALUES => {
                            priority.values.push(value);
                        }
                        _ => asked = Asked::Partly,
                    }
                }
            }
            header
                if header.eq_ignore_ascii_case("Priority")
                    && value.trim().eq_ignore_ascii_case(PSAP_CALLBACK) =>
            {
                priority.mark = PriorityMark::PsapCallback;
            }
            _ => {}
        }
    }
    Ok((priority, asked))
}

fn echo<'a>(request: &'a Object<'a>, name: &'static str) -> Result<Option<&'a str>, Defect> {
    let Some(value) = request.get(name) else {
        return Ok(None);
    };
    match value.as_str() {
        Some(text) if text.len() <= MAX_ECHO => Ok(Some(text)),
        Some(_) => Err(Defect::Invalid(name, "too long")),
        None => Err(Defect::Invalid(name, "not a string")),
    }
}

fn identity<'a>(request: &'a Object<'a>, name: &'static str) -> Result<Option<&'a str>, Defect> {
    match request.get(name) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(Defect::Invalid(name, "not a string")),
        },
    }
}

fn identity_headers<'a>(request: &'a Object<'a>) -> Result<Vec<&'a str>, Defect> {
    let name = "identityHeaders";
    let mut identities: Vec<_> = identity(request, "identityHeader")?.into_iter().collect();
    let Some(more) = request.get(name) else {
        return Ok(identities);
    };
    let more = more
        .as_array()
        .ok_or(Defect::Invalid(name, "not an array"))?;
    if more.len() > MAX_IDENTITIES {
        return Err(Defect::Invalid(name, "too many"));
    }
    for value in more {
        let text = value.as_str();
        identities.push(text.ok_or(Defect::Invalid(name, "not all strings"))?);
    }
    Ok(identities)
}

/// The one party that an object names.
fn one_party(
    value: &Value<'_>,
    names: &Names,
    role: Role,
    policy: IdentityPolicy,
) -> Result<Identity, Defect> {
    let party = value
        .as_object()
        .ok_or(Defect::Invalid(names.whole, "not an object"))?;
    match (party.get("tn"), party.get("uri")) {
        (Some(tn), None) => number(tn, names, policy),
        (None, Some(uri)) => address(uri, names, role, policy),
        (None, None) => Err(Defect::Missing(names.tn)),
        (Some(_), Some(_)) => Err(Defect::Invalid(names.whole, "tn and uri together")),
    }
}

fn sourced(
    value: &Value<'_>,
    names: &Names,
    source: DestSource,
    policy: IdentityPolicy,
) -> Result<Vec<(Identity, DestSource)>, Defect> {
    let parties = parties(value, names, Shape::Either, policy)?;
    Ok(parties.into_iter().map(|party| (party, source)).collect())
}

/// All parties that an object names, numbers first.
fn parties(
    value: &Value<'_>,
    names: &Names,
    shape: Shape,
    policy: IdentityPolicy,
) -> Result<Vec<Identity>, Defect> {
    let object = value
        .as_object()
        .ok_or(Defect::Invalid(names.whole, "not an object"))?;
    let (tn, uri) = (object.get("tn"), object.get("uri"));
    if tn.is_none() && uri.is_none() {
        return Err(Defect::Missing(names.tn));
    }
    let mut parties = Vec::with_capacity(1);
    for one in elements(tn, names.tn, shape)? {
        parties.push(number(one, names, policy)?);
    }
    for one in elements(uri, names.uri, shape)? {
        parties.push(address(one, names, Role::Dest, policy)?);
    }
    match parties.len() <= MAX_CALLED {
        true => Ok(parties),
        false => Err(Defect::Invalid(names.whole, "too many")),
    }
}

/// The elements of an array, or the single string in its place.
fn elements<'a>(
    value: Option<&'a Value<'a>>,
    name: &'static str,
    shape: Shape,
) -> Result<&'a [Value<'a>], Defect> {
    match value {
        None => Ok(&[]),
        Some(Value::Array(elements)) if elements.is_empty() => {
            Err(Defect::Invalid(name, "an empty array"))
        }
        Some(Value::Array(elements)) => Ok(elements),
        Some(one @ Value::String(_)) if shape == Shape::Either => Ok(std::slice::from_ref(one)),
        Some(_) => Err(Defect::Invalid(name, "not an array of strings")),
    }
}

fn number(value: &Value<'_>, names: &Names, policy: IdentityPolicy) -> Result<Identity, Defect> {
    let number = value
        .as_str()
        .and_then(|text| policy.plan.canonical(text).ok());
    number
        .map(Identity::Number)
        .ok_or(Defect::Invalid(names.tn, "not a telephone number"))
}

fn address(
    value: &Value<'_>,
    names: &Names,
    role: Role,
    policy: IdentityPolicy,
) -> Result<Identity, Defect> {
    let identity = value
        .as_str()
        .and_then(|text| Identity::from_uri(text, role, policy).ok());
    identity.ok_or(Defect::Invalid(names.uri, "not a SIP or tel URI"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::jose::json::parse;

    #[test]
    fn what_cannot_be_read_or_is_too_much_is_asked_all_the_same() {
        let many = format!("Resource-Priority: ets.0{}", ",ets.1".repeat(16));
        for (header, expected, count) in [
            ("Priority: normal", Asked::Nothing, 0),
            ("Resource-Priority: ets.0, wps.1", Asked::Whole, 2),
            ("Resource-Priority: ets.0, none", Asked::Partly, 1),
            ("Resource-Priority:", Asked::Partly, 0),
            (&many, Asked::Partly, 16),
        ] {
            let text = format!("{{\"protectedHeaders\":[\"{header}\"]}}");
            let value = parse(text.as_bytes()).unwrap();
            let (priority, asked) = protected(value.as_object().unwrap()).unwrap();
            assert_eq!(
                (asked, priority.values.len()),
                (expected, count),
                "{header}"
            );
        }
    }
}
