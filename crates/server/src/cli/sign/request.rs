//! What `sign` signs: numbers alone, or a SIP request, which leaves as it came but for the headers added.

use super::super::console::Console;
use super::super::input::{self, Input, Piped, Silence, shown};
use super::super::parties::Given;
use super::super::trouble::Trouble;
use bytes::Bytes;
use countersign::authentication::Authenticated;
use countersign::call::Call;
use countersign_sip::call::{self, CallPolicy};
use countersign_sip::header::sip_date_text;
use countersign_sip::message::{Framing, Message, Name};
use countersign_sip::patch::Patch;
use std::path::Path;

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

    /// The request with its new headers, if it is one. An Identity header that it has already stays: by RFC 8224 §9
    /// several may stand in one request.
    ///
    /// # Errors
    /// [`Trouble::Patch`]: a mistake of ours.
    pub(super) fn signed(
        &self,
        authenticated: &Authenticated,
        console: &mut Console,
    ) -> Result<Option<Bytes>, Trouble> {
        let Self::Request(message) = self else {
            return Ok(None);
        };
        if message.header(Name::Identity).is_some() {
            console.warning(
                "the request has an Identity header already; it stays, and another is added",
            );
        }
        let mut patch = Patch::default();
        // RFC 8224 §6.1 Step 3: "An authentication service MUST add a Date header field to SIP requests that do not have one."
        if let Some(date) = authenticated.add_date
            && message.header(Name::Date).is_none()
        {
            patch.append_header(message, Name::Date.as_str(), sip_date_text(date).as_bytes());
        }
        patch.append_header(
            message,
            Name::Identity.as_str(),
            authenticated.identity.as_bytes(),
        );
        patch.apply(message).map(Some).map_err(Trouble::Patch)
    }
}
