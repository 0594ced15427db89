//! What is answered: the bodies of both dialects.

use super::dialect::Dialect;
use super::fields::{Asked, VerificationFields};
use countersign::identity::Identity;
use countersign::jose::json::write_string;
use countersign::passport::Extension;
use countersign::priority::ResourceValue;
use countersign::verification::report::{PassportReport, Report};
use countersign::verification::{Code, Consequences, Fault, Purpose, Verdict};
use countersign_sip::trunk::{AttestationSuffix, Trunk};
use std::borrow::Cow;

/// `signingResponse`.
pub(super) fn signed(dialect: Dialect, identity: &str, request_id: Option<&str>) -> String {
    let mut body = String::with_capacity(identity.len() + 64);
    body.push_str("{\"signingResponse\":{");
    let name = match dialect {
        Dialect::Atis => "identity",
        Dialect::Threegpp => "identityHeader",
    };
    member(name, identity, &mut body);
    if let Some(id) = request_id {
        body.push(',');
        member("requestId", id, &mut body);
    }
    body.push_str("}}");
    body
}

/// `verificationResponse`.
pub(super) fn judged(fields: &VerificationFields<'_>, report: &Report, trunk: &Trunk) -> String {
    let mut body = String::with_capacity(256);
    body.push_str("{\"verificationResponse\":{");
    let verstat = verstat(report, trunk);
    match fields.dialect {
        Dialect::Atis => {
            member("verstat", &verstat, &mut body);
            if let Some(fault) = report.verdict.fault() {
                reason(
                    ["reasoncode", "reasontext", "reasondesc"],
                    fault,
                    code(report, fault),
                    report.detail(),
                    &mut body,
                );
            }
        }
        Dialect::Threegpp => {
            member("verstatValue", &verstat, &mut body);
            diversions(report, trunk, &mut body);
            let consequences = report.consequences();
            if let Some(priority) = priority(report, fields, consequences.as_deref()) {
                body.push(',');
                member("verstatPriority", priority, &mut body);
            }
            results(report, &mut body);
            // The name that was sent is no answer: only one that was proven is told.
            let caller = consequences.as_ref().and_then(|one| one.caller.as_deref());
            let proven = caller.and_then(|caller| caller.name.as_deref());
            for (name, value) in [("displayName", proven), ("requestId", fields.request_id)] {
                if let Some(value) = value {
                    body.push(',');
                    member(name, value, &mut body);
                }
            }
        }
    }
    body.push_str("}}");
    body
}

/// `divResult`: one for each diversion.
fn diversions(report: &Report, trunk: &Trunk, body: &mut String) {
    let mut is_first = true;
    for passport in &report.passports {
        let div = match passport.claims().map(|claims| &claims.extension) {
            Some(Extension::Div(div)) => div,
            Some(Extension::DivO(div)) => &div.div,
            _ => continue,
        };
        body.push_str(match is_first {
            true => ",\"divResult\":[{\"div\":{",
            false => ",{\"div\":{",
        });
        is_first = false;
        let (kind, from) = match &div.from {
            Identity::Number(number) => ("tn", number.as_str()),
            Identity::Uri(uri) => ("uri", &**uri),
        };
        member(kind, from, body);
        if let Some(history) = &div.history {
            body.push(',');
            member("hi", history, body);
        }
        body.push_str("},");
        let verstat = passport.verdict.verstat(trunk.verstat.profile);
        member("verstatValue", verstat.text(), body);
        body.push('}');
    }
    if !is_first {
        body.push(']');
    }
}

/// `verstatPriority`: nothing if no PASSporT is about that.
fn priority(
    report: &Report,
    fields: &VerificationFields<'_>,
    consequences: Option<&Consequences>,
) -> Option<&'static str> {
    let of_priority = |one: &&PassportReport| one.purpose == Purpose::Priority;
    let mut all = report.passports.iter().filter(of_priority).peekable();
    all.peek()?;
    let verdicts: Vec<_> = all.map(|one| one.verdict).collect();
    let honoured = consequences.map_or(&[][..], |one| &one.honoured);
    let is_covered = is_covered(fields.asked, &fields.call.priority.values, honoured);
    Some(if verdicts.contains(&Verdict::Passed) && is_covered {
        "RPH-Validation-Passed"
    } else if verdicts.iter().any(|one| matches!(one, Verdict::Failed(_))) {
        "RPH-Validation-Failed"
    } else {
        "No-RPH-Validation"
    })
}

/// Whether everything that is asked about was proven.
fn is_covered(asked: Asked, values: &[ResourceValue], honoured: &[ResourceValue]) -> bool {
    match asked {
        Asked::Nothing => true,
        Asked::Partly => false,
        Asked::Whole => values.iter().all(|value| honoured.contains(value)),
    }
}

/// The verdict as the trunk's calls have it in `verstat`.
pub(super) fn verstat(report: &Report, trunk: &Trunk) -> Cow<'static, str> {
    let style = trunk.verstat;
    let text = report.verdict.verstat(style.profile).text();
    let attest = report.deciding().and_then(PassportReport::attest);
    match (style.suffix, report.verdict, attest) {
        (AttestationSuffix::Appended, Verdict::Passed, Some(attest)) => {
            format!("{text}-{attest}").into()
        }
        _ => text.into(),
    }
}

fn code(report: &Report, fault: Fault) -> Code {
    report.code.unwrap_or(fault.code())
}

/// Why a proof is not good: code, phrase, evidence.
fn reason(names: [&str; 3], fault: Fault, code: Code, detail: Option<String>, body: &mut String) {
    let [number, text, description] = names;
    body.push_str(",\"");
    body.push_str(number);
    body.push_str("\":");
    body.push_str(&code.number().to_string());
    body.push(',');
    member(text, code.phrase(), body);
    body.push(',');
    member(
        description,
        detail.as_deref().unwrap_or(fault.row().sentence),
        body,
    );
}

/// `verifyResults`: one for each PASSporT.
fn results(report: &Report, body: &mut String) {
    for (place, passport) in report.passports.iter().enumerate() {
        body.push_str(match place {
            0 => ",\"verifyResults\":[{\"verifyResult\":{",
            _ => ",{\"verifyResult\":{",
        });
        result(passport, report, body);
        body.push_str("}}");
    }
    if !report.passports.is_empty() {
        body.push(']');
    }
}

fn result(passport: &PassportReport, report: &Report, body: &mut String) {
    member("ppt", passport.ppt().unwrap_or_default(), body);
    body.push(',');
    if passport.verdict == Verdict::Passed {
        member("status", "pass", body);
        if let Some(claims) = report.valid_claims(passport) {
            body.push_str(",\"validClaims\":");
            body.push_str(&claims);
        }
        return;
    }
    member("status", "fail", body);
    // What counts as if it were not there is not supported.
    let fault = passport.verdict.fault().unwrap_or(Fault::PptUnsupported);
    let names = ["reasonCode", "reasonText", "reasonDescription"];
    reason(names, fault, fault.code(), passport.detail(), body);
    body.push(',');
    member("passport", passport.token.as_str(), body);
}

fn member(name: &str, value: &str, body: &mut String) {
    write_string(name, body);
    body.push(':');
    write_string(value, body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_passes_if_every_value_is_honoured() {
        let values: Vec<ResourceValue> = ["ets.0", "wps.1"].map(|one| one.parse().unwrap()).into();
        assert!(is_covered(Asked::Whole, &values, &values));
        assert!(!is_covered(Asked::Whole, &values, &values[..1]));
        assert!(!is_covered(Asked::Partly, &values, &values));
        assert!(is_covered(Asked::Nothing, &[], &[]));
    }
}
