//! The URLs of an ACME server: which resource a path names ([RFC 8555 §7.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1)).

use super::name::Name;
use std::fmt;

/// One resource. Its path is what follows [`super::Practice::base`] in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An account.
    Account(Name),
    /// An authorization.
    Authorization(Name),
    /// The chain of the certificate of this order.
    Certificate(Name),
    /// A challenge.
    Challenge(Name),
    /// Where everything else is.
    Directory,
    /// Where an order is finalized.
    Finalize(Name),
    /// Where an account gets another key.
    KeyChange,
    /// Where accounts are opened and found.
    NewAccount,
    /// Where nonces are had.
    NewNonce,
    /// Where orders are placed.
    NewOrder,
    /// An order.
    Order(Name),
    /// The orders of an account, from the nth on.
    Orders(Name, usize),
    /// Where certificates are revoked.
    RevokeCert,
}

impl Resource {
    /// The resource of a path and a query, as [`Resource`] writes them; any other spelling names nothing.
    pub fn of(path: &str) -> Option<Self> {
        let resource = Self::read(path)?;
        (resource.to_string() == path).then_some(resource)
    }

    fn read(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let (first, second, third) = (parts.next()?, parts.next(), parts.next());
        if parts.next().is_some() {
            return None;
        }
        let named = |second: &str| second.parse::<Name>().ok();
        match (first, second, third) {
            ("directory", None, None) => Some(Self::Directory),
            ("key-change", None, None) => Some(Self::KeyChange),
            ("new-account", None, None) => Some(Self::NewAccount),
            ("new-nonce", None, None) => Some(Self::NewNonce),
            ("new-order", None, None) => Some(Self::NewOrder),
            ("revoke-cert", None, None) => Some(Self::RevokeCert),
            ("acct", Some(name), None) => named(name).map(Self::Account),
            ("acct", Some(name), Some("orders")) => Some(Self::Orders(named(name)?, 0)),
            ("acct", Some(name), Some(orders)) => {
                let cursor = orders.strip_prefix("orders?cursor=")?.parse().ok()?;
                Some(Self::Orders(named(name)?, cursor))
            }
            ("authz", Some(name), None) => named(name).map(Self::Authorization),
            ("cert", Some(name), None) => named(name).map(Self::Certificate),
            ("chall", Some(name), None) => named(name).map(Self::Challenge),
            ("order", Some(name), None) => named(name).map(Self::Order),
            ("order", Some(name), Some("finalize")) => named(name).map(Self::Finalize),
            _ => None,
        }
    }

    /// Whether it may be asked for without a signature.
    // RFC 8555 §6.3: "The server MUST allow GET requests for the directory and newNonce resources (see Section 7.1), in addition to
    // POST-as-GET requests for these resources."
    pub fn is_open(self) -> bool {
        matches!(self, Self::Directory | Self::NewNonce)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => write!(f, "/acct/{name}"),
            Self::Authorization(name) => write!(f, "/authz/{name}"),
            Self::Certificate(name) => write!(f, "/cert/{name}"),
            Self::Challenge(name) => write!(f, "/chall/{name}"),
            Self::Directory => f.write_str("/directory"),
            Self::Finalize(name) => write!(f, "/order/{name}/finalize"),
            Self::KeyChange => f.write_str("/key-change"),
            Self::NewAccount => f.write_str("/new-account"),
            Self::NewNonce => f.write_str("/new-nonce"),
            Self::NewOrder => f.write_str("/new-order"),
            Self::Order(name) => write!(f, "/order/{name}"),
            Self::Orders(name, 0) => write!(f, "/acct/{name}/orders"),
            Self::Orders(name, cursor) => write!(f, "/acct/{name}/orders?cursor={cursor}"),
            Self::RevokeCert => f.write_str("/revoke-cert"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_read_as_they_are_written() {
        let name = Name::draw(&mut |octets| octets.fill(7));
        for resource in [
            Resource::Account(name),
            Resource::Authorization(name),
            Resource::Certificate(name),
            Resource::Challenge(name),
            Resource::Directory,
            Resource::Finalize(name),
            Resource::KeyChange,
            Resource::NewAccount,
            Resource::NewNonce,
            Resource::NewOrder,
            Resource::Order(name),
            Resource::Orders(name, 0),
            Resource::Orders(name, 100),
            Resource::RevokeCert,
        ] {
            assert_eq!(Resource::of(&resource.to_string()), Some(resource));
        }
    }

    #[test]
    fn another_spelling_names_nothing() {
        let name = Name::draw(&mut |octets| octets.fill(7));
        for path in [
            "".to_owned(),
            "/".to_owned(),
            "directory".to_owned(),
            "/directory/".to_owned(),
            "//directory".to_owned(),
            "/directory?".to_owned(),
            "/order/AAAA".to_owned(),
            format!("/order/{name}/"),
            format!("/order/{name}/finalize/x"),
            format!("/acct/{name}/orders?cursor=0"),
            format!("/acct/{name}/orders?cursor=+1"),
            format!("/acct/{name}/orders?cursor=01"),
        ] {
            assert_eq!(Resource::of(&path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_read_or_not(path in "(/[a-z-]{0,12}(/[A-Za-z0-9_-]{0,24}){0,3})?\\PC{0,8}") {
            if let Some(resource) = Resource::of(&path) {
                prop_assert_eq!(resource.to_string(), path);
            }
        }
    }
}
