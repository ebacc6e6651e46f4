//! The lines of the summary on the evidence: how much was read and verified, what is wrong with the
//! evidence, and which files were not read.

use std::fmt::Write;

use super::containers::PROBLEM_WIDTH;
use super::layout::{LABEL_WIDTH, PATH_WIDTH, fitted, padded};
use super::{Summary, counted, grouped};
use crate::config::Checksums;
use crate::report::flawed_file::FlawedFile;
use crate::report::run::OutputRecord;
use crate::report::wording::of_form;

/// The maximum number of damaged files that a short summary lists. The table `files.parquet` lists
/// all.
const MOST_FILES: usize = 4;
/// The maximum number of tables that a short summary lists. `run.json` lists all.
const MOST_TABLES: usize = 6;

impl Summary<'_> {
    /// Returns the summary's lines on the tables of the output, on how much of the evidence was
    /// read or passed over, and on the processes that were found.
    pub(super) fn evidence(&self) -> Vec<String> {
        let mut lines = self.tables();
        lines.extend(self.passed_over());
        lines.extend(self.read());
        lines.extend(self.processes_found());
        lines
    }

    /// Returns the summary's lines on the tables of the output. The output directory has a line of
    /// its own, so that it can be copied.
    fn tables(&self) -> Vec<String> {
        let label = padded("Tables", LABEL_WIDTH);
        let mut lines = vec![format!("{label}{}", fitted(self.directory, PATH_WIDTH))];
        let outputs = &self.run().outputs;
        let shown = outputs.len().min(self.extent.most(MOST_TABLES));
        let rows = |output: &OutputRecord| {
            format!("{} ({})", fitted(&output.file, PATH_WIDTH), counted(output.rows, "row", "rows"))
        };
        let mut items: Vec<String> = outputs.iter().take(shown).map(rows).collect();
        items.push("run.json".to_owned());
        items.extend(self.page.map(|page| format!("{page} (for a browser)")));
        lines.extend(self.layout().flow("", LABEL_WIDTH, &items));
        lines.extend(self.more(outputs.len() as u64, shown, "tables", "run.json"));
        lines
    }

    fn read(&self) -> Vec<String> {
        let totals = &self.run().totals;
        let in_period = match self.window() {
            Some(_) => format!(", {} of them in the period", grouped(totals.dns_queries_in_period)),
            None => String::new(),
        };
        let text = format!(
            "{} of {} to the end without a problem; {} of {} bytes, {}, {} of Sysmon, {}{in_period}",
            grouped(totals.complete_files),
            counted(totals.files.saturating_sub(totals.unchanged_files), "file", "files"),
            grouped(totals.bytes_read),
            grouped(totals.bytes.saturating_sub(totals.unchanged_bytes)),
            counted(totals.records, "record", "records"),
            grouped(totals.sysmon_records),
            counted(totals.dns_queries, "DNS query", "DNS queries"),
        );
        let mut lines = self.labelled("Read", &text);
        if totals.unchanged_files > 0 {
            let logs = counted(totals.unchanged_files, "log of a shadow copy", "logs of shadow copies");
            let bytes = grouped(totals.unchanged_bytes);
            let text = format!("{logs}, {bytes} bytes: read in the next newer state of the volume");
            lines.extend(self.labelled("Unchanged", &text));
        }
        if totals.partial_deleted_files > 0 {
            let files = counted(totals.partial_deleted_files, "deleted file", "deleted files");
            let text = format!("{files} of a volume, of which only a part is left");
            lines.extend(self.labelled("Deleted", &text));
        }
        if totals.unreadable_times > 0 {
            let events = counted(totals.unreadable_times, "event with a time", "events with a time");
            let text = format!("{events} that cannot be read: they count in every period");
            lines.extend(self.labelled("No time", &text));
        }
        if totals.files_in_use > 0 {
            let (in_use, files) = (grouped(totals.files_in_use), counted(totals.files, "file", "files"));
            let text = format!("{in_use} of {files} when copied: `dirty` in files.parquet");
            lines.extend(self.labelled("In use", &text));
        }
        if totals.chunks > 0 {
            let is_of_all = self.run().options.checksums == Checksums::All;
            let all = if is_of_all { "" } else { "; --checksums verifies those of all" };
            let text = format!(
                "by their checksums: all headers, and the records of {} of {}{all}",
                grouped(totals.checked_chunks),
                counted(totals.chunks, "chunk", "chunks"),
            );
            lines.extend(self.labelled("Verified", &text));
        }
        lines
    }

    /// Returns the summary's lines on files and containers that could not be read.
    pub(super) fn not_read(&self) -> Vec<String> {
        let mut lines = self.interrupted_files();
        lines.extend(self.flawed());
        lines.extend(self.containers());
        lines
    }

    fn flawed(&self) -> Vec<String> {
        let totals = &self.run().totals;
        let flawed = totals.flawed_files();
        if flawed == 0 {
            return self.labelled("Damaged", "nothing");
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
        let mut lines = self.labelled("Damaged", &text);
        let listed = &self.run().flawed_files;
        let shown = listed.len().min(self.extent.most(MOST_FILES));
        lines.extend(listed.iter().take(shown).flat_map(|file| self.flawed_file(file)));
        lines.extend(self.more(flawed, shown, "damaged files", "files.parquet"));
        lines
    }

    /// Returns the summary's lines on a file that could not be read and understood completely: its
    /// path, and what is wrong with it. The path has a line of its own, so that it can be copied.
    fn flawed_file(&self, file: &FlawedFile) -> Vec<String> {
        let path = fitted(&file.source_path, PATH_WIDTH);
        let path = if file.source_path.starts_with(&*file.evidence) {
            format!("  {path}")
        } else {
            format!("  {}: {path}", fitted(&file.evidence, PATH_WIDTH))
        };
        [vec![path], self.labelled("", &flawed_text(file))].concat()
    }

    /// Returns the summary's line on files and pieces of evidence that were not read because the
    /// sweep was interrupted. They are not counted as damaged, because nothing is known about them.
    /// Returns no line if there are none.
    fn interrupted_files(&self) -> Vec<String> {
        let totals = &self.run().totals;
        let kinds = [
            (totals.not_read_files, "file not begun", "files not begun"),
            (totals.interrupted_files, "file not read to its end", "files not read to their end"),
            (
                totals.evidence_not_reached,
                "piece of evidence not reached at all, which is no host below",
                "pieces of evidence not reached at all, which are no hosts below",
            ),
        ];
        let kinds = listed(kinds);
        if kinds.is_empty() {
            return Vec::new();
        }
        self.labelled("Not read", &format!("{}: the sweep was interrupted", kinds.join(", ")))
    }

    fn passed_over(&self) -> Vec<String> {
        let passed = &self.run().passed_over;
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
        let is_shown = !kinds.is_empty() || passed.event_forms.is_empty();
        let mut lines = if is_shown { self.labelled("Passed over", &text) } else { Vec::new() };
        // There are as many as forms that dnsweep knows: a few.
        let forms = passed.event_forms.iter();
        lines.extend(forms.flat_map(|(form, files)| self.labelled("Passed over", &of_form(*form, files))));
        lines
    }
}

/// Returns the number and name of each kind of file, such as `3 symbolic links`. Kinds with the
/// number 0 are left out. `kinds` has the number of each kind, and its name in the singular and in
/// the plural.
fn listed<const N: usize>(kinds: [(u64, &str, &str); N]) -> Vec<String> {
    let there = kinds.into_iter().filter(|(count, ..)| *count > 0);
    there.map(|(count, one, many)| counted(count, one, many)).collect()
}

fn flawed_text(file: &FlawedFile) -> String {
    let mut text = file.status.clone();
    // Writing into a string does not fail.
    if let Some(problem) = &file.first_problem {
        let _ = write!(text, "; at byte {}, {}", problem.offset, fitted(&problem.problem, PROBLEM_WIDTH));
    }
    if file.problems > 1 {
        let _ = write!(text, " (and {})", counted(file.problems - 1, "more problem", "more problems"));
    }
    text
}
