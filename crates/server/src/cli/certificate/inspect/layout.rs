//! What a certificate says, for people.

use super::super::super::columns::lines;
use super::super::super::console::{Console, Tone, visible};
use super::super::documents::Document;
use super::super::names::numbered;
use super::record::{Entry, Record, is_told};
use countersign::certificate::Certificate;
use countersign::time::UnixTime;

/// Columns of a word in front of its line.
const WORD: usize = 13;

/// Most entries of a TN Authorization List that are shown; `--json` has all of them.
const MAX_ENTRIES: usize = 20;

/// Which certificate of which file; of a URL also what its repository says it is.
pub(super) fn print_title(
    document: &Document,
    place: Option<(usize, usize)>,
    console: &mut Console,
) {
    let mut note = match place {
        None | Some((_, 1)) => String::new(),
        Some((index, count)) => format!(", certificate {index} of {count}"),
    };
    if let Some(visit) = document.visit() {
        note += match &*visit.media_type {
            "" => ", without a media type",
            _ => ", ",
        };
        note += &visit.media_type;
    }
    let note = console.paint(Tone::Faint, visible(&note));
    console.line(format_args!("{}{note}", visible(&document.name)));
}

/// Why there is nothing to show.
pub(super) fn print_unread(error: &str, console: &mut Console) {
    lines(console, &[("error", WORD, Tone::Bad)], error, Tone::Plain);
}

/// Everything else.
pub(super) fn print(
    record: &Record<'_>,
    certificate: &Certificate,
    now: UnixTime,
    console: &mut Console,
) {
    fact("subject", &record.subject, console);
    for name in &record.names {
        fact("", name, console);
    }
    let issuer = match certificate.is_self_issued() {
        true => "itself",
        false => &record.issuer,
    };
    fact("issuer", issuer, console);
    validity(record, certificate, now, console);
    fact("serial", &record.serial, console);
    fact(
        "key",
        &format!("{}{}", record.key, purpose(record)),
        console,
    );
    let version = match record.version {
        3 => String::new(),
        version => format!(", X.509 version {version}"),
    };
    fact(
        "signed with",
        &(record.signature.clone() + &version),
        console,
    );
    numbers(record, console);
    claims(record, console);
    let mut title = "policies";
    for policy in certificate.policies() {
        fact(title, &numbered(policy), console);
        title = "";
    }
    revocation(record, console);
    let mut title = "more at";
    for access in &record.access {
        let url = access.url.as_deref().unwrap_or("no URL");
        fact(title, &format!("{url} ({})", access.method), console);
        title = "";
    }
    for (title, identifier) in [("subject key", &record.ski), ("issuer key", &record.aki)] {
        if let Some(identifier) = identifier {
            fact(title, identifier, console);
        }
    }
    others(record, console);
    fact("sha256", &record.sha256, console);
    for malformed in &record.malformed {
        let error = format!("{malformed} cannot be read, so no path goes through it");
        lines(
            console,
            &[("malformed", WORD, Tone::Bad)],
            &error,
            Tone::Plain,
        );
    }
}

fn validity(record: &Record<'_>, certificate: &Certificate, now: UnixTime, console: &mut Console) {
    let span = format!(
        "{} to {}",
        record.validity.not_before, record.validity.not_after
    );
    let validity = certificate.validity();
    let (note, tone) = if now > validity.not_after {
        (", expired", Tone::Bad)
    } else if now < validity.not_before {
        (", not yet valid", Tone::Unsure)
    } else {
        ("", Tone::Plain)
    };
    lines(
        console,
        &[("valid", WORD, Tone::Faint)],
        &(span + note),
        tone,
    );
}

/// What the key may do.
fn purpose(record: &Record<'_>) -> String {
    let of = match (record.ca, record.path_length) {
        (false, _) => "of an end entity".to_owned(),
        (true, None) => "of an authority".to_owned(),
        (true, Some(0)) => "of an authority that certifies end entities only".to_owned(),
        (true, Some(length)) => format!("of an authority, path length {length}"),
    };
    let uses = match &record.key_usage {
        None => "for any use".to_owned(),
        Some(uses) => format!("for {}", uses.join(", ")),
    };
    format!(" {of}, {uses}")
}

fn numbers(record: &Record<'_>, console: &mut Console) {
    let mut title = "speaks for";
    if let Some(url) = &record.tnauthlist_url {
        fact(title, &format!("whatever is listed at {url}"), console);
        title = "";
    }
    let entries = record.tnauthlist.as_deref().unwrap_or_default();
    for entry in entries.iter().take(MAX_ENTRIES) {
        let text = match entry {
            Entry::One(number) => number.clone(),
            Entry::Range { start, count } => format!("{start} and the {} after it", count - 1),
            Entry::Spc(code) => format!("provider {code}"),
        };
        fact(title, &text, console);
        title = "";
    }
    let more = entries.len().saturating_sub(MAX_ENTRIES);
    if more > 0 {
        fact(
            "",
            &format!("and {more} more entries; --json shows all"),
            console,
        );
    }
}

/// What the claims of tokens are held to.
fn claims(record: &Record<'_>, console: &mut Console) {
    let mut title = "claims";
    let mut say = |text: String| {
        fact(title, &text, console);
        title = "";
    };
    for constraints in &record.constraints {
        if !constraints.must_include.is_empty() {
            say(format!("must have {}", constraints.must_include.join(", ")));
        }
        for permitted in &constraints.permitted_values {
            say(format!(
                "{} only as {}",
                permitted.claim,
                permitted.values.join(", ")
            ));
        }
        if !constraints.must_exclude.is_empty() {
            say(format!(
                "must not have {}",
                constraints.must_exclude.join(", ")
            ));
        }
    }
}

/// Where revocations are published.
fn revocation(record: &Record<'_>, console: &mut Console) {
    let mut title = "revocations";
    for point in &record.crl {
        let urls = match point.urls.as_slice() {
            [] => "no URL".to_owned(),
            urls => urls.join(" "),
        };
        fact(title, &urls, console);
        if let Some(issuer) = &point.issuer {
            fact("", &format!("by {issuer}"), console);
        }
        title = "";
    }
    if record.no_revocation {
        fact(title, "never published (noRevAvail)", console);
    }
}

/// Extensions without a line of their own.
fn others(record: &Record<'_>, console: &mut Console) {
    let mut title = "also has";
    for extension in record.extensions.iter().filter(|one| !is_told(one)) {
        let name = extension
            .name
            .map_or_else(String::new, |name| format!("{name}, "));
        let critical = if extension.critical { ", critical" } else { "" };
        fact(
            title,
            &format!("{name}{}{critical}", extension.oid),
            console,
        );
        title = "";
    }
}

fn fact(word: &str, text: &str, console: &mut Console) {
    lines(console, &[(word, WORD, Tone::Faint)], text, Tone::Plain);
}
