//! What is said in the log: one structured line per call, and no more of anybody's number than the operator wants.
//!
//! [`start`] sets up the process's log (text or JSON). [`CallLog`] writes the line of a call; every number in it goes through
//! [`Pii`], which alone decides how much is shown. Strings that strangers wrote are logged as quoted fields, never as
//! message text, so nobody can forge a line; and no more than [`MAX_FIELD`] of each, so nobody can fill a disk with one.
//! Lines leave by a thread of their own (`lines`): whoever reads them slowly holds up no call.

mod lines;

use countersign::identity::Identity;
use countersign::number::TelephoneNumber;
use countersign::passport::OrigId;
use countersign::time::UnixTime;
use countersign_sip::element::{CallEnded, ConnectedAnswer, Reported};
use lines::Lines;
use std::borrow::Cow;
use std::fmt;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Most characters of a field that a stranger wrote. Call-IDs and URLs of the field have below 128; a datagram has room for
/// 65,000.
pub const MAX_FIELD: usize = 256;

/// How long the end of the process waits for its last lines.
const FLUSH: Duration = Duration::from_secs(1);

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people. The default.
    #[default]
    Text,
}

/// How much of a telephone number, or of the user part of a URI, a log line shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// All of it.
    Full,
    /// Nothing.
    Hidden,
    /// A number without its last four digits, a URI without its user part. The default.
    #[default]
    Redacted,
}

/// Something that tells who somebody is, on its way into a log line.
#[derive(Clone, Copy)]
pub struct Pii<T> {
    value: T,
    shown: Numbers,
}

impl<T> Pii<T> {
    /// Guards a value.
    pub const fn new(value: T, shown: Numbers) -> Self {
        Self { value, shown }
    }
}

/// Can be shown in part.
pub trait Redact: fmt::Display {
    /// The part that may be shown under [`Numbers::Redacted`].
    fn redacted(&self) -> String;
}

impl Redact for TelephoneNumber {
    fn redacted(&self) -> String {
        Self::redacted(self)
    }
}

impl Redact for Identity {
    fn redacted(&self) -> String {
        match self {
            Self::Number(number) => number.redacted(),
            Self::Uri(uri) => match (uri.split_once(':'), uri.rsplit_once('@')) {
                (Some((scheme, _)), Some((_, host))) => format!("{scheme}:XXXX@{host}"),
                (Some((scheme, _)), None) => format!("{scheme}:XXXX"),
                (None, _) => "XXXX".to_owned(),
            },
        }
    }
}

impl<T: Redact> Redact for &T {
    fn redacted(&self) -> String {
        (*self).redacted()
    }
}

impl<T: Redact> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown {
            Numbers::Full => self.value.fmt(f),
            Numbers::Hidden => f.write_str("hidden"),
            Numbers::Redacted => f.write_str(&self.value.redacted()),
        }
    }
}

