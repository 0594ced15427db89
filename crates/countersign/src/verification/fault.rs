//! The glossary of everything that can be wrong with a call's proof, and the one table of what each means outside.
//!
//! A [`Fault`] is a cause: one word, one sentence, one row of [`TABLE`]. The row says whether the proof *failed* or could
//! merely not be *validated*, which SIP code answers it, which `verstat` it leaves in each profile and what logs, metrics and
//! JSON call it. Nothing else in the product may decide any of that.
//!
//! The evidence (which number, how many seconds) is not here but in [`super::report`]; the choice among several faults of one
//! call is in [`super::policy::Order`].

use std::fmt;

/// What a fault does to the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A check was made and the proof did not pass it.
    Failed,
    /// A check could not be made: nobody's proof, neither good nor bad.
    NotValidated,
}

/// The answers of [RFC 8224 §6.2.2](https://www.rfc-editor.org/rfc/rfc8224#section-6.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// 403: the request or the PASSporT is too old, or from the future.
    StaleDate,
    /// 428: an Identity header is required and there is none that could be used.
    UseIdentityHeader,
    /// 436: the credential could not be acquired.
    BadIdentityInfo,
    /// 437: the credential was acquired, but it is not supported or not trusted for this.
    UnsupportedCredential,
    /// 438: no valid PASSporT.
    InvalidIdentityHeader,
}

impl Code {
    /// The number of the status line.
    pub const fn number(self) -> u16 {
        match self {
            Self::StaleDate => 403,
            Self::UseIdentityHeader => 428,
            Self::BadIdentityInfo => 436,
            Self::UnsupportedCredential => 437,
            Self::InvalidIdentityHeader => 438,
        }
    }

    /// The reason phrase, which is the ATIS-1000082 reason text, too.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::StaleDate => "Stale Date",
            Self::UseIdentityHeader => "Use Identity Header",
            Self::BadIdentityInfo => "Bad Identity Info",
            Self::UnsupportedCredential => "Unsupported Credential",
            Self::InvalidIdentityHeader => "Invalid Identity Header",
        }
    }
}

/// What the called side is told about the calling number (3GPP TS 24.229 §7.2A.20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verstat {
    /// The number was validated, and the proof is bad.
    Failed,
    /// The number was not validated.
    NoValidation,
    /// The number was validated, and the proof is good.
    Passed,
}

impl Verstat {
    /// The value of the `verstat` parameter.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Failed => "TN-Validation-Failed",
            Self::NoValidation => "No-TN-Validation",
            Self::Passed => "TN-Validation-Passed",
        }
    }
}

impl fmt::Display for Verstat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Whose reading of "failed" the `verstat` follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerstatProfile {
    /// ATIS-1000082: only faults of the path and of the signature are `TN-Validation-Failed`. The default.
    #[default]
    Atis1000082,
    /// What is found in the field: every failure is `TN-Validation-Failed`.
    Field,
}

/// One row of [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The fault that the row is about.
    pub fault: Fault,
    /// Failed, or not validated.
    pub standing: Standing,
    /// The SIP answer and the ATIS reason code.
    pub code: Code,
    /// `verstat` under [`VerstatProfile::Atis1000082`].
    pub atis: Verstat,
    /// `verstat` under [`VerstatProfile::Field`].
    pub field: Verstat,
    /// The name in logs, metrics and JSON: kebab case, kept once given.
    pub name: &'static str,
    /// One sentence for people.
    pub sentence: &'static str,
}

/// One list makes the enum, its names and the table, so that none of them can be forgotten.
macro_rules! faults {
    ($( #[doc = $sentence:literal] $fault:ident $name:literal $standing:ident $code:ident $atis:ident; )*) => {
        /// Why a proof failed, or why it could not be validated. Alphabetical.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $( #[doc = $sentence] $fault, )*
        }

        impl Fault {
            /// Every fault there is, in alphabetical order.
            pub const ALL: &'static [Fault] = &[$( Fault::$fault, )*];

            /// The row of [`TABLE`] about this fault.
            pub const fn row(self) -> &'static Row {
                match self {
                    $( Self::$fault => const { &Row {
                        fault: Fault::$fault,
                        standing: Standing::$standing,
                        code: Code::$code,
                        atis: Verstat::$atis,
                        field: field_verstat(Standing::$standing),
                        name: $name,
                        sentence: $sentence.trim_ascii(),
                    } }, )*
                }
            }
        }

        /// Every fault with what it means to the world outside: the one table that SIP answers, `verstat`, HTTP reasons,
        /// logs, metrics and the manual are made from.
        pub const TABLE: &[&Row] = &[$( Fault::$fault.row(), )*];
    };
}

