//! An authority that is killed at any point, hundreds of times: nothing issued or revoked is lost, no serial number is used twice,
//! nothing is issued twice.
//!
//! ```text
//!     child: open ─▶ resume ─▶ issue, revoke, issue … ──▶ says what a customer would have got
//!               ▲                    ╳ SIGKILL                      │
//!     parent:   └── again ◀── audit of the journal, beside ◀────────┘
//! ```
//!
//! Beside it, without processes, every step at which a crash can happen is tried in turn, with a key that looks into the store
//! before it signs.

use crate::authority_journal::{book, revoke, rules, wanted};
use crate::peers::Workspace;
use countersign::certificate::Certificate;
use countersign::crypto::{EcdsaP256Key, Point, Signature, SigningFailed, SigningKey, sha256};
use countersign_ca::journal::Record;
use countersign_ca::ledger::Event;
use countersign_ca::notation::to_hexadecimal;
use countersign_ca::register::{self, CertificateName};
use countersign_ca::{Authority, Practice};
use countersign_server::authority::audit::audit;
use countersign_server::authority::book::Book;
use countersign_server::authority::issuing::{issue, resume};
use countersign_server::authority::keeper::Keeper;
use countersign_server::store::memory::MemoryStore;
use countersign_server::store::sqlite::SqliteStore;
use countersign_server::store::{AppendError, EventStore, Unavailable};
use countersign_testkit::lab::Lab;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Kills. Every [`JOURNAL`] of them share a journal, so that restarts have something to read.
const KILLS: u64 = 240;
const JOURNAL: u64 = 24;

/// Tells the child where its journal is.
const FOLDER: &str = "COUNTERSIGN_TEST_KILLED_FOLDER";

/// What a child needs, and what it leaves behind.
struct Office {
    folder: PathBuf,
}

impl Office {
    fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn found(folder: &Path, lab: &Lab, key: &EcdsaP256Key) -> Self {
        fs::write(folder.join("ca.key"), &*key.to_pkcs8().unwrap()).unwrap();
        fs::write(folder.join("ca.der"), certificate(lab, key).as_der()).unwrap();
        Self::at(folder)
    }

    fn authority(&self) -> Authority {
        let key = EcdsaP256Key::from_der(&fs::read(self.folder.join("ca.key")).unwrap()).unwrap();
        let der = fs::read(self.folder.join("ca.der")).unwrap();
        let certificate = Certificate::parse(&der).unwrap();
        Authority::new(certificate, Arc::new(key), Practice::default()).unwrap()
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.folder.join("journal.db")).unwrap()
    }

    fn said(&self) -> PathBuf {
        self.folder.join("said")
    }

    /// What children have said, whole lines only.
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.said()).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// Everything that was said is in the journal, and nothing in it contradicts itself.
    fn audit(&self) {
        let authorities = [self.authority().certificate().clone()];
        let found = audit(&self.store(), "ca", &[], &authorities).unwrap();
        assert_eq!(found.findings, []);
        let register = &found.ledger.register;
        let mut certificates = BTreeMap::new();
        let mut revoked = BTreeSet::new();
        for (name, entry) in register.certificates() {
            let serial = name.serial.to_string();
            if entry.revocation.is_some() {
                revoked.insert(serial.clone());
            }
            let digest = entry.certificate().map(|der| to_hexadecimal(&sha256(der)));
            certificates.insert(serial, digest);
        }
        for line in self.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["issued", serial, digest] => {
                    let kept = certificates.get(serial).cloned().flatten();
                    assert_eq!(kept.as_deref(), Some(digest), "{serial} is lost");
                }
                ["revoked", serial] => assert!(revoked.contains(serial), "{serial} is good again"),
                _ => panic!("{line}"),
            }
        }
    }
}

fn certificate(lab: &Lab, key: &EcdsaP256Key) -> Certificate {
    use countersign_ca::extension::PathLength;
    use countersign_ca::{Profile, Request};
    use countersign_testkit::lab::{subject, validity};
    let profile = Profile::Intermediate(PathLength::AtMost(0));
    let request = Request::new(profile, subject("Lab SHAKEN Killed CA"), key.public_key());
    lab.root()
        .issue(&request, lab.next_serial(), validity())
        .unwrap()
}

