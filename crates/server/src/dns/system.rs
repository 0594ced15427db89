//! What this machine knows about names: its name servers and its hosts file, in the formats of `resolv.conf(5)` and `hosts(5)`.
//!
//! Both are small files on the local disk and are read anew for each lookup, as other resolvers do: an operator who changes them wants
//! them changed. Domains to search are left out: the name of a next hop is complete.

use std::net::{IpAddr, SocketAddr};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// Most servers that are asked: `resolv.conf(5)`, MAXNS.
const MAX_SERVERS: usize = 3;

/// The port of the DNS.
const PORT: u16 = 53;

/// The name servers of this machine.
pub(super) fn servers() -> Vec<SocketAddr> {
    servers_in(&std::fs::read_to_string(RESOLV_CONF).unwrap_or_default())
}

/// The addresses that the hosts file has for a name.
pub(super) fn addresses(name: &str) -> Vec<IpAddr> {
    addresses_in(&std::fs::read_to_string(HOSTS).unwrap_or_default(), name)
}

fn servers_in(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let is_one = words.next() == Some("nameserver");
        let ip: IpAddr = words.next().filter(|_| is_one)?.parse().ok()?;
        Some(SocketAddr::new(ip, PORT))
    };
    text.lines().filter_map(server).take(MAX_SERVERS).collect()
}

fn addresses_in(text: &str, name: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let ip = words.next()?.parse().ok()?;
        words
            .any(|word| word.eq_ignore_ascii_case(name))
            .then_some(ip)
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_they_are_written() {
        let text = "# comment\nsearch example.net\nnameserver 192.0.2.53\noptions x\nnameserver ::1\nnameserver no\n";
        let servers: Vec<_> = servers_in(text).iter().map(|s| s.to_string()).collect();
        assert_eq!(servers, ["192.0.2.53:53", "[::1]:53"]);
        let text =
            "127.0.0.1 localhost\n::1 localhost ip6 # comment sbc\n192.0.2.1\tSBC.example sbc\n";
        assert_eq!(addresses_in(text, "localhost").len(), 2);
        let found = addresses_in(text, "sbc.example");
        assert_eq!(found, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert!(addresses_in(text, "comment").is_empty());
    }
}
