//! Keys in PKCS#11 modules: hardware security modules, smart cards, and softhsm2 in the tests.
//!
//! The private key never leaves; what is signed is hashed here and only the digest goes there. A module is loaded once in a process.
//! Sessions are kept for the next signature, as many as threads sign at a time. When a signature fails because the device went away
//! (pulled, restarted, its session ended), everything that was known of it is forgotten and it is looked for again, once; only then
//! the signature has failed.

use super::KeyFault;
use super::uri::TokenUri;
use crate::files;
use countersign::crypto::{
    AwsLc, POINT_LEN, Point, SIGNATURE_LEN, Signature, SigningFailed, SigningKey, VerifyingKeys,
    sha256, system_random,
};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::warn;

/// Most sessions that are kept while nobody signs. More threads than this sign with sessions that are opened for it.
const MAX_IDLE: usize = 16;

/// `OBJECT IDENTIFIER` of secp256r1 (RFC 5480 §2.1.1.1) in DER: what CKA_EC_PARAMS holds.
const SECP256R1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Tag and length before a point where CKA_EC_POINT is a DER OCTET STRING, as it should be.
const OCTET_STRING_OF_POINT: [u8; 2] = [0x04, POINT_LEN as u8];

/// Bytes of the identifier of a key that is made here.
const IDENTIFIER_LEN: usize = 16;

/// A private key in a token.
pub struct TokenKey {
    uri: TokenUri,
    public: Point,
    idle: Mutex<Vec<Seat>>,
}

/// A session that is logged in, and the key in it.
struct Seat {
    session: Session,
    key: ObjectHandle,
}

impl TokenKey {
    /// The key that `uri` names.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn open(uri: &TokenUri) -> Result<Self, KeyFault> {
        let (session, key) = seat(uri)?;
        let public = public_half(&session, key)?;
        Ok(Self {
            uri: uri.clone(),
            public,
            idle: Mutex::new(vec![Seat { session, key }]),
        })
    }

    /// A new key of that label, which the token will never give away.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn generate(uri: &TokenUri) -> Result<Self, KeyFault> {
        let module = module(&uri.module)?;
        let slot = slot(&module, uri)?;
        let session = module.open_rw_session(slot).map_err(device)?;
        login(&session, uri)?;
        if !find(&session, uri)?.is_empty() {
            return Err(KeyFault::Exists);
        }
        let id = match &uri.id {
            Some(id) => id.to_vec(),
            None => new_identifier()?,
        };
        let names = |mut template: Vec<Attribute>| {
            template.push(Attribute::Id(id.clone()));
            let label = uri.object.as_deref();
            template.extend(label.map(|label| Attribute::Label(label.into())));
            template
        };
        let public = names(vec![
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(SECP256R1.to_vec()),
        ]);
        let private = names(vec![
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ]);
        session
            .generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)
            .map_err(device)?;
        drop(session);
        Self::open(uri)
    }

    /// One signature in a session that was kept, or in a new one.
    fn try_sign(&self, digest: &[u8], seat: Seat) -> Result<Signature, Error> {
        let signature = seat.session.sign(&Mechanism::Ecdsa, seat.key, digest)?;
        let signature: Signature = signature.try_into().map_err(|_| Error::InvalidValue)?;
        let mut idle = lock(&self.idle);
        if idle.len() < MAX_IDLE {
            idle.push(seat);
        }
        Ok(signature)
    }

    /// A new session. The key in it must be the one that we have been: whoever puts another token in its place is not believed.
    fn sit_down(&self) -> Result<Seat, KeyFault> {
        let (session, key) = seat(&self.uri)?;
        match public_half(&session, key)? == self.public {
            true => Ok(Seat { session, key }),
            false => Err(KeyFault::NoKey),
        }
    }
}

impl SigningKey for TokenKey {
    fn sign(&self, message: &[u8]) -> Result<Signature, SigningFailed> {
        let digest = sha256(message);
        let kept = lock(&self.idle).pop();
        if let Some(seat) = kept {
            match self.try_sign(&digest, seat) {
                Ok(signature) => return Ok(signature),
                Err(error) => {
                    warn!(key = %self.uri, %error, "a key's device did not sign, and is asked anew")
                }
            }
            // What one session has lost, the others have most often lost, too.
            lock(&self.idle).clear();
        }
        let seat = self.sit_down();
        let seat = seat.inspect_err(|error| warn!(key = %self.uri, %error, "no signature"));
        let signed = self.try_sign(&digest, seat.map_err(|_| SigningFailed)?);
        let signed = signed.inspect_err(|error| warn!(key = %self.uri, %error, "no signature"));
        signed.map_err(|_| SigningFailed)
    }

    fn public_key(&self) -> Point {
        self.public
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.uri)
    }
}

const _: () = assert!(
    SIGNATURE_LEN == 64,
    "CKM_ECDSA answers R and S of 32 bytes each"
);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half done when a thread ends while it holds one of these.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The modules of this process: PKCS#11 wants each initialized once.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