/// Never more than `Display` shows: a guarded value stays guarded in `{:?}`.
impl<T: Redact> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is told of one call.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallLine<'a> {
    /// The trunk it came by.
    pub trunk: &'a str,
    /// What was done: the name of a role.
    pub role: &'a str,
    /// The method of its request; nothing if it came over HTTP.
    pub method: Option<&'a [u8]>,
    /// By which transport it came, and from where.
    pub source: Option<(&'a str, SocketAddr)>,
    /// Where it went last.
    pub next_hop: Option<(&'a str, SocketAddr)>,
    /// Its Call-ID, as received.
    pub call_id: &'a [u8],
    /// The Call-ID on its other side, if that is another one.
    pub other_call_id: Option<&'a [u8]>,
    /// Who calls.
    pub orig: Option<&'a Identity>,
    /// Who is called.
    pub dest: Option<&'a Identity>,
    /// What came of it: the name of a verdict; of a call that was not judged, that of the signing decision.
    pub verdict: &'a str,
    /// What came of signing, if it was asked for.
    pub signing: Option<&'a str>,
    /// The fault's name.
    pub fault: Option<&'a str>,
    /// The fault with its evidence, in words. It may name numbers, so it is written only where numbers are shown in full.
    pub detail: Option<&'a str>,
    /// The SIP code that belongs to the fault.
    pub code: Option<u16>,
    /// The verstat that left.
    pub verstat: Option<&'a str>,
    /// The attestation, signed or found.
    pub attest: Option<&'a str>,
    /// What the attestation rests on: the basis on which the inventory lists the number.
    pub basis: Option<&'a str>,
    /// What decided the attestation that we signed.
    pub reason: Option<&'a str>,
    /// The origid, signed or found.
    pub origid: Option<OrigId>,
    /// Where the certificate is.
    pub x5u: Option<&'a str>,
    /// Whose certificate it is.
    pub signer: Option<&'a str>,
    /// The service provider code that it names.
    pub spc: Option<&'a str>,
    /// Whether it covers the caller: by number, or only by provider.
    pub covers: Option<&'a str>,
    /// Which part of the request named the called party that the proof names.
    pub matched: Option<&'a str>,
    /// The name of what the replay memory saw, if it was anything but a first time.
    pub replay: Option<&'a str>,
    /// What came of signing that it goes somewhere else: `signed`, or the name of the refusal.
    pub diversion: Option<&'a str>,
    /// What became of the priority that it asked for: names, between commas.
    pub priority: Option<&'a str>,
    /// The errors of its PASSporTs: codes, each with the beginning of a signature, between commas.
    pub complaints: Option<&'a str>,
    /// Why it went on with a bypass token.
    pub bypass: Option<&'a str>,
    /// How its answer stands, if that was judged before the call was told of.
    pub answer: Option<&'a str>,
    /// Who was reached, if that is proven.
    pub reached: Option<&'a Identity>,
    /// Who has signed that, if an anchor vouches for it: provider code, or subject of the certificate.
    pub answer_signer: Option<&'a str>,
    /// Nobody has, and whoever was called has done so before: when last.
    pub answer_regression: Option<UnixTime>,
    /// The final response that the caller got.
    pub status: Option<u16>,
    /// From the request to this response.
    pub answered: Option<Duration>,
    /// From the request to the decision.
    pub took: Duration,
}

/// A request inside a call whose other side has proved who it is, which is not proven to be of that.
#[derive(Clone, Copy, Debug)]
pub struct MidDialogLine<'a> {
    /// The trunk that the call came by.
    pub trunk: &'a str,
    /// The Call-ID of the call, as received.
    pub call_id: &'a [u8],
    /// The method.
    pub method: &'a str,
    /// Who should have sent it.
    pub speaker: &'a Identity,
    /// What became of it.
    pub fate: &'a str,
    /// Why it is not proven.
    pub why: &'a str,
    /// The fault of its PASSporT, if it has one.
    pub fault: Option<&'a str>,
}

/// What is told of one answer to a call whose trunk has connected identity.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerLine<'a> {
    /// The trunk that the call came by.
    pub trunk: &'a str,
    /// The Call-ID of the call, as received.
    pub call_id: &'a [u8],
    /// The status code.
    pub status: u16,
    /// What became of it.
    pub fate: &'a str,
    /// How it stands, if it was judged.
    pub standing: Option<&'a str>,
    /// Why nothing is proven: the fault's name.
    pub fault: Option<&'a str>,
    /// Why it was not signed.
    pub refusal: Option<&'a str>,
    /// Who was called.
    pub called: Option<&'a Identity>,
    /// Who was reached, if that is proven.
    pub reached: Option<&'a Identity>,
    /// What is known of its media keys.
    pub media: Option<&'a str>,
    /// Whether its signature was seen before.
    pub replay: Option<&'a str>,
    /// Whose certificate it is, if an anchor vouches for it.
    pub signer: Option<&'a str>,
    /// The service provider code that it names.
    pub spc: Option<&'a str>,
    /// Whether it covers who was reached, or only by that code.
    pub covers: Option<&'a str>,
    /// Where it is.
    pub x5u: Option<&'a str>,
    /// The fault with its evidence, in words: only where numbers are shown in full.
    pub detail: Option<&'a str>,
}

