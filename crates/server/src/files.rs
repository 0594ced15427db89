//! Files that must be right before anything listens: private keys, web trust anchors, TLS identities.
//!
//! Every reader here is bounded, says which file it means and what is wrong with it ([`FileFault`]), and leaves no private
//! key behind in memory. What a certificate or an inventory says is judged by the rooms whose noun it is; this room only
//! brings their bytes.

use countersign::crypto::{EcdsaP256Key, system_random};
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Largest private key file, in bytes: a P-256 key has below 400, an RSA one below 8 KiB.
pub const MAX_KEY_FILE: u64 = 32 * 1024;

/// Longest password, in bytes: it is a word that people write.
pub const MAX_PASSWORD: u64 = 255;

/// Largest other file, in bytes: a bundle of web trust anchors has about 220 KiB, an inventory of a million lines 30 MiB.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;

/// The end of the name of a file that will take the place of another.
const NEW: &str = ".new";

/// The end of the name of a file that is locked in the place of another.
const LOCK: &str = ".lock";

/// How long a file may take to be written: one that is older and still beside the one whose place it should take was left there.
const LONGEST_WRITE: Duration = Duration::from_secs(600);

/// Most files of a folder that are looked at for such ones.
const MAX_LOOKED_AT: usize = 4_096;

/// What is wrong with a file.
#[derive(Debug)]
pub enum FileFault {
    /// There is nothing in it.
    Empty,
    /// The private key is encrypted.
    EncryptedKey,
    /// A private key is in it, where something else should take its place.
    HoldsKey,
    /// TLS cannot be served with this certificate and key.
    NoTls(rustls::Error),
    /// It holds no certificate.
    NoCertificate,
    /// It holds no private key.
    NoKey,
    /// It is not a file: a directory, a device.
    NotAFile,
    /// It is not UTF-8, from this byte on.
    NotText(usize),
    /// Others than its owner may read it; these are its permissions.
    OpenToOthers(u32),
    /// Longer than what it should hold can be.
    TooLarge(u64),
    /// It cannot be read.
    Unreadable(io::Error),
    /// The private key is not P-256, or not a key at all.
    UnusableKey,
    /// Everybody may write to the folder; these are its permissions.
    WritableByAll(u32),
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is nothing in it"),
            Self::EncryptedKey => f.write_str("the private key is encrypted"),
            Self::HoldsKey => f.write_str("a private key is in it, which is never written over"),
            Self::NoTls(error) => write!(f, "TLS cannot be served with it: {error}"),
            Self::NoCertificate => f.write_str("there is no certificate in it"),
            Self::NoKey => f.write_str("there is no private key in it"),
            Self::NotAFile => f.write_str("it is not a file"),
            Self::NotText(at) => write!(f, "it is not UTF-8 text (byte {at})"),
            Self::OpenToOthers(mode) => write!(f, "others may read it (permissions {mode:04o})"),
            Self::TooLarge(limit) => write!(f, "it is longer than {limit} bytes"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::UnusableKey => f.write_str("it is not a P-256 private key"),
            Self::WritableByAll(mode) => {
                write!(
                    f,
                    "everybody may write to this folder (permissions {mode:04o})"
                )
            }
        }
    }
}

impl FileFault {
    /// Whether there is no such file at all.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// What the operator may do about it.
    pub const fn fix(&self) -> &'static str {
        match self {
            Self::Empty => "write one line into it",
            Self::EncryptedKey => "store it unencrypted (openssl pkey) with permissions 0600",
            Self::HoldsKey => "name another file",
            Self::NoTls(_) => "give the certificate chain and the private key that belongs to it",
            Self::NoCertificate => "give PEM with BEGIN CERTIFICATE lines",
            Self::NoKey => "give PEM (PRIVATE KEY or EC PRIVATE KEY) or DER",
            Self::NotAFile | Self::Unreadable(_) => "give the path of a file that can be read",
            Self::NotText(_) => "save it as UTF-8",
            Self::OpenToOthers(_) => "chmod 600",
            Self::TooLarge(_) => "give the right file",
            Self::UnusableKey => "STIR signs with ES256: make a P-256 key",
            Self::WritableByAll(_) => {
                "chmod 700 it, or name a folder that belongs to the server alone"
            }
        }
    }
}

