//! Certificates: what the product makes of each one in a folder, beside what others have said of it.
//!
//! A folder may hold certificates in DER and PEM, and JSON lines with `der_b64`, packed with gzip or not. A line may say what others found:
//! `oracle.openssl_chain` (`OK`, or why not) and `oracle.zlint_errors` (names of lints); without that there is nothing to disagree with.
//!
//! Everything that is a certification authority's is a possible issuer. Anchors are the self-issued ones among the PEM files whose name
//! begins with `roots` or `anchors`; if there is no such file, every self-issued one is. A path is looked for, because nobody has put these
//! certificates in order; what the product judges is each list so found, at a time at which all of it is valid if there is one.

use crate::Figures;
use crate::paths::{Outcome, Pool};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::certificate::lint::{self, Severity};
use countersign::certificate::{Certificate, CertificateError, chain};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most certificates in one PEM file of a folder.
const MAX_IN_FILE: usize = 100_000;

/// What the names of our own rules have in them.
const OURS: &str = "_stir_";

/// Disagreements that are printed one by one; the table counts all.
const SHOWN: usize = 40;

/// Judges every certificate of the folder.
///
/// # Errors
/// A text: the folder, or a file in it, cannot be read.
pub(crate) fn judge(path: &str) -> Result<Figures, String> {
    let folder = Folder::read(Path::new(path))?;
    let pool = Pool::new(folder.certificates(), &folder.anchors);
    let mut table = Table::default();
    for specimen in folder.specimens.values() {
        table.add(specimen, &pool);
    }
    table.print(&pool);
    Ok(Figures {
        judged: table.certificates,
        disagreeing: table.disagreeing,
    })
}

/// One certificate and what is said of it.
struct Specimen {
    name: String,
    certificate: Result<Certificate, CertificateError>,
    /// The verdict over its path that others came to.
    said_of_chain: Option<String>,
    /// The errors that others' lints found.
    said_errors: Option<BTreeSet<String>>,
}

#[derive(Default)]
struct Folder {
    /// By the SHA-256 of the DER: a certificate that lies in several files is one.
    specimens: BTreeMap<[u8; 32], Specimen>,
    anchors: Vec<Certificate>,
}

impl Folder {
    fn read(path: &Path) -> Result<Self, String> {
        let mut files = Vec::new();
        collect(path, &mut files)?;
        files.sort();
        let mut folder = Self::default();
        let mut named_anchors = false;
        for file in &files {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let is_anchors = name.starts_with("roots") || name.starts_with("anchors");
            match () {
                () if name.ends_with(".jsonl") || name.ends_with(".jsonl.gz") => {
                    folder.lines(file)?;
                }
                () if name.ends_with(".pem") || is_der(&name) => {
                    named_anchors |= is_anchors;
                    folder.file(file, is_anchors)?;
                }
                () => {}
            }
        }
        if !named_anchors {
            let own = |one: &&Certificate| one.is_ca() && one.is_self_issued();
            folder.anchors = folder.certificates().filter(own).cloned().collect();
        }
        Ok(folder)
    }

    fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        let specimens = self.specimens.values();
        specimens.filter_map(|one| one.certificate.as_ref().ok())
    }

    fn lines(&mut self, file: &Path) -> Result<(), String> {
        let shown = file.display();
        for (index, line) in text(file)?.lines().enumerate() {
            let at = |why: String| format!("{shown}, line {}: {why}", index + 1);
            let value: Value = serde_json::from_str(line).map_err(|error| at(error.to_string()))?;
            let der = value.get("der_b64").and_then(Value::as_str);
            let der = der.and_then(|text| STANDARD.decode(text).ok());
            let der = der.ok_or_else(|| at("no der_b64".to_owned()))?;
            let oracle = |name: &str| value.get("oracle").and_then(|oracle| oracle.get(name));
            let errors = oracle("zlint_errors").and_then(Value::as_array);
            let errors = errors.map(|all| {
                let names = all.iter().filter_map(Value::as_str);
                names.map(str::to_owned).collect()
            });
            let specimen = Specimen {
                name: format!("{shown}:{}", index + 1),
                certificate: Certificate::parse(&der),
                said_of_chain: oracle("openssl_chain")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                said_errors: errors,
            };
            // What a line says is worth more than a file that says nothing.
            self.specimens
                .insert(countersign::crypto::sha256(&der), specimen);
        }
        Ok(())
    }

    fn file(&mut self, file: &Path, anchors: bool) -> Result<(), String> {
        let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let certificates = match is_der(&file.to_string_lossy()) {
            true => Certificate::parse(&bytes)
                .map(|one| vec![one])
                .map_err(|error| error.to_string()),
            false => chain::read_all(&bytes, MAX_IN_FILE).map_err(|error| error.to_string()),
        };
        for certificate in certificates.map_err(|error| format!("{}: {error}", file.display()))? {
            if anchors && certificate.is_ca() {
                self.anchors.push(certificate.clone());
            }
            let name = file.display().to_string();
            self.specimens
                .entry(certificate.sha256())
                .or_insert(Specimen {
                    name,
                    certificate: Ok(certificate),
                    said_of_chain: None,
                    said_errors: None,
                });
        }
        Ok(())
    }
}

