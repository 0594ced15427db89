//! What the verbs look at: files, folders with everything below them, URLs, and `-` for standard input.
//!
//! A folder is read in the order of its names; files in it that hold no certificate are passed over, unless their name says
//! that they should. A URL is asked once, under the same guard as the x5u of a call. What cannot be had is a document, too: it
//! is told, and the others are still looked at.

use super::super::Outcome;
use super::super::console::Console;
use super::super::input;
use super::super::trouble::Trouble;
use super::super::web::{Web, WebFlags};
use super::pieces::{self, MAX_BYTES, Piece};
use crate::clock::SystemClock;
use crate::fetch::Visit;
use crate::fetch::url::Target;
use clap::Args;
use countersign::certificate::Certificate;
use countersign::certificate::repository_url::{RepositoryUrl, UrlFault};
use countersign::verification::Unavailable;
use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Deepest folder below the one that was named: ours to choose; a loop of mounts ends there.
const MAX_DEPTH: usize = 64;

/// Endings of names that promise a certificate.
const PROMISING: [&str; 5] = ["cer", "cert", "crt", "der", "pem"];

/// What is to be looked at, and how URLs are fetched.
#[derive(Debug, Args)]
pub(super) struct Inputs {
    /// Files (PEM or DER), folders, https URLs; `-` is standard input
    #[arg(required = true, value_name = "FILE|DIR|URL")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    web: WebFlags,
}

/// One thing to look at.
#[derive(Debug)]
pub(super) struct Document {
    /// The path or URL, as it was named or found.
    pub(super) name: String,
    /// Its bytes, or why there are none.
    pub(super) content: Result<Vec<u8>, Obstacle>,
    /// Where it is from.
    pub(super) origin: Origin,
}

/// Where a document is from.
#[derive(Debug)]
pub(super) enum Origin {
    /// A file, or standard input.
    File,
    /// A URL, with what its repository answered.
    Url(Option<Visit>),
}

/// Why there is nothing to look at.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// A folder in which nothing is, or nothing that we look for.
    NothingInFolder,
    /// Longer than [`MAX_BYTES`].
    TooLarge,
    /// The repository did not give it.
    Unavailable(Unavailable),
    /// It cannot be read.
    Unreadable(ErrorKind),
    /// The URL may not be fetched from.
    Url(UrlFault),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingInFolder => f.write_str("no certificate in this folder"),
            Self::TooLarge => write!(f, "longer than {MAX_BYTES} bytes"),
            Self::Unavailable(why) => why.fmt(f),
            Self::Unreadable(kind) => f.write_str(&input::unreadable(*kind)),
            Self::Url(fault) => fault.fmt(f),
        }
    }
}

impl Obstacle {
    /// What it makes of the run.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::NothingInFolder | Self::TooLarge | Self::Url(_) => Outcome::Failed,
            Self::Unavailable(_) => Outcome::NotValidated,
            Self::Unreadable(_) => Outcome::Unable,
        }
    }
}

impl Inputs {
    /// Looks at every document, one after the other; the worst outcome.
    ///
    /// # Errors
    /// [`Trouble`] if the flags cannot be followed. What is wrong with a document is an outcome.
    pub(super) fn each(
        &self,
        console: &mut Console,
        mut look: impl FnMut(&Document, &mut Console) -> Outcome,
    ) -> Result<Outcome, Trouble> {
        let mut web = Web::new(&self.web, SystemClock::start())?;
        let (mut worst, mut looked_at, mut passed_over) = (Outcome::Done, 0_usize, 0_usize);
        for input in &self.inputs {
            let (mut queue, before) = (Queue::of(input), looked_at);
            while let Some(place) = queue.next() {
                let document = match place {
                    Place::Obstacle(path, obstacle) => Document::obstacle(&path, obstacle),
                    Place::Url(url) => Document::fetch(url, &mut web)?,
                    Place::StandardInput => {
                        input::announce(None, console);
                        Document::read("-".into(), io::stdin().lock())
                    }
                    Place::File(path, found) => {
                        let document = Document::open(&path);
                        if found == Found::InFolder && !document.promises(&path) {
                            passed_over += 1;
                            continue;
                        }
                        document
                    }
                };
                worst = worst.or_worse(look(&document, console));
                if let Some(hint) = document.hint() {
                    console.remark(format_args!("hint: {hint}"));
                }
                looked_at += 1;
                console.progress(format_args!("{looked_at} looked at, {} to go", queue.len()));
            }
            // Whoever names a folder means something in it: that nothing is wrong with nothing is no answer.
            if looked_at == before {
                let document = Document::obstacle(input, Obstacle::NothingInFolder);
                worst = worst.or_worse(look(&document, console));
            }
        }
        if passed_over > 0 {
            let files = if passed_over == 1 { "file" } else { "files" };
            console.remark(format_args!(
                "{passed_over} {files} without certificates passed over"
            ));
        }
        Ok(worst)
    }
}

impl Document {
    /// The URL, if it is one.
    pub(super) fn url(&self) -> Option<&str> {
        match self.origin {
            Origin::File => None,
            Origin::Url(_) => Some(&self.name),
        }
    }

    /// What its repository answered, if it is a URL and one did.
    pub(super) fn visit(&self) -> Option<&Visit> {
        match &self.origin {
            Origin::File => None,
            Origin::Url(visit) => visit.as_ref(),
        }
    }

