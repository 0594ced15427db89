//! Branded callers: what is said of a tenant's numbers beside the number, with digests of everything elsewhere, made before any call.
//!
//! ```text
//!   [[brands]] ─► Rule ─► Branded ◄─ Keeper: fetches card and pictures, makes digests, again every ten minutes
//!                            │
//!                            └─ claims(reason): an Arc, or nothing as long as something is missing
//! ```
//!
//! No call waits for a fetch: as long as a brand is not made, its calls are signed without it. What was made once stays in use when a
//! later look finds nobody there; what has changed at its URL is signed anew, and told in the log.
//!
//! Not here: what a brand is and how claims are made of it (`countersign::authentication::brand`), and which calls may bear one
//! ([`crate::sip::state`]).

use crate::clock::Clock;
use crate::fetch::resource::{Card, Picture};
use crate::fetch::{Fetcher, PlainHttp, Pull, Reply};
use crate::metrics::Metrics;
use arc_swap::ArcSwapOption;
use countersign::authentication::{Brand, BrandFault, Inventory};
use countersign::number::TelephoneNumber;
use countersign::passport::RichClaims;
use countersign::passport::rcd::references::{Reference, Referent};
use countersign::time::Ticks;
use countersign::verification::{Refresh, ResourceKind, Unavailable};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often is looked whether there are other brands, or one whose time has come.
const LOOK: Duration = Duration::from_secs(1);

/// How often what a brand refers to is looked at: a logo that was replaced is signed anew before the caches of most who verify notice.
pub const REFRESHED_EVERY: Duration = Duration::from_secs(600);

/// How soon a brand that could not be made is tried again. Failures are remembered for ten seconds as it is.
pub const TRIED_EVERY: Duration = Duration::from_secs(30);

/// Rounds of fetching: what the claim refers to, then what the card refers to. What is found there is not followed.
// RFC 9796 §10.1: "the content referenced by those URIs MUST NOT have any URIs".
const ROUNDS: usize = 2;

/// A brand as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the log.
    pub name: Box<str>,
    /// Whose numbers these are.
    pub tenant: Box<str>,
    /// Which numbers bear it.
    pub numbers: Inventory,
    /// What is said.
    pub brand: Brand,
    /// Where it is said.
    pub carried: Carried,
    /// Whether it is told to callers who reach its numbers.
    pub backwards: Backwards,
}

/// Whether those whom a brand speaks of want callers to be told it, too.
// RFC 9970 §12 leaves the called user the choice: whoever dials numbers in a row would else collect names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backwards {
    /// They said so.
    OptedIn,
    /// They did not.
    #[default]
    Withheld,
}

/// Where rich call data is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carried {
    /// In a PASSporT of its own, with `ppt` rcd, beside the other.
    Beside,
    /// In the `shaken` PASSporT.
    #[default]
    InShaken,
}

/// A brand, and what was made of it.
#[derive(Debug)]
pub struct Branded {
    rule: Rule,
    made: ArcSwapOption<Made>,
}

/// The claims of a brand.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    /// Without a reason.
    plain: Arc<RichClaims>,
    /// With each reason that it may give.
    reasons: Vec<Arc<RichClaims>>,
}

impl Branded {
    /// A brand that refers to nothing elsewhere is made at once.
    pub fn new(rule: Rule) -> Self {
        let made = rule.make(&HashMap::new()).ok();
        Self {
            rule,
            made: ArcSwapOption::new(made.map(Arc::new)),
        }
    }

    /// Its rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Whether this number bears it.
    pub fn is_of(&self, number: TelephoneNumber) -> bool {
        self.rule.numbers.basis(number).is_some()
    }

    /// What is signed for a call that wants to give this reason; `None` as long as something is missing.
    ///
    /// A reason counts if it is one of the brand's. A brand that has a single one gives it always.
    pub fn claims(&self, reason: Option<&str>) -> Option<Arc<RichClaims>> {
        let made = self.made.load();
        let made = made.as_ref()?;
        let mut reasons = made.reasons.iter();
        let asked = match made.reasons.as_slice() {
            [only] => Some(only),
            _ => reasons.find(|claims| claims.reason.as_deref() == reason && reason.is_some()),
        };
        Some(asked.unwrap_or(&made.plain).clone())
    }
}

