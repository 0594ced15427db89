//! `[[tenants]]`: those whose calls are signed, each with its own certificate and key.

use super::place::{Cause, Expected, Placed};
use super::reader::Reader;
use crate::enrolling::{Source, Words};
use crate::keys::KeyPlace;
use countersign::certificate::repository_url::{Origin, RepositoryUrl};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One tenant as configured.
#[derive(Clone, Debug)]
pub struct TenantSettings {
    /// Its name.
    pub name: Placed<Box<str>>,
    /// Its certificate and the intermediates.
    pub certificate_file: Placed<PathBuf>,
    /// Its private key.
    pub key_file: Placed<PathBuf>,
    /// Where others fetch the certificate file.
    pub x5u: Placed<Box<str>>,
    /// Its numbers.
    pub inventory_file: Option<Placed<PathBuf>>,
    /// Where its next certificate comes from.
    pub enroll: Option<Source>,
    /// Whether the word of its authority is sent along.
    pub staples: Placed<bool>,
    /// Whether the chain is sent along, beside x5u.
    pub x5c: Placed<bool>,
    /// Further certificates of it, each with the name and the numbers of the tenant.
    pub credentials: Vec<TenantSettings>,
}

/// What stands before the names of published chains in a URL path.
pub const PUBLISHED: &str = "/certificates/";

impl TenantSettings {
    /// Its own certificate and the further ones.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.credentials)
    }

    /// The name under which this server's own repository publishes the chain: `NAME` of an x5u that ends in
    /// `/certificates/NAME.pem`.
    pub fn published_name(&self) -> Option<&str> {
        let (_, name) = self.x5u.value.rsplit_once(PUBLISHED)?;
        let name = name.strip_suffix(".pem")?;
        (!name.is_empty() && !name.contains('/')).then_some(name)
    }
}

/// Reads one tenant. `directory` is where relative paths begin; `excepted` are the origins of `fetch.exceptions`, whose ports
/// an x5u may have, too.
pub(super) fn read(
    mut reader: Reader<'_>,
    directory: &Path,
    excepted: &[Origin],
) -> Option<TenantSettings> {
    let file = |name: Placed<&str>| name.map(|name| directory.join(name));
    let name = reader
        .required("name", "its name")
        .map(|name| name.map(Box::from));
    let inventory_file = reader.text("inventory_file").map(file);
    let further = |mut reader: Reader<'_>| {
        let read = credential(&mut reader, directory, excepted);
        reader.finish();
        read
    };
    let credentials: Option<Vec<_>> = {
        let all: Vec<_> = reader
            .tables("credentials")
            .into_iter()
            .map(further)
            .collect();
        all.into_iter().collect()
    };
    let own = credential(&mut reader, directory, excepted);
    reader.finish();
    let (name, own) = (name?, own?);
    let of_tenant = |one: Credential| one.of(&name, inventory_file.clone());
    let credentials = credentials?.into_iter().map(of_tenant).collect();
    Some(TenantSettings {
        credentials,
        ..own.of(&name, inventory_file.clone())
    })
}

/// A certificate with its key, where it is found and where the next one comes from.
struct Credential {
    certificate_file: Placed<PathBuf>,
    key_file: Placed<PathBuf>,
    x5u: Placed<Box<str>>,
    enroll: Option<Source>,
    staples: Placed<bool>,
    x5c: Placed<bool>,
}

impl Credential {
    fn of(
        self,
        name: &Placed<Box<str>>,
        inventory_file: Option<Placed<PathBuf>>,
    ) -> TenantSettings {
        TenantSettings {
            name: name.clone(),
            certificate_file: self.certificate_file,
            key_file: self.key_file,
            x5u: self.x5u,
            inventory_file,
            enroll: self.enroll,
            staples: self.staples,
            x5c: self.x5c,
            credentials: Vec::new(),
        }
    }
}

fn credential(
    reader: &mut Reader<'_>,
    directory: &Path,
    excepted: &[Origin],
) -> Option<Credential> {
    let file = |name: Placed<&str>| name.map(|name| directory.join(name));
    let certificate_file = reader
        .required("certificate_file", "its certificate")
        .map(file);
    let key_file = reader.required("key_file", "its private key").map(file);
    let x5u = reader.required("x5u", "the URL of its certificate");
    let enroll = enroll(reader.table("enroll"), directory);
    let staples = reader.boolean("staples", false);
    let x5c = reader.boolean("x5c", false);
    if let Some(x5u) = &x5u
        && RepositoryUrl::judge(x5u.value, excepted).is_err()
    {
        let form = "an https URL on port 443 or 8443 without user, query or fragment";
        reader.note("x5u", &x5u.place, Cause::Value(Expected::Text(form)));
    }
    Some(Credential {
        certificate_file: certificate_file?,
        key_file: key_file?,
        x5u: x5u?.map(Box::from),
        enroll,
        staples,
        x5c,
    })
}

/// How long a certificate may be asked to live, in minutes. Own decision: ten minutes leave three for renewing it, and a year is long.
const LIFE_MINUTES: RangeInclusive<i64> = 10..=525_600;

/// Reads where certificates come from; nothing, if nothing is said.
fn enroll(mut reader: Reader<'_>, directory: &Path) -> Option<Source> {
    let url = "an https URL";
    let place = reader.parsed("directory", url, https);
    let account_key = reader.parsed("account_key", "a file or a pkcs11: URI", |text| {
        KeyPlace::parse(text, directory).ok()
    });
    let token_authority = reader.parsed("token_authority", url, https);
    let secret_file = reader.text("secret_file");
    let words = reader.choice("dialect", &[("rfc", Words::Rfc), ("shaken", Words::Shaken)]);
    let life = reader.integer("life_minutes", LIFE_MINUTES);
    let life = life.and_then(|minutes| u64::try_from(minutes).ok());
    let keys = [
        ("directory", "the directory of the authority"),
        ("account_key", "the key of the account there"),
        ("token_authority", "where tokens are had"),
    ];
    let written = |key| reader.written_items(key);
    let mut others =
        keys.iter()
            .map(|(key, _)| *key)
            .chain(["secret_file", "dialect", "life_minutes"]);
    if others.any(|key| written(key).0 > 0) {
        for (key, what) in keys {
            let (there, place) = written(key);
            if there == 0 {
                reader.note(key, &place, Cause::Missing(what));
            }
        }
    }
    reader.finish();
    Some(Source {
        directory: place?.value,
        account_key: account_key?.value,
        token_authority: token_authority?.value,
        secret_file: secret_file.map(|name| directory.join(name.value)),
        words: words.unwrap_or_default(),
        life: life.map(|minutes| Duration::from_secs(minutes.saturating_mul(60))),
    })
}

fn https(text: &str) -> Option<Box<str>> {
    let url = url::Url::parse(text).ok()?;
    (url.scheme() == "https" && url.username().is_empty()).then(|| text.into())
}
