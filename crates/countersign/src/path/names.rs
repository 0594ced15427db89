//! Whether every certificate of a path may have the names that it has:
//! [RFC 5280 §6.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-6.1.3) (b) and (c), §6.1.4 (g).
//!
//! How a name is held against a subtree is told in [`crate::certificate::name_constraints`]; here, whose subtrees bind whom.

use super::PathFault;
use super::walker::Links;
use crate::certificate::extensions::oid;
use crate::certificate::name_constraints::Work;
use crate::certificate::{Certificate, NameConstraints};

/// Holds each certificate against what all above it have said, the anchor's included.
///
/// To intersect what is permitted and to unite what is excluded is to obey each authority by itself.
pub(super) fn judge(links: &Links<'_>) -> Result<(), PathFault> {
    let mut above: Vec<&NameConstraints> = links.anchor.name_constraints().into_iter().collect();
    let mut work = Work::default();
    for link in links.downwards() {
        // RFC 5280 §6.1.3 (b): "If certificate i is self-issued and it is not the final certificate in the path, skip this step for
        // certificate i."
        if !above.is_empty() && (link.is_final || !link.certificate.is_self_issued()) {
            let names = link.certificate.names().ok_or(malformed(&link))?;
            for constraints in &above {
                let judged = constraints.judge(&names, &mut work);
                judged.map_err(|fault| PathFault::NameConstraints {
                    step: link.step,
                    fault,
                })?;
            }
        }
        above.extend(Certificate::name_constraints(link.certificate));
    }
    Ok(())
}

fn malformed(link: &super::walker::Link<'_>) -> PathFault {
    PathFault::MalformedExtension {
        step: link.step,
        extension: oid::SUBJECT_ALT_NAME,
    }
}
