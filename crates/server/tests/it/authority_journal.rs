//! The authority's journal: two processes beside each other, a store that goes away, a full disk, a cut tail, a copy put back.
//!
//! ```text
//!     keeper (server) ──▶ journal.db ◀── book (command line)
//!        │ snapshot            └── audit, with the checkpoints beside it
//!        ▼
//!     readers: go on, whatever becomes of the file
//! ```

use crate::peers::Workspace;
use countersign::certificate::crl::Reason;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::SigningKey;
use countersign::time::{Now, Ticks};
use countersign_ca::journal::{Broken, Why};
use countersign_ca::register::preparation::{Asked, IssuanceRefused, Rules};
use countersign_ca::register::{CertificateName, Register, Status};
use countersign_ca::{Authority, Profile, Request, Subject};
use countersign_server::authority::audit::{Audit, Finding, audit};
use countersign_server::authority::book::{Book, Decision, Undone};
use countersign_server::authority::checkpoints::{self, Checkpoints};
use countersign_server::authority::issuing::{Commands, NotIssued, Wanted, issue, resume};
use countersign_server::authority::keeper::Keeper;
use countersign_server::clock::Clock;
use countersign_server::store::memory::MemoryStore;
use countersign_server::store::sqlite::SqliteStore;
use countersign_server::store::{AppendError, EventStore, Unavailable};
use countersign_testkit::lab::{Lab, NOW, new_key, validity};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What time it is in the lab.
struct LabClock;

impl Clock for LabClock {
    fn now(&self) -> Now {
        Now {
            unix: NOW,
            ticks: Ticks::default(),
        }
    }
}

pub(crate) fn book(store: Arc<dyn EventStore>) -> Book {
    Book::open(store, "ca", Arc::new(LabClock), &[]).unwrap()
}

/// Rules under which `authority` issues: those of the lab have no policy and no distribution point, and so break some lints.
pub(crate) fn rules(authority: &Authority) -> Rules {
    let wanted = wanted();
    let asked = Asked {
        request: &wanted.request,
        validity: wanted.validity,
        order: None,
        approval: None,
        by: None,
    };
    let mut rules = Rules::default();
    let refused = Register::default().prepare(authority, &rules, &asked, NOW, [1; 16]);
    if let Err(IssuanceRefused::Lints(names)) = refused {
        rules.ignored_lints = names.iter().map(|name| Box::from(*name)).collect();
    }
    rules
}

pub(crate) fn wanted() -> Wanted {
    let code = "1234".parse().unwrap();
    let subject = Subject::shaken("US", "Example Telco", &code).unwrap();
    let list = TnAuthList::new(vec![TnEntry::Spc(code)]).unwrap();
    let request = Request::new(Profile::EndEntity, subject, new_key().public_key());
    Wanted {
        request: request.with_scope(list),
        validity: validity(),
        approval: None,
        by: None,
    }
}

fn issued(commands: &mut impl Commands, lab: &Lab) -> Result<CertificateName, NotIssued> {
    issue(
        commands,
        lab.intermediate(),
        &rules(lab.intermediate()),
        &wanted(),
    )
}

pub(crate) fn revoke(commands: &mut impl Commands, name: &CertificateName) {
    let name = name.clone();
    let revoked = commands.command(move |ledger, now, _| {
        let events = ledger
            .register
            .revoke(&name, Reason::Superseded, "test", now);
        let events = events.unwrap().into_iter().map(Into::into).collect();
        Decision { events, reply: () }
    });
    revoked.unwrap();
}

fn is_good(commands: &impl Commands, lab: &Lab, name: &CertificateName) -> bool {
    let issuer = lab.intermediate().certificate().subject();
    let ledger = commands.ledger();
    matches!(
        ledger.register.status(issuer, name.serial.as_bytes()),
        Status::Good(_)
    )
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// This test verifies that the command line may issue and revoke beside a running server: both see everything, neither undoes
/// anything of the other.
#[test]
fn the_command_line_works_beside_the_server() {
    let (folder, lab) = (Workspace::new("beside"), Lab::new());
    let path = folder.path().join("journal.db");
    let open = || Arc::new(SqliteStore::open(&path).unwrap());
    let keeper = Keeper::start(book(open()), None).unwrap();
    let mut line = book(open());
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(issued(&mut &keeper, &lab).unwrap());
        names.push(issued(&mut line, &lab).unwrap());
    }
    revoke(&mut line, &names[0]);
    until("the server sees what the command line has revoked", || {
        !is_good(&&keeper, &lab, &names[0])
    });
    assert_eq!(
        keeper.snapshot().register.certificates().count(),
        names.len()
    );
    drop(keeper);
    let found = audit(
        open().as_ref(),
        "ca",
        &[],
        &[lab.intermediate().certificate().clone()],
    );
    let found = found.unwrap();
    assert_eq!(found.findings, []);
    assert_eq!(found.head.position, names.len() as u64 * 2 + 1);
}

