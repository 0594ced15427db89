//! Where the vectors of other people lie, and how they are opened. What each file is, is told in `test-data/PROVENANCE.md`.

use countersign::crypto::{AwsLc, BadSignature, POINT_LEN, VerifyingKey, VerifyingKeys};
use countersign::jose::base64url;
use countersign::passport::Envelope;
use std::path::PathBuf;
use std::sync::Arc;

/// A path below `test-data`.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../test-data")
        .join(name)
}

/// The text of a file below `test-data`.
pub(crate) fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A token that somebody published.
pub(crate) struct Published {
    /// Its name in this project.
    pub(crate) id: String,
    /// The token.
    pub(crate) token: String,
    /// The key printed with it, or known to have signed it.
    pub(crate) key: Option<Arc<dyn VerifyingKey>>,
    /// What the documents forbid about it.
    pub(crate) problems: Vec<String>,
}

impl Published {
    /// Whether the signature is of the key, over the bytes as published.
    pub(crate) fn verify(&self) -> Result<(), BadSignature> {
        let envelope = Envelope::parse(&self.token).unwrap();
        let key = self.key.as_ref().expect("a key");
        let signature = envelope.signature().map_err(|_| BadSignature)?;
        key.verify(envelope.signing_input().as_bytes(), signature)
    }
}

/// All tokens of a file of JSON lines.
pub(crate) fn published(name: &str) -> Vec<Published> {
    let read = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let strings = |value: &serde_json::Value| -> Vec<String> {
            let list = value.as_array().cloned().unwrap_or_default();
            list.iter()
                .map(|one| one.as_str().unwrap().to_owned())
                .collect()
        };
        Published {
            id: row["id"].as_str().unwrap().to_owned(),
            token: row["token"].as_str().unwrap().to_owned(),
            key: row["key"].as_str().map(spki_key),
            problems: strings(&row["problems"]),
        }
    };
    text(name).lines().map(read).collect()
}

/// The token of that name.
pub(crate) fn rfc_token(id: &str) -> Published {
    let mut all = published("passports/rfc.jsonl").into_iter();
    all.find(|one| one.id == id)
        .expect("the token is in the file")
}

/// The key of a SubjectPublicKeyInfo for P-256 in base64; the point is its end.
fn spki_key(base64: &str) -> Arc<dyn VerifyingKey> {
    let url_safe = base64
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    let der = base64url::decode(&url_safe).unwrap();
    AwsLc.p256(&der[der.len() - POINT_LEN..]).unwrap()
}

/// The key of a JWK's coordinates.
pub(crate) fn jwk_key(x: &str, y: &str) -> Arc<dyn VerifyingKey> {
    let (x, y) = (base64url::decode(x).unwrap(), base64url::decode(y).unwrap());
    AwsLc
        .p256(&[&[4], x.as_slice(), y.as_slice()].concat())
        .unwrap()
}
