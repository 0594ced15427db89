//! The lab's folder: a trust anchor, a certification authority, a provider with a certificate and numbers, and a web
//! certificate for the repository, all made here on first start and kept.
//!
//! Everything in it is a plain file in a standard form, so that other people's tools can be pointed at it. The anchor is
//! marked as what it is: a lab's, which `serve` trusts only with `allow_lab = true`. Certificates are renewed at a start
//! shortly before they end; keys stay.

use crate::files;
use countersign::certificate::chain::{armoured, pem};
use countersign::certificate::tnauthlist::{ServiceProviderCode, TnAuthList, TnEntry};
use countersign::certificate::{Certificate, CertificateChain};
use countersign::crypto::{EcdsaP256Key, SigningKey, system_random};
use countersign::time::{UnixTime, Validity};
use countersign_ca::extension::{self, PathLength};
use countersign_ca::issuance::SHAKEN_POLICY;
use countersign_ca::{Authority, IssuanceError, Practice, Profile, Request, Serial, Subject};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The lab's service provider code. Codes of North American carriers (OCNs) have four characters; LAB is nobody's.
pub const PROVIDER: &str = "LAB1";
/// The host name in the lab's x5u.
pub const HOST: &str = "localhost";
/// The numbers the lab's provider has assigned to customers: a block that is reserved for examples.
pub const NUMBERS: &str = "# Numbers this provider has assigned to its customers: only these are attested A.\n\
    # number, range (first-last) or block (first+count), and the basis: assigned, foreign-with-proof, toll-free, vanity\n\
    12025550100-12025550149,assigned\n\
    # Who is called in this lab: their answers are signed, too.\n\
    12025550160,assigned\n";

const DAY: i64 = 86_400;
/// How long the lab's authorities live.
const AUTHORITY_DAYS: i64 = 3_650;
/// How long the lab's end entities live: as long as the web allows its own.
const END_ENTITY_DAYS: i64 = 397;
/// End entities are renewed at a start this long before they end.
const RENEWAL_DAYS: i64 = 30;
/// How many authorities may be below the lab's: a customer, and a customer of that one (RFC 9060).
const LEVELS: u8 = 2;
/// Clocks differ: what is issued now is valid since a while ago.
const BACKDATE: i64 = 3_600;