/// In the field profile the standing alone decides.
const fn field_verstat(standing: Standing) -> Verstat {
    match standing {
        Standing::Failed => Verstat::Failed,
        Standing::NotValidated => Verstat::NoValidation,
    }
}

faults! {
    /// The alg parameter of the Identity header is not the alg of the token.
    AlgMismatch "alg-mismatch" Failed InvalidIdentityHeader NoValidation;
    /// The token's header has no alg.
    AlgMissing "alg-missing" Failed BadIdentityInfo NoValidation;
    /// The token is not signed with ES256.
    AlgUnsupported "alg-unsupported" Failed UnsupportedCredential NoValidation;
    /// Nobody has signed the answer.
    AnswerAbsent "answer-absent" NotValidated UseIdentityHeader NoValidation;
    /// Several have signed the answer who say that different numbers were reached.
    AnswerUnclear "answer-unclear" NotValidated InvalidIdentityHeader NoValidation;
    /// Somebody else has answered than was called, and nobody has signed for how the call came there.
    AnswerUnexpected "answer-unexpected" Failed InvalidIdentityHeader NoValidation;
    /// The attestation is none of A, B and C.
    AttestInvalid "attest-invalid" Failed InvalidIdentityHeader NoValidation;
    /// A shaken token without attestation.
    AttestMissing "attest-missing" Failed InvalidIdentityHeader NoValidation;
    /// The token, or the header around it, is larger than what we read.
    BeyondLimits "beyond-limits" NotValidated InvalidIdentityHeader NoValidation;
    /// The signalling names no called party to compare the token with.
    CalledPartyUnknown "called-party-unknown" NotValidated InvalidIdentityHeader NoValidation;
    /// The signalling names no caller to compare the token with.
    CallerUnknown "caller-unknown" NotValidated InvalidIdentityHeader NoValidation;
    /// A certificate of the path has expired.
    CertificateExpired "certificate-expired" Failed UnsupportedCredential Failed;
    /// A certificate of the path is not valid yet.
    CertificateNotYetValid "certificate-not-yet-valid" Failed UnsupportedCredential Failed;
    /// The certificate could not be had.
    CertificateUnavailable "certificate-unavailable" NotValidated BadIdentityInfo NoValidation;
    /// The certificate has a key, an algorithm or a critical extension that we do not support.
    CertificateUnsupported "certificate-unsupported" NotValidated UnsupportedCredential NoValidation;
    /// Another PASSporT of the chain of diversions is bad.
    ChainBroken "chain-broken" Failed InvalidIdentityHeader NoValidation;
    /// A PASSporT of the chain of diversions is not there, or cannot be read.
    ChainIncomplete "chain-incomplete" NotValidated InvalidIdentityHeader NoValidation;
    /// The PASSporTs of a diverted call make no chain.
    ChainInvalid "chain-invalid" Failed InvalidIdentityHeader NoValidation;
    /// The call was diverted from somebody more than once, so that its way cannot be told.
    ChainUnclear "chain-unclear" NotValidated InvalidIdentityHeader NoValidation;
    /// Another PASSporT of the chain of diversions could not be validated.
    ChainUnproven "chain-unproven" NotValidated InvalidIdentityHeader NoValidation;
    /// The token's payload is not the JSON object that a PASSporT has.
    ClaimsMalformed "claims-malformed" Failed InvalidIdentityHeader NoValidation;
    /// The compact form, where the full form is required.
    CompactForm "compact-form" Failed InvalidIdentityHeader NoValidation;
    /// The compact form, where the signalling does not tell what to rebuild it from.
    CompactNotRebuilt "compact-not-rebuilt" NotValidated InvalidIdentityHeader NoValidation;
    /// The token claims something that its certificate forbids, or lacks what it demands.
    ConstraintsViolated "constraints-violated" Failed InvalidIdentityHeader NoValidation;
    /// The token's header demands an extension of JWS that we do not know.
    CritUnsupported "crit-unsupported" Failed InvalidIdentityHeader NoValidation;
    /// The Date header is too far from now.
    DateStale "date-stale" Failed StaleDate NoValidation;
    /// The call could not wait any longer for what the proof needed.
    DeadlineExpired "deadline-expired" NotValidated BadIdentityInfo NoValidation;
    /// A certificate below the first one with a scope of numbers has none of its own.
    DelegationGap "delegation-gap" Failed UnsupportedCredential Failed;
    /// The dest claim is empty or not what a dest claim is.
    DestInvalid "dest-invalid" Failed InvalidIdentityHeader NoValidation;
    /// The token was made for a call to somebody else.
    DestMismatch "dest-mismatch" Failed InvalidIdentityHeader NoValidation;
    /// The token has no dest claim.
    DestMissing "dest-missing" Failed InvalidIdentityHeader NoValidation;
    /// The div or opt claim is not what it must be.
    DivInvalid "div-invalid" Failed InvalidIdentityHeader NoValidation;
    /// A diverted token without the claim that says from whom, or without the token before it.
    DivMissing "div-missing" Failed InvalidIdentityHeader NoValidation;
    /// A JSON object of the token has two members of one name.
    DuplicateMember "duplicate-member" Failed InvalidIdentityHeader NoValidation;
    /// The token's header is not the JSON object that a PASSporT has.
    HeaderMalformed "header-malformed" Failed InvalidIdentityHeader NoValidation;
    /// The token claims a time in the future.
    IatInFuture "iat-in-future" Failed StaleDate NoValidation;
    /// The iat claim is not an integer.
    IatInvalid "iat-invalid" Failed InvalidIdentityHeader NoValidation;
    /// The token has no iat claim.
    IatMissing "iat-missing" Failed InvalidIdentityHeader NoValidation;
    /// The token claims a time at which its certificate was not valid.
    IatOutsideValidity "iat-outside-validity" Failed UnsupportedCredential Failed;
    /// The token is too old.
    IatStale "iat-stale" Failed StaleDate NoValidation;
    /// The Identity header does not follow its grammar.
    IdentityMalformed "identity-malformed" Failed InvalidIdentityHeader NoValidation;
    /// The info parameter of the Identity header holds no URI.
    InfoInvalid "info-invalid" Failed BadIdentityInfo NoValidation;
    /// The info parameter of the Identity header is not the x5u of the token.
    InfoMismatch "info-mismatch" Failed BadIdentityInfo NoValidation;
    /// The Identity header has no info parameter.
    InfoMissing "info-missing" Failed BadIdentityInfo NoValidation;
    /// The mky claim is not what it must be.
    MediaKeysInvalid "media-keys-invalid" Failed InvalidIdentityHeader NoValidation;
    /// The keys of the media are not those that were signed.
    MediaKeysMismatch "media-keys-mismatch" Failed InvalidIdentityHeader NoValidation;
    /// The token does not sign the keys of the media, and must.
    MediaKeysMissing "media-keys-missing" Failed InvalidIdentityHeader NoValidation;
    /// No trust domain judges calls of this trunk and this caller.
    NoTrustDomain "no-trust-domain" NotValidated UnsupportedCredential NoValidation;
    /// The certificate may not speak for who was signed for.
    NotCovered "not-covered" Failed UnsupportedCredential Failed;
    /// A check that the proof rests on was not made.
    NotExamined "not-examined" NotValidated InvalidIdentityHeader NoValidation;
    /// What the number authority knows is too old to tell whether the number is the signing provider's.
    NumberAuthorityStale "number-authority-stale" NotValidated UnsupportedCredential NoValidation;
    /// The number authority could not be asked whether the number is the signing provider's.
    NumberAuthorityUnavailable "number-authority-unavailable" NotValidated UnsupportedCredential NoValidation;
    /// The number authority does not know whether the number is the signing provider's.
    NumberAuthorityUnknown "number-authority-unknown" NotValidated UnsupportedCredential NoValidation;
    /// The orig claim is not exactly one number or one URI.
    OrigInvalid "orig-invalid" Failed InvalidIdentityHeader NoValidation;
    /// The token was made for a call from somebody else.
    OrigMismatch "orig-mismatch" Failed InvalidIdentityHeader NoValidation;
    /// The token has no orig claim.
    OrigMissing "orig-missing" Failed InvalidIdentityHeader NoValidation;
    /// The origination identifier is not a UUID.
    OrigidInvalid "origid-invalid" Failed InvalidIdentityHeader NoValidation;
    /// A shaken token without origination identifier.
    OrigidMissing "origid-missing" Failed InvalidIdentityHeader NoValidation;
    /// The token is not three parts of base64url.
    PassportMalformed "passport-malformed" Failed InvalidIdentityHeader NoValidation;
    /// The certificates do not form a path: names, signatures or the rights of a CA are wrong.
    PathInvalid "path-invalid" Failed UnsupportedCredential Failed;
    /// The path ends at no anchor that is trusted here.
    PathUntrusted "path-untrusted" Failed UnsupportedCredential Failed;
    /// The ppt parameter of the Identity header is not the ppt of the token.
    PptMismatch "ppt-mismatch" Failed InvalidIdentityHeader NoValidation;
    /// The token's header has no ppt, and policy demands one.
    PptMissing "ppt-missing" Failed BadIdentityInfo NoValidation;
    /// The token is of a PASSporT type that we do not support.
    PptUnsupported "ppt-unsupported" Failed InvalidIdentityHeader NoValidation;
    /// No list says who may sign for a namespace of the token.
    PriorityAuthorityUnknown "priority-authority-unknown" NotValidated UnsupportedCredential NoValidation;
    /// The rph or sph claim is not what it must be.
    PriorityInvalid "priority-invalid" Failed InvalidIdentityHeader NoValidation;
    /// A token about priority without the claim that says which.
    PriorityMissing "priority-missing" Failed InvalidIdentityHeader NoValidation;
    /// A token speaks of emergency services, and the call is neither to them nor a marked call-back from them.
    PriorityMisused "priority-misused" Failed InvalidIdentityHeader NoValidation;
    /// The signer of priority is not one of those who may sign for its namespace.
    PrioritySignerRefused "priority-signer-refused" Failed UnsupportedCredential NoValidation;
    /// The same signature was seen before.
    Replayed "replayed" Failed InvalidIdentityHeader NoValidation;
    /// Whether a certificate of the path was revoked could not be found out, and policy demands it.
    RevocationUnknown "revocation-unknown" NotValidated UnsupportedCredential NoValidation;
    /// A certificate of the path was revoked.
    Revoked "revoked" Failed UnsupportedCredential Failed;
    /// A claim of rich call data is not what it must be.
    RichDataInvalid "rich-data-invalid" Failed InvalidIdentityHeader NoValidation;
    /// A token of rich call data, or digests of it, without the data.
    RichDataMissing "rich-data-missing" Failed InvalidIdentityHeader NoValidation;
    /// A third party signs rich call data in another name than its certificate has.
    RichIssuerMismatch "rich-issuer-mismatch" Failed UnsupportedCredential NoValidation;
    /// A third party that is not on the list of those trusted signs rich call data.
    RichSignerUntrusted "rich-signer-untrusted" NotValidated UnsupportedCredential NoValidation;
    /// The certificate is good, and nobody says that the number is still one of its numbers.
    ScopeUnconfirmed "scope-unconfirmed" NotValidated UnsupportedCredential NoValidation;
    /// The token is not serialized as RFC 8225 §9 says, and policy demands it.
    SerializationNotCanonical "serialization-not-canonical" Failed InvalidIdentityHeader NoValidation;
    /// The signature is not of the certificate's key over this token.
    SignatureInvalid "signature-invalid" Failed InvalidIdentityHeader Failed;
    /// The signature is not the 64 bytes that ES256 makes.
    SignatureMalformed "signature-malformed" Failed InvalidIdentityHeader Failed;
    /// Nobody whom we trust vouches for the signer, who protects the media and proves no identity.
    SignerUnknown "signer-unknown" NotValidated UnsupportedCredential NoValidation;
    /// The staple of the token is not the word of who may speak for this certificate and this number.
    StapleInvalid "staple-invalid" Failed UnsupportedCredential Failed;
    /// Whether the certificate is still good could not be found out, and policy demands it.
    StatusUnavailable "status-unavailable" NotValidated UnsupportedCredential NoValidation;
    /// The responder does not know the certificate.
    StatusUnknown "status-unknown" Failed UnsupportedCredential Failed;
    /// A list of numbers that a certificate of the path points to could not be had.
    TnAuthListUnavailable "tn-auth-list-unavailable" NotValidated BadIdentityInfo NoValidation;
    /// More Identity headers than one request may have, so none was judged.
    TooManyIdentityHeaders "too-many-identity-headers" NotValidated InvalidIdentityHeader NoValidation;
    /// The typ of the token is not passport.
    TypInvalid "typ-invalid" Failed UnsupportedCredential NoValidation;
    /// The token's header has no typ.
    TypMissing "typ-missing" Failed BadIdentityInfo NoValidation;
    /// The path ends at an anchor of a trust domain that does not judge this call.
    WrongTrustDomain "wrong-trust-domain" Failed UnsupportedCredential Failed;
    /// The x5c is not a list of certificates.
    X5cInvalid "x5c-invalid" Failed UnsupportedCredential NoValidation;
    /// The x5u is not a URL that a certificate may be fetched from.
    X5uInvalid "x5u-invalid" Failed BadIdentityInfo NoValidation;
    /// The token's header has no x5u.
    X5uMissing "x5u-missing" Failed BadIdentityInfo NoValidation;
}

