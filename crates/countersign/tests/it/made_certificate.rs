//! Certificates for tests of rules: without any fault as they are made, then broken one field at a time. Nobody signed them.

use const_oid::ObjectIdentifier;
use countersign::certificate::Certificate;
use countersign::certificate::encode::{
    IA5_STRING, PRINTABLE_STRING, SET, UTC_TIME, UTF8_STRING, bit_string, constructed, element,
    integer, named_bits, octet_string, oid, primitive, sequence, yes,
};

/// Key usages, bit 0 the highest.
pub(crate) const DIGITAL_SIGNATURE: u16 = 0x8000;
pub(crate) const NON_REPUDIATION: u16 = 0x4000;
pub(crate) const KEY_CERT_SIGN: u16 = 0x0400;
pub(crate) const CRL_SIGN: u16 = 0x0200;

/// The policies of the SHAKEN certificate policy 1.1, 1.3 and 1.4.
pub(crate) const POLICY_11: &str = "2.16.840.1.114569.1.1.1";
pub(crate) const POLICY_13: &str = "2.16.840.1.114569.1.1.3";
pub(crate) const POLICY_14: &str = "2.16.840.1.114569.1.1.4";

/// Extensions.
pub(crate) const ACCESS: &str = "1.3.6.1.5.5.7.1.1";
pub(crate) const CONSTRAINTS: &str = "1.3.6.1.5.5.7.1.27";
pub(crate) const ENHANCED_CONSTRAINTS: &str = "1.3.6.1.5.5.7.1.33";
pub(crate) const NO_REV_AVAIL: &str = "2.5.29.56";
pub(crate) const AUTHORITY_KEY: &str = "2.5.29.35";
pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const CRL_POINTS: &str = "2.5.29.31";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const POLICIES: &str = "2.5.29.32";
pub(crate) const SUBJECT_KEY: &str = "2.5.29.14";
pub(crate) const TN_AUTH_LIST: &str = "1.3.6.1.5.5.7.1.26";

/// id-ad-stirTNList.
pub(crate) const STIR_TN_LIST: &str = "1.3.6.1.5.5.7.48.14";

/// Signature algorithms.
pub(crate) const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub(crate) const ECDSA_SHA384: &str = "1.2.840.10045.4.3.3";

const KEY: [u8; 20] = [1; 20];
const AUTHORITY: [u8; 20] = [2; 20];

/// Which version number, counted from one, and whether it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
    V3,
}