/// Where everything in the folder is.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The folder at `root`; nothing is touched yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The trust anchor: what verifiers of the lab trust.
    pub fn anchor(&self) -> PathBuf {
        self.root.join("anchor.pem")
    }

    /// The provider's chain, end entity first: what x5u leads to.
    pub fn chain(&self) -> PathBuf {
        self.root.join("certificates").join("provider.pem")
    }

    /// The folder that the repository serves.
    pub fn repository(&self) -> PathBuf {
        self.root.join("certificates")
    }

    /// The provider's signing key.
    pub fn key(&self) -> PathBuf {
        self.root.join("provider.key")
    }

    /// The provider's numbers.
    pub fn inventory(&self) -> PathBuf {
        self.root.join("numbers.csv")
    }

    /// The web certification authority that the repository's https certificate is of.
    pub fn web_anchor(&self) -> PathBuf {
        self.root.join("web-ca.pem")
    }

    /// The repository's https certificate.
    pub fn web_certificate(&self) -> PathBuf {
        self.root.join("web.pem")
    }

    /// The repository's https key.
    pub fn web_key(&self) -> PathBuf {
        self.root.join("web.key")
    }

    /// The configuration that `up` runs.
    pub fn configuration(&self) -> PathBuf {
        self.root.join("countersign.toml")
    }

    /// A file with the URL of the provider's chain, for `countersign sign`.
    pub fn x5u(&self) -> PathBuf {
        self.root.join("x5u")
    }

    /// A scenario for a first call with SIPp.
    pub fn scenario(&self) -> PathBuf {
        self.root.join("call.xml")
    }

    fn authority(&self, name: &str) -> PathBuf {
        self.root.join("ca").join(name)
    }

    /// The chain of who speaks for the lab's domain: callers who do not say their number.
    pub fn domain_chain(&self) -> PathBuf {
        self.repository().join("domain.pem")
    }

    /// Makes what is missing and renews what is about to end, the provider's certificate by hand.
    ///
    /// # Errors
    /// [`LabFault`], naming the file.
    pub fn ensure(&self, now: UnixTime) -> Result<(), LabFault> {
        let intermediate = self.ensure_authorities(now)?;
        self.provider(&intermediate, now)
    }

    /// The same without the provider's certificate, for whoever orders it ([`super::enrolling`]): the authority that issues it.
    ///
    /// # Errors
    /// [`LabFault`], naming the file.
    pub fn ensure_authorities(&self, now: UnixTime) -> Result<Authority, LabFault> {
        for folder in [self.root.clone(), self.root.join("ca"), self.repository()] {
            make_folder(&folder)?;
        }
        // Two that begin at once would each make a key, and one of them go on with a key that is not in the file.
        let lock = self.root.join("ca").join("lab");
        let alone = files::alone_with(&lock);
        let _alone = alone.map_err(|error| LabFault::Unwritable(lock, error))?;
        if !self.inventory().exists() {
            write(&self.inventory(), NUMBERS.as_bytes(), Secrecy::Public)?;
        }
        let root = self.root_authority(&self.anchor(), "root.key", "Countersign Lab ROOT", now)?;
        let intermediate = self.intermediate(&root, now)?;
        self.domain(&intermediate, now)?;
        self.lists(&root, now)?;
        self.tokens(&intermediate, now)?;
        let chain = [&intermediate, &root].map(|one| pem(one.certificate().as_der()));
        let chain_file = self.authority("authority.pem");
        if read_first(&chain_file)?.as_ref() != Some(intermediate.certificate()) {
            write(&chain_file, chain.concat().as_bytes(), Secrecy::Public)?;
        }
        let web = self.root_authority(
            &self.web_anchor(),
            "web-root.key",
            "Countersign Lab Web ROOT",
            now,
        )?;
        self.web(&web, now)?;
        Ok(intermediate)
    }

    /// The provider's key, made if it is not there.
    ///
    /// # Errors
    /// [`LabFault`].
    pub fn provider_key(&self) -> Result<EcdsaP256Key, LabFault> {
        ensure_key(&self.key())
    }

    /// The key of the provider's account at the authority, made if it is not there.
    ///
    /// # Errors
    /// [`LabFault`].
    pub fn account_key(&self) -> Result<EcdsaP256Key, LabFault> {
        ensure_key(&self.authority("account.key"))
    }

    /// Whether the provider has a certificate for its key that is not about to end.
    ///
    /// # Errors
    /// [`LabFault`].
    pub fn is_certified(&self, now: UnixTime) -> Result<bool, LabFault> {
        is_current(&self.chain(), &self.provider_key()?, now)
    }

    /// Puts the provider's chain in its place.
    ///
    /// # Errors
    /// [`LabFault`].
    pub fn certify(&self, chain: &CertificateChain) -> Result<(), LabFault> {
        write(&self.chain(), chain.to_pem().as_bytes(), Secrecy::Public)
    }

    fn root_authority(
        &self,
        certificate: &Path,
        key: &str,
        name: &str,
        now: UnixTime,
    ) -> Result<Authority, LabFault> {
        let key: Arc<dyn SigningKey> = Arc::new(ensure_key(&self.authority(key))?);
        if let Some(known) = read_first(certificate)? {
            return Authority::new(known, key, Practice::default())
                .map_err(|cause| LabFault::issuance(certificate, cause));
        }
        let made = Authority::root(
            &subject(name)?,
            key,
            Practice::default(),
            serial()?,
            validity(now, AUTHORITY_DAYS),
        )
        .map_err(|cause| LabFault::issuance(certificate, cause))?;
        write(
            certificate,
            pem(made.certificate().as_der()).as_bytes(),
            Secrecy::Public,
        )?;
        Ok(made)
    }

    fn intermediate(&self, root: &Authority, now: UnixTime) -> Result<Authority, LabFault> {
        let path = self.authority("intermediate.pem");
        let key: Arc<dyn SigningKey> = Arc::new(ensure_key(&self.authority("intermediate.key"))?);
        let practice = Practice {
            policy: Some(SHAKEN_POLICY),
            crl: None,
            ocsp: None,
        };
        let certificate = match read_first(&path)? {
            Some(known) => known,
            None => {
                let name = subject("Countersign Lab SHAKEN CA")?;
                let request = Request::new(
                    Profile::Intermediate(PathLength::AtMost(LEVELS)),
                    name,
                    key.public_key(),
                );
                let validity = Validity {
                    not_after: root.certificate().validity().not_after,
                    ..validity(now, 0)
                };
                let issued = root
                    .issue(&request, serial()?, validity)
                    .map_err(|cause| LabFault::issuance(&path, cause))?;
                write(&path, pem(issued.as_der()).as_bytes(), Secrecy::Public)?;
                issued
            }
        };
        Authority::new(certificate, key, practice).map_err(|cause| LabFault::issuance(&path, cause))
    }

    fn provider(&self, intermediate: &Authority, now: UnixTime) -> Result<(), LabFault> {
        let path = self.chain();
        let key = ensure_key(&self.key())?;
        if is_current(&path, &key, now)? {
            return Ok(());
        }
        let code = ServiceProviderCode::new(PROVIDER)
            .map_err(|_| LabFault::issuance(&path, IssuanceError::ScopeMissing))?;
        let scope = TnAuthList::new(vec![TnEntry::Spc(code.clone())])
            .map_err(|_| LabFault::issuance(&path, IssuanceError::ScopeMissing))?;
        let name = Subject::shaken("US", "Countersign Lab", &code)
            .map_err(|_| LabFault::issuance(&path, IssuanceError::BadAuthority))?;
        let request = Request::new(Profile::EndEntity, name, key.public_key()).with_scope(scope);
        let request = request.with_domains(vec![HOST.into()]);
        let issued = intermediate
            .issue(&request, serial()?, validity(now, END_ENTITY_DAYS))
            .map_err(|cause| LabFault::issuance(&path, cause))?;
        let chain = pem(issued.as_der()) + &pem(intermediate.certificate().as_der());
        write(&path, chain.as_bytes(), Secrecy::Public)
    }

    /// Whoever asks anonymously is signed for as somebody of this domain: RFC 8862 §4.2. No authority token is about domains, so this one is
    /// issued by hand, and apart: SHAKEN's certificates of providers have no other names.
    fn domain(&self, intermediate: &Authority, now: UnixTime) -> Result<(), LabFault> {
        let path = self.domain_chain();
        let key = self.provider_key()?;
        if is_current(&path, &key, now)? {
            return Ok(());
        }
        let name = subject("Countersign Lab domain")?;
        let request = Request::new(Profile::EndEntity, name, key.public_key())
            .with_domains(vec![HOST.into()]);
        let issued = intermediate
            .issue(&request, serial()?, validity(now, END_ENTITY_DAYS))
            .map_err(|cause| LabFault::issuance(&path, cause))?;
        let chain = pem(issued.as_der()) + &pem(intermediate.certificate().as_der());
        write(&path, chain.as_bytes(), Secrecy::Public)
    }

    /// Who signs revocation lists: under SHAKEN's policy never the authority itself.
    fn lists(&self, root: &Authority, now: UnixTime) -> Result<(), LabFault> {
        let path = self.authority("crl.pem");
        let key = ensure_key(&self.authority("crl.key"))?;
        if is_current(&path, &key, now)? {
            return Ok(());
        }
        let name = subject("Countersign Lab STI-PA CRL")?;
        let request = Request::new(Profile::CrlIssuer, name, key.public_key());
        let issued = root
            .issue(&request, serial()?, validity(now, END_ENTITY_DAYS))
            .map_err(|cause| LabFault::issuance(&path, cause))?;
        let chain = pem(issued.as_der()) + &pem(root.certificate().as_der());
        write(&path, chain.as_bytes(), Secrecy::Public)
    }

    /// Who signs authority tokens.
    fn tokens(&self, intermediate: &Authority, now: UnixTime) -> Result<(), LabFault> {
        let path = self.authority("tokens.pem");
        let key = ensure_key(&self.authority("tokens.key"))?;
        if is_current(&path, &key, now)? {
            return Ok(());
        }
        let fault = |_| LabFault::issuance(&path, IssuanceError::ScopeMissing);
        let code = ServiceProviderCode::new(PROVIDER)
            .map_err(|_| LabFault::issuance(&path, IssuanceError::ScopeMissing))?;
        let scope = TnAuthList::new(vec![TnEntry::Spc(code)]).map_err(fault)?;
        let name = subject("Countersign Lab Token Authority")?;
        let request = Request::new(Profile::EndEntity, name, key.public_key()).with_scope(scope);
        let issued = intermediate
            .issue(&request, serial()?, validity(now, END_ENTITY_DAYS))
            .map_err(|cause| LabFault::issuance(&path, cause))?;
        let chain = pem(issued.as_der()) + &pem(intermediate.certificate().as_der());
        write(&path, chain.as_bytes(), Secrecy::Public)
    }

    fn web(&self, authority: &Authority, now: UnixTime) -> Result<(), LabFault> {
        let path = self.web_certificate();
        let key = ensure_key(&self.web_key())?;
        if is_current(&path, &key, now)? {
            return Ok(());
        }
        let request = Request::new(Profile::EndEntity, subject(HOST)?, key.public_key());
        let mut draft = authority.draft(&request, serial()?, validity(now, END_ENTITY_DAYS));
        let addresses = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        draft
            .extensions
            .push(extension::web_names(&[HOST], &addresses));
        draft.extensions.push(extension::server_authentication());
        let der = draft
            .sign(authority.key())
            .map_err(|cause| LabFault::issuance(&path, cause.into()))?;
        write(&path, pem(&der).as_bytes(), Secrecy::Public)
    }
}

