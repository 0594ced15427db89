//! What crosses from one dialog to another: an INVITE with these bytes, and an answer with the same headers.

use bytes::Bytes;
use countersign::time::Now;
use countersign_sip::element::{DropCause, Element, Event, Input, Options, Output};
use countersign_sip::flow::{Flow, Transport};
use countersign_sip::message::{Framing, MAX_HEADERS, MAX_MESSAGE, Message, Name};
use countersign_sip::trunk::{B2buaMode, Mode, NextHop, SentBy, Trunk};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// What we add to a message at most, in bytes and in lines.
const ADDED: usize = 1_000;
const ADDED_LINES: usize = 8;

fn flow(last: u8) -> Flow {
    let address = |last| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 5060));
    Flow {
        transport: Transport::Udp,
        local: address(1),
        remote: address(last),
        connection: None,
    }
}

/// What the element sends for one message, each readable.
fn sent(
    element: &mut Element,
    flow: Flow,
    message: Message,
    trunk: Option<Arc<Trunk>>,
) -> Vec<Message> {
    let mut out = Vec::new();
    let input = Input::Received {
        flow,
        message,
        trunk,
    };
    element.handle(input, Now::default(), &mut out);
    let sent = out.into_iter().filter_map(|output| match output {
        Output::Event(Event::Dropped(DropCause::OwnFault(error))) => {
            unreachable!("an edit of ours: {error}")
        }
        Output::Send { bytes, .. } => Message::parse(bytes, Framing::Datagram).ok(),
        _ => None,
    });
    sent.collect()
}

/// An answer with the headers and the body of `invite` as it came, to the INVITE as it left.
fn answer(invite: &Message, left: &Message) -> Option<Message> {
    let mut text = b"SIP/2.0 200 OK\r\n".to_vec();
    for name in [Name::Via, Name::CSeq] {
        let line = left.headers(name).next()?;
        text.extend_from_slice(left.bytes().get(line.span.start()..line.span.end())?);
    }
    let kept = |name| !matches!(name, Name::Via | Name::CSeq);
    for line in invite.all_headers().filter(|line| kept(line.name)) {
        text.extend_from_slice(invite.bytes().get(line.span.start()..line.span.end())?);
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(invite.body());
    Message::parse(text.into(), Framing::Datagram).ok()
}

/// Whatever crosses can be read on the other side, with one Via there, all of them back here, and the body that came.
pub(super) fn crossing(bytes: &[u8]) {
    let Ok(invite) = Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram) else {
        return;
    };
    if bytes.len() > MAX_MESSAGE - ADDED || invite.header_count() > MAX_HEADERS - ADDED_LINES {
        return;
    }
    let Ok(sent_by) = SentBy::new("192.0.2.1", None) else {
        return;
    };
    let mut element = Element::new(Options::new(sent_by, [7; 16]));
    let hop = NextHop::new(Transport::Udp, flow(20).remote);
    let mut trunk = Trunk::new("t", vec![hop]);
    trunk.mode = Mode::B2bua(B2buaMode::default());
    let trunk = Some(Arc::new(trunk));
    let left = sent(&mut element, flow(10), invite.clone(), trunk);
    let onward = left.iter().find(|message| message.method().is_some());
    let Some(onward) = onward.filter(|_| element.calls() == 1) else {
        return;
    };
    assert_eq!(onward.vias().count(), 1);
    assert_eq!(onward.body(), invite.body());
    assert_ne!(onward.call_id().ok(), invite.call_id().ok());
    let Some(answer) = answer(&invite, onward) else {
        return;
    };
    let body = answer.body().to_vec();
    for back in sent(&mut element, flow(20), answer, None) {
        assert_eq!(back.vias().count(), invite.vias().count());
        assert_eq!(back.call_id().ok(), invite.call_id().ok());
        assert_eq!(back.body(), body);
    }
}
