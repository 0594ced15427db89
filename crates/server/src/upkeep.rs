//! Certificates of our own, kept alive: each is renewed long before it ends, with the key that it has, by the authority that its
//! tenant names.
//!
//! ```text
//!     certificate file ─► Renewal: when? ─► token, order, chain ─► certificate file ─► reload: calls are signed with it
//!            ▲                 │ failed: later, and told louder and louder                        │
//!            └─────────────────┴──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The key stays, and with it the URL of the chain: who has the old chain verifies what is signed beside the new one (RFC 8224 §7.4).
//! When to renew is said by [`countersign_ca::renewal`]; the first certificate is ordered with `countersign ca enroll`.

use crate::clock::Clock;
use crate::enrolling::{self, Source};
use crate::fetch::Fetcher;
use crate::files::{self, FileFault};
use crate::keys::KeyFault;
use crate::metrics::Metrics;
use crate::reload::{Outcome, Reloads};
use countersign::certificate::{Certificate, CertificateChain, ChainError};
use countersign::crypto::{SigningKey, system_random};
use countersign::time::{UnixTime, Validity};
use countersign_ca::csr::{self, CertificationRequest};
use countersign_ca::enrolment::{
    Enrolment, Failure, Opening, Proof, TokenAuthority, TokenSource, Wish,
};
use countersign_ca::extension::{self, usage};
use countersign_ca::renewal::{Jitter, Outlook, Renewal, Standing};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

/// Longest sleep: clocks are set, and a certificate may have been replaced by hand meanwhile.
const LOOK: Duration = Duration::from_secs(600);

/// A certificate that is kept alive.
#[derive(Clone, Debug)]
pub struct Own {
    /// Whose it is.
    pub tenant: Box<str>,
    /// The certificate and those above it.
    pub certificate_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
    /// Where the next one comes from.
    pub source: Source,
}

/// Who renews.
#[derive(Clone)]
pub struct Upkeep {
    /// Asks the authority.
    pub fetcher: Arc<Fetcher>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who takes a new certificate over.
    pub reloads: Reloads,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
}

/// Why a certificate was not renewed. Alphabetical.
#[derive(Debug)]
pub enum NotRenewed {
    /// The account key cannot be used.
    AccountKey(KeyFault),
    /// The certificate file holds something else.
    Chain(ChainError),
    /// The authority has not issued.
    Enrolment(Failure),
    /// A file cannot be used.
    File(PathBuf, FileFault),
    /// What was issued does not outlast what is there, or does not count now.
    NoGain(Validity),
    /// The certificate lists no numbers, so that there is nothing to order.
    NoNumbers,
    /// The key did not sign.
    NotSigned,
    /// The new chain cannot be written.
    Unwritable(std::io::Error),
}

impl NotRenewed {
    fn outlook(&self) -> Outlook {
        match self {
            Self::Enrolment(failure) if failure.may_pass() => Outlook::MayPass,
            _ => Outlook::NeedsSomebody,
        }
    }
}

impl fmt::Display for NotRenewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountKey(fault) => write!(f, "account key: {fault}; {}", fault.fix()),
            Self::Chain(cause) => cause.fmt(f),
            Self::Enrolment(failure) => failure.fmt(f),
            Self::File(path, fault) => write!(f, "{}: {fault}; {}", path.display(), fault.fix()),
            Self::NoGain(life) => write!(
                f,
                "the new certificate, from {} until {}, is no better than the old one",
                life.not_before, life.not_after
            ),
            Self::NoNumbers => f.write_str("the certificate lists no numbers"),
            Self::NotSigned => f.write_str("the key did not sign"),
            Self::Unwritable(error) => write!(f, "the new chain cannot be written: {error}"),
        }
    }
}

