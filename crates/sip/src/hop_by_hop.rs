//! The ACK for a rejection and the CANCEL: requests that go one hop only, and that we make ourselves of the request they are about.

use crate::message::{Message, Name};
use bytes::{BufMut, Bytes, BytesMut};

/// The ACK for a 3xx to 6xx `response` to `request`, an INVITE as we sent it.
// RFC 3261 §17.1.1.3: "The ACK request constructed by the client transaction MUST contain values for the Call-ID, From, and
// Request-URI that are equal to the values of those header fields in the request passed to the transport by the client
// transaction (call this the "original request").  The To header field in the ACK MUST equal the To header field in the response
// being acknowledged".
pub(crate) fn ack(request: &Message, response: &Message) -> Bytes {
    write("ACK", request, response.header(Name::To), &[])
}

/// The CANCEL for `request`, an INVITE as we sent it, with the Reason values of whoever asked for it.
// RFC 3261 §9.1: "The Request-URI, Call-ID, To, the numeric part of CSeq, and From header fields in the CANCEL request MUST be
// identical to those in the request being cancelled, including tags."
pub(crate) fn cancel(request: &Message, reasons: &[Box<[u8]>]) -> Bytes {
    write("CANCEL", request, request.header(Name::To), reasons)
}

/// Neither carries more hops than this one needs; the number is the usual one: RFC 3261 §8.1.1.6.
const MAX_FORWARDS: &[u8] = b"70";

fn write(method: &str, request: &Message, to: Option<&[u8]>, reasons: &[Box<[u8]>]) -> Bytes {
    let sequence = request.cseq().map_or(0, |cseq| cseq.sequence);
    let mut text = BytesMut::with_capacity(USUAL_LENGTH);
    text.put_slice(method.as_bytes());
    text.put_slice(b" ");
    text.put_slice(request.request_uri().unwrap_or_default());
    text.put_slice(b" SIP/2.0\r\n");
    // RFC 3261 §17.1.1.3: "The ACK MUST contain a single Via header field, and this MUST be equal to the top Via header field of the
    // original request."; §9.1 says the same of CANCEL.
    let via = request.top_via().map_or(&[][..], |via| via.raw);
    put(&mut text, Name::Via, via);
    // RFC 3261 §17.1.1.3: "If the INVITE request whose response is being acknowledged had Route header fields, those header fields MUST
    // appear in the ACK."; §9.1 says the same of CANCEL.
    for route in request.headers(Name::Route) {
        put(&mut text, Name::Route, route.value);
    }
    put(&mut text, Name::MaxForwards, MAX_FORWARDS);
    put(
        &mut text,
        Name::From,
        request.header(Name::From).unwrap_or_default(),
    );
    put(&mut text, Name::To, to.unwrap_or_default());
    put(
        &mut text,
        Name::CallId,
        request.header(Name::CallId).unwrap_or_default(),
    );
    put(
        &mut text,
        Name::CSeq,
        format!("{sequence} {method}").as_bytes(),
    );
    for reason in reasons {
        put(&mut text, Name::Reason, reason);
    }
    put(&mut text, Name::ContentLength, b"0");
    text.put_slice(b"\r\n");
    text.freeze()
}

/// Room for a usual ACK or CANCEL.
const USUAL_LENGTH: usize = 512;

fn put(text: &mut BytesMut, name: Name, value: &[u8]) {
    text.put_slice(name.as_str().as_bytes());
    text.put_slice(b": ");
    text.put_slice(value);
    text.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    /// The example of RFC 3261 §17.1.1.3, with the order of headers that we write and a Content-Length.
    #[test]
    fn the_ack_of_rfc_3261_section_17_1_1_3() {
        let request = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
            Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
            To: Bob <sip:bob@biloxi.com>\r\n\
            From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
            Max-Forwards: 70\r\nCall-ID: 987asjd97y7atg\r\nCSeq: 986759 INVITE\r\n\r\n";
        let response = "SIP/2.0 486 Busy Here\r\nTo: Bob <sip:bob@biloxi.com>;tag=99sa0xk\r\n\r\n";
        let parse = |text: &'static str| Message::parse(text.into(), Framing::Datagram).unwrap();
        assert_eq!(
            ack(&parse(request), &parse(response)),
            "ACK sip:bob@biloxi.com SIP/2.0\r\n\
            Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
            Max-Forwards: 70\r\n\
            From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
            To: Bob <sip:bob@biloxi.com>;tag=99sa0xk\r\n\
            Call-ID: 987asjd97y7atg\r\nCSeq: 986759 ACK\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_cancel_repeats_the_route_and_the_reason() {
        let request = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK1, SIP/2.0/UDP a;branch=z9hG4bK0\r\n\
            Route: <sip:r1;lr>\r\nRoute: <sip:r2;lr>\r\nt: <sip:b@h>\r\nf: <sip:a@h>;tag=1\r\ni: c\r\nCSeq: 7 INVITE\r\n\r\n";
        let request = Message::parse(request.into(), Framing::Datagram).unwrap();
        let reason: Box<[u8]> = b"SIP;cause=200;text=\"Call completed elsewhere\""
            .as_slice()
            .into();
        assert_eq!(
            cancel(&request, &[reason]),
            "CANCEL sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK1\r\nRoute: <sip:r1;lr>\r\nRoute: <sip:r2;lr>\r\n\
            Max-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 7 CANCEL\r\n\
            Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\nContent-Length: 0\r\n\r\n"
        );
    }
}
