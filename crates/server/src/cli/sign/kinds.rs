//! The kinds of PASSporT that `sign` makes, and what each needs to be told.
//!
//! Each is one call of the Authentication Service, whose rules they are; here is only what comes from which flag.

use super::super::trouble::Trouble;
use super::Arguments;
use super::request::Subject;
use clap::ValueEnum;
use countersign::authentication::{
    Answering, AnswersFor, Asked, Authenticated, AuthenticationService, Credential, Diverted, Form,
    Origination, Reflection, Refusal, Signed, Unlisted,
};
use countersign::call::{Call, DestSource};
use countersign::identity::Identity;
use countersign::passport::{Div, RichClaims, SignedPassport, Sph};
use countersign::priority::PriorityMark;
use countersign::time::UnixTime;
use std::sync::Arc;

/// The kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    // Doc comments on the values would make the help of every flag two lines longer.
    Base,
    Div,
    DivO,
    Msec,
    Rcd,
    Rph,
    Rsp,
    #[default]
    Shaken,
}

/// One PASSporT that was signed.
pub(super) struct Made {
    pub(super) passport: SignedPassport,
    /// The value of the Identity header.
    pub(super) identity: String,
    /// The Date that the request must have.
    pub(super) add_date: Option<UnixTime>,
    pub(super) form: Form,
    /// What was attested, of a kind that attests.
    pub(super) authenticated: Option<Authenticated>,
}

/// What was asked for, ready to be signed.
pub(super) struct Order<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) subject: &'a Subject,
    pub(super) call: Call,
    pub(super) rich: Option<RichClaims>,
    pub(super) now: UnixTime,
}

