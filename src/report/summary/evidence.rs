//! The lines of the summary on the evidence: how much was read and verified, what is wrong with it,
//! and which files were not read.

use std::fmt::{self, Write};

use super::{MOST_FILES, Summary, counted, escaped, grouped};
use crate::config::Checksums;
use crate::report::FlawedFile;
use crate::report::wording::of_form;

impl Summary<'_> {
    pub(super) fn read(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.run.totals;
        let in_period = match self.window() {
            Some(_) => format!(", {} of them in the period", grouped(totals.dns_queries_in_period)),
            None => String::new(),
        };
        let text = format!(
            "{} of {} to the end without a problem; {} of {} bytes, {}, {} of Sysmon, {}{in_period}",
            grouped(totals.complete_files),
            counted(totals.files - totals.unchanged_files, "file", "files"),
            grouped(totals.bytes_read),
            grouped(totals.bytes - totals.unchanged_bytes),
            counted(totals.records, "record", "records"),
            grouped(totals.sysmon_records),
            counted(totals.dns_queries, "DNS query", "DNS queries"),
        );
        self.labelled(f, "Read", &text)?;
        if totals.unchanged_files > 0 {
            let logs = counted(totals.unchanged_files, "log of a shadow copy", "logs of shadow copies");
            let bytes = grouped(totals.unchanged_bytes);
            let text = format!("{logs}, {bytes} bytes: read in the next newer state of the volume");
            self.labelled(f, "Unchanged", &text)?;
        }
        if totals.partial_deleted_files > 0 {
            let files = counted(totals.partial_deleted_files, "deleted file", "deleted files");
            self.labelled(f, "Deleted", &format!("{files} of a volume, of which only a part is left"))?;
        }
        if totals.unreadable_times > 0 {
            let events = counted(totals.unreadable_times, "event with a time", "events with a time");
            let text = format!("{events} that cannot be read: they count in every period");
            self.labelled(f, "No time", &text)?;
        }
        let all = if self.run.options.checksums == Checksums::All {
            ""
        } else {
            "; --checksums verifies those of all"
        };
        let text = format!(
            "by their checksums: all headers, and the records of {} of {}{all}",
            grouped(totals.checked_chunks),
            counted(totals.chunks, "chunk", "chunks"),
        );
        if totals.chunks > 0 { self.labelled(f, "Verified", &text) } else { Ok(()) }
    }

    pub(super) fn flawed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.run.totals;
        let flawed = totals.files - totals.sound_files() - totals.not_read_files - totals.interrupted_files;
        self.not_read(f)?;
        if flawed == 0 {
            return self.labelled(f, "Damaged", "nothing");
        }
        let kinds = [
            (totals.damaged_files, "damaged"),
            (totals.not_event_logs, "not an event log"),
            (totals.empty_files, "empty"),
            (totals.unreadable_files, "unreadable"),
        ];
        let kinds: Vec<String> = kinds
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, kind)| format!("{} {kind}", grouped(*count)))
            .collect();
        let text = format!("{}: {}", counted(flawed, "file", "files"), kinds.join(", "));
        self.labelled(f, "Damaged", &text)?;
        for file in self.run.flawed_files.iter().take(MOST_FILES) {
            self.flawed_file(f, file)?;
        }
        self.more(f, usize::try_from(flawed).unwrap_or(usize::MAX), MOST_FILES, "such files", "files.parquet")
    }

    /// Writes the path of a file that could not be read and understood completely. The path has a
    /// line of its own and is not cut, so that it can be copied. Below it, writes what is wrong
    /// with the file.
    fn flawed_file(&self, f: &mut fmt::Formatter<'_>, file: &FlawedFile) -> fmt::Result {
        let evidence = escaped(&file.evidence);
        let path = escaped(&file.source_path);
        if path.starts_with(&*evidence) {
            writeln!(f, "  {path}")?;
        } else {
            writeln!(f, "  {evidence}: {path}")?;
        }
        self.labelled(f, "", &flawed_text(file))
    }

    /// Writes how many files and pieces of evidence were not read, because the sweep was
    /// interrupted. They are not damaged; nothing is known about them. Writes nothing if there are
    /// none.
    fn not_read(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.run.totals;
        let kinds = [
            (totals.not_read_files, "file not begun", "files not begun"),
            (totals.interrupted_files, "file not read to its end", "files not read to their end"),
            (
                totals.evidence_not_reached,
                "piece of evidence not reached at all, which is no host above",
                "pieces of evidence not reached at all, which are no hosts above",
            ),
        ];
        let kinds = listed(kinds);
        if kinds.is_empty() {
            return Ok(());
        }
        self.labelled(f, "Not read", &format!("{}: the sweep was interrupted", kinds.join(", ")))
    }

    pub(super) fn passed_over(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = &self.run.passed_over;
        let kinds = listed([
            (passed.containers, "archive or disk image (not opened)", "archives or disk images (not opened)"),
            (
                passed.side_files,
                "file that has .evtx in its name and is no event log",
                "files that have .evtx in their names and are no event logs",
            ),
            (
                passed.other_files,
                "file that is not named like an event log",
                "files that are not named like event logs",
            ),
            (passed.links, "symbolic link", "symbolic links"),
            (passed.special_files, "pipe, socket or device", "pipes, sockets and devices"),
            (passed.seen_before, "path to a file read already", "paths to files read already"),
        ]);
        let text = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
        let text = if kinds.is_empty() && !passed.event_forms.is_empty() { None } else { Some(text) };
        text.map_or(Ok(()), |text| self.labelled(f, "Passed over", &text))?;
        let forms: Vec<String> =
            passed.event_forms.iter().map(|(form, files)| of_form(*form, files)).collect();
        forms.iter().try_for_each(|text| self.labelled(f, "Passed over", text))
    }
}

/// Returns the number and name of each kind of file, such as `3 symbolic links`, but leaves out
/// kinds with the number 0. Each kind is passed as its number, and its name in the singular and in
/// the plural.
fn listed<const N: usize>(kinds: [(u64, &str, &str); N]) -> Vec<String> {
    let there = kinds.into_iter().filter(|(count, ..)| *count > 0);
    there.map(|(count, one, many)| counted(count, one, many)).collect()
}

fn flawed_text(file: &FlawedFile) -> String {
    let mut text = file.status.clone();
    // Writing into a string does not fail.
    if let Some(problem) = &file.first_problem {
        let _ = write!(text, "; at byte {}, {}", problem.offset, escaped(&problem.problem));
    }
    if file.problems > 1 {
        let _ = write!(text, " (and {})", counted(file.problems - 1, "more problem", "more problems"));
    }
    text
}