/// This test verifies that a server which is asked something all the time, and keeps nothing of it, sees what the command line does.
#[test]
fn a_busy_server_hears_the_command_line_too() {
    let (store, lab) = (Arc::new(MemoryStore::default()), Lab::new());
    let keeper = Keeper::start(book(store.clone()), None).unwrap();
    let name = issued(&mut &keeper, &lab).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                let asked = keeper.command(|_, _, _| Decision::nothing(()));
                asked.unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        revoke(&mut book(store), &name);
        let deadline = Instant::now() + Duration::from_secs(20);
        while is_good(&&keeper, &lab, &name) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        is_over.store(true, Ordering::SeqCst);
    });
    assert!(!is_good(&&keeper, &lab, &name), "never heard of");
}

/// A store that can be switched off, or keeps what it says it has not.
#[derive(Default)]
struct Failing {
    kept: MemoryStore,
    is_down: AtomicBool,
    keeps_and_fails: AtomicBool,
}

impl Failing {
    fn judge(&self) -> Result<(), Unavailable> {
        match self.is_down.load(Ordering::SeqCst) {
            true => Err(Unavailable("pulled out".into())),
            false => Ok(()),
        }
    }
}

impl EventStore for Failing {
    fn append(&self, stream: &str, expected: u64, records: &[Vec<u8>]) -> Result<(), AppendError> {
        self.judge()?;
        self.kept.append(stream, expected, records)?;
        match self.keeps_and_fails.swap(false, Ordering::SeqCst) {
            true => Err(Unavailable("no answer after the commit".into()).into()),
            false => Ok(()),
        }
    }

    fn read(&self, stream: &str, after: u64, limit: usize) -> Result<Vec<Vec<u8>>, Unavailable> {
        self.judge()?;
        self.kept.read(stream, after, limit)
    }

    fn head(&self, stream: &str) -> Result<u64, Unavailable> {
        self.judge()?;
        self.kept.head(stream)
    }
}

/// This test verifies that readers go on while the store is down, that nothing is issued then, and that it goes on by itself.
#[test]
fn readers_go_on_while_the_store_is_down() {
    let (store, lab) = (Arc::new(Failing::default()), Lab::new());
    let keeper = Keeper::start(book(store.clone()), None).unwrap();
    let name = issued(&mut &keeper, &lab).unwrap();
    store.is_down.store(true, Ordering::SeqCst);
    let refused = issued(&mut &keeper, &lab);
    assert!(
        matches!(refused, Err(NotIssued::Undone(Undone::Unavailable(_)))),
        "{refused:?}"
    );
    assert!(is_good(&&keeper, &lab, &name), "what was kept is shown");
    assert!(keeper.trouble().is_some());
    store.is_down.store(false, Ordering::SeqCst);
    let second = issued(&mut &keeper, &lab).unwrap();
    assert!(is_good(&&keeper, &lab, &second));
    assert_eq!(keeper.trouble(), None);
}

/// This test verifies that a commit whose answer is lost is found again: the certificate that was prepared then is finished, and its
/// serial number is not used for another one.
#[test]
fn a_commit_without_an_answer_is_found_again() {
    let (store, lab) = (Arc::new(Failing::default()), Lab::new());
    let keeper = Keeper::start(book(store.clone()), None).unwrap();
    store.keeps_and_fails.store(true, Ordering::SeqCst);
    let refused = issued(&mut &keeper, &lab);
    assert!(
        matches!(refused, Err(NotIssued::Undone(Undone::Unavailable(_)))),
        "{refused:?}"
    );
    let second = issued(&mut &keeper, &lab).unwrap();
    let ledger = keeper.snapshot();
    assert_eq!(ledger.register.certificates().count(), 2);
    assert_eq!(ledger.register.unfinished().count(), 1);
    drop(ledger);
    assert_eq!(resume(&mut &keeper, lab.intermediate()), Ok((1, 0)));
    let ledger = keeper.snapshot();
    assert_eq!(ledger.register.unfinished().count(), 0);
    assert!(
        ledger
            .register
            .certificates()
            .all(|(_, entry)| entry.certificate().is_some())
    );
    assert!(is_good(&&keeper, &lab, &second));
}

