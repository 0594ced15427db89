//! A HEP version 3 packet: a head, and chunks of vendor, type, length and value.
//!
//! ```text
//!   "HEP3"  length of all (2)     vendor (2)  type (2)  length with this head (2)  value ...     and so on
//! ```
//!
//! As the description of the protocol by its collectors has it ("HEP3/EEP"): integers are in network order, and the chunks of the
//! generic vendor come in any order.

use std::net::{IpAddr, SocketAddr};

/// Longest packet, in bytes: what a UDP datagram over IPv6 has room for (65,535 - 40 - 8). The length field has two octets, too.
pub const MAX_PACKET: usize = 65_487;

/// Longest correlation identifier that is told, in bytes: Call-IDs are below it.
pub const MAX_CORRELATION: usize = 1_024;

/// What is told of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// The number of the IP protocol: 6 TCP, 17 UDP.
    pub protocol: u8,
    /// When, in microseconds since 1970.
    pub micros: u64,
    /// Who captured it.
    pub capture_id: u32,
    /// What the collector wants to see.
    pub password: Option<&'a [u8]>,
    /// By what it belongs together with others: its Call-ID.
    pub correlation: Option<&'a [u8]>,
    /// The message itself, SIP.
    pub payload: &'a [u8],
}

/// The message has no room in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Types of chunks of the generic vendor.
mod chunk {
    pub(super) const FAMILY: u16 = 0x01;
    pub(super) const PROTOCOL: u16 = 0x02;
    pub(super) const SOURCE_V4: u16 = 0x03;
    pub(super) const DESTINATION_V4: u16 = 0x04;
    pub(super) const SOURCE_V6: u16 = 0x05;
    pub(super) const DESTINATION_V6: u16 = 0x06;
    pub(super) const SOURCE_PORT: u16 = 0x07;
    pub(super) const DESTINATION_PORT: u16 = 0x08;
    pub(super) const SECONDS: u16 = 0x09;
    pub(super) const MICROSECONDS: u16 = 0x0a;
    pub(super) const PAYLOAD_KIND: u16 = 0x0b;
    pub(super) const CAPTURE_ID: u16 = 0x0c;
    pub(super) const PASSWORD: u16 = 0x0e;
    pub(super) const PAYLOAD: u16 = 0x0f;
    pub(super) const CORRELATION: u16 = 0x11;
}

/// The kind of payload that SIP is.
const SIP: u8 = 0x01;
/// Address families as HEP numbers them: those of Linux.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 10;

const MAGIC: &[u8; 4] = b"HEP3";
/// The head of a packet and that of a chunk have the same length.
const HEAD: usize = 6;
/// The vendor of chunks that everybody knows.
const GENERIC: u16 = 0;

impl Capture<'_> {
    /// Writes the packet into `out`, whatever was there before.
    ///
    /// # Errors
    /// [`TooLong`]; then `out` holds nothing of use.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        out.clear();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[0; 2]);
        self.push_ends(out);
        let (seconds, micros) = (self.micros / 1_000_000, self.micros % 1_000_000);
        // The field ends in 2106; collectors will have another one by then.
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let micros = u32::try_from(micros).unwrap_or_default();
        push(out, chunk::SECONDS, &seconds.to_be_bytes());
        push(out, chunk::MICROSECONDS, &micros.to_be_bytes());
        push(out, chunk::PAYLOAD_KIND, &[SIP]);
        push(out, chunk::CAPTURE_ID, &self.capture_id.to_be_bytes());
        if let Some(password) = self.password {
            push(out, chunk::PASSWORD, password);
        }
        if let Some(id) = self.correlation.filter(|id| id.len() <= MAX_CORRELATION) {
            push(out, chunk::CORRELATION, id);
        }
        push(out, chunk::PAYLOAD, self.payload);
        let length = u16::try_from(out.len()).map_err(|_| TooLong)?;
        match out.get_mut(MAGIC.len()..HEAD) {
            Some(field) if usize::from(length) <= MAX_PACKET => {
                field.copy_from_slice(&length.to_be_bytes());
                Ok(())
            }
            _ => Err(TooLong),
        }
    }

    /// Who sent it to whom. Both addresses have one family: if they do not, IPv4 is written as IPv6.
    fn push_ends(&self, out: &mut Vec<u8>) {
        let (source, destination) = (
            self.source.ip().to_canonical(),
            self.destination.ip().to_canonical(),
        );
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                push(out, chunk::FAMILY, &[FAMILY_V4]);
                push(out, chunk::PROTOCOL, &[self.protocol]);
                push(out, chunk::SOURCE_V4, &source.octets());
                push(out, chunk::DESTINATION_V4, &destination.octets());
            }
            (source, destination) => {
                push(out, chunk::FAMILY, &[FAMILY_V6]);
                push(out, chunk::PROTOCOL, &[self.protocol]);
                push(out, chunk::SOURCE_V6, &six(source));
                push(out, chunk::DESTINATION_V6, &six(destination));
            }
        }
        let (source, destination) = (self.source.port(), self.destination.port());
        push(out, chunk::SOURCE_PORT, &source.to_be_bytes());
        push(out, chunk::DESTINATION_PORT, &destination.to_be_bytes());
    }
}

fn six(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// Appends a chunk. One that is too long for its length field makes the packet too long as well, which is seen at the end.
fn push(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(HEAD + value.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&GENERIC.to_be_bytes());
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
}
