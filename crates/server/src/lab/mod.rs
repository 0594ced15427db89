//! The lab that `countersign up` makes: everything a first call needs, on one machine, with real sockets.
//!
//! - [`directory`]: the folder with its keys and certificates.
//! - [`plan`]: what listens where, and the configuration that says so.
//! - [`enrolling`]: the provider's certificate, ordered from the lab's own authority.
//! - [`answering`], [`calling`]: a called and a calling party.
//!
//! Nothing here is used by `serve`.

pub mod directory;
pub mod plan;
pub mod enrolling;
pub mod answering;
pub mod calling;
