//! The command `dnsweep report`: shows what the output of a sweep says. The command `sweep` prints
//! its summary by the same function.

use std::io::{self, Write};

use super::arguments::{LogFormat, ReportArguments, ReportFormat, SummaryFormat};
use super::destination::Destination;
use super::error::{CommandError, UsageError};
use super::exit::Exit;
use crate::base::path_text::path_text;
use crate::event::{EventTime, parse_span_back};
use crate::output::PAGE_FILE;
use crate::report::answer::{Answer, Document, Limits, Question, RiskDocument, RiskQuestion};
use crate::report::{Extent, HostsInDetail, RiskTable, Summary, csv_rows, markdown};
use crate::sweep::RecordedOutput;

/// The maximum number of objects at risk (hosts and users) that `dnsweep report --risk` lists,
/// unless the user asks for all (`--full`).
const MOST_OBJECTS: usize = 1000;

/// How a report on a sweep's output is written: in which format, how much of it, and where to.
struct Shown {
    format: ReportFormat,
    extent: Extent,
    log_format: LogFormat,
    destination: Destination,
}

/// Runs the command `dnsweep report`: writes a report on the output of a sweep, on one of its
/// hosts, or on the risk of hosts and users. Returns the exit status.
pub(super) fn run(arguments: &ReportArguments) -> Result<Exit, CommandError> {
    let ReportArguments { format, log_format, .. } = *arguments;
    let window = span(&arguments.last)?;
    if format == ReportFormat::Html && (arguments.risk || arguments.host.is_some()) {
        return Err(UsageError::PageOfPart.into());
    }
    let output = RecordedOutput::open(&arguments.out)?;
    let roots = output.run.as_ref().map_or(&[][..], |run| &run.roots);
    let destination = Destination::of(arguments.output.as_deref(), &output.directory, roots)?;
    let extent = extent(arguments.full);
    let shown = Shown { format, extent, log_format, destination };
    let failed = match &arguments.host {
        host if arguments.risk => {
            let object = host.as_deref();
            let most = extent.most(MOST_OBJECTS);
            write_risk(output, RiskQuestion { object, window, most }, shown)?
        }
        Some(host) => write_one_host(output, host, shown)?,
        None => write_answer(output, shown)?,
    };
    Ok(failed.unwrap_or(Exit::Complete))
}

/// Prints the summary of a sweep's output to standard output. Returns `None` if it was printed, and
/// the command's exit status if it could not be. Fails if the output cannot be read.
pub(super) fn print_summary(
    output: RecordedOutput,
    format: SummaryFormat,
    extent: Extent,
    log_format: LogFormat,
) -> Result<Option<Exit>, CommandError> {
    write_answer(
        output,
        Shown { format: format.into(), extent, log_format, destination: Destination::Stdout },
    )
}

/// Writes the report on a whole output of a sweep, with all of its hosts. Returns `None` if the
/// report was written, and the command's exit status if it could not be. Fails if the output cannot
/// be read.
fn write_answer(output: RecordedOutput, shown: Shown) -> Result<Option<Exit>, CommandError> {
    let Shown { format, extent, log_format, destination } = shown;
    let directory = path_text(&output.directory);
    let limits = match (format, extent) {
        (ReportFormat::Html, _) => {
            let page = output.page()?;
            return Ok(destination.write(log_format, |to| to.write_all(page.as_bytes())));
        }
        (ReportFormat::Csv, _) => Limits::TABLE,
        (_, Extent::Full) => Limits::FULL,
        (ReportFormat::Json, Extent::Short) => Limits::DOCUMENT,
        (ReportFormat::Text | ReportFormat::Markdown, Extent::Short) => Limits::SUMMARY,
    };
    let page = Some(PAGE_FILE).filter(|page| output.directory.join(page).is_file());
    let answer = output.answer(&Question { host: None, limits })?;
    let (width, colours) = (destination.width(), destination.colours());
    Ok(destination.write(log_format, |to| match format {
        ReportFormat::Text => {
            let (answer, directory) = (&answer, &*directory);
            let summary = Summary { answer, directory, page, width, colours, extent };
            to.write_all(summary.text().as_bytes())
        }
        ReportFormat::Markdown => to.write_all(markdown::summary(&answer, &directory).as_bytes()),
        ReportFormat::Json => Document::new(&answer, &directory).write(to),
        ReportFormat::Csv => csv_rows::write_hosts(&answer, to),
        ReportFormat::Html => Err(no_page_of_part()),
    }))
}

/// Writes the report on the host `name` in a sweep's output. Returns `None` if the report was
/// written, and the command's exit status if it could not be. Fails if the output cannot be read or
/// does not have the host.
fn write_one_host(output: RecordedOutput, name: &str, shown: Shown) -> Result<Option<Exit>, CommandError> {
    let Shown { format, extent, log_format, destination } = shown;
    let directory = path_text(&output.directory);
    let answer = output.answer(&Question { host: Some(name.to_owned()), limits: Limits::HOST })?;
    if answer.hosts.count + answer.uncleared.count + answer.cleared_count == 0 {
        return Err(UsageError::Host(name.to_owned()).into());
    }
    let (width, colours) = (destination.width(), destination.colours());
    Ok(destination.write(log_format, |to| {
        let hosts = HostsInDetail { answer: &answer, width, colours, extent };
        write_host(&answer, &hosts, &directory, format, to)
    }))
}

fn write_host(
    answer: &Answer,
    hosts: &HostsInDetail<'_>,
    directory: &str,
    format: ReportFormat,
    to: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Text => to.write_all(hosts.text().as_bytes()),
        ReportFormat::Markdown => to.write_all(markdown::hosts(answer).as_bytes()),
        ReportFormat::Json => Document::new(answer, directory).write(to),
        ReportFormat::Csv => csv_rows::write_matches(answer, to),
        ReportFormat::Html => Err(no_page_of_part()),
    }
}

/// Writes the report on the risk of each host and user in a sweep's output, or of the one that
/// `question` names. Returns `None` if the report was written, and the command's exit status if it
/// could not be. Fails if the output cannot be read.
fn write_risk(
    output: RecordedOutput,
    question: RiskQuestion<'_>,
    shown: Shown,
) -> Result<Option<Exit>, CommandError> {
    let Shown { format, extent, log_format, destination } = shown;
    let directory = path_text(&output.directory);
    let (run, risk) = output.risk(question)?;
    let (width, colours) = (destination.width(), destination.colours());
    Ok(destination.write(log_format, |to| match format {
        ReportFormat::Text => {
            let table = RiskTable { risk: &risk, width, colours, extent };
            to.write_all(table.text().as_bytes())
        }
        ReportFormat::Markdown => to.write_all(markdown::risk(&risk).as_bytes()),
        ReportFormat::Json => RiskDocument::new(&risk, &run, &directory).write(to),
        ReportFormat::Csv => csv_rows::write_risk(&risk, to),
        ReportFormat::Html => Err(no_page_of_part()),
    }))
}

/// Returns the error that the user wants an HTML page of one host, or of the risk, instead of the
/// whole output. It never occurs, because [`run`] has already refused these options.
fn no_page_of_part() -> io::Error {
    io::Error::other("there is no page of a part of an output")
}

/// Returns how much of a sweep's output a report shows: all of it if `is_full` (the option
/// `--full`), otherwise what fits two screens.
pub(super) fn extent(is_full: bool) -> Extent {
    if is_full { Extent::Full } else { Extent::Short }
}

/// Returns the length of the span of time that the user typed, such as `7d`, in units of 100 ns.
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
