//! The journal: every event one record, each record naming the digest of the one before it.
//!
//! ```text
//!     beginning ◄── record 1 ◄── record 2 ◄── record 3 = head
//!                       ▲                         ▲
//!                  checkpoint 1              checkpoint 3      signed, kept somewhere else
//! ```
//!
//! [`Chain`] makes records, [`verify`] proves them: nothing changed, taken out, put in between or moved. That nothing was cut off
//! at the end is what a [`Checkpoint`] shows, a head signed at some time and kept where who could cut cannot reach. Where records
//! lie is not this room's matter, nor what the events say.

use crate::notation::Digest;
use countersign::crypto::{SigningFailed, SigningKey, VerifyingKey};
use countersign::jose::base64url;
use countersign::jose::jws::CompactJws;
use countersign::time::UnixTime;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Largest event, in bytes. Own decision: a certificate in base64url takes four thirds of what RFC 5280 parsers here read
/// ([`countersign::certificate::MAX_CERTIFICATE`]).
pub const MAX_EVENT: usize = 512 * 1024;

/// The text before the name of a journal in the digest that its first record follows.
const BEGINNING: &[u8] = b"countersign journal\0";

/// The protected header of every checkpoint.
const CHECKPOINT_HEADER: &str = r#"{"alg":"ES256","typ":"countersign-checkpoint"}"#;

/// One event and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The first is 1.
    pub position: u64,
    /// When it was written. Clocks are set back now and then, and so a later record may have an earlier time.
    pub at: UnixTime,
    /// The digest of the record before it.
    pub previous: Digest,
    /// JSON on one line.
    pub event: Box<str>,
}

impl Record {
    /// The line, without an end of line: members always in this order and without spaces.
    pub fn to_line(&self) -> String {
        line(self.position, self.at, self.previous, &self.event)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`NotARecord`] for everything that [`Record::to_line`] does not write.
    pub fn from_line(line: &[u8]) -> Result<Self, NotARecord> {
        let text = std::str::from_utf8(line).map_err(|_| NotARecord)?;
        Self::read(text).ok_or(NotARecord)
    }

    fn read(text: &str) -> Option<Self> {
        let (position, rest) = text.strip_prefix(r#"{"position":"#)?.split_once(',')?;
        let (at, rest) = rest.strip_prefix(r#""at":"#)?.split_once(',')?;
        let (previous, rest) = rest.strip_prefix(r#""previous":""#)?.split_once('"')?;
        let event = rest.strip_prefix(r#","event":"#)?.strip_suffix('}')?;
        if event.len() > MAX_EVENT || event.contains('\n') {
            return None;
        }
        let record = Self {
            position: position.parse().ok()?,
            at: UnixTime::from_secs(at.parse().ok()?),
            previous: previous.parse().ok()?,
            event: event.into(),
        };
        // A plus sign or a zero in front would be another line for the same record.
        (record.to_line() == text).then_some(record)
    }

    /// What the next record names.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_line().as_bytes())
    }
}

fn line(position: u64, at: UnixTime, previous: Digest, event: &str) -> String {
    let at = at.as_secs();
    format!(r#"{{"position":{position},"at":{at},"previous":"{previous}","event":{event}}}"#)
}

/// The bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARecord;

impl fmt::Display for NotARecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a record of a journal")
    }
}

impl std::error::Error for NotARecord {}

/// Up to where a journal goes: its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last position; 0 if there is no record.
    pub position: u64,
    /// The digest of that record, or of the journal's name.
    pub digest: Digest,
}

impl Head {
    /// That of a journal without records. Journals of different names have different beginnings: no record of one can stand in
    /// the other.
    pub fn beginning(stream: &str) -> Self {
        Self {
            position: 0,
            digest: Digest::of(&[BEGINNING, stream.as_bytes()].concat()),
        }
    }
}

/// The end of a journal, at which records are put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    head: Head,
}

impl Chain {
    /// A journal that goes up to `head`.
    pub fn at(head: Head) -> Self {
        Self { head }
    }

    /// Up to where it goes.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Puts an event on: the record that is to be kept. Whoever cannot keep it goes on from a copy made before.
    pub fn append(&mut self, at: UnixTime, event: &str) -> Record {
        let record = Record {
            position: self.head.position.saturating_add(1),
            at,
            previous: self.head.digest,
            event: event.into(),
        };
        self.head = Head {
            position: record.position,
            digest: record.digest(),
        };
        record
    }

