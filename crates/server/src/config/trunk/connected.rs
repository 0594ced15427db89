//! `connected_identity` and `[trunks.connected]`: whether answers are signed and checked, and what follows.
//!
//! The switch alone is all that a border controller needs: what follows from it depends on the trunk's role and mode. Each key of the
//! table is something that shall be otherwise.

use super::super::place::{Cause, Expected};
use super::super::reader::Reader;
use super::redirect::REJECTED;
use countersign::number::{TelephoneNumber, TelephoneNumberRange};
use countersign_sip::trunk::{
    AnswerChecking, AnswerSigning, Connected, DivertedAnswers, MediaSecurity, MidDialog, Mode,
    Pinning, Probes, Reflecting, Required, RichBackwards, Role,
};

const SWITCH: [(&str, bool); 2] = [("off", false), ("on", true)];
const SIGN: [(&str, AnswerSigning); 3] = [
    ("off", AnswerSigning::Off),
    ("own-numbers", AnswerSigning::OwnNumbers),
    ("all", AnswerSigning::All),
];
const RICH: [(&str, RichBackwards); 3] = [
    ("never", RichBackwards::Never),
    ("opt-in", RichBackwards::OptIn),
    ("institutions", RichBackwards::Institutions),
];
const CHECK: [(&str, AnswerChecking); 3] = [
    ("off", AnswerChecking::Off),
    ("report", AnswerChecking::Report),
    ("require", AnswerChecking::Require),
];
const MID_DIALOG: [(&str, MidDialog); 4] = [
    ("off", MidDialog::Off),
    ("signed", MidDialog::Signed),
    ("reported", MidDialog::Reported),
    ("enforced", MidDialog::Enforced),
];
const PIN: [(&str, Pinning); 3] = [
    ("off", Pinning::Off),
    ("identity", Pinning::Identity),
    ("key", Pinning::Key),
];
const MEDIA: [(&str, MediaSecurity); 3] = [
    ("off", MediaSecurity::Off),
    ("opportunistic", MediaSecurity::Opportunistic),
    ("required", MediaSecurity::Required),
];
const PROBES: [(&str, Asked); 5] = [
    ("never", Asked::Never),
    ("authenticated", Asked::Authenticated),
    ("anonymous", Asked::Anonymous),
    ("listed", Asked::Listed),
    ("forward", Asked::Forwarded),
];
const REQUIRE: [(&str, Requires); 3] = [
    ("never", Requires::Never),
    ("listed", Requires::Listed),
    ("always", Requires::Always),
];

/// `require`, before it is known which numbers are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Requires {
    Never,
    Listed,
    Always,
}

/// `probes`, before it is known which numbers are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Never,
    Authenticated,
    Anonymous,
    Listed,
    Forwarded,
}

/// What a number or a range looks like.
const NUMBERS: &str = "a number or a range, such as \"12025550100\" or \"12025550100-12025550199\"";

/// How the answers of a trunk are signed and checked; `None` if they are not.
pub(super) fn read(reader: &mut Reader<'_>, role: Role, mode: &Mode) -> Option<Connected> {
    let switch = reader.choice("connected_identity", &SWITCH);
    let (written, place) = reader.written_items("connected");
    let mut table = reader.table("connected");
    let mut connected = usual(role, mode);
    signing(&mut table, &mut connected);
    checking(&mut table, &mut connected);
    dialogs(&mut table, &mut connected, mode);
    connected.probes = probes(&mut table);
    if connected.probes != Probes::Never && connected.sign == AnswerSigning::Off {
        let (_, place) = table.written_items("probes");
        let cause = Cause::Requires("sign = \"all\" or \"own-numbers\"");
        table.note("probes", &place, cause);
    }
    table.finish();
    let is_on = switch.unwrap_or(written > 0);
    if !is_on {
        return None;
    }
    let (key, place) = match reader.written_items("connected_identity") {
        (0, _) => ("connected", place),
        (_, place) => ("connected_identity", place),
    };
    if matches!(mode, Mode::Http | Mode::Redirect(_)) {
        let cause = Cause::Requires("mode = \"proxy\" or \"b2bua\": no answers come here");
        reader.note(key, &place, cause);
    }
    if connected.sign != AnswerSigning::Off && reader.written_items("tenant").0 == 0 {
        reader.note(key, &place, Cause::Requires("tenant"));
    }
    Some(connected)
}

/// What the switch means: whose calls we sign, their answers are checked; whose calls we verify, their answers are signed.
fn usual(role: Role, mode: &Mode) -> Connected {
    let mut connected = Connected::on();
    if role == Role::Sign {
        connected.sign = AnswerSigning::Off;
    }
    if matches!(role, Role::None | Role::Verify) {
        connected.check = AnswerChecking::Off;
    }
    if !matches!(mode, Mode::B2bua(_)) {
        connected.mid_dialog = MidDialog::Off;
    }
    connected
}

