//! The signers we know: the URLs of chains that proved themselves, and when a call last used each.
//!
//! The list outlives the process as a file of text, one line each: the day and the URL. Nothing of any call is in it, and only
//! providers are: the URL of a certificate that speaks for single numbers may name them. It is bounded, written as a whole or
//! not at all, and what cannot be read of it is forgotten: everything in it can be learnt again.

use crate::files;
use countersign::time::{Ticks, UnixTime};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// Most signers that are known: a country with the most has about a thousand providers that sign.
pub const MAX_KNOWN: usize = 4_096;

/// Longest URL that is kept, in bytes. Those of the field have below 128.
pub const MAX_URL: usize = 512;

/// Who has not called for so long is forgotten, in seconds: thirty days.
pub const FORGOTTEN_AFTER: i64 = 30 * DAY;

/// A day in seconds: nobody learns from the file when a call was.
const DAY: i64 = 24 * 3_600;

/// The pause after a chain was asked for in advance.
pub const PAUSE: Duration = Duration::from_secs(15 * 60);

/// The pause after the first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3_600);

/// What stands at the beginning of the file.
const HEAD: &str = "# Where the certificates of known signers are, and the day of the last call. Written by the server.\n";

/// The signers that are known.
#[derive(Debug, Default)]
pub struct KnownSigners {
    file: Option<PathBuf>,
    signers: HashMap<Box<str>, Signer>,
    /// What the file holds.
    written: String,
}

#[derive(Debug)]
struct Signer {
    /// The beginning of the day of the last call.
    seen: UnixTime,
    /// When its URL may be asked again.
    next: Ticks,
    failures: u32,
}

impl KnownSigners {
    /// Those of the file, if there is one.
    pub fn read(file: Option<PathBuf>, now: UnixTime) -> Self {
        let mut known = Self::default();
        if let Some(path) = &file {
            match files::read_text(path) {
                Ok(text) => {
                    known.take(&text, now);
                    known.written = text;
                }
                // There is none before the first run.
                Err(fault) if fault.is_missing() => {}
                Err(fault) => {
                    tracing::warn!(path = %path.display(), %fault, "known signers not read");
                }
            }
        }
        known.file = file;
        known
    }

    fn take(&mut self, text: &str, now: UnixTime) {
        for line in text.lines().take(2 * MAX_KNOWN) {
            let Some((seen, url)) = line.split_once(' ') else {
                continue;
            };
            let seen = seen.parse().map(UnixTime::from_secs);
            if let Some(seen) = seen.ok().filter(|seen| *seen <= now) {
                self.see(url, seen);
            }
        }
        self.forget(now);
    }

