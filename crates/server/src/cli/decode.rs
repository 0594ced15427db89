//! `countersign decode`: takes a SIP message, Identity headers or tokens apart. Nothing is fetched, nothing is believed.
//!
//! What cannot be read is shown as far as it can be, with what is wrong with it beside it. What a phone would show of rich call data is
//! [`display`]; what a kind and its media keys mean is [`meaning`].

mod display;
mod meaning;

use self::display::Display;
use super::Outcome;
use super::columns::lines;
use super::console::{Console, Tone, visible};
use super::input::{self, Input};
use clap::Args;
use countersign::call::{DateHeader, DestSource, OrigSource};
use countersign::jose::json::{self, Object};
use countersign::jose::{base64url, jws::CompactJws};
use countersign::passport::{CompactPassport, IatForm, Presented, SignedPassport};
use countersign::time::UnixTime;
use countersign::verification::Malformed;
use countersign_sip::call::{self, CallPolicy};
use countersign_sip::identity_header;
use countersign_sip::message::{Framing, Message};
use countersign_sip::sdp;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Columns of a word in front of its line.
const WORD: usize = 12;

/// Flags of `decode`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign decode invite.sip
  countersign sign --from 12025550100 --to 12025550101 | countersign decode --json
  countersign decode --picture logo.png branded.sip
  countersign decode answer.sip

Input: a whole SIP message, Identity headers (with or without the name) or bare tokens, one a line. Every type of PASSporT is taken apart; of \
rich call data it is shown what a phone would show (\"display\" in JSON), of an answer (ppt rsp) who says to have been reached, and media \
keys beside those of the SDP. Nothing is fetched: what is elsewhere is told by its URL.

Exit code: 0 everything could be read, 1 something could not, or has no picture (it says what), 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// A file with a SIP message, Identity headers or tokens; `-` or nothing: standard input
    file: Option<PathBuf>,
    /// One JSON object per input, one a line
    #[arg(long)]
    json: bool,
    /// Write the first picture that is in a token to this file (PNG or JPEG)
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    input::announce(arguments.file.as_deref(), console);
    let inputs = match input::read(arguments.file.as_deref()) {
        Ok(inputs) => inputs,
        Err(error) => {
            console.error(error);
            return Outcome::Unable;
        }
    };
    let mut outcome = Outcome::Done;
    let apart: Vec<_> = inputs.iter().map(Apart::of).collect();
    for (index, apart) in apart.iter().enumerate() {
        if !apart.is_whole() {
            outcome = Outcome::Failed;
        }
        if arguments.json {
            // Strings, numbers and lists: nothing that JSON could not hold.
            console.line(serde_json::to_string(apart).unwrap_or_default());
        } else {
            input::title((index + 1, inputs.len()), console);
            print(apart, console);
        }
    }
    if !arguments.json {
        let note = "nothing of this was verified; `countersign verify` does that";
        console.line("");
        console.line(console.paint(Tone::Faint, note));
    }
    match &arguments.picture {
        Some(file) => outcome.or_worse(write_picture(&apart, file, console)),
        None => outcome,
    }
}

/// Writes the first picture that is in any of the tokens.
fn write_picture(apart: &[Apart], file: &Path, console: &mut Console) -> Outcome {
    let displays = || {
        let tokens = apart.iter().flat_map(|apart| &apart.passports);
        tokens.filter_map(|token| token.display.as_ref())
    };
    let Some(picture) = displays().find_map(Display::picture) else {
        let why = displays().find_map(Display::without_picture);
        let why = why.unwrap_or_else(|| "no PASSporT has one".to_owned());
        console.error(format_args!("no picture for {}: {why}", file.display()));
        return Outcome::Failed;
    };
    match std::fs::write(file, picture) {
        Ok(()) => Outcome::Done,
        Err(error) => {
            console.error(format_args!("{}: {error}", file.display()));
            Outcome::Unable
        }
    }
}

/// One input, taken apart.
#[derive(Debug, Default, Serialize)]
struct Apart {
    input: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    signalling: Option<Signalling>,
    passports: Vec<Token>,
}

/// What a SIP message says about its call, read with the defaults of a trunk.
#[derive(Debug, Serialize)]
struct Signalling {
    start_line: String,
    orig: Option<String>,
    orig_from: &'static str,
    dest: Vec<Called>,
    date: Option<String>,
    /// The fingerprints of its SDP, where it has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_keys: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct Called {
    identity: String,
    from: &'static str,
}

