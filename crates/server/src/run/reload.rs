//! The next configuration, in one step or not at all.
//!
//! Everything is read and held against each other as at the start; one mistake, and nothing has happened. Then chains are
//! published, before anybody signs with them, and the state is replaced by one swap: a call has either the old one or the new
//! one, whole. What can only change when the process starts again is told and stays as it is.

use super::assembly::Foundation;
use super::reading::{Reading, Task};
use crate::config::changes::Written;
use crate::config::check::Tenant;
use crate::config::keys::Applies;
use crate::config::{Checked, Concern, Config, Warning};
use crate::http::{Repository, Tls};
use crate::log;
use crate::reload::{Outcome, Question, Reloaded};
use crate::sip::secure::Secure;
use crate::sip::services::Services;
use countersign::certificate::{CertificateChain, PublicKey};
use countersign::time::Ticks;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most warnings that the log is told at once: a thousand tenants that end soon are no thousand lines. Who asked gets all.
const MAX_TOLD: usize = 32;

/// What HTTP and TLS show of a configuration.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) repository: Arc<Repository>,
    pub(super) public: Arc<Tls>,
    pub(super) trunk: Arc<Tls>,
    pub(super) admin: Arc<Tls>,
    secure: Arc<Secure>,
}

impl Front {
    /// Nothing yet.
    pub(super) fn new(secure: Arc<Secure>) -> Self {
        Self {
            secure,
            repository: Arc::default(),
            public: Arc::default(),
            trunk: Arc::default(),
            admin: Arc::default(),
        }
    }

    pub(super) fn show(&self, checked: &Checked, now: Ticks) {
        let published = checked.tenants.iter().flat_map(Tenant::all);
        let published = published.filter_map(self::published);
        self.repository.publish(published, now);
        self.public.replace(checked.public.clone());
        self.trunk.replace(checked.trunk.clone());
        self.admin.replace(checked.admin.clone());
        let sip = &checked.sip;
        self.secure.replace(sip.listeners.clone(), sip.hops.clone());
    }
}

fn published(tenant: &Tenant) -> Option<(&str, &CertificateChain)> {
    let name = tenant.published_name.as_deref()?;
    Some((name, tenant.service.signer().chain()))
}

/// Puts configurations in each other's place, one at a time.
pub(super) struct Reloader {
    /// What was written when the process started: what a restart would change is different from this.
    started: Written,
    config: Config,
    checked: Checked,
    foundation: Foundation,
    services: Arc<Services>,
    front: Front,
    reading: Reading,
}

impl Reloader {
    pub(super) fn new(
        config: Config,
        checked: Checked,
        foundation: Foundation,
        services: Arc<Services>,
        front: Front,
    ) -> Self {
        Self {
            started: config.written.clone(),
            config,
            checked,
            foundation,
            services,
            front,
            reading: Reading::default(),
        }
    }

    /// Answers questions until nobody can ask any more.
    pub(super) async fn run(mut self, mut questions: mpsc::Receiver<Question>) {
        while let Some(first) = questions.recv().await {
            let mut asked = vec![first];
            while let Ok(another) = questions.try_recv() {
                asked.push(another);
            }
            let outcome = Arc::new(self.reload().await);
            tell(&outcome);
            self.services.metrics.reloads.increment([outcome.name()]);
            for question in asked {
                // Who does not wait for the answer any more finds it in the log.
                let _ = question.send(outcome.clone());
            }
        }
    }

    async fn reload(&mut self) -> Outcome {
        let task = Task {
            source: self.config.source.clone(),
            now: self.services.clock.now().unix,
            generation: self.generation() + 1,
        };
        match self.reading.read(task).await {
            Ok(Ok((config, checked))) => {
                self.learn(&config).await;
                Outcome::Done(self.replace(config, checked))
            }
            Ok(Err(mistakes)) => Outcome::Refused(mistakes),
            Err(error) => {
                tracing::error!(%error, "configuration not read");
                Outcome::Refused(Vec::new())
            }
        }
    }

    /// Has the next hops looked up that only the next configuration names: no call finds it without them.
    async fn learn(&self, config: &Config) {
        let known = self.services.state().routes.names();
        let names = self.foundation.names(config);
        let new = names.into_iter().filter(|spec| !known.contains(spec));
        self.foundation.places.learn(new).await;
    }