impl Fault {
    /// Failed, or not validated.
    pub const fn standing(self) -> Standing {
        self.row().standing
    }

    /// The SIP answer and the ATIS reason code.
    pub const fn code(self) -> Code {
        self.row().code
    }

    /// The name in logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// One sentence for people.
    pub const fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// What the called side is told.
    pub const fn verstat(self, profile: VerstatProfile) -> Verstat {
        match profile {
            VerstatProfile::Atis1000082 => self.row().atis,
            VerstatProfile::Field => self.row().field,
        }
    }
}

impl fmt::Display for Fault {
    /// The sentence, without its full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence().trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glossary_is_alphabetical_and_names_are_the_variants_in_kebab_case() {
        let names: Vec<_> = TABLE.iter().map(|row| format!("{:?}", row.fault)).collect();
        assert!(names.is_sorted(), "{names:?}");
        for row in TABLE {
            let mut kebab = String::new();
            for character in format!("{:?}", row.fault).chars() {
                if character.is_ascii_uppercase() && !kebab.is_empty() {
                    kebab.push('-');
                }
                kebab.push(character.to_ascii_lowercase());
            }
            assert_eq!(row.name, kebab);
            assert!(row.sentence.ends_with('.'), "{}", row.sentence);
            assert_eq!(row.fault.row(), *row);
        }
        assert_eq!(TABLE.len(), Fault::ALL.len());
    }

    #[test]
    fn no_proof_that_could_not_be_made_is_told_as_failed() {
        for row in TABLE {
            if row.standing == Standing::NotValidated {
                assert_eq!(row.atis, Verstat::NoValidation, "{}", row.name);
                assert_eq!(row.field, Verstat::NoValidation, "{}", row.name);
            } else {
                assert_eq!(row.field, Verstat::Failed, "{}", row.name);
            }
            assert_ne!(row.atis, Verstat::Passed);
        }
    }

    /// The codes of ATIS-1000082 by its case numbers, as public implementations print them.
    #[test]
    fn digest12_e3_to_e19_codes_and_verstat() {
        use Fault::*;
        let cases: &[(&str, u16, &[Fault])] = &[
            ("E3", 403, &[DateStale]),
            ("E4", 438, &[CompactForm, CompactNotRebuilt]),
            ("E5", 438, &[PptUnsupported, PptMismatch]),
            ("E6", 436, &[InfoMissing]),
            ("E7", 436, &[InfoInvalid, X5uInvalid]),
            (
                "E8",
                436,
                &[
                    CertificateUnavailable,
                    DeadlineExpired,
                    TnAuthListUnavailable,
                ],
            ),
            ("E9", 436, &[PptMissing, TypMissing, X5uMissing, AlgMissing]),
            ("E10", 436, &[InfoMismatch]),
            ("E11", 437, &[TypInvalid]),
            ("E12", 437, &[AlgUnsupported]),
            ("E13", 438, &[PptUnsupported]),
            (
                "E14",
                438,
                &[
                    DestMissing,
                    OrigMissing,
                    AttestMissing,
                    OrigidMissing,
                    IatMissing,
                ],
            ),
            ("E15", 403, &[IatStale, IatInFuture]),
            ("E16", 438, &[OrigMismatch, DestMismatch]),
            (
                "E17",
                437,
                &[
                    PathInvalid,
                    PathUntrusted,
                    CertificateExpired,
                    Revoked,
                    WrongTrustDomain,
                    NotCovered,
                ],
            ),
            ("E18", 438, &[SignatureInvalid]),
            ("E19", 438, &[AttestInvalid]),
        ];
        for (case, code, faults) in cases {
            for fault in *faults {
                assert_eq!(fault.code().number(), *code, "{case} {}", fault.name());
                let validated = matches!(*case, "E17" | "E18");
                let verstat = fault.verstat(VerstatProfile::Atis1000082);
                assert_eq!(
                    verstat == Verstat::Failed,
                    validated,
                    "{case} {}",
                    fault.name()
                );
            }
        }
    }

    #[test]
    fn rfc8224_phrases() {
        assert_eq!(Fault::IatStale.code().phrase(), "Stale Date");
        assert_eq!(Fault::X5uMissing.code().phrase(), "Bad Identity Info");
        assert_eq!(Fault::NotCovered.code().phrase(), "Unsupported Credential");
        assert_eq!(
            Fault::DestMismatch.code().phrase(),
            "Invalid Identity Header"
        );
        assert_eq!(Code::UseIdentityHeader.phrase(), "Use Identity Header");
        assert_eq!(Code::UseIdentityHeader.number(), 428);
    }
}
