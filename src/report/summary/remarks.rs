//! The lines of the summary on leads (queries of Windows' own DNS client that a detection
//! describes), on anomalies of the hosts' logs, and on notes (remarks on something usual).

use super::layout::{LABEL_WIDTH, VALUE_WIDTH, fitted, padded};
use super::rules::distinct_name;
use super::{Summary, computer_name, copies, counted};
use crate::report::answer::{HostRemark, Listed};
use crate::report::run::NameCondition;

/// The maximum number of anomalies of hosts' logs that a short summary shows. The table
/// `hosts.parquet` has all of them.
const MOST_ANOMALIES: usize = 6;
/// The maximum number of notes on hosts' logs that a short summary shows. The table `hosts.parquet`
/// has all of them.
const MOST_NOTES: usize = 3;
/// The maximum number of hosts with leads (queries of Windows' own DNS client that a detection
/// describes) that a short summary lists, and the maximum number of detections that it lists
/// because they can have no leads.
const MOST_LEADS: usize = 3;

impl Summary<'_> {
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut lines = self.leads();
        let answer = self.answer;
        lines.extend(self.sentences("Anomaly", &answer.anomalies, MOST_ANOMALIES, "anomalies"));
        lines.extend(self.sentences("Note", &answer.notes, MOST_NOTES, "notes"));
        lines
    }

    fn sentences(&self, label: &str, remarks: &Listed<HostRemark>, short: usize, what: &str) -> Vec<String> {
        let shown = remarks.items.len().min(self.extent.most(short));
        let label = padded(label, LABEL_WIDTH);
        let line = |remark: &HostRemark| {
            let name = computer_name(remark.computer.as_deref(), VALUE_WIDTH);
            let text = format!("{name}: {}", fitted(&remark.remark, usize::MAX));
            self.layout().in_a_line(&label, &text)
        };
        let mut lines: Vec<String> = remarks.items.iter().take(shown).map(line).collect();
        lines.extend(self.more(remarks.count, shown, what, &format!("`{what}` in hosts.parquet")));
        lines
    }

    /// Returns the summary's lines on leads (queries of Windows' own DNS client that a detection
    /// describes): which hosts have leads, which detections cannot have leads, and that a lead is
    /// not a match. Returns no line if leads were not looked for.
    fn leads(&self) -> Vec<String> {
        let Some(hosts) = &self.answer.leads else { return Vec::new() };
        let totals = &self.run().totals;
        let text = format!(
            "{} on {}{}: queries for names that detections describe, in the log of Windows' own DNS client; which program made \
             them is not known, so these are leads only and no matches",
            counted(totals.unique_leads, "lead", "leads"),
            counted(totals.hosts_with_leads, "host", "hosts"),
            copies(totals.leads.saturating_sub(totals.unique_leads))
        );
        let mut lines = self.labelled("Leads", &text);
        let shown = hosts.items.len().min(self.extent.most(MOST_LEADS));
        for host in hosts.items.iter().take(shown) {
            let leads = counted(host.unique_leads, "lead", "leads");
            let name = computer_name(host.computer.as_deref(), VALUE_WIDTH);
            let text = format!("{name}: {leads}{}", copies(host.leads.saturating_sub(host.unique_leads)));
            lines.extend(self.labelled("", &text));
        }
        lines.extend(self.more(hosts.count, shown, "hosts with leads", "hosts.parquet"));
        lines.extend(self.detections_without_leads());
        lines
    }

    fn detections_without_leads(&self) -> Vec<String> {
        let detections = &self.run().detections;
        let mut texts = Vec::new();
        for detection in detections {
            let why = match detection.leads.map(|leads| leads.names) {
                None | Some(NameCondition::Some) => continue,
                Some(NameCondition::Every) => "its condition can be met by every name",
                Some(NameCondition::None) => "its condition can be met by no name",
            };
            texts.push(format!("of {}: {why}", distinct_name(detections, &detection.id, &detection.name)));
        }
        let shown = texts.len().min(self.extent.most(MOST_LEADS));
        let mut lines: Vec<String> =
            texts.iter().take(shown).flat_map(|text| self.labelled("No leads", text)).collect();
        lines.extend(self.more(texts.len() as u64, shown, "detections without leads", "run.json"));
        lines
    }
}
