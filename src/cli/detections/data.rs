//! The command `dnsweep detections test`: runs the tests in Splunk's rule files. Each test names a
//! data set, which is a file with events; the rule must match one of them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CommandOutput;
use crate::cli::arguments::TestArguments;
use crate::cli::error::{CommandError, UsageError};
use crate::cli::exit::Exit;
use crate::config::{Catalog, LoadedDetection, Sweep};
use crate::detect::DataSet;
use crate::report::escaped;
use crate::sweep::Sink;

/// The smallest number of names (of folders and the file) that the path of a data set's file must
/// share with the end of the path in the rule. The file's name alone is not enough, because many
/// data sets have files with the same name.
const LEAST_PARTS: usize = 2;

/// The outcome of testing a Splunk rule on a data set, which is a file of recorded events.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TestOutcome {
    /// The rule matches this number of events in the data set, which has this number of DNS
    /// queries.
    Passed { matches: u64, dns_queries: u64 },
    /// The rule matches no event in the data set, which has this number of DNS queries.
    Failed { dns_queries: u64 },
    /// The file of the data set (recorded events) was not found, so the rule was not tested.
    Missing,
}

/// Runs the command `dnsweep detections test`: runs the tests of rule files on the data sets that
/// the tests name.
pub(super) fn test(arguments: &TestArguments) -> Result<CommandOutput, CommandError> {
    let catalog =
        Catalog::check(&arguments.paths, &arguments.lists.resolved(), arguments.placeholders.as_deref())?;
    if !arguments.data.is_dir() {
        return Err(UsageError::Data(arguments.data.clone()).into());
    }
    let mut text = String::new();
    let (mut passed, mut failed, mut missing) = (0, 0, 0);
    for loaded in &catalog.detections {
        let source = escaped(&loaded.source);
        if loaded.detection.tests.is_empty() {
            let _ = writeln!(text, "no test  {source}");
        }
        for data_set in &loaded.detection.tests {
            let outcome = outcome(loaded, data_set, arguments)?;
            let (word, found) = match outcome {
                TestOutcome::Passed { matches, dns_queries } => {
                    passed += 1;
                    ("passed ", format!("{matches} matches in {dns_queries} DNS queries"))
                }
                TestOutcome::Failed { dns_queries } => {
                    failed += 1;
                    ("failed ", format!("no match in {dns_queries} DNS queries"))
                }
                TestOutcome::Missing => {
                    missing += 1;
                    (
                        "missing",
                        format!(
                            "no file in the data directory has a path that ends like {}",
                            escaped(&data_set.data)
                        ),
                    )
                }
            };
            let _ = writeln!(text, "{word}  {source}, {}: {found}", escaped(&data_set.test));
        }
    }
    for refused in &catalog.not_run.refused {
        let _ = writeln!(text, "refused  {}", escaped(&refused.reason));
    }
    let _ = writeln!(
        text,
        "{passed} passed, {failed} failed, {missing} without data, {} rules refused",
        catalog.not_run.refused.len()
    );
    let exit = match (failed > 0 || !catalog.not_run.refused.is_empty(), missing > 0) {
        (true, _) => Exit::Damaged,
        (false, true) => Exit::NothingRead,
        (false, false) => Exit::Complete,
    };
    Ok(CommandOutput { text, exit })
}

/// Runs one test of a Splunk rule: sweeps the test's data set, which is a file of recorded events,
/// with the rule's file, and counts the matches.
fn outcome(
    loaded: &LoadedDetection,
    data_set: &DataSet,
    arguments: &TestArguments,
) -> Result<TestOutcome, CommandError> {
    let Some(file) = file_of(&data_set.data, &arguments.data) else { return Ok(TestOutcome::Missing) };
    let sweep = Sweep {
        evidence: vec![file],
        rules: vec![PathBuf::from(&loaded.source)],
        placeholders: arguments.placeholders.clone(),
        ..Sweep::default()
    };
    let outcome = sweep.run(Sink::Count, &mut (), &Arc::default())?;
    let (matches, dns_queries) = (outcome.run.totals.matches, outcome.run.totals.dns_queries);
    Ok(if matches > 0 {
        TestOutcome::Passed { matches, dns_queries }
    } else {
        TestOutcome::Failed { dns_queries }
    })
}

/// Finds the file of a data set in `directory`. `data` is the data set's path or URL as written in
/// the rule. Of the files whose path in `directory` equals an end of `data`, the one with the
/// longest path is returned. `None` if no file shares an end of at least [`LEAST_PARTS`] names.
fn file_of(data: &str, directory: &Path) -> Option<PathBuf> {
    let parts: Vec<&str> = data.split('/').filter(|part| !part.is_empty()).collect();
    // A path with these parts could lead out of the directory.
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return None;
    }
    let most = parts.len();
    (LEAST_PARTS..=most).rev().find_map(|count| {
        let file: PathBuf = std::iter::once(directory.as_os_str())
            .chain(parts.iter().skip(most - count).map(|part| std::ffi::OsStr::new(*part)))
            .collect();
        file.is_file().then_some(file)
    })
}