    /// What the operator may try, if a URL was not fetched.
    fn hint(&self) -> Option<String> {
        let origin = || {
            let url = RepositoryUrl::parse(self.url()?).ok()?;
            Some(format!("https://{}:{}", url.host(), url.port()))
        };
        match self.content.as_ref().err()? {
            Obstacle::Unavailable(Unavailable::ForbiddenAddress) => {
                let origin = origin()?;
                Some(format!(
                    "if it is a lab's: --allow-origin {origin} --web-ca FILE"
                ))
            }
            Obstacle::Unavailable(Unavailable::Tls) => Some(
                "--web-ca FILE names whom TLS trusts instead of the system's anchors".to_owned(),
            ),
            Obstacle::Url(UrlFault::Port) => Some(format!(
                "--allow-origin {} fetches from there all the same",
                origin()?
            )),
            _ => None,
        }
    }

    fn obstacle(path: &Path, obstacle: Obstacle) -> Self {
        Self {
            name: path.display().to_string(),
            content: Err(obstacle),
            origin: Origin::File,
        }
    }

    fn open(path: &Path) -> Self {
        match File::open(path) {
            Ok(file) => Self::read(path.display().to_string(), file),
            Err(error) => Self::obstacle(path, Obstacle::Unreadable(error.kind())),
        }
    }

    fn read(name: String, file: impl Read) -> Self {
        let mut bytes = Vec::new();
        let content = match file.take(MAX_BYTES + 1).read_to_end(&mut bytes) {
            Err(error) => Err(Obstacle::Unreadable(error.kind())),
            Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(Obstacle::TooLarge),
            Ok(_) => Ok(bytes),
        };
        Self {
            name,
            content,
            origin: Origin::File,
        }
    }

    fn fetch(url: &str, web: &mut Web) -> Result<Self, Trouble> {
        let (mut visit, name) = (None, url.to_owned());
        let content = match Target::judge(url, web.origins()) {
            Err(fault) => Err(Obstacle::Url(fault)),
            Ok(_) => {
                let (runtime, fetcher) = web.fetcher()?;
                match runtime.block_on(fetcher.visit(url)) {
                    Err(why) => Err(Obstacle::Unavailable(why)),
                    Ok(answer) => {
                        let content = of_answer(&answer);
                        visit = Some(answer);
                        content
                    }
                }
            }
        };
        Ok(Self {
            name,
            content,
            origin: Origin::Url(visit),
        })
    }

    /// Whether somebody who named the folder meant this file, too: its name promises a certificate and it holds nothing else,
    /// or it holds one whatever its name.
    fn promises(&self, path: &Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let by_name = ending.is_some_and(|ending| {
            let promises = |known: &&str| known.eq_ignore_ascii_case(ending);
            PROMISING.iter().any(promises)
        });
        let bytes = match &self.content {
            Ok(bytes) => bytes,
            Err(Obstacle::TooLarge) => return by_name,
            Err(_) => return true,
        };
        let mut other = pieces::pieces(bytes).peekable();
        if other.peek().is_none() {
            return by_name;
        }
        other.any(|piece| match piece {
            Piece::BrokenPem => by_name,
            Piece::Certificate(der) => by_name || Certificate::parse(der.bytes()).is_ok(),
            Piece::Other(_) | Piece::PrivateKey => false,
        })
    }
}

fn of_answer(answer: &Visit) -> Result<Vec<u8>, Obstacle> {
    match answer.status {
        200 => Ok(answer.body.to_vec()),
        300..=399 => Err(Obstacle::Unavailable(Unavailable::Redirect)),
        status => Err(Obstacle::Unavailable(Unavailable::BadStatus(status))),
    }
}

/// What is still to be looked at.
struct Queue<'a> {
    first: Option<Place<'a>>,
    /// Found in folders, with how deep; the next one first.
    found: VecDeque<(PathBuf, usize)>,
}

enum Place<'a> {
    File(PathBuf, Found),
    Obstacle(PathBuf, Obstacle),
    StandardInput,
    Url(&'a str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    ByName,
    InFolder,
}

impl<'a> Queue<'a> {
    fn of(input: &'a Path) -> Self {
        let mut found = VecDeque::new();
        let first = match input.to_str() {
            Some("-") => Some(Place::StandardInput),
            Some(url) if url.contains("://") => Some(Place::Url(url)),
            _ if input.is_dir() => {
                found.push_back((input.to_owned(), 0));
                None
            }
            _ => Some(Place::File(input.to_owned(), Found::ByName)),
        };
        Self { first, found }
    }

    fn len(&self) -> usize {
        self.found.len()
    }

    fn next(&mut self) -> Option<Place<'a>> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while let Some((path, depth)) = self.found.pop_front() {
            // A folder that is a link may lead back to where we came from.
            let is_link = depth > 0 && path.is_symlink();
            if path.is_file() {
                return Some(Place::File(path, Found::InFolder));
            }
            if !path.is_dir() || is_link || depth == MAX_DEPTH {
                continue;
            }
            match sorted(&path) {
                Err(error) => {
                    return Some(Place::Obstacle(path, Obstacle::Unreadable(error.kind())));
                }
                Ok(inside) => {
                    for one in inside.into_iter().rev() {
                        self.found.push_front((one, depth + 1));
                    }
                }
            }
        }
        None
    }
}

/// What is in a folder, by name; what is hidden stays so.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
