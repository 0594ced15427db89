//! The lab's provider gets its certificate as any provider does: an account of the token authority, a token, an order, a chain.
//!
//! ```text
//!     Enrolment ── token, JWS ──► Service, of the same `[ca]` that will serve ──► the journal
//!         └── chain ──► certificates/provider.pem
//! ```
//!
//! It happens before anything listens: what a client would send over https is carried to the same desk without a socket, so that a lab is
//! there at once and its first call is signed with what its own authority has issued. In the journal it looks like any other order.

use super::directory::{Directory, LabFault, PROVIDER};
use crate::authority::book::Decision;
use crate::clock::Clock;
use crate::config::ca::CaSettings;
use crate::fetch::{FetchPolicy, Fetcher, SystemResolver};
use crate::office::service::{Request, Service, Shown};
use crate::office::{Office, OfficeFault, Presence};
use countersign::certificate::tnauthlist::{ServiceProviderCode, TnAuthList, TnEntry};
use countersign::crypto::{SigningKey, system_random};
use countersign_ca::Subject;
use countersign_ca::csr::{self, CertificationRequest};
use countersign_ca::enrolment::{
    Enrolment, Failure, HttpRequest, HttpResponse, Lost, Opening, Proof, ResponseField, Step,
    TokenAuthority, TokenSource, Wish, Wrapping,
};
use countersign_ca::extension::{self, usage};
use countersign_ca::token::{FingerprintRule, Permission};
use countersign_ca::token_authority::request::Dialect;
use countersign_ca::token_authority::{Secret, TokenAccounts};
use std::fmt;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// The account of the lab's provider at the lab's token authority.
pub const ACCOUNT: &str = "provider";

/// How long it may take, in seconds: nobody else has to do anything.
const PATIENCE: i64 = 30;

/// Why the lab's provider has no certificate. Alphabetical.
#[derive(Debug)]
pub enum NotEnrolled {
    /// The authority said no.
    Enrolment(Failure),
    /// A file of the folder cannot be used.
    Lab(LabFault),
    /// There is nothing to ask for it: the names are none, or the key does not sign.
    NoRequest,
    /// The authority is not there.
    Office(OfficeFault),
    /// The account was not opened.
    NoAccount,
}

impl fmt::Display for NotEnrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enrolment(failure) => {
                write!(f, "the lab's provider has no certificate: {failure}")
            }
            Self::Lab(fault) => fault.fmt(f),
            Self::NoRequest => f.write_str("the lab's provider cannot ask for a certificate"),
            Self::Office(fault) => write!(f, "the lab's authority: {fault}"),
            Self::NoAccount => f.write_str("the lab's token authority has no account for it"),
        }
    }
}

impl std::error::Error for NotEnrolled {}

impl From<LabFault> for NotEnrolled {
    fn from(fault: LabFault) -> Self {
        Self::Lab(fault)
    }
}

impl From<OfficeFault> for NotEnrolled {
    fn from(fault: OfficeFault) -> Self {
        Self::Office(fault)
    }
}

