//! From what the stages found to what people read and tables hold: rows of tables, and the
//! summary. Knows nothing of how evidence is read or tables are stored.

mod conclude;
mod coverage;
mod escape;
mod exclusion;
mod file_row;
mod finding;
mod flawed_file;
mod host;
mod host_row;
mod hosts;
mod leads;
mod machine_logs;
mod matched_event;
mod matches;
mod nothing_read;
mod presence;
mod renames;
mod run;
mod stated;
#[cfg(feature = "cli")]
mod summary;
mod verdict;
mod verification;
mod wording;

pub use crate::ledger::file::{FileReport, Header, Loss, Status};
pub use coverage::Coverage;
pub use escape::{cut, escaped, escaped_json, shown};
pub use exclusion::{ExcludedCounts, ExcludedOn, ExclusionRecord};
pub use file_row::FileRow;
pub use finding::Finding;
pub use flawed_file::FlawedFile;
pub use host::{Conclusion, Host, ValueCounts};
pub use host_row::HostRow;
pub use hosts::{Hosts, NamedHost};
pub use machine_logs::MachineLogs;
pub use matched_event::{DetectionCounts, DetectionLabel, MatchedEvent};
pub use matches::{MatchContext, MatchRow, Occurrence, event_hash};
pub use nothing_read::nothing_read;
pub use presence::Presence;
pub use run::{
    ContentRecord, DetectionLeads, DetectionRecord, Ending, NamesAsked, OutputRecord, RefusedRecord,
    RuleCounts, Run, Totals,
};
pub use stated::{NotStated, Stated};
#[cfg(feature = "cli")]
pub use summary::{Summary, terminal_width};
pub use verdict::Verdict;
pub use verification::{Compared, Difference, Discrepancy, EvidenceCompared, Place, Shown, Verification};