impl std::error::Error for FileFault {}

/// Reads a whole file.
///
/// # Errors
/// [`FileFault`].
pub fn read(path: &Path) -> Result<Vec<u8>, FileFault> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    read_bounded(file, MAX_FILE, &mut bytes)?;
    Ok(bytes)
}

/// Reads a whole file as text.
///
/// # Errors
/// [`FileFault`].
pub fn read_text(path: &Path) -> Result<String, FileFault> {
    String::from_utf8(read(path)?)
        .map_err(|error| FileFault::NotText(error.utf8_error().valid_up_to()))
}

/// Puts a file in the place of another, or leaves that one: whoever reads it finds one of both, whole, also where two processes write
/// at once. Only the owner may read it.
///
/// # Errors
/// If the disk does not take it; then the old one is still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, OWNER_ALONE)
}

/// The same for a file that everybody may read: a certificate, a request for one. It takes the place of no private key.
///
/// # Errors
/// As [`replace`]; [`FileFault::HoldsKey`] in it.
pub fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    refuse_key(path).map_err(io::Error::other)?;
    put(path, bytes, EVERYBODY)
}

/// Refuses the place of a private key, also of one that is encrypted, and of what cannot be looked at.
///
/// # Errors
/// [`FileFault::HoldsKey`]; another [`FileFault`] if it is there and cannot be read.
pub fn refuse_key(path: &Path) -> Result<(), FileFault> {
    let bytes = match read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(fault) if fault.is_missing() => return Ok(()),
        Err(fault) => return Err(fault),
    };
    let label = b"PRIVATE KEY-----";
    let is_pem = bytes.windows(label.len()).any(|window| window == label);
    match is_pem || EcdsaP256Key::from_der(&bytes).is_ok() {
        true => Err(FileFault::HoldsKey),
        false => Ok(()),
    }
}

/// That a file can be put there, now: for whoever is about to make what cannot be made a second time.
///
/// # Errors
/// As [`replace`].
pub fn rehearse(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let (_, beside) = beside(path)?;
    new_file(&beside, OWNER_ALONE)?;
    fs::remove_file(&beside)
}

