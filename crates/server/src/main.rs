//! The door. The story is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign_server::cli::main()
}
