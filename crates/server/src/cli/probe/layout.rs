//! What a probe has found out, for people; and what it comes to.

use super::super::Outcome;
use super::super::columns::lines;
use super::super::console::{Console, Tone, visible};
use super::conversation::{Conversation, Heard};
use countersign::identity::Identity;
use countersign::verification::Report;
use countersign::verification::answer::AnswerStanding;
use countersign_sip::inquiry::asker::{Delivery, Ended};
use countersign_sip::inquiry::session::Offer;
use std::time::Duration;

/// Columns of a word in front of its line.
const WORD: usize = 11;

/// Whether it is proven who answers, and that this is as it should be.
pub(super) fn is_proven(report: &Report) -> bool {
    standing(report).is_proven()
}

/// Whether nobody has signed.
pub(super) fn is_absent(report: &Report) -> bool {
    standing(report) == AnswerStanding::Absent
}

pub(super) fn standing(report: &Report) -> AnswerStanding {
    let answer = report.answer.as_deref();
    answer.map_or(AnswerStanding::Absent, |answer| answer.standing)
}

/// The answer that counts: the best one.
fn best(conversation: &Conversation) -> Option<&Heard> {
    let rank = |heard: &&Heard| match standing(&heard.report) {
        AnswerStanding::Matching => 0,
        AnswerStanding::Diverted => 1,
        AnswerStanding::NotValidated(_) => 2,
        AnswerStanding::Absent => 3,
        AnswerStanding::Unexpected(_) => 4,
    };
    conversation.heard.iter().min_by_key(rank)
}

/// What a probe comes to.
pub(super) fn outcome(probe: &Conversation) -> Outcome {
    match (
        best(probe).map(|heard| standing(&heard.report)),
        &probe.ended,
    ) {
        (Some(standing), _) => worth(standing),
        (None, Ended::Unreachable) => Outcome::Unable,
        (None, _) => Outcome::NotValidated,
    }
}

fn worth(standing: AnswerStanding) -> Outcome {
    match standing {
        AnswerStanding::Diverted | AnswerStanding::Matching => Outcome::Done,
        AnswerStanding::NotValidated(_) => Outcome::NotValidated,
        AnswerStanding::Absent => Outcome::Unsigned,
        AnswerStanding::Unexpected(_) => Outcome::Failed,
    }
}

/// What a call comes to whose probe was good: whoever answered it must be the same.
pub(super) fn same(probe: &Conversation, call: &Conversation) -> Outcome {
    let answered = call
        .heard
        .iter()
        .find(|heard| heard.answer.delivery == Delivery::Final);
    let Some(answered) = answered else {
        // Somebody who rings and is not who they should be was hung up on.
        let bad = call
            .heard
            .iter()
            .map(|heard| worth(standing(&heard.report)));
        return bad
            .into_iter()
            .find(|outcome| *outcome == Outcome::Failed)
            .unwrap_or(Outcome::NotValidated);
    };
    match worth(standing(&answered.report)) {
        Outcome::Done if best(probe).and_then(reached) == reached(answered) => Outcome::Done,
        Outcome::Done => Outcome::Failed,
        outcome => outcome,
    }
}

/// Who was reached, if that is proven.
pub(super) fn reached(heard: &Heard) -> Option<&Identity> {
    heard.report.answer.as_deref()?.reached.as_ref()
}

/// The name of an ending.
pub(super) fn ended(ended: &Ended) -> &'static str {
    match ended {
        Ended::Answered => "answered",
        Ended::Cancelled => "cancelled",
        Ended::Redirected(_) => "redirected",
        Ended::Refused(_) => "refused",
        Ended::Silent => "silent",
        Ended::Unreachable => "unreachable",
    }
}

pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

pub(super) fn print(
    uri: &str,
    probe: &Conversation,
    call: Option<&Conversation>,
    outcome: Outcome,
    console: &mut Console,
) {
    let (tone, headline) = headline(probe, call, outcome);
    let headline = console.paint(tone, headline);
    console.line(format_args!("{}: {headline}", visible(uri)));
    tell("probe", probe, console);
    if let Some(call) = call {
        tell("call", call, console);
    }
}

