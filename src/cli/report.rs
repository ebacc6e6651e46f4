//! The command `dnsweep report`: shows what the output of a sweep says. The command `sweep` prints
//! its summary by the same function.

use std::io::{self, Write};

use super::arguments::{LogFormat, ReportArguments, ReportFormat, SummaryFormat};
use super::console::{colours, print_with, width};
use super::error::{CommandError, UsageError};
use super::exit::Exit;
use crate::base::path_text::path_text;
use crate::event::{EventTime, parse_span_back};
use crate::report::answer::{Answer, Document, Limits, Question, RiskDocument, RiskQuestion};
use crate::report::{Extent, HostsInDetail, RiskTable, Summary, csv_rows, markdown};
use crate::sweep::RecordedOutput;

/// The most objects at risk that are listed, unless all are wanted.
const MOST_OBJECTS: usize = 1000;

/// Runs the command `dnsweep report`: prints what the output of a sweep says. Returns the exit
/// status.
pub(super) fn run(arguments: &ReportArguments) -> Result<Exit, CommandError> {
    let window = span(&arguments.last)?;
    let output = RecordedOutput::open(&arguments.out)?;
    let extent = extent(arguments.full);
    let failed = match &arguments.host {
        host if arguments.risk => {
            let object = host.as_deref();
            let most = extent.most(MOST_OBJECTS);
            print_risk(output, RiskQuestion { object, window, most }, extent, arguments)?
        }
        Some(host) => print_host(output, host, extent, arguments)?,
        None => print_summary(output, arguments.format, extent, arguments.log_format)?,
    };
    Ok(failed.unwrap_or(Exit::Complete))
}

/// Prints the summary of a sweep's output. Returns the exit status if it cannot be printed.
pub(super) fn print_summary(
    output: RecordedOutput,
    format: ReportFormat,
    extent: Extent,
    log_format: LogFormat,
) -> Result<Option<Exit>, CommandError> {
    let directory = path_text(&output.directory);
    let limits = match (format, extent) {
        (ReportFormat::Csv, _) => Limits::TABLE,
        (_, Extent::Full) => Limits::FULL,
        (ReportFormat::Json, Extent::Short) => Limits::DOCUMENT,
        (ReportFormat::Text | ReportFormat::Markdown, Extent::Short) => Limits::SUMMARY,
    };
    let answer = output.answer(&Question { host: None, limits })?;
    Ok(print_with(log_format, |stdout| match format {
        ReportFormat::Text => {
            let (answer, directory) = (&answer, &*directory);
            let summary = Summary { answer, directory, width: width(), colours: colours(), extent };
            stdout.write_all(summary.text().as_bytes())
        }
        ReportFormat::Markdown => stdout.write_all(markdown::summary(&answer, &directory).as_bytes()),
        ReportFormat::Json => Document::new(&answer, &directory).write(stdout),
        ReportFormat::Csv => csv_rows::write_hosts(&answer, stdout),
    }))
}

/// Prints what is known of the host `name`. Returns the exit status if it cannot be printed.
fn print_host(
    output: RecordedOutput,
    name: &str,
    extent: Extent,
    arguments: &ReportArguments,
) -> Result<Option<Exit>, CommandError> {
    let directory = path_text(&output.directory);
    let answer = output.answer(&Question { host: Some(name.to_owned()), limits: Limits::HOST })?;
    if answer.hosts.count + answer.uncleared.count + answer.cleared_count == 0 {
        return Err(UsageError::Host(name.to_owned()).into());
    }
    Ok(print_with(arguments.log_format, |stdout| {
        write_host(&answer, &directory, extent, arguments.format, stdout)
    }))
}

fn write_host(
    answer: &Answer,
    directory: &str,
    extent: Extent,
    format: ReportFormat,
    to: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Text => {
            let hosts = HostsInDetail { answer, width: width(), colours: colours(), extent };
            to.write_all(hosts.text().as_bytes())
        }
        ReportFormat::Markdown => to.write_all(markdown::hosts(answer).as_bytes()),
        ReportFormat::Json => Document::new(answer, directory).write(to),
        ReportFormat::Csv => csv_rows::write_matches(answer, to),
    }
}

/// Prints the risk of hosts and users. Returns the exit status if it cannot be printed.
fn print_risk(
    output: RecordedOutput,
    question: RiskQuestion<'_>,
    extent: Extent,
    arguments: &ReportArguments,
) -> Result<Option<Exit>, CommandError> {
    let directory = path_text(&output.directory);
    let (run, risk) = output.risk(question)?;
    Ok(print_with(arguments.log_format, |stdout| match arguments.format {
        ReportFormat::Text => {
            let table = RiskTable { risk: &risk, width: width(), colours: colours(), extent };
            stdout.write_all(table.text().as_bytes())
        }
        ReportFormat::Markdown => stdout.write_all(markdown::risk(&risk).as_bytes()),
        ReportFormat::Json => RiskDocument::new(&risk, &run, &directory).write(stdout),
        ReportFormat::Csv => csv_rows::write_risk(&risk, stdout),
    }))
}

/// Returns how much of the answer is shown, by whether the user asks for all of it.
pub(super) fn extent(is_full: bool) -> Extent {
    if is_full { Extent::Full } else { Extent::Short }
}

/// Returns the length of a span of time that the user typed, in ticks of 100 ns.
fn span(typed: &str) -> Result<u64, UsageError> {
    let now = EventTime::now();
    Ok(parse_span_back(typed, now)?.ticks().abs_diff(now.ticks()))
}

impl From<SummaryFormat> for ReportFormat {
    fn from(format: SummaryFormat) -> Self {
        match format {
            SummaryFormat::Text => ReportFormat::Text,
            SummaryFormat::Json => ReportFormat::Json,
        }
    }
}
