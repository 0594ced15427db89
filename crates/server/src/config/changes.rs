//! What was written, and what is different in it the next time.
//!
//! A configuration remembers what was written as plain text, key by key, without what is only the default: two are compared
//! without knowing what any key means. Tables of a list are known by their name, so that one more at the beginning does not
//! look as if all had changed.

use super::keys::{self, Applies, NONE, REQUIRED};
use super::tree::{Node, Table, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Every setting that is not the default, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// By key: `sip.udp`, `trunks[pbx].role`.
    settings: BTreeMap<String, Setting>,
    /// The names of the tables of each list, in order: the first trunk that fits a message is its trunk.
    lists: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    value: String,
    applies: Applies,
}

/// A key whose value is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which: `log.level`, `trunks[pbx].role`; `trunks[pbx]` if all of it is new or gone; `trunks` if their order is another.
    pub key: Box<str>,
    /// When the change takes effect.
    pub applies: Applies,
}

impl Written {
    pub(super) fn of(root: &Table) -> Self {
        let mut written = Self::default();
        written.table(root, "", "");
        written
    }

    fn table(&mut self, table: &Table, path: &str, pattern: &str) {
        for (key, node) in table {
            let (path, pattern) = (format!("{path}{key}"), format!("{pattern}{key}"));
            match &node.value {
                Value::Table(inner) => {
                    self.table(inner, &format!("{path}."), &format!("{pattern}."));
                }
                Value::List(items) if is_tables(&pattern) => self.tables(items, &path, &pattern),
                value => self.setting(value, path, &pattern),
            }
        }
    }

    fn tables(&mut self, items: &[Node], path: &str, pattern: &str) {
        let mut names = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Value::Table(table) = &item.value else {
                continue;
            };
            let name = name_of(table).unwrap_or_else(|| index.to_string());
            self.table(table, &format!("{path}[{name}]."), &format!("{pattern}[]."));
            names.push(name);
        }
        self.lists.insert(path.to_owned(), names);
    }

    fn setting(&mut self, value: &Value, path: String, pattern: &str) {
        let (Some(key), Some(value)) = (keys::find(pattern), text(value)) else {
            // What no key takes is a mistake, and has been noted.
            return;
        };
        let is_default = ![NONE, REQUIRED].contains(&key.default) && value == key.default;
        if !is_default {
            let applies = key.applies;
            self.settings.insert(path, Setting { value, applies });
        }
    }

    /// What is different in `newer`, by name; never a value.
    pub fn changes(&self, newer: &Self) -> Vec<Change> {
        let keys: BTreeSet<&String> = self.settings.keys().chain(newer.settings.keys()).collect();
        let mut changes = BTreeMap::new();
        for key in keys {
            let (old, new) = (self.settings.get(key), newer.settings.get(key));
            let Some(setting) = new.or(old).filter(|_| old != new) else {
                continue;
            };
            let lone = self
                .lone_table(newer, key)
                .or_else(|| newer.lone_table(self, key));
            changes.insert(lone.unwrap_or(key).to_owned(), setting.applies);
        }
        for (list, names) in &self.lists {
            if let Some(applies) = newer
                .lists
                .get(list)
                .and_then(|newer| reordered(list, names, newer))
            {
                changes.insert(list.clone(), applies);
            }
        }
        let change = |(key, applies): (String, _)| Change {
            key: key.into(),
            applies,
        };
        changes.into_iter().map(change).collect()
    }

    /// The table of a list that `key` is in, if `other` has no such table: `trunks[pbx]`.
    fn lone_table<'a>(&self, other: &Self, key: &'a str) -> Option<&'a str> {
        let (list, rest) = key.split_once('[')?;
        let (name, _) = rest.rsplit_once("].")?;
        let has = |written: &Self| {
            let names = written.lists.get(list);
            names.is_some_and(|names| names.iter().any(|one| one == name))
        };
        let end = list.len() + name.len() + "[]".len();
        key.get(..end).filter(|_| has(self) && !has(other))
    }
}

/// When a change of the order takes effect, if the tables that both lists have stand in another one.
fn reordered(list: &str, old: &[String], new: &[String]) -> Option<Applies> {
    let kept = old.iter().filter(|name| new.contains(name));
    let still = new.iter().filter(|name| old.contains(name));
    let key = keys::find(list).filter(|_| !kept.eq(still))?;
    Some(key.applies)
}

fn is_tables(pattern: &str) -> bool {
    keys::find(pattern).is_some_and(|key| key.kind == keys::Kind::Tables)
}

/// What a table of a list is known by.
fn name_of(table: &Table) -> Option<String> {
    match &table.get("name").or_else(|| table.get("origin"))?.value {
        Value::Text(name) => Some(name.clone()),
        _ => None,
    }
}

/// As the table of keys writes its defaults.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Integer(integer) => integer.to_string(),
        Value::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| text(&item.value)).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Text(text) => format!("{text:?}"),
        Value::Other | Value::Table(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::Arc;

    fn written(text: &str) -> Written {
        let path: Arc<Path> = Path::new("c.toml").into();
        let mut mistakes = Vec::new();
        let table = super::super::tree::parse(text, &path, &mut mistakes);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        Written::of(&table)
    }

    #[track_caller]
    fn changed(old: &str, new: &str, expected: &[(&str, Applies)]) {
        let changes = written(old).changes(&written(new));
        let found: Vec<_> = changes
            .iter()
            .map(|change| (&*change.key, change.applies))
            .collect();
        assert_eq!(found, expected);
    }

    const PBX: &str = "[[trunks]]\nname = \"pbx\"\nrole = \"sign\"\n";
    const CARRIER: &str = "[[trunks]]\nname = \"carrier\"\n";

    #[test]
    fn what_is_only_written_otherwise_is_no_change() {
        changed("", "", &[]);
        changed("", "[log]\nlevel = \"info\"\n[sip]\nshards = 0", &[]);
        changed("[sip]\nudp = ['0.0.0.0:5060']", "", &[]);
        changed("[log]\nlevel = 'warn'", "log.level = \"warn\" # here", &[]);
    }

    #[test]
    fn a_key_that_is_added_changed_or_gone() {
        let live = [("log.level", Applies::Live)];
        changed("", "[log]\nlevel = \"warn\"", &live);
        changed("[log]\nlevel = \"warn\"", "[log]\nlevel = \"error\"", &live);
        changed("[log]\nlevel = \"warn\"", "", &live);
        changed(
            "",
            "[sip]\ntcp = []\n[fetch]\ntimeout_ms = 300",
            &[
                ("fetch.timeout_ms", Applies::Restart),
                ("sip.tcp", Applies::Restart),
            ],
        );
    }

    #[test]
    fn tables_are_known_by_name() {
        let both = format!("{PBX}{CARRIER}");
        let turned = format!("{CARRIER}{PBX}");
        changed(PBX, &turned, &[("trunks[carrier]", Applies::Live)]);
        changed(&turned, PBX, &[("trunks[carrier]", Applies::Live)]);
        changed(&both, &turned, &[("trunks", Applies::Live)]);
        let verifying = both.replace("sign", "verify");
        changed(&both, &verifying, &[("trunks[pbx].role", Applies::Live)]);
        changed(
            "",
            "[[fetch.exceptions]]\norigin = \"https://a.example:8443\"\n",
            &[("fetch.exceptions[https://a.example:8443]", Applies::Restart)],
        );
    }
}
