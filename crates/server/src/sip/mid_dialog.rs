//! Requests inside calls whose other side has proved who it is: signed in the name of who speaks, and told of. Whether they pass is the
//! element's.

use super::base::deserved;
use super::state::State;
use crate::log::{CallLog, MidDialogLine};
use crate::metrics::Metrics;
use countersign::authentication::{Form, Refusal};
use countersign::time::UnixTime;
use countersign_sip::element::{Input, MidDialogFate, MidDialogRequest, Sign};
use countersign_sip::trunk::PassportForm;

/// What a request inside a call gets that says who sends it: an ordinary PASSporT, whole.
// RFC 9970 §6: "any re-INVITEs from either the originating and terminating side, as well as any BYE requests, SHOULD contain Identity
// header fields with valid PASSporTs." None of them is an answer, so none is `rsp`.
pub(super) fn signed(sign: &Sign, state: &State, now: UnixTime) -> Input {
    let id = sign.id;
    let Some(signer) = state.signers.get(&sign.trunk.name) else {
        return Input::SigningFailed { id };
    };
    let mut origination = signer.origination(&sign.trunk, sign.transport);
    origination.asked = sign.asked;
    let base = match sign.trunk.passport {
        PassportForm::Base | PassportForm::BaseCompact => {
            deserved(signer, &sign.call, &origination, Form::Full, now)
        }
        PassportForm::Shaken => None,
    };
    let identity = match base {
        Some(signed) => signed.map(|signed| signed.identity),
        None => {
            let signed = signer.service.authenticate(&sign.call, &origination, now);
            signed.map(|signed| signed.identity)
        }
    };
    match identity {
        Ok(identity) => Input::Signed {
            id,
            identities: vec![identity.into_boxed_str()],
        },
        Err(refusal) => {
            tracing::debug!(
                refusal = Refusal::name(refusal),
                "request inside a call not signed"
            );
            Input::SigningFailed { id }
        }
    }
}

/// Writes the line of a request that was judged, and counts it.
pub(super) fn note(request: &MidDialogRequest, calls: &CallLog, metrics: &Metrics) {
    let (trunk, fate) = (&*request.trunk.name, request.fate);
    let why = fate.unproven();
    let outcome = match fate {
        MidDialogFate::Passed(why) => why.name(),
        fate => fate.name(),
    };
    metrics
        .mid_dialog
        .increment(trunk, [request.method, outcome]);
    let Some(why) = why else {
        return;
    };
    if why.is_mismatch() {
        metrics.sip_events.increment(["mid-dialog-mismatch"]);
    }
    calls.spoken(&MidDialogLine {
        trunk,
        call_id: &request.call_id,
        method: request.method,
        speaker: &request.speaker,
        fate: fate.name(),
        why: why.name(),
        fault: why.fault().map(|fault| fault.name()),
    });
}