fn is_der(name: &str) -> bool {
    [".der", ".crt", ".cer"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries =
        std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for entry in entries.flatten().map(|entry| entry.path()) {
        if entry.is_file() {
            files.push(entry);
        }
    }
    Ok(())
}

/// The text of a file, unpacked by the system's gzip if it is packed.
fn text(file: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    if file.extension().is_none_or(|end| end != "gz") {
        return std::fs::read_to_string(file).map_err(failed);
    }
    let unpacked = Command::new("gzip")
        .arg("-dc")
        .arg(file)
        .output()
        .map_err(failed)?;
    String::from_utf8(unpacked.stdout).map_err(|_| format!("{}: not text", file.display()))
}

/// The errors that the public rules find; rules of our own are unknown to others.
fn public_errors(certificate: &Certificate) -> BTreeSet<String> {
    let found = lint::run(certificate).into_iter();
    let public = found.filter(|one| one.severity == Severity::Error && !one.name.contains(OURS));
    public.map(|one| one.name.to_owned()).collect()
}

/// How often a lint fired.
#[derive(Default)]
struct Fired {
    ours: usize,
    theirs: usize,
    only_ours: usize,
    only_theirs: usize,
}

/// What others say of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Said {
    Bad,
    Good,
    Nothing,
}

impl Said {
    fn of(words: Option<&str>) -> Self {
        match words {
            None => Self::Nothing,
            Some("OK") => Self::Good,
            Some(_) => Self::Bad,
        }
    }
}

#[derive(Default)]
struct Table {
    certificates: usize,
    disagreeing: usize,
    unreadable: usize,
    chains: HashMap<(Outcome, Said), usize>,
    chains_said: usize,
    chains_agreeing: usize,
    linted: usize,
    lints_agreeing: usize,
    lints: BTreeMap<String, Fired>,
    shown: Vec<String>,
}

impl Table {
    fn add(&mut self, specimen: &Specimen, pool: &Pool<'_>) {
        self.certificates += 1;
        let mut words = Vec::new();
        match &specimen.certificate {
            Err(error) => {
                self.unreadable += 1;
                words.push(format!("does not parse: {error}"));
            }
            Ok(certificate) => {
                words.extend(self.add_chain(specimen, certificate, pool));
                words.extend(self.add_lints(specimen, certificate));
            }
        }
        if !words.is_empty() {
            self.disagreeing += 1;
            self.shown
                .push(format!("{}: {}", specimen.name, words.join("; ")));
        }
    }

    fn add_chain(
        &mut self,
        specimen: &Specimen,
        certificate: &Certificate,
        pool: &Pool<'_>,
    ) -> Option<String> {
        // An authority's own certificate signs no PASSporT; there is no path for it to be the end of.
        if certificate.is_ca() {
            return None;
        }
        let found = pool.judge(certificate);
        let said = Said::of(specimen.said_of_chain.as_deref());
        *self.chains.entry((found.outcome, said)).or_default() += 1;
        if said == Said::Nothing {
            return None;
        }
        self.chains_said += 1;
        let agrees = (said == Said::Good) == (found.outcome == Outcome::Proven);
        self.chains_agreeing += usize::from(agrees);
        let words = specimen.said_of_chain.as_deref().unwrap_or_default();
        (!agrees).then(|| format!("path: {}; said of it: {words}", found.detail))
    }

    fn add_lints(&mut self, specimen: &Specimen, certificate: &Certificate) -> Option<String> {
        let ours = public_errors(certificate);
        let none = BTreeSet::new();
        let theirs = specimen.said_errors.as_ref();
        for name in ours.union(theirs.unwrap_or(&none)) {
            let fired = self.lints.entry(name.clone()).or_default();
            fired.ours += usize::from(ours.contains(name));
            if let Some(theirs) = theirs {
                let (here, there) = (ours.contains(name), theirs.contains(name));
                fired.theirs += usize::from(there);
                fired.only_ours += usize::from(here && !there);
                fired.only_theirs += usize::from(there && !here);
            }
        }
        let theirs = theirs?;
        self.linted += 1;
        if ours == *theirs {
            self.lints_agreeing += 1;
            return None;
        }
        let list = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
        Some(format!(
            "only we find [{}], only they find [{}]",
            list(ours.difference(theirs).collect()),
            list(theirs.difference(&ours).collect())
        ))
    }

    fn print(&self, pool: &Pool<'_>) {
        for line in self.shown.iter().take(SHOWN) {
            println!("{line}");
        }
        if self.shown.len() > SHOWN {
            println!("... and {} more", self.shown.len() - SHOWN);
        }
        println!(
            "{:52} {:>8} {:>8} {:>10} {:>10}",
            "", "ours", "theirs", "only ours", "only theirs"
        );
        for (name, fired) in &self.lints {
            println!(
                "{name:52} {:>8} {:>8} {:>10} {:>10}",
                fired.ours, fired.theirs, fired.only_ours, fired.only_theirs
            );
        }
        let (authorities, anchors) = pool.size();
        println!("{:52} {:>8}", "certificates", self.certificates);
        println!(
            "{:52} {:>8}",
            "of authorities, anchors among them",
            format!("{authorities}, {anchors}")
        );
        println!("{:52} {:>8}", "parse", self.certificates - self.unreadable);
        let mut chains: Vec<_> = self.chains.iter().collect();
        chains.sort();
        for ((outcome, said), count) in chains {
            let said = match said {
                Said::Bad => ", said to be bad",
                Said::Good => ", said to be good",
                Said::Nothing => "",
            };
            println!("{:52} {count:>8}", format!("path {outcome}{said}"));
        }
        println!(
            "{:52} {:>8} of {}",
            "paths whose verdict agrees", self.chains_agreeing, self.chains_said
        );
        println!(
            "{:52} {:>8} of {}",
            "certificates whose lint errors agree", self.lints_agreeing, self.linted
        );
    }
}
