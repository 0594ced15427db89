//! `[[tenants]]`: those whose calls are signed, each with its own certificate and key.

use super::place::{Cause, Expected, Placed};
use super::reader::Reader;
use countersign::certificate::repository_url::{Origin, RepositoryUrl};
use std::path::{Path, PathBuf};

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
}

/// What stands before the names of published chains in a URL path.
pub const PUBLISHED: &str = "/certificates/";

impl TenantSettings {
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
    let name = reader.required("name", "its name");
    let certificate_file = reader
        .required("certificate_file", "its certificate")
        .map(file);
    let key_file = reader.required("key_file", "its private key").map(file);
    let x5u = reader.required("x5u", "the URL of its certificate");
    let inventory_file = reader.text("inventory_file").map(file);
    if let Some(x5u) = &x5u
        && RepositoryUrl::judge(x5u.value, excepted).is_err()
    {
        let form = "an https URL on port 443 or 8443 without user, query or fragment";
        reader.note("x5u", &x5u.place, Cause::Value(Expected::Text(form)));
    }
    reader.finish();
    Some(TenantSettings {
        name: name?.map(Box::from),
        certificate_file: certificate_file?,
        key_file: key_file?,
        x5u: x5u?.map(Box::from),
        inventory_file,
    })
}
