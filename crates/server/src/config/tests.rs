//! The example is whole and true; every mistake is told with its place; the layers have their order.

mod connected;

use super::*;
use crate::config::keys::{Applies, KEYS, Kind};
use crate::config::trunk::OrigIdChoice;
use countersign::authentication::Unlisted;
use countersign::verification::policy::{MissingDigest, NameRequirement, RichFetch};
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{
    BypassCause, Leniency, Mode, Network, NextHopTrust, NothingAdded, Oversize, PassportForm,
    RedirectDialect, RedirectForm, RejectionStatus, Role, Treatment, UdpSource, UnsignedPriority,
};
use std::collections::BTreeMap;

const EXAMPLE: &str = include_str!("../../../../etc/countersign.toml.example");

fn parse_text(text: &str) -> Result<Config, Vec<String>> {
    parse_with(text, &[], &[])
}

fn parse_with(
    text: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Config, Vec<String>> {
    let environment = environment
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let flags: Vec<_> = flags
        .iter()
        .map(|(key, value)| Override {
            flag: format!("--{key}").into(),
            key: (*key).into(),
            value: (*value).to_owned(),
        })
        .collect();
    parse(text, Path::new("c.toml"), environment, &flags)
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn mistakes(text: &str) -> Vec<String> {
    parse_text(text).err().unwrap_or_default()
}

/// The least that is right, with these lines in the one trunk.
fn with_trunk(lines: &str) -> String {
    format!(
        "[[trunks]]\nname = \"t\"\naddresses = [\"192.0.2.1\"]\nnext_hops = [\"udp:192.0.2.2:5060\"]\n{lines}"
    )
}

/// Every key that the example shows, set or not, with the value it shows first.
fn shown_keys() -> BTreeMap<String, String> {
    let mut section = String::new();
    let mut shown = BTreeMap::new();
    for line in EXAMPLE.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(list) = line
            .strip_prefix("[[")
            .and_then(|rest| rest.strip_suffix("]]"))
        {
            let path = path_of(list);
            section = format!("{path}.");
            let list = path.strip_suffix("[]").unwrap_or(&path);
            shown.insert(list.to_owned(), String::new());
        } else if let Some(table) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = format!("{}.", path_of(table));
        } else if let Some((key, value)) = line.split_once(" = ")
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte))
        {
            shown
                .entry(format!("{section}{key}"))
                .or_insert(value.to_owned());
        }
    }
    shown
}

/// The path of what stands below a heading: lists have brackets.
fn path_of(heading: &str) -> String {
    let mut path = String::new();
    for part in heading.split('.') {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(part);
        if keys::find(&path).is_some_and(|key| key.kind == Kind::Tables) {
            path.push_str("[]");
        }
    }
    path
}

#[test]
fn the_example_names_every_key_and_no_other() {
    let shown = shown_keys();
    for key in KEYS {
        assert!(
            shown.contains_key(key.path),
            "the example does not show {}",
            key.path
        );
    }
    for path in shown.keys() {
        assert!(
            keys::find(path).is_some(),
            "the example shows {path}, which does not exist"
        );
    }
}

#[test]
fn the_example_shows_the_defaults() {
    let shown = shown_keys();
    let commented = |path: &str| {
        let key = path.rsplit('.').next().unwrap_or(path);
        EXAMPLE
            .lines()
            .any(|line| line.starts_with(&format!("# {key} = ")))
            && !EXAMPLE
                .lines()
                .any(|line| line.starts_with(&format!("{key} = ")))
    };
    let written = |key: &&keys::Key| ![keys::NONE, keys::REQUIRED].contains(&key.default);
    for key in KEYS.iter().filter(written) {
        if commented(key.path) {
            assert_eq!(shown[key.path], key.default, "{}", key.path);
        }
    }
}

