//! The `rsp` extension, [RFC 9970 §9](https://www.rfc-editor.org/rfc/rfc9970#section-9): who answered.
//!
//! It stands in responses only and adds no claim; what is different is who signs. How an answer is signed is said in `authentication`,
//! how it is judged in `verification`.

/// The value of `ppt` for this extension.
// RFC 9970 §9: "The payload of an "rsp" PASSporT looks entirely like a normal PASSporT -- the only difference is in semantics, as the
// PASSporT is signed to authenticate the "dest" claim value rather than the "orig"."
pub const RSP: &str = "rsp";
