//! `[ca.limits]`: how much the authority takes from whom.

use super::super::reader::Reader;
use countersign_ca::acme::limits::Rates;
use countersign_ca::token_authority::TOKENS_PER_HOUR;

/// `[ca.limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaLimits {
    /// What the ACME server takes of one account, and all of them.
    pub rates: Rates,
    /// Tokens of one account of the token authority in an hour.
    pub tokens_per_hour: usize,
    /// Requests to the ACME server from one host in a minute.
    pub requests_per_minute: u32,
    /// Logins and requests for tokens from one host in a minute.
    pub logins_per_minute: u32,
    /// Requests that are worked on at a time; beyond it they are turned away.
    pub at_once: usize,
}

/// Requests from one host in a minute, if nobody says otherwise. Own decision: an enterprise behind one address that renews a hundred
/// one-number certificates a minute, with twelve requests for each.
const REQUESTS_PER_MINUTE: i64 = 1_200;

/// Logins and requests for tokens from one host in a minute, if nobody says otherwise: those of that enterprise.
const LOGINS_PER_MINUTE: i64 = 200;

/// Requests that are worked on at a time, if nobody says otherwise. Own decision: more than what the journal takes in one batch waits
/// longer than it is worth.
const AT_ONCE: i64 = 64;

/// Most that may be said of each.
const MOST: i64 = 1_000_000;

/// Reads it.
pub(super) fn read(mut reader: Reader<'_>) -> CaLimits {
    let usual = Rates::default();
    let mut number = |name: &'static str, default: i64, most| {
        let read = reader.integer(name, 1..=most).unwrap_or(default);
        usize::try_from(read).unwrap_or(usize::MAX)
    };
    let mut count = |name: &'static str, default: usize| {
        number(name, i64::try_from(default).unwrap_or(MOST), MOST)
    };
    let rates = Rates {
        accounts_per_hour: count("accounts_per_hour", usual.accounts_per_hour),
        orders_per_hour: count("orders_per_hour", usual.orders_per_hour),
        open_orders: count("open_orders", usual.open_orders),
    };
    let tokens_per_hour = count("tokens_per_hour", TOKENS_PER_HOUR);
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let limits = CaLimits {
        rates,
        tokens_per_hour,
        requests_per_minute: small(number("requests_per_minute", REQUESTS_PER_MINUTE, MOST)),
        logins_per_minute: small(number("logins_per_minute", LOGINS_PER_MINUTE, MOST)),
        at_once: number("at_once", AT_ONCE, 1_024),
    };
    reader.finish();
    limits
}
