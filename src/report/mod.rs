//! The report: makes table rows and `run.json` from what the other stages of a sweep found, and
//! makes the summary and the page from these. It does not know how evidence is read or how tables
//! are stored.

mod anomaly;
pub mod answer;
mod conclude;
mod container_row;
mod coverage;
#[cfg(feature = "cli")]
pub mod csv_rows;
#[cfg(feature = "cli")]
mod csv_writer;
mod escape;
mod event_columns;
mod exclusion;
#[cfg(feature = "cli")]
pub mod export;
mod file_logs;
mod file_row;
mod flawed_file;
mod host;
mod host_in_evidence;
mod host_row;
mod hosts;
mod leads;
mod machine_logs;
#[cfg(feature = "cli")]
pub mod markdown;
mod matched_event;
mod matches;
mod name_columns;
mod nothing_read;
mod page;
mod process;
mod process_wording;
mod renames;
mod run;
#[cfg(feature = "cli")]
pub mod show;
#[cfg(feature = "cli")]
mod summary;
mod table_schemas;
#[cfg(feature = "cli")]
pub mod timeline;
mod totals;
mod verdict;
mod verification;
mod wording;

pub use crate::ledger::file::{FileReport, Header, Loss, Status};
pub use anomaly::Anomaly;
pub use container_row::ContainerRow;
pub use coverage::Coverage;
pub use escape::{cut, escaped, escaped_json, is_shown_escaped, middle_cut};
pub use exclusion::{ExcludedCounts, ExclusionRecord, HostExclusions};
pub use file_row::FileRow;
pub use flawed_file::{FirstProblem, FlawedFile, MOST_FLAWED, MissedContainer};
pub use host::{Conclusion, Host, ValueCounts};
pub use host_in_evidence::HostInEvidence;
pub use host_row::HostRow;
pub use hosts::{HostNames, Hosts, NamedHost};
pub use machine_logs::MachineLogs;
pub use matched_event::{DetectionCounts, DetectionLabel, MatchedEvent};
pub use matches::{MatchContext, MatchRow, Occurrence, event_hash};
pub use nothing_read::nothing_read;
pub use page::{PageMarks, page};
pub use process::{CreationPlace, ProcessRow, ProcessStatus};
pub use run::{
    ContentRecord, DetectionLeads, DetectionRecord, IndicatorRecord, LeftOutRecord, MergedPart,
    NameCondition, OutputRecord, RefusedRecord, RiskObjectRecord, RuleCounts, Run, RunNotRead,
};
#[cfg(feature = "cli")]
pub use summary::{Colours, Extent, HostsInDetail, RiskTable, Summary, terminal_width};
#[cfg(feature = "cli")]
pub use table_schemas::{columns_as_markdown, tables_as_json, tables_as_markdown};
pub use totals::{Ending, Totals};
pub use verdict::Verdict;
pub use verification::{
    ComparedFile, ComparedFiles, ComparedPage, ComparisonCounts, Difference, Discrepancy, EvidenceComparison,
    ResultDetail, Verification,
};
