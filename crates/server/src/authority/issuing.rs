//! Prepare, sign, finish: one certificate from the request to the journal; and what is done after a restart.
//!
//! The key is used between two commands and never inside one: it may be slow, far away or gone.

use super::book::{Book, Decision, Random, Undone};
use super::keeper::Keeper;
use countersign::time::{UnixTime, Validity};
use countersign_ca::ledger::{self, Ledger};
use countersign_ca::register::preparation::{
    Asked, IssuanceRefused, NotFinished, Resumed, Rules, abandon,
};
use countersign_ca::register::{Abandonment, CertificateName, Event};
use countersign_ca::{Authority, Request};
use std::fmt;
use std::sync::Arc;

/// Takes commands and waits for what comes of them: the book itself, or the thread that has it.
pub trait Commands {
    /// One decision, kept.
    ///
    /// # Errors
    /// [`Undone`].
    fn command<T: Send + 'static>(
        &mut self,
        decide: impl FnMut(&Ledger, UnixTime, &mut Random<'_>) -> Decision<T> + Send + 'static,
    ) -> Result<T, Undone>;

    /// What was kept last.
    fn ledger(&self) -> Arc<Ledger>;
}

impl Commands for Book {
    fn command<T: Send + 'static>(
        &mut self,
        decide: impl FnMut(&Ledger, UnixTime, &mut Random<'_>) -> Decision<T> + Send + 'static,
    ) -> Result<T, Undone> {
        Self::command(self, decide)
    }

    fn ledger(&self) -> Arc<Ledger> {
        Self::ledger(self)
    }
}

/// Waits on the calling thread, which must not be one of the runtime's.
impl Commands for &Keeper {
    fn command<T: Send + 'static>(
        &mut self,
        decide: impl FnMut(&Ledger, UnixTime, &mut Random<'_>) -> Decision<T> + Send + 'static,
    ) -> Result<T, Undone> {
        Keeper::command(self, decide)?.wait()
    }

    fn ledger(&self) -> Arc<Ledger> {
        self.snapshot()
    }
}

/// Why no certificate was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotIssued {
    /// The key did not sign, or not well; the serial number was given up.
    Key,
    /// It was refused.
    Refused(IssuanceRefused),
    /// It could not be kept. If the key had signed already, the certificate is finished or given up after a restart.
    Undone(Undone),
}

impl fmt::Display for NotIssued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("the key of the authority could not sign"),
            Self::Refused(why) => why.fmt(f),
            Self::Undone(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for NotIssued {}

impl From<Undone> for NotIssued {
    fn from(why: Undone) -> Self {
        Self::Undone(why)
    }
}

/// A certificate that somebody may have, with everything that its preparation needs.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What for.
    pub request: Request,
    /// From when to when.
    pub validity: Validity,
    /// The approval it has got.
    pub approval: Option<Box<str>>,
    /// Who asks, in words for people.
    pub by: Option<Box<str>>,
}

/// Issues one certificate: its name, under which the register has it.
///
/// # Errors
/// [`NotIssued`].
pub fn issue(
    commands: &mut impl Commands,
    authority: &Authority,
    rules: &Rules,
    wanted: &Wanted,
) -> Result<CertificateName, NotIssued> {
    let (issuer, rules, wanted) = (authority.clone(), rules.clone(), wanted.clone());
    let prepared = commands.command(move |ledger, now, random| {
        let mut serial = [0; 16];
        random(&mut serial);
        let asked = Asked {
            request: &wanted.request,
            validity: wanted.validity,
            order: None,
            approval: wanted.approval.as_deref(),
            by: wanted.by.as_deref(),
        };
        match ledger
            .register
            .prepare(&issuer, &rules, &asked, now, serial)
        {
            Ok(events) => kept(events),
            Err(refused) => Decision::nothing(Err(refused)),
        }
    })?;
    let name = prepared.map_err(NotIssued::Refused)?;
    complete(commands, authority, &name)?;
    Ok(name)
}

