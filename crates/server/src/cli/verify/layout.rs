//! A report for people: the verdict first, then for each PASSporT what it says, who signed it, and every check.
//!
//! What a check found is told by the check itself; only what it means to have passed is worded here.

use super::super::columns::lines;
use super::super::console::{Console, Tone};
use super::super::input;
use countersign::certificate::Coverage;
use countersign::certificate::repository_url::{RepositoryUrl, UrlFault};
use countersign::path::RevocationEvidence;
use countersign::verification::answer::AnswerReport;
use countersign::verification::{
    Callback, ChainReport, Check, CheckResult, Consequences, Content, Evidence, Fault, Outcome,
    PassportReport, ProvenCard, Purpose, Report, RichReport, SignerReport, Unavailable, Verdict,
};

/// Columns of a word in front of its line: `unavailable`, `certificate`.
const WORD: usize = 13;
/// Columns of the name of a check: `serialization`.
const NAME: usize = 15;

/// Prints the report of input `place.0` of `place.1`.
pub(super) fn print(report: &Report, place: (usize, usize), console: &mut Console) {
    input::title(place, console);
    headline(report, console);
    if let Some(answer) = report.answer.as_deref() {
        answered(answer, console);
    }
    let count = report.passports.len();
    for (index, passport) in report.passports.iter().enumerate() {
        console.line("");
        let verdict = console.paint(tone(passport.verdict), passport.verdict.name());
        console.line(format_args!("PASSporT {} of {count}: {verdict}", index + 1));
        claims(passport, console);
        for result in passport.checks.iter() {
            check(result, passport.purpose, console);
        }
        hints(passport, console);
    }
    if let Some(consequences) = report.consequences() {
        proven(&consequences, console);
    }
}

/// Who picked up, as far as it is proven.
fn answered(answer: &AnswerReport, console: &mut Console) {
    let reached = answer.reached.as_ref();
    let reached = reached.map_or_else(|| "not proved".to_owned(), ToString::to_string);
    let facts = [
        ("answer", answer.standing.name().to_owned()),
        ("reached", reached),
        ("media keys", answer.media.name().to_owned()),
    ];
    for (word, text) in facts {
        lines(console, &[(word, WORD, Tone::Faint)], &text, Tone::Plain);
    }
}

/// What the called may be shown, and what the call may have.
fn proven(consequences: &Consequences, console: &mut Console) {
    let mut facts = Vec::new();
    if let Some(caller) = consequences.caller.as_deref() {
        let number = caller.alternate.map(|number| number.as_str().to_owned());
        let card = caller.card.as_ref().map(|card| match card {
            ProvenCard::At(card) => card.url.to_string(),
            ProvenCard::Inline(card) => card.to_string(),
        });
        facts.extend([
            ("name", caller.name.as_ref().map(ToString::to_string)),
            ("number", number),
            ("reason", caller.reason.as_ref().map(ToString::to_string)),
            (
                "picture",
                caller.icon.as_ref().map(|icon| icon.url.to_string()),
            ),
            ("card", card),
        ]);
    }
    let honoured: Vec<_> = consequences
        .honoured
        .iter()
        .map(|one| one.as_str())
        .collect();
    facts.push((
        "priority",
        Some(honoured.join(" ")).filter(|all| !all.is_empty()),
    ));
    let callback = (consequences.callback == Callback::Proven).then_some("of emergency services");
    facts.push(("call-back", callback.map(str::to_owned)));
    let facts = facts
        .into_iter()
        .filter_map(|(word, text)| Some((word, text?)));
    for (index, (word, text)) in facts.enumerate() {
        if index == 0 {
            console.line("");
            console.line("Proved beyond the number:");
        }
        lines(console, &[(word, WORD, Tone::Faint)], &text, Tone::Plain);
    }
}

fn headline(report: &Report, console: &mut Console) {
    let verdict = console.paint(tone(report.verdict), report.verdict.name());
    // An answer cannot be refused.
    let code = report.code.filter(|_| report.answer.is_none());
    let code = code.map_or_else(String::new, |code| {
        format!(", {} {}", code.number(), code.phrase())
    });
    match report.verdict.fault() {
        Some(fault) => console.line(format_args!("{verdict}: {}{code}", fault.name())),
        None if report.verdict == Verdict::Passed => console.line(verdict),
        None if report.passports.is_empty() => {
            console.line(format_args!("{verdict}: there is no PASSporT"));
        }
        None if report.answer.is_some() => {
            console.line(format_args!("{verdict}: nobody says who was reached"));
        }
        None => console.line(format_args!("{verdict}: no PASSporT speaks for the caller")),
    }
    if let Some(detail) = report.detail() {
        lines(console, &[], &detail, Tone::Plain);
    }
}