fn subject(common_name: &str) -> Result<Subject, LabFault> {
    Subject::new("US", "Countersign Lab", common_name)
        .map_err(|_| LabFault::issuance(Path::new(common_name), IssuanceError::BadAuthority))
}

fn validity(now: UnixTime, days: i64) -> Validity {
    Validity {
        not_before: now.saturating_add(-BACKDATE),
        not_after: now.saturating_add(days * DAY),
    }
}

fn serial() -> Result<Serial, LabFault> {
    let mut random = [0; 16];
    system_random(&mut random).map_err(|_| LabFault::NoRandomness)?;
    Ok(Serial::from_random(random))
}

/// The key in the file, or a new one put there.
fn ensure_key(path: &Path) -> Result<EcdsaP256Key, LabFault> {
    if path.exists() {
        return files::read_signing_key(path).map_err(|fault| LabFault::File(path.into(), fault));
    }
    let key = EcdsaP256Key::generate().map_err(|_| LabFault::NoRandomness)?;
    let der = key.to_pkcs8().map_err(|_| LabFault::NoRandomness)?;
    write(
        path,
        Zeroizing::new(armoured("PRIVATE KEY", &der)).as_bytes(),
        Secrecy::Private,
    )?;
    Ok(key)
}

fn read_first(path: &Path) -> Result<Option<Certificate>, LabFault> {
    match read_chain(path)? {
        Some(chain) => Ok(Some(chain.end_entity().clone())),
        None => Ok(None),
    }
}

