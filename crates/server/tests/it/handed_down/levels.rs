//! The whole way down, and what is refused on it.

use super::{Authority, Ground, OWN_LIST, certified, chain, done, openssl, run};
use crate::peers::Workspace;
use countersign::certificate::CertificateChain;
use serde_json::Value;

/// Everybody from the top to the one number, each certified by the one above.
pub(super) struct Levels {
    pub(super) ground: Ground,
    /// Those above serve as long as this.
    _above: [Authority; 2],
    pub(super) reseller: Authority,
    /// The customer's own folder: `ca` is its authority, `one` signs for one number.
    pub(super) customer: Workspace,
}

/// The number at the bottom.
pub(super) const ONE: &str = "12025550112";
/// The one beside it, which is the customer's, too.
pub(super) const TWO: &str = "12025550113";

/// Where the customer would publish what it revokes.
const LIST: &str = "https://customer.example/crl/ca.crl";

impl Levels {
    #[track_caller]
    pub(super) fn new() -> Self {
        let ground = Ground::new();
        let top = Authority::top(&ground);
        let below = |above: &Authority, (who, name): (&str, &str), what: &[&str], how: &[&str]| {
            let folder = Workspace::new(who);
            above.account(who, &[what, &["--may-certify"]].concat(), &folder);
            let wish = [&["--name", name], what, how].concat();
            let told = above.enrolled_with_approval(&ground, &folder, (who, "ca"), &wish);
            (folder, told)
        };
        let code = ["--spc", "1234"];
        let life = ["--path-length", "2", "--days", "60"];
        let (folder, _) = below(&top, ("sca", "SHAKEN 1234 STI-SCA"), &code, &life);
        let provider = Authority::below(&ground, folder, "1234");

        let range = ["--numbers", "12025550100-12025550149"];
        let life = ["--path-length", "1", "--days", "30"];
        let (folder, told) = below(&provider, ("reseller", "SHAKEN Reseller CA"), &range, &life);
        assert_eq!(told["tnauthlist"][0], "12025550100+50");
        let reseller = Authority::below(&ground, folder, "12025550100");

        let part = ["--numbers", "12025550110-12025550119"];
        let (customer, _) = below(
            &reseller,
            ("customer", "SHAKEN Customer CA"),
            &part,
            &["--days", "20"],
        );
        let how = ["--profile", "delegate", "--days", "10", "--crl-url", LIST];
        certified(
            customer.path(),
            "ca",
            "one",
            "SHAKEN one number",
            &["--numbers", ONE],
            &how,
        );
        Self {
            ground,
            _above: [top, provider],
            reseller,
            customer,
        }
    }

    /// The path that the customer publishes.
    pub(super) fn chain(&self) -> CertificateChain {
        chain(self.customer.path(), "one.pem")
    }

    pub(super) fn anchor(&self) -> String {
        self.ground.anchor().display().to_string()
    }
}

/// This test verifies that a range goes down over three authorities that serve, each of which has asked the one above, to a certificate for
/// one number; that the path is in order, each certificate naming the key of the next; that openssl and we follow it to the anchor; and that
/// nobody gets more than the one above has.
#[test]
fn rfc9060_d02_d03_d12_d14_from_a_provider_code_to_one_number() {
    let levels = Levels::new();
    let chain = levels.chain();
    let certificates = chain.certificates();
    assert_eq!(certificates.len(), 5, "the anchor is known: RFC 8555 §9.1");
    for pair in certificates.windows(2) {
        let [below, above] = pair else { unreachable!() };
        assert_eq!(below.issuer(), above.subject());
        assert!(below.aki().is_some());
        assert_eq!(below.aki(), above.ski(), "RFC 9060 §7");
    }
    let (anchor, at) = (levels.anchor(), levels.customer.path());
    let follow = [
        "verify",
        "-CAfile",
        &anchor,
        "-untrusted",
        "one.pem",
        "one.pem",
    ];
    openssl(at, &follow);
    done(
        at,
        &["certificate", "verify", "one.pem", "--trust", &anchor],
    );
    the_order_says_where_the_path_is(&levels);
    nobody_gets_more(&levels);
}

/// An end entity of one number over ACME, used at once with the URL that the order has told.
fn the_order_says_where_the_path_is(levels: &Levels) {
    let (ground, at) = (&levels.ground, levels.customer.path());
    let wish = ["--name", "SHAKEN two", "--numbers", TWO, "--days", "5"];
    let account = ("customer", "two");
    let (code, out, err) = levels
        .reseller
        .enrolled(ground, &levels.customer, account, &wish);
    assert_eq!(code, 0, "{out}{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    let x5u = told["x5u"].as_str().unwrap();
    assert!(x5u.starts_with(&levels.reseller.origin), "{x5u}");
    let parties = ["--from", TWO, "--to", "12025550199"];
    let with = ["--key", "two.key", "--certificate", "two.pem", "--x5u", x5u];
    let signed = done(at, &[&["sign"], &parties[..], &with].concat());
    levels.customer.write("identity", signed);
    let (anchor, web_ca) = (levels.anchor(), ground.web_ca());
    let fetched = [
        "--allow-origin",
        &levels.reseller.origin,
        "--web-ca",
        &web_ca,
    ];
    let verify = ["verify", "identity", "--trust", &anchor];
    done(at, &[&verify[..], &parties, &fetched].concat());
    // The next number is somebody else's, or at least not this certificate's.
    let (code, _, err) = run(
        at,
        &[&["sign", "--from", ONE, "--to", "12025550199"], &with[..]].concat(),
    );
    assert_eq!(code, 1, "{err}");
}

/// Each no comes from whoever knows: the token authority, whose account holds less; the authority, whose own list is shorter; and the key at
/// hand, which is asked last.
fn nobody_gets_more(levels: &Levels) {
    let (ground, at) = (&levels.ground, levels.customer.path());
    let wish = ["--name", "SHAKEN three", "--days", "5"];
    let wish = [&wish[..], &["--numbers", "12025550120"]].concat();
    let account = ("customer", "three");
    let (code, _, err) = levels
        .reseller
        .enrolled(ground, &levels.customer, account, &wish);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("the token was refused"), "{err}");
    // An account that holds what its authority does not have.
    let wide = ["--numbers", "12025550150-12025550151"];
    levels.reseller.account("wide", &wide, &levels.customer);
    let wish = [&["--name", "SHAKEN wide", "--days", "5"], &wide[..]].concat();
    let (code, _, err) =
        levels
            .reseller
            .enrolled(ground, &levels.customer, ("wide", "wide"), &wish);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("rejectedIdentifier"), "{err}");
    let csr = [
        "ca",
        "csr",
        "--key",
        "four.key",
        "--out",
        "four.csr",
        "--organization",
        "Example",
    ];
    done(
        at,
        &[
            &csr[..],
            &["--name", "SHAKEN four", "--numbers", "12025550120"],
        ]
        .concat(),
    );
    let sign = [
        "ca",
        "sign",
        "four.csr",
        "--key",
        "ca.key",
        "--certificate",
        "ca.pem",
    ];
    for (profile, why) in [
        ("delegate", "the issuer does not have what is asked for"),
        (
            "delegate-ca",
            "the authority may not certify another authority",
        ),
    ] {
        let how = [
            "--out",
            "four.pem",
            "--profile",
            profile,
            "--days",
            "5",
            "--crl-url",
            LIST,
        ];
        let (code, _, err) = run(at, &[&sign[..], &how, &OWN_LIST].concat());
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(why), "{err}");
    }
}
