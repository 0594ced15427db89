//! Whatever comes, in whatever order: nothing panics, nothing stays for ever, and there is never more than there is room for.
//!
//! ```text
//!   scraps of real calls, with bytes changed ──▶ proxy ──▶ its own messages, changed, come back ──▶ …
//! ```

use super::simulation::Luck;
use super::{Table, hop, invite, options, perhaps_received, request, tcp, trunk, udp};
use countersign::verification::{Fault, Verdict};
use countersign_sip::call::TrustPai;
use countersign_sip::element::{Input, Judgement};
use countersign_sip::flow::Transport;
use countersign_sip::message::{Framing, Message};
use countersign_sip::trunk::{
    Bypass, BypassCause, Mode, RedirectDialect, RedirectForm, Role, Trunk,
};
use std::sync::Arc;

const ROUNDS: u64 = 300;
const STEPS: u64 = 60;
const ROOM: usize = 12;

fn changed(luck: &mut Luck, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..luck.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = luck.below(bytes.len() as u64) as usize;
        match luck.below(4) {
            0 => bytes[at] = luck.below(256) as u8,
            1 => bytes[at] = b";,<>\"=: \r\n0"[luck.below(11) as usize],
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

fn scrap(luck: &mut Luck) -> String {
    let branch = format!("z9hG4bK{}", luck.below(6));
    let method = ["INVITE", "ACK", "CANCEL", "OPTIONS", "MESSAGE", "FOO"][luck.below(6) as usize];
    let headers = [
        "",
        "Identity: a.b.c;info=<https://x.example/c.pem>\r\n",
        "Route: <sip:proxy.example;lr>, <sip:strict.example>\r\nProxy-Require: x\r\n",
        "P-Asserted-Identity: <tel:+12025550102;verstat=x>\r\nDate: today\r\nReason: Q.850;cause=16\r\n",
    ][luck.below(4) as usize];
    let text = request(method, &branch, headers);
    match luck.below(6) {
        0 => text.replace(";branch=z9hG4bK", ";nobranch="),
        1 => text.replace("sip:+12025550101@b.example", "sips:+12025550101@b.example"),
        2 => text.replace("Max-Forwards: 70\r\n", ""),
        _ => text,
    }
}

fn step(luck: &mut Luck, table: &mut Table, replies: &mut Vec<String>) {
    let text = match luck.below(3) {
        0 if !replies.is_empty() => replies[luck.below(replies.len() as u64) as usize].clone(),
        1 => invite(""),
        _ => scrap(luck),
    };
    let flow = match luck.below(3) {
        0 => tcp("192.0.2.10:5060", luck.below(3)),
        1 => udp("192.0.2.20:5060"),
        _ => udp("192.0.2.10:5060"),
    };
    let trunk = (!luck.percent(10)).then(|| Arc::clone(&table.trunk));
    let bytes = changed(luck, &text);
    table.handle(perhaps_received(bytes.into(), flow, trunk));
    answer_the_proxy(luck, table, replies);
    let pause = luck.below(2_000);
    table.wait(pause);
}

/// Everything that the proxy wants gets some answer, right or wrong, or none.
fn answer_the_proxy(luck: &mut Luck, table: &mut Table, replies: &mut Vec<String>) {
    for sent in table.sent() {
        let is_request = !sent.text.starts_with("SIP/2.0");
        let redirects = matches!(table.trunk.mode, Mode::Redirect(_));
        assert!(
            !is_request || !redirects,
            "nothing is sent on: {}",
            sent.text
        );
        let bytes = sent.text.clone().into_bytes();
        let answer = Message::parse(bytes.into(), Framing::Datagram);
        assert!(answer.is_ok() || !redirects, "{}", sent.text);
        if is_request {
            let status = ["100 Trying", "180 Ringing", "200 OK", "486 Busy", "503 No"]
                [luck.below(5) as usize];
            replies.push(super::answer_to_text(&sent.text, status));
            replies.push(sent.text.clone());
        }
        if luck.percent(10) && sent.by.is_some() {
            table.transport_failed(&sent);
        }
    }
    let (judged, signed) = (
        std::mem::take(&mut table.judge),
        std::mem::take(&mut table.sign),
    );
    for judge in judged {
        let judgement = Judgement {
            verdict: Verdict::NotValidated(Fault::CertificateUnavailable),
            code: None,
            attestation: None,
            consequences: None,
            key: None,
            provider: None,
            msec: None,
        };
        table.handle(Input::Judged {
            id: judge.id,
            judgement,
        });
    }
    for sign in signed {
        let identity = luck.percent(50).then(|| "x.y.z".into());
        table.handle(Input::Signed {
            id: sign.id,
            identities: identity.into_iter().collect(),
        });
    }
}

/// This test verifies that no input breaks the proxy, and that time heals everything.
#[test]
fn nothing_that_comes_breaks_the_proxy() {
    rounds(|luck, trunk| {
        trunk.role = [Role::None, Role::Sign, Role::Verify, Role::Both][luck.below(4) as usize];
        trunk.next_hops.push(hop(Transport::Tcp, "192.0.2.21:5060"));
    });
}

/// This test verifies the same of calls that are answered with where to go; `answer_the_proxy` sees that none is sent on.
#[test]
fn nothing_that_comes_breaks_a_redirect() {
    rounds(|luck, trunk| {
        trunk.role = [Role::None, Role::Sign, Role::Verify, Role::Both][luck.below(4) as usize];
        trunk.next_hops.clear();
        let form = [
            RedirectForm::Contact,
            RedirectForm::Header,
            RedirectForm::XHeaders,
        ];
        trunk.mode = Mode::Redirect(RedirectDialect {
            form: form[luck.below(3) as usize],
            ..RedirectDialect::default()
        });
        trunk.attestation_header = Some("Attestation".into());
        if luck.percent(50) {
            trunk.call.trust_pai = TrustPai::Trusted;
        }
        trunk.bypass = Some(Arc::new(Bypass {
            header: "P-Identity-Bypass".into(),
            token: "t".into(),
            on: vec![BypassCause::NotVerifiable],
        }));
    });
}

fn rounds(change: impl Fn(&mut Luck, &mut Trunk)) {
    for seed in 0..ROUNDS {
        let mut luck = Luck(seed);
        let mut trunk = trunk();
        change(&mut luck, &mut trunk);
        let mut options = options();
        options.max_contexts = ROOM;
        let mut table = Table::with(trunk, options);
        let mut replies = Vec::new();
        for _ in 0..STEPS {
            step(&mut luck, &mut table, &mut replies);
            assert!(table.element.contexts() <= ROOM, "seed {seed}");
        }
        table.ends_clean();
    }
}