fn read_chain(path: &Path) -> Result<Option<CertificateChain>, LabFault> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = files::read(path).map_err(|fault| LabFault::File(path.into(), fault))?;
    CertificateChain::parse(&bytes)
        .map(Some)
        .map_err(|_| LabFault::NotACertificate(path.into()))
}

/// Whether the certificate is there, of this key and not about to end.
fn is_current(path: &Path, key: &EcdsaP256Key, now: UnixTime) -> Result<bool, LabFault> {
    let Some(chain) = read_chain(path)? else {
        return Ok(false);
    };
    let end_entity = chain.end_entity();
    let lasts = end_entity
        .validity()
        .contains(now.saturating_add(RENEWAL_DAYS * DAY));
    Ok(lasts && end_entity.public_key().p256() == Some(&key.public_key()))
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Its owner alone.
    Private,
    /// Everybody.
    Public,
}

fn make_folder(path: &Path) -> Result<(), LabFault> {
    match std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
    {
        Ok(()) => Ok(()),
        Err(error) => Err(LabFault::Unwritable(path.into(), error)),
    }
}

/// Writes beside the file and renames: whoever reads sees the old or the new, never half.
pub(crate) fn write(path: &Path, bytes: &[u8], secrecy: Secrecy) -> Result<(), LabFault> {
    let unwritable = |error| LabFault::Unwritable(path.to_path_buf(), error);
    let written = match secrecy {
        Secrecy::Private => files::replace(path, bytes),
        Secrecy::Public => files::publish(path, bytes),
    };
    written.map_err(unwritable)
}