/// One PASSporT, taken apart.
#[derive(Debug, Default, Serialize)]
struct Token {
    token: String,
    form: Option<&'static str>,
    parameters: Parameters,
    header: Value,
    claims: Value,
    /// Bytes of the signature.
    signature: Option<usize>,
    /// Whether it is written as RFC 8225 §9 says.
    canonical: Option<bool>,
    /// What its kind means, where that is not who calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
    /// The fingerprints that it has, where it has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_keys: Option<Vec<String>>,
    /// What a phone would show, where it says more than numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<Display>,
    /// The PASSporT inside of one whose type is `div-o`.
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<Box<Token>>,
    error: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Parameters {
    info: Option<Box<str>>,
    alg: Option<Box<str>>,
    ppt: Option<Box<str>>,
}

impl Apart {
    fn of(input: &Input) -> Self {
        match input {
            Input::Identity(value) => {
                let values = identity_header::values(value).map(identity_header::parse);
                Self {
                    input: "identity",
                    passports: values.map(Token::of).collect(),
                    ..Self::default()
                }
            }
            Input::Token(token) => Self {
                input: "token",
                passports: vec![Token::of(Ok(Presented::bare(token.as_str())))],
                ..Self::default()
            },
            Input::Message(bytes) => match Message::parse(bytes.clone(), Framing::Datagram) {
                Ok(message) => Self::message(&message),
                Err(error) => Self {
                    input: "message",
                    error: Some(error.to_string()),
                    ..Self::default()
                },
            },
        }
    }

    fn message(message: &Message) -> Self {
        let presented = identity_header::presented(message);
        Self {
            input: "message",
            error: None,
            signalling: Some(Signalling::of(message)),
            passports: presented.into_iter().map(Token::of).collect(),
        }
    }

    fn is_whole(&self) -> bool {
        self.error.is_none() && self.passports.iter().all(Token::is_whole)
    }
}

impl Signalling {
    fn of(message: &Message) -> Self {
        let call = call::from_request(message, &CallPolicy::default());
        let first_line = message.bytes().split(|&byte| byte == b'\r').next();
        let dest = call.dest.iter().map(|(identity, from)| Called {
            identity: identity.to_string(),
            from: match from {
                DestSource::Given => "given",
                DestSource::RequestUri => "Request-URI",
                DestSource::To => "To",
            },
        });
        Self {
            start_line: String::from_utf8_lossy(first_line.unwrap_or_default()).into_owned(),
            orig: call.orig.as_ref().map(ToString::to_string),
            orig_from: match call.orig_from {
                OrigSource::From => "From",
                OrigSource::Given => "given",
                OrigSource::PAssertedIdentity => "P-Asserted-Identity",
            },
            dest: dest.collect(),
            date: match call.date {
                DateHeader::Absent => None,
                DateHeader::At(time) => Some(time.to_string()),
                DateHeader::Unusable => Some("tells no time".to_owned()),
            },
            media_keys: sdp::fingerprints(message)
                .as_ref()
                .map(meaning::fingerprints),
        }
    }
}

impl Token {
    fn is_whole(&self) -> bool {
        self.error.is_none() && self.inside.as_deref().is_none_or(Self::is_whole)
    }

    fn of(presented: Result<Presented, Malformed>) -> Self {
        let presented = match presented {
            Ok(presented) => presented,
            Err(malformed) => {
                return Self {
                    error: Some(format!("{}: {malformed}", malformed.fault())),
                    ..Self::default()
                };
            }
        };
        let mut apart = Self {
            token: presented.token.to_string(),
            parameters: Parameters {
                info: presented.info,
                alg: presented.alg,
                ppt: presented.ppt,
            },
            ..Self::default()
        };
        if let Ok(jws) = CompactJws::split(&presented.token) {
            let signature = presented.token.rsplit('.').next().map(base64url::decode);
            apart.signature = signature.and_then(Result::ok).map(|bytes| bytes.len());
            apart.open(&presented.token, jws.header_part(), jws.payload_part());
        } else {
            apart.error = SignedPassport::parse(&presented.token)
                .err()
                .map(|error| error.to_string());
        }
        apart
    }