/// Keeps others away who ask for the same, until it is dropped: for whoever reads a file, adds to it and puts it back. Waits for whoever
/// has it. What is locked is a file beside `path`, which stays: the file itself is another one each time.
///
/// # Errors
/// If the file beside it cannot be made or locked.
pub fn alone_with(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.as_os_str().to_owned();
    name.push(LOCK);
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(OWNER_ALONE);
    let file = options.open(PathBuf::from(name))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

/// Permissions of files that only their owner may read.
const OWNER_ALONE: u32 = 0o600;
/// Permissions of files that everybody may read.
const EVERYBODY: u32 = 0o644;

fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let (folder, beside) = beside(path)?;
    remove_left(folder, path.file_name().unwrap_or_default());
    let written = write_new(&beside, bytes, mode).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // Half of it is of no use, and may not have been written at all.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// The folder of a file, and the name under which it is written there.
fn beside(path: &Path) -> io::Result<(&Path, PathBuf)> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut mark = [0; 8];
    system_random(&mut mark).map_err(|_| io::Error::other("the system gives no randomness"))?;
    // Of this write alone: process numbers are the same in two containers that share a folder.
    let mut beside = name.to_owned();
    beside.push(format!(".{:016x}{NEW}", u64::from_be_bytes(mark)));
    Ok((folder, folder.join(beside)))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = new_file(path, mode)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes what was left beside a file by processes that ended while they wrote it. What cannot be removed is in nobody's way.
fn remove_left(folder: &Path, name: &OsStr) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.take(MAX_LOOKED_AT).flatten() {
        let is_left = is_mark_of(&entry.file_name(), name)
            && entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LONGEST_WRITE));
        if is_left {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file is one that [`replace`] writes in the place of `name`.
fn is_mark_of(file: &OsStr, name: &OsStr) -> bool {
    let rest = file
        .as_encoded_bytes()
        .strip_prefix(name.as_encoded_bytes());
    let mark = rest
        .and_then(|rest| rest.strip_prefix(b"."))
        .and_then(|rest| rest.strip_suffix(NEW.as_bytes()));
    mark.is_some_and(|mark| mark.len() == 16 && mark.iter().all(u8::is_ascii_hexdigit))
}

/// Reads a private key that signs calls: PEM or DER, PKCS#8 or SEC1, P-256. Others than the owner may not read the file.
///
/// # Errors
/// [`FileFault`].
pub fn read_signing_key(path: &Path) -> Result<EcdsaP256Key, FileFault> {
    let bytes = read_secret(path)?;
    if !bytes.trim_ascii_start().starts_with(b"-----") {
        return EcdsaP256Key::from_der(&bytes).map_err(|_| FileFault::UnusableKey);
    }
    let key = Erased(private_key(&bytes)?);
    EcdsaP256Key::from_der(key.0.secret_der()).map_err(|_| FileFault::UnusableKey)
}

/// Reads a password: one line. Others than the owner may not read the file.
///
/// # Errors
/// [`FileFault`].
pub fn read_password(path: &Path) -> Result<Arc<str>, FileFault> {
    let bytes = read_secret(path)?;
    let line = bytes.trim_ascii();
    let text = std::str::from_utf8(line);
    let text = text.map_err(|error| FileFault::NotText(error.valid_up_to()))?;
    match text.len() as u64 {
        0 => Err(FileFault::Empty),
        1..=MAX_PASSWORD => Ok(text.into()),
        _ => Err(FileFault::TooLarge(MAX_PASSWORD)),
    }
}

/// Reads a whole file that others than the owner may not read, as text.
///
/// # Errors
/// [`FileFault`].
pub fn read_secret_text(path: &Path) -> Result<Zeroizing<String>, FileFault> {
    let bytes = read_secret(path)?;
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|error| FileFault::NotText(error.valid_up_to()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads a token that goes into a header: one line of visible ASCII. Others than the owner may not read the file.
///
/// # Errors
/// [`FileFault`].
pub fn read_token(path: &Path) -> Result<Arc<str>, FileFault> {
    let token = read_password(path)?;
    match token.bytes().position(|byte| !byte.is_ascii_graphic()) {
        Some(at) => Err(FileFault::NotText(at)),
        None => Ok(token),
    }
}

/// Reads web trust anchors: PEM, any number. Those that TLS cannot use are skipped, as long as one remains.
///
/// # Errors
/// [`FileFault`].
pub fn read_web_roots(path: &Path) -> Result<Arc<RootCertStore>, FileFault> {
    let bytes = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes).flatten();
    let mut roots = RootCertStore::empty();
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(FileFault::NoCertificate),
        _ => Ok(Arc::new(roots)),
    }
}

/// Reads a private key of any kind that TLS knows: PEM. Others than the owner may not read the file.
///
/// # Errors
/// [`FileFault`].
pub fn read_tls_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileFault> {
    private_key(&read_secret(path)?)
}

/// Reads certificates: PEM, one at least, in their order.
///
/// # Errors
/// [`FileFault`].
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileFault> {
    let bytes = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(FileFault::NoCertificate),
    }
}

fn open(path: &Path) -> Result<(File, Metadata), FileFault> {
    let file = File::open(path).map_err(FileFault::Unreadable)?;
    let metadata = file.metadata().map_err(FileFault::Unreadable)?;
    match metadata.is_file() {
        true => Ok((file, metadata)),
        false => Err(FileFault::NotAFile),
    }
}

fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    let (file, metadata) = open(path)?;
    refuse_open_to_others(&metadata)?;
    // Room for the whole file at once: a buffer that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE as usize + 1));
    read_bounded(file, MAX_KEY_FILE, &mut bytes)?;
    Ok(bytes)
}

