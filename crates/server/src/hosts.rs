//! Which addresses are one host, for limits that nobody is to use up alone.

use std::net::{IpAddr, Ipv6Addr};

/// The host of an address: an IPv4 address, also mapped into IPv6, or the first of a /64 of IPv6, all of which one machine may have.
pub(crate) fn host_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}
