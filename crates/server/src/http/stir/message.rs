//! A whole SIP request in, signed or judged, and out again.
//!
//! The same requests are signed and judged as over SIP, and the others pass: those inside a dialog, emergency calls, and when
//! signing those whose Identity stays. The answer is the request with the headers that a proxy would have given it.

use super::dialect::Defect;
use super::{Asked, Beat, Done, Visit, Wishes, answers};
use crate::fetch::picture::whole;
use bytes::Bytes;
use countersign::call::DateHeader;
use countersign_sip::annotation::{Addition, annotated, keeps_its_identity, may_begin_a_call};
use countersign_sip::call;
use countersign_sip::identity_header;
use countersign_sip::inspect::inspect;
use countersign_sip::message::{Framing, Message, Method};
use countersign_sip::query;

impl Visit<'_> {
    /// Does with a request what is asked.
    pub(super) async fn pass(&self, asked: Asked, body: Bytes) -> Result<Done, Defect> {
        let request = read(body)?;
        let numbers = &self.trunk.emergency_numbers;
        if !may_begin_a_call(&request) || call::is_emergency_call(&request, numbers) {
            return self.annotate(&request, Addition::Nothing, "passed");
        }
        match asked {
            Asked::Signing(_) if keeps_its_identity(&request, self.trunk) => {
                self.annotate(&request, Addition::Nothing, "kept")
            }
            Asked::Signing(_) => self.sign_message(&request),
            Asked::Verification(_) => self.judge_message(&request).await,
            Asked::Description | Asked::Nothing => Err(Defect::NotFound),
        }
    }

    fn sign_message(&self, request: &Message) -> Result<Done, Defect> {
        let mut call = call::from_request(request, &self.trunk.call);
        let now = self.door.services.clock.now().unix;
        let date = (call.date == DateHeader::Absent).then_some(now);
        if date.is_some() {
            call.date = DateHeader::At(now);
        }
        let header = self.trunk.attestation_header.as_deref();
        let wishes = Wishes {
            attest: header.and_then(|header| query::attestation(request, header)),
            origid: None,
        };
        let mut values = vec![self.sign(&call, wishes, Beat::Call)?.into_boxed_str()];
        let signer = self.signer()?;
        let origination = self.origination(signer, wishes, Beat::Call);
        let beside = signer.beside(&origination, &call, now);
        values.extend(beside.map(|signed| signed.identity.into_boxed_str()));
        let values = &values;
        self.annotate(request, Addition::Identities { values, date }, "done")
    }

    async fn judge_message(&self, request: &Message) -> Result<Done, Defect> {
        let call = call::from_request(request, &self.trunk.call);
        let presented = identity_header::presented(request);
        let report = self.judge(&call, presented, Beat::Call).await?;
        let verstat = answers::verstat(&report, self.trunk);
        let consequences = report.consequences().map(whole);
        let addition = Addition::Verdict {
            verstat: &verstat,
            consequences: consequences.as_deref(),
        };
        self.annotate(request, addition, "done")
    }

    fn annotate(
        &self,
        request: &Message,
        addition: Addition<'_>,
        outcome: &'static str,
    ) -> Result<Done, Defect> {
        let body = annotated(request, self.trunk, addition).map_err(|_| Defect::Ours)?;
        Ok(Done { body, outcome })
    }
}

fn read(body: Bytes) -> Result<Message, Defect> {
    let unreadable = |why: String| Defect::Unreadable(why.into());
    let message =
        Message::parse(body, Framing::Datagram).map_err(|error| unreadable(error.to_string()))?;
    match message.method() {
        None => Err(Defect::Unreadable("a SIP response".into())),
        Some(Method::Invite) => match inspect(&message) {
            Ok(()) => Ok(message),
            Err(defect) => Err(unreadable(format!(
                "the SIP request is malformed: {defect}"
            ))),
        },
        Some(_) => Err(Defect::Unreadable("a SIP request that is no INVITE".into())),
    }
}