/// This test verifies that a full disk stops issuance with an error that says so, loses nothing, and that room brings it back.
#[test]
fn a_full_disk_stops_issuance_and_loses_nothing() {
    let (folder, lab) = (Workspace::new("full"), Lab::new());
    let store = Arc::new(SqliteStore::open(&folder.path().join("journal.db")).unwrap());
    store.limit(120 * 1024).unwrap();
    let keeper = Keeper::start(book(store.clone()), None).unwrap();
    let mut names = Vec::new();
    let refused = loop {
        match issued(&mut &keeper, &lab) {
            Ok(name) => names.push(name),
            Err(refused) => break refused,
        }
        assert!(names.len() < 1_000, "it is never full");
    };
    assert_eq!(refused, NotIssued::Undone(Undone::Full));
    assert!(
        refused.to_string().contains("the disk is full"),
        "{refused}"
    );
    assert!(!names.is_empty());
    assert!(names.iter().all(|name| is_good(&&keeper, &lab, name)));
    store.limit(100 * 1024 * 1024).unwrap();
    // What was prepared when the room ended is finished, not forgotten.
    let (finished, given_up) = resume(&mut &keeper, lab.intermediate()).unwrap();
    assert!(finished <= 1 && given_up == 0);
    names.push(issued(&mut &keeper, &lab).unwrap());
    drop(keeper);
    let found = audit(
        store.as_ref(),
        "ca",
        &[],
        &[lab.intermediate().certificate().clone()],
    );
    let found = found.unwrap();
    assert_eq!(found.findings, []);
    let kept = found.ledger.register.certificates().count();
    assert_eq!(kept, names.len() + finished);
}

/// A journal of some certificates with a checkpoint in the middle and one at the end.
struct Proven {
    folder: Workspace,
    lab: Lab,
    checkpoints: Checkpoints,
    checkpoints_key: Arc<dyn SigningKey>,
}

impl Proven {
    fn new(name: &str) -> Self {
        let (folder, lab) = (Workspace::new(name), Lab::new());
        let checkpoints_key: Arc<dyn SigningKey> = new_key();
        let path = folder.path().join("checkpoints");
        let proven = Self {
            checkpoints: Checkpoints::new(&path, checkpoints_key.clone()),
            folder,
            lab,
            checkpoints_key,
        };
        for _ in 0..2 {
            let store = Arc::new(proven.store());
            let keeper = Keeper::start(book(store), Some(proven.checkpoints.clone())).unwrap();
            for _ in 0..2 {
                issued(&mut &keeper, &proven.lab).unwrap();
            }
        }
        proven
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("journal.db")
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path()).unwrap()
    }

    fn audit(&self, path: &Path) -> Audit {
        let store = SqliteStore::open_existing(path).unwrap();
        let checkpoints = self.checkpoints.read().unwrap();
        let authority = self.lab.intermediate().certificate().clone();
        audit(&store, "ca", &checkpoints, &[authority]).unwrap()
    }

    fn change(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.execute_batch(sql).unwrap();
    }
}

/// This test verifies that a cut tail, a changed record and one taken out are found, and where.
#[test]
fn a_cut_tail_is_found_by_the_checkpoint() {
    let proven = Proven::new("cut");
    let whole = proven.audit(&proven.path());
    assert_eq!(whole.findings, []);
    assert_eq!(whole.head.position, 8);
    assert!(whole.checkpoints >= 2, "{}", whole.checkpoints);
    let finding = |proven: &Proven| proven.audit(&proven.path()).findings;
    let broken = |position, why| vec![Finding::Broken(Broken { position, why })];

    proven.change("DELETE FROM record WHERE position = 8");
    assert_eq!(finding(&proven), broken(8, Why::CutOff));
    // Whoever puts another record in the place of what was cut off cannot sign a checkpoint for it.
    let keeper = Keeper::start(book(Arc::new(proven.store())), None).unwrap();
    assert_eq!(resume(&mut &keeper, proven.lab.intermediate()), Ok((1, 0)));
    drop(keeper);
    assert_eq!(finding(&proven), broken(8, Why::Checkpoint));

    let other = Proven::new("changed");
    other.change("UPDATE record SET line = CAST(replace(CAST(line AS TEXT), 'end-entity', 'crl-issuer') AS BLOB) WHERE position = 3");
    assert_eq!(finding(&other), broken(4, Why::Previous));
    let other = Proven::new("taken");
    other.change("DELETE FROM record WHERE position = 3");
    assert_eq!(finding(&other), broken(3, Why::Position(4)));
    let opened = Book::open(Arc::new(other.store()), "ca", Arc::new(LabClock), &[]);
    assert!(
        matches!(opened, Err(Undone::Broken(_))),
        "the server does not start with it"
    );
}

