//! The copy of a request that a proxy sends on: RFC 3261 §16.4 and §16.6, with what signing and judging add.
//!
//! Everything that is not edited leaves byte for byte as it came. The [`Copy`] is made once for a request; each branch puts its own
//! Via on top.

pub(crate) mod priority;

use crate::call_info::{self, DisplayName, Passage};
use crate::caller_name;
use crate::flow::Transport;
use crate::header::sip_date_text;
use crate::identity_header;
use crate::message::{Message, Name, written_values};
use crate::patch::{Patch, PatchError};
use crate::privacy::{self, Wish};
use crate::retarget::Diversion;
use crate::trunk::{BypassCause, ExistingIdentity, NextHopTrust, OurNames, SentBy, Trunk};
use crate::uri::Uri;
use crate::verstat;
use crate::verstat::Asserted;
use bytes::{BufMut, Bytes, BytesMut};
use countersign::time::UnixTime;
use countersign::verification::{Consequences, ProvenCaller};

/// RFC 3261 §18.1.1: "If a request is within 200 bytes of the path MTU, or if it is larger than 1300 bytes and the path MTU is unknown,
/// the request MUST be sent using an RFC 2914 [43] congestion controlled transport protocol, such as TCP."
pub(crate) const MAX_UDP_REQUEST: usize = 1300;

/// RFC 3261 §16.6: "If the copy does not contain a Max-Forwards header field, the proxy MUST add one with a field value, which SHOULD be 70."
const MAX_FORWARDS: &str = "70";

/// What signing and judging add to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Additions {
    /// The values of our Identity headers.
    pub(crate) identities: Vec<Box<str>>,
    /// What takes the place of ours if the next hop cannot rebuild what they leave out.
    pub(crate) full: Option<Box<str>>,
    /// What becomes of those that are there.
    pub(crate) originals: Originals,
    /// That the call goes somewhere else, until it is signed.
    pub(crate) diversion: Option<Box<Diversion>>,
    /// The Request-URI, if we send the call somewhere else.
    pub(crate) request_uri: Option<Box<[u8]>>,
    /// The Date header that our signature speaks of, where there was none.
    pub(crate) date: Option<UnixTime>,
    /// The verdict, as `verstat` writes it.
    pub(crate) verstat: Option<String>,
    /// What follows from the verification beyond the verdict.
    pub(crate) consequences: Option<Box<Consequences>>,
    /// What priority it has by what it is.
    pub(crate) urgency: Urgency,
    /// How our service failed the call, if it did.
    pub(crate) bypass: Option<BypassCause>,
}

/// What priority a call has by what it is, whoever signed for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It goes to emergency services.
    Emergency,
    /// It is marked as a call-back, and its caller is on the list of those who may.
    ListedCallback,
    /// None.
    #[default]
    Ordinary,
}

/// What becomes of the Identity headers that a request has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Originals {
    /// What the trunk says.
    #[default]
    AsConfigured,
    /// They stay: ours refer to them.
    Kept,
}

impl Additions {
    /// What may be shown of the caller.
    pub(crate) fn proven_caller(&self) -> Option<&ProvenCaller> {
        self.consequences.as_ref()?.caller.as_deref()
    }

    /// The same with whole PASSporTs, if these are not.
    pub(crate) fn in_full(&self) -> Option<Self> {
        let full = self.full.clone()?;
        Some(Self {
            identities: vec![full],
            full: None,
            ..self.clone()
        })
    }

    /// The header that says that the call was failed, and its value.
    pub(crate) fn bypass<'a>(&self, trunk: &'a Trunk) -> Option<(&'a str, &'a str)> {
        let bypass = trunk.bypass.as_ref()?;
        let covered = bypass.covers(self.bypass?);
        covered.then_some((&*bypass.header, &*bypass.token))
    }
}

/// A request as it is sent on, but for our Via.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    bytes: Bytes,
    /// Where the header lines begin.
    headers: usize,
}

impl Copy {
    /// Makes the copy.
    ///
    /// # Errors
    /// [`PatchError`]: a mistake of ours.
    pub(crate) fn of(
        request: &Message,
        trunk: &Trunk,
        additions: &Additions,
        names: &OurNames,
    ) -> Result<Self, PatchError> {
        let mut patch = Patch::default();
        route(request, names, &mut patch);
        target(request, additions, &mut patch);
        added(request, trunk, additions, &mut patch);
        Self::written(patch.apply(request)?)
    }

    /// The copy that was written already, from its start line to the end of its body.
    ///
    /// # Errors
    /// [`PatchError::NotThere`]: it has no start line.
    pub(crate) fn written(bytes: Bytes) -> Result<Self, PatchError> {
        let line_end = memchr::memchr(b'\n', &bytes).ok_or(PatchError::NotThere)?;
        Ok(Self {
            bytes,
            headers: line_end + 1,
        })
    }