fn signing(table: &mut Reader<'_>, connected: &mut Connected) {
    if let Some(sign) = table.choice("sign", &SIGN) {
        connected.sign = sign;
    }
    let reflects = connected.reflection == Reflecting::Reflected;
    connected.reflection = match table.boolean("reflect_div", reflects).value {
        true => Reflecting::Reflected,
        false => Reflecting::Withheld,
    };
    if let Some(rich) = table.choice("rich_data", &RICH) {
        connected.rich = rich;
    }
}

fn checking(table: &mut Reader<'_>, connected: &mut Connected) {
    if let Some(check) = table.choice("check", &CHECK) {
        connected.check = check;
    }
    connected.require = required(table, connected.check);
    let accepts = connected.diverted == DivertedAnswers::Accepted;
    connected.diverted = match table.boolean("accept_diverted", accepts).value {
        true => DivertedAnswers::Accepted,
        false => DivertedAnswers::Refused,
    };
    if let Some(media) = table.choice("media_security", &MEDIA) {
        connected.media = media;
    }
    if let Some(status) = table.number("refusal_code", REJECTED) {
        connected.refusal = status;
    }
}

/// Which calls need a proven answer. Whoever writes `check = "require"` and nothing else means all.
fn required(table: &mut Reader<'_>, check: AnswerChecking) -> Required {
    let (listed, _) = table.written_items("require_numbers");
    let written = table.choice("require", &REQUIRE);
    let (_, place) = table.written_items("require");
    let requires = written.unwrap_or(match (check, listed) {
        (AnswerChecking::Require, 0) => Requires::Always,
        (AnswerChecking::Require, _) => Requires::Listed,
        (AnswerChecking::Off | AnswerChecking::Report, _) => Requires::Never,
    });
    let is_checked = check == AnswerChecking::Require;
    if !is_checked && requires != Requires::Never {
        table.note("require", &place, Cause::Requires("check = \"require\""));
    }
    if is_checked && requires == Requires::Never {
        let expected = Expected::Text("\"listed\" or \"always\" beside check = \"require\"");
        table.note("require", &place, Cause::Value(expected));
    }
    let what = (requires == Requires::Listed).then_some("which numbers need a proven answer");
    let numbers = numbers(table, "require_numbers", what, "require = \"listed\"");
    match requires {
        Requires::Never => Required::Never,
        Requires::Always => Required::Always,
        Requires::Listed => Required::Listed(numbers),
    }
}

fn probes(table: &mut Reader<'_>) -> Probes {
    let asked = table.choice("probes", &PROBES).unwrap_or(Asked::Never);
    let what = (asked == Asked::Listed).then_some("who may ask");
    let numbers = numbers(table, "probe_callers", what, "probes = \"listed\"");
    match asked {
        Asked::Never => Probes::Never,
        Asked::Authenticated => Probes::Authenticated,
        Asked::Anonymous => Probes::Anonymous,
        Asked::Forwarded => Probes::Forwarded,
        Asked::Listed => Probes::Listed(numbers),
    }
}

/// A list of numbers, which must be there if `what` it is for is wanted, and must not without `other`.
fn numbers<'a>(
    table: &mut Reader<'a>,
    key: &'a str,
    what: Option<&'static str>,
    other: &'static str,
) -> Vec<TelephoneNumberRange> {
    let numbers = table.list(key, NUMBERS, range).unwrap_or_default();
    let (written, place) = table.written_items(key);
    match (what, written) {
        (Some(what), 0) => table.note(key, &place, Cause::Missing(what)),
        (None, 1..) => table.note(key, &place, Cause::Requires(other)),
        _ => {}
    }
    numbers.into_iter().map(|range| range.value).collect()
}

fn dialogs(table: &mut Reader<'_>, connected: &mut Connected, mode: &Mode) {
    if let Some(mid_dialog) = table.choice("mid_dialog", &MID_DIALOG) {
        let (_, place) = table.written_items("mid_dialog");
        if mid_dialog != MidDialog::Off && !matches!(mode, Mode::B2bua(_)) {
            table.note("mid_dialog", &place, Cause::Requires("mode = \"b2bua\""));
        }
        connected.mid_dialog = mid_dialog;
    }
    if let Some(pin) = table.choice("pin", &PIN) {
        connected.pin = pin;
    }
}

/// One number, or the first and the last, or the first and how many.
fn range(text: &str) -> Option<TelephoneNumberRange> {
    let number = |text: &str| text.trim().parse::<TelephoneNumber>().ok();
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (number(first)?, number(last)?);
        let count = last.digits()?.checked_sub(first.digits()?)?.checked_add(1);
        let same_length = first.len() == last.len();
        return TelephoneNumberRange::new(first, count.filter(|_| same_length)?).ok();
    }
    match text.split_once('+') {
        Some((first, count)) => {
            TelephoneNumberRange::new(number(first)?, count.trim().parse().ok()?).ok()
        }
        None => TelephoneNumberRange::single(number(text)?),
    }
}