/// Writes the lines of calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallLog {
    /// How much of a number is shown.
    pub numbers: Numbers,
}

impl CallLog {
    /// Writes one line.
    pub fn write(&self, call: &CallLine<'_>) {
        tracing::info!(
            target: "countersign::call",
            trunk = call.trunk,
            role = call.role,
            method = call.method.map(String::from_utf8_lossy).as_deref().map(clipped).as_deref(),
            source = call.source.map(way),
            next_hop = call.next_hop.map(way),
            call_id = &*clipped(&String::from_utf8_lossy(call.call_id)),
            other_call_id = call.other_call_id.map(String::from_utf8_lossy).as_deref().map(clipped).as_deref(),
            orig = call.orig.map(|orig| self.guarded(orig)),
            dest = call.dest.map(|dest| self.guarded(dest)),
            verdict = call.verdict,
            signing = call.signing,
            fault = call.fault,
            detail = call.detail.filter(|_| self.numbers == Numbers::Full).map(clipped).as_deref(),
            code = call.code,
            verstat = call.verstat,
            attest = call.attest,
            basis = call.basis,
            reason = call.reason,
            origid = call.origid.map(|id| id.to_string()).as_deref(),
            x5u = call.x5u.map(clipped).as_deref(),
            signer = call.signer.map(clipped).as_deref(),
            spc = call.spc,
            covers = call.covers,
            matched = call.matched,
            replay = call.replay,
            diversion = call.diversion,
            priority = call.priority,
            complaints = call.complaints.map(clipped).as_deref(),
            bypass = call.bypass,
            answer = call.answer,
            reached = call.reached.map(|reached| self.guarded(reached)),
            answer_signer = call.answer_signer.map(clipped).as_deref(),
            answer_regression = call.answer_regression.map(|last| last.to_string()).as_deref(),
            status = call.status,
            answered_ms = call.answered.map(|answered| u64::try_from(answered.as_millis()).unwrap_or(u64::MAX)),
            micros = u64::try_from(call.took.as_micros()).unwrap_or(u64::MAX),
            "call"
        );
    }

    /// Writes the line of a call that was answered, and is over: only where both sides are dialogs of ours is that known.
    pub fn ended(&self, ended: &CallEnded, by: &str) {
        tracing::info!(
            target: "countersign::call_end",
            trunk = &*ended.trunk.name,
            call_id = &*clipped(&String::from_utf8_lossy(&ended.call_id)),
            by,
            seconds = ended.lasted.as_secs(),
            "call ended"
        );
    }

    /// Writes the line of an answer.
    pub fn answered(&self, answer: &AnswerLine<'_>) {
        tracing::info!(
            target: "countersign::answer",
            trunk = answer.trunk,
            call_id = &*clipped(&String::from_utf8_lossy(answer.call_id)),
            status = answer.status,
            fate = answer.fate,
            standing = answer.standing,
            fault = answer.fault,
            refusal = answer.refusal,
            called = answer.called.map(|called| self.guarded(called)),
            reached = answer.reached.map(|reached| self.guarded(reached)),
            media = answer.media,
            replay = answer.replay,
            signer = answer.signer.map(clipped).as_deref(),
            spc = answer.spc,
            covers = answer.covers,
            x5u = answer.x5u.map(clipped).as_deref(),
            detail = answer.detail.filter(|_| self.numbers == Numbers::Full).map(clipped).as_deref(),
            "answer"
        );
    }

    /// Writes the line of somebody who proved that they answer, and does so no more.
    pub fn regressed(&self, answer: &ConnectedAnswer, last: UnixTime) {
        tracing::warn!(
            target: "countersign::answer_regression",
            trunk = &*answer.trunk.name,
            call_id = &*clipped(&String::from_utf8_lossy(&answer.call_id)),
            called = answer.called.as_ref().map(|called| self.guarded(called)),
            last_proven = %last,
            "answer-regression: who proved that they answer does so no more"
        );
    }

