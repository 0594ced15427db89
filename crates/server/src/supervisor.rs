//! Telling whoever started us how we are: the notification protocol of systemd, `sd_notify(3)`.
//!
//! A few words in one datagram to the socket that `NOTIFY_SOCKET` names; nobody answers, and where nobody asked nothing is
//! said. Our own few lines instead of a library: this is all of it.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Whoever started us and wants to know.
#[derive(Debug)]
pub struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

/// How we are. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Everything that must turn does.
    Alive,
    /// Calls are carried; also when a reload is done.
    Ready,
    /// The configuration is read again.
    Reloading,
    /// We end.
    Stopping,
    /// Another process goes on in our place.
    Successor(u32),
}

impl Supervisor {
    /// As the environment of this process says.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok();
        Self::new(
            std::env::var_os("NOTIFY_SOCKET").as_deref(),
            variable("WATCHDOG_USEC").as_deref(),
            variable("WATCHDOG_PID").as_deref(),
        )
    }

    /// As these three variables say.
    // sd_watchdog_enabled(3): "The watchdog should only be enabled if WATCHDOG_PID is not set, or if it matches our process."
    fn new(socket: Option<&OsStr>, watchdog_usec: Option<&str>, pid: Option<&str>) -> Self {
        let address = socket.and_then(address);
        let socket = address.and_then(|address| Some((UnixDatagram::unbound().ok()?, address)));
        let is_ours = pid.is_none_or(|pid| pid == std::process::id().to_string());
        let limit = watchdog_usec.filter(|_| is_ours && socket.is_some());
        let limit = limit.and_then(|limit| limit.parse().ok());
        Self {
            socket,
            watchdog: limit.filter(|limit| *limit > 0).map(Duration::from_micros),
        }
    }

    /// How long we may be silent before we are ended; `None` if nobody watches.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Tells. Whoever does not listen any more does not miss it.
    pub fn tell(&self, news: News) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send_to_addr(text(news).as_bytes(), address) {
            tracing::debug!(%error, ?news, "the supervisor does not hear");
        }
    }
}

fn text(news: News) -> String {
    match news {
        News::Alive => "WATCHDOG=1".into(),
        News::Ready => "READY=1\nSTATUS=carries calls".into(),
        // systemd wants to know the moment on the clock that all processes share.
        News::Reloading => {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            let micros = now.tv_sec.saturating_mul(1_000_000) + now.tv_nsec / 1_000;
            format!("RELOADING=1\nMONOTONIC_USEC={micros}")
        }
        News::Stopping => "STOPPING=1\nSTATUS=finishes what has begun".into(),
        News::Successor(pid) => format!("MAINPID={pid}"),
    }
}

/// A path, or a name that begins with `@` and is in no file system.
fn address(socket: &OsStr) -> Option<SocketAddr> {
    match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
        [b'/', ..] => SocketAddr::from_pathname(socket).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn what_is_told_is_heard_by_name_and_by_path() {
        let name = format!("countersign-notify-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let of_path = UnixDatagram::bind(&path).unwrap();
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        let of_name = UnixDatagram::bind_addr(&abstract_name).unwrap();
        let by_name = format!("@{name}");
        for (socket, at) in [(of_path, path.as_os_str()), (of_name, OsStr::new(&by_name))] {
            let supervisor = Supervisor::new(Some(at), Some("30000000"), None);
            assert_eq!(supervisor.watchdog(), Some(Duration::from_secs(30)));
            supervisor.tell(News::Ready);
            assert!(heard(&socket).starts_with("READY=1\n"));
            supervisor.tell(News::Reloading);
            assert!(heard(&socket).starts_with("RELOADING=1\nMONOTONIC_USEC="));
            supervisor.tell(News::Successor(7));
            assert_eq!(heard(&socket), "MAINPID=7");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn nobody_who_did_not_ask_is_told() {
        let at = OsStr::new("/nowhere/at/all");
        for (socket, usec, pid) in [
            (None, Some("30000000"), None),
            (Some(OsStr::new("relative")), Some("30000000"), None),
            (Some(at), Some("30000000"), Some("1")),
            (Some(at), Some("0"), None),
            (Some(at), Some("soon"), None),
            (Some(at), None, None),
        ] {
            let supervisor = Supervisor::new(socket, usec, pid);
            assert_eq!(supervisor.watchdog(), None);
            supervisor.tell(News::Alive);
        }
    }
}