/// The child: issues and revokes until it is killed.
#[test]
#[ignore = "a process of its own, started and killed by the test below"]
fn issues_and_revokes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let office = Office::at(Path::new(&folder));
    let authority = office.authority();
    let keeper = Keeper::start(book(Arc::new(office.store())), None).unwrap();
    let mut said = OpenOptions::new()
        .append(true)
        .create(true)
        .open(office.said())
        .unwrap();
    let mut say = |line: String| said.write_all(format!("{line}\n").as_bytes()).unwrap();
    resume(&mut &keeper, &authority).unwrap();
    let rules = rules(&authority);
    for count in 0_u64.. {
        let name = issue(&mut &keeper, &authority, &rules, &wanted()).unwrap();
        let digest = {
            let ledger = keeper.snapshot();
            let der = ledger.register.find(&name).unwrap().certificate().unwrap();
            to_hexadecimal(&sha256(der))
        };
        say(format!("issued {} {digest}", name.serial));
        if count % 2 == 0 {
            revoke(&mut &keeper, &name);
            say(format!("revoked {}", name.serial));
        }
    }
}

/// Numbers that look random and are the same every time.
fn scattered(number: u64) -> u64 {
    let bytes = sha256(&number.to_be_bytes());
    u64::from(bytes[0]) << 8 | u64::from(bytes[1])
}