    /// Writes the line of a request inside a call that is not proven to be of the other side.
    pub fn spoken(&self, request: &MidDialogLine<'_>) {
        tracing::warn!(
            target: "countersign::mid_dialog",
            trunk = request.trunk,
            call_id = &*clipped(&String::from_utf8_lossy(request.call_id)),
            method = request.method,
            speaker = self.guarded(request.speaker),
            fate = request.fate,
            why = request.why,
            fault = request.fault,
            "mid-dialog-mismatch: a request inside a call is not proven to be of the other side"
        );
    }

    /// Writes the line of an error that somebody reports of a PASSporT in a call that we signed.
    pub fn reported(&self, reported: &Reported, on: &str) {
        tracing::warn!(
            target: "countersign::reported",
            trunk = &*reported.trunk.name,
            call_id = &*clipped(&String::from_utf8_lossy(&reported.call_id)),
            on,
            code = reported.cause,
            "an error of a PASSporT is reported"
        );
    }

    /// A number or URI as this log shows it.
    pub fn guarded<T: Redact>(&self, value: T) -> String {
        clipped(&Pii::new(value, self.numbers).to_string()).into_owned()
    }
}

/// As a configuration names it: `udp:192.0.2.10:5060`.
fn way((transport, address): (&str, SocketAddr)) -> String {
    format!("{transport}:{address}")
}

/// The beginning of a long text, marked as such.
fn clipped(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_FIELD) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// The filter of this process's log.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Changes what is logged from now on, if this process has a log of ours.
///
/// # Errors
/// [`BadLevel`] if `level` is none.
pub fn set_level(level: &str) -> Result<(), BadLevel> {
    let filter = parse_level(level)?;
    match FILTER.get() {
        Some(handle) => handle.reload(filter).map_err(|_| BadLevel),
        None => Ok(()),
    }
}

/// Not a level, nor a list of `target=level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLevel;

impl fmt::Display for BadLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a level (error, warn, info, debug, trace, off)")
    }
}

impl std::error::Error for BadLevel {}

/// Whether `level` is one, or a list of `target=level`.
///
/// # Errors
/// [`BadLevel`] if it is not.
pub fn parse_level(level: &str) -> Result<EnvFilter, BadLevel> {
    // A word alone would be taken for the name of a target, and a mistyped level would silence everything else.
    let is_level = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    if !level.split(',').all(is_level) {
        return Err(BadLevel);
    }
    EnvFilter::try_new(level).map_err(|_| BadLevel)
}

/// Where the lines of this process leave.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Waits until what was logged so far has left, or for a second: before the process ends.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.flush(FLUSH);
    }
}

