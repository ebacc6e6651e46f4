//! The lines of the summary on archives, disk images, volumes and shadow copies.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use super::{MOST_FILES, Summary, counted, escaped, grouped};
use crate::ledger::container::{ContainerReport, ContainerStatus, SHADOW_COPY};

/// The most dates of shadow copies that the printed summary of a sweep lists.
const MOST_DATES: usize = 3;
/// The number of characters at the start of a time in RFC 3339 that are its date, such as
/// `2026-11-29`.
const DATE: usize = 10;

impl Summary<'_> {
    pub(super) fn containers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.containers.is_empty() {
            return Ok(());
        }
        self.labelled(f, "Containers", &self.container_counts())?;
        let missed: Vec<&ContainerReport> =
            self.containers.iter().filter(|container| container.is_missed()).collect();
        for container in missed.iter().take(MOST_FILES) {
            writeln!(f, "  {}", escaped(&container.source_path))?;
            self.labelled(f, "", &status(container))?;
        }
        self.more(f, missed.len(), MOST_FILES, "such containers", "containers.parquet")?;
        let copies = self.containers.iter().filter(|container| is_shadow_copy_left(container));
        let copies: Vec<&ContainerReport> = copies.collect();
        if copies.is_empty() {
            return Ok(());
        }
        let count = counted(copies.len() as u64, "shadow copy", "shadow copies");
        let text = format!("{count} not looked at{}: --vss reads their logs", dates(&copies));
        self.labelled(f, "", &text)
    }

    /// Returns the number of containers with each status as text, such as `archives, images and
    /// volumes: 3 read`. Shadow copies that were not looked at are left out, because the printed
    /// summary has a separate line on them.
    fn container_counts(&self) -> String {
        use ContainerStatus::{Encrypted, NotLookedAt, NotRead, Partly, Read, Unreadable, Unsupported};
        let statuses = [Read, Partly, Unreadable, Encrypted, Unsupported, NotLookedAt, NotRead];
        let counts = statuses.into_iter().filter_map(|status| {
            let of_status =
                |container: &&ContainerReport| container.status == status && !is_shadow_copy_left(container);
            let count = self.containers.iter().filter(of_status).count();
            (count > 0).then(|| format!("{} {}", grouped(count as u64), status.name()))
        });
        let counts: Vec<String> = counts.collect();
        let kinds = "archives, images and volumes";
        if counts.is_empty() {
            format!("no {kinds} but shadow copies")
        } else {
            format!("{kinds}: {}", counts.join(", "))
        }
    }
}

fn is_shadow_copy_left(container: &ContainerReport) -> bool {
    container.kind == SHADOW_COPY && container.status == ContainerStatus::NotLookedAt
}

/// Returns, as text, a container's format and status, the first of its problems, and how many more
/// problems it has.
fn status(container: &ContainerReport) -> String {
    let mut text = format!("{}, {}", container.kind, container.status.name());
    // Writing into a string does not fail.
    if let Some(problem) = container.problems.first() {
        if problem.length > 0 {
            let _ = write!(text, "; at byte {}, {}", problem.offset, escaped(&problem.what));
        } else {
            let _ = write!(text, "; {}", escaped(&problem.what));
        }
    }
    if let Some(more @ 1..) = container.problems.len().checked_sub(1) {
        let _ = write!(text, " (and {})", counted(more as u64, "more problem", "more problems"));
    }
    text
}

/// Returns the dates on which shadow copies were made, as text in parentheses: the first
/// [`MOST_DATES`] different dates. Empty if no date is known.
fn dates(copies: &[&ContainerReport]) -> String {
    let days: BTreeSet<String> =
        copies.iter().filter_map(|copy| Some(copy.created?.rfc3339().chars().take(DATE).collect())).collect();
    if days.is_empty() {
        return String::new();
    }
    let mut listed: Vec<&str> = days.iter().take(MOST_DATES).map(String::as_str).collect();
    if days.len() > MOST_DATES {
        listed.push("…");
    }
    format!(" ({})", listed.join(", "))
}
