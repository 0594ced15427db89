//! What goes: whether it was due, and what else may be sent.

use super::{Branch, Must, Shadow};
use crate::bad_network::text::{self, branch, first_line, method, status, to_tag};
use crate::bad_network::{is_tcp_hop, promises};
use crate::transactions::model::{Did, Event, Figure, Model};
use countersign_sip::flow::{Target, Transport};
use countersign_sip::transaction::{Reliability, Timing};
impl Shadow {
    pub(super) fn fits(&self, must: &Must, target: &Target, text: &str) -> bool {
        let to_caller = |leg: &usize| {
            let leg = &self.legs[*leg];
            target.remote == leg.back && target.transport == leg.transport
        };
        let is_to = |place: &usize| {
            let found = &self.branches[*place];
            *target == found.target && text.contains(&found.name)
        };
        let is_answer = |code: u16, of: &str| {
            self.given.contains(branch(text)) && status(text) == Some(code) && method(text) == of
        };
        match must {
            Must::Ack(place) => {
                let ack = self.branches[*place].ack.as_deref();
                is_to(place) && method(text) == "ACK" && ack.is_none_or(|ack| ack == text)
            }
            Must::AnswerCancel(code) => is_answer(*code, "CANCEL"),
            Must::AnswerOptions => is_answer(200, "OPTIONS"),
            Must::Cancel(place) => is_to(place) && text.starts_with("CANCEL "),
            Must::ForwardAck => text.starts_with("ACK "),
            Must::Request(place) => is_to(place) && text == self.branches[*place].request,
            Must::RequestByUdp(place) => {
                let found = &self.branches[*place];
                let udp = text.replacen("SIP/2.0/UDP", "SIP/2.0/TCP", 1);
                target.remote == found.hop
                    && target.transport == Transport::Udp
                    && udp.replacen(";rport", "", 1) == found.request
            }
            Must::Resend(leg) => to_caller(leg) && self.legs[*leg].last.as_deref() == Some(text),
            Must::Pass(leg, response) => to_caller(leg) && promises::untold(text) == *response,
            Must::Refuse(code) => is_answer(*code, "MESSAGE"),
            Must::Trying(leg) => to_caller(leg) && status(text) == Some(100),
        }
    }

    pub(super) fn was_sent(&mut self, must: &Must, target: &Target, text: &str) {
        match must {
            Must::Ack(place) => {
                let ack = &mut self.branches[*place].ack;
                ack.get_or_insert_with(|| text.to_owned());
            }
            Must::Cancel(place) => {
                let leg = self.branches[*place].leg;
                self.open(leg, target, text);
            }
            Must::ForwardAck => self.ack_goes(target, text),
            Must::Pass(leg, _) => self.leg_responds(*leg, text),
            Must::RequestByUdp(place) => {
                let found = &mut self.branches[*place];
                found.target = target.clone();
                found.request = text.to_owned();
            }
            Must::Trying(leg) if method(text) == "INVITE" => self.leg_responds(*leg, text),
            Must::Trying(leg) => self.legs[*leg].last = Some(text.to_owned()),
            Must::Refuse(_)
            | Must::AnswerCancel(_)
            | Must::AnswerOptions
            | Must::Request(_)
            | Must::Resend(_) => {}
        }
    }

    /// The ACK for a 2xx goes to whoever sent it.
    fn ack_goes(&mut self, target: &Target, text: &str) {
        let call = text::call(text).unwrap();
        if let Some(hop) = self.accepted.get(&(call, to_tag(text).to_owned())) {
            assert_eq!(target.remote, *hop, "an ACK went astray: {text}");
            self.seen.insert("ACK for a 2xx");
        }
    }

    /// The user of a server transaction passes a response.
    fn leg_responds(&mut self, leg: usize, text: &str) {
        let event = match status(text) {
            Some(100..=199) => Event::Provisional,
            Some(200..=299) => Event::Success,
            _ => Event::Failure,
        };
        let leg = &mut self.legs[leg];
        promises::error_is_told(leg, &self.facts[leg.trunk], text);
        let did = leg.model.happens(event, self.now);
        assert!(
            did.contains(&Did::SendResponse),
            "in the wrong state: {}, given {}",
            first_line(text),
            self.given
        );
        leg.last = Some(text.to_owned());
        if event != Event::Provisional {
            leg.finals
                .insert((status(text).unwrap(), to_tag(text).to_owned()));
        }
    }

