//! The door. The story is in the library.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// What a message needs is taken by the thread of its socket and given back by a shard, many times a call.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    countersign_server::cli::main()
}
