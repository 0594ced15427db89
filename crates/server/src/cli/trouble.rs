//! Why a verb could not do its work at all: every one of these is exit code 2.
//!
//! Each names the thing that is wrong and what may be done about it. What is wrong with a call is no trouble but a verdict, and
//! lives in `countersign::verification`.

use super::input::InputError;
use super::parties::BadParty;
use super::token::TokenTrouble;
use crate::files::FileFault;
use countersign::authentication::{BrandFault, SignerError};
use countersign::certificate::number_records::RecordsError;
use countersign::certificate::repository_url::UrlFault;
use countersign::certificate::{ChainError, CrlError};
use countersign::media_keys::BadMediaKeys;
use countersign::passport::rcd::MAX_RICH_URL;
use countersign::path::{CrlFault, PathFault};
use countersign::trust::AnchorError;
use countersign::verification::ArchiveRefused;
use countersign_sip::message::ParseError;
use countersign_sip::patch::PatchError;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Most bytes of a picture that fit into a `data:` URL in base64 with its media type.
const MAX_WHOLE_PICTURE: usize = (MAX_RICH_URL - "data:image/jpeg;base64,".len()) / 4 * 3;

/// Why a verb could not do its work. Alphabetical.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A file of trust anchors holds something else.
    Anchors(PathBuf, AnchorError),
    /// Stored messages cannot be judged so.
    Archive(ArchiveRefused),
    /// Rich call data that cannot be signed.
    Brand(BrandFault),
    /// A file of certificates holds something else.
    Chain(PathBuf, ChainError),
    /// A file holds something other than a revocation list.
    Crl(PathBuf, CrlError),
    /// Nothing may be concluded from a revocation list.
    CrlRefused(PathBuf, CrlFault),
    /// A file cannot be used.
    File(PathBuf, FileFault),
    /// Media keys that no PASSporT can have.
    Fingerprints(BadMediaKeys),
    /// There is nothing to look at.
    Input(InputError),
    /// A picture that is too large to be signed whole.
    LargePicture(PathBuf),
    /// Nothing can be sent there, or heard from.
    Line(SocketAddr, std::io::Error),
    /// There is no lab, and no key was named.
    NoLab(PathBuf, FileFault),
    /// The certificate names no domain that an anonymous caller could be of.
    NoDomain,
    /// A request that is said to have been answered, in which nobody speaks for the caller.
    NobodyCalls(PathBuf),
    /// Neither numbers nor a request.
    NoParties,
    /// The system gives no randomness.
    NoRandomness,
    /// The lab's folder does not say where its certificate is served.
    NoX5u(PathBuf),
    /// A file holds no picture that may be shown.
    NotAPicture(PathBuf),
    /// Whom to ask, or who asks, is no URI that a request can be sent to.
    NotAskable(Box<str>),
    /// What is to be signed, in a file or on standard input, is no SIP request.
    NotARequest(Option<PathBuf>),
    /// A flag that goes with another kind of PASSporT.
    NotOfKind(&'static str),
    /// It looks like a SIP message and is none.
    NotSip(PathBuf, ParseError),
    /// A call, or an answer, that is said to be a stored message.
    NotStored(PathBuf),
    /// No flag says anything about the caller.
    NothingRich,
    /// A file does not say whose numbers are whose.
    NumberRecords(PathBuf, RecordsError),
    /// An origin that is to be allowed is none.
    Origin(Box<str>, UrlFault),
    /// A flag names nobody.
    Party(BadParty),
    /// The request could not be written: a mistake of ours.
    Patch(PatchError),
    /// What should be a namespace and who signs for it is not.
    PriorityAuthority(Box<str>),
    /// What should be a URL and its file is not.
    Resource(Box<str>),
    /// The system gives no runtime.
    Runtime(std::io::Error),
    /// Key, certificate and URL do not go together.
    Signer(PathBuf, SignerError),
    /// A file holds something other than a TN Authorization List.
    TnAuthList(PathBuf),
    /// TLS cannot be set up.
    Tls(rustls::Error),
    /// What was said about an authority token.
    Token(TokenTrouble),
    /// Where to ask cannot be read or found.
    Via(Box<str>),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchors(path, cause) => write!(
                f,
                "--trust {}: {cause}; give a file with the certificates of authorities (PEM)",
                path.display()
            ),
            Self::Archive(_) | Self::NotStored(_) => self.fmt_stored(f),
            Self::Brand(_)
            | Self::Fingerprints(_)
            | Self::LargePicture(_)
            | Self::NobodyCalls(_)
            | Self::NotAPicture(_)
            | Self::NotOfKind(_)
            | Self::NothingRich
            | Self::PriorityAuthority(_)
            | Self::Resource(_) => self.fmt_rich(f),
            Self::Chain(path, cause) => write!(
                f,
                "{}: {cause}; give certificates in PEM, the signer's first",
                path.display()
            ),
            Self::File(path, cause) => {
                write!(f, "{}: {cause}; {}", path.display(), cause.fix())
            }
            Self::Input(cause) => cause.fmt(f),
            Self::Line(..) | Self::NoDomain | Self::NotAskable(_) | Self::Via(_) => self.fmt_asking(f),
            Self::NoLab(path, cause) => write!(
                f,
                "{}: {cause}; run `countersign up` once to make a lab there, name its folder with --data, or give \
                --key, --certificate and --x5u",
                path.display()
            ),
            Self::NoParties => f.write_str(
                "nothing to sign; give --from and --to, or a SIP request as a file or on standard input",
            ),
            Self::NoRandomness => {
                f.write_str("the system gives no randomness; give --origid UUID")
            }
            Self::NoX5u(path) => write!(
                f,
                "{}: not there, so nobody knows where the certificate is served; give --x5u URL, or run `countersign up` once",
                path.display()
            ),
            Self::NotARequest(None) => f.write_str(
                "standard input: not a SIP request; give one, or < /dev/null to sign --from and --to alone",
            ),
            Self::NotARequest(Some(path)) => {
                write!(f, "{}: not a SIP request; give one", path.display())
            }
            Self::NotSip(path, cause) => write!(
                f,
                "{}: not a SIP message: {cause}; give it as it was on the wire",
                path.display()
            ),
            Self::Origin(origin, cause) => write!(
                f,
                "--allow-origin {origin}: {cause}; give one such as https://localhost:8443"
            ),
            Self::Party(cause) => cause.fmt(f),
            Self::Patch(cause) => write!(f, "the request could not be signed: {cause}"),
            Self::Runtime(cause) => write!(f, "nothing can be fetched: {cause}"),
            Self::Signer(path, cause) => {
                write!(f, "{}: {cause}; {}", path.display(), signer_fix(cause))
            }
            Self::Token(cause) => cause.fmt(f),
            Self::Tls(cause) => write!(f, "TLS cannot be set up: {cause}"),
            Self::Crl(..) | Self::CrlRefused(..) | Self::NumberRecords(..) | Self::TnAuthList(_) => {
                self.fmt_list(f)
            }
        }
    }
}