fn module(path: &Path) -> Result<Pkcs11, KeyFault> {
    let unusable = |error: Error| KeyFault::Module(path.into(), error.to_string().into());
    let mut modules = lock(&MODULES);
    let module = match modules.get(path) {
        Some(known) => known.clone(),
        None => Pkcs11::new(path).map_err(unusable)?,
    };
    // Also where it is known: a module may have been told to end by somebody else in this process.
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(unusable(error)),
    }
    modules.insert(path.into(), module.clone());
    Ok(module)
}

/// A new session, logged in, and the private key in it.
fn seat(uri: &TokenUri) -> Result<(Session, ObjectHandle), KeyFault> {
    let module = module(&uri.module)?;
    let session = module
        .open_ro_session(slot(&module, uri)?)
        .map_err(device)?;
    login(&session, uri)?;
    match find(&session, uri)?.as_slice() {
        [] => Err(KeyFault::NoKey),
        [key] => Ok((session, *key)),
        _ => Err(KeyFault::Ambiguous),
    }
}

fn slot(module: &Pkcs11, uri: &TokenUri) -> Result<Slot, KeyFault> {
    for slot in module.get_slots_with_initialized_token().map_err(device)? {
        // A token that was pulled while we looked is not the one.
        let Ok(info) = module.get_token_info(slot) else {
            continue;
        };
        let fits = |(wanted, found): &(&Option<Box<str>>, &str)| {
            wanted.as_deref().is_none_or(|wanted| wanted == *found)
        };
        let all = [
            (&uri.token, info.label()),
            (&uri.serial, info.serial_number()),
            (&uri.manufacturer, info.manufacturer_id()),
            (&uri.model, info.model()),
        ];
        if all.iter().all(fits) {
            return Ok(slot);
        }
    }
    Err(KeyFault::NoToken)
}

fn login(session: &Session, uri: &TokenUri) -> Result<(), KeyFault> {
    let path = uri.pin_file.as_deref().ok_or(KeyFault::PinMissing)?;
    let pin = files::read_password(path).map_err(|fault| KeyFault::Pin(path.into(), fault))?;
    match session.login(UserType::User, Some(&AuthPin::from(&*pin))) {
        // All sessions of a process are logged in as soon as one is.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(error) => Err(device(error)),
    }
}

/// The private keys that fit the URI.
fn find(session: &Session, uri: &TokenUri) -> Result<Vec<ObjectHandle>, KeyFault> {
    let template = named(
        uri.object.as_deref(),
        uri.id.as_deref(),
        ObjectClass::PRIVATE_KEY,
    );
    session.find_objects(&template).map_err(device)
}

fn named(label: Option<&str>, id: Option<&[u8]>, class: ObjectClass) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class), Attribute::KeyType(KeyType::EC)];
    template.extend(label.map(|label| Attribute::Label(label.into())));
    template.extend(id.map(|id| Attribute::Id(id.into())));
    template
}

/// The point of the public key that has the private one's identifier.
fn public_half(session: &Session, key: ObjectHandle) -> Result<Point, KeyFault> {
    let own = [AttributeType::Id, AttributeType::EcParams];
    let own = session.get_attributes(key, &own).map_err(device)?;
    let is_p256 = |attribute: &Attribute| matches!(attribute, Attribute::EcParams(curve) if *curve == SECP256R1);
    let id = own.iter().find_map(|attribute| match attribute {
        Attribute::Id(id) => Some(id),
        _ => None,
    });
    let Some(id) = id.filter(|_| own.iter().any(is_p256)) else {
        return Err(KeyFault::Unusable);
    };
    let template = named(None, Some(id), ObjectClass::PUBLIC_KEY);
    let found = session.find_objects(&template).map_err(device)?;
    let [public] = found.as_slice() else {
        return Err(KeyFault::Unusable);
    };
    let wanted = [AttributeType::EcPoint];
    let read = session.get_attributes(*public, &wanted).map_err(device)?;
    let point = read.iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(point) => Some(point.as_slice()),
        _ => None,
    });
    let point = point.unwrap_or_default();
    // Some modules leave the OCTET STRING out, which the standard once allowed.
    let point = point.strip_prefix(&OCTET_STRING_OF_POINT).unwrap_or(point);
    AwsLc.p256(point).map_err(|_| KeyFault::Unusable)?;
    point.try_into().map_err(|_| KeyFault::Unusable)
}

fn new_identifier() -> Result<Vec<u8>, KeyFault> {
    let mut id = vec![0; IDENTIFIER_LEN];
    system_random(&mut id).map_err(|_| KeyFault::NoRandomness)?;
    Ok(id)
}

/// What the module says, in its words.
fn device(error: Error) -> KeyFault {
    KeyFault::Device(error.to_string().into())
}