/// Starts a child and kills it at some moment: while it starts, or after some more lines, at any of the steps in between.
fn start_and_kill(office: &Office, number: u64) {
    let us = std::env::current_exe().unwrap();
    let child = Command::new(us)
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("killed_at_any_point::issues_and_revokes_until_it_is_killed")
        .env(FOLDER, &office.folder)
        .stdout(Stdio::null())
        .stderr(File::create(office.folder.join("child.log")).unwrap())
        .spawn();
    let mut child = child.unwrap();
    let (before, wanted) = (office.lines().len(), (number % 4) as usize);
    let deadline = Instant::now() + Duration::from_secs(60);
    while wanted > 0 && office.lines().len() < before + wanted {
        assert!(Instant::now() < deadline, "the child does nothing");
        assert!(
            child.try_wait().unwrap().is_none(),
            "the child has ended by itself"
        );
        thread::sleep(Duration::from_millis(1));
    }
    let spread = if wanted == 0 { 60_000 } else { 12_000 };
    thread::sleep(Duration::from_micros(scattered(number) % spread));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// This test verifies that an authority that is killed with SIGKILL, hundreds of times, keeps everything that anybody was told.
#[test]
fn killed_hundreds_of_times_nothing_is_lost() {
    let lab = Lab::new();
    let (mut issued, mut revoked, mut resumed) = (0, 0, 0);
    for journal in 0..KILLS / JOURNAL {
        let workspace = Workspace::new("killed");
        let key = EcdsaP256Key::generate().unwrap();
        let office = Office::found(workspace.path(), &lab, &key);
        for kill in 0..JOURNAL {
            start_and_kill(&office, journal * JOURNAL + kill);
            office.audit();
            let ledger = book(Arc::new(office.store())).ledger();
            resumed += ledger.register.unfinished().count();
        }
        // A last start finishes what the last kill left.
        let mut last = book(Arc::new(office.store()));
        resume(&mut last, &office.authority()).unwrap();
        assert_eq!(last.ledger().register.unfinished().count(), 0);
        office.audit();
        let lines = office.lines();
        issued += lines
            .iter()
            .filter(|line| line.starts_with("issued"))
            .count();
        revoked += lines
            .iter()
            .filter(|line| line.starts_with("revoked"))
            .count();
    }
    // It was killed at work, also between a preparation and its certificate.
    assert!(
        issued > 100 && revoked > 50,
        "{issued} issued, {revoked} revoked"
    );
    assert!(
        resumed > 0,
        "no kill came between a preparation and its certificate"
    );
}

/// A store that a crash takes away at one of its steps: before or after it has kept what it was given.
struct Crashing {
    kept: Arc<MemoryStore>,
    /// Steps until the crash: two to an append, before and after.
    left: AtomicU64,
}

impl Crashing {
    fn step(&self) -> Result<(), Unavailable> {
        let left = self.left.load(Ordering::SeqCst);
        match left {
            0 => Err(Unavailable("crashed".into())),
            _ => {
                self.left.store(left - 1, Ordering::SeqCst);
                Ok(())
            }
        }
    }
}

impl EventStore for Crashing {
    fn append(&self, stream: &str, expected: u64, records: &[Vec<u8>]) -> Result<(), AppendError> {
        self.step()?;
        self.kept.append(stream, expected, records)?;
        Ok(self.step()?)
    }

    fn read(&self, stream: &str, after: u64, limit: usize) -> Result<Vec<Vec<u8>>, Unavailable> {
        self.kept.read(stream, after, limit)
    }

    fn head(&self, stream: &str) -> Result<u64, Unavailable> {
        self.kept.head(stream)
    }
}

/// A key that signs nothing that was not kept before, and remembers what it has signed.
struct Witness {
    key: EcdsaP256Key,
    kept: Arc<MemoryStore>,
    signed: Mutex<Vec<Vec<u8>>>,
}

impl SigningKey for Witness {
    fn sign(&self, message: &[u8]) -> Result<Signature, SigningFailed> {
        let lines = self.kept.read("ca", 0, usize::MAX).unwrap();
        let is_kept = lines.iter().any(|line| {
            let record = Record::from_line(line).unwrap();
            match Event::from_json(&record.event).unwrap() {
                Event::Certificate(register::Event::Prepared(prepared)) => {
                    prepared.tbs.as_bytes() == message
                }
                _ => false,
            }
        });
        assert!(is_kept, "the key was used before the bytes were kept");
        self.signed.lock().unwrap().push(message.to_vec());
        self.key.sign(message)
    }

    fn public_key(&self) -> Point {
        self.key.public_key()
    }
}

/// This test verifies the rule at every step: whatever the key has signed was kept before, and after a crash at any step and a
/// restart every preparation has become exactly one certificate, of the bytes that were prepared.
#[test]
fn the_rule_holds_at_every_step() {
    let lab = Lab::new();
    let key = EcdsaP256Key::generate().unwrap();
    let certificate = certificate(&lab, &key);
    let pkcs8 = key.to_pkcs8().unwrap();
    // Three certificates and their revocations take nine appends.
    for crash in 0..=18 {
        let kept = Arc::new(MemoryStore::default());
        let witness = Arc::new(Witness {
            key: EcdsaP256Key::from_der(&pkcs8).unwrap(),
            kept: kept.clone(),
            signed: Mutex::default(),
        });
        let authority = Authority::new(certificate.clone(), witness.clone(), Practice::default());
        let authority = authority.unwrap();
        let store = Arc::new(Crashing {
            kept: kept.clone(),
            left: AtomicU64::new(crash),
        });
        let told = at_work(book(store), &authority);
        let mut after = book(kept.clone());
        resume(&mut after, &authority).unwrap();
        let found = audit(kept.as_ref(), "ca", &[], std::slice::from_ref(&certificate)).unwrap();
        assert_eq!(found.findings, [], "crash at step {crash}");
        let register = &found.ledger.register;
        assert_eq!(register.unfinished().count(), 0);
        for (name, is_revoked) in told {
            let entry = register.find(&name).unwrap();
            assert!(entry.certificate().is_some());
            assert!(entry.revocation.is_some() || !is_revoked);
        }
        // Signed twice at most, and then the same bytes: one before the crash, one after.
        let signed = witness.signed.lock().unwrap().clone();
        let different: BTreeSet<_> = signed.iter().collect();
        assert!(signed.len() <= different.len() + 1, "crash at step {crash}");
        assert_eq!(register.certificates().count(), different.len());
    }
}

/// Issues and revokes until the crash; what a customer was told.
fn at_work(mut book: Book, authority: &Authority) -> Vec<(CertificateName, bool)> {
    use countersign::certificate::crl::Reason;
    use countersign_server::authority::book::Decision;
    let mut told = Vec::new();
    let rules = rules(authority);
    for _ in 0..3 {
        let Ok(name) = issue(&mut book, authority, &rules, &wanted()) else {
            break;
        };
        told.push((name.clone(), false));
        let revoked = book.command(|ledger, now, _| {
            let events = ledger
                .register
                .revoke(&name, Reason::Superseded, "test", now);
            let events = events.unwrap().into_iter().map(Into::into).collect();
            Decision { events, reply: () }
        });
        match (revoked, told.last_mut()) {
            (Ok(()), Some(last)) => last.1 = true,
            _ => break,
        }
    }
    told
}
