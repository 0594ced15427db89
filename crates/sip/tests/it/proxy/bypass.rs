//! Calls that our own service failed, and the token that tells whoever comes next that it was us.
//!
//! ```text
//!   caller              proxy                      callee
//!     │ INVITE ──────────▶│ ⇄ host: cannot sign,     │
//!     │                   │   or too late            │
//!     │                   │ INVITE + token ─────────▶│
//! ```

use super::{Sent, Table, invite, trunk};
use countersign::verification::{Fault, Verdict};
use countersign_sip::element::Input;
use countersign_sip::trunk::{
    Bypass, BypassCause, Mode, RedirectDialect, RedirectForm, Role, Treatment, Trunk,
};
use std::sync::Arc;

const TOKEN: &str = "a-secret-of-both";
const THEIRS: &str = "p-identity-bypass: forged\r\n";

fn bypassing(role: Role, on: &[BypassCause]) -> Trunk {
    let mut trunk = trunk();
    trunk.role = role;
    trunk.bypass = Some(Arc::new(Bypass {
        header: "P-Identity-Bypass".into(),
        token: TOKEN.into(),
        on: on.to_vec(),
    }));
    trunk
}

fn redirected(mut trunk: Trunk, form: RedirectForm) -> Trunk {
    trunk.next_hops.clear();
    trunk.mode = Mode::Redirect(RedirectDialect {
        form,
        ..RedirectDialect::default()
    });
    trunk
}

const ALL: [BypassCause; 3] = [
    BypassCause::DeadlineExpired,
    BypassCause::NotVerifiable,
    BypassCause::SigningFailed,
];

fn cannot_sign(table: &mut Table) {
    let id = table.sign[0].id;
    table.handle(Input::SigningFailed { id });
}

/// The values of the token's header in the last message sent, and the cause that was told.
fn told(mut table: Table) -> (Sent, Vec<String>, Option<BypassCause>) {
    let sent = table.sent().pop().unwrap();
    if sent.first_line().starts_with("INVITE") {
        table.answer(&sent, "200 OK");
    }
    let values: Vec<_> = ["P-Identity-Bypass", "p-identity-bypass"]
        .iter()
        .flat_map(|name| sent.values(name))
        .map(str::to_owned)
        .collect();
    let cause = table.finished().bypass;
    (sent, values, cause)
}

/// This test verifies that a call that we could not sign goes on with our token, and with nobody else's.
#[test]
fn case79_signing_failed() {
    let mut table = Table::new(bypassing(Role::Sign, &ALL));
    table.caller(&invite(THEIRS));
    cannot_sign(&mut table);
    let (sent, values, cause) = told(table);
    assert_eq!(values, [TOKEN]);
    assert_eq!(cause, Some(BypassCause::SigningFailed));
    assert!(sent.values("Identity").is_empty());
}

/// This test verifies that a signature that comes too late, or a verdict, is our failure, too.
#[test]
fn case79_the_deadline_has_expired() {
    for role in [Role::Sign, Role::Verify] {
        let mut table = Table::new(bypassing(role, &ALL));
        table.caller(&invite("Identity: \r\n"));
        table.wait(600);
        let (_, values, cause) = told(table);
        assert_eq!(values, [TOKEN], "{role:?}");
        assert_eq!(cause, Some(BypassCause::DeadlineExpired), "{role:?}");
    }
}

/// This test verifies which verdicts are our failure: those for which something could not be had, and no others.
#[test]
fn case79_a_verification_that_could_not_be_made() {
    for (verdict, values) in [
        (
            Verdict::NotValidated(Fault::CertificateUnavailable),
            vec![TOKEN],
        ),
        (Verdict::NotValidated(Fault::RevocationUnknown), vec![TOKEN]),
        (Verdict::NotValidated(Fault::DeadlineExpired), vec![TOKEN]),
        (Verdict::NotValidated(Fault::CallerUnknown), vec![]),
        (Verdict::NotValidated(Fault::TooManyIdentityHeaders), vec![]),
        (Verdict::Failed(Fault::SignatureInvalid), vec![]),
        (Verdict::Unsigned, vec![]),
        (Verdict::Passed, vec![]),
    ] {
        let mut table = Table::new(bypassing(Role::Verify, &ALL));
        table.caller(&invite(THEIRS));
        table.judged(verdict);
        assert_eq!(told(table).1, values, "{verdict:?}");
    }
}

/// This test verifies that what the caller does not deserve is no failure of ours, and that a forged token ends here in any case.
#[test]
fn no_token_for_what_nobody_failed() {
    let mut table = Table::new(bypassing(Role::Sign, &ALL));
    table.caller(&invite(THEIRS));
    table.signed(None);
    let (_, values, cause) = told(table);
    assert!(values.is_empty());
    assert_eq!(cause, None);
    let mut table = Table::new(bypassing(Role::None, &ALL));
    table.caller(&invite(THEIRS));
    assert!(told(table).1.is_empty());
}

/// This test verifies that the token is put on for the causes that the trunk names, and for no others.
#[test]
fn only_the_causes_that_are_named() {
    let mut table = Table::new(bypassing(Role::Sign, &[BypassCause::DeadlineExpired]));
    table.caller(&invite(""));
    cannot_sign(&mut table);
    let (_, values, cause) = told(table);
    assert!(values.is_empty());
    assert_eq!(cause, None);
}

/// This test verifies that a switch that asks gets the token back, where it gets everything else.
#[test]
fn case79_a_switch_gets_the_token_back() {
    for form in [RedirectForm::Header, RedirectForm::XHeaders] {
        let mut table = Table::new(redirected(bypassing(Role::Sign, &ALL), form));
        table.caller(&invite(""));
        cannot_sign(&mut table);
        let (sent, values, _) = told(table);
        assert_eq!(sent.first_line(), "SIP/2.0 302 Moved Temporarily");
        assert_eq!(values, [TOKEN]);
    }
    let trunk = redirected(bypassing(Role::Sign, &ALL), RedirectForm::Contact);
    let mut table = Table::new(trunk);
    table.caller(&invite(""));
    cannot_sign(&mut table);
    let (sent, values, _) = told(table);
    assert!(values.is_empty());
    let inside = format!("?P-Identity-Bypass={TOKEN}>");
    assert!(
        sent.values("Contact")[0].ends_with(&inside),
        "{}",
        sent.text
    );
}

/// This test verifies that a call that is rejected because it could not be validated is rejected, token or not, and that the secret is
/// not in what is printed for people.
#[test]
fn a_rejected_call_has_no_token() {
    let mut trunk = bypassing(Role::Verify, &ALL);
    trunk.treatment = Treatment::Reject {
        not_validated: countersign_sip::trunk::Leniency::Reject,
        unsigned: Default::default(),
    };
    assert!(!format!("{trunk:?}").contains(TOKEN));
    let mut table = Table::new(trunk);
    table.caller(&invite(""));
    table.judged(Verdict::NotValidated(Fault::CertificateUnavailable));
    let (sent, values, cause) = told(table);
    assert_eq!(sent.first_line(), "SIP/2.0 436 Bad Identity Info");
    assert!(values.is_empty());
    assert_eq!(cause, None);
}
