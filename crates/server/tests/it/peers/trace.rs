//! What a SIPp sent and received: its message trace, taken apart.

/// Which way a message went, seen from the SIPp that wrote the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The SIPp received it.
    Received,
    /// The SIPp sent it.
    Sent,
}

/// One SIP message of a trace, as it was on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) direction: Direction,
    pub(crate) text: String,
}

impl Message {
    /// `INVITE …` or `SIP/2.0 200 OK`.
    pub(crate) fn start_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The status of a response; `None` for a request.
    pub(crate) fn status(&self) -> Option<u16> {
        let rest = self.start_line().strip_prefix("SIP/2.0 ")?;
        rest.split(' ').next()?.parse().ok()
    }

    /// The values of all header fields of this name, in order, as received.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        self.text
            .split("\r\n")
            .take_while(|line| !line.is_empty())
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The value of the only header field of this name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        match self.headers(name)[..] {
            [value] => value,
            ref values => panic!("{} times {name} in\n{}", values.len(), self.text),
        }
    }

    /// The `verstat` on the caller's P-Asserted-Identity, of which there must be one.
    #[track_caller]
    pub(crate) fn verstat(&self) -> &str {
        let asserted = self.header("P-Asserted-Identity");
        let (_, rest) = asserted
            .split_once(";verstat=")
            .unwrap_or_else(|| panic!("no verstat in\n{}", self.text));
        rest.split([';', '@', '>']).next().unwrap_or_default()
    }
}

/// All messages of one SIPp, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(pub(crate) Vec<Message>);

impl Trace {
    /// Reads the file that `-trace_msg` writes: entries of a ruler with the time, a line that tells direction and length, an
    /// empty line and the message. An entry that tells something else ("message lost") has no message.
    pub(crate) fn parse(file: &str) -> Self {
        let mut messages = Vec::new();
        let mut rest = file;
        while let Some((_, entry)) = rest.split_once(RULER) {
            let (head, body) = entry.split_once("\n\n").unwrap_or((entry, ""));
            let head = head.lines().nth(1).unwrap_or_default();
            rest = body;
            let direction = match head.split(' ').nth(2) {
                Some("sent") => Direction::Sent,
                Some("received") => Direction::Received,
                _ => continue,
            };
            let digits: String = head.chars().filter(char::is_ascii_digit).collect();
            let length = digits.parse().unwrap_or(0);
            messages.push(Message {
                direction,
                text: body.get(..length).unwrap_or(body).to_owned(),
            });
            rest = body.get(length..).unwrap_or_default();
        }
        Self(messages)
    }

    /// The requests of this method that were received.
    pub(crate) fn received(&self, method: &str) -> Vec<&Message> {
        self.requests(Direction::Received, method)
    }

    /// The INVITE that was received. Repetitions of it, which a busy machine may cause at any hop of UDP, are the same bytes.
    #[track_caller]
    pub(crate) fn invite(&self) -> &Message {
        let invites = self.received("INVITE");
        let (first, others) = invites.split_first().expect("an INVITE");
        for other in others {
            assert_eq!(other.text, first.text, "a repetition that is none");
        }
        first
    }

    /// The requests of this method that were sent.
    pub(crate) fn sent(&self, method: &str) -> Vec<&Message> {
        self.requests(Direction::Sent, method)
    }

    /// The statuses of the responses that were received, in order, without repetitions.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let received = self.of(Direction::Received);
        let mut statuses: Vec<_> = received.filter_map(Message::status).collect();
        statuses.dedup();
        statuses
    }

    /// The first response of this status that was received.
    #[track_caller]
    pub(crate) fn response(&self, status: u16) -> &Message {
        self.of(Direction::Received)
            .find(|message| message.status() == Some(status))
            .unwrap_or_else(|| panic!("no {status} among {:?}", self.statuses()))
    }

    fn requests(&self, direction: Direction, method: &str) -> Vec<&Message> {
        self.of(direction)
            .filter(|message| message.start_line().split(' ').next() == Some(method))
            .collect()
    }

    fn of(&self, direction: Direction) -> impl Iterator<Item = &Message> {
        self.0
            .iter()
            .filter(move |message| message.direction == direction)
    }
}

/// What SIPp begins each entry with; the time follows.
const RULER: &str = "----------------------------------------------- ";

#[test]
fn a_trace_is_taken_apart() {
    let invite = "INVITE sip:a@b SIP/2.0\r\nIdentity: x.y.z\r\nVia: one\r\nvia: two\r\n\r\n a message body\n\n";
    let ringing = "SIP/2.0 180 Ringing\r\nTo: <sip:a@b>\r\n\r\n";
    let file = format!(
        "{RULER}2026-11-21 02:13:59.268116\nUDP message received [{}] bytes :\n\n{invite}\n\
         {RULER}2026-11-21 02:13:59.268999\nUDP message lost (received).\n\n\
         {RULER}2026-11-21 02:13:59.269223\nUDP message sent ({} bytes):\n\n{ringing}\n",
        invite.len(),
        ringing.len()
    );
    let trace = Trace::parse(&file);
    assert_eq!(trace.0.len(), 2);
    let [received] = trace.received("INVITE")[..] else {
        panic!("{trace:?}")
    };
    assert_eq!(received.text, invite);
    assert_eq!(received.header("identity"), "x.y.z");
    assert_eq!(received.headers("Via"), ["one", "two"]);
    assert_eq!(
        trace.statuses(),
        [0_u16; 0],
        "the 180 was sent, not received"
    );
    assert_eq!(trace.0.last().and_then(Message::status), Some(180));
}