    /// The same, as the line that is kept: it is written once.
    pub fn append_line(&mut self, at: UnixTime, event: &str) -> String {
        let position = self.head.position.saturating_add(1);
        let line = line(position, at, self.head.digest, event);
        self.head = Head {
            position,
            digest: Digest::of(line.as_bytes()),
        };
        line
    }

    /// Takes over a record that somebody else has put on.
    ///
    /// # Errors
    /// [`Broken`] if it does not follow.
    pub fn follow(&mut self, line: &[u8]) -> Result<Record, Broken> {
        let position = self.head.position.saturating_add(1);
        let broken = |why| Broken { position, why };
        let record = Record::from_line(line).map_err(|_| broken(Why::NotARecord))?;
        if record.position != position {
            return Err(broken(Why::Position(record.position)));
        }
        if record.previous != self.head.digest {
            return Err(broken(Why::Previous));
        }
        self.head = Head {
            position,
            digest: Digest::of(line),
        };
        Ok(record)
    }
}

/// Proves a whole journal.
///
/// # Errors
/// [`Broken`] at the first place where a record does not follow the one before it.
pub fn verify<'a>(stream: &str, lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Head, Broken> {
    let mut chain = Chain::at(Head::beginning(stream));
    for line in lines {
        chain.follow(line)?;
    }
    Ok(chain.head())
}

/// Where a journal is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The place at which a record was expected.
    pub position: u64,
    /// What is wrong there.
    pub why: Why,
}

/// What is wrong with a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A checkpoint was signed for another record at this place.
    Checkpoint,
    /// The journal ends before this place, and a checkpoint says that it went on.
    CutOff,
    /// What lies there is not a record.
    NotARecord,
    /// The record there says that it belongs to another place.
    Position(u64),
    /// The record there names another one before it.
    Previous,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.position;
        match self.why {
            Why::Checkpoint => write!(f, "record {at} is not the one that was signed for"),
            Why::CutOff => write!(f, "record {at} was signed for and is missing: cut off"),
            Why::NotARecord => write!(f, "record {at} cannot be read"),
            Why::Position(other) => write!(f, "record {other} lies in the place of record {at}"),
            Why::Previous => write!(f, "record {at} does not follow the one before it"),
        }
    }
}

impl std::error::Error for Broken {}

/// A head, and when it was one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The name of the journal.
    pub stream: Box<str>,
    /// The last position.
    pub position: u64,
    /// The digest of that record.
    pub head: Digest,
    /// When.
    #[serde(with = "crate::notation::seconds")]
    pub at: UnixTime,
}

impl Checkpoint {
    /// That of a journal as it is now.
    pub fn of(stream: &str, head: Head, now: UnixTime) -> Self {
        Self {
            stream: stream.into(),
            position: head.position,
            head: head.digest,
            at: now,
        }
    }

    /// The head.
    pub fn head(&self) -> Head {
        Head {
            position: self.position,
            digest: self.head,
        }
    }

    /// The checkpoint as a compact JWS, one line.
    ///
    /// # Errors
    /// [`SigningFailed`] if the key does not sign.
    pub fn sign(&self, key: &dyn SigningKey) -> Result<String, SigningFailed> {
        let payload = serde_json::to_vec(self).map_err(|_| SigningFailed)?;
        let mut token = base64url::encode(CHECKPOINT_HEADER.as_bytes());
        token.push('.');
        base64url::encode_into(&payload, &mut token);
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        base64url::encode_into(&signature, &mut token);
        Ok(token)
    }

    /// Reads a line that [`Checkpoint::sign`] has written.
    ///
    /// # Errors
    /// [`NotACheckpoint`] if it is none, or another key has signed it.
    pub fn open(line: &str, key: &dyn VerifyingKey) -> Result<Self, NotACheckpoint> {
        let jws = CompactJws::split(line).map_err(|_| NotACheckpoint)?;
        // Another kind of token under the same key is no checkpoint.
        if jws.header_part() != base64url::encode(CHECKPOINT_HEADER.as_bytes()) {
            return Err(NotACheckpoint);
        }
        let payload = jws.verify(key).map_err(|_| NotACheckpoint)?;
        serde_json::from_slice(&payload).map_err(|_| NotACheckpoint)
    }
}

/// The line is not a checkpoint, or not one of this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACheckpoint;

impl fmt::Display for NotACheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a checkpoint, or not signed with this key")
    }
}