/// A certificate in the making.
#[derive(Clone)]
pub(crate) struct Made {
    version: Version,
    serial: Vec<u8>,
    algorithm: &'static str,
    issuer: Vec<(&'static str, String)>,
    subject: Vec<(&'static str, String)>,
    issued: &'static str,
    curve: &'static str,
    extensions: Vec<(&'static str, Vec<u8>)>,
}

/// An end entity of the SHAKEN profile, under the policy 1.4.
pub(crate) fn end_entity() -> Made {
    named("SHAKEN 0001", "SHAKEN Intermediate")
        .with(BASIC_CONSTRAINTS, Critical, &sequence(&[]))
        .with(KEY_USAGE, Critical, &named_bits(DIGITAL_SIGNATURE))
        .with(AUTHORITY_KEY, Plain, &authority_key(&AUTHORITY))
        .with(POLICIES, Plain, &policies(&[POLICY_14]))
        .with(
            CRL_POINTS,
            Plain,
            &crl_points(&[(&["http://ca.example/crl"], Issuer::Named)]),
        )
        .with(TN_AUTH_LIST, Plain, &tn_auth_list(&[provider("0001")]))
}

/// An intermediate of the SHAKEN profile, under the policy 1.4.
pub(crate) fn intermediate() -> Made {
    named("SHAKEN Intermediate", "SHAKEN Root")
        .with(BASIC_CONSTRAINTS, Critical, &sequence(&[yes()]))
        .with(KEY_USAGE, Critical, &named_bits(KEY_CERT_SIGN | CRL_SIGN))
        .with(AUTHORITY_KEY, Plain, &authority_key(&AUTHORITY))
        .with(POLICIES, Plain, &policies(&[POLICY_14]))
        .with(
            CRL_POINTS,
            Plain,
            &crl_points(&[(&["http://ca.example/crl"], Issuer::Named)]),
        )
}

/// A root of the SHAKEN profile.
pub(crate) fn root() -> Made {
    named("SHAKEN Root", "SHAKEN Root")
        .with(BASIC_CONSTRAINTS, Critical, &sequence(&[yes()]))
        .with(KEY_USAGE, Critical, &named_bits(KEY_CERT_SIGN | CRL_SIGN))
        .with(AUTHORITY_KEY, Plain, &authority_key(&KEY))
}

fn named(subject: &str, issuer: &str) -> Made {
    let name = |common_name: &str| {
        vec![
            ("2.5.4.6", "US".to_owned()),
            ("2.5.4.10", "Example".to_owned()),
            ("2.5.4.3", common_name.to_owned()),
        ]
    };
    Made {
        version: Version::V3,
        serial: vec![0x11; 16],
        algorithm: ECDSA_SHA256,
        issuer: name(issuer),
        subject: name(subject),
        issued: "250101000000Z",
        curve: "1.2.840.10045.3.1.7",
        extensions: Vec::new(),
    }
    .with(SUBJECT_KEY, Plain, &octet_string(&KEY))
}

/// Whether an extension is critical.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Critical,
    Plain,
}
pub(crate) use Mark::{Critical, Plain};

/// Whether a CRL distribution point names the issuer of the CRL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Issuer {
    Named,
    Unnamed,
}

impl Made {
    /// With this extension, instead of the one there may be.
    pub(crate) fn with(self, kind: &'static str, mark: Mark, value: &[u8]) -> Self {
        let mut made = self.without(kind);
        let critical = match mark {
            Critical => yes(),
            Plain => Vec::new(),
        };
        let der = sequence(&[oid(&identifier(kind)), critical, octet_string(value)]);
        made.extensions.push((kind, der));
        made
    }

    pub(crate) fn without(mut self, kind: &str) -> Self {
        self.extensions.retain(|(other, _)| *other != kind);
        self
    }

    pub(crate) fn under(self, policy: &str) -> Self {
        self.with(POLICIES, Plain, &policies(&[policy]))
    }

    /// With this attribute of the subject, instead of the one there may be.
    pub(crate) fn subject(self, kind: &'static str, text: &str) -> Self {
        self.without_subject(kind).and_subject(kind, text)
    }

    pub(crate) fn and_subject(mut self, kind: &'static str, text: &str) -> Self {
        self.subject.push((kind, text.to_owned()));
        self
    }

    pub(crate) fn without_subject(mut self, kind: &str) -> Self {
        self.subject.retain(|(other, _)| *other != kind);
        self
    }

    pub(crate) fn nameless(mut self) -> Self {
        self.subject.clear();
        self
    }

    /// With the subject for an issuer.
    pub(crate) fn self_issued(mut self) -> Self {
        self.issuer = self.subject.clone();
        self
    }

    pub(crate) fn issuerless(mut self) -> Self {
        self.issuer.clear();
        self
    }

    pub(crate) fn serial(mut self, content: &[u8]) -> Self {
        self.serial = content.to_vec();
        self
    }

    pub(crate) fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn signed_with(mut self, algorithm: &'static str) -> Self {
        self.algorithm = algorithm;
        self
    }

    pub(crate) fn on_p384(mut self) -> Self {
        self.curve = "1.3.132.0.34";
        self
    }

    /// `yymmddhhmmssZ`.
    pub(crate) fn issued(mut self, time: &'static str) -> Self {
        self.issued = time;
        self
    }

    /// The certificate, as a reader has it.
    pub(crate) fn read(&self) -> Certificate {
        let der = self.der();
        Certificate::parse(&der).unwrap_or_else(|bad| panic!("{bad}: {der:02x?}"))
    }

