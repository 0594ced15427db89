//! DNS messages, as far as a stub resolver needs them: [RFC 1035 §4](https://www.rfc-editor.org/rfc/rfc1035#section-4), with AAAA
//! (RFC 3596) and SRV (RFC 2782).
//!
//! One question is written, and the answer section of what comes back is read. Whatever the bytes are, reading ends: a name has at
//! most 255 octets, its pointers lead only backwards, and no more than [`MAX_RECORDS`] records are looked at.

use countersign_sip::location::Service;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most records of an answer that are looked at: as many as a datagram of 512 octets can hold, and more than any next hop needs.
pub const MAX_RECORDS: usize = 64;

/// Longest name as it is sent: RFC 1035 §2.3.4.
const MAX_NAME_OCTETS: usize = 255;

/// Where the question begins: after the header of RFC 1035 §4.1.1.
const HEADER: usize = 12;

/// Class IN.
const INTERNET: u16 = 1;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Hosts of a service.
    Srv,
}

/// Type CNAME.
const CNAME: u16 = 5;

impl Kind {
    const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Srv => 33,
        }
    }
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An address.
    Address(IpAddr),
    /// The name is another one's alias.
    Alias(Box<str>),
    /// A host of a service.
    Service(Service),
}

/// A record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is, in lower case, without the last dot.
    pub name: Box<str>,
    /// For how many seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// What became of the question.
    pub code: Code,
    /// Whether there was more to say than fits a datagram.
    pub truncated: bool,
    /// The records of kinds that we know, in their order.
    pub records: Vec<Record>,
}

/// What became of a question: RFC 1035 §4.1.1, RCODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// There is no such name.
    NoSuchName,
    /// It was answered.
    Ok,
    /// The server could not, or would not.
    ServerFailure,
}

/// The bytes are no answer to the question that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// They are no DNS message.
    Malformed,
    /// They answer something else: late, forged, or somebody else's.
    NotOurs,
}

/// Writes a question; `None` if the name cannot be asked for.
// RFC 1035 §4.1.1: RD "directs the name server to pursue the query recursively".
pub fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    const RECURSION_DESIRED: [u8; 2] = [0x01, 0x00];
    let mut bytes = Vec::with_capacity(HEADER + name.len() + 6);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&RECURSION_DESIRED);
    bytes.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok();
        bytes.push(length.filter(|length| (1..64).contains(length))?);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    if bytes.len() - HEADER > MAX_NAME_OCTETS {
        return None;
    }
    bytes.extend_from_slice(&kind.number().to_be_bytes());
    bytes.extend_from_slice(&INTERNET.to_be_bytes());
    Some(bytes)
}