/// Starts the log of this process, on standard error.
///
/// # Errors
/// [`BadLevel`] if `level` is none. A log that was started before stays as it is.
pub fn start(format: Format, level: &str) -> Result<(), BadLevel> {
    let (filter, handle) = reload::Layer::new(parse_level(level)?);
    let registry = tracing_subscriber::registry().with(filter);
    let out = LINES.get_or_init(|| Lines::to(std::io::stderr(), format));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(out.clone())
        .with_ansi(std::io::stderr().is_terminal());
    // A second start in one process (tests) finds a log that works.
    let started = match format {
        Format::Json => registry
            .with(lines.json().flatten_event(true).with_current_span(false))
            .try_init(),
        Format::Text => registry.with(lines.with_target(false)).try_init(),
    };
    if started.is_ok() {
        // It is the first one, or the log would have been there.
        let _ = FILTER.set(handle);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn line_of(call: &CallLine<'_>, numbers: Numbers, format: Format) -> String {
        let kept = Kept::default();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(kept.clone());
        let write = || CallLog { numbers }.write(call);
        let registry = tracing_subscriber::registry();
        match format {
            Format::Json => {
                let subscriber = registry.with(lines.json().flatten_event(true));
                tracing::subscriber::with_default(subscriber, write);
            }
            Format::Text => tracing::subscriber::with_default(registry.with(lines), write),
        }
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn call() -> CallLine<'static> {
        static ORIG: OnceLock<(Identity, Identity)> = OnceLock::new();
        let (orig, dest) = ORIG.get_or_init(|| {
            (
                Identity::Number("12025550100".parse().unwrap()),
                Identity::Uri("sip:alice@example.com".into()),
            )
        });
        CallLine {
            trunk: "carrier",
            role: "verify",
            method: Some(b"INVITE"),
            source: Some(("udp", "192.0.2.1:5060".parse().unwrap())),
            next_hop: Some(("tls", "[2001:db8::2]:5061".parse().unwrap())),
            call_id: b"a84b4c76e66710@pc33.example.com",
            orig: Some(orig),
            dest: Some(dest),
            verdict: "failed",
            fault: Some("signature"),
            code: Some(438),
            status: Some(200),
            answered: Some(Duration::from_millis(3_200)),
            took: Duration::from_micros(812),
            ..CallLine::default()
        }
    }

    #[test]
    fn a_line_shows_as_much_of_a_number_as_the_operator_wants() {
        for (numbers, shown) in [
            (
                Numbers::Full,
                ["\"12025550100\"", "\"sip:alice@example.com\""],
            ),
            (
                Numbers::Redacted,
                ["\"1202555XXXX\"", "\"sip:XXXX@example.com\""],
            ),
            (Numbers::Hidden, ["\"hidden\"", "\"hidden\""]),
        ] {
            let line = line_of(&call(), numbers, Format::Json);
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(object["orig"].to_string(), shown[0]);
            assert_eq!(object["dest"].to_string(), shown[1]);
            assert_eq!(object["verdict"], "failed");
            assert_eq!(object["code"], 438);
            assert_eq!(object["micros"], 812);
            assert_eq!(object["method"], "INVITE");
            assert_eq!(object["source"], "udp:192.0.2.1:5060");
            assert_eq!(object["next_hop"], "tls:[2001:db8::2]:5061");
            assert_eq!(
                (&object["status"], &object["answered_ms"]),
                (&200.into(), &3_200.into())
            );
            assert!(
                object.get("attest").is_none(),
                "what is not known is not told"
            );
            assert_eq!(line.contains("12025550100"), numbers == Numbers::Full);
        }
    }

    #[test]
    fn nobody_forges_a_line() {
        let forged = CallLine {
            call_id: b"x\nINFO call trunk=\"forged\"\r\n\x1b[2J",
            ..call()
        };
        for format in [Format::Json, Format::Text] {
            let line = line_of(&forged, Numbers::Redacted, format);
            assert_eq!(line.lines().count(), 1, "{line:?}");
            assert!(!line.contains('\x1b'), "{line:?}");
        }
    }

    #[test]
    fn nobody_fills_a_disk_with_one_line() {
        let uri = Identity::Uri(format!("sip:a@{}.example", "h".repeat(60_000)).into());
        let long = "é".repeat(30_000);
        let endless = CallLine {
            call_id: long.as_bytes(),
            orig: Some(&uri),
            dest: Some(&uri),
            detail: Some(&long),
            x5u: Some(&long),
            signer: Some(&long),
            ..call()
        };
        for numbers in [Numbers::Full, Numbers::Redacted] {
            let line = line_of(&endless, numbers, Format::Json);
            assert!(line.len() < 5_000, "{}", line.len());
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            let shown = object["x5u"].as_str().unwrap();
            assert_eq!(shown.chars().count(), MAX_FIELD + 1);
            assert!(shown.ends_with('…'));
        }
    }

    #[test]
    fn a_guarded_value_stays_guarded_in_debug() {
        let number: TelephoneNumber = "12025550100".parse().unwrap();
        let guarded = Pii::new(number, Numbers::Redacted);
        assert_eq!(format!("{guarded:?} {guarded}"), "1202555XXXX 1202555XXXX");
    }

    #[test]
    fn levels() {
        assert!(parse_level("info,countersign_server::fetch=debug").is_ok());
        assert!(parse_level("countersign=loud").is_err());
        assert!(parse_level("inof").is_err());
    }
}
