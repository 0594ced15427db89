//! The lab's called party: answers every call, says what it was told about the caller, and waits for the hang-up.
//!
//! One thread, one UDP socket, no media: the answer declines every stream (port 0). It keeps a 200 until its ACK comes, as
//! RFC 3261 §13.3.1.4 wants, so that a lost datagram costs a demonstration nothing.

use bytes::Bytes;
use countersign_sip::message::{Framing, Message, Method, Name};
use countersign_sip::response::{ToTag, build};
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the called party learnt from one INVITE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who is calling: the user part of P-Asserted-Identity, or of From.
    pub caller: String,
    /// Whom they called: the user part of the Request-URI.
    pub called: String,
    /// The `verstat` that came with the caller; `None` if there was none.
    pub verstat: Option<String>,
    /// How many Identity headers came with the call.
    pub identities: usize,
}

/// RFC 3261 §17.1.1.1: T1, the estimate of a round trip, and §17.1.2.2: T2, the longest pause between retransmissions.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// RFC 3261 §13.3.1.4: "the server retransmits the 2xx response for 64*T1 seconds without receiving an ACK".
const GIVE_UP: Duration = Duration::from_secs(32);
/// Answered calls that may wait for their ACK; beyond it new ones are answered once only.
const MAX_UNACKNOWLEDGED: usize = 10_000;
/// How long one look for datagrams takes at most.
const TICK: Duration = Duration::from_millis(50);

struct Unacknowledged {
    response: Bytes,
    remote: SocketAddr,
    next: Instant,
    pause: Duration,
    until: Instant,
}

/// A party that answers.
pub struct AnsweringPhone {
    socket: UdpSocket,
    heard: Box<dyn Fn(Heard) + Send>,
    waiting: HashMap<Box<[u8]>, Unacknowledged>,
}

impl AnsweringPhone {
    /// Answers calls that come to `socket`, telling each to `heard`, until `stop` is set.
    ///
    /// # Errors
    /// If the system gives no thread or timeout.
    pub fn start(
        socket: UdpSocket,
        heard: impl Fn(Heard) + Send + 'static,
        stop: Arc<AtomicBool>,
    ) -> std::io::Result<JoinHandle<()>> {
        socket.set_read_timeout(Some(TICK))?;
        let mut phone = Self {
            socket,
            heard: Box::new(heard),
            waiting: HashMap::new(),
        };
        std::thread::Builder::new()
            .name("lab called party".into())
            .spawn(move || {
                let mut buffer = vec![0; 65_535];
                while !stop.load(Ordering::Relaxed) {
                    if let Ok((length, remote)) = phone.socket.recv_from(&mut buffer) {
                        let bytes =
                            Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                        phone.received(bytes, remote);
                    }
                    phone.retransmit(Instant::now());
                }
            })
    }

    fn received(&mut self, bytes: Bytes, remote: SocketAddr) {
        let Ok(request) = Message::parse(bytes, Framing::Datagram) else {
            return;
        };
        let (Some(method), Ok(call_id)) = (request.method(), request.call_id()) else {
            return;
        };
        match method {
            Method::Invite => self.invited(&request, call_id, remote),
            Method::Ack => {
                self.waiting.remove(call_id);
            }
            Method::Cancel | Method::Bye | Method::Options => {
                self.waiting.remove(call_id);
                self.send(
                    &build(&request, 200, "OK", ToTag::Ours(b"lab"), &[]),
                    remote,
                );
            }
            _ => self.send(
                &build(&request, 501, "Not Implemented", ToTag::Ours(b"lab"), &[]),
                remote,
            ),
        }
    }

    fn invited(&mut self, request: &Message, call_id: &[u8], remote: SocketAddr) {
        if let Some(again) = self.waiting.get(call_id) {
            self.send(&again.response.clone(), remote);
            return;
        }
        (self.heard)(hear(request));
        let contact = format!(
            "<sip:lab@{}>",
            self.socket
                .local_addr()
                .map_or_else(|_| "127.0.0.1".into(), |a| a.to_string())
        );
        self.send(
            &build(
                request,
                180,
                "Ringing",
                ToTag::Ours(b"lab"),
                &[("Contact", contact.as_bytes())],
            ),
            remote,
        );
        let response = answer(request, &contact);
        self.send(&response, remote);
        if self.waiting.len() < MAX_UNACKNOWLEDGED {
            let now = Instant::now();
            let waiting = Unacknowledged {
                response,
                remote,
                next: now + T1,
                pause: T1,
                until: now + GIVE_UP,
            };
            self.waiting.insert(call_id.into(), waiting);
        }
    }