impl std::error::Error for NotACheckpoint {}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::crypto::{AwsLc, EcdsaP256Key, VerifyingKeys};

    const NOW: UnixTime = UnixTime::from_secs(1_795_292_400);

    fn lines(stream: &str, events: &[&str]) -> Vec<Vec<u8>> {
        let mut chain = Chain::at(Head::beginning(stream));
        let records = events.iter().map(|event| chain.append(NOW, event));
        records
            .map(|record| record.to_line().into_bytes())
            .collect()
    }

    fn proven(stream: &str, lines: &[Vec<u8>]) -> Result<Head, Broken> {
        verify(stream, lines.iter().map(Vec::as_slice))
    }

    #[test]
    fn a_line_is_read_as_it_was_written_and_in_no_other_form() {
        let line = &lines("ca", &[r#"{"a":[1,"}"]}"#])[0];
        let record = Record::from_line(line).unwrap();
        assert_eq!(record.to_line().as_bytes(), line);
        assert_eq!(&*record.event, r#"{"a":[1,"}"]}"#);
        let text = std::str::from_utf8(line).unwrap();
        for other in [
            text.replace(":1,", ":+1,"),
            text.replace(":1,", ":01,"),
            text.replace(",\"at", ", \"at"),
            text.replace("\"]}", "\"]\n}"),
            text[1..].to_owned(),
            String::new(),
        ] {
            assert_eq!(
                Record::from_line(other.as_bytes()),
                Err(NotARecord),
                "{other}"
            );
        }
    }

    #[test]
    fn a_record_and_its_line_are_put_on_alike() {
        let mut by_record = Chain::at(Head::beginning("ca"));
        let mut by_line = by_record;
        for event in ["1", r#"{"a":[]}"#, "3"] {
            let record = by_record.append(NOW, event);
            assert_eq!(by_line.append_line(NOW, event), record.to_line());
            assert_eq!(by_line, by_record);
        }
    }

    #[test]
    fn whatever_is_done_to_a_journal_is_found() {
        let whole = lines("ca", &["1", "2", "3"]);
        assert_eq!(proven("ca", &whole).unwrap().position, 3);
        let place = |lines: &[Vec<u8>]| proven("ca", lines).unwrap_err();
        let mut changed = whole.clone();
        changed[1] = String::from_utf8(changed[1].clone())
            .unwrap()
            .replace("\"event\":2", "\"event\":7")
            .into_bytes();
        assert_eq!(
            place(&changed),
            Broken {
                position: 3,
                why: Why::Previous
            }
        );
        let without = [whole[0].clone(), whole[2].clone()];
        assert_eq!(
            place(&without),
            Broken {
                position: 2,
                why: Why::Position(3)
            }
        );
        let moved = [whole[1].clone(), whole[0].clone()];
        assert_eq!(
            place(&moved),
            Broken {
                position: 1,
                why: Why::Position(2)
            }
        );
        let rubbish = [b"{}".to_vec()];
        assert_eq!(
            place(&rubbish),
            Broken {
                position: 1,
                why: Why::NotARecord
            }
        );
        // The beginning of another journal is no beginning of this one.
        assert_eq!(
            place(&lines("tokens", &["1"])),
            Broken {
                position: 1,
                why: Why::Previous
            }
        );
    }

    #[test]
    fn a_checkpoint_is_believed_under_its_key_only() {
        let (key, other) = (
            EcdsaP256Key::generate().unwrap(),
            EcdsaP256Key::generate().unwrap(),
        );
        let checkpoint = Checkpoint::of("ca", Head::beginning("ca"), NOW);
        let line = checkpoint.sign(&key).unwrap();
        let opened = |key: &EcdsaP256Key, line: &str| {
            Checkpoint::open(line, AwsLc.p256(&key.public_key()).unwrap().as_ref())
        };
        assert_eq!(opened(&key, &line).unwrap(), checkpoint);
        assert_eq!(opened(&other, &line), Err(NotACheckpoint));
        let header = base64url::encode(br#"{"alg":"ES256","typ":"passport"}"#);
        let payload = line.split('.').nth(1).unwrap();
        let input = format!("{header}.{payload}");
        let signature = base64url::encode(&key.sign(input.as_bytes()).unwrap());
        assert_eq!(
            opened(&key, &format!("{input}.{signature}")),
            Err(NotACheckpoint)
        );
    }
}