impl Order<'_> {
    /// Signs it; several, if a call with several PASSporTs is diverted.
    ///
    /// # Errors
    /// [`Trouble`] if we could not; [`Refusal`] inside: we do not speak for it.
    pub(super) fn sign(
        self,
        service: &AuthenticationService,
    ) -> Result<Result<Vec<Made>, Refusal>, Trouble> {
        let form = match self.arguments.compact {
            true => Form::Compact,
            false => Form::Full,
        };
        let one = |signed: Result<Signed, Refusal>| signed.map(|signed| vec![Made::from(signed)]);
        Ok(match self.arguments.kind {
            Kind::Base => one(service.authenticate_base(&self.call, form, self.now)),
            Kind::Div | Kind::DivO => self.divert(service)?,
            Kind::Msec => one(service.authenticate_secured(&self.call, self.now)),
            Kind::Rcd => {
                let rich = self.rich.as_ref().ok_or(Trouble::NothingRich)?;
                one(service.enrich_in(&self.call, rich, form, self.now))
            }
            Kind::Rph => one(self.prioritize(service)),
            Kind::Rsp => self.respond(service)?,
            Kind::Shaken => {
                let origination = self.origination()?;
                let signed = service.authenticate(&self.call, &origination, self.now);
                signed.map(|signed| vec![Made::from(signed)])
            }
        })
    }

    fn origination(&self) -> Result<Origination, Trouble> {
        Ok(Origination {
            asked: Some(self.arguments.attest),
            credential: Credential::Strong,
            unlisted: Unlisted::Unsigned,
            origid: super::origid(self.arguments.origid)?,
            rich: self.rich.clone().map(Arc::new),
        })
    }

    fn prioritize(mut self, service: &AuthenticationService) -> Result<Signed, Refusal> {
        let auth = &self.arguments.rph;
        let sph = self.arguments.sph.then_some(Sph::PsapCallback);
        if matches!(self.subject, Subject::Numbers) {
            // The request that it will be in is the operator's to write.
            self.call.priority.values.clone_from(auth);
            if sph.is_some() {
                self.call.priority.mark = PriorityMark::PsapCallback;
            }
        }
        service.prioritize(&self.call, auth, sph, self.now)
    }

    fn divert(
        self,
        service: &AuthenticationService,
    ) -> Result<Result<Vec<Made>, Refusal>, Trouble> {
        let history = self.arguments.history.as_deref();
        if let Some(from) = &self.arguments.div {
            if self.arguments.kind == Kind::DivO {
                return Ok(Err(Refusal::NothingToDivert));
            }
            let div = Div::new(self.arguments.parties.called("--div", from)?, history);
            let diverted = service.divert_call(&self.call, div, self.now);
            return Ok(diverted.map(|diverted| vec![Made::from(diverted)]));
        }
        let received = self.subject.received(self.arguments.original.as_deref())?;
        let existing: Vec<_> = received.into_iter().map(|one| one.passport).collect();
        let Some(target) = self.target() else {
            return Ok(Err(Refusal::CalledPartyUnknown));
        };
        let diverted = match self.arguments.kind {
            Kind::DivO => service.divert_nested(&existing, target, history, self.now),
            _ => service.divert(&existing, target, history, self.now),
        };
        Ok(diverted.map(|all| all.into_iter().map(Made::from).collect()))
    }

    /// The answer, and the diversions that are sent back with it.
    fn respond(
        self,
        service: &AuthenticationService,
    ) -> Result<Result<Vec<Made>, Refusal>, Trouble> {
        let received = self.subject.received(self.arguments.original.as_deref())?;
        let named = self.arguments.reached.as_deref();
        let named = named.map(|text| self.arguments.parties.called("--reached", text));
        let Some(reached) = named.transpose()?.or_else(|| self.target().cloned()) else {
            return Ok(Err(Refusal::CalledPartyUnknown));
        };
        let asked = received.iter().map(|one| Asked {
            passport: &one.passport,
            value: &one.value,
        });
        let (rich, media_keys) = (self.rich.map(Arc::new), self.arguments.media_keys()?);
        let answering = Answering {
            asked: &asked.collect::<Vec<_>>(),
            reached: &reached,
            // Those of the request are the caller's.
            media_keys: media_keys.as_ref(),
            rich: rich.as_ref(),
            reflection: Reflection::Reflected,
            numbers: AnswersFor::Covered,
        };
        let answered = match service.respond(&answering, self.now) {
            Ok(answered) => answered,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut identities = answered.identities.into_iter();
        let own = identities.next().unwrap_or_default();
        let mut made = vec![Made::as_it_is(answered.passport, own)];
        for identity in identities {
            let reflected = received.iter().find(|one| *one.value == *identity);
            made.extend(reflected.map(|one| Made::as_it_is(one.passport.clone(), identity)));
        }
        Ok(Ok(made))
    }

    /// Where the call goes now: what `--to` says, else the Request-URI.
    fn target(&self) -> Option<&Identity> {
        let of = |source| {
            let mut dest = self.call.dest.iter();
            dest.find_map(|(one, from)| (*from == source).then_some(one))
        };
        of(DestSource::Given).or_else(|| of(DestSource::RequestUri))
    }
}

impl From<Authenticated> for Made {
    fn from(authenticated: Authenticated) -> Self {
        Self {
            passport: authenticated.passport.clone(),
            identity: authenticated.identity.clone(),
            add_date: authenticated.add_date,
            form: Form::Full,
            authenticated: Some(authenticated),
        }
    }
}

impl Made {
    /// In full form, and nothing to be said of it.
    fn as_it_is(passport: SignedPassport, identity: impl Into<String>) -> Self {
        Self {
            passport,
            identity: identity.into(),
            add_date: None,
            form: Form::Full,
            authenticated: None,
        }
    }
}

impl From<Diverted> for Made {
    fn from(diverted: Diverted) -> Self {
        Self::as_it_is(diverted.passport, diverted.identity)
    }
}

impl From<Signed> for Made {
    fn from(signed: Signed) -> Self {
        Self {
            passport: signed.passport,
            identity: signed.identity,
            add_date: signed.add_date,
            form: signed.form,
            authenticated: None,
        }
    }
}
