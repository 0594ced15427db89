//! What `sign` signs: numbers alone, or a SIP request, which leaves as it came but for the headers added.

use super::super::console::Console;
use super::super::input::{self, Input, Piped, Silence, shown};
use super::super::parties::Given;
use super::super::trouble::Trouble;
use super::kinds::Made;
use bytes::Bytes;
use countersign::call::Call;
use countersign::passport::{Extension, SignedPassport};
use countersign_sip::call::{self, CallPolicy};
use countersign_sip::header::sip_date_text;
use countersign_sip::identity_header;
use countersign_sip::message::{Framing, Message, Name};
use countersign_sip::patch::Patch;
use std::path::Path;

/// A PASSporT that the call has.
pub(super) struct Received {
    pub(super) passport: SignedPassport,
    /// The value of its Identity header: as it came, or as it would be for a token alone.
    pub(super) value: Box<str>,
}

impl Received {
    fn of_message(message: &Message) -> Vec<Self> {
        let lines = message.headers(Name::Identity);
        let all = lines.flat_map(|line| Self::in_line(line.value));
        all.take(identity_header::MAX_PRESENTED).collect()
    }

    fn in_line(line: &[u8]) -> Vec<Self> {
        identity_header::values(line).filter_map(Self::of).collect()
    }

    fn of(value: &[u8]) -> Option<Self> {
        let presented = identity_header::parse(value).ok()?;
        Some(Self {
            passport: SignedPassport::parse(&presented.token).ok()?,
            value: std::str::from_utf8(value).ok()?.into(),
        })
    }

    fn bare(token: &str) -> Option<Self> {
        let passport = SignedPassport::parse(token).ok()?;
        let header = passport.header();
        let info = header.x5u.as_deref().unwrap_or_default();
        let mut value = format!("{token};info=<{info}>;alg={}", header.alg);
        if let Some(ppt) = &header.ppt {
            value.push_str(";ppt=");
            value.push_str(ppt);
        }
        let value = value.into();
        Some(Self { passport, value })
    }
}

/// What is to be signed.
pub(super) enum Subject {
    /// The call that the flags describe.
    Numbers,
    /// The call of this request.
    Request(Box<Message>),
}

impl Subject {
    /// Reads the request from the file that was named, or from standard input if there is one.
    ///
    /// # Errors
    /// [`Trouble`] if what was given is no request, or there is nothing to sign.
    pub(super) fn read(
        file: Option<&Path>,
        given: &Given,
        console: &mut Console,
    ) -> Result<Self, Trouble> {
        if file.is_some() {
            return Self::of(&input::read(file)?, file);
        }
        let is_enough = given.orig.is_some() && !given.dest.is_empty();
        let piped = input::piped(|| {
            console.remark(match is_enough {
                true => "no SIP request came on standard input: --from and --to alone are signed (< /dev/null says so at once)",
                false => "waiting for a SIP request on standard input",
            });
            match is_enough {
                true => Silence::GiveUp,
                false => Silence::Wait,
            }
        });
        match piped? {
            Piped::Inputs(inputs) => Self::of(&inputs, None),
            Piped::Nothing | Piped::Silence if is_enough => Ok(Self::Numbers),
            Piped::Nothing | Piped::Silence => Err(Trouble::NoParties),
        }
    }

    fn of(inputs: &[Input], source: Option<&Path>) -> Result<Self, Trouble> {
        let not_a_request = || Trouble::NotARequest(input::named(source).map(Path::to_path_buf));
        let [Input::Message(bytes)] = inputs else {
            return Err(not_a_request());
        };
        let message = Message::parse(bytes.clone(), Framing::Datagram)
            .map_err(|cause| Trouble::NotSip(shown(source), cause))?;
        match message.method() {
            Some(_) => Ok(Self::Request(Box::new(message))),
            None => Err(not_a_request()),
        }
    }

    /// The call, as the flags and the request describe it.
    pub(super) fn call(&self, given: &Given, policy: CallPolicy) -> Call {
        match self {
            Self::Numbers => given.call(),
            Self::Request(message) => given.over(call::from_request(message, &policy)),
        }
    }

    /// The PASSporTs that the call has: of the file, else of the request. What cannot be read is left out.
    ///
    /// # Errors
    /// [`Trouble::Input`] if the file cannot be read.
    pub(super) fn received(&self, file: Option<&Path>) -> Result<Vec<Received>, Trouble> {
        let mut received = Vec::new();
        let inputs = file.map(|file| input::read(Some(file))).transpose()?;
        for input in inputs.unwrap_or_default() {
            match input {
                Input::Identity(line) => received.extend(Received::in_line(&line)),
                Input::Token(token) => received.extend(Received::bare(&token)),
                Input::Message(bytes) => {
                    let message = Message::parse(bytes, Framing::Datagram)
                        .map_err(|cause| Trouble::NotSip(shown(file), cause))?;
                    received.extend(Received::of_message(&message));
                }
            }
        }
        if let Self::Request(message) = self {
            received.extend(Received::of_message(message));
        }
        Ok(received)
    }

    /// The request with its new headers, if it is one. An Identity header that it has already stays: by RFC 8224 §9
    /// several may stand in one request.
    ///
    /// # Errors
    /// [`Trouble::Patch`]: a mistake of ours.
    pub(super) fn signed(
        &self,
        made: &[Made],
        console: &mut Console,
    ) -> Result<Option<Bytes>, Trouble> {
        let Self::Request(message) = self else {
            return Ok(None);
        };
        let adds_to_them = |one: &Made| {
            let extension = &one.passport.claims().extension;
            !matches!(extension, Extension::Div(_) | Extension::DivO(_))
        };
        if message.header(Name::Identity).is_some() && made.iter().any(adds_to_them) {
            console.warning(
                "the request has an Identity header already; it stays, and another is added",
            );
        }
        let mut patch = Patch::default();
        // RFC 8224 §6.1 Step 3: "An authentication service MUST add a Date header field to SIP requests that do not have one."
        if let Some(date) = made.iter().find_map(|one| one.add_date)
            && message.header(Name::Date).is_none()
        {
            patch.append_header(message, Name::Date.as_str(), sip_date_text(date).as_bytes());
        }
        for one in made {
            patch.append_header(message, Name::Identity.as_str(), one.identity.as_bytes());
        }
        patch.apply(message).map(Some).map_err(Trouble::Patch)
    }
}
