//! Scopes that narrow on their way down, and addresses that belong to a domain.

use super::*;
use crate::certificate::TnEntry;
use crate::number::TelephoneNumberRange;

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.parse().unwrap())
}

fn range(start: &str, count: u64) -> TnEntry {
    TnEntry::Range(TelephoneNumberRange::new(start.parse().unwrap(), count).unwrap())
}

fn one(number: &str) -> TnEntry {
    TnEntry::One(number.parse().unwrap())
}

/// The authority of lists from the anchor down.
fn of(lists: &[&[TnEntry]]) -> Authority {
    let scope = |entries: &&[TnEntry]| Scope {
        lists: vec![Arc::new(TnAuthList::new(entries.to_vec()).unwrap())],
        ..Scope::default()
    };
    Authority::of_scopes(lists.iter().map(scope).collect(), Box::default())
}

fn number(authority: &Authority, number: &str) -> Coverage {
    authority.covers(&Identity::Number(number.parse().unwrap()))
}

fn by(code: &str) -> Coverage {
    Coverage::ByProvider(code.parse().unwrap())
}

use Coverage::{Covered, NotCovered};

#[test]
fn a_list_of_numbers_covers_them_and_a_code_covers_by_provider() {
    let numbers = of(&[&[range("12025550100", 100), one("*67")]]);
    assert_eq!(number(&numbers, "12025550199"), Covered);
    assert_eq!(number(&numbers, "*67"), Covered);
    assert_eq!(number(&numbers, "12025550200"), NotCovered);
    let provider = of(&[&[spc("709J")]]);
    assert_eq!(number(&provider, "12025550100"), by("709J"));
    let both = of(&[&[spc("709J"), one("12025550100")]]);
    assert_eq!(number(&both, "12025550100"), Covered);
    assert_eq!(number(&both, "12025550101"), by("709J"));
}

#[test]
fn digest04_case01_to_case04_numbers_narrow() {
    let parent = [range("12125551000", 1000)];
    assert_eq!(
        number(&of(&[&parent, &[range("12125551500", 100)]]), "12125551599"),
        Covered
    );
    let wide = of(&[&parent, &[range("12125551950", 100)]]);
    assert_eq!(number(&wide, "12125551999"), Covered);
    assert_eq!(
        number(&wide, "12125552000"),
        NotCovered,
        "case 3: beyond the parent"
    );
    let halves = [range("12125551000", 500), range("12125551500", 500)];
    assert_eq!(
        number(&of(&[&halves, &[range("12125551400", 201)]]), "12125551500"),
        Covered
    );
}

/// A code below a list of numbers adds nothing, as nobody can tell whether its numbers are among them.
#[test]
fn digest04_case05_a_code_under_numbers_covers_nothing() {
    let authority = of(&[&[range("12125551000", 1000)], &[spc("709J")]]);
    assert_eq!(number(&authority, "12125551000"), NotCovered);
    assert!(authority.providers().is_empty());
}

#[test]
fn digest04_case06_numbers_under_a_code_are_by_provider() {
    let authority = of(&[&[spc("709J")], &[one("12155551212")]]);
    assert_eq!(number(&authority, "12155551212"), by("709J"));
    assert_eq!(
        number(&authority, "12155551213"),
        NotCovered,
        "the delegate's list is what binds it"
    );
    assert!(
        authority.providers().is_empty(),
        "the delegate does not speak for the provider"
    );
}

#[test]
fn digest04_case07_the_middle_binds() {
    let authority = of(&[
        &[spc("709J")],
        &[range("12125551000", 100)],
        &[one("12125551100")],
    ]);
    assert_eq!(number(&authority, "12125551100"), NotCovered);
    let authority = of(&[
        &[spc("709J")],
        &[range("12125551000", 100)],
        &[one("12125551099")],
    ]);
    assert_eq!(number(&authority, "12125551099"), by("709J"));
}

#[test]
fn codes_intersect_by_equality() {
    let authority = of(&[&[spc("709J"), spc("709K")], &[spc("709K"), spc("709L")]]);
    assert_eq!(authority.providers(), ["709K".parse().unwrap()]);
    assert_eq!(number(&authority, "12025550100"), by("709K"));
    assert_eq!(
        number(&of(&[&[spc("709J")], &[spc("709j")]]), "12025550100"),
        NotCovered
    );
}

/// What a parent names itself stays covered below, even if it also has a code.
#[test]
fn the_strongest_ground_of_each_number_is_kept() {
    let parent = [spc("709J"), one("12025550100")];
    let authority = of(&[&parent, &[range("12025550100", 2)]]);
    assert_eq!(number(&authority, "12025550100"), Covered);
    assert_eq!(number(&authority, "12025550101"), by("709J"));
}

