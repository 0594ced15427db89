//! `[priority]`: who may sign for which namespace of Resource-Priority.

use super::place::Cause;
use super::reader::Reader;
use countersign::certificate::ServiceProviderCode;
use countersign::priority::ResourceValue;
use countersign::verification::policy::{NamespaceAuthority, PriorityPolicy, PrioritySigner};

pub(super) fn read(mut reader: Reader<'_>) -> PriorityPolicy {
    let authorities = reader.tables("authorities").into_iter();
    let authorities = authorities.filter_map(authority).collect();
    reader.finish();
    PriorityPolicy { authorities }
}

fn authority(mut reader: Reader<'_>) -> Option<NamespaceAuthority> {
    reader.required("namespace", "what it is about");
    let namespace = reader.parsed("namespace", "a namespace, such as \"ets\"", namespace);
    let providers = reader.list("providers", "a provider code", |text| {
        ServiceProviderCode::new(text).ok()
    });
    let subjects = reader.list("subjects", "a name", |text| {
        (!text.is_empty()).then(|| Box::from(text))
    });
    let (written, place) = reader.written_items("providers");
    if written == 0 && reader.written_items("subjects").0 == 0 {
        let what = "who may sign for it (providers or subjects)";
        reader.note("providers", &place, Cause::Missing(what));
    }
    reader.finish();
    let providers = providers.unwrap_or_default().into_iter();
    let providers = providers.map(|code| PrioritySigner::Provider(code.value));
    let subjects = subjects.unwrap_or_default().into_iter();
    let subjects = subjects.map(|name| PrioritySigner::Subject(name.value));
    Some(NamespaceAuthority {
        namespace: namespace?.value,
        signers: providers.chain(subjects).collect(),
    })
}

/// A namespace as it is compared. RFC 4412 §3.1: they are "case-insensitive ASCII tokens that do not contain periods".
fn namespace(text: &str) -> Option<Box<str>> {
    let value: ResourceValue = format!("{text}.0").parse().ok()?;
    Some(value.namespace().into())
}