/// Orders the certificate of the lab's provider from the authority that `settings` describe, if it has none that lasts.
///
/// # Errors
/// [`NotEnrolled`].
pub async fn ensure(
    directory: &Directory,
    settings: &CaSettings,
    clock: Arc<dyn Clock>,
) -> Result<(), NotEnrolled> {
    if directory.is_certified(clock.now().unix)? {
        return Ok(());
    }
    let office = Office::open(settings)?;
    let (secret, office) = {
        let clock = clock.clone();
        let opened = spawn_blocking(move || {
            let secret = open_account(&office, clock)?;
            Ok((secret, office))
        });
        opened.await.unwrap_or(Err(NotEnrolled::NoAccount))?
    };
    let base = office.settings.base_url.value.clone();
    let service = open(office, clock.clone()).await?;
    let wish = wish(directory, &base, &secret, &*clock)?;
    let account: Arc<dyn SigningKey> = Arc::new(directory.account_key()?);
    let mut enrolment = Enrolment::new(wish, account);
    loop {
        match enrolment.next(clock.now().unix) {
            Step::Done(enrolled) => {
                directory.certify(&enrolled.chain)?;
                return Ok(());
            }
            Step::Failed(failure) => return Err(NotEnrolled::Enrolment(failure)),
            // Nobody else is asked, so nothing has to be waited for but the next second.
            Step::Wait(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            Step::Ask(request) => {
                let answer = carry(&service, &base, &request).await;
                let answer = answer.as_ref().ok_or(Lost);
                enrolment.heard(answer, clock.now().unix);
            }
        }
    }
}

/// The provider's numbers: its code.
fn list() -> Option<(ServiceProviderCode, TnAuthList)> {
    let code = ServiceProviderCode::new(PROVIDER).ok()?;
    let list = TnAuthList::new(vec![TnEntry::Spc(code.clone())]).ok()?;
    Some((code, list))
}

/// Opens the provider's account, or gives it another secret: that of before was kept nowhere.
fn open_account(office: &Office, clock: Arc<dyn Clock>) -> Result<Secret, NotEnrolled> {
    let (_, list) = list().ok_or(NotEnrolled::NoRequest)?;
    let mut random = [0; 32];
    system_random(&mut random).map_err(|_| OfficeFault::NoRandomness)?;
    let secret = Secret::from_random(&random);
    let mut book = office.book(Presence::Made, clock)?;
    let decide = |accounts: &TokenAccounts| match accounts.get(ACCOUNT) {
        Some(_) => accounts.set_credential(ACCOUNT, secret.credential()),
        None => accounts.open(
            ACCOUNT,
            "Countersign Lab",
            list.clone(),
            Permission::EndEntity,
            secret.credential(),
        ),
    };
    let opened = book.command(|ledger, _, _| match decide(&ledger.tokens) {
        Ok(event) => Decision {
            events: vec![event.into()],
            reply: Ok(()),
        },
        Err(fault) => Decision::nothing(Err(fault)),
    });
    match opened {
        Ok(Ok(())) => Ok(secret),
        _ => Err(NotEnrolled::NoAccount),
    }
}

/// The authority, with nobody who could reach it but us.
async fn open(office: Office, clock: Arc<dyn Clock>) -> Result<Arc<Service>, NotEnrolled> {
    let nobody = FetchPolicy::with_web_roots(Arc::new(rustls::RootCertStore::empty()));
    let resolver = Arc::new(SystemResolver::default());
    let runtime = tokio::runtime::Handle::current();
    let fetcher = Fetcher::new(nobody, resolver, clock.clone(), Arc::default(), runtime);
    let fetcher = fetcher.map_err(|_| OfficeFault::NoRandomness)?;
    let opened =
        spawn_blocking(move || Service::open(&office, fetcher, clock, Arc::default())).await;
    let service = opened.unwrap_or(Err(OfficeFault::NoRandomness))?;
    Ok(Arc::new(service))
}

/// What the provider wishes for.
fn wish(
    directory: &Directory,
    base: &str,
    secret: &Secret,
    clock: &dyn Clock,
) -> Result<Wish, NotEnrolled> {
    let (code, list) = list().ok_or(NotEnrolled::NoRequest)?;
    let subject = Subject::shaken("US", "Countersign Lab", &code);
    let subject = subject.map_err(|_| NotEnrolled::NoRequest)?;
    let extensions = [
        extension::end_entity_constraints(),
        extension::key_usage(usage::DIGITAL_SIGNATURE),
        extension::tn_auth_list(&list),
    ];
    let key = directory.provider_key()?;
    let request = csr::write(subject.name(), &extensions, &key);
    let request = request.map_err(|_| NotEnrolled::NoRequest)?;
    let request = CertificationRequest::parse(&request).map_err(|_| NotEnrolled::NoRequest)?;
    let source = TokenSource::Authority(TokenAuthority {
        url: format!("{base}/at/account/{ACCOUNT}/token").into(),
        authorization: Some(format!("Bearer {}", secret.as_str()).into()),
        wrapping: Wrapping::Wrapped,
        fingerprint: FingerprintRule::JwkThumbprint,
    });
    Ok(Wish {
        directory: format!("{base}/acme/directory").into(),
        opening: Opening::default(),
        request,
        proof: Proof::Token {
            source,
            field: ResponseField::Tkauth,
        },
        not_after: None,
        order: None,
        deadline: clock.now().unix.saturating_add(PATIENCE),
    })
}

/// What a client asks, carried to the desk that answers.
async fn carry(service: &Arc<Service>, base: &str, asked: &HttpRequest) -> Option<HttpResponse> {
    let path = asked.url.strip_prefix(base)?;
    if let Some(path) = path.strip_prefix("/acme") {
        let request = Request {
            method: asked.method.name().to_owned(),
            path: path.to_owned(),
            content_type: asked.content_type.map(str::to_owned),
            body: asked.body.clone().into(),
        };
        let reply = service.acme(request).await;
        let headers = reply.headers.into_iter();
        return Some(HttpResponse {
            status: reply.status,
            headers: headers
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            body: reply.body,
        });
    }
    let account = path.strip_prefix("/at/account/")?.strip_suffix("/token")?;
    let shown = Shown {
        authorization: asked.authorization.as_deref().map(str::to_owned),
        certificate: None,
    };
    let body = asked.body.clone().into();
    let reply = service
        .token(account.to_owned(), shown, body, Dialect::Rfc)
        .await?;
    Some(HttpResponse {
        status: reply.status,
        headers: vec![("content-type".into(), reply.content_type.into())],
        body: reply.body.into_bytes(),
    })
}