impl Rule {
    fn make(&self, content: &HashMap<Box<str>, Box<[u8]>>) -> Result<Made, BrandFault> {
        let claims = |reason| {
            let found = |url: &str| content.get(url).map(|bytes| &**bytes);
            self.brand.claims(reason, found).map(Arc::new)
        };
        let reasons = self.brand.reasons.iter();
        Ok(Made {
            plain: claims(None)?,
            reasons: reasons
                .map(|reason| claims(Some(reason)))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Every brand there is.
#[derive(Clone, Debug, Default)]
pub struct Brands(Vec<Arc<Branded>>);

impl Brands {
    /// The brands of these rules; what was made of the same rule `before` stays.
    pub fn of(rules: &[Rule], before: &Self) -> Self {
        let kept = |rule: &Rule| {
            let mut old = before.0.iter();
            let same = old.find(|branded| branded.rule == *rule);
            same.cloned()
                .unwrap_or_else(|| Arc::new(Branded::new(rule.clone())))
        };
        Self(rules.iter().map(kept).collect())
    }

    /// Those of a tenant, in the order of the configuration.
    pub fn of_tenant(&self, tenant: &str) -> Arc<[Arc<Branded>]> {
        let all = self.0.iter();
        let theirs = all.filter(|branded| *branded.rule.tenant == *tenant);
        theirs.cloned().collect()
    }

    fn ready(&self) -> usize {
        let made = |branded: &&Arc<Branded>| branded.made.load().is_some();
        self.0.iter().filter(made).count()
    }
}

/// What keeping brands up stands on.
pub struct Ground {
    /// Where cards come from.
    pub cards: Arc<Fetcher<Card>>,
    /// Where pictures come from.
    pub pictures: Arc<Fetcher<Picture>>,
    /// Where everything else comes from.
    pub others: Arc<Fetcher>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The brands, as they are now.
    pub brands: Box<dyn Fn() -> Arc<Brands> + Send + Sync>,
}

/// Makes brands, and makes them again.
pub struct Keeper {
    ground: Ground,
    /// When each was looked at last.
    looked: Vec<(Arc<Branded>, Ticks)>,
}

impl Keeper {
    /// One that has looked at nothing yet.
    pub fn new(ground: Ground) -> Self {
        Self {
            ground,
            looked: Vec::new(),
        }
    }

    /// Runs until `stop` becomes true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let turn = async {
                looks.tick().await;
                self.turn().await;
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = turn => {}
            }
        }
    }

    /// Looks at every brand whose time has come.
    pub async fn turn(&mut self) {
        let brands = (self.ground.brands)();
        let is_there = |one: &Arc<Branded>| brands.0.iter().any(|other| Arc::ptr_eq(one, other));
        self.looked.retain(|(one, _)| is_there(one));
        for branded in &brands.0 {
            let now = self.ground.clock.now().ticks;
            let mut looked = self.looked.iter();
            let last = looked.find(|(one, _)| Arc::ptr_eq(one, branded));
            let pause = match branded.made.load().is_some() {
                true => REFRESHED_EVERY,
                false => TRIED_EVERY,
            };
            if last.is_some_and(|(_, at)| now.since(*at) < pause) {
                continue;
            }
            self.looked.retain(|(one, _)| !Arc::ptr_eq(one, branded));
            self.looked.push((branded.clone(), now));
            let outcome = self.ground.refresh(branded).await;
            self.ground.metrics.brand_refreshes.increment([outcome]);
        }
        self.ground.metrics.brands_ready.set(brands.ready());
    }
}

impl Ground {
    /// Makes one brand anew; what came of it.
    async fn refresh(&self, branded: &Branded) -> &'static str {
        let rule = &branded.rule;
        let content = match self.content(&rule.brand).await {
            Ok(content) => content,
            Err(Missing { url, why }) => {
                let why = why.name();
                tracing::warn!(
                    brand = &*rule.name,
                    url = &*url,
                    reason = why,
                    "brand not looked at"
                );
                return why;
            }
        };
        let made = match rule.make(&content) {
            Ok(made) => made,
            Err(fault) => {
                tracing::warn!(brand = &*rule.name, %fault, "brand not made");
                return "refused";
            }
        };
        let before = branded.made.load_full();
        match before {
            Some(before) if *before == made => return "unchanged",
            Some(_) => tracing::warn!(
                brand = &*rule.name,
                "what the brand refers to has changed; it is signed as it is now"
            ),
            None => tracing::info!(brand = &*rule.name, "brand made"),
        }
        branded.made.store(Some(Arc::new(made)));
        match before {
            Some(_) => "changed",
            None => "made",
        }
    }

