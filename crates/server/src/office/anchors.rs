//! The list of authorities that are trusted, signed by the token authority, as SHAKEN's policy administrator publishes it.
//!
//! The file that names them is looked at again and again; what is new in it is signed at once, what is old is signed again at half of its
//! life. A file that cannot be used changes nothing: the last list stands until it ends. The number of a list is the second it was
//! signed in, so that it never goes back, whatever is put back from a copy.

use super::practice::TokenDesk;
use super::{Office, OfficeFault, chain};
use arc_swap::ArcSwapOption;
use countersign::certificate::Certificate;
use countersign::crypto::sha256;
use countersign::time::UnixTime;
use countersign::trust::{Anchor, MAX_ANCHORS, Standing};
use countersign_ca::token_authority::request::Reply;
use countersign_ca::token_authority::sti_pa;
use std::path::PathBuf;
use std::sync::Arc;

/// Publishes the list.
#[derive(Debug)]
pub struct AnchorList {
    file: PathBuf,
    lifetime: i64,
    desk: TokenDesk,
    current: ArcSwapOption<Current>,
}

/// The list that is published.
#[derive(Debug)]
struct Current {
    /// What it was made of.
    of: [u8; 32],
    signed: UnixTime,
    reply: Reply,
}

impl AnchorList {
    /// The list of an office, signed; nothing, if it publishes none.
    ///
    /// # Errors
    /// [`OfficeFault`] if its file cannot be used, or the key does not sign.
    pub fn open(
        office: &Office,
        desk: Option<&TokenDesk>,
        now: UnixTime,
    ) -> Result<Option<Self>, OfficeFault> {
        let settings = office.settings.token_authority.as_ref();
        let file = settings.and_then(|settings| Some((settings, settings.ca_list_file.as_ref()?)));
        let (Some((settings, file)), Some(desk)) = (file, desk) else {
            return Ok(None);
        };
        let lifetime = settings.ca_list_lifetime.as_secs();
        let list = Self {
            file: file.value.clone(),
            lifetime: i64::try_from(lifetime).unwrap_or(i64::MAX),
            desk: desk.clone(),
            current: ArcSwapOption::empty(),
        };
        list.look(now)?;
        Ok(Some(list))
    }

    /// Reads the file, and signs what is new in it or will be old soon. It waits for disk and devices.
    ///
    /// # Errors
    /// [`OfficeFault`]; then the last list stands.
    pub fn look(&self, now: UnixTime) -> Result<(), OfficeFault> {
        let authorities = self.authorities()?;
        let mut all = Vec::new();
        for one in &authorities {
            all.extend_from_slice(&one.sha256());
        }
        let of = sha256(&all);
        let current = self.current.load();
        let is_fresh = |current: &Arc<Current>| {
            let half = current.signed.saturating_add(self.lifetime / 2);
            current.of == of && current.signed <= now && now < half
        };
        if current.as_ref().is_some_and(is_fresh) {
            return Ok(());
        }
        // Two lists of one second would have one number.
        let before = current
            .as_ref()
            .map(|current| current.signed.saturating_add(1));
        let signed = before.map_or(now, |next| next.max(now));
        let list = sti_pa::ca_list(
            &authorities,
            u64::try_from(signed.as_secs()).unwrap_or_default(),
            signed.saturating_add(self.lifetime),
            self.desk.practice.header.x5u.as_deref(),
            self.desk.key.as_ref(),
        );
        let list = list.map_err(|_| OfficeFault::Unsigned(self.file.clone()))?;
        let reply = sti_pa::ca_list_reply(&list);
        let current = Current { of, signed, reply };
        self.current.store(Some(Arc::new(current)));
        Ok(())
    }

    fn authorities(&self) -> Result<Vec<Certificate>, OfficeFault> {
        let chain = chain(&self.file)?;
        let authorities = chain.certificates();
        let is_none = |one: &Certificate| Anchor::new(one.clone(), Standing::Public).is_err();
        if authorities.len() > MAX_ANCHORS || authorities.iter().any(is_none) {
            return Err(OfficeFault::NoAnchors(self.file.clone()));
        }
        Ok(authorities.to_vec())
    }

    /// What whoever asks for the list gets.
    pub fn reply(&self) -> Option<Reply> {
        Some(self.current.load().as_ref()?.reply.clone())
    }
}
