//! What the summary says of the evidence: how much was read and verified, what is wrong with it, and what was passed over.

use std::fmt::{self, Write};

use super::{FlawedFile, MOST_FILES, Summary, counted, escaped, grouped};

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
            counted(totals.files, "file", "files"),
            grouped(totals.bytes_read),
            grouped(totals.bytes),
            counted(totals.records, "record", "records"),
            grouped(totals.sysmon_records),
            counted(totals.dns_queries, "DNS query", "DNS queries"),
        );
        self.labelled(f, "Read", &text)?;
        if totals.unreadable_times > 0 {
            let events = counted(totals.unreadable_times, "event with a time", "events with a time");
            let text = format!("{events} that cannot be read: no period leaves them out");
            self.labelled(f, "No time", &text)?;
        }
        let all = if self.run.options.checksums { "" } else { "; --checksums verifies those of all" };
        let text = format!(
            "by their checksums: all headers, and the records of {} of {}{all}",
            grouped(totals.checked_chunks),
            counted(totals.chunks, "chunk", "chunks"),
        );
        if totals.chunks > 0 { self.labelled(f, "Verified", &text) } else { Ok(()) }
    }

    pub(super) fn flawed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.run.totals;
        let flawed = totals.files - totals.complete_files;
        if flawed == 0 {
            return self.labelled(f, "Damaged", "nothing");
        }
        let kinds = [
            (totals.damaged_files, "damaged"),
            (totals.not_event_logs, "not an event log"),
            (totals.empty_files, "empty"),
            (totals.unreadable_files, "unreadable"),
            (totals.interrupted_files, "not read to the end (interrupted)"),
        ];
        let kinds: Vec<String> = kinds
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, kind)| format!("{} {kind}", grouped(*count)))
            .collect();
        let text = format!("{}: {}", counted(flawed, "file", "files"), kinds.join(", "));
        self.labelled(f, "Damaged", &text)?;
        for file in self.flawed.iter().take(MOST_FILES) {
            self.flawed_file(f, file)?;
        }
        self.more(f, usize::try_from(flawed).unwrap_or(usize::MAX), MOST_FILES, "such files", "files.parquet")
    }

    /// The file on a line of its own, whole, so that it can be copied; below it what is wrong with it.
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

    pub(super) fn passed_over(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = &self.run.passed_over;
        let kinds = [
            counted(
                passed.other_files,
                "file that is not named like an event log",
                "files that are not named like event logs",
            ),
            counted(passed.links, "symbolic link", "symbolic links"),
            counted(passed.special_files, "pipe, socket or device", "pipes, sockets and devices"),
            counted(passed.seen_before, "path to a file read already", "paths to files read already"),
        ];
        let numbers = [passed.other_files, passed.links, passed.special_files, passed.seen_before];
        let kinds: Vec<String> =
            kinds.into_iter().zip(numbers).filter(|(_, count)| *count > 0).map(|(text, _)| text).collect();
        let text = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
        self.labelled(f, "Passed over", &text)
    }
}

fn flawed_text(file: &FlawedFile) -> String {
    let mut text = file.status.name().to_owned();
    // Writing into a string does not fail.
    if let Some(problem) = &file.problem {
        let _ = write!(text, "; at byte {}, {}", problem.offset, escaped(&problem.damage.to_string()));
    }
    if file.problems > 1 {
        let _ = write!(text, " (and {})", counted(file.problems - 1, "more problem", "more problems"));
    }
    text
}
