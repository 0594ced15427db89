//! What the command line says beside certificates: what is at the URLs of rich call data, whose word on priority and on others' callers
//! counts, and which priority a call asks for that is no message.

use super::super::trouble::Trouble;
use crate::fetch::picture;
use crate::files;
use countersign::certificate::ServiceProviderCode;
use countersign::priority::{PriorityMark, RequestedPriority, ResourceValue};
use countersign::verification::policy::{
    NamespaceAuthority, PriorityPolicy, PrioritySigner, RichFetch, RichPolicy,
};
use countersign::verification::{Answer, Resource, ResourceKind, Unavailable};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Flags about what is proven beside the caller's number.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Beyond the number")]
pub(super) struct ProofArguments {
    /// All headers and tokens of the input are of one call, such as those of a call that was forwarded
    #[arg(long)]
    pub(super) together: bool,
    /// What is at a URL of a picture or a card, instead of fetching it; may be given several times
    #[arg(long, value_name = "URL=FILE")]
    pub(super) resource: Vec<String>,
    /// A third party whose rich call data is believed, by the CN or O of its certificate; may be given several times
    #[arg(long, value_name = "NAME")]
    rich_signer: Vec<String>,
    /// Write the picture to this file, if it is proven
    #[arg(long, value_name = "FILE")]
    pub(super) picture: Option<PathBuf>,
    /// Who may sign for a namespace of Resource-Priority: a provider code, or the CN or O of a certificate
    #[arg(long, value_name = "NAMESPACE=SIGNER")]
    priority_authority: Vec<String>,
    /// A value of Resource-Priority that the call asks for, where no message says so; may be given several times
    #[arg(long, value_name = "NAMESPACE.VALUE")]
    rph: Vec<ResourceValue>,
    /// The call says that it is the call-back of an answering point, where no message says so
    #[arg(long)]
    sph: bool,
}

impl ProofArguments {
    /// Whose rich call data is believed, and what is fetched of it: what is to be shown.
    pub(super) fn rich_policy(&self) -> RichPolicy {
        RichPolicy {
            fetch: RichFetch::Shown,
            signers: self
                .rich_signer
                .iter()
                .map(|name| Box::from(&**name))
                .collect(),
            ..RichPolicy::default()
        }
    }

    /// Who may sign for which namespace.
    ///
    /// # Errors
    /// [`Trouble::PriorityAuthority`] names the flag.
    pub(super) fn priority_policy(&self) -> Result<PriorityPolicy, Trouble> {
        let read = |text: &String| {
            let (namespace, signer) = text
                .split_once('=')
                .ok_or_else(|| Trouble::PriorityAuthority(text.as_str().into()))?;
            let code = signer.parse::<ServiceProviderCode>().ok();
            let code = code.map(PrioritySigner::Provider);
            let subject = PrioritySigner::Subject(signer.into());
            Ok(NamespaceAuthority {
                namespace: namespace.to_ascii_lowercase().into(),
                signers: code.into_iter().chain([subject]).collect(),
            })
        };
        let authorities: Result<Vec<_>, Trouble> =
            self.priority_authority.iter().map(read).collect();
        Ok(PriorityPolicy {
            authorities: authorities?.into(),
        })
    }

    /// What the flags say that the call asks for, over what it says itself.
    pub(super) fn priority(&self, of_call: RequestedPriority) -> RequestedPriority {
        let mut priority = of_call;
        if !self.rph.is_empty() {
            priority.values.clone_from(&self.rph);
        }
        if self.sph {
            priority.mark = PriorityMark::PsapCallback;
        }
        priority
    }
}

/// What is at the URLs of rich call data, as files.
pub(super) struct Resources(BTreeMap<Box<str>, Vec<u8>>);

impl Resources {
    /// Reads `URL=FILE` arguments.
    ///
    /// # Errors
    /// [`Trouble`] names the flag or the file.
    pub(super) fn read(flags: &[String]) -> Result<Self, Trouble> {
        let mut resources = BTreeMap::new();
        for text in flags {
            let (url, file) = text
                .rsplit_once('=')
                .ok_or_else(|| Trouble::Resource(text.as_str().into()))?;
            let path = Path::new(file);
            let bytes = files::read(path).map_err(|fault| Trouble::File(path.into(), fault))?;
            resources.insert(url.into(), bytes);
        }
        Ok(Self(resources))
    }

    /// What is at this URL, if a file was named for it. It is judged as what is fetched.
    pub(super) fn answer(&self, url: &str, kind: ResourceKind) -> Option<Answer> {
        let bytes = self.0.get(url)?;
        if bytes.len() > kind.limit() {
            return Some(Answer::Unavailable(Unavailable::TooLarge));
        }
        let media_type = match kind {
            ResourceKind::Card => "application/json",
            ResourceKind::Picture => match picture::inspect(bytes) {
                Ok(format) => format.media_type(),
                Err(why) => return Some(Answer::Unavailable(why)),
            },
        };
        let resource = Resource::new(media_type, bytes.as_slice());
        Some(Answer::Resource(Arc::new(resource)))
    }
}