    /// Everything elsewhere that a brand refers to.
    async fn content(&self, brand: &Brand) -> Result<HashMap<Box<str>, Box<[u8]>>, Missing> {
        let mut content: HashMap<Box<str>, Box<[u8]>> = HashMap::new();
        for _ in 0..ROUNDS {
            let found = |url: &str| content.get(url).map(|bytes| &**bytes);
            // What is wrong with a brand is told when its claims are made.
            let references = brand.references(found).unwrap_or_default();
            for Reference { url, what, .. } in references {
                if let Entry::Vacant(place) = content.entry(url) {
                    let body = self.bring(place.key(), what).await;
                    let body = body.map_err(|why| Missing {
                        url: place.key().clone(),
                        why,
                    })?;
                    place.insert(body);
                }
            }
        }
        Ok(content)
    }

    async fn bring(&self, url: &str, what: Referent) -> Result<Box<[u8]>, Unavailable> {
        match what {
            Referent::Card => {
                let fetched = self.cards.fetch(url, Refresh::Conditional).await?;
                Ok(fetched.item.0.bytes.clone())
            }
            Referent::Picture => {
                let fetched = self.pictures.fetch(url, Refresh::Conditional).await?;
                Ok(fetched.item.0.bytes.clone())
            }
            Referent::Other => {
                let pull = Pull {
                    url,
                    plain: PlainHttp::Refuse,
                    max_bytes: ResourceKind::Picture.limit(),
                    validators: &Default::default(),
                };
                match self.others.pull(&pull).await? {
                    Reply::Body(bytes, _) => Ok(bytes.as_ref().into()),
                    Reply::Unchanged(_) => Err(Unavailable::BadResponse),
                }
            }
        }
    }
}

/// What could not be had, and why.
struct Missing {
    url: Box<str>,
    why: Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(reasons: &[&str], icon: Option<&str>) -> Rule {
        Rule {
            name: "q".into(),
            tenant: "mi6".into(),
            numbers: Inventory::parse("12025550100-12025550109,assigned\n").unwrap(),
            brand: Brand {
                name: "Q Branch".into(),
                icon: icon.map(Box::from),
                reasons: reasons.iter().map(|reason| Box::from(*reason)).collect(),
                ..Brand::default()
            },
            carried: Carried::InShaken,
            backwards: Backwards::Withheld,
        }
    }

    #[test]
    fn a_reason_is_given_that_the_brand_has() {
        let reason = |reasons: &[&str], asked| {
            let claims = Branded::new(rule(reasons, None)).claims(asked).unwrap();
            claims.reason.clone().map(String::from)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(reason(&[], Some("a")), None);
        assert_eq!(reason(&["a"], None), some("a"));
        assert_eq!(reason(&["a", "b"], None), None);
        assert_eq!(reason(&["a", "b"], Some("b")), some("b"));
        assert_eq!(reason(&["a", "b"], Some("c")), None);
    }

    #[test]
    fn what_refers_elsewhere_is_not_said_before_it_was_seen() {
        let branded = Branded::new(rule(&[], Some("https://example.com/q.png")));
        assert!(branded.claims(None).is_none());
        assert!(branded.is_of("12025550109".parse().unwrap()));
        assert!(!branded.is_of("12025550110".parse().unwrap()));
    }

    #[test]
    fn what_was_made_outlives_a_reload_that_changes_nothing_of_it() {
        let (one, other) = (rule(&["a"], None), rule(&["b"], None));
        let before = Brands::of(std::slice::from_ref(&one), &Brands::default());
        let after = Brands::of(&[other, one], &before);
        assert!(Arc::ptr_eq(&before.0[0], &after.0[1]));
        assert_eq!(after.of_tenant("mi6").len(), 2);
        assert!(after.of_tenant("other").is_empty());
    }
}