    fn generation(&self) -> u64 {
        self.services.state().generation
    }

    fn replace(&mut self, config: Config, mut checked: Checked) -> Reloaded {
        let (changed, restart) = self.differences(&config, &checked);
        let mut warnings = std::mem::take(&mut checked.warnings);
        warnings.extend(self.rollovers(&config, &checked));
        let config = config.over(&self.config);
        let (now, generation) = (self.services.clock.now().ticks, self.generation() + 1);
        let revision = self.services.state().revision + 1;
        let revisions = (generation, revision);
        let running = self.services.state();
        let mut state = self
            .foundation
            .state(&config, &checked, revisions, &running.brands);
        state.retired = self.services.state().retired_by(&state, now);
        self.front.show(&checked, now);
        self.services.state.store(Arc::new(state));
        // Last: what moved since the state was made is placed once more.
        self.foundation.places.reloaded();
        let metrics = &self.services.metrics;
        metrics
            .generation
            .set(usize::try_from(generation).unwrap_or(usize::MAX));
        // It was parsed when the configuration was.
        let _ = log::set_level(&config.log.level);
        (self.config, self.checked) = (config, checked);
        Reloaded {
            generation,
            changed,
            restart,
            warnings,
        }
    }

    /// The names of what is another now, and of what would be after a restart.
    fn differences(&self, config: &Config, checked: &Checked) -> (Vec<Box<str>>, Vec<Box<str>>) {
        let changed = |old: &Written, applies| {
            let changes = old.changes(&config.written).into_iter();
            let changes = changes.filter(move |change| change.applies == applies);
            changes.map(|change| change.key)
        };
        let other = |(path, digest): &(&PathBuf, &[u8; 32])| {
            let old = self.checked.files.get(*path);
            old.is_some_and(|old| old != *digest)
        };
        let files = checked.files.iter().filter(other);
        let files = files.map(|(path, _)| path.display().to_string().into());
        (
            changed(&self.config.written, Applies::Live)
                .chain(files)
                .collect(),
            changed(&self.started, Applies::Restart).collect(),
        )
    }

    // RFC 8224 §7.4: "were a domain to change the credential available at the Identity header field "info" parameter URI before a
    // verifier evaluates a request signed by an authentication service, this would cause obvious verifier failures."
    fn rollovers(&self, config: &Config, checked: &Checked) -> Vec<Warning> {
        let old = self.checked.tenants.iter();
        let old: HashMap<_, _> = old.map(|tenant| (&tenant.name, signer(tenant))).collect();
        let new = checked.tenants.iter();
        let new: HashMap<_, _> = new.map(|tenant| (&tenant.name, signer(tenant))).collect();
        let rolled = config.tenants.iter().filter(|tenant| {
            let name = &tenant.name.value;
            let pair = old.get(name).zip(new.get(name));
            pair.is_some_and(|((old_url, old_key), (url, key))| old_url == url && old_key != key)
        });
        rolled
            .map(|tenant| tenant.x5u.warning(Concern::SameUrl))
            .collect()
    }
}

/// Where the certificate of a tenant is, and the key in it.
fn signer(tenant: &Tenant) -> (&str, &PublicKey) {
    let signer = tenant.service.signer();
    (signer.x5u(), signer.chain().end_entity().public_key())
}

fn tell(outcome: &Outcome) {
    match outcome {
        Outcome::Done(done) => {
            for warning in done.warnings.iter().take(MAX_TOLD) {
                tracing::warn!("{warning}");
            }
            let more = done.warnings.len().saturating_sub(MAX_TOLD);
            if more > 0 {
                tracing::warn!(more, "there are more; check-config tells all");
            }
            let (changed, restart) = (done.changed.join(", "), done.restart.join(", "));
            if !restart.is_empty() {
                tracing::warn!(keys = restart, "changed, but only a restart makes it so");
            }
            let generation = done.generation;
            tracing::info!(generation, changed, "configuration reloaded");
        }
        Outcome::Refused(mistakes) => {
            for mistake in mistakes {
                tracing::error!("{mistake}");
            }
            let mistakes = mistakes.len();
            tracing::error!(mistakes, "configuration not reloaded: all is as it was");
        }
    }
}
