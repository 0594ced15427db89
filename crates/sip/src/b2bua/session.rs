//! The session timer: passed by, and believed.

use crate::grammar::{number, trim};
use crate::message::{Message, Name};
use std::time::Duration;

/// RFC 4028 §4: "The absolute minimum for the Session-Expires header field is 90 seconds."
const SHORTEST: Duration = Duration::from_secs(90);

/// How long a session lasts that nobody refreshes, as the 2xx that settles it says; `None` if it has no timer.
// RFC 4028 §7.2: "The UAC remembers the session interval for a session as the value of the delta-time from the Session-Expires header
// field in the most recent 2xx response to a session refresh request on a dialog."
pub(crate) fn session_interval(response: &Message) -> Option<Duration> {
    let value = response.header(Name::SessionExpires)?;
    let seconds = value.split(|byte| *byte == b';').next()?;
    let seconds = number(trim(seconds))?;
    Some(Duration::from_secs(seconds.into()).max(SHORTEST))
}