fn read_bounded(file: File, limit: u64, into: &mut Vec<u8>) -> Result<(), FileFault> {
    let read = file
        .take(limit + 1)
        .read_to_end(into)
        .map_err(FileFault::Unreadable)?;
    match read as u64 > limit {
        true => Err(FileFault::TooLarge(limit)),
        false => Ok(()),
    }
}

#[cfg(unix)]
fn new_file(path: &Path, mode: u32) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn new_file(path: &Path, _: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn refuse_open_to_others(metadata: &Metadata) -> Result<(), FileFault> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(FileFault::OpenToOthers(mode)),
    }
}

#[cfg(not(unix))]
fn refuse_open_to_others(_: &Metadata) -> Result<(), FileFault> {
    Ok(())
}

/// Refuses a folder in which everybody may put something in the place of what is ours. One that is not there yet is nobody's.
///
/// # Errors
/// [`FileFault::WritableByAll`].
pub fn refuse_folder_of_all(folder: &Path) -> Result<(), FileFault> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(folder).map(|metadata| metadata.permissions().mode() & 0o7777);
    match mode {
        Ok(mode) if mode & 0o002 != 0 => Err(FileFault::WritableByAll(mode)),
        _ => Ok(()),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, FileFault> {
    let marker = b"ENCRYPTED";
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound)
            if pem.windows(marker.len()).any(|window| window == marker) =>
        {
            Err(FileFault::EncryptedKey)
        }
        Err(_) => Err(FileFault::NoKey),
    }
}