/// Digest 12 case 10: two entries in one certificate, whatever they are, are a union.
#[test]
fn digest12_case10_two_entries_are_a_union() {
    let two_codes = of(&[&[spc("709K"), spc("709J")]]);
    assert_eq!(
        two_codes.providers(),
        ["709J".parse().unwrap(), "709K".parse().unwrap()]
    );
    assert_eq!(number(&two_codes, "12025550100"), by("709J"));
    assert_eq!(
        two_codes.providers_of("12025550100".parse().unwrap()),
        two_codes.providers()
    );
    let mixed = of(&[&[spc("709J"), range("12025550100", 100)]]);
    assert_eq!(number(&mixed, "12025550100"), Covered);
    assert!(
        mixed
            .providers_of("12025550100".parse().unwrap())
            .is_empty()
    );
    assert_eq!(number(&mixed, "12025550200"), by("709J"));
}

/// What numbers rest on is what stood above the first list that names them, not what is left further down.
#[test]
fn every_provider_that_may_have_a_number_is_named() {
    let path = of(&[
        &[spc("709J"), spc("709K")],
        &[one("12025550100"), spc("709K")],
        &[range("12025550100", 2)],
    ]);
    let behind = |number: &str| path.providers_of(number.parse().unwrap()).to_vec();
    assert_eq!(
        behind("12025550100"),
        ["709J".parse().unwrap(), "709K".parse().unwrap()]
    );
    assert_eq!(behind("12025550101"), ["709K".parse().unwrap()]);
    assert_eq!(behind("12025550102"), []);
    assert!(path.providers().is_empty());
}

/// Digest 04 case 19: what is not in the scope of the end entity is not covered, and the scope is that of the whole path.
#[test]
fn digest04_case19_beyond_the_end_entity() {
    let path = of(&[&[range("12125551000", 1000)], &[range("12125551500", 100)]]);
    assert_eq!(number(&path, "12125551500"), Covered);
    assert_eq!(number(&path, "12125551499"), NotCovered);
    assert_eq!(number(&path, "12125552000"), NotCovered);
}

/// Digest 04 case 14: what signalling writes is canonical before anybody asks for it.
#[test]
fn digest04_case14_signalling_is_canonicalised_first() {
    use crate::identity::{IdentityPolicy, Role};
    let authority = of(&[&[range("12155551000", 1000)]]);
    for uri in [
        "tel:+1-215-555-1212",
        "sip:+1(215)555.1212@example.com;user=phone",
        "sip:12155551212@example.com",
    ] {
        let orig = Identity::from_uri(uri, Role::Orig, IdentityPolicy::default()).unwrap();
        assert_eq!(authority.covers(&orig), Covered, "{uri}");
    }
}

/// Digest 04 case 20: the scope is asked for the identity that the PASSporT speaks for. An `orig` that it covers says nothing
/// about a `div`, and the other way round.
#[test]
fn digest04_case20_each_identity_is_judged_by_itself() {
    let diverting = of(&[&[one("12155551213")]]);
    let (caller, diverted) = ("12155551212", "12155551213");
    assert_eq!(
        (number(&diverting, caller), number(&diverting, diverted)),
        (NotCovered, Covered)
    );
}

/// The path of these steps: each the entries by value and the URL of a list by reference, empty where there is none.
fn referring(steps: &[(&[TnEntry], &str)]) -> Authority {
    let scope = |(entries, url): &(&[TnEntry], &str)| Scope {
        lists: TnAuthList::new(entries.to_vec())
            .into_iter()
            .map(Arc::new)
            .collect(),
        reference: (!url.is_empty()).then(|| Box::from(*url)),
        ..Scope::default()
    };
    Authority::of_scopes(steps.iter().map(scope).collect(), Box::default())
}

fn fetched(url: &str, entries: &[TnEntry]) -> (Box<str>, Arc<TnAuthList>) {
    (
        url.into(),
        Arc::new(TnAuthList::new(entries.to_vec()).unwrap()),
    )
}

const HERE: &str = "https://a.example/list";
const THERE: &str = "https://b.example/list";

/// Digest 04 case 18: once it is here, a list by reference is a list.
#[test]
fn digest04_case18_a_list_by_reference_is_as_one_by_value() {
    let entries = [range("12125551000", 10), spc("709J")];
    let waiting = referring(&[(&[], HERE)]);
    assert_eq!(waiting.references(), [Box::from(HERE)]);
    assert_eq!(
        number(&waiting, "12125551000"),
        NotCovered,
        "nothing rests on what is not here"
    );
    let there = waiting.with_lists(&[fetched(HERE, &entries)]);
    assert!(there.references().is_empty());
    let by_value = of(&[&entries]);
    assert_eq!(there, by_value);
}