#[test]
fn the_example_is_right_with_and_without_what_it_leaves_out() {
    let config = parse_text(EXAMPLE).unwrap();
    assert_eq!(config.trunks.len(), 4);
    let all: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.starts_with('[') => format!("{setting}\n"),
            Some(setting) if shown_keys().keys().any(|path| is_setting(setting, path)) => {
                format!("{setting}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    // Some settings need another one before they may be made.
    let all = all
        .replace("sign_diversions = false", "sign_diversions = true")
        .replace("treatment = \"tag\"", "treatment = \"reject\"")
        .replace("mode = \"proxy\"\n", "");
    let config = parse_text(&all).unwrap();
    assert_eq!(config.fetch.exceptions.len(), 1);
    assert_eq!(
        config.sip.advertise.unwrap().value.as_ref(),
        "sip.example.com"
    );
}

fn is_setting(line: &str, path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path);
    line.strip_prefix(key)
        .is_some_and(|rest| rest.starts_with(" = "))
}

#[test]
fn every_key_of_the_table_is_read() {
    let notes = Notes::default();
    let uncommented = EXAMPLE
        .replace("# [[ca", "[[ca")
        .replace("# [[fetch", "[[fetch")
        .replace("# [[tenants", "[[tenants")
        .replace("# [tenants", "[tenants")
        .replace("# [[trust", "[[trust");
    let _ = read(&uncommented, Path::new("c.toml"), [], &[], &notes);
    let asked = notes.asked.into_inner();
    for key in KEYS {
        assert!(asked.contains(key.path), "nobody reads {}", key.path);
    }
}

#[test]
fn an_empty_file_is_every_default() {
    let config = parse_text("").unwrap();
    assert_eq!(config.sip.udp[0].value.to_string(), "0.0.0.0:5060");
    assert_eq!(config.admin.listen[0].value.to_string(), "127.0.0.1:8080");
    assert!(config.public.listen.is_empty());
    assert_eq!(config.verification, VerificationPolicy::default());
    assert_eq!(config.fetch.timeout, crate::fetch::DEFAULT_TIMEOUT);
    assert_eq!(config.fetch.cache, crate::fetch::DEFAULT_CACHE);
    assert!(config.metrics_enabled);
}

#[test]
fn rich_call_data_is_fetched_and_believed_as_it_is_written() {
    let text = "[verification]\nrich_fetch = \"shown\"\nrich_signers = [\"Zorin Industries\"]\nrich_digests = \"not-shown\"\nrich_name = \"optional\"\n";
    let rich = parse_text(text).unwrap().verification.rich;
    assert_eq!(rich.fetch, RichFetch::Shown);
    assert_eq!(*rich.signers, ["Zorin Industries".into()]);
    assert_eq!(rich.digests, MissingDigest::NotShown);
    assert_eq!(rich.name, NameRequirement::Optional);
    assert_eq!(
        mistakes("[verification]\nrich_signers = [\"\"]\n"),
        ["c.toml:2: verification.rich_signers: it takes a name, in quotes"]
    );
}

#[test]
fn who_may_sign_for_a_namespace_is_known_as_it_is_written() {
    let text = "[[priority.authorities]]\nnamespace = \"ETS\"\nproviders = [\"709W\"]\nsubjects = [\"Emergency Services\"]\n";
    let priority = parse_text(text).unwrap().verification.priority;
    let [one] = &*priority.authorities else {
        panic!("{priority:?}")
    };
    assert_eq!((&*one.namespace, one.signers.len()), ("ets", 2));
    assert_eq!(
        mistakes("[[priority.authorities]]\nnamespace = \"e.ts\"\nproviders = [\"709W\"]\n"),
        [
            "c.toml:2: priority.authorities[0].namespace: it takes a namespace, such as \"ets\", in quotes"
        ]
    );
    assert_eq!(
        mistakes("[[priority.authorities]]\nnamespace = \"ets\"\n").len(),
        1
    );
}

#[test]
fn what_a_trunk_says_of_priority() {
    let trunk = |lines: &str| {
        let mut config = parse_text(&with_trunk(lines)).unwrap();
        config.trunks.remove(0).trunk
    };
    let silent = trunk("");
    assert_eq!(silent.unsigned_priority, None);
    assert!(silent.signed_priority.is_empty() && silent.psap_numbers.is_empty());
    let says = trunk(
        "sign_priority = [\"ETS.0\", \"esnet.1\"]\nunsigned_priority = \"trust-peer\"\npsap_numbers = [\"+12025550100\"]\n",
    );
    let signed = says.signed_priority.iter().map(|value| value.as_str());
    assert_eq!(signed.collect::<Vec<_>>(), ["ets.0", "esnet.1"]);
    assert_eq!(says.unsigned_priority, Some(UnsignedPriority::TrustPeer));
    assert_eq!(says.psap_numbers, ["12025550100".parse().unwrap()]);
    let strips = trunk("unsigned_priority = \"strip\"\n");
    assert_eq!(strips.unsigned_priority, Some(UnsignedPriority::Strip));
    for (wrong, told) in [
        (
            "sign_priority = [\"ets\"]\n",
            "sign_priority: it takes a value such as \"ets.0\", in quotes",
        ),
        (
            "psap_numbers = [\"911\"]\n",
            "psap_numbers: it takes a number with its country code, such as \"+12025550100\", in quotes",
        ),
        (
            "unsigned_priority = \"drop\"\n",
            "unsigned_priority: it takes one of \"strip\", \"trust-peer\"",
        ),
    ] {
        assert_eq!(
            mistakes(&with_trunk(wrong)),
            [format!("c.toml:5: trunks[0].{told}")]
        );
    }
}

#[test]
fn a_trunk_becomes_what_the_proxy_knows() {
    let text = with_trunk(
        "role = \"verify\"\ntreatment = \"reject\"\nrequire_identity = true\noversize = \"refuse\"\n\
         origid = \"123e4567-e89b-12d3-a456-426655440000\"\nunlisted = \"unsigned\"\ntrust_pai = true\n\
         udp_source_is_trusted = true\nemergency_numbers = [\"911\", \"112\"]\nlocal_port = 5062\n",
    );
    let config = parse_text(&text).unwrap();
    let [settings] = config.trunks.as_slice() else {
        panic!("one trunk");
    };
    let expected = Network {
        address: "192.0.2.1".parse().unwrap(),
        prefix: 32,
    };
    assert_eq!(settings.recognition.networks, [expected]);
    assert_eq!(settings.recognition.local_port, Some(5062));
    let trunk = &settings.trunk;
    assert_eq!(trunk.role, Role::Verify);
    let treatment = Treatment::Reject {
        not_validated: Leniency::Forward,
        unsigned: Leniency::Reject,
    };
    assert_eq!(trunk.treatment, treatment);
    let route = &settings.route;
    assert_eq!(route.hops[0].transport, Transport::Udp);
    assert_eq!(route.oversize, Oversize::Refuse);
    assert_eq!(trunk.udp_source, UdpSource::Trusted);
    assert_eq!(trunk.emergency_numbers.len(), 2);
    assert_eq!(settings.unlisted, Unlisted::Unsigned);
    assert!(matches!(settings.origid, OrigIdChoice::Fixed(_)));
}

#[test]
fn a_switch_that_asks() {
    let text = "[[trunks]]\nname = \"s\"\naddresses = [\"192.0.2.1\"]\ntrunk_group = \"000200\"\nmode = \"redirect\"\n\
                redirect = \"contact\"\nredirect_nothing_added = 404\nrole = \"verify\"\ntreatment = \"reject\"\nreject_code = 603\n\
                reject_text = \"sti-blocked\"\nattestation_header = \"Attestation\"\n";
    let config = parse_text(text).unwrap();
    let settings = &config.trunks[0];
    let group = settings.recognition.trunk_group.as_deref();
    assert_eq!(group, Some("000200"));
    let trunk = &settings.trunk;
    let dialect = RedirectDialect {
        form: RedirectForm::Contact,
        nothing_added: NothingAdded::NotFound,
    };
    assert_eq!(trunk.mode, Mode::Redirect(dialect));
    assert_eq!(trunk.rejection.status, Some(RejectionStatus::Decline));
    assert_eq!(trunk.rejection.text.as_deref(), Some("sti-blocked"));
    assert_eq!(trunk.attestation_header.as_deref(), Some("Attestation"));

    let wrong = "redirect = \"header\"\nreject_code = 486\nreject_text = \"a\\\"b\"\nattestation_header = \"Via\"\n";
    let told = mistakes(&with_trunk(wrong));
    for line in [
        "c.toml:5: trunks[0].redirect: it needs mode = \"redirect\"; add it",
        "c.toml:6: trunks[0].reject_code: it needs treatment = \"reject\"; add it",
        "c.toml:6: trunks[0].reject_code: it takes one of 403, 404, 480, 503, 603, 607, 608",
        "c.toml:7: trunks[0].reject_text: it needs treatment = \"reject\"; add it",
        "c.toml:7: trunks[0].reject_text: it takes a text of letters, digits, spaces and -_.,:, in quotes",
        "c.toml:8: trunks[0].attestation_header: it takes the name of a header that SIP itself does not have, such as \"Attestation\", in quotes",
    ] {
        assert!(told.iter().any(|found| found == line), "{line}\n{told:#?}");
    }
    let told = mistakes(&with_trunk("mode = \"redirect\"\n"));
    assert_eq!(
        told,
        ["c.toml:4: trunks[0].next_hops: it needs mode = \"proxy\"; add it"]
    );
}

#[test]
fn a_trunk_at_the_border_with_a_bypass_token() {
    let lines = "next_hop_trusted = false\nbypass_token_file = \"token\"\nbypass_on = [\"signing-failed\"]\n";
    let config = parse_text(&with_trunk(lines)).unwrap();
    let settings = &config.trunks[0];
    assert_eq!(settings.trunk.next_hop_trust, NextHopTrust::Outside);
    let bypass = settings.bypass.as_ref().unwrap();
    assert_eq!(&*bypass.header, "P-Identity-Bypass");
    assert_eq!(bypass.on, [BypassCause::SigningFailed]);
    let told = mistakes(&with_trunk(
        "bypass_header = \"Identity\"\nbypass_on = [\"always\"]\n",
    ));
    for line in [
        "c.toml:5: trunks[0].bypass_header: it takes the name of a header that SIP itself does not have, such as \"Attestation\", in quotes",
        "c.toml:5: trunks[0].bypass_header: it needs bypass_token_file; add it",
        "c.toml:6: trunks[0].bypass_on: it takes one of \"signing-failed\", \"deadline-expired\", \"not-verifiable\", in quotes",
    ] {
        assert!(told.iter().any(|found| found == line), "{line}\n{told:#?}");
    }
}

#[test]
fn diversions_need_somebody_who_signs_them() {
    let lines = "tenant = \"acme\"\nsign_diversions = true\nforwards_file = \"f.csv\"\npassport = \"base-compact\"\n\
         [[tenants]]\nname = \"acme\"\ncertificate_file = \"c\"\nkey_file = \"k\"\nx5u = \"https://cert.example.com/c.pem\"\n";
    let config = parse_text(&with_trunk(lines)).unwrap();
    let settings = &config.trunks[0];
    assert_eq!(settings.trunk.passport, PassportForm::BaseCompact);
    let file = settings.diversions.as_ref().unwrap().forwards_file.as_ref();
    assert!(file.unwrap().value.ends_with("f.csv"));
    let told = mistakes(&with_trunk("forwards_file = \"f.csv\"\n"));
    let line = "c.toml:5: trunks[0].forwards_file: it needs sign_diversions = true; add it";
    assert!(told.iter().any(|found| found == line), "{told:#?}");
    let told = mistakes(&with_trunk("sign_diversions = true\n"));
    let line = "c.toml:5: trunks[0].sign_diversions: it needs tenant; add it";
    assert!(told.iter().any(|found| found == line), "{told:#?}");
}

#[test]
fn every_mistake_is_told_at_once_with_file_line_key_and_fix() {
    let text = "\
[sip]
udp = [\"here\"]
sharks = 3

[[trunks]]
name = \"t\"
addresses = [\"192.0.2.0/33\"]
role = \"signs\"
next_hops = []
mode = \"b2b\"
require_identity = true

[verification]
freshness_s = 0
deadline_ms = \"500\"

[nonsense]
";
    let told = mistakes(text);
    let expected = [
        "c.toml:2: sip.udp: it takes ADDRESS:PORT, such as 0.0.0.0:5060 or [::]:5060, in quotes",
        "c.toml:3: sip.sharks: there is no such key; did you mean sip.shards?",
        "c.toml:7: trunks[0].addresses: it takes a network such as \"192.0.2.0/24\" or an address, in quotes",
        "c.toml:8: trunks[0].role: it takes one of \"none\", \"sign\", \"verify\", \"both\"",
        "c.toml:9: trunks[0].next_hops: where its requests go on is missing; add it",
        "c.toml:10: trunks[0].mode: it takes one of \"b2bua\", \"http\", \"proxy\", \"redirect\"",
        "c.toml:11: trunks[0].require_identity: it needs treatment = \"reject\"; add it",
        "c.toml:14: verification.freshness_s: it takes a whole number from 1 to 3600",
        "c.toml:15: verification.deadline_ms: it takes a whole number from 10 to 32000",
        "c.toml:17: nonsense: there is no such key; see etc/countersign.toml.example for the keys there are",
    ];
    for line in expected {
        assert!(
            told.iter().any(|found| found == line),
            "missing: {line}\n{told:#?}"
        );
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn what_must_be_there_is_asked_for() {
    let told = mistakes("[[trunks]]\n[sip]\nudp = []\ntcp = []\n[[tenants]]\n");
    assert_eq!(
        told,
        [
            "c.toml:1: trunks[0].name: its name is missing; add it",
            "c.toml:1: trunks[0].addresses: how it is known (addresses, local_port or tls_identity) is missing; add it",
            "c.toml:1: trunks[0].next_hops: where its requests go on is missing; add it",
            "c.toml:4: sip.tcp: an address to receive SIP at (one of loopback if nobody is to call here) is missing; add it",
            "c.toml:5: tenants[0].name: its name is missing; add it",
            "c.toml:5: tenants[0].certificate_file: its certificate is missing; add it",
            "c.toml:5: tenants[0].key_file: its private key is missing; add it",
            "c.toml:5: tenants[0].x5u: the URL of its certificate is missing; add it",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    for (text, line) in [
        ("[sip]\nudp = [\n\"a\"", 3),
        ("[sip]\n\nudp == 3\n", 3),
        ("[sip]\nshards = 1\nshards = 2\n", 3),
        ("[[trunks]\n", 1),
    ] {
        let told = mistakes(text);
        let place = format!("c.toml:{line}: not TOML");
        assert!(
            told.iter().any(|found| found.starts_with(&place)),
            "{text:?} {told:?}"
        );
    }
    let missing = load(Path::new("/no/such/file.toml"), [], &[]).unwrap_err();
    assert!(
        missing[0]
            .to_string()
            .starts_with("/no/such/file.toml:1: it cannot be read")
    );
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "[sip]\nshards = 1\n[log]\nlevel = \"warn\"\n";
    let config = parse_with(file, &[("COUNTERSIGN_SIP__SHARDS", "2")], &[]).unwrap();
    assert_eq!(config.sip.shards, Some(2));
    let config = parse_with(
        file,
        &[
            ("COUNTERSIGN_SIP__SHARDS", "2"),
            ("COUNTERSIGN_SIP__UDP", "127.0.0.1:5060, 127.0.0.1:5070"),
            ("COUNTERSIGN_HTTP__ADMIN__LISTEN", ""),
            ("COUNTERSIGN_TRUST__ALLOW_LAB", "true"),
            ("COUNTERSIGN_DATA", "not a key: no double underscore"),
        ],
        &[("sip.shards", "3")],
    )
    .unwrap();
    assert_eq!(config.sip.shards, Some(3));
    assert_eq!(config.sip.udp.len(), 2);
    assert!(config.admin.listen.is_empty());
    assert!(config.trust.domains[0].allow_lab.value);
    assert_eq!(config.log.level.as_ref(), "warn");
    let told = parse_with(
        file,
        &[
            ("COUNTERSIGN_SIP__SHARK", "2"),
            ("COUNTERSIGN_TRUST__ALLOW_LAB", "yes"),
        ],
        &[("trunks", "x")],
    )
    .unwrap_err();
    assert_eq!(
        told,
        [
            "environment COUNTERSIGN_SIP__SHARK: sip.shark: there is no such key; did you mean sip.shards?",
            "environment COUNTERSIGN_TRUST__ALLOW_LAB: trust.allow_lab: it takes true or false",
            "flag --trunks: trunks: it takes tables, each with its own [[heading]]",
        ]
    );
}

#[test]
fn names_are_given_once_and_found() {
    let text = format!(
        "{}\n{}",
        with_trunk("role = \"sign\"\ntenant = \"nobody\"\n"),
        with_trunk("")
    );
    let told = mistakes(&text);
    assert_eq!(
        told,
        [
            "c.toml:6: trunks[0].tenant: there is no \"nobody\"; add it, or correct the name",
            "c.toml:9: trunks[1].name: there is another one of the same name; give it a name of its own",
        ]
    );
    let told = mistakes(&with_trunk("role = \"both\"\n"));
    assert_eq!(
        told,
        ["c.toml:1: trunks[0].tenant: the tenant who signs its calls is missing; add it"]
    );
}

#[test]
fn an_x5u_that_nobody_may_fetch_is_a_mistake() {
    let tenant = |x5u: &str| {
        format!(
            "[[tenants]]\nname = \"n\"\ncertificate_file = \"c\"\nkey_file = \"k\"\nx5u = \"{x5u}\"\n"
        )
    };
    for x5u in [
        "http://h.example/c.pem",
        "https://h.example:8080/c.pem",
        "https://u@h.example/",
    ] {
        let told = mistakes(&tenant(x5u));
        assert!(
            told[0].starts_with("c.toml:5: tenants[0].x5u: it takes an https URL"),
            "{told:?}"
        );
    }
    let excepted = format!(
        "{}[[fetch.exceptions]]\norigin = \"https://h.example:8080\"\n",
        tenant("https://h.example:8080/certificates/n.pem")
    );
    let config = parse_text(&excepted).unwrap();
    assert_eq!(config.tenants[0].published_name(), Some("n"));
}

#[test]
fn trust_domains_name_what_there_is() {
    let told = mistakes(&with_trunk(
        "[trust]\nca_list = \"http://pa.example/list\"\ncrl_urls = [\"http://crl.example/a.crl\", \"ldap://crl.example/\"]\n\
         [[trust.domains]]\nname = \"us\"\ntrunks = [\"t\", \"nobody\"]\nnumbers = [\"us\", \"atlantis\", \"1a\"]\nca_list = \"list.jws\"\n\
         [[trust.domains]]\nname = \"us\"\ntrunks = []\n[[trust.domains]]\n",
    ));
    let expected = [
        "c.toml:6: trust.ca_list: it takes a path, or an https URL, in quotes",
        "c.toml:7: trust.crl_urls: it needs trust.allow_http_crls = true; add it",
        "c.toml:7: trust.crl_urls: it takes an https URL, in quotes",
        "c.toml:10: trust.domains[0].trunks: there is no \"nobody\"; add it, or correct the name",
        "c.toml:11: trust.domains[0].numbers: it takes digits that numbers begin with, or the name of a country such as us or france, in quotes",
        "c.toml:11: trust.domains[0].numbers: it takes digits that numbers begin with, or the name of a country such as us or france, in quotes",
        "c.toml:12: trust.domains[0].ca_list: it needs ca_list_signer_files; add it",
        "c.toml:14: trust.domains[1].name: there is another one of the same name; give it a name of its own",
        "c.toml:15: trust.domains[1].trunks: it takes a list with something in it; without this line it is for all",
        "c.toml:16: trust.domains[2].name: its name is missing; add it",
    ];
    assert_eq!(told, expected, "{told:#?}");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = parse_text(&text);
    }

    #[test]
    fn no_value_panics(place in 0..KEYS.len(), value in "[-0-9a-z\"\\[\\]{},.:/ ]{0,20}") {
        let path = KEYS[place].path.replace("[]", "");
        let (section, key) = path.rsplit_once('.').unwrap_or(("", &path));
        let _ = parse_text(&format!("[{section}]\n{key} = {value}\n"));
        let _ = parse_text(&format!("[[{section}]]\n{key} = {value}\n"));
    }
}

/// Another value for a key that a flag can set.
fn another_value(key: &keys::Key) -> String {
    let value = match (key.path, key.kind) {
        ("sip.unknown_source", _) => "reject",
        ("sip.client_certificate", _) => "optional",
        ("fetch.media_types" | "verification.serialization", _) => "strict",
        ("fetch.max_bytes", _) => "2048",
        ("http.trunk.base", _) => "/another",
        ("log.format", _) => "json",
        ("log.level", _) => "warn",
        ("log.numbers", _) => "full",
        ("verification.order", _) => "atis",
        ("verification.thoroughness", _) => "every-check",
        ("verification.replay", _) => "enforce",
        ("verification.diverted_to", _) => "any-called",
        ("verification.string_iat", _) => "lenient",
        ("verification.stale_date" | "verification.base_passport", _) => "refuse",
        ("verification.provider_numbers" | "verification.provider_answers", _) => "reject",
        ("verification.x5c", _) => "never",
        ("verification.x5c_without_x5u", _) => "accept",
        ("verification.inherited_constraints", _) => "intersect",
        ("verification.media_keys_missing", _) => "fail",
        ("verification.rich_fetch", _) => "shown",
        ("verification.rich_digests", _) => "not-shown",
        ("verification.rich_name", _) => "optional",
        ("trust.revocation", _) => "hard",
        ("trust.crl_signers", _) => "pinned",
        ("trust.freshness", _) => "live",
        ("trust.missing_status", _) => "hard",
        ("trust.scope_unknown", _) => "accept",
        ("trust.authority_algorithms", _) => "p256",
        ("sip.advertise_for", _) => "127.0.0.1:9=sip.example.com",
        ("trust.crl_urls", _) => "https://crl.example/a.crl",
        (path, _)
            if path.ends_with("listen")
                || ["sip.udp", "sip.tcp", "sip.tls", "sip.dns_servers"].contains(&path) =>
        {
            "127.0.0.1:9"
        }
        (_, Kind::Boolean) if key.default == "true" => "false",
        (_, Kind::Boolean) => "true",
        (_, Kind::Integer) => {
            let default: i64 = key.default.parse().unwrap();
            return (default + 1).to_string();
        }
        ("ca.base_url" | "ca.token_authority.x5u", _) => "https://another.example",
        ("ca.policy", _) => "none",
        ("ca.dialect", _) => "shaken",
        ("ca.fingerprint", _) => "spki",
        ("ca.token_reuse", _) => "once",
        ("ca.external_accounts", _) => "required",
        ("ca.unknown_numbers", _) => "refuse",
        _ if key.path == "hep.collector" => "udp:192.0.2.1:9060",
        _ => "another",
    };
    value.to_owned()
}

/// Another value for a key that a flag can set, with what it needs beside it.
fn another(key: &keys::Key) -> Vec<(&'static str, String)> {
    let value = another_value(key);
    let companion = match key.path {
        "sip.certificate_file" => Some("sip.key_file"),
        "sip.key_file" => Some("sip.certificate_file"),
        "http.public.certificate_file" => Some("http.public.key_file"),
        "http.public.key_file" => Some("http.public.certificate_file"),
        "http.trunk.certificate_file" => Some("http.trunk.key_file"),
        "http.trunk.key_file" => Some("http.trunk.certificate_file"),
        "http.admin.certificate_file" => Some("http.admin.key_file"),
        "http.admin.key_file" => Some("http.admin.certificate_file"),
        "trust.ca_list" => Some("trust.ca_list_signer_files"),
        "hep.password_file" => {
            return vec![
                (key.path, "other".to_owned()),
                ("hep.collector", "udp:192.0.2.1:9060".to_owned()),
            ];
        }
        _ => None,
    };
    let companion = companion.map(|key| (key, "other".to_owned()));
    if key.path.starts_with("ca.") {
        return beside_an_authority(key.path, &value);
    }
    [(key.path, value)].into_iter().chain(companion).collect()
}

/// A key of `[ca]`, with what makes an authority and with what it needs.
fn beside_an_authority(path: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("ca.certificate_file", "ca.pem"),
        ("ca.key", "ca.key"),
        ("ca.base_url", "https://ca.example"),
        ("ca.store_file", "ca.sqlite"),
    ];
    match path {
        "ca.external_accounts" => all.push(("ca.external_accounts_file", "accounts")),
        "ca.unknown_numbers" => all.push(("ca.number_authority_file", "numbers")),
        _ if path.starts_with("ca.crl.") => {
            all.extend([
                ("ca.crl.certificate_file", "crl.pem"),
                ("ca.crl.key", "crl.key"),
            ]);
        }
        _ if path.starts_with("ca.ocsp.") => {
            all.extend([
                ("ca.ocsp.certificate_file", "ocsp.pem"),
                ("ca.ocsp.key", "ocsp.key"),
            ]);
        }
        _ if path.starts_with("ca.token_authority.") => all.extend([
            ("ca.token_authority.certificate_file", "t.pem"),
            ("ca.token_authority.key", "t.key"),
        ]),
        _ => {}
    }
    all.retain(|(key, _)| *key != path);
    let all = all.into_iter().map(|(key, value)| (key, value.to_owned()));
    all.chain([(path, value.to_owned())]).collect()
}

/// This test verifies that half an authority is a mistake, told by name.
#[test]
fn an_authority_has_certificate_key_url_and_journal() {
    let ca = |lines: &str| mistakes(&format!("{}[ca]\n{lines}", with_trunk("")));
    let whole = "certificate_file = \"c\"\nkey = \"k\"\nbase_url = \"https://ca.example/\"\nstore_file = \"s\"\n";
    let config = parse_text(&format!("{}[ca]\n{whole}", with_trunk(""))).unwrap();
    let url = config.ca.map(|ca| ca.base_url.value);
    assert_eq!(url.as_deref(), Some("https://ca.example"));
    for (lines, told) in [
        (
            "certificate_file = \"c\"\n",
            "ca.key: the key of the authority is missing",
        ),
        ("key = \"k\"\n", "ca.key: it needs certificate_file"),
        (
            &format!("{whole}external_accounts = \"required\"\n"),
            "it needs external_accounts_file",
        ),
        (
            &format!("{whole}unknown_numbers = \"refuse\"\n"),
            "it needs number_authority_file",
        ),
        (
            &format!("{whole}[ca.crl]\nkey = \"k\"\n"),
            "ca.crl.certificate_file: the other half",
        ),
        (
            &format!("{whole}[ca.ocsp]\ncertificate_file = \"o.pem\"\n"),
            "ca.ocsp.key: the other half",
        ),
        (
            &format!("{whole}[ca.token_authority]\niss = \"i\"\n"),
            "ca.token_authority.certificate_file: what signs",
        ),
        (
            &whole.replace("https:", "http:"),
            "ca.base_url: it takes an https URL without a path",
        ),
        (
            &whole.replace("\"k\"", "\"pkcs11:object=k\""),
            "ca.key: it takes a path, or a pkcs11: URI",
        ),
    ] {
        let all = ca(lines);
        assert!(all.iter().any(|one| one.contains(told)), "{told}: {all:?}");
    }
}

/// This test verifies of every key that a flag can set: a reload takes what is marked live, and leaves what is marked restart.
#[test]
fn a_reload_changes_what_is_live_and_nothing_else() {
    let text = with_trunk("");
    let running = parse_text(&text).unwrap();
    let settings = |config: Config| {
        let (source, written) = (Source::default(), Written::default());
        format!(
            "{:?}",
            Config {
                source,
                written,
                ..config
            }
        )
    };
    for key in KEYS {
        if key.path.contains("[]") || key.kind == Kind::Tables {
            continue;
        }
        let flags = another(key);
        let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, &**value)).collect();
        let next = parse_with(&text, &[], &flags);
        let next = next.unwrap_or_else(|told| panic!("{}: {told:?}", key.path));
        let changes = running.written.changes(&next.written);
        let change = changes.iter().find(|change| *change.key == *key.path);
        assert_eq!(
            change.map(|change| change.applies),
            Some(key.applies),
            "{}",
            key.path
        );
        let taken = settings(next.over(&running)) != settings(running.clone());
        assert_eq!(taken, key.applies == Applies::Live, "{}", key.path);
    }
}
