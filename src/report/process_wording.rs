//! Sentences on processes that several kinds of reports have in common.

use super::answer::{ProcessCount, TreeProcess};
use super::process::ProcessStatus;
use super::wording::{counted, grouped};

/// Returns a text on the processes that made matching queries, and their ancestors: how many there
/// are, of how many the start (event 1) was found, and why that of the others was not, such as
/// `9 processes of matches, with ancestors: 8 found; not found: 1 log begins later`.
#[must_use]
pub(super) fn process_counts(counts: &[ProcessCount]) -> String {
    let all: u64 = counts.iter().map(|count| count.processes).sum();
    let is_found = |count: &&ProcessCount| count.status == ProcessStatus::Found.name();
    let found: u64 = counts.iter().filter(is_found).map(|count| count.processes).sum();
    let missing = counts.iter().filter(|count| !is_found(count) && count.processes > 0);
    let missing: Vec<String> =
        missing.map(|count| format!("{} {}", grouped(count.processes), count.status)).collect();
    let missing =
        if missing.is_empty() { String::new() } else { format!("; not found: {}", missing.join(", ")) };
    format!(
        "{} of matches, with ancestors: {} found{missing}",
        counted(all, "process", "processes"),
        grouped(found)
    )
}

/// Returns, in words, why nothing is known of the start of a process; `None` if its start (its
/// event 1) was found.
#[must_use]
pub(super) fn missing_start(process: &TreeProcess) -> Option<&'static str> {
    match process.status() {
        Some(status) => status.reason(),
        None => Some("its start was not found"),
    }
}