    /// A call used the chain of `url`.
    pub fn see(&mut self, url: &str, at: UnixTime) {
        let fits = url.len() <= MAX_URL && url.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return;
        }
        let day = UnixTime::from_secs(at.as_secs() - at.as_secs().rem_euclid(DAY));
        let signer = self.signers.entry(url.into()).or_insert(Signer {
            seen: day,
            next: Ticks::default(),
            failures: 0,
        });
        signer.seen = signer.seen.max(day);
    }

    /// Whether `url` is known.
    pub fn has(&self, url: &str) -> bool {
        self.signers.contains_key(url)
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.signers.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }

    /// Forgets those who have not called for long, and the longest ago of too many.
    pub fn forget(&mut self, now: UnixTime) {
        let oldest = now.saturating_add(-FORGOTTEN_AFTER);
        self.signers.retain(|_, signer| signer.seen > oldest);
        for (_, url) in self.in_order().split_off(MAX_KNOWN.min(self.len())) {
            self.signers.remove(&url);
        }
    }

    /// All of them, those who called last first.
    pub fn urls(&self) -> Vec<Box<str>> {
        let all = self.in_order().into_iter();
        all.map(|(_, url)| url).collect()
    }

    fn in_order(&self) -> Vec<(UnixTime, Box<str>)> {
        let all = self.signers.iter();
        let mut all: Vec<_> = all
            .map(|(url, signer)| (signer.seen, url.clone()))
            .collect();
        all.sort_by(|(one, first), (other, second)| other.cmp(one).then_with(|| first.cmp(second)));
        all
    }

    /// Whether the repository may be asked, after what came of it before.
    pub fn may_ask(&self, url: &str, now: Ticks) -> bool {
        self.signers
            .get(url)
            .is_some_and(|signer| signer.next <= now)
    }

    /// The repository was asked, and answered with a chain or did not.
    pub fn asked<T, E>(&mut self, url: &str, outcome: &Result<T, E>, now: Ticks) {
        let Some(signer) = self.signers.get_mut(url) else {
            return;
        };
        let pause = match outcome {
            Ok(_) => {
                signer.failures = 0;
                PAUSE
            }
            Err(_) => {
                signer.failures += 1;
                let doubled = FIRST_PAUSE.saturating_mul(1 << signer.failures.min(16));
                doubled.min(LONGEST_PAUSE)
            }
        };
        signer.next = now.after(pause);
    }

    /// The file and what should be in it, if that is not in it already.
    pub fn unwritten(&self) -> Option<(PathBuf, String)> {
        let path = self.file.clone()?;
        let mut text = HEAD.to_owned();
        for (seen, url) in self.in_order() {
            text += &format!("{} {url}\n", seen.as_secs());
        }
        (text != self.written).then_some((path, text))
    }

    /// This is in the file now.
    pub fn written(&mut self, text: String) {
        self.written = text;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_782_012_345);

    fn path(name: &str) -> PathBuf {
        let name = format!("countersign-known-{}-{name}", std::process::id());
        std::env::temp_dir().join(name)
    }

    #[test]
    fn who_is_known_is_known_after_a_restart() {
        let file = path("restart");
        let mut known = KnownSigners::read(Some(file.clone()), NOW);
        assert!(known.is_empty());
        known.see("https://a.example/a.pem", NOW);
        known.see("https://b.example/b.pem", NOW.saturating_add(-2 * DAY));
        let (path, text) = known.unwritten().unwrap();
        files::replace(&path, text.as_bytes()).unwrap();
        known.written(text.clone());
        assert!(known.unwritten().is_none());
        assert!(
            !text.contains("1782012345"),
            "the day, not the hour: {text}"
        );
        let known = KnownSigners::read(Some(file.clone()), NOW);
        let urls = ["https://a.example/a.pem", "https://b.example/b.pem"].map(Box::from);
        assert_eq!(known.urls(), urls);
        let later = NOW.saturating_add(29 * DAY);
        let known = KnownSigners::read(Some(file.clone()), later);
        assert_eq!(known.urls(), urls[..1]);
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn whatever_the_file_holds_is_bounded() {
        let mut known = KnownSigners::default();
        let mut text = String::from("garbage\n99999999999999999999 x\n1 https://old.example/\n");
        text += &format!("{} https://tomorrow.example/\n", NOW.as_secs() + 2 * DAY);
        text += &format!("{} https://{}\n", NOW.as_secs(), "l".repeat(MAX_URL));
        text += &format!("{} https://a b/\u{7}\n", NOW.as_secs());
        known.take(&text, NOW);
        assert!(known.is_empty(), "{known:?}");
        let line = |number| format!("{} https://h.example/{number}\n", NOW.as_secs());
        let many: String = (0..MAX_KNOWN + 100).map(line).collect();
        known.take(&many, NOW);
        assert_eq!(known.len(), MAX_KNOWN);
    }

    #[test]
    fn who_does_not_answer_is_asked_less_and_less() {
        let mut known = KnownSigners::default();
        let url = "https://a.example/a.pem";
        known.see(url, NOW);
        let mut now = Ticks::default();
        let mut pauses = Vec::new();
        for _ in 0..12 {
            assert!(known.may_ask(url, now));
            known.asked(url, &Err::<(), _>(()), now);
            let pause = (0..).map(|minutes| Duration::from_secs(60 * minutes));
            let mut pause = pause.filter(|pause| known.may_ask(url, now.after(*pause)));
            let pause = pause.next().unwrap();
            now = now.after(pause);
            pauses.push(pause);
        }
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        known.asked(url, &Ok::<_, ()>(()), now);
        assert!(!known.may_ask(url, now) && known.may_ask(url, now.after(PAUSE)));
    }
}