impl Upkeep {
    /// Keeps one certificate alive until `stop` becomes true.
    pub async fn keep(self, own: Own, mut stop: watch::Receiver<bool>) {
        let mut known: Option<(UnixTime, Renewal)> = None;
        let mut told = Standing::Good;
        loop {
            let now = self.clock.now().unix;
            let pause = match own.certificate().await {
                Err(why) => {
                    error!(tenant = &*own.tenant, %why, "a certificate cannot be kept alive");
                    LOOK
                }
                Ok(certificate) => {
                    let validity = certificate.validity();
                    // Another one, by us or by hand, is another story.
                    let (_, renewal) = match &mut known {
                        Some(same) if same.0 == validity.not_after => same,
                        other => {
                            let renewal = match other {
                                Some(_) => Renewal::of_new(validity, now, jitter()),
                                None => Renewal::of(validity, jitter()),
                            };
                            other.insert((validity.not_after, renewal))
                        }
                    };
                    told = tell(&own, renewal.standing(now), told, validity.not_after);
                    if renewal.is_due(now) {
                        self.renew(&own, &certificate, renewal, now).await;
                    }
                    let left = renewal.look_again(self.clock.now().unix);
                    Duration::from_secs(left.unsigned_abs()).min(LOOK)
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    async fn renew(&self, own: &Own, old: &Certificate, renewal: &mut Renewal, now: UnixTime) {
        let tenant = &*own.tenant;
        let renewed = self.order(own, old, renewal.deadline(now)).await;
        let outcome = if renewed.is_ok() { "renewed" } else { "failed" };
        self.metrics.renewals.increment([outcome]);
        match renewed {
            Ok(()) => {
                info!(tenant, "a certificate was renewed");
                self.take_over(tenant).await;
            }
            Err(why) => {
                let now = self.clock.now().unix;
                renewal.failed(now, why.outlook(), jitter());
                let (failures, next) = (renewal.failures(), renewal.next());
                warn!(tenant, %why, failures, %next, "a certificate was not renewed; it is tried again");
            }
        }
    }

    async fn take_over(&self, tenant: &str) {
        match self.reloads.ask().await.as_deref() {
            Ok(Outcome::Done(_)) => {}
            Ok(Outcome::Refused(mistakes)) => {
                let mistakes = mistakes.len();
                error!(
                    tenant,
                    mistakes, "the new certificate is not used before the configuration is mended"
                );
            }
            Err(_) => info!(tenant, "the new certificate is used after the next start"),
        }
    }

    /// Orders the next certificate and puts it in the place of this one.
    ///
    /// # Errors
    /// [`NotRenewed`]; then the old one is still there.
    pub async fn order(
        &self,
        own: &Own,
        old: &Certificate,
        deadline: UnixTime,
    ) -> Result<(), NotRenewed> {
        let ends = old.validity().not_after;
        let (of, old) = (own.clone(), old.clone());
        let times = (self.clock.now().unix, deadline);
        let prepared = spawn_blocking(move || of.prepare(&old, times)).await;
        let (wish, account) = prepared.unwrap_or(Err(NotRenewed::NotSigned))?;
        let mut enrolment = Enrolment::new(wish, account);
        let enrolled = enrolling::run(&mut enrolment, &self.fetcher, &*self.clock, |_| {}).await;
        let chain = enrolled.map_err(NotRenewed::Enrolment)?.chain;
        // An authority near its own end gives what ends no later, at each try; what has ended, or begins tomorrow, helps nobody.
        let life = chain.end_entity().validity();
        if !life.contains(self.clock.now().unix) || life.not_after <= ends {
            return Err(NotRenewed::NoGain(life));
        }
        let path = own.certificate_file.clone();
        let written = spawn_blocking(move || files::publish(&path, chain.to_pem().as_bytes()));
        let written = written
            .await
            .unwrap_or_else(|_| Err(std::io::Error::other("interrupted")));
        written.map_err(NotRenewed::Unwritable)
    }
}

impl Own {
    async fn certificate(&self) -> Result<Certificate, NotRenewed> {
        let path = self.certificate_file.clone();
        let read = spawn_blocking(move || {
            let bytes = files::read(&path).map_err(|fault| NotRenewed::File(path, fault))?;
            let chain = CertificateChain::parse(&bytes).map_err(NotRenewed::Chain)?;
            Ok(chain.end_entity().clone())
        });
        read.await.unwrap_or(Err(NotRenewed::NoNumbers))
    }

    /// The same subject, the same numbers, the same key; only the life is another.
    fn prepare(
        &self,
        old: &Certificate,
        (now, deadline): (UnixTime, UnixTime),
    ) -> Result<(Wish, Arc<dyn SigningKey>), NotRenewed> {
        let of_file = |path: &PathBuf, fault| NotRenewed::File(path.clone(), fault);
        let account = self.source.account_key.open();
        let account = account.map_err(NotRenewed::AccountKey)?;
        let key = files::read_signing_key(&self.key_file);
        let key = key.map_err(|fault| of_file(&self.key_file, fault))?;
        let list = old.tn_auth_list().ok_or(NotRenewed::NoNumbers)?;
        let extensions = [
            extension::end_entity_constraints(),
            extension::key_usage(usage::DIGITAL_SIGNATURE),
            extension::tn_auth_list(list),
        ];
        let request = csr::write(old.subject(), &extensions, &key);
        let request = request.map_err(|_| NotRenewed::NotSigned)?;
        let request = CertificationRequest::parse(&request).map_err(|_| NotRenewed::NotSigned)?;
        let secret = self.source.secret_file.as_ref();
        let secret =
            secret.map(|path| files::read_token(path).map_err(|fault| of_file(path, fault)));
        let secret = secret.transpose()?;
        let (wrapping, fingerprint, field) = self.source.words.spelling();
        let source = TokenSource::Authority(TokenAuthority {
            url: self.source.token_authority.clone(),
            authorization: secret.map(|secret| format!("Bearer {secret}").into()),
            wrapping,
            fingerprint,
        });
        let wish = Wish {
            directory: self.source.directory.clone(),
            opening: Opening::default(),
            request,
            proof: Proof::Token { source, field },
            not_after: self.source.life.map(|life| {
                let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
                now.saturating_add(seconds)
            }),
            order: None,
            deadline,
        };
        Ok((wish, account))
    }
}

/// Cries when it has become worse.
fn tell(own: &Own, standing: Standing, told: Standing, ends: UnixTime) -> Standing {
    let tenant = &*own.tenant;
    if standing > told {
        match standing {
            Standing::Good => {}
            Standing::Late => warn!(tenant, %ends, "a certificate should have been renewed"),
            Standing::Critical => {
                error!(tenant, %ends, "a certificate ends soon and is not renewed")
            }
            Standing::Expired => {
                error!(tenant, %ends, "a certificate has ended: calls are not signed");
            }
        }
    }
    standing
}

fn jitter() -> Jitter {
    let mut octet = [0];
    // Without randomness it comes when it is due, which is no worse.
    let _ = system_random(&mut octet);
    Jitter(octet[0])
}
