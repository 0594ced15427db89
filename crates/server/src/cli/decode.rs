//! `countersign decode`: takes a SIP message, Identity headers or tokens apart. Nothing is fetched, nothing is believed.

use super::Outcome;
use super::console::{Console, Tone};
use super::input::{self, Input};
use clap::Args;
use countersign::identity::IdentityPolicy;
use countersign::jose::jws::CompactJws;
use countersign::jose::{base64url, json};
use countersign::passport::{CompactPassport, IatForm, PassportError, Presented, SignedPassport};
use countersign::time::UnixTime;
use countersign::verification::Malformed;
use countersign_sip::call::{self, CallPolicy};
use countersign_sip::identity_header;
use countersign_sip::message::{Framing, Message};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Flags of `decode`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign decode invite.sip\n  pbpaste | countersign decode -\n  \
    countersign sign --from 12025550100 --to 12025550101 | countersign decode --json"
)]
pub(super) struct Arguments {
    /// A file with a SIP message, Identity headers or tokens; `-` or nothing: standard input
    file: Option<PathBuf>,
    /// One JSON object per input
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let inputs = match input::read(arguments.file.as_deref()) {
        Ok(inputs) => inputs,
        Err(error) => {
            console.error(error);
            return Outcome::Unable;
        }
    };
    let mut outcome = Outcome::Done;
    for input in &inputs {
        let taken_apart = take_apart(input);
        if taken_apart["error"].is_string() || has_bad_passport(&taken_apart) {
            outcome = Outcome::Failed;
        }
        if arguments.json {
            console.line(&taken_apart);
        } else {
            print(&taken_apart, console);
        }
    }
    outcome
}

fn has_bad_passport(taken_apart: &Value) -> bool {
    let passports = taken_apart["passports"].as_array();
    passports.is_some_and(|all| all.iter().any(|passport| passport["error"].is_string()))
}

fn take_apart(input: &Input) -> Value {
    match input {
        Input::Identity(value) => {
            let passports: Vec<_> = identity_header::values(value)
                .map(|one| passport(&identity_header::parse(one)))
                .collect();
            json!({ "input": "identity", "passports": passports })
        }
        Input::Token(token) => {
            json!({ "input": "token", "passports": [passport(&Ok(Presented::bare(token.as_str())))] })
        }
        Input::Message(bytes) => match Message::parse(bytes.clone(), Framing::Datagram) {
            Err(error) => json!({ "input": "message", "error": error.to_string() }),
            Ok(message) => message_apart(&message),
        },
    }
}

fn message_apart(message: &Message) -> Value {
    let policy = CallPolicy {
        identity: IdentityPolicy::default(),
        ..CallPolicy::default()
    };
    let call = call::from_request(message, &policy);
    let dest: Vec<_> = call.dest.iter().map(|(identity, from)| json!({ "identity": identity.to_string(), "from": format!("{from:?}") })).collect();
    let passports: Vec<_> = identity_header::presented(message)
        .iter()
        .map(passport)
        .collect();
    json!({
        "input": "message",
        "start_line": String::from_utf8_lossy(message.bytes().split(|&byte| byte == b'\r').next().unwrap_or_default()),
        "orig": call.orig.as_ref().map(ToString::to_string),
        "orig_from": format!("{:?}", call.orig_from),
        "dest": dest,
        "date": format!("{:?}", call.date),
        "passports": passports,
    })
}

fn passport(presented: &Result<Presented, Malformed>) -> Value {
    let presented = match presented {
        Ok(presented) => presented,
        Err(malformed) => return json!({ "error": malformed.fault().sentence() }),
    };
    let mut apart = json!({
        "token": &*presented.token,
        "parameters": { "info": presented.info, "alg": presented.alg, "ppt": presented.ppt },
    });
    if CompactPassport::recognise(&presented.token) {
        apart["form"] = "compact".into();
        if let Err(error) = CompactPassport::parse(&presented.token) {
            apart["error"] = error.to_string().into();
        }
        return apart;
    }
    apart["form"] = "full".into();
    if let Ok(jws) = CompactJws::split(&presented.token) {
        apart["header"] = part(jws.header_part());
        apart["claims"] = part(jws.payload_part());
    }
    match open(&presented.token) {
        Ok(signed) => apart["canonical"] = signed.is_canonical().into(),
        Err(error) => apart["error"] = error.to_string().into(),
    }
    apart
}

/// String `iat` is read, too: decode shows what is there, and several RFC samples have one.
fn open(token: &str) -> Result<SignedPassport, PassportError> {
    SignedPassport::parse_with(token, IatForm::IntegerOrString)
}

/// One part of a token: its JSON if it is any, else its text, else null.
fn part(text: &str) -> Value {
    let Ok(bytes) = base64url::decode(text) else {
        return Value::Null;
    };
    match json::parse(&bytes) {
        Ok(_) => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        Err(_) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

fn print(apart: &Value, console: &mut Console) {
    if let Some(start_line) = apart["start_line"].as_str() {
        console.line(start_line);
        console.line(format_args!(
            "  orig   {} ({})",
            shown(&apart["orig"]),
            shown(&apart["orig_from"])
        ));
        for dest in apart["dest"].as_array().into_iter().flatten() {
            console.line(format_args!(
                "  dest   {} ({})",
                shown(&dest["identity"]),
                shown(&dest["from"])
            ));
        }
        console.line(format_args!("  date   {}", shown(&apart["date"])));
    }
    if let Some(error) = apart["error"].as_str() {
        let painted = console.paint(Tone::Bad, error);
        console.line(format_args!("not a SIP message: {painted}"));
    }
    let passports = apart["passports"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if passports.is_empty() && apart["start_line"].is_string() {
        console.line("  no Identity header");
    }
    for (index, passport) in passports.iter().enumerate() {
        print_passport(index + 1, passport, console);
    }
}

fn print_passport(number: usize, passport: &Value, console: &mut Console) {
    let form = passport["form"].as_str().unwrap_or("malformed");
    console.line(format_args!("PASSporT {number} ({form} form)"));
    for (title, section) in [
        ("parameters", "parameters"),
        ("header", "header"),
        ("claims", "claims"),
    ] {
        match &passport[section] {
            Value::Null => {}
            Value::Object(members) => {
                console.line(format_args!("  {title}"));
                for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                    console.line(format_args!(
                        "    {name:<8} {}{}",
                        shown(value),
                        note(name, value)
                    ));
                }
            }
            other => console.line(format_args!("  {title}     {}", shown(other))),
        }
    }
    if passport["canonical"] == Value::Bool(false) {
        let text = console.paint(Tone::Unsure, "serialized otherwise than RFC 8225 §9 says");
        console.line(format_args!("  note       {text}"));
    }
    if let Some(error) = passport["error"].as_str() {
        let text = console.paint(Tone::Bad, error);
        console.line(format_args!("  error      {text}"));
    }
    console.line(console.paint(
        Tone::Faint,
        "  nothing here was verified; see `countersign verify`",
    ));
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text
            .chars()
            .map(|character| {
                if character.is_control() {
                    '\u{fffd}'
                } else {
                    character
                }
            })
            .collect(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

fn note(name: &str, value: &Value) -> String {
    match (name, value.as_i64()) {
        ("iat", Some(seconds)) => format!("  {}", UnixTime::from_secs(seconds)),
        _ => String::new(),
    }
}