/// The decision to keep `events`, the first of which says how the certificate is called.
fn kept(events: Vec<Event>) -> Decision<Result<CertificateName, IssuanceRefused>> {
    let name = events.iter().find_map(|event| match event {
        Event::Prepared(prepared) => Some(prepared.name.clone()),
        _ => None,
    });
    Decision {
        reply: name.ok_or(IssuanceRefused::SerialTaken),
        events: events.into_iter().map(ledger::Event::from).collect(),
    }
}

/// Signs what is prepared and kept, and keeps the certificate. If the key does not sign, the serial number is given up.
///
/// # Errors
/// [`NotIssued::Key`], [`NotIssued::Undone`].
pub fn complete(
    commands: &mut impl Commands,
    authority: &Authority,
    name: &CertificateName,
) -> Result<(), NotIssued> {
    // Let go of the ledger before the key is used: the next one is made of it, and a device takes its time.
    let entry = |ledger: &Ledger| Some(ledger.register.find(name)?.to_sign()?.to_vec());
    let Some(tbs) = entry(&commands.ledger()) else {
        // Somebody else was faster, another process after a restart of this one, for example.
        return Ok(());
    };
    let Ok(signature) = authority.key().sign(&tbs) else {
        return give_up(commands, name, Abandonment::SigningFailed);
    };
    let (issuer, of) = (authority.clone(), name.clone());
    let finished = commands.command(move |ledger, _, _| {
        match ledger.register.finish(&issuer, &of, &signature) {
            Ok(event) => Decision {
                events: vec![event.into()],
                reply: Ok(()),
            },
            Err(why) => Decision::nothing(Err(why)),
        }
    })?;
    match finished {
        Ok(()) | Err(NotFinished::NotPrepared) => Ok(()),
        Err(NotFinished::BadSignature) => give_up(commands, name, Abandonment::SigningFailed),
        Err(NotFinished::KeyBlocked) => give_up(commands, name, Abandonment::KeyBlocked),
    }
}

fn give_up(
    commands: &mut impl Commands,
    name: &CertificateName,
    why: Abandonment,
) -> Result<(), NotIssued> {
    let name = name.clone();
    commands.command(move |ledger, now, _| {
        let entry = ledger.register.find(&name);
        let waits = entry.is_some_and(|entry| entry.to_sign().is_some());
        let event = waits.then(|| abandon(&name, why, now).into());
        Decision {
            events: event.into_iter().collect(),
            reply: (),
        }
    })?;
    Err(NotIssued::Key)
}

/// After a restart: signs again what was prepared, the same bytes, or gives it up. Returns how many were finished and how many
/// given up.
///
/// # Errors
/// [`Undone`]; what was not reached stays unfinished.
pub fn resume(
    commands: &mut impl Commands,
    authority: &Authority,
) -> Result<(usize, usize), Undone> {
    let ledger = commands.ledger();
    // Of whatever name: what the authority began under another one will never be finished.
    let unfinished = ledger.register.unfinished();
    let names: Vec<_> = unfinished.map(|(name, _)| name.clone()).collect();
    drop(ledger);
    let (mut finished, mut given_up) = (0, 0);
    for name in names {
        let (issuer, of) = (authority.clone(), name.clone());
        let signs = commands.command(move |ledger, now, _| {
            match ledger.register.resume(&issuer, &of, now) {
                Resumed::Sign(_) => Decision::nothing(true),
                Resumed::Finished => Decision::nothing(false),
                Resumed::GivenUp(event) => Decision {
                    events: vec![event.into()],
                    reply: false,
                },
            }
        })?;
        match signs.then(|| complete(commands, authority, &name)) {
            Some(Ok(())) => finished += 1,
            Some(Err(NotIssued::Undone(undone))) => return Err(undone),
            Some(Err(NotIssued::Key | NotIssued::Refused(_))) | None => given_up += 1,
        }
    }
    Ok((finished, given_up))
}
