//! What stops the start, and what is only said.
//!
//! ```text
//!   countersign.toml ──► parse ──► check ──► key 0600? its certificate's? valid now? inventory? anchors? TLS?
//! ```
//!
//! This test verifies that a broken key, certificate, inventory or anchor is told with the file, line and key that names it,
//! all of them at once; and that warnings do not stop anything.

use countersign::time::UnixTime;
use countersign::trust::Standing;
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::config::{self, Checked};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A directory with a good tenant, a good anchor and several bad files.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("config-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        const BELOW: &str = "-CA anchor.pem -CAkey anchor.key -addext basicConstraints=critical,CA:FALSE";
        let good = format!("{BELOW} -addext 1.3.6.1.5.5.7.1.26=DER:3008a006160431323334");
        for (name, extra) in [("anchor", ""), ("good", &good), ("other", BELOW)] {
            openssl(&directory, &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN={name} \
                 -keyout {name}.key -out {name}.pem {extra}"
            ));
        }
        openssl(
            &directory,
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=rsa -keyout rsa.key -out rsa.pem",
        );
        let backwards = ["anchor.pem", "good.pem"].map(|name| std::fs::read(directory.join(name)).unwrap());
        std::fs::write(directory.join("backwards.pem"), backwards.concat()).unwrap();
        for key in ["good.key", "other.key", "rsa.key", "anchor.key"] {
            chmod(&directory.join(key), 0o600);
        }
        std::fs::copy(directory.join("good.key"), directory.join("open.key")).unwrap();
        chmod(&directory.join("open.key"), 0o644);
        std::fs::write(directory.join("good.csv"), "12025550100-12025550149,assigned\n").unwrap();
        std::fs::write(directory.join("bad.csv"), "# numbers\n12025550100,mine\n").unwrap();
        std::fs::write(directory.join("garbage.pem"), "garbage").unwrap();
        directory
    })
}

fn openssl(directory: &Path, arguments: &str) {
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    crate::peers::openssl(directory, &arguments);
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The time now, which is not before the certificates of the directory begin.
fn now() -> UnixTime {
    directory();
    SystemClock::start().now().unix
}

fn check_at(text: &str, now: UnixTime) -> Result<Checked, Vec<String>> {
    let path = directory().join("c.toml");
    let config = config::parse(text, &path, [], &[]).expect("well formed");
    let prefix = format!("{}/", directory().display());
    config::check(&config, now, 1).map_err(|mistakes| {
        let told = mistakes.iter().map(ToString::to_string);
        told.map(|line| line.replace(&prefix, "")).collect()
    })
}

fn mistakes(text: &str) -> Vec<String> {
    check_at(text, now()).err().unwrap_or_default()
}

fn tenant(name: &str, certificate: &str, key: &str, inventory: &str) -> String {
    format!(
        "[[tenants]]\nname = \"{name}\"\ncertificate_file = \"{certificate}\"\nkey_file = \"{key}\"\n\
         x5u = \"https://cert.example.com/certificates/{name}.pem\"\ninventory_file = \"{inventory}\"\n"
    )
}

const FETCH: &str = "[fetch]\nweb_ca_file = \"good.pem\"\n";

#[test]
fn what_is_right_is_opened() {
    let text = tenant("acme", "good.pem", "good.key", "good.csv")
        + FETCH
        + "[trust]\nlab_anchor_files = [\"anchor.pem\"]\nallow_lab = true\n\
           [http.public]\nlisten = [\"127.0.0.1:0\"]\ncertificate_file = \"rsa.pem\"\nkey_file = \"rsa.key\"\n";
    let checked = check_at(&text, now()).unwrap();
    let [tenant] = checked.tenants.as_slice() else {
        panic!("one tenant");
    };
    assert_eq!(tenant.published_name.as_deref(), Some("acme"));
    let signer = tenant.service.signer();
    let certified = signer.chain().end_entity().public_key().p256().copied();
    assert_eq!(certified, Some(signer.key().public_key()));
    assert_eq!(tenant.service.inventory().count(), 50);
    assert_eq!(
        checked.trust.domains()[0].trust().anchors()[0].standing(),
        Standing::Lab
    );
    assert_eq!(checked.fetch.web_roots.len(), 1);
    assert!(checked.public.is_some() && checked.admin.is_none());
    let told: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("lab anchors are believed"), "{told:#?}");
    assert!(told[1].contains("no trunk uses it"), "{told:#?}");
}