    /// A response that nothing made necessary: the final response that a leg chose.
    pub(super) fn volunteers_response(&mut self, target: &Target, text: &str) {
        let leg = self.leg(branch(text), method(text));
        let about = format!("{}\ngiven {}", first_line(text), self.given);
        let number = leg.unwrap_or_else(|| panic!("to nobody: {about}"));
        assert_eq!(Some(number), self.current, "of another call: {about}");
        let leg = &self.legs[number];
        assert_eq!((target.remote, target.transport), (leg.back, leg.transport));
        assert!(leg.finals.is_empty(), "a second final response: {about}");
        let code = status(text).unwrap();
        // RFC 4320 §4.2: "MUST NOT send a response with Status-Code of 408 to a non-INVITE request."
        assert!(code != 408 || method(text) == "INVITE", "{about}");
        let untold = promises::untold(text);
        let is_received = leg.received.contains(&untold);
        let is_verdict = leg.verdict.is_some() && matches!(code, 403 | 428 | 436..=438);
        let is_rejection = is_verdict && self.facts[leg.trunk].rejects && leg.branches.is_empty();
        let redirects = self.facts[leg.trunk].redirects && matches!(code, 302 | 404);
        if redirects {
            promises::answer_tells(leg, &self.facts[leg.trunk], code, text);
        }
        assert!(
            is_received || is_rejection || redirects || leg.reasons.contains(&code),
            "why? {about}"
        );
        // RFC 3261 §16.7: "It MUST choose from the 6xx class responses if any exist in the context."
        let has_6xx = leg.received.iter().any(|text| status(text) >= Some(600));
        assert!(!has_6xx || code >= 600, "a 6xx was there: {about}");
        for place in &leg.branches {
            let found = &self.branches[*place];
            let is_pending = matches!(found.model.state(), "Calling" | "Trying" | "Proceeding");
            assert!(
                found.method == "CANCEL" || !is_pending,
                "too early: {about}"
            );
        }
        self.seen.insert(match code {
            _ if is_received => "passed a rejection",
            _ if is_rejection => "rejected",
            _ if redirects => "redirected",
            408 => "408",
            487 => "487",
            500 => "500 for 503",
            502 => "502",
            503 => "503",
            _ => panic!("a code of ours? {about}"),
        });
        self.leg_responds(number, text);
    }

    /// A request that nothing made necessary: the next branch of a leg.
    pub(super) fn volunteers_request(&mut self, target: &Target, text: &str) {
        let about = format!("{text}\ngiven {}", self.given);
        // An ACK for nothing that is known may be one for a 2xx of long ago, and goes to one next hop.
        let is_ack = method(text) == "ACK" && !std::mem::replace(&mut self.ack_went, true);
        if is_ack && self.given.starts_with("ACK ") && self.current.is_none() {
            return;
        }
        let number = self
            .current
            .unwrap_or_else(|| panic!("for nobody: {about}"));
        let leg = &self.legs[number];
        let facts = &self.facts[leg.trunk];
        assert_eq!(method(text), leg.method, "{about}");
        assert!(facts.hops.contains(&target.remote), "not its hop: {about}");
        assert!(
            leg.finals.is_empty() && !leg.is_cancelled && !leg.is_abandoned,
            "{about}"
        );
        for place in &leg.branches {
            let found = &self.branches[*place];
            assert_ne!(found.hop, target.remote, "tried before: {about}");
            let is_pending = matches!(found.model.state(), "Calling" | "Trying" | "Proceeding");
            assert!(!is_pending, "two at a time: {about}");
        }
        assert!(
            self.branches.iter().all(|found| found.name != branch(text)),
            "RFC 3261 §16.6: \"MUST be different for each attempt\": {about}"
        );
        if !leg.branches.is_empty() {
            self.seen.insert("next hop");
        }
        if method(text) == "INVITE" {
            promises::invite_goes_on(leg, facts, text);
        } else {
            promises::untouched(leg, text);
            let accepted = (text::call(text).unwrap(), to_tag(text).to_owned());
            if let Some(hop) = self
                .accepted
                .get(&accepted)
                .filter(|_| leg.branches.is_empty())
            {
                assert_eq!(target.remote, *hop, "first to who took the call: {about}");
            }
        }
        self.open(number, target, text);
    }

    fn open(&mut self, leg: usize, target: &Target, text: &str) {
        let figure = match method(text) {
            "INVITE" => Figure::InviteClient,
            _ => Figure::NonInviteClient,
        };
        let reliability = target.transport.reliability();
        let (model, _) = Model::start(figure, Timing::default(), reliability, self.now);
        self.branches.push(Branch {
            hop: target.remote,
            method: method(text).to_owned(),
            name: branch(text).to_owned(),
            leg,
            target: target.clone(),
            request: text.to_owned(),
            model,
            ack: None,
            cancelled: None,
            timer_c: self.now,
            may_fall_back: method(text) != "CANCEL"
                && reliability == Reliability::Reliable
                && !is_tcp_hop(target.remote),
        });
        self.legs[leg].branches.push(self.branches.len() - 1);
    }
}
