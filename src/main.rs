//! The program: `dnsweep`'s commands, with the allocator that suits them.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Matches are made of many short texts. With an allocator made for threads, a sweep in which every
/// tenth record matches took a seventh less time than with the C library's.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    dnsweep::cli::main()
}