#[test]
fn everything_that_is_broken_is_told_at_once() {
    let text = tenant("a", "good.pem", "other.key", "bad.csv")
        + &tenant("b", "garbage.pem", "open.key", "good.csv")
        + &tenant("c", "good.pem", "rsa.key", "missing.csv")
        + &tenant("d", "other.pem", "missing.key", "good.csv")
        + &tenant("e", "anchor.pem", "anchor.key", "good.csv")
        + &tenant("f", "backwards.pem", "good.key", "good.csv")
        + "[trust]\nanchor_files = [\"good.pem\", \"garbage.pem\"]\nlab_anchor_files = [\"other.pem\"]\n"
        + "[fetch]\nweb_ca_file = \"garbage.pem\"\n"
        + "[http.admin]\ncertificate_file = \"good.pem\"\nkey_file = \"other.key\"\n";
    let told = mistakes(&text);
    for (place, what) in [
        (
            "c.toml:6: tenants[0].inventory_file: bad.csv: line 2",
            "no basis",
        ),
        ("c.toml:9: tenants[1].certificate_file: garbage.pem: ", ""),
        (
            "c.toml:10: tenants[1].key_file: open.key: others may read it (permissions 0644)",
            "chmod 600",
        ),
        (
            "c.toml:16: tenants[2].key_file: rsa.key: it is not a P-256 private key",
            "ES256",
        ),
        (
            "c.toml:18: tenants[2].inventory_file: missing.csv: it cannot be read",
            "",
        ),
        (
            "c.toml:22: tenants[3].key_file: missing.key: it cannot be read",
            "",
        ),
        (
            "c.toml:27: tenants[4].certificate_file: anchor.pem: the first certificate is a certification authority's",
            "",
        ),
        (
            "c.toml:33: tenants[5].certificate_file: backwards.pem: the list is out of order at the signer's certificate",
            "",
        ),
        ("c.toml:38: trust.anchor_files: good.pem: ", "authority"),
        ("c.toml:38: trust.anchor_files: garbage.pem: ", ""),
        (
            "c.toml:39: trust.lab_anchor_files: lab anchors prove nothing",
            "allow_lab = true",
        ),
        (
            "c.toml:41: fetch.web_ca_file: garbage.pem: there is no certificate in it",
            "",
        ),
        (
            "c.toml:44: http.admin.key_file: other.key: TLS cannot be served with it",
            "",
        ),
    ] {
        let found = told.iter().find(|line| line.starts_with(place));
        let found = found.unwrap_or_else(|| panic!("missing: {place}\n{told:#?}"));
        assert!(found.contains(what), "{found}");
    }
    let mismatch = "c.toml:4: tenants[0].key_file: other.key: the private key is not that of the certificate; \
                    give the key that the certificate was made for";
    assert!(told.iter().any(|line| line == mismatch), "{told:#?}");
}

#[test]
fn a_certificate_has_its_time() {
    let text = tenant("acme", "good.pem", "good.key", "good.csv") + FETCH;
    let day = 86_400;
    let told = check_at(&text, now().saturating_add(31 * day))
        .err()
        .unwrap();
    assert!(
        told[0].starts_with(
            "c.toml:3: tenants[0].certificate_file: good.pem: the certificate ended at "
        )
    );
    assert!(told[0].ends_with("; renew it"));
    let told = check_at(&text, now().saturating_add(-day)).err().unwrap();
    assert!(told[0].contains("the certificate begins at"), "{told:?}");
    let checked = check_at(&text, now().saturating_add(25 * day)).unwrap();
    let told: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    assert!(
        told[0].contains("tenants[0].certificate_file: the certificate ends at"),
        "{told:?}"
    );
}

