//! The lines of the summary on anomalies of the hosts' logs, the gravest first, and on notes.

use std::fmt;

use super::{LABEL_WIDTH, Summary, counted, escaped, grouped, name};
use crate::report::Anomaly;
use crate::report::hosts::NamedHost;
use crate::report::totals::Totals;

/// The most anomalies of hosts' logs that the printed summary of a sweep shows. The table
/// `hosts.parquet` has all of them.
const MOST_ANOMALIES: usize = 20;
/// The most notes on hosts' logs that the printed summary of a sweep shows. The table
/// `hosts.parquet` has all of them.
const MOST_NOTES: usize = 5;

/// The key by which the printed summary of a sweep sorts anomalies of hosts' logs: the anomaly's
/// rank (the gravest first), true if the host has no match, the host's index in the list of hosts,
/// and the anomaly's index among those of the host. Only keys are kept, because there can be many
/// more anomalies than are shown.
type SortKey = (u8, bool, usize, usize);

impl Summary<'_> {
    pub(super) fn anomalies(&self, f: &mut fmt::Formatter<'_>, rows: &[NamedHost]) -> fmt::Result {
        let (mut anomalies, mut notes): (Vec<SortKey>, Vec<SortKey>) = (Vec::new(), Vec::new());
        for (row, (_, host)) in rows.iter().enumerate() {
            for (place, anomaly) in host.anomalies().iter().enumerate() {
                let key = (anomaly.rank(), host.matches == 0, row, place);
                match anomaly {
                    // On a running machine, all logs are in use. One line at the end says so for
                    // all machines.
                    Anomaly::InUse(_) => {}
                    anomaly if anomaly.is_note() => notes.push(key),
                    _ => anomalies.push(key),
                }
            }
        }
        anomalies.sort_unstable();
        notes.sort_unstable();
        let Totals { files, files_in_use, .. } = self.run.totals;
        if anomalies.is_empty() && notes.is_empty() && files_in_use == 0 {
            return Ok(());
        }
        writeln!(f)?;
        self.lines(f, "Anomaly", rows, anomalies.iter().take(MOST_ANOMALIES))?;
        self.more(f, anomalies.len(), MOST_ANOMALIES, "anomalies", "`anomalies` in hosts.parquet")?;
        self.lines(f, "Note", rows, notes.iter().take(MOST_NOTES))?;
        self.more(f, notes.len(), MOST_NOTES, "notes", "`notes` in hosts.parquet")?;
        if files_in_use == 0 {
            return Ok(());
        }
        let logs = format!("{} of {}", grouped(files_in_use), counted(files, "file", "files"));
        self.labelled(f, "In use", &format!("{logs} when copied: `dirty` in files.parquet"))
    }

    fn lines<'p>(
        &self,
        f: &mut fmt::Formatter<'_>,
        label: &str,
        rows: &[NamedHost],
        keys: impl Iterator<Item = &'p SortKey>,
    ) -> fmt::Result {
        for (_, _, row, place) in keys {
            let Some((computer, host)) = rows.get(*row) else { continue };
            let Some(anomaly) = host.anomalies().into_iter().nth(*place) else { continue };
            let text = format!("{}: {}", name(computer.as_deref()), escaped(&anomaly.to_string()));
            writeln!(f, "{label:LABEL_WIDTH$}{}", in_a_line(&text, self.width.saturating_sub(LABEL_WIDTH)))?;
        }
        Ok(())
    }
}

/// Returns `text` if it is at most `width` columns wide. Otherwise cuts it to that width, so that
/// it ends with an ellipsis.
fn in_a_line(text: &str, width: usize) -> String {
    if textwrap::core::display_width(text) <= width {
        return text.to_owned();
    }
    let mut line = String::new();
    let mut left = width.saturating_sub(1);
    for character in text.chars() {
        let wide = textwrap::core::display_width(character.encode_utf8(&mut [0; 4]));
        if wide > left {
            break;
        }
        left -= wide;
        line.push(character);
    }
    line.push('…');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_for_a_line_is_cut() {
        assert_eq!(in_a_line("four", 4), "four");
        assert_eq!(in_a_line("fives", 4), "fiv…");
        assert_eq!(in_a_line("日本語", 5), "日本…");
    }
}