    fn open(&mut self, token: &str, header: &str, payload: &str) {
        if CompactPassport::recognise(token) {
            self.form = Some("compact");
            let compact = CompactPassport::parse(token);
            self.error = compact.err().map(|error| error.to_string());
            return;
        }
        self.form = Some("full");
        self.header = part(header);
        self.claims = part(payload);
        // An iat in quotes is read, too: several samples in RFCs have one, and here nothing rests on it.
        match SignedPassport::parse_with(token, IatForm::IntegerOrString) {
            Ok(signed) => {
                self.canonical = Some(signed.is_canonical());
                let claims = signed.claims();
                self.meaning = meaning::of(claims);
                let keys = claims.media_keys.as_deref();
                self.media_keys = keys.map(meaning::fingerprints);
                self.display = Display::of(claims);
                // Each is a quarter shorter than the one around it: a token of the longest has a dozen inside at most.
                let inside = display::inside(signed.claims()).map(Presented::bare);
                self.inside = inside.map(|inside| Box::new(Self::of(Ok(inside))));
            }
            Err(error) => self.error = Some(error.to_string()),
        }
    }
}

/// One part of a token: its JSON if it is any, else its text, else null.
pub(super) fn part(text: &str) -> Value {
    let Ok(bytes) = base64url::decode(text) else {
        return Value::Null;
    };
    match json::parse(&bytes) {
        Ok(_) => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        Err(_) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

fn print(apart: &Apart, console: &mut Console) {
    if let Some(error) = &apart.error {
        let error = console.paint(Tone::Bad, error);
        console.line(format_args!("not a SIP message: {error}"));
        return;
    }
    if let Some(signalling) = &apart.signalling {
        print_signalling(signalling, console);
        if apart.passports.is_empty() {
            word("identity", "none", console);
        }
    }
    for (index, token) in apart.passports.iter().enumerate() {
        if index > 0 || apart.signalling.is_some() {
            console.line("");
        }
        let form = token.form.unwrap_or("in no");
        console.line(format_args!(
            "PASSporT {} of {}, {form} form",
            index + 1,
            apart.passports.len()
        ));
        print_token(token, console);
    }
    if apart.passports.is_empty() && apart.signalling.is_none() {
        console.line("no PASSporT: the header is empty");
    }
}

fn print_signalling(signalling: &Signalling, console: &mut Console) {
    console.line(visible(&signalling.start_line));
    let orig = match &signalling.orig {
        Some(orig) => format!("{orig}, by {}", signalling.orig_from),
        None => "none that can be used".to_owned(),
    };
    word("orig", &orig, console);
    for called in &signalling.dest {
        let dest = format!("{}, by {}", called.identity, called.from);
        word("dest", &dest, console);
    }
    word(
        "date",
        signalling.date.as_deref().unwrap_or("none"),
        console,
    );
    print_media_keys(signalling.media_keys.as_deref(), console);
}

fn print_token(token: &Token, console: &mut Console) {
    let parameters = &token.parameters;
    for (name, value) in [
        (";info", &parameters.info),
        (";alg", &parameters.alg),
        (";ppt", &parameters.ppt),
    ] {
        if let Some(value) = value {
            word(name, value, console);
        }
    }
    if token.form == Some("full") {
        let mut parts = token.token.split('.');
        print_part("header", parts.next().unwrap_or_default(), console);
        print_part("claims", parts.next().unwrap_or_default(), console);
    }
    if let Some(length) = token.signature {
        word("signature", &format!("{length} bytes"), console);
    }
    if token.canonical == Some(false) {
        let note = "not written as RFC 8225 section 9 says; judged over the bytes as they are";
        lines(console, &[("note", WORD, Tone::Unsure)], note, Tone::Plain);
    }
    if let Some(meaning) = &token.meaning {
        word("says", meaning, console);
    }
    print_media_keys(token.media_keys.as_deref(), console);
    if let Some(display) = &token.display {
        display.print(console);
    }
    if let Some(error) = &token.error {
        lines(console, &[("error", WORD, Tone::Bad)], error, Tone::Plain);
    }
    if let Some(inside) = &token.inside {
        console.line("");
        let form = inside.form.unwrap_or("in no");
        console.line(format_args!("PASSporT inside of it, {form} form"));
        print_token(inside, console);
    }
}

fn print_media_keys(keys: Option<&[String]>, console: &mut Console) {
    let mut title = "media keys";
    for key in keys.unwrap_or_default() {
        word(title, key, console);
        title = "";
    }
    if keys.is_some_and(<[String]>::is_empty) {
        word(title, "fingerprints that cannot be told", console);
    }
}

/// A part of a token, its members in the order received.
fn print_part(name: &str, part: &str, console: &mut Console) {
    let Ok(bytes) = base64url::decode(part) else {
        return word(name, "not base64url", console);
    };
    match json::parse(&bytes).as_ref().map(json::Value::as_object) {
        Ok(Some(object)) => return print_members(name, object, console),
        Ok(None) => word(name, "not a JSON object:", console),
        Err(error) => word(name, &format!("not JSON ({error}):"), console),
    }
    word("", &String::from_utf8_lossy(&bytes), console);
}

fn print_members(name: &str, object: &Object<'_>, console: &mut Console) {
    if object.is_empty() {
        word(name, "{}", console);
    }
    let mut title = name;
    for (member, value) in object.iter() {
        let mut text = String::new();
        match (value.as_str(), value.as_i64()) {
            (Some(string), _) if member == "iat" => {
                text = format!("{string:?}, in quotes, which makes it no number");
            }
            (Some(string), _) => text.push_str(string),
            (None, Some(seconds)) if member == "iat" => {
                text = format!("{seconds} ({})", UnixTime::from_secs(seconds));
            }
            (None, _) => value.write(&mut text),
        }
        let member = visible(member);
        let words = [
            (title, WORD, Tone::Faint),
            (&*member, WORD - 2, Tone::Faint),
        ];
        lines(console, &words, &text, Tone::Plain);
        title = "";
    }
}

fn word(name: &str, text: &str, console: &mut Console) {
    lines(console, &[(name, WORD, Tone::Faint)], text, Tone::Plain);
}
