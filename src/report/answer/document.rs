//! The summary as one JSON document, and the schema of this document.

use std::io::{self, Write};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::Answer;
use super::listed::Listed;
use super::risk::Risk;
use crate::ledger::tally::SkippedCounts;
use crate::report::escape::is_shown_escaped;
use crate::report::exclusion::ExclusionRecord;
use crate::report::flawed_file::{FlawedFile, MissedContainer};
use crate::report::run::{DetectionRecord, OutputRecord, RefusedRecord, RuleCounts, Run};
use crate::report::totals::Totals;

/// The version of the layout of the JSON documents of the summary and of the risk. It is raised if
/// a field is removed or changes its meaning.
const VERSION: u32 = 1;
/// The maximum number of entries in each of these lists of the document: detections, rules that did
/// not run, exclusions, tables and roots. `run.json` lists all of them.
const MOST_LISTED: usize = 1000;

/// The summary of a sweep: what was found on which hosts, what was searched, and what was not. Long
/// lists are cut: a list has its `items` and the `count` of all. Texts come from the evidence as
/// they are; a text of more than 1,000 characters is cut in the middle, with an ellipsis there.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Summary of a sweep by dnsweep", rename = "Summary")]
pub struct Document<'a> {
    /// The version of the layout of this document.
    summary_version: u32,
    /// What was swept, when, and by what.
    sweep: SweepFacts<'a>,
    /// The totals of the sweep, over all files and hosts.
    totals: &'a Totals,
    /// What the sweep found on hosts.
    #[serde(flatten)]
    answer: &'a Answer,
    /// The numbers of rules that were found, that ran, and that did not.
    rules: RuleCounts,
    /// The detections that ran.
    detections: Listed<&'a DetectionRecord>,
    /// The rules that dnsweep cannot run, although they may be about DNS queries. What they would
    /// find is unknown.
    refused_detections: Listed<&'a RefusedRecord>,
    /// The site's exclusions, each with the number of matches and leads that it took away.
    exclusions: Listed<ExclusionFacts<'a>>,
    /// The files that could not be read and understood completely, those that lost most first. At
    /// most the first hundred are listed.
    flawed_files: Listed<&'a FlawedFile>,
    /// The containers that could not be read, or not completely. At most the first hundred are
    /// listed.
    missed_containers: Listed<&'a MissedContainer>,
    /// The numbers of files that were found in the evidence but not read, by kind.
    passed_over: &'a SkippedCounts,
    /// The tables of the output.
    outputs: Listed<&'a OutputRecord>,
}

/// What was swept, when, and by what.
#[derive(Serialize, JsonSchema)]
struct SweepFacts<'a> {
    /// The version of the dnsweep that ran.
    dnsweep: &'a str,
    /// The version of the layout of the tables and of `run.json`.
    schema_version: u32,
    /// The path of the output directory.
    directory: &'a str,
    /// When the sweep began, in UTC.
    started: &'a str,
    /// When the tables were complete, in UTC.
    finished: &'a str,
    /// True if the run was interrupted: it then covers only what had been read by that time.
    interrupted: bool,
    /// The exit status of the program; `null` if a Rust program ran the sweep through the library.
    exit_status: Option<u8>,
    /// The start of the requested period; `null` if it has none.
    since: Option<&'a str>,
    /// The end of the requested period; `null` if it has none.
    until: Option<&'a str>,
    /// The roots of the evidence, as absolute paths.
    roots: Listed<&'a str>,
}

/// An exclusion (a site's description of harmless events), and how many matches and leads it took
/// away.
#[derive(Serialize, JsonSchema)]
struct ExclusionFacts<'a> {
    /// The exclusion's name.
    name: &'a str,
    /// The reason that the exclusion states: why the events that it describes are harmless.
    reason: &'a str,
    /// The last day (UTC) on which the exclusion applies; `null` if it does not expire.
    expires: Option<&'a str>,
    /// True if the exclusion had expired, so that it was not applied.
    expired: bool,
    /// The number of events that the exclusion took away from at least one detection.
    excluded_matches: u64,
    /// The number of leads that the exclusion took away. A lead is a query that Windows' own DNS
    /// client logged.
    excluded_leads: u64,
    /// The number of hosts from which the exclusion took away a match or a lead.
    hosts: u64,
}

