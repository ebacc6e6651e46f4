//! The message of a sweep that found no readable event log. It says what was found instead, and
//! what to do.

use super::run::Run;
use super::totals::Totals;
use super::wording::{counted, grouped, of_form};
use crate::config::{Containers, Links, LogNames};

/// The maximum number of file name extensions that the message "no event log found" lists, the most
/// frequent first. Files with other extensions are counted together.
const MOST_ENDINGS: usize = 8;
/// The maximum number of roots (folders and files that the user named as evidence) that the message
/// "no event log found" lists. Further roots are only counted.
const MOST_ROOTS: usize = 3;

/// Returns the message of a sweep that could read no event log: what was found instead, and what to
/// do.
#[must_use]
pub fn nothing_read(run: &Run) -> String {
    let Totals { files, carved_files, not_event_logs, empty_files, unreadable_files, .. } = run.totals;
    let passed = &run.passed_over;
    let mut found = Vec::new();
    for (count, what) in [
        (not_event_logs, "opened as an event log, with other content"),
        (empty_files, "of 0 bytes"),
        (unreadable_files, "that cannot be read"),
        (carved_files, "searched for chunks of event logs, without any"),
    ] {
        if count > 0 {
            found.push(format!("{} {what}", counted(count, "file", "files")));
        }
    }
    if passed.files() > 0 {
        found.push(format!("{}{}", counted(passed.files(), "file", "files"), endings(run)));
    }
    for (form, files) in &passed.event_forms {
        found.push(of_form(*form, files));
    }
    if passed.links > 0 {
        found.push(counted(passed.links, "symbolic link", "symbolic links"));
    }
    if passed.special_files > 0 {
        found.push(counted(passed.special_files, "pipe, socket or device", "pipes, sockets and devices"));
    }
    if run.totals.containers > 0 {
        found.push(counted(
            run.totals.containers,
            "archive, disk image or volume",
            "archives, disk images and volumes",
        ));
    }
    if found.is_empty() {
        found.push("no file at all".to_owned());
    }
    // What could not be read may be an event log.
    let outcome = if run.totals.missed_any() { "could be read in" } else { "found in" };
    let mut text = format!("no event log {outcome} {}: found {}", roots(run), found.join("; "));
    if run.totals.containers > 0 {
        text.push_str("; containers.parquet says what became of each archive and disk image");
    }
    if files > 0 {
        text.push_str("; files.parquet says what is wrong with each");
    }
    if passed.containers > 0 {
        text.push_str(if run.options.containers == Containers::Open {
            "; what is in an archive or disk image of a format that dnsweep does not know must be unpacked or mounted first"
        } else {
            "; without --no-containers, archives and disk images are opened"
        });
    }
    if passed.files() > passed.containers && run.options.names == LogNames::EventLogs {
        text.push_str("; --any-name tries every file by its first bytes");
    }
    if passed.links > 0 && run.options.links == Links::Ignore {
        text.push_str("; --follow follows links");
    }
    text
}

/// Returns a phrase in parentheses about the extensions of the files that were not read, each with
/// its number of files, the most frequent first. It is empty if no extension is known.
fn endings(run: &Run) -> String {
    let passed = &run.passed_over;
    let mut endings: Vec<(&str, u64)> =
        passed.extensions.iter().map(|(name, count)| (&**name, *count)).collect();
    endings.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    endings.truncate(MOST_ENDINGS);
    let others = passed.files() - endings.iter().map(|(_, count)| count).sum::<u64>();
    let mut parts: Vec<String> =
        endings.iter().map(|(name, count)| format!("{} .{name}", grouped(*count))).collect();
    if parts.is_empty() {
        return String::new();
    }
    if others > 0 {
        parts.push(counted(others, "other", "others"));
    }
    format!(" ({})", parts.join(", "))
}

fn roots(run: &Run) -> String {
    let mut roots: Vec<String> = run.roots.iter().take(MOST_ROOTS).map(|root| format!("'{root}'")).collect();
    if let Some(more @ 1..) = run.roots.len().checked_sub(MOST_ROOTS) {
        roots.push(format!("{} more", grouped(more as u64)));
    }
    roots.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::ledger::tally::SkippedCounts;

    fn said(passed_over: SkippedCounts, totals: &Totals) -> String {
        nothing_read(&Run {
            roots: vec!["/cases/a".to_owned()],
            passed_over,
            totals: *totals,
            ..Run::default()
        })
    }

    #[test]
    fn the_message_lists_what_was_found_most_frequent_first() {
        let extensions = [("json".into(), 3), ("txt".into(), 1), ("zip".into(), 7)].into();
        let passed = SkippedCounts {
            other_files: 5,
            side_files: 1,
            containers: 7,
            extensions,
            links: 1,
            ..SkippedCounts::default()
        };
        assert_eq!(
            said(passed, &Totals::default()),
            "no event log found in '/cases/a': found 13 files (7 .zip, 3 .json, 1 .txt, 2 others); 1 symbolic link; what is in an archive or disk image of a format that dnsweep does not know must be unpacked or mounted first; --any-name tries every file by its first bytes; --follow follows links"
        );
        assert_eq!(
            said(SkippedCounts::default(), &Totals::default()),
            "no event log found in '/cases/a': found no file at all"
        );
        let totals = Totals { files: 1, empty_files: 1, ..Totals::default() };
        assert_eq!(
            said(SkippedCounts::default(), &totals),
            "no event log found in '/cases/a': found 1 file of 0 bytes; files.parquet says what is wrong with each"
        );
        let totals = Totals { files: 1, unreadable_files: 1, ..Totals::default() };
        assert_eq!(
            said(SkippedCounts::default(), &totals),
            "no event log could be read in '/cases/a': found 1 file that cannot be read; files.parquet says what is wrong with each"
        );
        let run = Run {
            options: Options { names: LogNames::Any, ..Options::default() },
            passed_over: SkippedCounts { other_files: 2, ..SkippedCounts::default() },
            ..Run::default()
        };
        assert!(nothing_read(&run).ends_with("found 2 files"));
    }
}