    /// As it is, without a Via of ours.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many bytes it holds.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The Request-URI that it goes out with.
    pub(crate) fn request_uri(&self) -> Option<&[u8]> {
        let line = self.bytes.get(..self.headers)?;
        let (method, version) = (memchr::memchr(b' ', line)?, memchr::memrchr(b' ', line)?);
        line.get(method + 1..version)
    }

    /// The values of its header lines of this name, in their order.
    pub(crate) fn values(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        written_values(&self.bytes, self.headers, name)
    }

    /// The copy with a Via of ours on top.
    // RFC 3261 §16.6: "The proxy MUST insert a Via header field value into the copy before the existing Via header field values."
    pub(crate) fn with_via(&self, transport: Transport, sent_by: &SentBy, branch: &str) -> Bytes {
        self.with_via_and(transport, sent_by, branch, "")
    }

    /// The copy with a Via of ours on top, and these lines after it.
    pub(crate) fn with_via_and(
        &self,
        transport: Transport,
        sent_by: &SentBy,
        branch: &str,
        lines: &str,
    ) -> Bytes {
        // RFC 3581 §3: "A client, compliant to this specification (clients include UACs and proxies), MAY include an "rport" parameter in
        // the top Via header field value of requests it generates."
        // RFC 5923 §8.1: "The "alias" header field parameter is included in a Via header field value to indicate that the client wants to
        // create a transport layer alias." For TLS only: without it nobody has proven who they are.
        let asked = match transport {
            Transport::Tcp => "",
            Transport::Tls => ";alias",
            Transport::Udp => ";rport",
        };
        let sent_by = sent_by.as_str();
        let via = ["Via: SIP/2.0/", transport.as_str(), " ", sent_by, asked];
        let via = via.into_iter().chain([";branch=", branch, "\r\n", lines]);
        let added: usize = via.clone().map(str::len).sum();
        let mut bytes = BytesMut::with_capacity(self.bytes.len() + added);
        bytes.put_slice(self.bytes.get(..self.headers).unwrap_or_default());
        via.for_each(|part| bytes.put_slice(part.as_bytes()));
        bytes.put_slice(self.bytes.get(self.headers..).unwrap_or_default());
        bytes.freeze()
    }
}

/// What changes in every request of a trunk's peer, whoever sends it on.
pub(crate) fn added(request: &Message, trunk: &Trunk, additions: &Additions, patch: &mut Patch) {
    said(request, trunk, additions, patch);
    carried(request, patch);
}

/// What of it is about the call, and not about its way.
pub(crate) fn said(request: &Message, trunk: &Trunk, additions: &Additions, patch: &mut Patch) {
    caller(request, trunk, additions, patch);
    priority::write(request, trunk, additions, patch);
    question(request, trunk, patch);
    bypass(request, trunk, additions, patch);
    signature(request, trunk, additions, patch);
}

/// What changes in a request that goes back to a trunk's peer: nobody there has judged anything, or was failed by our service.
// RFC 3325 §5: "If the proxy received the message from an element that it does not trust and there is a P-Asserted-Identity header
// present which contains a SIP or SIPS URI, the proxy MUST replace that SIP or SIPS URI with a single SIP or SIPS URI or remove this
// header field."
pub(crate) fn returned(request: &Message, trunk: &Trunk, patch: &mut Patch) {
    let asserted = match trunk.next_hop_trust {
        NextHopTrust::Inside => Asserted::Kept,
        NextHopTrust::Outside => Asserted::Removed,
    };
    call_info::strip(request, patch, trunk.call_info_returned());
    verstat::strip(request, patch, asserted);
    if let Some(bypass) = &trunk.bypass {
        without(request, &bypass.header, patch);
    }
    carried(request, patch);
}

/// What changes in every request, whoever sends it on.
pub(crate) fn carried(request: &Message, patch: &mut Patch) {
    max_forwards(request, patch);
    content_length(request, patch);
}

/// What becomes of Route.
enum Routing<'a> {
    /// It stays.
    Kept,
    /// Its first value, which is ours, goes.
    OursRemoved,
    /// Its first two values, which are ours, go: the two sides of us, that we wrote into Record-Route.
    BothRemoved { rest: Vec<&'a [u8]> },
    /// A strict router comes next: its URI takes the place of the Request-URI.
    Strict { next: &'a [u8], rest: Vec<&'a [u8]> },
}

