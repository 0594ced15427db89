//! What comes from the network: responses to the INVITE and to what follows it, and requests of those who answered.

use super::fork::News;
use super::requests::{INVITE_SEQUENCE, Written};
use super::{
    Answer, Asker, Cancel, Delivery, Due, Ended, Fork, MAX_FORKS, Own, Purpose, RINGING, Refused,
    Stage, Step, What,
};
use crate::flow::Flow;
use crate::header::Branch;
use crate::hop_by_hop;
use crate::inquiry::reliable::{names_reliable, reliable_sequence};
use crate::inquiry::session::{self, Offer};
use crate::message::{Message, Method, Name, StartLine};
use crate::response::{ToTag, build};
use crate::transaction::{ClientAction, NonInviteClient, StatusClass};
use countersign::time::Ticks;

impl Asker {
    pub(super) fn responded(&mut self, response: &Message, now: Ticks, out: &mut Vec<Step>) {
        let class = response.status().and_then(StatusClass::of);
        let (Some(class), Ok(cseq), Ok(via)) = (class, response.cseq(), response.top_via()) else {
            return;
        };
        let Branch::Unique(branch) = via.branch() else {
            return;
        };
        let mut actions = Vec::new();
        if cseq.method == Method::Invite && branch == self.request.branch.as_bytes() {
            self.invite.receive(class, now, &mut actions);
            return self.run(&actions, Some(response), now, out);
        }
        let is_of =
            |own: &Own| own.what.method() == cseq.method && own.written.branch.as_bytes() == branch;
        if let Some(index) = self.own.iter().position(is_of) {
            if let Some(own) = self.own.get_mut(index) {
                own.machine.receive(class, now, &mut actions);
            }
            self.run_own(index, &actions, now, out);
        }
    }

    /// Does what the INVITE's machine says.
    pub(super) fn run(
        &mut self,
        actions: &[ClientAction],
        response: Option<&Message>,
        now: Ticks,
        out: &mut Vec<Step>,
    ) {
        for action in actions {
            match (action, response) {
                (ClientAction::SendRequest, _) => {
                    out.push(Step::Send(
                        self.request.target.clone(),
                        self.request.bytes.clone(),
                    ));
                }
                (ClientAction::SendAck, Some(response)) => {
                    let ack = self
                        .ack
                        .get_or_insert_with(|| hop_by_hop::ack(&self.parsed, response));
                    out.push(Step::Send(self.request.target.clone(), ack.clone()));
                }
                (ClientAction::Start(timer, at), _) => {
                    self.due.insert((*at, Due::Invite(*timer)));
                }
                (ClientAction::TimedOut, _) => self.end(Ended::Silent, now, out),
                (ClientAction::Deliver, Some(response)) => self.heard(response, now, out),
                (ClientAction::Deliver | ClientAction::SendAck, None) => {}
            }
        }
    }

    /// Does what the machine of a request of ours says.
    pub(super) fn run_own(
        &mut self,
        index: usize,
        actions: &[ClientAction],
        now: Ticks,
        out: &mut Vec<Step>,
    ) {
        let Some(own) = self.own.get(index) else {
            return;
        };
        let what = own.what;
        for action in actions {
            match action {
                ClientAction::SendRequest => {
                    out.push(Step::Send(
                        own.written.target.clone(),
                        own.written.bytes.clone(),
                    ));
                }
                ClientAction::Start(timer, at) => {
                    self.due.insert((*at, Due::Own(index, *timer)));
                }
                ClientAction::Deliver | ClientAction::SendAck | ClientAction::TimedOut => {}
            }
        }
        match what {
            What::Prack if self.stage == Stage::Leaving && !self.has_open(What::Prack) => {
                self.end_invite(now, out);
            }
            What::Bye if !self.has_open(What::Bye) && self.is_hung_up() => {
                self.end(Ended::Answered, now, out);
            }
            What::Bye | What::Cancel | What::Prack => {}
        }
    }

    /// Whether somebody answered, and nobody is on the line any more.
    pub(super) fn is_hung_up(&self) -> bool {
        let mut answered = self
            .forks
            .iter()
            .filter(|fork| fork.is_answered())
            .peekable();
        answered.peek().is_some() && answered.all(Fork::is_ended)
    }

    pub(super) fn send_own(
        &mut self,
        what: What,
        written: Written,
        now: Ticks,
        out: &mut Vec<Step>,
    ) {
        let mut actions = Vec::new();
        let reliability = written.target.transport.reliability();
        let timing = self.writer.question().timing;
        let machine = NonInviteClient::start(timing, reliability, now, &mut actions);
        let own = Own {
            what,
            machine,
            written,
        };
        self.own.push(own);
        self.run_own(self.own.len() - 1, &actions, now, out);
    }

    /// A response to the INVITE.
    fn heard(&mut self, response: &Message, now: Ticks, out: &mut Vec<Step>) {
        match response.status() {
            Some(100) => {}
            Some(101..=199) => self.heard_provisional(response, now, out),
            Some(200..=299) => self.heard_success(response, now, out),
            Some(status) => {
                let ended = self.refused(status, response);
                return self.end(ended, now, out);
            }
            None => {}
        }
        if self.stage == Stage::Leaving && !self.has_open(What::Prack) {
            self.end_invite(now, out);
        }
    }