    fn retransmit(&mut self, now: Instant) {
        self.waiting.retain(|_, waiting| now < waiting.until);
        for waiting in self
            .waiting
            .values_mut()
            .filter(|waiting| waiting.next <= now)
        {
            // Lost like any other datagram if it cannot leave; the next one follows.
            let _ = self.socket.send_to(&waiting.response, waiting.remote);
            waiting.pause = (waiting.pause * 2).min(T2);
            waiting.next = now + waiting.pause;
        }
    }

    fn send(&self, bytes: &[u8], remote: SocketAddr) {
        let _ = self.socket.send_to(bytes, remote);
    }
}

/// A 200 with an answer that declines every stream offered: RFC 3264 §6, "To reject an offered stream, the port number in
/// the corresponding stream in the answer MUST be set to zero."
fn answer(request: &Message, contact: &str) -> Bytes {
    let streams = request
        .body()
        .split(|&byte| byte == b'\n')
        .filter(|line| line.starts_with(b"m="));
    let mut body =
        String::from("v=0\r\no=lab 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n");
    for stream in streams {
        let mut words = stream
            .trim_ascii()
            .split(|&byte| byte == b' ')
            .map(String::from_utf8_lossy);
        let (media, _port) = (words.next().unwrap_or_default(), words.next());
        let rest: Vec<_> = words.collect();
        body.push_str(&format!("{media} 0 {}\r\n", rest.join(" ")));
    }
    let headers: &[(&str, &[u8])] = &[
        ("Contact", contact.as_bytes()),
        ("Content-Type", b"application/sdp"),
    ];
    let bare = build(request, 200, "OK", ToTag::Ours(b"lab"), headers);
    let head = bare
        .strip_suffix(b"Content-Length: 0\r\n\r\n")
        .unwrap_or(&bare);
    let mut response = head.to_vec();
    response.extend_from_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    Bytes::from(response)
}

fn hear(request: &Message) -> Heard {
    let asserted = request.addresses(Name::PAssertedIdentity).flatten().next();
    let from = request.from().ok();
    let caller = asserted
        .as_ref()
        .or(from.as_ref())
        .map(|address| address.uri)
        .unwrap_or_default();
    let user = |uri: &[u8]| {
        let text = String::from_utf8_lossy(uri).into_owned();
        let after_scheme = text.split_once(':').map_or(text.as_str(), |(_, rest)| rest);
        after_scheme
            .split(['@', ';'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    Heard {
        caller: user(caller),
        called: user(request.request_uri().unwrap_or_default()),
        verstat: verstat(&String::from_utf8_lossy(caller)),
        identities: request.elements(Name::Identity).count(),
    }
}

fn verstat(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("verstat=")?;
    Some(
        rest.split([';', '@', '>', '?'])
            .next()
            .unwrap_or_default()
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(extra: &str) -> Message {
        let text = format!(
            "INVITE sip:12025550101@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:12025550100@h>;tag=1\r\n\
             To: <sip:12025550101@h>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n{extra}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into(), Framing::Datagram).unwrap()
    }

    #[test]
    fn the_verdict_is_heard_from_the_asserted_identity() {
        let heard = hear(&invite(
            "P-Asserted-Identity: <sip:+12025550100;verstat=TN-Validation-Passed@h;user=phone>\r\nIdentity: a.b.c;info=<x>\r\n",
        ));
        assert_eq!(heard.caller, "+12025550100");
        assert_eq!(heard.called, "12025550101");
        assert_eq!(heard.verstat.as_deref(), Some("TN-Validation-Passed"));
        assert_eq!(heard.identities, 1);
        assert_eq!(hear(&invite("")).verstat, None);
    }

    #[test]
    fn every_stream_of_the_offer_is_declined() {
        let offer = "v=0\r\nm=audio 6000 RTP/AVP 0 8\r\nm=video 6002 RTP/AVP 31\r\n";
        let request = invite("").bytes().clone();
        let text = String::from_utf8(request.to_vec()).unwrap().replace(
            "Length: 0\r\n\r\n",
            &format!("Length: {}\r\n\r\n{offer}", offer.len()),
        );
        let response = answer(
            &Message::parse(text.into(), Framing::Datagram).unwrap(),
            "<sip:lab@h>",
        );
        let response = Message::parse(response, Framing::Datagram).unwrap();
        let body = String::from_utf8_lossy(response.body());
        assert!(
            body.ends_with("m=audio 0 RTP/AVP 0 8\r\nm=video 0 RTP/AVP 31\r\n"),
            "{body}"
        );
    }
}
