//! A certificate repository that is not ours: a directory served over https by `openssl s_server`.

use super::{Process, Workspace, free_address};
use std::net::SocketAddr;

/// A running https server.
pub(crate) struct Repository {
    process: Process,
    address: SocketAddr,
}

impl Repository {
    /// Serves `files` (name, content) with a web certificate for the loopback address.
    #[track_caller]
    pub(crate) fn serve(files: &[(&str, &str)], certificate_pem: &str, key_pem: &str) -> Self {
        let workspace = Workspace::new("repository");
        workspace.write("web.pem", certificate_pem);
        workspace.write("web.key", key_pem);
        for (name, content) in files {
            workspace.write(name, content);
        }
        let address = free_address();
        let mut process = Process::start("openssl", workspace, |openssl| {
            openssl.args(["s_server", "-WWW", "-accept", &address.to_string()]);
            openssl.args(["-cert", "web.pem", "-key", "web.key"]);
        });
        process.until("accepting", |process| process.output().contains("ACCEPT"));
        Self { process, address }
    }

    /// The URL of one of the files.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://{}/{name}", self.address)
    }

    /// How often the file was asked for.
    pub(crate) fn fetches(&self, name: &str) -> usize {
        let served = format!("FILE:{name}");
        self.process
            .output()
            .lines()
            .filter(|line| line.trim() == served)
            .count()
    }
}