/// Why there is no lab.
#[derive(Debug)]
pub enum LabFault {
    /// A file in the folder cannot be used.
    File(PathBuf, files::FileFault),
    /// A certificate could not be issued.
    Issuance(PathBuf, IssuanceError),
    /// The system gives no randomness, or a new key cannot be written down.
    NoRandomness,
    /// A file that should hold a certificate does not.
    NotACertificate(PathBuf),
    /// A file or folder cannot be written.
    Unwritable(PathBuf, std::io::Error),
}

impl LabFault {
    fn issuance(path: &Path, cause: IssuanceError) -> Self {
        Self::Issuance(path.into(), cause)
    }
}

impl fmt::Display for LabFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, fault) => write!(f, "{}: {fault}", path.display()),
            Self::Issuance(path, cause) => {
                write!(f, "{}: no certificate issued: {cause}", path.display())
            }
            Self::NoRandomness => f.write_str("the system gives no randomness for keys"),
            Self::NotACertificate(path) => {
                write!(
                    f,
                    "{}: not a certificate; remove the file and a new one is made",
                    path.display()
                )
            }
            Self::Unwritable(path, error) => write!(
                f,
                "{}: {error}; choose another folder with --data",
                path.display()
            ),
        }
    }
}

impl std::error::Error for LabFault {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder(name: &str) -> Directory {
        let path =
            std::env::temp_dir().join(format!("countersign-lab-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Directory::new(path)
    }

    #[test]
    fn a_second_start_changes_nothing_and_one_before_the_end_renews_the_end_entities() {
        let lab = folder("renewal");
        let now = UnixTime::from_secs(1_800_000_000);
        lab.ensure(now).unwrap();
        let read = || {
            [lab.anchor(), lab.chain(), lab.key(), lab.web_certificate()]
                .map(|path| std::fs::read(path).unwrap())
        };
        let first = read();
        lab.ensure(now).unwrap();
        assert_eq!(read(), first);
        lab.ensure(now.saturating_add((END_ENTITY_DAYS - RENEWAL_DAYS + 1) * DAY))
            .unwrap();
        let [anchor, chain, key, web] = read();
        assert_eq!((anchor, key), (first[0].clone(), first[2].clone()));
        assert_ne!(chain, first[1]);
        assert_ne!(web, first[3]);
        std::fs::remove_dir_all(lab.root()).unwrap();
    }

    #[test]
    fn keys_are_for_their_owner_alone() {
        let lab = folder("modes");
        lab.ensure(UnixTime::from_secs(1_800_000_000)).unwrap();
        let keys = [
            "provider.key",
            "web.key",
            "ca/root.key",
            "ca/intermediate.key",
            "ca/web-root.key",
        ];
        for key in keys {
            let mode = std::fs::metadata(lab.root().join(key))
                .unwrap()
                .permissions()
                .mode()
                & 0o777;
            assert_eq!(mode, 0o600, "{key}");
        }
        std::fs::remove_dir_all(lab.root()).unwrap();
    }
}
