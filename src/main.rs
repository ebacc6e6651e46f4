//! The program `dnsweep`: runs the commands in `cli`, with the memory allocator that suits sweeps.

use std::process::ExitCode;

use dnsweep::cli::Build;
use tikv_jemallocator::Jemalloc;

/// The memory allocator of the program: jemalloc, which is made for programs with many threads.
/// Matches are made of many short texts, so sweeps allocate often. With this allocator, a sweep in
/// which every tenth record matches took a seventh less time than with the C library's allocator.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    dnsweep::cli::main(Build { commit: env!("DNSWEEP_COMMIT"), description: env!("DNSWEEP_BUILD") })
}
