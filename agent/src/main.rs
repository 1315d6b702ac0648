//! `one-sriov-agent`: the guest half of one-sriov.

use std::io::BufWriter;
use std::process::ExitCode;

use one_sriov_agent::cli::Cli;

/// musl's own allocator maps and unmaps pages all the time: a third of the run time with 16 NICs.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    Cli::of_this_process()
        .run(&mut BufWriter::new(std::io::stdout().lock()))
        .into()
}
