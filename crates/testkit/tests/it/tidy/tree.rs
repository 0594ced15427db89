//! The text of the project: every file a rule may want to read, or a handful made up for a test.

use super::lexer;
use std::path::Path;
use std::sync::OnceLock;

/// Directories that hold nothing we wrote: what was built, what was found, what a run of the product left.
const NOT_OURS: &[&str] = &[
    "target",
    "corpus",
    "artifacts",
    "coverage",
    "countersign-data",
];
/// Hidden files and directories that are ours.
const HIDDEN_BUT_OURS: &[&str] = &[".ci", ".cargo", ".config", ".gitignore"];

/// One file.
pub(super) struct File {
    /// From the root of the workspace, with `/`.
    pub(super) path: String,
    /// Its text; empty for a file that is not text.
    pub(super) text: String,
    /// A Rust file without comments and literals, at the same offsets; empty for other files.
    pub(super) code: String,
}

impl File {
    fn new(path: String, text: String) -> Self {
        let code = if path.ends_with(".rs") {
            lexer::code_only(&text)
        } else {
            String::new()
        };
        Self { path, text, code }
    }

    /// The file name without its extension.
    pub(super) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split('.').next().unwrap_or_default()
    }

    /// The directory it is in, without a final `/`.
    pub(super) fn directory(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory)
    }

    /// Whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/benches/")
    }
}

/// All files.
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

impl Tree {
    /// The project itself, read once.
    pub(super) fn of_the_house() -> &'static Self {
        static HOUSE: OnceLock<Tree> = OnceLock::new();
        HOUSE.get_or_init(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let mut files = Vec::new();
            read_directory(&root, "", &mut files);
            files.sort_by(|a, b| a.path.cmp(&b.path));
            assert!(files.len() > 50, "the project was not found");
            Tree { files }
        })
    }

    /// A tree made up of these paths and texts.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| File::new((*path).to_owned(), (*text).to_owned()));
        Self {
            files: files.collect(),
        }
    }

    /// The files whose name ends in `extension`.
    pub(super) fn with_extension<'a>(
        &'a self,
        extension: &'a str,
    ) -> impl Iterator<Item = &'a File> {
        self.files
            .iter()
            .filter(move |file| file.path.ends_with(extension))
    }

    /// The Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.with_extension(".rs")
    }

    /// The file at `path`.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is a file or a directory at `path`.
    pub(super) fn exists(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        self.files
            .iter()
            .any(|file| file.path == path || file.path.starts_with(&inside))
    }

    /// The directories of crates: those with a `Cargo.toml` that has a package.
    pub(super) fn crates(&self) -> impl Iterator<Item = &str> {
        let manifests = self
            .files
            .iter()
            .filter(|file| file.path.ends_with("/Cargo.toml"));
        manifests
            .filter(|file| file.text.contains("[package]"))
            .map(File::directory)
    }
}

fn read_directory(directory: &Path, path: &str, files: &mut Vec<File>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}/{name}")
        };
        let hidden = name.starts_with('.') && !HIDDEN_BUT_OURS.contains(&name.as_str());
        if hidden || NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if entry.path().is_dir() {
            read_directory(&entry.path(), &path, files);
        } else {
            // Not every test file is text; a rule that reads text has nothing to say about the others.
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            files.push(File::new(path, text));
        }
    }
}