/// Reads the response to that question.
///
/// # Errors
/// [`Unusable`].
// RFC 5452 §9.1: a response must match the question's ID and question section.
pub fn response(bytes: &[u8], id: u16, name: &str, kind: Kind) -> Result<Response, Unusable> {
    let mut reader = Reader { bytes, at: 0 };
    let found = reader.u16().ok_or(Unusable::Malformed)?;
    if found != id {
        return Err(Unusable::NotOurs);
    }
    let flags = reader.u16().ok_or(Unusable::Malformed)?;
    let is_response = flags & 0x8000 != 0;
    let is_query = flags & 0x7800 == 0;
    let [questions, answers] = [reader.u16(), reader.u16()];
    reader.at = HEADER;
    let asked = (questions == Some(1)).then(|| reader.question()).flatten();
    if !is_response || !is_query || asked != Some((name.into(), kind.number())) {
        return Err(Unusable::NotOurs);
    }
    let code = match flags & 0x000f {
        0 => Code::Ok,
        3 => Code::NoSuchName,
        _ => Code::ServerFailure,
    };
    let truncated = flags & 0x0200 != 0;
    let mut records = Vec::new();
    for _ in 0..usize::from(answers.unwrap_or(0)).min(MAX_RECORDS) {
        match reader.record() {
            Some(record) => records.extend(record),
            // Of a truncated message the rest is elsewhere.
            None if truncated => break,
            None => return Err(Unusable::Malformed),
        }
    }
    Ok(Response {
        code,
        truncated,
        records,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        let taken = self.take(2)?.first_chunk()?;
        Some(u16::from_be_bytes(*taken))
    }

    fn u32(&mut self) -> Option<u32> {
        let taken = self.take(4)?.first_chunk()?;
        Some(u32::from_be_bytes(*taken))
    }

    fn question(&mut self) -> Option<(Box<str>, u16)> {
        let (name, kind, class) = (self.name()?, self.u16()?, self.u16()?);
        (class == INTERNET).then_some((name, kind))
    }

    /// The next record; inside, `None` if it is of a kind or class that says nothing to us.
    fn record(&mut self) -> Option<Option<Record>> {
        let (name, kind, class, ttl) = (self.name()?, self.u16()?, self.u16()?, self.u32()?);
        let length = usize::from(self.u16()?);
        let end = self.at.checked_add(length)?;
        let data = self.data(kind, length);
        let consumed = self.at;
        self.at = end;
        if end > self.bytes.len() {
            return None;
        }
        let data = match data {
            Known::Data(data) if consumed == end => Some(data),
            Known::Data(_) | Known::Broken => return None,
            Known::No => None,
        };
        // RFC 2181 §8: a TTL with its most significant bit set is zero.
        let ttl = if ttl > i32::MAX.unsigned_abs() {
            0
        } else {
            ttl
        };
        let data = data.filter(|_| class == INTERNET);
        Some(data.map(|data| Record { name, ttl, data }))
    }

    fn data(&mut self, kind: u16, length: usize) -> Known {
        let data = match (kind, length) {
            (CNAME, _) => self.name().map(Data::Alias),
            (1, 4) => self.take(4).and_then(|taken| {
                let octets: [u8; 4] = *taken.first_chunk()?;
                Some(Data::Address(Ipv4Addr::from(octets).into()))
            }),
            (28, 16) => self.take(16).and_then(|taken| {
                let octets: [u8; 16] = *taken.first_chunk()?;
                Some(Data::Address(Ipv6Addr::from(octets).into()))
            }),
            (33, _) => self.service().map(Data::Service),
            (1 | 28, _) => None,
            _ => return Known::No,
        };
        data.map_or(Known::Broken, Known::Data)
    }

    fn service(&mut self) -> Option<Service> {
        Some(Service {
            priority: self.u16()?,
            weight: self.u16()?,
            port: self.u16()?,
            target: self.name()?,
        })
    }

    /// A name, in lower case and without its last dot; that of the root is a dot.
    // RFC 1035 §4.1.4: a pointer leads "to a prior occurance of the same name". Each must lead further back than the one before it,
    // so there is an end.
    fn name(&mut self) -> Option<Box<str>> {
        let mut name = String::new();
        let (mut at, mut bound, mut after) = (self.at, self.at, None);
        loop {
            let length = usize::from(*self.bytes.get(at)?);
            match length >> 6 {
                0b00 if length == 0 => break,
                0b00 => {
                    let label = self.bytes.get(at + 1..at + 1 + length)?;
                    if name.len() + 1 + length > MAX_NAME_OCTETS {
                        return None;
                    }
                    if !name.is_empty() {
                        name.push('.');
                    }
                    // What is no letter of a host name matches none that we ask for.
                    let text = label.iter().map(|octet| match octet {
                        b'.' | 0x80.. => '?',
                        octet => char::from(octet.to_ascii_lowercase()),
                    });
                    name.extend(text);
                    at += 1 + length;
                }
                0b11 => {
                    let low = usize::from(*self.bytes.get(at + 1)?);
                    after.get_or_insert(at + 2);
                    at = (length & 0x3f) << 8 | low;
                    if at >= bound {
                        return None;
                    }
                    bound = at;
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(at + 1);
        if name.is_empty() {
            name.push('.');
        }
        Some(name.into())
    }
}

/// Whether the data of a record is understood.
enum Known {
    Broken,
    Data(Data),
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The answer of a server: the question, and records whose names point at it.
    fn answer(id: u16, name: &str, kind: Kind, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = question(id, name, kind).unwrap();
        bytes[2..4].copy_from_slice(&[0x81, 0x80]);
        bytes[7] = u8::try_from(records.len()).unwrap();
        for (kind, data) in records {
            bytes.extend_from_slice(&[0xc0, 12]);
            bytes.extend_from_slice(&kind.to_be_bytes());
            bytes.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
            bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(data);
        }
        bytes
    }

    #[test]
    fn addresses_and_services_are_read() {
        let name = "sbc.example";
        let service = b"\0\x0a\0\x3c\x13\xc4\x01a\xc0\x0c";
        let bytes = answer(
            7,
            name,
            Kind::Srv,
            &[
                (33, service),
                (1, &[192, 0, 2, 1]),
                (16, b"\x03txt"),
                (28, &[0; 16]),
                (5, b"\x01B\x07ExAmple\0"),
            ],
        );
        let read = response(&bytes, 7, name, Kind::Srv).unwrap();
        let data: Vec<_> = read.records.into_iter().map(|record| record.data).collect();
        let expected = [
            Data::Service(Service {
                priority: 10,
                weight: 60,
                port: 5060,
                target: "a.sbc.example".into(),
            }),
            Data::Address("192.0.2.1".parse().unwrap()),
            Data::Address("::".parse().unwrap()),
            Data::Alias("b.example".into()),
        ];
        assert_eq!(data, expected);
    }

    #[test]
    fn only_the_answer_to_the_question_is_taken() {
        let bytes = answer(7, "a.example", Kind::A, &[(1, &[192, 0, 2, 1])]);
        assert!(response(&bytes, 7, "a.example", Kind::A).is_ok());
        for (id, name, kind) in [
            (8, "a.example", Kind::A),
            (7, "b.example", Kind::A),
            (7, "a.example", Kind::Aaaa),
        ] {
            let read = response(&bytes, id, name, kind);
            assert_eq!(read, Err(Unusable::NotOurs));
        }
        let asked = question(7, "a.example", Kind::A).unwrap();
        let read = response(&asked, 7, "a.example", Kind::A);
        assert_eq!(read, Err(Unusable::NotOurs), "a question answers nothing");
    }

    #[test]
    fn what_is_broken_is_told_and_a_truncated_end_is_none() {
        let mut bytes = answer(7, "a.example", Kind::A, &[(1, &[192, 0, 2])]);
        let broken = Err(Unusable::Malformed);
        assert_eq!(response(&bytes, 7, "a.example", Kind::A), broken);
        bytes[2] |= 0x02;
        let read = response(&bytes, 7, "a.example", Kind::A).unwrap();
        assert!(read.truncated && read.records.is_empty());
        let loops = answer(7, "a.example", Kind::A, &[(5, &[0xc0, 39])]);
        assert_eq!(response(&loops, 7, "a.example", Kind::A), broken);
        for (flags, code) in [
            (0x80, Code::Ok),
            (0x83, Code::NoSuchName),
            (0x82, Code::ServerFailure),
        ] {
            let mut bytes = answer(7, "a.example", Kind::A, &[]);
            bytes[3] = flags;
            assert_eq!(
                response(&bytes, 7, "a.example", Kind::A).unwrap().code,
                code
            );
        }
    }

    #[test]
    fn what_cannot_be_asked_is_not_asked() {
        let long = "a".repeat(64);
        let longer = vec!["a"; 128].join(".");
        for name in ["", "a..b", &long, &longer] {
            assert_eq!(question(1, name, Kind::A), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(head in any::<[u8; 12]>(), rest in proptest::collection::vec(any::<u8>(), 0..600)) {
            let bytes = [&head[..], &rest].concat();
            let _ = response(&bytes, u16::from_be_bytes([head[0], head[1]]), "a.example", Kind::A);
        }

        #[test]
        fn any_change_of_an_answer_is_read_to_an_end(at in 0_usize..60, octet: u8) {
            let mut bytes = answer(7, "a.example", Kind::Srv, &[(33, b"\0\0\0\0\0\0\xc0\x0c"), (5, &[0xc0, 12])]);
            let at = at % bytes.len();
            bytes[at] = octet;
            if let Ok(read) = response(&bytes, 7, "a.example", Kind::Srv) {
                assert!(read.records.len() <= 2);
            }
        }
    }
}