/// What the token says and who signed it, as far as it could be read.
fn claims(passport: &PassportReport, console: &mut Console) {
    let believed = match passport.token.proven() {
        Some(_) => "proved",
        None => "said, not proved",
    };
    let mut facts = vec![("claims", believed.to_owned())];
    let mut fact = |word, text: Option<String>| facts.extend(text.map(|text| (word, text)));
    fact("ppt", passport.ppt().map(str::to_owned));
    if passport.purpose != Purpose::Caller {
        fact("purpose", Some(passport.purpose.name().to_owned()));
    }
    fact("attest", passport.attest().map(|attest| attest.to_string()));
    fact("orig", passport.orig().map(ToString::to_string));
    fact(
        "dest",
        passport.dest().map(|dest| {
            let all: Vec<_> = dest.iter().map(|one| one.to_string()).collect();
            all.join(" ")
        }),
    );
    let iat = passport.iat();
    fact("iat", iat.map(|iat| format!("{} ({iat})", iat.as_secs())));
    fact("origid", passport.origid().map(|origid| origid.to_string()));
    fact("x5u", passport.x5u().map(str::to_owned));
    let claim = match passport.purpose {
        Purpose::Answer => "dest",
        Purpose::Diversion => "div",
        Purpose::Caller | Purpose::Priority | Purpose::RichData | Purpose::Unsupported => "orig",
    };
    fact(
        "signer",
        passport.signer.as_ref().map(|one| signer(one, claim)),
    );
    if let Some(flag) = passport.flag {
        fact("flag", Some(format!("{}: {flag}", flag.name())));
    }
    fact("chain", passport.chain.as_deref().and_then(chain));
    for (part, content) in passport.rich.as_deref().map(parts).unwrap_or_default() {
        fact("rich", Some(format!("{part}: {content}")));
    }
    for (word, text) in facts {
        lines(console, &[(word, WORD, Tone::Faint)], &text, Tone::Plain);
    }
}

/// To which others of the call it refers, counted as they are printed.
fn chain(chain: &ChainReport) -> Option<String> {
    let place = |index: usize| (index + 1).to_string();
    if let Some(outer) = chain.nested_in {
        return Some(format!("inside of PASSporT {}", place(outer)));
    }
    let before: Vec<_> = chain.refers_to.iter().copied().map(place).collect();
    match before.is_empty() {
        true => None,
        false => Some(format!("refers to PASSporT {}", before.join(", "))),
    }
}

/// What is known of each part of its rich call data, and of each digest.
fn parts(rich: &RichReport) -> Vec<(String, String)> {
    let parts = [
        ("name", rich.name),
        ("number", rich.alternate),
        ("picture", rich.icon),
        ("card", rich.card),
        ("reason", rich.reason),
    ];
    let there = parts
        .into_iter()
        .filter(|(_, content)| *content != Content::Absent);
    let there = there.map(|(part, content)| (part.to_owned(), content.to_string()));
    let digests = rich.entries.iter();
    let digests = digests.map(|entry| (entry.pointer.to_string(), entry.content.to_string()));
    there.chain(digests).collect()
}

/// Who signed, and whether the certificate covers what the claim of that name says.
fn signer(signer: &SignerReport, claim: &str) -> String {
    let covers = match &signer.coverage {
        Some(Coverage::ByProvider(code)) => format!(", speaks for {claim} as provider {code}"),
        Some(Coverage::Covered) => format!(", its certificate names {claim}"),
        Some(Coverage::NotCovered) => format!(", its certificate does not cover {claim}"),
        None => String::new(),
    };
    format!("{}{covers}", signer.subject())
}

fn check(result: CheckResult<'_>, purpose: Purpose, console: &mut Console) {
    let tone = match result.outcome {
        Outcome::Failed(_) => Tone::Bad,
        Outcome::Passed => Tone::Good,
        Outcome::Skipped => Tone::Faint,
        Outcome::Unavailable(_) => Tone::Unsure,
    };
    let text_tone = match result.outcome {
        Outcome::Skipped => Tone::Faint,
        _ => Tone::Plain,
    };
    let words = [
        (result.outcome.name(), WORD, tone),
        (result.check.name(), NAME, text_tone),
    ];
    lines(console, &words, &said(result, purpose), text_tone);
}

/// What a check looked at, and what it found.
fn said(result: CheckResult<'_>, purpose: Purpose) -> String {
    let looked_at = looked_at(result.check, purpose);
    match (result.outcome, result.evidence) {
        (Outcome::Failed(_) | Outcome::Unavailable(_), _) => {
            result.detail().unwrap_or_else(|| looked_at.to_owned())
        }
        (Outcome::Skipped, Evidence::Revocation(_)) => result.evidence.to_string(),
        (Outcome::Skipped, _) => String::new(),
        (_, Evidence::Nothing) => looked_at.to_owned(),
        (_, Evidence::DestFrom(_) | Evidence::OrigFrom(_)) => {
            format!("{looked_at}: {}", result.evidence)
        }
        (_, evidence) => evidence.to_string(),
    }
}