/// Digest 04 case 23: the list shrinks between two calls, and so does what may be said.
#[test]
fn digest04_case23_a_list_that_shrinks() {
    let waiting = referring(&[(&[], HERE)]);
    let first = waiting.with_lists(&[fetched(HERE, &[range("12125551000", 10)])]);
    assert_eq!(number(&first, "12125551009"), Covered);
    let second = waiting.with_lists(&[fetched(HERE, &[range("12125551000", 9)])]);
    assert_eq!(number(&second, "12125551009"), NotCovered);
    assert_eq!(number(&second, "12125551008"), Covered);
}

/// By value and by reference in one certificate: a union (docs/divergences.md).
#[test]
fn by_value_and_by_reference_add_up() {
    let both = referring(&[(&[one("12125551000"), spc("709K")], HERE)]);
    assert_eq!(number(&both, "12125551000"), Covered);
    assert_eq!(
        number(&both, "12125551001"),
        by("709K"),
        "what is by value holds already"
    );
    let whole = both.with_lists(&[fetched(HERE, &[one("12125551001"), spc("709J")])]);
    assert_eq!(number(&whole, "12125551000"), Covered);
    assert_eq!(number(&whole, "12125551001"), Covered);
    assert_eq!(
        whole.providers(),
        ["709J".parse().unwrap(), "709K".parse().unwrap()]
    );
}

// RFC 8226 §10.1: "the dereferenced URI from a CA certificate limits the set of TNs for certification paths that include this
// certificate."
#[test]
fn a_list_by_reference_limits_the_path_below_it() {
    let path = referring(&[
        (&[], HERE),
        (&[range("12125551000", 10)], THERE),
        (&[], HERE),
    ]);
    assert_eq!(
        path.references(),
        [Box::from(HERE), Box::from(THERE)],
        "in path order, each once"
    );
    let half = path.with_lists(&[fetched(HERE, &[range("12125551005", 10)])]);
    assert_eq!(half.references(), [Box::from(THERE)]);
    let whole = half.with_lists(&[fetched(THERE, &[one("12125551012")])]);
    for (wanted, covered) in [
        ("12125551004", NotCovered),
        ("12125551005", Covered),
        ("12125551009", Covered),
        ("12125551010", NotCovered),
        ("12125551012", Covered),
    ] {
        assert_eq!(number(&whole, wanted), covered, "{wanted}");
    }
    let unknown = path.with_lists(&[fetched("https://c.example/list", &[spc("709J")])]);
    assert_eq!(
        unknown, path,
        "a list that nobody refers to changes nothing"
    );
}

#[test]
fn the_delegations_of_a_path_are_judged_one_by_one() {
    let judged = |steps: &[&[TnEntry]]| of(steps).judge_delegations(&delegation::Unknown);
    let thousand = [range("12125551000", 1000)];
    assert_eq!(judged(&[]), Delegation::Encompassed);
    assert_eq!(judged(&[&thousand]), Delegation::Encompassed);
    assert_eq!(
        judged(&[
            &thousand,
            &[range("12125551500", 100)],
            &[one("12125551599")]
        ]),
        Delegation::Encompassed
    );
    // Case 7: within the top, not within the middle.
    let beyond = judged(&[
        &thousand,
        &[range("12125551500", 100)],
        &[one("12125551600")],
    ]);
    assert!(
        matches!(beyond, Delegation::NotEncompassed(_)),
        "{beyond:?}"
    );
    assert_eq!(
        judged(&[&[spc("709J")], &thousand, &[one("12125551600")]]),
        Delegation::Unknown("709J".parse().unwrap())
    );
    let waiting = referring(&[(&[], HERE), (&[one("12125551000")], "")]);
    assert!(matches!(
        waiting.judge_delegations(&delegation::Unknown),
        Delegation::NotEncompassed(_)
    ));
    let there = waiting.with_lists(&[fetched(HERE, &thousand)]);
    assert_eq!(
        there.judge_delegations(&delegation::Unknown),
        Delegation::Encompassed
    );
}