/// This test verifies that a journal which ends before its last checkpoint, or goes another way there, is not even opened; and that a
/// whole one is.
#[test]
fn nothing_begins_behind_a_checkpoint() {
    let proven = Proven::new("behind");
    let path = proven.folder.path().join("checkpoints");
    let open = || {
        let of = [proven.checkpoints_key.public_key()];
        let checkpoints = checkpoints::latest(&path, &of).unwrap();
        let store = Arc::new(proven.store());
        Book::open(store, "ca", Arc::new(LabClock), &checkpoints)
    };
    assert_eq!(open().unwrap().head().position, 8);
    proven.change("DELETE FROM record WHERE position = 8");
    let broken = |position, why| Undone::Broken(Broken { position, why });
    assert_eq!(open().unwrap_err(), broken(8, Why::CutOff));
    let mut book = book(Arc::new(proven.store()));
    assert_eq!(resume(&mut book, proven.lab.intermediate()), Ok((1, 0)));
    assert_eq!(open().unwrap_err(), broken(8, Why::Checkpoint));
    proven.change("DELETE FROM record");
    assert_eq!(open().unwrap_err(), broken(8, Why::CutOff));
}

/// This test verifies that half a line, which a killed process or a full disk has left behind, is in nobody's way: neither of who reads
/// the checkpoints nor of the next one; and that the end of a long file is enough to know the last ones.
#[test]
fn half_a_checkpoint_is_in_nobodys_way() {
    let proven = Proven::new("half");
    let path = proven.folder.path().join("checkpoints");
    let whole = std::fs::read(&path).unwrap();
    let lines = proven.checkpoints.read().unwrap();
    for cut in [1, 2, 100, whole.len() - 1] {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let left = proven.checkpoints.read().unwrap().len();
        let head = lines[0].head();
        proven.checkpoints.put("ca", head, NOW).unwrap();
        let read = proven.checkpoints.read().unwrap();
        assert_eq!(read.len(), left + 1, "{cut}");
        assert_eq!(read.last().unwrap().head(), head, "{cut}");
    }
    std::fs::write(&path, "half a line and no end").unwrap();
    assert_eq!(proven.checkpoints.read().unwrap(), []);
    std::fs::write(&path, whole.repeat(300)).unwrap();
    let of = [new_key().public_key(), proven.checkpoints_key.public_key()];
    let latest = checkpoints::latest(&path, &of).unwrap();
    assert!((10..300).contains(&latest.len()), "{}", latest.len());
    assert_eq!(latest.last(), lines.last());
    assert_eq!(
        checkpoints::read(&path, &of).unwrap().len(),
        lines.len() * 300
    );
}

/// This test verifies that a copy that is put back is whole, that the checkpoints tell what came after it, and that the running
/// server does not go on when an older journal is put in the place of its own.
#[test]
fn a_copy_that_is_put_back_tells_what_is_missing() {
    let proven = Proven::new("copy");
    let copy = proven.folder.path().join("copy.db");
    proven.store().backup(&copy).unwrap();
    let store = Arc::new(proven.store());
    let keeper = Keeper::start(book(store), Some(proven.checkpoints.clone())).unwrap();
    let late = issued(&mut &keeper, &proven.lab).unwrap();
    drop(keeper);
    let found = proven.audit(&copy);
    let missing = Finding::Broken(Broken {
        position: 10,
        why: Why::CutOff,
    });
    assert_eq!(found.findings, [missing]);
    assert_eq!(found.head.position, 8);
    assert_eq!(found.ledger.register.certificates().count(), 4);
    assert!(found.ledger.register.find(&late).is_none());
    // Up to where it was copied it is proven.
    let all = checkpoints::read(
        &proven.folder.path().join("checkpoints"),
        &[new_key().public_key()],
    );
    assert!(all.is_err(), "another key's checkpoints are none");

    let shrinking = Arc::new(Shrinking::default());
    let mut book = book(shrinking.clone());
    issued(&mut book, &proven.lab).unwrap();
    shrinking.0.lock().unwrap().clear();
    assert_eq!(book.catch_up(), Err(Undone::Rewound(0)));
    let refused = issued(&mut book, &proven.lab);
    assert_eq!(refused, Err(NotIssued::Undone(Undone::Rewound(0))));
}

/// A store of one stream from which records can be taken.
#[derive(Default)]
struct Shrinking(Mutex<Vec<Vec<u8>>>);

impl EventStore for Shrinking {
    fn append(&self, _: &str, expected: u64, records: &[Vec<u8>]) -> Result<(), AppendError> {
        let mut kept = self.0.lock().unwrap();
        let actual = kept.len() as u64;
        if actual != expected {
            return Err(AppendError::Conflict { actual });
        }
        kept.extend_from_slice(records);
        Ok(())
    }

    fn read(&self, _: &str, after: u64, limit: usize) -> Result<Vec<Vec<u8>>, Unavailable> {
        let kept = self.0.lock().unwrap();
        let after = usize::try_from(after).unwrap();
        Ok(kept.iter().skip(after).take(limit).cloned().collect())
    }

    fn head(&self, _: &str) -> Result<u64, Unavailable> {
        Ok(self.0.lock().unwrap().len() as u64)
    }
}
