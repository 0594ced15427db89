//! The prober on its shard: which hops it asks, where its probes leave, and where its findings go.
//!
//! One shard asks for all. What it finds is a [`Standing`] that all shards share and look at between two messages: no queue has to
//! take it, so none can be too full for it.

use super::post::Post;
use super::services::Services;
use super::state::State;
use countersign::time::Ticks;
use countersign_sip::element;
use countersign_sip::message::Message;
use countersign_sip::probe::{Health, Outcome, Prober, Standing, Step};
use countersign_sip::trunk::HopId;
use std::sync::Arc;

/// The shard that asks.
const ASKING_SHARD: usize = 0;

/// A prober with what is around it.
pub(super) struct Probes {
    prober: Prober,
    /// The state whose hops are asked.
    revision: u64,
    /// Emptied and filled again, kept for its room.
    steps: Vec<Step>,
}

impl Probes {
    /// The prober of this shard, if it is the one that has it. What another life of it found is forgotten.
    pub(super) fn of(
        index: usize,
        options: &element::Options,
        services: &Services,
    ) -> Option<Self> {
        let begins = || {
            services.standing.store(Arc::default());
            let sent_by = options.names.sent_by.clone();
            Self {
                prober: Prober::new(sent_by, options.secret, options.shard),
                revision: 0,
                steps: Vec::new(),
            }
        };
        (index == ASKING_SHARD).then(begins)
    }

    /// When it wants to be looked at.
    pub(super) fn next(&self) -> Option<Ticks> {
        self.prober.next()
    }

    /// Asks who is due.
    pub(super) fn fire(&mut self, services: &Services, post: &Post, now: Ticks) {
        let state = services.state();
        if state.revision != self.revision {
            self.follow(&state, services, now);
        }
        self.prober.fire(now, &mut self.steps);
        self.carry_out(services, post);
    }

    /// Whether a response belongs to a probe.
    pub(super) fn receive(
        &mut self,
        response: &Message,
        services: &Services,
        post: &Post,
        now: Ticks,
    ) -> bool {
        let is_ours = self.prober.receive(response, now, &mut self.steps);
        self.carry_out(services, post);
        is_ours
    }

    fn follow(&mut self, state: &State, services: &Services, now: Ticks) {
        self.revision = state.revision;
        self.prober.follow(state.probed(), now);
        services.standing.store(Arc::new(self.prober.standing()));
        let up = &services.metrics.next_hops.up;
        up.clear();
        for (hop, health) in self.prober.health() {
            up.set([&hop.to_string()], i64::from(health == Health::Up));
        }
    }

    fn carry_out(&mut self, services: &Services, post: &Post) {
        let metrics = &services.metrics.next_hops;
        for step in self.steps.drain(..) {
            match step {
                Step::Ended(hop, outcome) => {
                    metrics.probes.increment([&hop.to_string(), name(outcome)]);
                }
                Step::Moved(hop, health) => {
                    tell(hop, health);
                    metrics
                        .up
                        .set([&hop.to_string()], i64::from(health == Health::Up));
                    let standing: Standing = self.prober.standing();
                    services.standing.store(Arc::new(standing));
                }
                Step::Send(target, bytes) => post.send(target, bytes, None),
            }
        }
    }
}

fn tell(hop: HopId, health: Health) {
    match health {
        Health::Down => tracing::warn!(next_hop = %hop, "does not answer OPTIONS: tried last"),
        Health::Up => tracing::info!(next_hop = %hop, "answers OPTIONS again"),
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::Refused => "refused",
        Outcome::Silent => "silent",
    }
}
