//! Rules of our own, of the RFCs that have no public ones: claim constraints, delegation, certificates that are never revoked.
//! One rule a file, named after it; `claims` reads what several of them look at.

mod claims;
pub(super) mod e_stir_claim_constraints_malformed;
pub(super) mod e_stir_claim_constraints_twice;
pub(super) mod e_stir_delegate_without_authority_key;
pub(super) mod e_stir_must_exclude_baseline;
pub(super) mod e_stir_no_rev_avail_conflict;
pub(super) mod e_stir_tn_auth_list_malformed;
pub(super) mod w_stir_claim_constraints_contradict;
pub(super) mod w_stir_claim_constraints_of_authority;
pub(super) mod w_stir_must_exclude_rcdi;
pub(super) mod w_stir_must_include_baseline;
pub(super) mod w_stir_tn_auth_list_twice;