/// A path of ten lists of two thousand entries each answers with a binary search in each.
#[test]
fn a_path_of_long_lists_is_asked_and_not_walked() {
    use crate::certificate::numbers::tests::comparisons;
    let entries: Vec<_> = (0..2_000)
        .map(|n| one(&(12_025_550_100_u64 + 2 * n).to_string()))
        .collect();
    let path = of(&[&entries[..]; 10]);
    let middle = Identity::Number("12025551100".parse().unwrap());
    assert_eq!(path.covers(&middle), Covered);
    assert!(comparisons(|| path.covers(&middle)) <= 10 * 12);
}

/// Paths of up to four lists over numbers of one digit and three providers.
fn paths() -> impl proptest::strategy::Strategy<Value = Vec<Vec<TnEntry>>> {
    use proptest::prelude::*;
    let entry = prop_oneof![
        2 => (0_u8..9, 2_u64..5).prop_filter_map("runs over", |(first, count)| {
            let start = first.to_string().parse().unwrap();
            TelephoneNumberRange::new(start, count).ok().map(TnEntry::Range)
        }),
        2 => (0_u8..10).prop_map(|digit| one(&digit.to_string())),
        1 => (0_u8..3).prop_map(|code| spc(&code.to_string())),
    ];
    proptest::collection::vec(proptest::collection::vec(entry, 1..5), 1..5)
}

proptest::proptest! {
    /// Against the definition by numbers: whatever numbers the three providers have, what is called covered is in the scope of
    /// every certificate, and who is named by provider decides it.
    #[test]
    fn covers_what_every_scope_has(path in paths(), owners in proptest::collection::vec(0_u8..4, 10)) {
        let steps: Vec<_> = path.iter().map(Vec::as_slice).collect();
        let authority = of(&steps);
        for (digit, owner) in owners.iter().enumerate() {
            let wanted = digit.to_string().parse().unwrap();
            // Each list must have the number by name, or by a provider that the lists above it have, too, or above numbers.
            let lists = path.iter().map(|entries| TnAuthList::new(entries.clone()).unwrap());
            let owned = owner.to_string().parse().unwrap();
            let mut scopes = lists.map(|list| {
                (list.authorizes(wanted), list.providers().contains(&owned))
            });
            let first = scopes.next().unwrap();
            let (within, _) = scopes.fold((first.0 || first.1, first.1), |(within, by_code), (listed, code)| {
                let code = code && by_code;
                (code || (listed && within), code)
            });
            let answer = match number(&authority, &digit.to_string()) {
                Covered => true,
                Coverage::ByProvider(_) => authority.providers_of(wanted).contains(&owned),
                NotCovered => false,
            };
            proptest::prop_assert_eq!(answer, within, "{} of {}", digit, owner);
        }
    }
}

fn domains(dns: &[&str], uris: &[&str]) -> Authority {
    let boxed = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
    let names = SubjectAltName {
        dns: boxed(dns),
        uris: boxed(uris),
    };
    Authority {
        domains: sip_domains(Some(&names)),
        ..Authority::default()
    }
}

fn uri(authority: &Authority, uri: &str) -> Coverage {
    authority.covers(&Identity::Uri(uri.into()))
}

#[test]
fn addresses_belong_to_the_domain_of_the_certificate() {
    let authority = domains(&["Example.COM"], &[]);
    assert_eq!(uri(&authority, "sip:alice@example.com"), Covered);
    assert_eq!(uri(&authority, "sips:alice@EXAMPLE.com"), Covered);
    for other in [
        "sip:alice@sub.example.com",
        "sip:alice@example.com.evil.example",
        "sip:alice@xexample.com",
        "sip:alice@example.com:5060",
        "sip:alice@example.com;transport=tcp",
        "sip:alice@evil.example?x=@example.com:",
        "mailto:alice@example.com",
        "alice@example.com",
        "example.com",
    ] {
        assert_eq!(uri(&authority, other), NotCovered, "{other}");
    }
    assert_eq!(number(&authority, "12025550100"), NotCovered);
    assert_eq!(
        uri(&of(&[&[spc("709J")]]), "sip:alice@example.com"),
        NotCovered
    );
}

/// RFC 5922 §7.1 and §7.2: which names of a certificate are SIP domains.
#[test]
fn sip_uris_come_before_dns_names_and_users_and_wildcards_do_not_count() {
    let both = domains(&["b.example"], &["sip:a.example;x=y"]);
    assert_eq!(both.domains(), [Box::from("a.example")]);
    let users = domains(
        &["b.example"],
        &["sip:bob@a.example", "sips:a.example", "https://a.example"],
    );
    assert_eq!(users.domains(), [Box::from("b.example")]);
    assert!(
        domains(&["*.example.com", ".example.com", ""], &[])
            .domains()
            .is_empty()
    );
}