impl Trouble {
    /// The sentence about what is to be signed beside the numbers.
    fn fmt_rich(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brand(BrandFault::Missing(url)) => write!(
                f,
                "what is at {url} is not known; give it with --resource {url}=FILE"
            ),
            Self::Brand(cause) => write!(f, "the rich call data cannot be signed: {cause}"),
            Self::Fingerprints(cause) => write!(f, "--fingerprint: {cause}"),
            Self::LargePicture(path) => write!(
                f,
                "--icon {0}: more than {MAX_WHOLE_PICTURE} bytes, too much to be signed whole; put it on the web: --icon URL \
                --resource URL={0}",
                path.display()
            ),
            Self::NobodyCalls(path) => write!(
                f,
                "--answer-to {}: no PASSporT in it speaks for the caller, so nobody can have answered it by one",
                path.display()
            ),
            Self::NotAPicture(path) => write!(
                f,
                "--icon {}: no PNG or JPEG that phones would show; give one, or an https URL",
                path.display()
            ),
            Self::NotOfKind(what) => write!(
                f,
                "{what} does not go with this --kind; see `countersign sign --help`"
            ),
            Self::NothingRich => {
                f.write_str("nothing to say of the caller; give --name, --reason, --icon or --card")
            }
            Self::PriorityAuthority(text) => {
                write!(
                    f,
                    "--priority-authority {text}: give NAMESPACE=SIGNER, such as ets=1234"
                )
            }
            Self::Resource(text) => write!(f, "--resource {text}: give URL=FILE"),
            _ => Ok(()),
        }
    }

    /// The sentence about what is no stored message.
    fn fmt_stored(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(cause) => write!(f, "--archived: {cause}"),
            Self::NotStored(path) => write!(
                f,
                "{}: --archived judges messages (MESSAGE), not calls; leave it away, or give Identity headers alone",
                path.display()
            ),
            _ => Ok(()),
        }
    }

    /// The sentence about what stands in the way of asking.
    fn fmt_asking(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(address, cause) => write!(f, "{address}: {cause}"),
            Self::NoDomain => f.write_str(
                "the certificate names no domain, so it signs for nobody who is anonymous; give --from TN, or another --certificate",
            ),
            Self::NotAskable(uri) => write!(
                f,
                "{uri:?}: nobody can be asked there; give a sip: or sips: URI, or a number and --via udp:HOST:PORT"
            ),
            Self::Via(text) => write!(
                f,
                "{text}: no address is found; give one such as --via udp:192.0.2.1:5060, tcp:... or tls:..."
            ),
            _ => Ok(()),
        }
    }

    /// The sentence about a file with a list that verification was to rest on.
    fn fmt_list(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crl(path, cause) => write!(
                f,
                "--crl {}: {cause}; give a revocation list in PEM or DER",
                path.display()
            ),
            Self::CrlRefused(path, cause) => {
                write!(f, "--crl {}: {cause}; {}", path.display(), crl_fix(cause))
            }
            Self::NumberRecords(path, cause) => write!(
                f,
                "--number-authority {}: {cause}; give as_of,TIME and then PROVIDER,NUMBERS lines",
                path.display()
            ),
            Self::TnAuthList(path) => write!(
                f,
                "--tn-auth-list {}: not a TN Authorization List; give the value of the extension in DER",
                path.display()
            ),
            _ => Ok(()),
        }
    }
}

const fn crl_fix(cause: &CrlFault) -> &'static str {
    match cause {
        CrlFault::IssuerUnknown => "name who signs it with --crl-issuer FILE",
        _ => "get the list anew",
    }
}

const fn signer_fix(cause: &SignerError) -> &'static str {
    match cause {
        SignerError::KeyMismatch => "give the key and the certificate that belong together",
        SignerError::NotP256 => "STIR signs with ES256: have a P-256 key certified",
        SignerError::Path(PathFault::DelegationGap { .. }) => {
            "have the chain issued with a TNAuthList at every step"
        }
        SignerError::Path(PathFault::EndEntityIsAuthority | PathFault::OutOfOrder { .. }) => {
            "give the end entity's certificate first, then each one's issuer"
        }
        SignerError::Path(_) => "nobody would accept what it signs: have it issued again",
        SignerError::Url(_) => {
            "give an https URL without query, such as https://cert.example.org/sp.pem"
        }
    }
}

impl std::error::Error for Trouble {}

impl From<InputError> for Trouble {
    fn from(cause: InputError) -> Self {
        Self::Input(cause)
    }
}

impl From<BadParty> for Trouble {
    fn from(cause: BadParty) -> Self {
        Self::Party(cause)
    }
}
