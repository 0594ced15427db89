//! What deserves a thought about trunks whose answers are signed and checked.

use super::super::place::{AnswerConcern, Concern, Warning};
use super::super::trunk::TrunkSettings;
use countersign::verification::policy::{ProviderNumbersPolicy, VerificationPolicy};
use countersign_sip::trunk::{AnswerChecking, MediaSecurity, MidDialog, Mode, Role, Trunk};

/// What the settings of one trunk want, and cannot have.
pub(super) fn concerns(
    trunk: &TrunkSettings,
    policy: &VerificationPolicy,
) -> impl Iterator<Item = Warning> {
    let check = trunk.trunk.connected.as_ref().map(|all| all.check);
    let is_checked = checks(&trunk.trunk);
    let has_to_hold = check == Some(AnswerChecking::Require);
    let is_signed = matches!(trunk.trunk.role, Role::Sign | Role::Both);
    let holds = matches!(trunk.trunk.mode, Mode::B2bua(_));
    let connected = trunk.trunk.connected.as_ref();
    let needs_keys = connected.is_some_and(|all| all.media == MediaSecurity::Required);
    let enforced = connected.is_some_and(|all| all.mid_dialog == MidDialog::Enforced);
    let by_code = policy.provider_answers.unwrap_or(policy.provider_numbers);
    let is_accepted = by_code == ProviderNumbersPolicy::AcceptIfIssuedByTrustedCa;
    let concerns = [
        (
            (has_to_hold || enforced) && is_accepted,
            AnswerConcern::AnyProvider,
        ),
        (is_checked && !is_signed, AnswerConcern::OfOthers),
        (has_to_hold && !holds, AnswerConcern::NotHeld),
        (needs_keys && !holds, AnswerConcern::KeysOnce),
    ];
    let concerns = concerns.into_iter().filter(|(is_one, _)| *is_one);
    concerns.map(|(_, concern)| trunk.name.warning(Concern::Answers(concern)))
}

/// Whether answers to the calls of a trunk are checked.
pub(super) fn checks(trunk: &Trunk) -> bool {
    let connected = trunk.connected.as_deref();
    connected.is_some_and(|connected| connected.check != AnswerChecking::Off)
}