fn headline(probe: &Conversation, call: Option<&Conversation>, outcome: Outcome) -> (Tone, String) {
    let who = best(probe).and_then(reached).map(ToString::to_string);
    let who = visible(&who.unwrap_or_else(|| "somebody".to_owned()));
    match (outcome, call) {
        (Outcome::Done, None) => (Tone::Good, format!("{who} would answer")),
        (Outcome::Done, Some(_)) => (
            Tone::Good,
            format!("{who} answered, who had been announced"),
        ),
        (Outcome::Failed, None) => (
            Tone::Bad,
            "whoever would answer is not who should".to_owned(),
        ),
        (Outcome::Failed, Some(_)) => (
            Tone::Bad,
            format!("{who} was announced, and somebody else answered"),
        ),
        (Outcome::Unsigned, None) => (Tone::Unsure, "nobody proves who would answer".to_owned()),
        (Outcome::Unsigned, Some(_)) => (
            Tone::Unsure,
            format!("{who} was announced, and nobody proves who answered"),
        ),
        (_, None) => (Tone::Unsure, "it is not known who would answer".to_owned()),
        (_, Some(_)) => (
            Tone::Unsure,
            format!("{who} was announced, and it is not known who answered"),
        ),
    }
}

fn tell(what: &'static str, conversation: &Conversation, console: &mut Console) {
    let detail = match &conversation.ended {
        Ended::Refused(refused) if refused.lacks_reliability => {
            format!(
                "refused: {} {}; there are no reliable provisional responses there, so no probes",
                refused.status, refused.phrase
            )
        }
        Ended::Refused(refused) => format!("refused: {} {}", refused.status, refused.phrase),
        Ended::Redirected(contacts) => format!("redirected to {}", contacts.join(", ")),
        other => ended(other).to_owned(),
    };
    let line = format!(
        "{} after {} ms",
        visible(&detail),
        millis(conversation.took)
    );
    lines(console, &[(what, WORD, Tone::Plain)], &line, Tone::Plain);
    for heard in &conversation.heard {
        tell_answer(heard, console);
    }
}

fn tell_answer(heard: &Heard, console: &mut Console) {
    let standing = standing(&heard.report);
    let tone = match worth(standing) {
        Outcome::Done => Tone::Good,
        Outcome::Failed => Tone::Bad,
        _ => Tone::Unsure,
    };
    let fault = standing
        .fault()
        .map_or_else(String::new, |fault| format!(" ({})", fault.name()));
    let answer = &heard.answer;
    let text = format!(
        "{}, {}, {}, after {} ms{fault}",
        answer.status(),
        delivery(answer.delivery),
        offer(answer.offer),
        millis(heard.after)
    );
    lines(
        console,
        &[("", WORD, Tone::Plain), (standing.name(), WORD + 2, tone)],
        &text,
        Tone::Plain,
    );
    let mut facts = Vec::new();
    if let Some(reached) = reached(heard) {
        facts.push(("reached", reached.to_string()));
    }
    for passport in &heard.report.passports {
        let says = passport.dest().map(|dest| {
            let all: Vec<_> = dest.iter().map(|one| one.to_string()).collect();
            all.join(" ")
        });
        let signer = passport
            .signer
            .as_ref()
            .map_or("nobody known", |signer| signer.subject());
        let line = format!(
            "{} to {}, {}, signed by {signer} ({})",
            passport.ppt().unwrap_or("PASSporT"),
            says.unwrap_or_default(),
            passport.verdict.name(),
            passport.x5u().unwrap_or_default()
        );
        facts.push(("proof", line));
    }
    if heard.answer.is_alerting() {
        facts.push(("note", "a telephone rang".to_owned()));
    }
    for (word, text) in facts {
        let text = visible(&text);
        lines(
            console,
            &[("", WORD, Tone::Plain), (word, WORD, Tone::Faint)],
            &text,
            Tone::Plain,
        );
    }
}

pub(super) const fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Final => "final",
        Delivery::Reliable => "reliable",
        Delivery::Unreliable => "unreliable",
    }
}

pub(super) const fn offer(offer: Offer) -> &'static str {
    match offer {
        Offer::None => "no offer",
        Offer::WithMedia => "with media",
        Offer::WithoutMedia => "without media",
    }
}