    fn heard_provisional(&mut self, response: &Message, now: Ticks, out: &mut Vec<Step>) {
        let Some(index) = self.fork(response) else {
            return;
        };
        let Some(fork) = self.forks.get_mut(index) else {
            return;
        };
        let (delivery, offer) = match fork.hear(response, reliable_sequence(response)) {
            News::Reliable(sequence) => {
                let offer = Offer::of(response);
                // RFC 3262 §5: "If the UAC receives a reliable provisional response with an offer (this would occur if the UAC sent an
                // INVITE without an offer, in which case the first reliable provisional response will contain the offer), it MUST
                // generate an answer in the PRACK."
                let answer = match self.writer.question().purpose {
                    Purpose::Inquiry => session::declined(response, self.writer.host()),
                    Purpose::Call => None,
                };
                let acknowledges = format!("{sequence} {INVITE_SEQUENCE} INVITE");
                let written = self.writer.inside(fork.prack(acknowledges, answer));
                self.send_own(What::Prack, written, now, out);
                (Delivery::Reliable, offer)
            }
            News::Unreliable => (Delivery::Unreliable, Offer::of(response)),
            News::Nothing => return,
        };
        self.tell(response, index, delivery, offer, out);
        if self.is_inquiry() && response.status() == Some(RINGING) {
            // Nobody is to be alerted: whoever does it does not know what an inquiry is.
            self.leave(now, out);
        }
    }

    fn heard_success(&mut self, response: &Message, now: Ticks, out: &mut Vec<Step>) {
        let Some(index) = self.fork(response) else {
            return;
        };
        let Some(fork) = self.forks.get_mut(index) else {
            return;
        };
        if let Some((target, ack)) = fork.ack() {
            // RFC 3261 §13.2.2.4: "The ACK MUST be passed to the client transport every time a retransmission of the 2xx final response
            // that triggered the ACK arrives."
            return out.push(Step::Send(target.clone(), ack.clone()));
        }
        let offer = Offer::of(response);
        // RFC 3261 §13.2.2.4: "If the 2xx contains an offer (based on the rules above), the ACK MUST carry an answer in its body."
        let answer = match self.writer.question().purpose == Purpose::Inquiry
            && !fork.has_answered_an_offer()
        {
            true => session::declined(response, self.writer.host()),
            false => None,
        };
        let written = self.writer.inside(fork.accept(response, answer));
        fork.acknowledged(written.target.clone(), written.bytes.clone());
        out.push(Step::Send(written.target, written.bytes));
        self.tell(response, index, Delivery::Final, offer, out);
        let is_wanted = !self.is_inquiry() && self.stage == Stage::Waiting;
        if !is_wanted {
            // Nobody wanted to be answered so: whoever did it hears the end of it at once.
            self.stage = match self.stage {
                Stage::Waiting => Stage::Leaving,
                stage => stage,
            };
            self.hang_up(now, out);
        }
    }

    fn tell(
        &self,
        response: &Message,
        fork: usize,
        delivery: Delivery,
        offer: Offer,
        out: &mut Vec<Step>,
    ) {
        if self.stage != Stage::Over {
            out.push(Step::Judge(Answer {
                response: response.clone(),
                fork,
                delivery,
                offer,
            }));
        }
    }

    fn refused(&self, status: u16, response: &Message) -> Ended {
        if self.cancel == Cancel::Sent {
            return Ended::Cancelled;
        }
        if status < 400 {
            let contacts = response.addresses(Name::Contact).flatten();
            let text = |uri: &[u8]| String::from_utf8_lossy(uri).into();
            return Ended::Redirected(contacts.map(|contact| text(contact.uri)).collect());
        }
        let phrase = match response.start_line() {
            StartLine::Response { reason, .. } => String::from_utf8_lossy(reason),
            StartLine::Request { .. } => Default::default(),
        };
        Ended::Refused(Refused {
            status,
            phrase: phrase.into(),
            // RFC 3262 §3: "If the UAS is unwilling to do so, it MUST reject the initial request with a 420 (Bad Extension) and include
            // an Unsupported header field containing the option tag 100rel."
            lacks_reliability: status == 420 && names_reliable(response, Name::Unsupported),
        })
    }

    /// Who answers; a new one if it is not known yet. Nobody if the response names nobody, or there are too many.
    fn fork(&mut self, response: &Message) -> Option<usize> {
        let tag = response.to().ok()?.tag()?;
        if let Some(index) = self.forks.iter().position(|fork| fork.is(tag)) {
            return Some(index);
        }
        if self.forks.len() == MAX_FORKS {
            return None;
        }
        self.forks.push(Fork::new(tag, response));
        Some(self.forks.len() - 1)
    }

    /// A request inside one of our dialogs.
    pub(super) fn requested(
        &mut self,
        flow: &Flow,
        request: &Message,
        now: Ticks,
        out: &mut Vec<Step>,
    ) {
        let tag = request.from().ok().and_then(|from| from.tag());
        let fork = self
            .forks
            .iter_mut()
            .find(|fork| tag.is_some_and(|tag| fork.is(tag)));
        let (status, phrase) = match (request.method(), fork) {
            (Some(Method::Ack) | None, _) => return,
            (Some(Method::Bye), Some(fork)) => {
                fork.end();
                (200, "OK")
            }
            (Some(Method::Bye), None) => (481, "Call/Transaction Does Not Exist"),
            // RFC 3261 §8.2.1: "If the UAS recognizes but does not support the method of a request, it MUST generate a 405 (Method Not
            // Allowed) response."
            _ => (405, "Method Not Allowed"),
        };
        let allow: &[(&str, &[u8])] = match status {
            405 => &[("Allow", b"ACK, BYE")],
            _ => &[],
        };
        let response = build(request, status, phrase, ToTag::None, allow);
        out.push(Step::Send(flow.back(request), response));
        if status == 200 && self.is_hung_up() {
            self.end(Ended::Answered, now, out);
        }
    }
}
