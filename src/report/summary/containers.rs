//! The lines of the summary on archives, disk images, volumes and shadow copies.

use std::fmt::Write;

use super::layout::{PATH_WIDTH, VALUE_WIDTH, fitted};
use super::{Summary, counted, grouped};
use crate::report::answer::{Containers, UtcTime};
use crate::report::flawed_file::MissedContainer;

/// The maximum number of dates of unread shadow copies that the summary names.
const MOST_DATES: usize = 3;
/// The maximum number of unread containers (archives, disk images, …) that a short summary lists.
/// The table `containers.parquet` lists all containers.
const MOST_MISSED: usize = 3;
/// The number of characters at the start of a time in RFC 3339 that are its date, such as
/// `2026-11-29`.
const DATE: usize = 10;
/// The width, in columns, to which the summary cuts the text of a problem of a container or file.
pub(super) const PROBLEM_WIDTH: usize = 220;

impl Summary<'_> {
    /// Returns the summary's lines on containers (archives, disk images, volumes and shadow
    /// copies): how many there are with each status, and which could not be read.
    pub(super) fn containers(&self) -> Vec<String> {
        let Some(containers) = &self.answer.containers else { return Vec::new() };
        let mut lines = self.labelled("Containers", &counts(containers));
        let missed = &self.run().missed_containers;
        let shown = missed.len().min(self.extent.most(MOST_MISSED));
        for container in missed.iter().take(shown) {
            lines.push(format!("  {}", fitted(&container.source_path, PATH_WIDTH)));
            lines.extend(self.labelled("", &status(container)));
        }
        let all = self.run().totals.missed_containers;
        lines.extend(self.more(all, shown, "containers that could not be read", "containers.parquet"));
        if containers.unread_shadow_copies > 0 {
            let count = counted(containers.unread_shadow_copies, "shadow copy", "shadow copies");
            let dates = dates(&containers.unread_shadow_days.items);
            let text = format!("{count} not looked at{dates}: --vss reads their logs");
            lines.extend(self.labelled("", &text));
        }
        lines
    }
}

/// Returns the number of containers (archives, disk images, …) with each status as text, such as
/// `archives, images and volumes: 3 read`.
fn counts(containers: &Containers) -> String {
    let kinds = "archives, images and volumes";
    let count = |status: &crate::report::answer::StatusCount| {
        format!("{} {}", grouped(status.containers), fitted(&status.status, VALUE_WIDTH))
    };
    let counts: Vec<String> = containers.statuses.iter().map(count).collect();
    if counts.is_empty() {
        format!("no {kinds} but shadow copies")
    } else {
        format!("{kinds}: {}", counts.join(", "))
    }
}

/// Returns a container's format and status as text, with its first problem, and with the number of
/// its other problems.
fn status(container: &MissedContainer) -> String {
    let mut text = format!("{}, {}", fitted(&container.kind, VALUE_WIDTH), container.status);
    // Writing into a string does not fail.
    if let Some(problem) = &container.first_problem {
        let what = fitted(&problem.problem, PROBLEM_WIDTH);
        if problem.length > 0 {
            let _ = write!(text, "; at byte {}, {what}", problem.offset);
        } else {
            let _ = write!(text, "; {what}");
        }
    }
    if let Some(more @ 1..) = container.problems.checked_sub(1) {
        let _ = write!(text, " (and {})", counted(more, "more problem", "more problems"));
    }
    text
}

/// Returns the days on which shadow copies were made, as text in parentheses: the first
/// [`MOST_DATES`], and an ellipsis if there are more. Empty if no day is known.
fn dates(days: &[UtcTime]) -> String {
    if days.is_empty() {
        return String::new();
    }
    let date = |day: &UtcTime| day.0.rfc3339().chars().take(DATE).collect::<String>();
    let mut listed: Vec<String> = days.iter().take(MOST_DATES).map(date).collect();
    if days.len() > MOST_DATES {
        listed.push("…".to_owned());
    }
    format!(" ({})", listed.join(", "))
}