#[test]
fn what_works_but_deserves_a_thought_is_said() {
    let trunk = |name: &str, more: &str| {
        format!(
            "[[trunks]]\nname = \"{name}\"\naddresses = [\"192.0.2.1\"]\nnext_hops = [\"udp:192.0.2.2:5060\"]\n{more}"
        )
    };
    let text = trunk("weak", "role = \"sign\"\ntenant = \"acme\"\n")
        + &trunk(
            "forged",
            "role = \"both\"\ntenant = \"acme\"\nudp_source_is_trusted = true\nlocal = \"192.0.2.77\"\n",
        )
        + "[[trunks]]\nname = \"idle\"\naddresses = [\"192.0.2.9\"]\nmode = \"redirect\"\n\
            [[trunks]]\nname = \"web\"\naddresses = [\"192.0.2.8\"]\nmode = \"http\"\nrole = \"sign\"\ntenant = \"acme\"\n"
        + &tenant("acme", "other.pem", "other.key", "good.csv")
        + FETCH
        + "[[fetch.exceptions]]\norigin = \"https://repository.example:9443\"\naddresses = [\"127.0.0.1\"]\n\
           [http.public]\nlisten = [\"0.0.0.0:80\"]\n[http.admin]\nlisten = [\"0.0.0.0:8080\"]\n\
           [hep]\ncollector = \"udp:192.0.2.50:9060\"\n";
    let checked = check_at(&text, now()).unwrap();
    let told: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    for what in [
        "c.toml:2: trunks[0].name: a source address over UDP is a weak credential",
        "c.toml:13: trunks[1].udp_source_is_trusted: anybody can write this source address",
        "tenants[0].certificate_file: the certificate has no TN Authorization List",
        "fetch.exceptions[0].origin: certificates are fetched from https://repository.example:9443 although",
        "trunks[1].name: there is no trust anchor",
        "trunks[1].name: its local is none of our listeners",
        "trunks[2].name: its calls are answered with 302 and nothing is added to them: give it a role",
        "trunks[1].name: no message ever comes by it: all that could are taken by \"weak\" before it",
        "http.public.listen: the public listener has no certificate",
        "http.admin.listen: the admin listener can be reached from other machines",
        "hep.collector: a copy of every SIP message leaves this machine, in plain text",
    ] {
        assert!(
            told.iter().any(|line| line.contains(what)),
            "missing: {what}\n{told:#?}"
        );
    }
    assert_eq!(told.len(), 11, "{told:#?}");
}

/// This test verifies that a trunk which wants of answers what it cannot have is told so, and one that is right is left alone.
#[test]
fn answers_that_cannot_be_proven_or_held_deserve_a_thought() {
    let told = |lines: &str| {
        let text = format!(
            "[sip]\nudp = []\n[[trunks]]\nname = \"t\"\naddresses = [\"192.0.2.1\"]\nnext_hops = [\"tcp:192.0.2.2:5060\"]\n\
             tenant = \"acme\"\n{lines}\n{}{FETCH}[trust]\nanchor_files = [\"anchor.pem\"]\n",
            tenant("acme", "good.pem", "good.key", "good.csv"),
        );
        let warnings = check_at(&text, now()).unwrap().warnings;
        let told = warnings.iter().map(ToString::to_string);
        let told = told.map(|line| line.rsplit("c.toml").next().unwrap_or_default().to_owned());
        told.collect::<Vec<_>>()
    };
    let on = "connected_identity = \"on\"";
    for role in ["sign", "verify", "both", "none"] {
        assert_eq!(
            told(&format!("role = \"{role}\"\n{on}")),
            Vec::<String>::new()
        );
    }
    let checks = told("role = \"verify\"\n[trunks.connected]\ncheck = \"report\"");
    assert_eq!(
        checks,
        [
            ":4: trunks[0].name: answers are checked, and its calls are not signed here: only those that come signed can be answered by proof"
        ]
    );
    let requires = "role = \"sign\"\n[trunks.connected]\ncheck = \"require\"";
    let proxied = told(requires);
    assert_eq!(proxied.len(), 2, "{proxied:#?}");
    let (by_code, passes) = (
        "any provider whose certificate has",
        "a proxy passes answers",
    );
    assert!(proxied[0].contains(by_code) && proxied[1].contains(passes));
    let held = told(&format!("mode = \"b2bua\"\n{requires}"));
    assert_eq!(held.len(), 1);
    assert!(held[0].contains(by_code));
    let enforced =
        "mode = \"b2bua\"\nrole = \"sign\"\n[trunks.connected]\nmid_dialog = \"enforced\"";
    assert_eq!(told(enforced), held);
    for settled in ["reject", "require-authority"] {
        let known = format!(
            "mode = \"b2bua\"\n{requires}\n[verification]\nprovider_answers = \"{settled}\""
        );
        let without_records = told(&known);
        assert!(!without_records.iter().any(|told| told.contains(by_code)));
        let asks = settled == "require-authority";
        assert_eq!(
            without_records.len(),
            usize::from(asks),
            "{without_records:#?}"
        );
    }
    let keys = "role = \"sign\"\n[trunks.connected]\nmedia_security = \"required\"";
    let proxied = told(keys);
    assert_eq!(proxied.len(), 1, "{proxied:#?}");
    assert!(proxied[0].contains("media keys are required of the answer"));
    let held = told(&format!("mode = \"b2bua\"\n{keys}"));
    assert_eq!(held, Vec::<String>::new());
}

