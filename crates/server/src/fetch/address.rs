//! Which addresses the fetcher may connect to: those of the public Internet, and nothing else.
//!
//! An x5u is written by a stranger. Whoever may choose where we connect may knock at our own doors from inside: metadata
//! services, management networks, the loopback. So every address, literal or resolved, is held against the
//! special-purpose registries of [RFC 6890](https://www.rfc-editor.org/rfc/rfc6890) (Tables 1 to 16 for IPv4, 17 to 29 for
//! IPv6) and what joined them later; an IPv6 address that carries an IPv4 address is judged by what it carries.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not one of the public Internet: its block, named as its registry names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialPurpose {
    /// The block's name.
    pub name: &'static str,
    /// The document that reserves it.
    pub source: &'static str,
}

impl fmt::Display for SpecialPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.source)
    }
}

/// Judges an address.
///
/// # Errors
/// [`SpecialPurpose`], the block that it lies in.
pub fn judge(address: IpAddr) -> Result<(), SpecialPurpose> {
    match address {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => judge_v6(address),
    }
}

fn judge_v4(address: Ipv4Addr) -> Result<(), SpecialPurpose> {
    let bits = address.to_bits();
    match V4.iter().find(|block| block.contains(bits)) {
        Some(block) => Err(block.reason()),
        None => Ok(()),
    }
}

fn judge_v6(address: Ipv6Addr) -> Result<(), SpecialPurpose> {
    let bits = address.to_bits();
    // RFC 6890 Table 20 marks IPv4-mapped addresses as not global; on a socket they are the IPv4 address.
    if let Some(mapped) = address.to_ipv4_mapped() {
        return judge_v4(mapped).and(Err(MAPPED));
    }
    // RFC 6890 Table 19: 64:ff9b::/96 is global. A translator (RFC 6052 §2.1) sends it to the IPv4 address in the last 32
    // bits, and hosts behind DNS64 see every IPv4-only repository so.
    if NAT64.contains(bits) {
        return judge_v4(Ipv4Addr::from_bits((bits & u128::from(u32::MAX)) as u32));
    }
    if let Some(block) = V6.iter().find(|block| block.contains(bits)) {
        return Err(block.reason());
    }
    // RFC 4291 §2.4 leaves the rest of the space to future use; IANA has given out 2000::/3 only.
    match GLOBAL_UNICAST.contains(bits) {
        true => Ok(()),
        false => Err(GLOBAL_UNICAST.reason()),
    }
}

struct Block<Bits> {
    network: Bits,
    prefix: u32,
    name: &'static str,
    source: &'static str,
}

impl<Bits> Block<Bits> {
    const fn reason(&self) -> SpecialPurpose {
        SpecialPurpose {
            name: self.name,
            source: self.source,
        }
    }
}

impl Block<u32> {
    fn contains(&self, address: u32) -> bool {
        (address ^ self.network).leading_zeros() >= self.prefix
    }
}

impl Block<u128> {
    fn contains(&self, address: u128) -> bool {
        (address ^ self.network).leading_zeros() >= self.prefix
    }
}

const fn v4(octets: [u8; 4], prefix: u32, name: &'static str, source: &'static str) -> Block<u32> {
    Block {
        network: u32::from_be_bytes(octets),
        prefix,
        name,
        source,
    }
}

const fn v6(high: [u16; 3], prefix: u32, name: &'static str, source: &'static str) -> Block<u128> {
    Block {
        network: ((high[0] as u128) << 112) | ((high[1] as u128) << 96) | ((high[2] as u128) << 80),
        prefix,
        name,
        source,
    }
}