    fn der(&self) -> Vec<u8> {
        let version = match self.version {
            Version::V1 => Vec::new(),
            Version::V2 => element(constructed(0), &integer(&[1])),
            Version::V3 => element(constructed(0), &integer(&[2])),
        };
        let algorithm = sequence(&[oid(&identifier(self.algorithm))]);
        let validity =
            [self.issued, "491231235959Z"].map(|time| element(UTC_TIME, time.as_bytes()));
        let key = sequence(&[
            oid(&identifier("1.2.840.10045.2.1")),
            oid(&identifier(self.curve)),
        ]);
        let extensions: Vec<Vec<u8>> = self.extensions.iter().map(|(_, der)| der.clone()).collect();
        let extensions = match extensions.is_empty() {
            true => Vec::new(),
            false => element(constructed(3), &sequence(&extensions)),
        };
        let tbs = sequence(&[
            version,
            element(2, &self.serial),
            algorithm.clone(),
            name(&self.issuer),
            sequence(&validity),
            name(&self.subject),
            sequence(&[key, bit_string(&[&[4][..], &[7; 64]].concat())]),
            extensions,
        ]);
        sequence(&[tbs, algorithm, bit_string(&[0])])
    }
}

fn identifier(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new(text).unwrap()
}

fn name(attributes: &[(&'static str, String)]) -> Vec<u8> {
    let sets = attributes.iter().map(|(kind, text)| {
        let tag = match *kind {
            "2.5.4.6" | "2.5.4.5" => PRINTABLE_STRING,
            _ => UTF8_STRING,
        };
        element(
            SET,
            &sequence(&[oid(&identifier(kind)), element(tag, text.as_bytes())]),
        )
    });
    sequence(&sets.collect::<Vec<_>>())
}

pub(crate) fn authority_key(key: &[u8]) -> Vec<u8> {
    sequence(&[element(primitive(0), key)])
}

pub(crate) fn policies(kinds: &[&str]) -> Vec<u8> {
    let each = kinds.iter().map(|kind| sequence(&[oid(&identifier(kind))]));
    sequence(&each.collect::<Vec<_>>())
}

pub(crate) fn crl_points(points: &[(&[&str], Issuer)]) -> Vec<u8> {
    let each = points.iter().map(|(urls, issuer)| {
        let urls = urls.iter().map(|url| element(primitive(6), url.as_bytes()));
        let full_name = element(constructed(0), &urls.collect::<Vec<_>>().concat());
        let issuer = match issuer {
            Issuer::Named => {
                let directory_name =
                    element(constructed(4), &name(&[("2.5.4.3", "CRL".to_owned())]));
                element(constructed(2), &directory_name)
            }
            Issuer::Unnamed => Vec::new(),
        };
        sequence(&[element(constructed(0), &full_name), issuer])
    });
    sequence(&each.collect::<Vec<_>>())
}

pub(crate) fn tn_auth_list(entries: &[Vec<u8>]) -> Vec<u8> {
    sequence(entries)
}

/// A TNEntry that names a provider.
pub(crate) fn provider(code: &str) -> Vec<u8> {
    element(constructed(0), &element(IA5_STRING, code.as_bytes()))
}

/// A TNEntry of one number.
pub(crate) fn number(digits: &str) -> Vec<u8> {
    element(constructed(2), &element(IA5_STRING, digits.as_bytes()))
}

/// Claim constraints of either kind.
pub(crate) fn constraints(included: &[&str], excluded: &[&str]) -> Vec<u8> {
    let part = |tag: u8, names: &[&str]| match names {
        [] => Vec::new(),
        names => {
            let each = names
                .iter()
                .map(|name| element(IA5_STRING, name.as_bytes()));
            element(constructed(tag), &sequence(&each.collect::<Vec<_>>()))
        }
    };
    sequence(&[part(0, included), part(2, excluded)])
}

/// Authority information access: one method, and where it leads.
pub(crate) fn access(method: &str, url: &str) -> Vec<u8> {
    let location = element(primitive(6), url.as_bytes());
    sequence(&[sequence(&[oid(&identifier(method)), location])])
}
