//! What is signed beside SHAKEN when the 3GPP dialect asks for it: a diversion, a priority. Each needs a word of the operator in the
//! configuration of the trunk; without one nobody gets it.

use super::Visit;
use super::dialect::Defect;
use crate::sip::record::Record;
use crate::sip::state::TrunkSigner;
use countersign::authentication::Refusal;
use countersign::call::Call;
use countersign::passport::{Div, Sph};
use countersign::priority::ResourceValue;
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
        let outcome = match values.iter().all(may) {
            true => signer.service.prioritize(call, values, sph, now.unix),
            false => Err(Refusal::PriorityMisused),
        };
        self.close(Record::of(call), None, fate(&outcome));
        outcome.map(|signed| signed.identity).map_err(Defect::of)
    }

    fn signer(&self) -> Result<&TrunkSigner, Defect> {
        let signers = &self.state.signers;
        signers.get(&self.trunk.name).ok_or(Defect::Ours)
    }
}

fn fate<T>(outcome: &Result<T, Refusal>) -> SignatureFate {
    match outcome {
        Ok(_) => SignatureFate::Added,
        Err(_) => SignatureFate::Refused,
    }
}