impl<'a> Document<'a> {
    /// Makes the JSON document of the summary from `answer`, which was read from the output of a
    /// sweep. `directory` is the path of the output directory.
    #[must_use]
    pub fn new(answer: &'a Answer, directory: &'a str) -> Self {
        let run = &answer.run;
        let totals = &run.totals;
        Document {
            summary_version: VERSION,
            sweep: SweepFacts::of(run, directory),
            totals,
            answer,
            rules: run.rules,
            detections: Listed::first(&run.detections, MOST_LISTED),
            refused_detections: Listed::first(&run.refused_detections, MOST_LISTED),
            exclusions: Listed::first(run.exclusions.iter().map(ExclusionFacts::of), MOST_LISTED),
            flawed_files: Listed { items: run.flawed_files.iter().collect(), count: totals.flawed_files() },
            missed_containers: Listed {
                items: run.missed_containers.iter().collect(),
                count: totals.missed_containers,
            },
            passed_over: &run.passed_over,
            outputs: Listed::first(&run.outputs, MOST_LISTED),
        }
    }

    /// Writes the document as indented JSON. Characters that a reader would not see, or that act on
    /// a terminal, are written as `\uXXXX`.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        write_json(self, to)
    }
}

impl<'a> SweepFacts<'a> {
    fn of(run: &'a Run, directory: &'a str) -> Self {
        SweepFacts {
            dnsweep: &run.dnsweep,
            schema_version: run.schema_version,
            directory,
            started: &run.started,
            finished: &run.finished,
            interrupted: run.interrupted,
            exit_status: run.exit_status,
            since: run.since.as_deref(),
            until: run.until.as_deref(),
            roots: Listed::first(run.roots.iter().map(String::as_str), MOST_LISTED),
        }
    }
}

impl<'a> ExclusionFacts<'a> {
    fn of(record: &'a ExclusionRecord) -> Self {
        ExclusionFacts {
            name: &record.name,
            reason: &record.reason,
            expires: record.expires.as_deref(),
            expired: record.expired,
            excluded_matches: record.excluded_matches,
            excluded_leads: record.excluded_leads,
            hosts: record.hosts.len() as u64,
        }
    }
}

/// The risk of hosts and users, read from the output of a sweep. Long lists are cut: a list has its
/// `items` and the `count` of all.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Risk in the output of a sweep by dnsweep", rename = "RiskReport")]
pub struct RiskDocument<'a> {
    /// The version of the layout of this document.
    risk_version: u32,
    /// What was swept, when, and by what.
    sweep: SweepFacts<'a>,
    /// The risk of hosts and users.
    #[serde(flatten)]
    risk: &'a Risk,
}

impl<'a> RiskDocument<'a> {
    /// Makes the JSON document that shows the risk of hosts and users. `run` is what `run.json`
    /// records, and `directory` the path of the output directory.
    #[must_use]
    pub fn new(risk: &'a Risk, run: &'a Run, directory: &'a str) -> Self {
        RiskDocument { risk_version: VERSION, sweep: SweepFacts::of(run, directory), risk }
    }

    /// Writes the document as indented JSON, as [`Document::write`] does.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        write_json(self, to)
    }
}

/// Returns the JSON Schema of a [`Document`], as indented JSON.
#[must_use]
pub fn summary_schema() -> String {
    schema::<Document<'static>>()
}

/// Returns the JSON Schema of a [`RiskDocument`], as indented JSON.
#[must_use]
pub fn risk_schema() -> String {
    schema::<RiskDocument<'static>>()
}

/// Returns the JSON Schema of values of the type `T` as they are written in JSON. The schema itself
/// is indented JSON.
pub(in crate::report) fn schema<T: JsonSchema>() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<T>();
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

/// Writes a document as indented JSON. Characters that a reader would not see, or that act on a
/// terminal, are written as `\uXXXX`.
pub(in crate::report) fn write_json(document: &impl Serialize, to: impl Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(to, Safe(PrettyFormatter::new()));
    document.serialize(&mut serializer)?;
    serializer.into_inner().write_all(b"\n")
}

/// Formats JSON with line breaks and indents. Characters that a reader would not see, or that act
/// on a terminal, are written as `\uXXXX`.
struct Safe(PrettyFormatter<'static>);

/// Implements methods of [`Formatter`] for [`Safe`]: each calls the same method of the
/// `PrettyFormatter` inside.
macro_rules! as_inside {
    ($($method:ident($($name:ident: $kind:ty),*);)*) => {
        $(fn $method<W: ?Sized + Write>(&mut self, writer: &mut W $(, $name: $kind)*) -> io::Result<()> {
            self.0.$method(writer $(, $name)*)
        })*
    };
}

impl Formatter for Safe {
    as_inside! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if is_shown_escaped(character) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }
}