impl<'a> Routing<'a> {
    /// RFC 3261 §16.4 and §16.6 step 6.
    ///
    /// Where the request goes is not taken from Route: next hops are configured, and are loose routers.
    fn of(request: &'a Message, names: &OurNames) -> Self {
        let mut routes = request.addresses(Name::Route).peekable();
        // RFC 3261 §16.4: "If the first value in the Route header field indicates this proxy, the proxy MUST remove that value from
        // the request."
        let is_ours = match routes.peek() {
            Some(Some(first)) => names_us(first.uri, names),
            _ => false,
        };
        if is_ours {
            routes.next();
        }
        // RFC 5658 §5: a proxy that wrote two values finds both of them in the Route of what comes later.
        let is_both = match routes.peek() {
            Some(Some(second)) => is_ours && names_us(second.uri, names),
            _ => false,
        };
        if is_both {
            routes.next();
        }
        match routes.next() {
            Some(Some(next)) if is_strict(next.uri) => Self::Strict {
                next: next.uri,
                rest: routes.flatten().map(|route| route.raw).collect(),
            },
            next if is_both => Self::BothRemoved {
                rest: next
                    .into_iter()
                    .chain(routes)
                    .flatten()
                    .map(|route| route.raw)
                    .collect(),
            },
            _ if is_ours => Self::OursRemoved,
            _ => Self::Kept,
        }
    }
}

/// Whether a request leaves with the Request-URI that it came with.
pub(crate) fn keeps_request_uri(request: &Message, names: &OurNames) -> bool {
    !matches!(Routing::of(request, names), Routing::Strict { .. })
}

/// Where a call goes that we send somewhere else. To stays as it is.
// RFC 8946 §1: "The address in the To header field value of SIP requests is not supposed to change, according to baseline SIP behavior
// [RFC3261]; instead, it is the Request-URI that is supposed to be updated when a call is retargeted."
pub(crate) fn target(request: &Message, additions: &Additions, patch: &mut Patch) {
    if let Some(uri) = &additions.request_uri {
        patch.replace_request_uri(request, uri);
    }
}

pub(crate) fn route(request: &Message, names: &OurNames, patch: &mut Patch) {
    match Routing::of(request, names) {
        Routing::Kept => {}
        Routing::BothRemoved { rest } => {
            if let (false, Some(line)) = (rest.is_empty(), request.headers(Name::Route).next()) {
                let value = rest.join(&b", "[..]);
                patch.insert_after_line(request, line.index, Name::Route.as_str(), &value);
            }
            patch.remove_headers(request, Name::Route);
        }
        Routing::OursRemoved => patch.remove_first_element(request, Name::Route),
        Routing::Strict { next, rest } => pop_strict(request, next, rest, patch),
    }
}

fn names_us(uri: &[u8], names: &OurNames) -> bool {
    matches!(Uri::parse(uri), Ok(Uri::Sip(uri)) if names.include(uri.host, uri.port))
}

/// Whether a Route value is that of a strict router: RFC 3261 §16.6: "If that URI does not contain an lr parameter".
pub(crate) fn is_strict(uri: &[u8]) -> bool {
    match Uri::parse(uri) {
        Ok(Uri::Sip(uri)) => crate::grammar::Parameters::of(uri.parameters)
            .get("lr")
            .is_none(),
        _ => false,
    }
}

// RFC 3261 §16.6: "The proxy MUST place the Request-URI into the Route header field as the last value." and "The proxy MUST then place the
// first Route header field value into the Request-URI and remove that value from the Route header field."
fn pop_strict(request: &Message, next: &[u8], rest: Vec<&[u8]>, patch: &mut Patch) {
    let last = [b"<", request.request_uri().unwrap_or_default(), b">"].concat();
    let mut routes = rest;
    routes.push(&last);
    if let Some(line) = request.headers(Name::Route).next() {
        let value = routes.join(&b", "[..]);
        patch.insert_after_line(request, line.index, Name::Route.as_str(), &value);
    }
    patch.remove_headers(request, Name::Route);
    patch.replace_request_uri(request, next);
}

// RFC 3261 §16.6: "If the copy contains a Max-Forwards header field, the proxy MUST decrement its value by one (1)."
fn max_forwards(request: &Message, patch: &mut Patch) {
    match (
        request.headers(Name::MaxForwards).next(),
        request.max_forwards(),
    ) {
        (Some(line), Ok(Some(hops))) => {
            let left = hops.saturating_sub(1).to_string();
            patch.replace_value(request, line.index, left.as_bytes());
        }
        _ => patch.prepend_header(request, Name::MaxForwards.as_str(), MAX_FORWARDS.as_bytes()),
    }
}

