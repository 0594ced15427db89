//! The configuration as a tree of placed values, before anybody asks what they mean.
//!
//! Three layers become one: the file, then the environment (`COUNTERSIGN_SECTION__KEY`), then flags. What comes later
//! replaces what came earlier, key by key. Tables in lists (`[[trunks]]`) can only be written in the file.

use super::keys::{self, Kind};
use super::place::{Cause, Expected, Mistake, Place};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table by key.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// A value as TOML knows it, as far as any key takes it.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i64),
    List(Vec<Node>),
    /// A float or a date: no key takes one.
    Other,
    Table(Table),
    Text(String),
}

/// Reads a file's text. What can be read is returned even if something else cannot.
pub(super) fn parse(text: &str, path: &Arc<Path>, mistakes: &mut Vec<Mistake>) -> Table {
    let file = File::new(text, path);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        mistakes.push(Mistake {
            place: file.place(at),
            key: "".into(),
            cause: Box::new(Cause::Syntax(error.message().replace('\n', " ").into())),
        });
    }
    file.table(document.get_ref())
}

struct File<'a> {
    path: &'a Arc<Path>,
    /// Where lines end: a file may have thousands of tenants, and each value is asked for its line.
    ends: Vec<usize>,
}

impl<'a> File<'a> {
    fn new(text: &str, path: &'a Arc<Path>) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let ends = ends.map(|(at, _)| at).collect();
        Self { path, ends }
    }

    fn place(&self, at: usize) -> Place {
        Place::File {
            path: self.path.clone(),
            line: 1 + self.ends.partition_point(|end| *end < at),
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        table
            .iter()
            .map(|(key, value)| {
                // A table's place is its heading; that is where its key stands.
                let place = self.place(key.span().start);
                let node = self.node(value);
                let node = match node.value {
                    Value::Table(_) => Node { place, ..node },
                    _ => node,
                };
                (key.get_ref().to_string(), node)
            })
            .collect()
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(integer) => Value::Integer(integer),
                    Err(_) => Value::Other,
                }
            }
            DeValue::Boolean(boolean) => Value::Boolean(*boolean),
            DeValue::Array(values) => {
                Value::List(values.iter().map(|value| self.node(value)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Float(_) | DeValue::Datetime(_) => Value::Other,
        };
        Node { value, place }
    }
}

/// What stands before the names of our environment variables.
const ENVIRONMENT_PREFIX: &str = "COUNTERSIGN_";

/// Whether an environment variable means a key: only names with `__` do, others belong to the command line.
pub(super) fn means_a_key((name, _): &(String, String)) -> bool {
    key_of(name).is_some()
}

fn key_of(name: &str) -> Option<String> {
    let rest = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    let meant = rest.contains("__");
    meant.then(|| rest.to_ascii_lowercase().replace("__", "."))
}

/// Lays the environment over a tree.
pub(super) fn overlay_environment(
    root: &mut Table,
    environment: &[(String, String)],
    mistakes: &mut Vec<Mistake>,
) {
    for (name, value) in environment {
        if let Some(key) = key_of(name) {
            let place = Place::Environment(name.as_str().into());
            overlay(root, &key, value, place, mistakes);
        }
    }
}

/// Lays one written value over a tree.
pub(super) fn overlay(
    root: &mut Table,
    key: &str,
    written: &str,
    place: Place,
    mistakes: &mut Vec<Mistake>,
) {
    let mut refuse = |cause| {
        mistakes.push(Mistake {
            place: place.clone(),
            key: key.into(),
            cause: Box::new(cause),
        });
    };
    let Some(known) = keys::find(key) else {
        return refuse(Cause::UnknownKey(keys::nearest(key)));
    };
    let value = match read(known.kind, written, &place) {
        Ok(value) => value,
        Err(expected) => return refuse(Cause::Value(expected)),
    };
    let mut table = root;
    let mut path = key.split('.').peekable();
    while let Some(part) = path.next() {
        if path.peek().is_none() {
            table.insert(part.to_owned(), Node { value, place });
            return;
        }
        let node = table.entry(part.to_owned()).or_insert_with(|| Node {
            value: Value::Table(Table::new()),
            place: place.clone(),
        });
        match &mut node.value {
            Value::Table(inner) => table = inner,
            // The file has something else there; the reader says so.
            _ => return,
        }
    }
}

fn read(kind: Kind, written: &str, place: &Place) -> Result<Value, Expected> {
    match kind {
        Kind::Boolean => match written {
            "true" => Ok(Value::Boolean(true)),
            "false" => Ok(Value::Boolean(false)),
            _ => Err(Expected::Boolean),
        },
        Kind::Integer => written
            .parse()
            .map(Value::Integer)
            .map_err(|_| Expected::Integer(0, i64::MAX)),
        Kind::List => Ok(Value::List(
            written
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Node {
                    value: Value::Text(item.to_owned()),
                    place: place.clone(),
                })
                .collect(),
        )),
        Kind::Tables => Err(Expected::ListOfTables),
        Kind::Text => Ok(Value::Text(written.to_owned())),
    }
}
