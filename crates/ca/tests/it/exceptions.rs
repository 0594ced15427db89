//! Lists of cases in which two judges do not come to the same verdict, each with the reason.
//!
//! A list is held against what happened: a disagreement that it does not name fails, and so does an agreement that it names
//! as a disagreement, and a case that it names and nobody met.

use std::collections::BTreeMap;

/// `case<TAB>verdict<TAB>reason` a line; lines that begin with `#` are words.
pub(crate) struct Exceptions(BTreeMap<&'static str, &'static str>);

impl Exceptions {
    pub(crate) fn read(text: &'static str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let entries = lines.map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let [case, verdict, reason] = fields[..] else {
                panic!("three fields: {line}")
            };
            assert!(!reason.is_empty(), "{case} needs a reason");
            (case, verdict)
        });
        Self(entries.collect())
    }

    /// Holds the list against all `(case, expected, found)`.
    #[track_caller]
    pub(crate) fn hold(mut self, verdicts: impl IntoIterator<Item = (String, String, String)>) {
        let mut wrong = Vec::new();
        for (case, expected, found) in verdicts {
            match self.0.remove(case.as_str()) {
                None if expected == found => {}
                None => wrong.push(format!("{case}: expected {expected}, found {found}")),
                Some(_) if expected == found => {
                    wrong.push(format!("{case}: {found} as expected, and is an exception"));
                }
                Some(listed) if listed == found => {}
                Some(listed) => wrong.push(format!("{case}: {listed} by the list, found {found}")),
            }
        }
        wrong.extend(self.0.keys().map(|case| format!("{case}: nobody met it")));
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    }
}