/// What the request says about its caller beyond From: nothing that the sender may not say, and our verdict.
fn caller(request: &Message, trunk: &Trunk, additions: &Additions, patch: &mut Patch) {
    // RFC 3325 §7: "If this token is present, proxies MUST remove all the P-Asserted-Identity header fields before forwarding messages to
    // elements that are not trusted." The verdict goes with them: it has no other place.
    //
    // RFC 7852 §10: "Data protection regulation worldwide has, however, decided to create exceptions for emergency services since the
    // drawbacks of disclosing personal data are outweighed by the benefit for the emergency caller." Who answers there has to call back.
    let is_emergency = additions.urgency == Urgency::Emergency;
    let withholds = trunk.next_hop_trust == NextHopTrust::Outside && !is_emergency;
    if withholds && privacy::wish(request) == Wish::Withheld {
        call_info::strip(request, patch, Passage::Removed);
        return verstat::strip(request, patch, Asserted::Removed);
    }
    shown(request, trunk, additions, patch);
    match (&additions.verstat, trunk.asserted()) {
        (Some(text), asserted) => {
            verstat::tag(request, patch, text, asserted, trunk.call.identity);
        }
        // What was not judged here must not look as if it had been: not an emergency call, and not a request inside a dialog, which
        // anybody can pretend to send.
        (None, Asserted::Kept) if trunk.verifies() => {
            verstat::strip(request, patch, Asserted::Kept);
        }
        (None, Asserted::Removed) => verstat::strip(request, patch, Asserted::Removed),
        (None, Asserted::Kept) => {}
    }
}

/// How the caller is shown: as it was proven, or as its sender says, if that may be said.
fn shown(request: &Message, trunk: &Trunk, additions: &Additions, patch: &mut Patch) {
    let Some(proven) = additions.proven_caller() else {
        return call_info::strip(request, patch, trunk.call_info());
    };
    // RFC 9796 §4: "the receiving party should not be required to make any call-specific decisions based on redundant, duplicate, or
    // conflicting RCD."
    call_info::strip(request, patch, Passage::Removed);
    let asserted = (trunk.asserted(), trunk.call.identity);
    let name = proven.name.as_deref().map_or(DisplayName::Other, |name| {
        caller_name::write(request, patch, name, trunk.caller_name, asserted)
    });
    for value in call_info::proven(proven, name) {
        patch.append_header(request, Name::CallInfo.as_str(), &value);
    }
}

/// What the request asked of us it does not ask of the next element.
fn question(request: &Message, trunk: &Trunk, patch: &mut Patch) {
    if let Some(header) = &trunk.attestation_header {
        without(request, header, patch);
    }
}

fn without(request: &Message, header: &str, patch: &mut Patch) {
    for line in request.headers_named(header) {
        patch.remove_header(request, line.index);
    }
}

/// That our service failed the call is said by us and by nobody else.
fn bypass(request: &Message, trunk: &Trunk, additions: &Additions, patch: &mut Patch) {
    let Some(bypass) = &trunk.bypass else {
        return;
    };
    let asked = trunk.attestation_header.as_deref();
    let is_gone = asked.is_some_and(|name| name.eq_ignore_ascii_case(&bypass.header));
    if !is_gone {
        without(request, &bypass.header, patch);
    }
    if let Some((header, token)) = additions.bypass(trunk) {
        patch.append_header(request, header, token.as_bytes());
    }
}

/// What is signed, and what becomes of what others have signed.
pub(crate) fn signature(
    request: &Message,
    trunk: &Trunk,
    additions: &Additions,
    patch: &mut Patch,
) {
    if additions.identities.is_empty() {
        return;
    }
    // RFC 8946 §4.1: "As the authentication service will be adding a new PASSporT that refers to an original, it MUST NOT remove the
    // original request's Identity header field value before forwarding."
    let replaces = trunk.existing_identity == ExistingIdentity::Replace
        && additions.originals == Originals::AsConfigured;
    for line in request.headers(Name::Identity) {
        // An empty one asked for ours. Left there, it would be a bad one to whoever does not know that.
        if replaces || identity_header::values(line.value).next().is_none() {
            patch.remove_header(request, line.index);
        }
    }
    // RFC 8224 §6.1: "An authentication service MUST add a Date header field to SIP requests that do not have one."
    if let Some(date) = additions.date
        && request.header(Name::Date).is_none()
    {
        patch.append_header(request, Name::Date.as_str(), sip_date_text(date).as_bytes());
    }
    for identity in &additions.identities {
        patch.append_header(request, Name::Identity.as_str(), identity.as_bytes());
    }
}

// RFC 3261 §16.6: "If the request will be sent to the next hop using a stream-based transport and the copy contains no Content-Length header
// field, the proxy MUST insert one with the correct value for the body of the request (see Section 20.14)." A request may change to TCP for
// its size, so it is inserted always.
fn content_length(request: &Message, patch: &mut Patch) {
    if request.header(Name::ContentLength).is_none() {
        let length = request.body().len().to_string();
        patch.append_header(request, Name::ContentLength.as_str(), length.as_bytes());
    }
}

#[cfg(test)]
mod tests;