/// What a passed check means, of a PASSporT that is there for this.
const fn looked_at(check: Check, purpose: Purpose) -> &'static str {
    match check {
        Check::Header => "the Identity header follows its grammar",
        Check::Token => "three parts, with a header that can be read",
        Check::Typ => "typ is passport",
        Check::Alg => "alg is ES256, in the token and beside it",
        Check::Ppt => "the type is supported, and the same beside the token",
        Check::X5u => "x5u is a URL that may be fetched from",
        Check::Info => "info is the x5u of the token",
        Check::Claims => "the claims are there and well formed",
        Check::Serialization => "written as RFC 8225 section 9 says",
        Check::Orig => "the token's caller is the call's",
        Check::Dest => "the token's called party is the call's",
        Check::Iat => "iat is fresh",
        Check::Date => "the Date header is fresh",
        Check::Media => "the keys of the media are those that were signed",
        Check::Certificate => "the certificate could be had",
        Check::Path => "the certificate leads to a trusted anchor",
        Check::Revocation => "no certificate on the way was revoked",
        Check::Signature => "the signature is of the certificate's key",
        Check::Validity => "the certificate was valid at iat",
        Check::Authority => match purpose {
            Purpose::Answer => "the certificate names who was reached",
            Purpose::Caller | Purpose::Unsupported => "the certificate names the caller",
            Purpose::Diversion => "the certificate names whom the call was diverted from",
            Purpose::Priority => "the signer may sign for all these namespaces",
            Purpose::RichData => "the signer is a trusted third party, by the name in iss",
        },
        Check::Freshness => "a responder says that the certificate is still good",
        Check::Constraints => "the claims keep the certificate's constraints",
        Check::Chain => "the chain of diversions is whole",
        Check::Replay => "looked for between calls, not here",
    }
}

/// What the operator may try, where something here could not be done or was done at another time.
fn hints(passport: &PassportReport, console: &mut Console) {
    let origin = || {
        let url = RepositoryUrl::parse(passport.x5u()?).ok()?;
        Some(format!("https://{}:{}", url.host(), url.port()))
    };
    for result in passport.checks.iter() {
        let hint = match (result.outcome.fault(), result.evidence) {
            (Some(Fault::IatStale | Fault::IatInFuture), _) => {
                passport.iat().map(|iat| format!("--at {iat} judges it as of its own time"))
            }
            (Some(Fault::MediaKeysMismatch), _) if passport.purpose == Purpose::Answer => {
                Some("headers and tokens alone have no media keys: give the whole response".to_owned())
            }
            (Some(Fault::CallerUnknown), _) => Some("--from says who called".to_owned()),
            (Some(Fault::CalledPartyUnknown), _) => Some("--to says who was called".to_owned()),
            (Some(Fault::TnAuthListUnavailable), _) => {
                Some("--tn-auth-list LIST.der stands in for the fetch".to_owned())
            }
            (Some(Fault::NumberAuthorityUnavailable), _) => {
                Some("--number-authority FILE says whose numbers are whose".to_owned())
            }
            (_, Evidence::Unavailable(Unavailable::Offline)) => {
                Some("--certificate CHAIN.pem stands in for the fetch".to_owned())
            }
            (_, Evidence::Unavailable(Unavailable::ForbiddenAddress)) => origin().map(|origin| {
                format!("if it is a lab's: --allow-origin {origin} --web-ca FILE, or --certificate CHAIN.pem")
            }),
            (_, Evidence::Unavailable(Unavailable::Tls)) => Some(
                "--web-ca FILE names whom TLS trusts instead of the system's anchors, --certificate CHAIN.pem stands in for the fetch"
                    .to_owned(),
            ),
            (_, Evidence::Url(UrlFault::Port)) => {
                origin().map(|origin| format!("--allow-origin {origin} allows its port"))
            }
            _ if nobody_asked(result, passport) => Some(
                "nobody asked whether the certificate was revoked: --crl FILE gives a list, --crl-issuer FILE who signs it"
                    .to_owned(),
            ),
            _ => None,
        };
        if let Some(hint) = hint {
            lines(console, &[("hint", WORD, Tone::Unsure)], &hint, Tone::Plain);
        }
    }
}

/// Whether a certificate leads to an anchor, and no list was given that could say whether it was revoked.
fn nobody_asked(result: CheckResult<'_>, passport: &PassportReport) -> bool {
    let signer = passport.signer.as_ref();
    let known = signer.map(|signer| signer.path.revocation());
    result.check == Check::Revocation && known == Some(RevocationEvidence::NotAsked)
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Failed(_) => Tone::Bad,
        Verdict::NotValidated(_) | Verdict::Unsigned => Tone::Unsure,
        Verdict::Passed => Tone::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_hold_every_word() {
        for check in Check::ALL {
            assert!(check.name().len() < NAME, "{}", check.name());
        }
        assert!("unavailable".len() < WORD);
    }
}
