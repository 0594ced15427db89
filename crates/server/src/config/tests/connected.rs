//! What a trunk says of answers is what is done, and what makes no sense is told.

use super::{mistakes, parse_text, with_trunk};
use countersign_sip::trunk::{
    AnswerChecking, AnswerSigning, Connected, DivertedAnswers, MidDialog, Pinning, Probes,
    Reflecting, RejectionStatus, Required, RichBackwards,
};

const TENANT: &str = "[[tenants]]\nname = \"acme\"\ncertificate_file = \"c\"\nkey_file = \"k\"\nx5u = \"https://cert.example.com/c.pem\"\n";

/// What the one trunk does with answers.
#[track_caller]
fn connected(lines: &str) -> Option<Connected> {
    let text = with_trunk(&format!("tenant = \"acme\"\n{lines}\n{TENANT}"));
    let config = parse_text(&text).unwrap_or_else(|told| panic!("{told:#?}"));
    config.trunks[0].trunk.connected.as_deref().cloned()
}

#[test]
fn nothing_is_done_unless_it_is_written() {
    assert_eq!(connected("role = \"both\""), None);
    assert_eq!(connected("connected_identity = \"off\""), None);
    let off = "connected_identity = \"off\"\n[trunks.connected]\ncheck = \"require\"";
    assert_eq!(connected(off), None);
}

#[test]
fn one_line_turns_on_what_the_role_and_the_mode_have_use_for() {
    let done = |lines: &str| {
        let all = connected(&format!("connected_identity = \"on\"\n{lines}")).unwrap();
        (all.sign, all.check, all.mid_dialog)
    };
    let (sign, check) = (AnswerSigning::All, AnswerChecking::Report);
    let (no_sign, no_check) = (AnswerSigning::Off, AnswerChecking::Off);
    let (proxied, held) = (MidDialog::Off, MidDialog::Reported);
    assert_eq!(done("role = \"verify\""), (sign, no_check, proxied));
    assert_eq!(done("role = \"sign\""), (no_sign, check, proxied));
    assert_eq!(done("role = \"none\""), (sign, no_check, proxied));
    let both = "role = \"both\"\nmode = \"b2bua\"";
    assert_eq!(done(both), (sign, check, held));
    let all = connected(&format!("connected_identity = \"on\"\n{both}")).unwrap();
    assert_eq!(all, Connected::on());
    // The table alone is as good.
    let table = format!("{both}\n[trunks.connected]\npin = \"identity\"");
    assert_eq!(connected(&table), Some(Connected::on()));
}

#[test]
fn every_key_says_something_else() {
    let written = "role = \"both\"\nmode = \"b2bua\"\n[trunks.connected]\nsign = \"own-numbers\"\nreflect_div = false\n\
         rich_data = \"opt-in\"\ncheck = \"require\"\nrequire_numbers = [\"12025550100\", \"+12025550110-12025550119\", \"12025550120+10\"]\n\
         accept_diverted = false\nrefusal_code = 480\nmid_dialog = \"enforced\"\npin = \"key\"\nprobes = \"listed\"\n\
         probe_callers = [\"12025550199\"]\nmedia_security = \"required\"";
    let all = connected(written).unwrap();
    assert_eq!(all.sign, AnswerSigning::OwnNumbers);
    assert_eq!(all.reflection, Reflecting::Withheld);
    assert_eq!(all.rich, RichBackwards::OptIn);
    assert_eq!(all.check, AnswerChecking::Require);
    let Required::Listed(ranges) = &all.require else {
        panic!("{all:?}")
    };
    let counts: Vec<_> = ranges.iter().map(|range| range.count()).collect();
    assert_eq!(counts, [1, 10, 10]);
    assert_eq!(all.diverted, DivertedAnswers::Refused);
    assert_eq!(all.refusal, RejectionStatus::TemporarilyUnavailable);
    assert_eq!(
        (all.mid_dialog, all.pin),
        (MidDialog::Enforced, Pinning::Key)
    );
    assert!(matches!(&all.probes, Probes::Listed(callers) if callers.len() == 1));
    let always = "role = \"sign\"\n[trunks.connected]\ncheck = \"require\"";
    assert_eq!(connected(always).unwrap().require, Required::Always);
}

#[test]
fn what_makes_no_sense_is_told() {
    let told = |lines: &str| {
        let told = mistakes(&with_trunk(lines));
        told.iter()
            .map(|one| one.split_once(": ").unwrap().1.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told("role = \"verify\"\nconnected_identity = \"on\""),
        ["trunks[0].connected_identity: it needs tenant; add it"]
    );
    assert_eq!(
        told("role = \"none\"\n[trunks.connected]\nsign = \"off\"\nmid_dialog = \"enforced\""),
        ["trunks[0].connected.mid_dialog: it needs mode = \"b2bua\"; add it"]
    );
    assert_eq!(
        told(
            "[trunks.connected]\nsign = \"off\"\nrequire = \"always\"\nrequire_numbers = [\"12025550100\"]\nprobe_callers = [\"x\"]"
        ),
        [
            "trunks[0].connected.require: it needs check = \"require\"; add it",
            "trunks[0].connected.require_numbers: it needs require = \"listed\"; add it",
            "trunks[0].connected.probe_callers: it takes a number or a range, such as \"12025550100\" or \"12025550100-12025550199\", in quotes",
            "trunks[0].connected.probe_callers: it needs probes = \"listed\"; add it",
        ]
    );
    assert_eq!(
        told(
            "[trunks.connected]\nsign = \"off\"\ncheck = \"require\"\nrequire = \"never\"\nprobes = \"listed\""
        ),
        [
            "trunks[0].connected.probe_callers: who may ask is missing; add it",
            "trunks[0].connected.require: it takes \"listed\" or \"always\" beside check = \"require\", in quotes",
            "trunks[0].connected.probes: it needs sign = \"all\" or \"own-numbers\"; add it",
        ]
    );
    let probed = "[trunks.connected]\nsign = \"off\"\nprobes = \"authenticated\"";
    assert_eq!(
        told(probed),
        ["trunks[0].connected.probes: it needs sign = \"all\" or \"own-numbers\"; add it"]
    );
    let listed = "[trunks.connected]\nsign = \"off\"\ncheck = \"require\"\nrequire = \"listed\"";
    assert_eq!(
        told(listed),
        [
            "trunks[0].connected.require_numbers: which numbers need a proven answer is missing; add it"
        ]
    );
    let asked = "[[trunks]]\nname = \"t\"\naddresses = [\"192.0.2.1\"]\nmode = \"http\"\nconnected_identity = \"on\"\n[trunks.connected]\nsign = \"off\"";
    assert_eq!(
        mistakes(asked),
        [
            "c.toml:5: trunks[0].connected_identity: it needs mode = \"proxy\" or \"b2bua\": no answers come here; add it"
        ]
    );
}
