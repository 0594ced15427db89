//! curl, which asks over HTTP.

use super::domains::Domain;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// What curl sends, and from where.
#[derive(Clone)]
pub(crate) struct Curl {
    arguments: Vec<String>,
    body: Option<Vec<u8>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header lines.
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Curl {
    /// A request to `url`, from 127.0.0.`last`.
    pub(crate) fn from(last: u8, url: impl Into<String>) -> Self {
        let arguments = ["--silent", "--show-error", "--include", "--max-time", "30"];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
        arguments.extend(["--interface".to_owned(), format!("127.0.0.{last}")]);
        // No other header of its own than those that HTTP asks for.
        arguments.extend(["--header", "Expect:", "--noproxy", "*"].map(str::to_owned));
        arguments.push(url.into());
        Self {
            arguments,
            body: None,
        }
    }

    /// POST of JSON.
    pub(crate) fn json(last: u8, at: SocketAddr, path: &str, body: &str) -> Self {
        Self::from(last, format!("http://{at}{path}"))
            .header("Content-Type: application/json")
            .body(body)
    }

    /// With this header line; one that ends with its colon is left out.
    pub(crate) fn header(self, line: &str) -> Self {
        self.with(&["--header", line])
    }

    /// With these arguments.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|one| (*one).to_owned()));
        self
    }

    /// With this body.
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// With the certificate of this domain.
    pub(crate) fn showing(self, domain: &Domain) -> Self {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (certificate, key) = (text(&domain.certificate), text(&domain.key));
        self.with(&["--cert", &certificate, "--key", &key])
    }

    /// Asks, on a thread of its own.
    pub(crate) async fn ask(self) -> Answer {
        let text = format!("{:?}", self.arguments);
        let answer = self.try_to_ask().await;
        answer.unwrap_or_else(|| panic!("curl {text}: no answer"))
    }

    /// Asks; `None` if there is no answer at all.
    pub(crate) async fn try_to_ask(self) -> Option<Answer> {
        tokio::task::spawn_blocking(|| self.run()).await.unwrap()
    }

    fn run(mut self) -> Option<Answer> {
        if self.body.is_some() {
            self.arguments
                .extend(["--data-binary", "@-"].map(str::to_owned));
        }
        let mut curl = Command::new("curl")
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("curl: {error}"));
        let mut stdin = curl.stdin.take().unwrap();
        // Who refuses a request early does not read all of it.
        let _ = stdin.write_all(&self.body.unwrap_or_default());
        drop(stdin);
        let output = curl.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        let (headers, body) = text.split_once("\r\n\r\n")?;
        Some(Answer {
            status: headers.split(' ').nth(1).unwrap().parse().unwrap(),
            headers: headers.to_owned(),
            body: body.to_owned(),
        })
    }
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `messageId` of an error of ATIS-1000082.
    pub(crate) fn message_id(&self) -> String {
        let error = &self.json()["requestError"];
        let exception = [&error["serviceException"], &error["policyException"]];
        let id = exception
            .iter()
            .find_map(|exception| exception["messageId"].as_str());
        id.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}
