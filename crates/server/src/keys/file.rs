//! Keys in files: PEM or DER, for their owner alone.

use super::KeyFault;
use crate::files;
use countersign::certificate::chain::armoured;
use countersign::crypto::{EcdsaP256Key, SigningKey};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Reads the key of a file.
///
/// # Errors
/// [`KeyFault::File`].
pub fn read(path: &Path) -> Result<Arc<dyn SigningKey>, KeyFault> {
    match files::read_signing_key(path) {
        Ok(key) => Ok(Arc::new(key)),
        Err(fault) => Err(KeyFault::File(fault)),
    }
}

/// Makes a key and a file for it (PKCS#8, PEM), which is on the disk when this returns. A file that is there stays as it is.
///
/// # Errors
/// [`KeyFault`].
pub fn generate(path: &Path) -> Result<Arc<dyn SigningKey>, KeyFault> {
    let key = EcdsaP256Key::generate().map_err(|_| KeyFault::NoRandomness)?;
    let der = key.to_pkcs8().map_err(|_| KeyFault::NoRandomness)?;
    let pem = Zeroizing::new(armoured("PRIVATE KEY", &der));
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyFault::Exists,
        _ => KeyFault::Unwritable(error),
    })?;
    let written = file
        .write_all(pem.as_bytes())
        .and_then(|()| file.sync_all());
    match written {
        Ok(()) => Ok(Arc::new(key)),
        Err(error) => {
            // Half a key is none. If it cannot be taken away either, the next try says that it exists.
            let _ = std::fs::remove_file(path);
            Err(KeyFault::Unwritable(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let path = std::env::temp_dir().join(format!("countersign-key-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let made = generate(&path).unwrap();
        assert_eq!(read(&path).unwrap().public_key(), made.public_key());
        assert!(matches!(generate(&path), Err(KeyFault::Exists)));
        assert_eq!(read(&path).unwrap().public_key(), made.public_key());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_file(&path).unwrap();
    }
}
