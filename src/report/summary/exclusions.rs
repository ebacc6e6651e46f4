//! The lines of the summary on the site's exclusions (descriptions of harmless events): how many
//! matches each exclusion removed, and on which hosts.

use super::layout::{VALUE_WIDTH, fitted};
use super::{Summary, computer_name, counted, grouped};
use crate::report::exclusion::{ExclusionRecord, HostExclusions};

/// The maximum number of exclusions (a site's descriptions of harmless events) that a short summary
/// shows. `run.json` has all of them.
const MOST_EXCLUSIONS: usize = 5;
/// The maximum number of hosts that the summary's line on an exclusion names. Further hosts are
/// only counted.
const MOST_HOSTS: usize = 3;

impl Summary<'_> {
    /// Returns the summary's line on each exclusion (a site's description of harmless events), even
    /// on one that removed nothing, because that exclusion may be superfluous. If there are more
    /// than [`MOST_EXCLUSIONS`], a short summary shows those that removed most matches and leads,
    /// and counts the others.
    pub(super) fn exclusions(&self) -> Vec<String> {
        let mut exclusions: Vec<&ExclusionRecord> = self.run().exclusions.iter().collect();
        let most = self.extent.most(MOST_EXCLUSIONS);
        if exclusions.len() > most {
            exclusions.sort_by_key(|exclusion| std::cmp::Reverse((taken(exclusion), !exclusion.expired)));
        }
        let (shown, rest) = exclusions.split_at(exclusions.len().min(most));
        let mut lines: Vec<String> =
            shown.iter().flat_map(|exclusion| self.labelled("Excluded", &text(exclusion))).collect();
        if rest.is_empty() {
            return lines;
        }
        let of = |holds: fn(&ExclusionRecord) -> bool| rest.iter().filter(|one| holds(one)).count() as u64;
        let (idle, expired) = (of(|one| !one.expired && taken(one) == 0), of(|one| one.expired));
        let text = format!(
            "… and {} more: {} took nothing away, {} expired: see run.json",
            grouped(rest.len() as u64),
            grouped(idle),
            grouped(expired)
        );
        lines.extend(self.labelled("", &text));
        lines
    }
}

/// Returns the number of matches and leads together that an exclusion removed.
fn taken(exclusion: &ExclusionRecord) -> u64 {
    exclusion.excluded_matches + exclusion.excluded_leads
}

fn text(exclusion: &ExclusionRecord) -> String {
    let name = fitted(&exclusion.name, VALUE_WIDTH);
    if exclusion.expired {
        let date = exclusion.expires.as_deref().unwrap_or_default();
        return format!("{name}: not applied, because it expired on {}", fitted(date, VALUE_WIDTH));
    }
    let mut matches = counted(exclusion.excluded_matches, "match", "matches");
    if exclusion.excluded_leads > 0 {
        matches.push_str(", ");
        matches.push_str(&counted(exclusion.excluded_leads, "lead", "leads"));
    }
    let reason = fitted(&exclusion.reason, 2 * VALUE_WIDTH);
    match hosts(&exclusion.hosts) {
        None => format!("{name}: {matches} ({reason})"),
        Some(hosts) => format!("{name}: {matches} on {hosts} ({reason})"),
    }
}

/// Returns, as text, the hosts on which an exclusion removed most matches and leads, each with the
/// number of these; `None` if it removed nothing.
fn hosts(excluded: &[HostExclusions]) -> Option<String> {
    let mut sorted: Vec<&HostExclusions> = excluded.iter().collect();
    let all = |host: &HostExclusions| host.excluded_matches + host.excluded_leads;
    sorted.sort_by_key(|host| std::cmp::Reverse(all(host)));
    let name = |computer: &str| computer_name(Some(computer), VALUE_WIDTH);
    let mut shown: Vec<String> = sorted
        .iter()
        .take(MOST_HOSTS)
        .map(|host| format!("{} ({})", name(&host.computer), grouped(all(host))))
        .collect();
    if sorted.len() > MOST_HOSTS {
        shown.push(format!("and {} more", sorted.len() - MOST_HOSTS));
    }
    (!shown.is_empty()).then(|| shown.join(", "))
}
