//! How much is taken: lengths, counts and rates ([RFC 8555 §6.6](https://www.rfc-editor.org/rfc/rfc8555#section-6.6)).

use countersign::jose::json::MAX_JSON_BYTES;

/// Longest body of a request, in bytes: what the JSON reader takes. A certificate of 255 ranges fits in it four times.
pub const MAX_BODY: usize = MAX_JSON_BYTES;

/// Most contact URLs of an account. Own decision: as many as large public authorities take.
pub const MAX_CONTACTS: usize = 10;

/// Longest contact URL, in bytes: RFC 5321 §4.5.3.1.3 bounds a path by 256, and `mailto:` stands before it.
pub const MAX_CONTACT: usize = 263;

/// Longest TN Authorization List of an order, in bytes of DER. Own decision: a certificate with it has to go into a call's fetch.
// RFC 9448 §8.1: "Best practice may be simply to split a set of noncontiguous numbers under management into multiple STI
// certificates"
pub const MAX_IDENTIFIER: usize = 16 * 1024;

/// Most orders in one page of an account's list. Own decision: a page stays below ten kilobytes.
pub const MAX_ORDERS_LISTED: usize = 100;

/// Seconds of an hour.
pub const HOUR: i64 = 3_600;

/// How long an order that came to nothing is remembered after it expired, in seconds. Own decision: a week, so that its client
/// can still read why.
pub const REMEMBERED: i64 = 7 * 24 * HOUR;

/// How long a client may take from order to finalization, in seconds. Own decision: as long as large
/// public authorities give.
pub const ORDER_LIFE: i64 = 7 * 24 * HOUR;

/// When a client may look again at what is being worked on, in seconds.
pub const RETRY_AFTER: u32 = 2;

/// How soon the certificate of a token is fetched again because its client asks again, in seconds.
// RFC 8555 §8.2: "there should not usually be any reason to retry more often than every 5 or 10 seconds."
pub const FETCH_AGAIN: i64 = 10;

/// How much is taken in how much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Accounts opened in an hour, all together.
    pub accounts_per_hour: usize,
    /// Orders in an hour, of one account.
    pub orders_per_hour: usize,
    /// Orders of one account that are neither finished nor failed.
    pub open_orders: usize,
}

impl Default for Rates {
    /// Own decision: enough for a provider that renews one-number certificates for a block of numbers in an hour, and for its
    /// customers; an authority with more of them sets its own.
    fn default() -> Self {
        Self {
            accounts_per_hour: 100,
            orders_per_hour: 1_000,
            open_orders: 100,
        }
    }
}
