//! Reads typed settings out of the tree and collects every mistake on the way.
//!
//! A [`Reader`] stands for one table. Each method reads one key: it answers with the value, or with the default after noting
//! what is wrong, so that one run tells all mistakes. [`Reader::finish`] notes the keys that nobody asked for.

use super::keys;
use super::place::{Cause, Expected, Mistake, Place, Placed};
use super::tree::{Node, Table, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Where mistakes are noted.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) mistakes: RefCell<Vec<Mistake>>,
    /// Keys asked for, in the form of the table.
    pub(super) asked: RefCell<BTreeSet<String>>,
}

/// One table being read.
pub(super) struct Reader<'a> {
    table: Option<&'a Table>,
    place: Place,
    /// `trunks[0].`
    path: String,
    /// `trunks[].`
    pattern: String,
    asked: BTreeSet<&'a str>,
    notes: &'a Notes,
}

impl<'a> Reader<'a> {
    pub(super) fn root(table: &'a Table, place: Place, notes: &'a Notes) -> Self {
        Self {
            table: Some(table),
            place,
            path: String::new(),
            pattern: String::new(),
            asked: BTreeSet::new(),
            notes,
        }
    }

    /// Notes the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (key, node) in self.table.into_iter().flatten() {
            if !self.asked.contains(key.as_str()) {
                let near = keys::nearest(&format!("{}{key}", self.pattern));
                self.note(key, &node.place, Cause::UnknownKey(near));
            }
        }
    }

    /// A table in this one; an absent one is read as empty.
    pub(super) fn table(&mut self, key: &'a str) -> Reader<'a> {
        let node = self.node(key);
        let table = match node.map(|node| (&node.value, &node.place)) {
            Some((Value::Table(table), _)) => Some(table),
            Some((_, place)) => {
                self.note(key, place, Cause::Value(Expected::Table));
                None
            }
            None => None,
        };
        Reader {
            table,
            place: node.map_or_else(|| self.place.clone(), |node| node.place.clone()),
            path: format!("{}{key}.", self.path),
            pattern: format!("{}{key}.", self.pattern),
            asked: BTreeSet::new(),
            notes: self.notes,
        }
    }

    /// The tables of a list.
    pub(super) fn tables(&mut self, key: &'a str) -> Vec<Reader<'a>> {
        let Some(node) = self.key(key) else {
            return Vec::new();
        };
        let Value::List(nodes) = &node.value else {
            self.note(key, &node.place, Cause::Value(Expected::ListOfTables));
            return Vec::new();
        };
        let mut readers = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let Value::Table(table) = &node.value else {
                self.note(key, &node.place, Cause::Value(Expected::ListOfTables));
                continue;
            };
            readers.push(Reader {
                table: Some(table),
                place: node.place.clone(),
                path: format!("{}{key}[{index}].", self.path),
                pattern: format!("{}{key}[].", self.pattern),
                asked: BTreeSet::new(),
                notes: self.notes,
            });
        }
        readers
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, key: &'a str, default: bool) -> Placed<bool> {
        let (value, place) = match self.key(key).map(|node| (&node.value, &node.place)) {
            Some((Value::Boolean(value), place)) => (*value, place.clone()),
            Some((_, place)) => {
                self.note(key, place, Cause::Value(Expected::Boolean));
                (default, place.clone())
            }
            None => (default, Place::Default),
        };
        self.placed(key, value, place)
    }

    /// A whole number of a range.
    pub(super) fn integer(&mut self, key: &'a str, range: RangeInclusive<i64>) -> Option<i64> {
        let node = self.key(key)?;
        match node.value {
            Value::Integer(value) if range.contains(&value) => Some(value),
            _ => {
                let expected = Expected::Integer(*range.start(), *range.end());
                self.note(key, &node.place, Cause::Value(expected));
                None
            }
        }
    }

    /// One of several numbers.
    pub(super) fn number<T: Copy>(
        &mut self,
        key: &'a str,
        (numbers, meanings): (&'static [i64], &[T]),
    ) -> Option<T> {
        let node = self.key(key)?;
        let places = numbers.iter().zip(meanings);
        let found = match node.value {
            Value::Integer(value) => places.into_iter().find(|(number, _)| **number == value),
            _ => None,
        };
        if found.is_none() {
            let cause = Cause::Value(Expected::OneOfNumbers(numbers));
            self.note(key, &node.place, cause);
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'a str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let written = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == written.value);
        if found.is_none() {
            let words = words.iter().map(|(word, _)| *word).collect();
            self.note(key, &written.place, Cause::Value(Expected::OneOf(words)));
        }
        found.map(|(_, value)| *value)
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'a str) -> Option<Placed<&'a str>> {
        let node = self.key(key)?;
        match &node.value {
            Value::Text(text) => Some(self.placed(key, text.as_str(), node.place.clone())),
            _ => {
                self.note(key, &node.place, Cause::Value(Expected::Text("a text")));
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &'a str, what: &'static str) -> Option<Placed<&'a str>> {
        let there = self.table.is_some_and(|table| table.contains_key(key));
        if !there {
            self.note(key, &self.place, Cause::Missing(what));
        }
        self.text(key)
    }

    /// A text that is something else when read.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'a str,
        form: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Placed<T>> {
        let written = self.text(key)?;
        match parse(written.value) {
            Some(value) => Some(written.map(|_| value)),
            None => {
                self.note(key, &written.place, Cause::Value(Expected::Text(form)));
                None
            }
        }
    }

    /// A list of texts that are something else when read; `None` if the key is not there.
    pub(super) fn list<T>(
        &mut self,
        key: &'a str,
        form: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<Placed<T>>> {
        let node = self.key(key)?;
        let Value::List(nodes) = &node.value else {
            self.note(key, &node.place, Cause::Value(Expected::List));
            return Some(Vec::new());
        };
        let mut values = Vec::new();
        for Node { value, place } in nodes {
            let read = match value {
                Value::Text(text) => parse(text),
                _ => None,
            };
            match read {
                Some(value) => values.push(self.placed(key, value, place.clone())),
                None => self.note(key, place, Cause::Value(Expected::Text(form))),
            }
        }
        Some(values)
    }

    /// The value of a key that nobody wrote.
    pub(super) fn default<T>(&self, key: &str, value: T) -> Placed<T> {
        self.placed(key, value, Place::Default)
    }

    /// How many items a list has as it was written, right or wrong, and where it stands.
    pub(super) fn written_items(&self, key: &str) -> (usize, Place) {
        match self.table.and_then(|table| table.get(key)) {
            Some(node) => match &node.value {
                Value::List(items) => (items.len(), node.place.clone()),
                _ => (1, node.place.clone()),
            },
            None => (0, self.place.clone()),
        }
    }

    /// Notes what is wrong with a key.
    pub(super) fn note(&self, key: &str, place: &Place, cause: Cause) {
        self.notes.mistakes.borrow_mut().push(Mistake {
            place: place.clone(),
            key: format!("{}{key}", self.path).into(),
            cause: cause.into(),
        });
    }

    fn key(&mut self, key: &'a str) -> Option<&'a Node> {
        let pattern = format!("{}{key}", self.pattern);
        debug_assert!(
            keys::find(&pattern).is_some(),
            "{pattern} is not in the table"
        );
        self.notes.asked.borrow_mut().insert(pattern);
        self.node(key)
    }

    fn node(&mut self, key: &'a str) -> Option<&'a Node> {
        self.asked.insert(key);
        self.table?.get(key)
    }

    fn placed<T>(&self, key: &str, value: T, place: Place) -> Placed<T> {
        Placed {
            value,
            place,
            key: format!("{}{key}", self.path).into(),
        }
    }
}

/// A choice among words, with its place; the default of its type where nothing is written.
pub(super) fn placed_choice<'a, T: Copy + Default>(
    reader: &mut Reader<'a>,
    key: &'a str,
    words: &[(&'static str, T)],
) -> Placed<T> {
    let written = reader.text(key);
    let value = reader.choice(key, words).unwrap_or_default();
    match written {
        Some(written) => written.map(|_| value),
        None => reader.default(key, value),
    }
}