#[test]
fn a_collector_of_traces_has_an_address_and_a_password_that_nobody_else_reads() {
    let directory = directory();
    std::fs::write(directory.join("empty.password"), "\n").unwrap();
    chmod(&directory.join("empty.password"), 0o600);
    let trunk = "[[trunks]]\nname = \"t\"\naddresses = [\"192.0.2.1\"]\nnext_hops = [\"udp:192.0.2.2:5060\"]\n";
    let told = |hep: &str| {
        let text = format!("{trunk}[hep]\n{hep}");
        let path = Path::new("c.toml");
        match config::parse(&text, path, [], &[]) {
            Ok(_) => mistakes(&text),
            Err(told) => told.iter().map(ToString::to_string).collect(),
        }
    };
    for (hep, what) in [
        (
            "collector = \"192.0.2.50:9060\"",
            "c.toml:6: hep.collector: it takes udp:ADDRESS:PORT",
        ),
        (
            "collector = \"udp:0.0.0.0:9060\"",
            "it takes udp:ADDRESS:PORT",
        ),
        (
            "password_file = \"hep.password\"",
            "c.toml:6: hep.password_file: it needs collector; add it",
        ),
        ("capture_id = -1", "a whole number from 0 to 4294967295"),
        (
            "collector = \"udp:192.0.2.50:9060\"\npassword_file = \"open.key\"",
            "c.toml:7: hep.password_file: open.key: others may read it (permissions 0644); chmod 600",
        ),
        (
            "collector = \"udp:192.0.2.50:9060\"\npassword_file = \"empty.password\"",
            "empty.password: there is nothing in it; write one line into it",
        ),
    ] {
        let told = told(hep).join("\n");
        assert!(told.contains(what), "missing: {what}\n{told}");
    }
}

/// `anchor ──▶ parent (12025550100 and 49 more) ──▶ delegate`, the delegate with a list of its own and another at a URL.
// RFC 9060 §5: "Authentication services SHOULD NOT use a delegate certificate without validating that its scope of authority is
// encompassed by that of its parent certificate".
#[test]
fn a_delegate_that_claims_more_than_its_parent_is_told() {
    let directory = directory();
    let range = |count: u8| {
        format!("1.3.6.1.5.5.7.1.26=DER:3014a112301016 0b3132303235353530313030 0201{count:02x}")
            .replace(' ', "")
    };
    let by_reference =
        "-addext authorityInfoAccess=1.3.6.1.5.5.7.48.14;URI:https://provider.example/list";
    for (name, issuer, extra) in [
        (
            "parent",
            "anchor",
            format!("critical,CA:TRUE -addext {}", range(50)),
        ),
        (
            "within",
            "parent",
            format!("critical,CA:FALSE -addext {}", range(50)),
        ),
        (
            "beyond",
            "parent",
            format!("critical,CA:FALSE -addext {}", range(60)),
        ),
        (
            "listed",
            "parent",
            format!("critical,CA:FALSE -addext {} {by_reference}", range(2)),
        ),
    ] {
        openssl(directory, &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=delegation-{name} \
             -keyout {name}.key -out {name}-only.pem -CA {issuer}-only.pem -CAkey {issuer}.key -addext basicConstraints={extra}"
        ).replace("anchor-only", "anchor"));
        chmod(&directory.join(format!("{name}.key")), 0o600);
        let chain = [name, "parent"]
            .map(|one| std::fs::read(directory.join(format!("{one}-only.pem"))).unwrap());
        std::fs::write(directory.join(format!("{name}.pem")), chain.concat()).unwrap();
    }
    let told = |name: &str| -> Vec<String> {
        let text = tenant(
            "acme",
            &format!("{name}.pem"),
            &format!("{name}.key"),
            "good.csv",
        ) + FETCH;
        let checked = check_at(&text, now()).unwrap();
        let warnings = checked.warnings.iter().map(ToString::to_string);
        warnings
            .filter(|line| line.contains("certificate_file"))
            .collect()
    };
    assert_eq!(told("within"), Vec::<String>::new());
    let beyond = told("beyond");
    assert!(
        beyond[0].contains("the one above it does not: 12025550150+10;"),
        "{beyond:#?}"
    );
    let listed = told("listed");
    assert!(
        listed[0].contains("nobody fetches it for signing"),
        "{listed:#?}"
    );
}

