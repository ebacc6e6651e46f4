//! The lines of the summary on the site's exclusions: what each took away, and from which hosts.

use std::fmt;

use super::{MOST_VALUES, Summary, counted, grouped, shown};
use crate::report::exclusion::{ExclusionRecord, HostExclusions};

/// The most exclusions that the printed summary of a sweep shows. `run.json` has all of them.
const MOST_EXCLUSIONS: usize = 10;

impl Summary<'_> {
    /// Writes a line for each exclusion, even for one that took nothing away, because that
    /// exclusion may be superfluous. If there are more than [`MOST_EXCLUSIONS`], those that took
    /// away most matches and leads are shown, and the others are counted.
    pub(super) fn exclusions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut exclusions: Vec<&ExclusionRecord> = self.run.exclusions.iter().collect();
        if exclusions.len() > MOST_EXCLUSIONS {
            exclusions.sort_by_key(|exclusion| std::cmp::Reverse((taken(exclusion), !exclusion.expired)));
        }
        let (shown, rest) = exclusions.split_at(exclusions.len().min(MOST_EXCLUSIONS));
        shown.iter().try_for_each(|exclusion| self.labelled(f, "Excluded", &text(exclusion)))?;
        if rest.is_empty() {
            return Ok(());
        }
        let of = |holds: fn(&ExclusionRecord) -> bool| rest.iter().filter(|one| holds(one)).count() as u64;
        let (idle, expired) = (of(|one| !one.expired && taken(one) == 0), of(|one| one.expired));
        let text = format!(
            "… and {} more: {} took nothing away, {} expired: see run.json",
            grouped(rest.len() as u64),
            grouped(idle),
            grouped(expired)
        );
        self.labelled(f, "", &text)
    }
}

/// Returns how many matches and leads together an exclusion took away.
fn taken(exclusion: &ExclusionRecord) -> u64 {
    exclusion.excluded_matches + exclusion.excluded_leads
}

fn text(exclusion: &ExclusionRecord) -> String {
    let name = shown(&exclusion.name);
    if exclusion.expired {
        let date = exclusion.expires.as_deref().unwrap_or_default();
        return format!("{name}: not applied, because it expired on {}", shown(date));
    }
    let mut matches = counted(exclusion.excluded_matches, "match", "matches");
    if exclusion.excluded_leads > 0 {
        matches.push_str(", ");
        matches.push_str(&counted(exclusion.excluded_leads, "lead", "leads"));
    }
    match hosts(&exclusion.hosts) {
        None => format!("{name}: {matches} ({})", shown(&exclusion.reason)),
        Some(hosts) => format!("{name}: {matches} on {hosts} ({})", shown(&exclusion.reason)),
    }
}

/// Returns, as text, the hosts from which an exclusion took away most matches and leads, each with
/// their number; `None` if it took nothing away.
fn hosts(excluded: &[HostExclusions]) -> Option<String> {
    let mut sorted: Vec<&HostExclusions> = excluded.iter().collect();
    let all = |host: &HostExclusions| host.excluded_matches + host.excluded_leads;
    sorted.sort_by_key(|host| std::cmp::Reverse(all(host)));
    let name = |computer: &str| super::name(Some(computer));
    let mut shown: Vec<String> = sorted
        .iter()
        .take(MOST_VALUES)
        .map(|host| format!("{} ({})", name(&host.computer), grouped(all(host))))
        .collect();
    if sorted.len() > MOST_VALUES {
        shown.push(format!("and {} more", sorted.len() - MOST_VALUES));
    }
    (!shown.is_empty()).then(|| shown.join(", "))
}
