//! Whom the command line believes: anchors and revocation lists in files.
//!
//! Whoever names a file believes what is in it, whatever else it is good for.

use super::trouble::Trouble;
use crate::files;
use clap::{Args, ValueEnum};
use countersign::certificate::number_records::NumberRecords;
use countersign::certificate::{
    AuthorityAlgorithms, Certificate, Crl, PathRules, TnAuthList, chain,
};
use countersign::crypto::AwsLc;
use countersign::path::CrlIssuer;
use countersign::time::UnixTime;
use countersign::trust::{Anchor, MAX_ANCHORS, RevocationRule, Standing, Trust};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the trust domain that consists of what was named on the command line.
const DOMAIN: &str = "command-line";

/// Flags about what is believed besides anchors.
#[derive(Clone, Debug, Args)]
pub(super) struct TrustFlags {
    /// A revocation list (PEM or DER); a certificate that names another one is not validated. May be given several times
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// Who signs revocation lists (PEM or DER): believed like an anchor, for lists only [default: the anchors]
    #[arg(long, value_name = "FILE", requires = "crl")]
    crl_issuer: Vec<PathBuf>,
    /// Whose numbers are whose: `as_of,TIME`, then `PROVIDER,NUMBERS` lines. Asked where a certificate names a provider only
    #[arg(long, value_name = "FILE")]
    number_authority: Option<PathBuf>,
    /// What authorities may sign certificates and revocation lists with; PASSporTs are ES256 whatever stands here
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Algorithms::EcdsaAndRsa)]
    algorithms: Algorithms,
}

/// What authorities may sign with.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Algorithms {
    /// ECDSA: P-256, P-384, P-521
    Ecdsa,
    /// These, and RSA PKCS #1 v1.5 from 2,048 bits on
    EcdsaAndRsa,
    /// ECDSA with P-256 alone, as SHAKEN wants it
    P256,
}

impl TrustFlags {
    /// Whether anything is known about whose numbers are whose.
    pub(super) fn has_number_records(&self) -> bool {
        self.number_authority.is_some()
    }

    /// What is known about whose numbers are whose.
    ///
    /// # Errors
    /// [`Trouble`] if the file that says so cannot be used.
    pub(super) fn number_records(&self) -> Result<Option<NumberRecords>, Trouble> {
        let Some(path) = &self.number_authority else {
            return Ok(None);
        };
        let text = files::read_text(path).map_err(|fault| Trouble::File(path.clone(), fault))?;
        let records = NumberRecords::parse(&text);
        records
            .map(Some)
            .map_err(|cause| Trouble::NumberRecords(path.clone(), cause))
    }

    /// Whom to believe: these anchors and lists, judged at `at`. Without lists nobody asks about revocation.
    ///
    /// # Errors
    /// [`Trouble`] names the file that is no revocation list, or that nobody we believe has signed.
    pub(super) fn trust(&self, anchors: Vec<Anchor>, at: UnixTime) -> Result<Trust, Trouble> {
        let trust = Trust::new(DOMAIN, 1, anchors).with_rules(PathRules {
            authority_algorithms: match self.algorithms {
                Algorithms::Ecdsa => AuthorityAlgorithms::Ecdsa,
                Algorithms::EcdsaAndRsa => AuthorityAlgorithms::EcdsaAndRsa,
                Algorithms::P256 => AuthorityAlgorithms::P256,
            },
            ..PathRules::default()
        });
        if self.crl.is_empty() {
            return Ok(trust);
        }
        let mut issuers = Vec::new();
        for path in &self.crl_issuer {
            let read = read_certificates(path)?;
            issuers.extend(read.into_iter().map(|one| CrlIssuer::Pinned(Box::new(one))));
        }
        let mut lists = Vec::new();
        for path in &self.crl {
            let crl =
                Crl::parse(&read(path)?).map_err(|cause| Trouble::Crl(path.clone(), cause))?;
            let verified = crl.verify(&issuers, &trust, at, &AwsLc);
            let verified = verified.map_err(|cause| Trouble::CrlRefused(path.clone(), cause))?;
            lists.push(Arc::new(verified));
        }
        // Whoever names a list wants to know: what no list answers is not validated.
        Ok(trust.with_crls(RevocationRule::Hard { grace: 0 }, lists))
    }
}

/// The anchors in these files.
///
/// # Errors
/// [`Trouble`] names the file that holds something else.
pub(super) fn read_anchors(files: &[PathBuf]) -> Result<Vec<Anchor>, Trouble> {
    let mut anchors = Vec::new();
    for path in files {
        let read = Anchor::from_pem(&read(path)?, Standing::Public);
        anchors.extend(read.map_err(|cause| Trouble::Anchors(path.clone(), cause))?);
    }
    Ok(anchors)
}

/// A TN Authorization List in DER.
///
/// # Errors
/// [`Trouble`] names the file that holds something else.
pub(super) fn read_tn_auth_list(path: &Path) -> Result<TnAuthList, Trouble> {
    TnAuthList::from_der(&read(path)?).map_err(|_| Trouble::TnAuthList(path.into()))
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Trouble> {
    chain::read_all(&read(path)?, MAX_ANCHORS).map_err(|cause| Trouble::Chain(path.into(), cause))
}

fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    files::read(path).map_err(|fault| Trouble::File(path.into(), fault))
}