/// What `[trust]` names beyond anchors: lists, their signers, domains.
#[test]
fn a_list_is_opened_before_anybody_rests_on_it() {
    std::fs::write(directory().join("half.crl"), "half a list").unwrap();
    let told = mistakes(
        "[[trunks]]\nname = \"t\"\naddresses = [\"192.0.2.1\"]\nnext_hops = [\"udp:192.0.2.2:5060\"]\n\
         [trust]\nanchor_files = [\"anchor.pem\"]\ncrl_files = [\"half.crl\", \"no.crl\"]\n\
         crl_issuer_files = [\"garbage.pem\"]\nca_list = \"no.jws\"\nca_list_signer_files = [\"garbage.pem\"]\n\
         [[trust.domains]]\nname = \"lab\"\nlab_anchor_files = [\"anchor.pem\"]\n",
    );
    for (place, what) in [
        (
            "c.toml:7: trust.crl_files: half.crl: not a revocation list",
            "give the right file",
        ),
        ("c.toml:7: trust.crl_files: no.crl: it cannot be read", ""),
        ("c.toml:8: trust.crl_issuer_files: garbage.pem: ", ""),
        ("c.toml:9: trust.ca_list: no.jws: it cannot be read", ""),
        (
            "c.toml:10: trust.ca_list_signer_files: garbage.pem: there is neither a certificate nor a P-256 public key in it",
            "",
        ),
        (
            "c.toml:13: trust.domains[0].lab_anchor_files: lab anchors prove nothing",
            "trust.domains[0].allow_lab = true",
        ),
    ] {
        let found = told.iter().find(|line| line.starts_with(place));
        let found = found.unwrap_or_else(|| panic!("missing: {place}\n{told:#?}"));
        assert!(found.contains(what), "{found}");
    }
    assert_eq!(told.len(), 6, "{told:#?}");
}

#[test]
fn what_deserves_a_thought_about_trust_is_said() {
    let text = "[fetch]\nweb_ca_file = \"good.pem\"\n[http.admin]\nlisten = []\n[trust]\nanchor_files = [\"anchor.pem\"]\nrevocation = \"hard\"\nallow_http_crls = true\n\
        [[trust.domains]]\nname = \"all\"\nanchor_files = [\"anchor.pem\"]\ncrl_urls = [\"https://crl.example/a.crl\"]\n\
        [[trust.domains]]\nname = \"none\"\nnumbers = [\"us\"]\nanchor_files = [\"anchor.pem\"]\ncrl_urls = [\"http://crl.example/a.crl\"]\nrevocation = \"off\"\n\
        [[trust.domains]]\nname = \"forgotten\"\nnumbers = [\"canada\"]\n";
    let checked = check_at(text, now()).unwrap();
    let told: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    for what in [
        "c.toml:7: trust.revocation: there is no revocation list (crl_files, crl_urls): no call whose certificate names one is validated",
        "c.toml:8: trust.allow_http_crls: revocation lists may come over plain http",
        "c.toml:12: trust.domains[0].crl_urls: a restart begins without this list",
        "c.toml:14: trust.domains[1].name: it judges no call: \"all\" before it judges all",
        "c.toml:18: trust.domains[1].revocation: revocation is off",
        "c.toml:20: trust.domains[2].name: it judges no call: \"all\" before it judges all",
        "c.toml:20: trust.domains[2].name: there is no trust anchor: no call can pass",
        "trust.domain: it judges no call: \"all\" before it judges all",
    ] {
        assert!(
            told.iter().any(|line| line.contains(what)),
            "missing: {what}\n{told:#?}"
        );
    }
    assert_eq!(told.len(), 9, "{told:#?}");
}

/// A picture or a card is at a URL; what is in a file has another key, or none.
#[test]
fn a_brand_says_where_its_picture_is() {
    let brand = |line: &str| {
        let rest = "tenant = \"acme\"\nnumbers = [\"12025550100\"]\ncaller_name = \"Q\"\n";
        let text = format!("[[brands]]\nname = \"q\"\n{rest}{line}\n");
        let told = config::parse(&text, Path::new("c.toml"), [], &[]).unwrap_err();
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        told
    };
    for (line, what) in [
        (
            "icon = \"q.png\"",
            "c.toml:6: brands[0].icon: it takes an https URL, or a data: URL",
        ),
        (
            "card = \"q.json\"",
            "c.toml:6: brands[0].card: it takes an https URL; a file is card_file",
        ),
    ] {
        let told = brand(line);
        assert!(told.iter().any(|one| one.contains(what)), "{told:#?}");
    }
}
