//! PASSporTs: what the strictest verification says of their form, and whether their signature verifies with the key given.
//!
//! There is no call and mostly no certificate here, so the verification service is given the call that the token claims, at the time that
//! it claims, and no certificate: what it still finds is wrong with the token itself.

use crate::Figures;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::call::{Call, DateHeader, DestSource, OrigSource};
use countersign::crypto::{AwsLc, POINT_LEN, VerifyingKeys};
use countersign::identity::Identity;
use countersign::jose::jws::CompactJws;
use countersign::passport::{IatForm, Presented, SignedPassport};
use countersign::path::PathCache;
use countersign::time::{Now, UnixTime};
use countersign::trust::Trust;
use countersign::verification::policy::{Serialization, Thoroughness};
use countersign::verification::{
    Answer, Check, MemoryReplay, Poll, Report, Unavailable, VerificationPolicy, VerificationService,
};
use serde_json::Value;
use std::sync::Arc;

/// Judges every line of the file.
///
/// # Errors
/// A text: the file, or a line of it, cannot be read.
pub(crate) fn judge(path: &str) -> Result<Figures, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut figures = Figures::default();
    println!(
        "{:8} {:9} {:12} {:8} {:40} said of it",
        "id", "", "signature", "form", "found"
    );
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))?;
        let row = Row::of(&value).ok_or(format!("line {}: no token", index + 1))?;
        row.print();
        figures.judged += 1;
        figures.disagreeing += usize::from(!row.agrees());
    }
    Ok(figures)
}

/// What became of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    Bad,
    NoKey,
    Verified,
}

struct Row {
    id: String,
    signed: Signed,
    said_to_verify: bool,
    found: Vec<&'static str>,
    /// What others say is wrong; `None` if they say nothing.
    problems: Option<Vec<String>>,
}

impl Row {
    fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let token = text("token")?;
        let problems = value.get("strict_problems").and_then(Value::as_array);
        let problems = problems.map(|all| {
            all.iter()
                .map(|one| one.as_str().unwrap_or_default().to_owned())
                .collect()
        });
        Some(Self {
            id: text("id").unwrap_or("-").to_owned(),
            signed: signature(token, text("spki_b64")),
            said_to_verify: text("signature") == Some("VERIFIED"),
            found: faults(&strictest(token)),
            problems,
        })
    }

    fn agrees(&self) -> bool {
        let signature_agrees = match self.signed {
            Signed::NoKey => true,
            Signed::Verified => self.said_to_verify,
            Signed::Bad => !self.said_to_verify,
        };
        let form_agrees = self
            .problems
            .as_ref()
            .is_none_or(|problems| problems.is_empty() == self.found.is_empty());
        signature_agrees && form_agrees
    }

    fn print(&self) {
        let word = if self.agrees() { "agrees" } else { "DISAGREES" };
        let form = if self.found.is_empty() { "good" } else { "bad" };
        let said = self
            .problems
            .as_ref()
            .map_or_else(String::new, |problems| problems.join(", "));
        let signed = format!("{:?}", self.signed).to_lowercase();
        println!(
            "{:8} {word:9} {signed:12} {form:8} {:40} {said}",
            self.id,
            self.found.join(", ")
        );
    }
}

/// Verifies the bytes received with a key in a SubjectPublicKeyInfo, whose last bytes are the point.
fn signature(token: &str, spki: Option<&str>) -> Signed {
    let spki = spki.and_then(|text| STANDARD.decode(text).ok());
    let point = spki
        .as_deref()
        .and_then(|der| der.get(der.len().checked_sub(POINT_LEN)?..));
    let Some(key) = point.and_then(|point| AwsLc.p256(point).ok()) else {
        return Signed::NoKey;
    };
    match CompactJws::split(token).map(|jws| jws.verify(&*key)) {
        Ok(Ok(_payload)) => Signed::Verified,
        _ => Signed::Bad,
    }
}

/// Everything that can be checked without a certificate is checked, against the call that the token claims.
fn strictest(token: &str) -> Report {
    let policy = VerificationPolicy {
        thoroughness: Thoroughness::EveryCheck,
        serialization: Serialization::Strict,
        ..VerificationPolicy::default()
    };
    let service = VerificationService::new(
        policy,
        Arc::new(AwsLc),
        Arc::new(PathCache::new()),
        Arc::new(MemoryReplay::default()),
    );
    let (call, unix) = claimed_call(token);
    let now = Now {
        unix,
        ..Now::default()
    };
    let trust = Arc::new(Trust::new("nobody", 1, Vec::new()));
    let mut verification = service.begin(&call, vec![Ok(Presented::bare(token))], &trust, now);
    loop {
        let needs: Vec<_> = match verification.poll(now) {
            Poll::Done(report) => return report,
            Poll::Needs(needs) => needs.iter().map(|need| need.id).collect(),
        };
        for need in needs {
            verification.answer(need, Answer::Unavailable(Unavailable::Offline));
        }
    }
}

/// The call that a token claims to be about, and when; nobody calling nobody in 1970 if it cannot be read.
fn claimed_call(token: &str) -> (Call, UnixTime) {
    let claims = SignedPassport::parse_with(token, IatForm::IntegerOrString)
        .map(|passport| passport.claims().clone());
    let mut call = Call {
        orig: None,
        orig_from: OrigSource::Given,
        dest: Vec::new(),
        date: DateHeader::Absent,
        presentation: Default::default(),
        priority: Default::default(),
        media_keys: None,
        reference: None,
    };
    let Ok(claims) = claims else {
        return (call, UnixTime::default());
    };
    call.orig = Some(claims.orig);
    let given = |identity: Identity| (identity, DestSource::Given);
    call.dest = claims.dest.iter().map(given).collect();
    (call, claims.iat)
}

/// The faults of the token itself, by name. That no `info` stands beside it, that nobody called, and that no certificate could be had is
/// our doing.
fn faults(report: &Report) -> Vec<&'static str> {
    let ours = [Check::Info, Check::Certificate];
    let checks = report
        .passports
        .iter()
        .flat_map(|passport| passport.checks.iter());
    let mut names: Vec<&'static str> = Vec::new();
    for check in checks.filter(|check| !ours.contains(&check.check)) {
        if let Some(fault) = check.outcome.fault() {
            names.push(fault.name());
        }
    }
    names
}
