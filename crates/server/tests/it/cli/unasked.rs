//! A call that passes although nobody asked whether its certificate was revoked.
//!
//! ```text
//!     sign ──► Identity header ──► verify, without --crl ──► passed, and a hint that says what was not asked
//! ```

use super::{CALLED, CALLER, Lab};

/// This test verifies that whoever verifies without a revocation list hears that none was asked, and which flag does; and that a token that
/// leads to no certificate is spared the hint.
#[test]
fn what_nobody_asked_is_said() {
    let lab = Lab::new();
    let parties = ["--from", CALLER, "--to", CALLED];
    let passed = lab.verify(lab.identity(&[]), &parties);
    assert_eq!(passed.code, 0, "{passed:?}");
    let hint = "nobody asked whether the certificate was revoked: --crl FILE";
    assert!(passed.out.contains(hint), "{}", passed.out);
    let garbled = lab.verify("not.a.token", &parties);
    assert_ne!(garbled.code, 0, "{garbled:?}");
    assert!(!garbled.out.contains(hint), "{}", garbled.out);
}
