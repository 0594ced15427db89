//! The call whose answer `verify` judges: what was sent, out of a file.

use super::super::input::{self, Input};
use super::super::parties::Given;
use super::super::trouble::Trouble;
use countersign::call::DestSource;
use countersign::identity::Identity;
use countersign::passport::SignedPassport;
use countersign::verification::Purpose;
use countersign::verification::answer::Dialled;
use countersign_sip::call::{self, CallPolicy};
use countersign_sip::identity_header;
use countersign_sip::message::{Framing, Message};
use std::path::Path;

/// The call of the request in this file; headers and tokens are taken for those of one request. It was sent when it was signed.
///
/// # Errors
/// [`Trouble`] if the file cannot be read, or nothing in it speaks for a caller.
pub(super) fn dialled(file: &Path, given: &Given, policy: &CallPolicy) -> Result<Dialled, Trouble> {
    let mut called = given.dest.first().cloned();
    let mut sent_with = Vec::new();
    for input in input::read(Some(file))? {
        match input {
            Input::Identity(line) => sent_with.extend(passports(&line)),
            Input::Token(token) => sent_with.extend(SignedPassport::parse(&token)),
            Input::Message(bytes) => {
                let message = Message::parse(bytes, Framing::Datagram)
                    .map_err(|cause| Trouble::NotSip(file.to_path_buf(), cause))?;
                let presented = identity_header::presented(&message).into_iter().flatten();
                sent_with.extend(presented.flat_map(|one| SignedPassport::parse(&one.token)));
                called = called.or_else(|| target(&message, policy));
            }
        }
    }
    let nobody = || Trouble::NobodyCalls(file.to_path_buf());
    let speaks = |one: &&SignedPassport| Purpose::of(one.claims()) == Purpose::Caller;
    let claims = sent_with.iter().find(speaks).ok_or_else(nobody)?.claims();
    let called = called.or_else(|| claims.dest.iter().next());
    let (called, sent) = (called.ok_or_else(nobody)?, claims.iat);
    Dialled::of(sent_with, called, sent).ok_or_else(nobody)
}

fn passports(line: &[u8]) -> impl Iterator<Item = SignedPassport> {
    let presented = identity_header::values(line).flat_map(identity_header::parse);
    presented.flat_map(|one| SignedPassport::parse(&one.token))
}

/// Whom the request was sent to.
fn target(request: &Message, policy: &CallPolicy) -> Option<Identity> {
    let dest = call::from_request(request, policy).dest;
    let of = |source| dest.iter().find(move |(_, from)| *from == source);
    let (identity, _) = of(DestSource::RequestUri).or_else(|| of(DestSource::To))?;
    Some(identity.clone())
}