/// Wiped when dropped.
struct Erased(PrivateKeyDer<'static>);

impl Drop for Erased {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::crypto::SigningKey;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    fn write(name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("countersign-files-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn pem(label: &str, der: &[u8]) -> Vec<u8> {
        let base64 = to_base64(der);
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n").into_bytes()
    }

    fn to_base64(bytes: &[u8]) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let mut group = [0; 3];
            group[..chunk.len()].copy_from_slice(chunk);
            let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
            for place in 0..4 {
                let index = (bits >> (18 - 6 * place)) & 63;
                match place <= chunk.len() {
                    true => text.push(char::from(ALPHABET[index as usize])),
                    false => text.push('='),
                }
            }
        }
        text
    }

    /// This test verifies that what is published takes the place of no private key, in whatever form that is, and of anything else.
    #[test]
    fn a_private_key_is_not_published_over() {
        let key = EcdsaP256Key::generate().unwrap().to_pkcs8().unwrap();
        for (name, bytes) in [
            ("published-pkcs8", pem("PRIVATE KEY", &key)),
            ("published-sec1", pem("EC PRIVATE KEY", b"of another curve")),
            ("published-encrypted", pem("ENCRYPTED PRIVATE KEY", b"")),
            ("published-der", key.to_vec()),
        ] {
            let path = write(name, &bytes, 0o600);
            let refused = publish(&path, b"chain").unwrap_err();
            assert!(
                refused.to_string().contains("a private key is in it"),
                "{refused}"
            );
            assert_eq!(fs::read(&path).unwrap(), bytes, "{name}");
        }
        let path = write("published-chain", &pem("CERTIFICATE", b""), 0o644);
        publish(&path, b"chain").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"chain");
        let nowhere = Path::new("/proc/chain.pem");
        assert!(rehearse(nowhere).is_err() && rehearse(&std::env::temp_dir()).is_err());
        rehearse(&path).unwrap();
    }

    /// This test verifies that two who write one file at once are not in each other's way, that whoever reads it meanwhile finds the whole
    /// of one of both, and that nothing is left beside it but what somebody else is writing just now.
    #[test]
    fn two_write_one_file_at_once() {
        let folder =
            std::env::temp_dir().join(format!("countersign-beside-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("memory");
        let written = |byte: u8| vec![byte; 100_000];
        std::thread::scope(|scope| {
            for byte in [b'a', b'b'] {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..50 {
                        replace(path, &written(byte)).unwrap();
                        let found = fs::read(path).unwrap();
                        assert!(found == written(b'a') || found == written(b'b'));
                    }
                });
            }
        });
        let left = folder.join("memory.0123456789abcdef.new");
        let going_on = folder.join("memory.fedcba9876543210.new");
        let others = folder.join("memory.of.new");
        for file in [&left, &going_on, &others] {
            fs::write(file, "half").unwrap();
        }
        let long_ago = std::time::SystemTime::now() - 2 * LONGEST_WRITE;
        for file in [&left, &others] {
            let file = File::options().write(true).open(file).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        assert!(!left.exists() && going_on.exists() && others.exists());
        assert!(replace(&folder, b"x").is_err(), "a folder is no file");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_of_all_is_refused() {
        let name = format!("countersign-folder-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        assert!(refuse_folder_of_all(&folder).is_ok(), "it may come");
        fs::create_dir(&folder).unwrap();
        for (mode, is_refused) in [
            (0o700, false),
            (0o775, false),
            (0o777, true),
            (0o1777, true),
        ] {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                refuse_folder_of_all(&folder).is_err(),
                is_refused,
                "{mode:o}"
            );
        }
        fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn a_key_is_read_in_all_four_forms() {
        let key = EcdsaP256Key::generate().unwrap();
        let (pkcs8, sec1) = (key.to_pkcs8().unwrap(), key.to_sec1().unwrap());
        for (name, bytes) in [
            ("pkcs8.pem", pem("PRIVATE KEY", &pkcs8)),
            ("sec1.pem", pem("EC PRIVATE KEY", &sec1)),
            ("pkcs8.der", pkcs8.to_vec()),
            ("sec1.der", sec1.to_vec()),
        ] {
            let read = read_signing_key(&write(name, &bytes, 0o600)).unwrap();
            assert_eq!(read.public_key(), key.public_key(), "{name}");
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let key = EcdsaP256Key::generate().unwrap().to_pkcs8().unwrap();
        for mode in [0o644, 0o640, 0o604, 0o660] {
            let path = write(&format!("open-{mode:o}.der"), &key, mode);
            let fault = read_signing_key(&path).unwrap_err();
            assert!(matches!(fault, FileFault::OpenToOthers(found) if found == mode));
        }
        assert!(read_signing_key(&write("owner.der", &key, 0o400)).is_ok());
    }

    #[test]
    fn every_fault_is_told_apart() {
        let encrypted = pem("ENCRYPTED PRIVATE KEY", b"secret");
        let fault =
            |name: &str, bytes: &[u8]| read_signing_key(&write(name, bytes, 0o600)).unwrap_err();
        assert!(matches!(
            fault("e.pem", &encrypted),
            FileFault::EncryptedKey
        ));
        assert!(matches!(
            fault("c.pem", &pem("CERTIFICATE", b"x")),
            FileFault::NoKey
        ));
        assert!(matches!(fault("g.der", b"garbage"), FileFault::UnusableKey));
        assert!(matches!(
            fault("g.pem", &pem("PRIVATE KEY", b"garbage")),
            FileFault::UnusableKey
        ));
        assert!(matches!(
            fault("long.pem", &vec![b'-'; 40_000]),
            FileFault::TooLarge(MAX_KEY_FILE)
        ));
        let missing = read_signing_key(Path::new("/no/such/key.pem")).unwrap_err();
        assert!(matches!(missing, FileFault::Unreadable(_)));
        let directory = read_signing_key(&std::env::temp_dir()).unwrap_err();
        assert!(matches!(directory, FileFault::NotAFile));
        let latin = read_text(&write("latin.txt", b"caf\xe9", 0o644)).unwrap_err();
        assert!(matches!(latin, FileFault::NotText(3)));
        let no_roots = read_web_roots(&write("none.pem", b"nothing", 0o644)).unwrap_err();
        assert!(matches!(no_roots, FileFault::NoCertificate));
    }
}
