//! The lines of the summary on leads: which hosts have some, which detections can have none, and
//! that a lead is no match.

use std::fmt;

use super::detections::distinct_name;
use super::{MOST_HOSTS, NamedHost, Summary, copies, counted, name};
use crate::config::Leads;
use crate::report::run::NameCondition;

impl Summary<'_> {
    /// Writes the lines on leads in the summary that the command `sweep` prints. Writes nothing if
    /// leads were not looked for.
    pub(super) fn leads(&self, f: &mut fmt::Formatter<'_>, rows: &[NamedHost]) -> fmt::Result {
        if self.run.options.leads == Leads::None {
            return Ok(());
        }
        let mut hosts: Vec<_> = rows.iter().filter(|(_, host)| host.leads > 0).collect();
        hosts.sort_by_key(|(_, host)| std::cmp::Reverse(host.unique_leads));
        let totals = &self.run.totals;
        writeln!(f)?;
        let text = format!(
            "{} on {}{}: queries for names that detections describe, in the log of Windows' own DNS client; which program made \
             them is not known, so these are leads only and no matches",
            counted(totals.unique_leads, "lead", "leads"),
            counted(totals.hosts_with_leads, "host", "hosts"),
            copies(totals.leads - totals.unique_leads)
        );
        self.labelled(f, "Leads", &text)?;
        for (computer, host) in hosts.iter().take(MOST_HOSTS) {
            let leads = counted(host.unique_leads, "lead", "leads");
            let text =
                format!("{}: {leads}{}", name(computer.as_deref()), copies(host.leads - host.unique_leads));
            self.labelled(f, "", &text)?;
        }
        self.more(f, hosts.len(), MOST_HOSTS, "hosts with leads", "hosts.parquet")?;
        self.detections_without_leads(f)
    }

    fn detections_without_leads(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for detection in &self.run.detections {
            let why = match detection.leads.map(|leads| leads.names) {
                None | Some(NameCondition::Some) => continue,
                Some(NameCondition::Every) => "its condition can be met by every name",
                Some(NameCondition::None) => "its condition can be met by no name",
            };
            let name = distinct_name(&self.run.detections, &detection.id, &detection.name);
            self.labelled(f, "No leads", &format!("of {name}: {why}"))?;
        }
        Ok(())
    }
}