/// In the order of the registry, smaller blocks before the larger ones that hold them.
const V4: [Block<u32>; 16] = [
    v4(
        [0, 0, 0, 0],
        8,
        "\"This host on this network\"",
        "RFC 6890 Table 1",
    ),
    v4([10, 0, 0, 0], 8, "Private-Use Networks", "RFC 6890 Table 2"),
    v4(
        [100, 64, 0, 0],
        10,
        "Shared Address Space",
        "RFC 6890 Table 3",
    ),
    v4([127, 0, 0, 0], 8, "Loopback", "RFC 6890 Table 4"),
    v4([169, 254, 0, 0], 16, "Link Local", "RFC 6890 Table 5"),
    v4(
        [172, 16, 0, 0],
        12,
        "Private-Use Networks",
        "RFC 6890 Table 6",
    ),
    v4(
        [192, 0, 0, 0],
        24,
        "IETF Protocol Assignments",
        "RFC 6890 Table 7",
    ),
    v4([192, 0, 2, 0], 24, "TEST-NET-1", "RFC 6890 Table 9"),
    v4(
        [192, 88, 99, 0],
        24,
        "6to4 Relay Anycast",
        "RFC 6890 Table 10",
    ),
    v4(
        [192, 168, 0, 0],
        16,
        "Private-Use Networks",
        "RFC 6890 Table 11",
    ),
    v4(
        [198, 18, 0, 0],
        15,
        "Network Interconnect Device Benchmark Testing",
        "RFC 6890 Table 12",
    ),
    v4([198, 51, 100, 0], 24, "TEST-NET-2", "RFC 6890 Table 13"),
    v4([203, 0, 113, 0], 24, "TEST-NET-3", "RFC 6890 Table 14"),
    v4([224, 0, 0, 0], 4, "Multicast", "RFC 5771"),
    v4(
        [255, 255, 255, 255],
        32,
        "Limited Broadcast",
        "RFC 6890 Table 16",
    ),
    v4(
        [240, 0, 0, 0],
        4,
        "Reserved for Future Use",
        "RFC 6890 Table 15",
    ),
];

const MAPPED: SpecialPurpose = SpecialPurpose {
    name: "IPv4-mapped Address",
    source: "RFC 6890 Table 20",
};

const NAT64: Block<u128> = v6(
    [0x64, 0xff9b, 0],
    96,
    "IPv4-IPv6 Translat.",
    "RFC 6890 Table 19",
);

const GLOBAL_UNICAST: Block<u128> = v6([0x2000, 0, 0], 3, "outside 2000::/3", "RFC 4291");

