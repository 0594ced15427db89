//! A request with what signing and judging add to it, for doors that hand it back instead of sending it on.
//!
//! What is added and taken out is what a proxy adds and takes out; Via, Max-Forwards and Route are of its way, and stay.

use crate::call;
use crate::identity_header;
use crate::message::{Message, Method, Name};
use crate::patch::{Patch, PatchError};
use crate::proxy::{self, Additions, Urgency};
use crate::trunk::{ExistingIdentity, Trunk};
use bytes::Bytes;
use countersign::time::UnixTime;
use countersign::verification::Consequences;

/// What is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition<'a> {
    /// Identity headers, and the Date that they speak of where there is none.
    Identities {
        /// The value of each header.
        values: &'a [Box<str>],
        /// The time of the Date header, should there be none.
        date: Option<UnixTime>,
    },
    /// Nothing; what an untrusted side may not say is still taken out.
    Nothing,
    /// The verdict.
    Verdict {
        /// As `verstat` writes it.
        verstat: &'a str,
        /// What follows from it beyond that, if anything does.
        consequences: Option<&'a Consequences>,
    },
}

/// The request with `addition`, as calls of `trunk` leave.
///
/// # Errors
/// [`PatchError`]: a mistake of ours.
pub fn annotated(
    request: &Message,
    trunk: &Trunk,
    addition: Addition<'_>,
) -> Result<Bytes, PatchError> {
    let is_emergency = call::is_emergency_call(request, &trunk.emergency_numbers);
    let mut additions = Additions {
        urgency: match is_emergency {
            true => Urgency::Emergency,
            false => Urgency::Ordinary,
        },
        ..Additions::default()
    };
    match addition {
        Addition::Identities { values, date } => {
            additions.identities = values.into();
            additions.date = date;
        }
        Addition::Nothing => {}
        Addition::Verdict {
            verstat,
            consequences,
        } => {
            additions.verstat = Some(verstat.to_owned());
            additions.consequences = consequences.cloned().map(Box::new);
        }
    }
    let mut patch = Patch::default();
    proxy::said(request, trunk, &additions, &mut patch);
    patch.apply(request)
}

/// Whether a request may begin a call: an INVITE that says of no dialog that it is inside of it.
pub fn may_begin_a_call(request: &Message) -> bool {
    let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
    request.method() == Some(Method::Invite) && !in_dialog
}

/// Whether a request has an Identity that stays alone when calls of `trunk` are signed.
pub fn keeps_its_identity(request: &Message, trunk: &Trunk) -> bool {
    let mut lines = request.headers(Name::Identity);
    let has_one = lines.any(|line| identity_header::values(line.value).next().is_some());
    has_one && trunk.existing_identity == ExistingIdentity::Keep
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::TrustPai;
    use crate::message::Framing;
    use crate::trunk::NextHopTrust;
    use countersign::verification::ProvenCaller;

    const INVITE: &str = "INVITE sip:12025550101@b.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 9\r\n\
        From: <sip:12025550100@a.example>;tag=1\r\nTo: <sip:12025550101@b.example>\r\nCall-ID: annotation\r\nCSeq: 1 INVITE\r\n\
        P-Asserted-Identity: <sip:+12025550199@a.example;verstat=TN-Validation-Passed>\r\nContent-Length: 0\r\n\r\n";

    fn annotated_as(addition: Addition<'_>) -> String {
        let request = Message::parse(INVITE.into(), Framing::Datagram).unwrap();
        let trunk = Trunk::new("untrusted", Vec::new());
        let bytes = annotated(&request, &trunk, addition).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn the_way_stays_and_what_may_not_be_said_goes() {
        let date = Some(UnixTime::from_secs(1_443_208_345));
        let signed = annotated_as(Addition::Identities {
            values: &["t;info=<u>".into(), "r;info=<u>;ppt=rcd".into()],
            date,
        });
        let passed = annotated_as(Addition::Nothing);
        let caller = ProvenCaller {
            name: Some("Q Branch".into()),
            ..ProvenCaller::default()
        };
        let consequences = Consequences {
            caller: Some(Box::new(caller)),
            ..Consequences::default()
        };
        let judged = annotated_as(Addition::Verdict {
            verstat: "No-TN-Validation",
            consequences: Some(&consequences),
        });
        assert!(
            judged.contains("\r\nFrom: \"Q Branch\" <sip:12025550100@a.example>;tag=1\r\n"),
            "{judged}"
        );
        let verified = "\r\nCall-Info: <data:>;purpose=jcard;verified=\"true\"\r\n";
        assert!(judged.contains(verified), "{judged}");
        for text in [&signed, &passed, &judged] {
            assert!(text.contains("\r\nMax-Forwards: 9\r\n"), "{text}");
            assert!(
                !text.contains("12025550199") && !text.contains("Passed"),
                "{text}"
            );
        }
        assert!(
            signed.contains("\r\nDate: Fri, 25 Sep 2015 19:12:25 GMT\r\nIdentity: t;info=<u>\r\nIdentity: r;info=<u>;ppt=rcd\r\n"),
            "{signed}"
        );
        assert!(judged.contains("verstat=No-TN-Validation"), "{judged}");
        assert!(!passed.contains("Identity: "), "{passed}");
    }

    #[test]
    fn a_call_for_help_keeps_its_priority_and_its_caller() {
        let marks = "Privacy: id\r\nResource-Priority: esnet.1, ets.0\r\nContent-Length";
        let mut trunk = Trunk::new("border", Vec::new());
        trunk.role = crate::trunk::Role::Both;
        trunk.next_hop_trust = NextHopTrust::Outside;
        trunk.call.trust_pai = TrustPai::Trusted;
        for (uri, is_for_help) in [("urn:service:sos", true), ("sip:12025550101@b", false)] {
            let text = INVITE.replace(
                "INVITE sip:12025550101@b.example SIP",
                &format!("INVITE {uri} SIP"),
            );
            let text = text.replace("Content-Length", marks);
            let request = Message::parse(text.into(), Framing::Datagram).unwrap();
            let bytes = annotated(&request, &trunk, Addition::Nothing).unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let (keeps, sees) = (text.contains(": esnet.1\r\n"), text.contains("12025550199"));
            assert_eq!((keeps, sees), (is_for_help, is_for_help), "{text}");
        }
    }

    #[test]
    fn what_begins_a_call() {
        let parse = |text: String| Message::parse(text.into(), Framing::Datagram).unwrap();
        assert!(may_begin_a_call(&parse(INVITE.to_owned())));
        assert!(!may_begin_a_call(&parse(
            INVITE.replace("b.example>\r", "b.example>;tag=2\r")
        )));
        assert!(!may_begin_a_call(&parse(
            INVITE.replace("INVITE", "OPTIONS")
        )));
    }
}
