//! How the authority stands: told to `/ready` and `/metrics`.

use super::Service;
use crate::office::Office;
use crate::office::gate::{Door, TurnedAway};
use crate::office::keys::Use;
use countersign::certificate::Certificate;
use countersign::time::UnixTime;
use countersign_ca::ledger::Ledger;
use countersign_ca::register::Stage;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::info;

/// How often the figures are made anew: oftener than they are usually fetched.
const EVERY: Duration = Duration::from_secs(5);

/// What does not work. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Checkpoints of the journal are not written.
    Checkpoints,
    /// The journal is not written: nothing is issued.
    Journal,
    /// A key did not sign when it was asked last.
    Keys,
    /// There is no revocation list, or the next one is overdue.
    List,
    /// The number authority's file is gone, was not taken or is too old.
    Numbers,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Checkpoints,
        Self::Journal,
        Self::Keys,
        Self::List,
        Self::Numbers,
    ];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checkpoints => "checkpoints",
            Self::Journal => "journal",
            Self::Keys => "keys",
            Self::List => "list",
            Self::Numbers => "numbers",
        }
    }
}

/// The certificates that an office signs with, by what for.
pub(super) fn certificates(office: &Office, tokens: Option<&Certificate>) -> Vec<(Use, UnixTime)> {
    let all = [
        (Use::Authority, Some(office.certificate())),
        (Use::Lists, office.list_issuer.as_ref()),
        (Use::Responder, office.responder.as_ref()),
        (Use::Tokens, tokens),
    ];
    let end = |one: &Certificate| one.validity().not_after;
    all.into_iter()
        .filter_map(|(of, one)| Some((of, end(one?))))
        .collect()
}

impl Service {
    /// Whether a part of it works now.
    pub fn works(&self, part: Part) -> bool {
        match part {
            Part::Checkpoints => !self.keeper.checkpoint_is_late(),
            Part::Journal => self.keeper.trouble().is_none(),
            Part::Keys => self.watch.all_sign(),
            Part::List => self.list_is_fresh(),
            Part::Numbers => self.numbers.as_ref().is_none_or(|table| table.is_well()),
        }
    }

    /// A list is made at half of its life; what is left after three quarters is not enough to do something about it.
    fn list_is_fresh(&self) -> bool {
        let ledger = self.keeper.snapshot();
        let now = self.clock.now().unix;
        self.lists.iter().all(|shelf| {
            let last = shelf.maker.last(&ledger);
            let is_there = shelf.list.load().is_some();
            is_there
                && last.is_some_and(|last| {
                    let life = last.next_update.as_secs() - last.this_update.as_secs();
                    now < last.next_update.saturating_add(-life / 4)
                })
        })
    }

    /// Says in the log which authority this is and where it is found.
    pub fn tell(&self) {
        let own = self.practice.authority.certificate();
        let directory = format!("{}/directory", self.practice.base);
        let (records, until) = (self.keeper.position(), own.validity().not_after);
        info!(authority = %own.subject(), directory, records, %until, "certificates are issued here");
    }

    /// Counts who was turned away.
    pub(super) fn count_turned_away(&self, door: Door, why: TurnedAway) {
        let turned_away = &self.metrics.authority.turned_away;
        turned_away.increment([door.name(), why.name()]);
    }

    /// Makes the figures again and again until `stop` becomes true.
    pub(super) async fn keep_figures(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let service = self.clone();
            // It has nothing to say, and one that panicked has said so.
            let _ = spawn_blocking(move || service.show_figures()).await;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Makes the figures.
    pub fn show_figures(&self) {
        let shown = &self.metrics.authority;
        for part in Part::ALL {
            shown.works.set([part.name()], i64::from(self.works(part)));
        }
        let ledger = self.keeper.snapshot();
        let mut states = [("valid", 0_i64), ("revoked", 0), ("unfinished", 0)];
        for state in states_of(&ledger, self.clock.now().unix) {
            for (_, count) in states.iter_mut().filter(|(name, _)| *name == state) {
                *count += 1;
            }
        }
        for (name, count) in states {
            shown.certificates.set([name], count);
        }
        let records = self.keeper.position();
        shown
            .records
            .set([], i64::try_from(records).unwrap_or(i64::MAX));
        for shelf in &self.lists {
            if let Some(last) = shelf.maker.last(&ledger) {
                let end = last.next_update.as_secs();
                shown.list_ends.set([shelf.maker.name()], end);
            }
        }
        for (of, end) in &self.certificate_ends {
            shown.certificate_ends.set([of.name()], end.as_secs());
        }
    }
}

/// The state of each certificate that is told of.
fn states_of(ledger: &Ledger, now: UnixTime) -> impl Iterator<Item = &'static str> + '_ {
    let certificates = ledger.register.certificates();
    certificates.filter_map(move |(_, entry)| match (&entry.stage, entry.revocation) {
        (Stage::Prepared(_), _) => Some("unfinished"),
        (Stage::Issued(_), Some(_)) => Some("revoked"),
        (Stage::Issued(_), None) if now < entry.not_after => Some("valid"),
        (Stage::Issued(_), None) | (Stage::Abandoned(_), _) => None,
    })
}