/// What lies inside 2000::/3, and what an operator wants to see by its name.
const V6: [Block<u128>; 15] = [
    Block {
        network: 1,
        prefix: 128,
        name: "Loopback Address",
        source: "RFC 6890 Table 17",
    },
    v6([0, 0, 0], 128, "Unspecified Address", "RFC 6890 Table 18"),
    v6([0, 0, 0], 96, "IPv4-compatible Address", "RFC 4291"),
    v6(
        [0x64, 0xff9b, 1],
        48,
        "IPv4-IPv6 Translat. (local use)",
        "RFC 8215",
    ),
    v6(
        [0x100, 0, 0],
        64,
        "Discard-Only Address Block",
        "RFC 6890 Table 21",
    ),
    v6([0x2001, 0, 0], 32, "TEREDO", "RFC 6890 Table 23"),
    v6(
        [0x2001, 0, 0],
        23,
        "IETF Protocol Assignments",
        "RFC 6890 Table 22",
    ),
    v6([0x2001, 0xdb8, 0], 32, "Documentation", "RFC 6890 Table 25"),
    v6([0x2002, 0, 0], 16, "6to4", "RFC 6890 Table 27"),
    v6([0x3fff, 0, 0], 20, "Documentation", "RFC 9637"),
    v6(
        [0x5f00, 0, 0],
        16,
        "Segment Routing (SRv6) SIDs",
        "RFC 9602",
    ),
    v6([0xfc00, 0, 0], 7, "Unique-Local", "RFC 6890 Table 28"),
    v6(
        [0xfe80, 0, 0],
        10,
        "Linked-Scoped Unicast",
        "RFC 6890 Table 29",
    ),
    v6([0xfec0, 0, 0], 10, "Site-Local", "RFC 3879"),
    v6([0xff00, 0, 0], 8, "Multicast", "RFC 4291"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(text: &str) -> Option<&'static str> {
        judge(text.parse().unwrap()).err().map(|reason| reason.name)
    }

    #[test]
    fn every_special_block_is_refused_at_both_ends() {
        for (text, expected) in [
            ("0.0.0.0", "\"This host on this network\""),
            ("0.255.255.255", "\"This host on this network\""),
            ("10.0.0.0", "Private-Use Networks"),
            ("10.255.255.255", "Private-Use Networks"),
            ("100.64.0.0", "Shared Address Space"),
            ("100.127.255.255", "Shared Address Space"),
            ("127.0.0.1", "Loopback"),
            ("127.255.255.255", "Loopback"),
            ("169.254.169.254", "Link Local"),
            ("172.16.0.0", "Private-Use Networks"),
            ("172.31.255.255", "Private-Use Networks"),
            ("192.0.0.8", "IETF Protocol Assignments"),
            ("192.0.2.1", "TEST-NET-1"),
            ("192.88.99.1", "6to4 Relay Anycast"),
            ("192.168.255.255", "Private-Use Networks"),
            (
                "198.18.0.0",
                "Network Interconnect Device Benchmark Testing",
            ),
            (
                "198.19.255.255",
                "Network Interconnect Device Benchmark Testing",
            ),
            ("198.51.100.7", "TEST-NET-2"),
            ("203.0.113.7", "TEST-NET-3"),
            ("224.0.0.1", "Multicast"),
            ("239.255.255.255", "Multicast"),
            ("240.0.0.1", "Reserved for Future Use"),
            ("255.255.255.255", "Limited Broadcast"),
            ("::", "Unspecified Address"),
            ("::1", "Loopback Address"),
            ("::127.0.0.1", "IPv4-compatible Address"),
            ("::ffff:127.0.0.1", "Loopback"),
            ("::ffff:8.8.8.8", "IPv4-mapped Address"),
            ("64:ff9b::127.0.0.1", "Loopback"),
            ("64:ff9b::a9fe:a9fe", "Link Local"),
            ("64:ff9b:1::1", "IPv4-IPv6 Translat. (local use)"),
            ("100::1", "Discard-Only Address Block"),
            ("2001::1", "TEREDO"),
            ("2001:2::1", "IETF Protocol Assignments"),
            ("2001:1ff:ffff::", "IETF Protocol Assignments"),
            ("2001:db8::1", "Documentation"),
            ("2002:7f00:1::", "6to4"),
            ("3fff:fff::1", "Documentation"),
            ("5f00::1", "Segment Routing (SRv6) SIDs"),
            ("fc00::1", "Unique-Local"),
            ("fdff::1", "Unique-Local"),
            ("fe80::1", "Linked-Scoped Unicast"),
            ("febf::1", "Linked-Scoped Unicast"),
            ("fec0::1", "Site-Local"),
            ("ff02::1", "Multicast"),
            ("4000::1", "outside 2000::/3"),
            ("1::1", "outside 2000::/3"),
        ] {
            assert_eq!(name_of(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_neighbours_of_the_blocks_are_public() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2003::1",
            "2606:4700::1111",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(name_of(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_carries_a_forbidden_ipv4_address_is_forbidden(bits: u32) {
            let inner = Ipv4Addr::from_bits(bits);
            let translated = Ipv6Addr::from_bits((0x64_ff9b_u128 << 96) | u128::from(bits));
            proptest::prop_assert_eq!(judge(translated.into()).is_ok(), judge(inner.into()).is_ok());
            proptest::prop_assert!(judge(inner.to_ipv6_mapped().into()).is_err());
        }
    }
}
