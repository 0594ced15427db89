//! What is signed beside the PASSporT of the caller when it is asked for: a diversion, a priority, rich call data. Each needs a word of
//! the operator in the configuration, of the trunk or of a brand; without one nobody gets it.

use super::dialect::Defect;
use super::{Beat, Visit, Wishes};
use crate::sip::record::Record;
use crate::sip::state::TrunkSigner;
use countersign::authentication::Refusal;
use countersign::call::Call;
use countersign::passport::{Div, Sph};
use countersign::priority::ResourceValue;
use countersign_sip::call::dialled;
use countersign_sip::element::SignatureFate;

impl Visit<'_> {
    /// Signs that the call was diverted, if the trunk's diversions are signed (`sign_diversions`): the value of the Identity header.
    pub(super) fn divert(&self, call: &Call, div: &Div) -> Result<String, Defect> {
        let signer = self.signer()?;
        let now = self.door.services.clock.now();
        let outcome = match self.trunk.diversions {
            Some(_) => signer.service.divert_call(call, div.clone(), now.unix),
            None => Err(Refusal::NothingToDivert),
        };
        let mut record = Record::of(call);
        record.diverted(outcome.as_ref().map(|_| 1), now);
        self.close(record, None, fate(&outcome));
        outcome
            .map(|diverted| diverted.identity)
            .map_err(Defect::of)
    }

    /// Signs what priority the call may have, if the trunk may have all of it signed (`sign_priority`): the value of the Identity header.
    pub(super) fn prioritize(
        &self,
        call: &Call,
        values: &[ResourceValue],
        sph: Option<Sph>,
    ) -> Result<String, Defect> {
        let signer = self.signer()?;
        let now = self.door.services.clock.now();
        let may = |value| self.trunk.signed_priority.contains(value);
        // RFC 8443 §4.1 leaves it to the signer to know who may have which priority; who is not known to, may not.
        let mut call = call.clone();
        call.priority.dialled = dialled(&call, &self.trunk.emergency_numbers);
        let outcome = match values.iter().all(may) {
            true => signer.service.prioritize(&call, values, sph, now.unix),
            false => Err(Refusal::PriorityMisused),
        };
        self.close(Record::of(&call), None, fate(&outcome));
        outcome.map(|signed| signed.identity).map_err(Defect::of)
    }

    /// Signs what is said of the caller, if its brand has a PASSporT of its own (`passport = "rcd"`): the value of the Identity header.
    pub(super) fn enrich(&self, call: &Call, wishes: Wishes) -> Result<String, Defect> {
        let signer = self.signer()?;
        let origination = self.origination(signer, wishes, Beat::of(call));
        let now = self.door.services.clock.now();
        let outcome = signer.enriched(&origination, call, now.unix);
        let outcome = outcome.unwrap_or(Err(Refusal::NoRichData));
        let mut record = Record::of(call);
        record.signed_base(outcome.as_ref().err(), signer.service.signer().x5u(), now);
        self.close(record, None, fate(&outcome));
        outcome.map(|signed| signed.identity).map_err(Defect::of)
    }

    pub(super) fn signer(&self) -> Result<&TrunkSigner, Defect> {
        let signers = &self.state.signers;
        signers.get(&self.trunk.name).ok_or(Defect::Ours)
    }
}

pub(super) fn fate<T>(outcome: &Result<T, Refusal>) -> SignatureFate {
    match outcome {
        Ok(_) => SignatureFate::Added,
        Err(_) => SignatureFate::Refused,
    }
}
