//! Compares `report.html`, the HTML page of an output, with the page that dnsweep makes of the
//! output's tables now.

use std::io;
use std::path::Path;

use super::output;
use crate::base::platform::files::{Link, read_at_most};
use crate::output::{OutputTables, PAGE_FILE};
use crate::report::{ComparedPage, ComparisonCounts, Difference, Discrepancy, PageMarks, Run, page};

/// The maximum number of bytes of an output's page (`report.html`). A larger page is reported as
/// unreadable. Pages that dnsweep writes are much smaller.
const MOST_BYTES: u64 = 64 << 20;

/// Compares the page (`report.html`) of the output `out` with a page that is made anew of the
/// tables. `run` is the content of the output's `run.json`, and `run_sha256` its SHA-256. If
/// another version of dnsweep made the page, or if `tables` says that not all tables are unchanged,
/// only checks that the page states `run_sha256`. Adds what differs to `discrepancies`. Returns
/// `None` if the output has no page.
pub(super) fn compare(
    out: &Path,
    (run, run_sha256): (&Run, &str),
    tables: ComparisonCounts,
    discrepancies: &mut Vec<Discrepancy>,
) -> Option<ComparedPage> {
    let mut differs = |difference| {
        discrepancies.push(output(PAGE_FILE, difference));
        Some(ComparedPage::Different)
    };
    let found = match read(out) {
        Ok(found) => found?,
        Err(reason) => return differs(Difference::Unreadable(reason)),
    };
    let Some(PageMarks { version, run_sha256: named }) = PageMarks::of(&found) else {
        return differs(Difference::NoPage);
    };
    if named != run_sha256 {
        return differs(Difference::OtherRun { named: named.to_owned(), found: run_sha256.to_owned() });
    }
    if version != env!("CARGO_PKG_VERSION") {
        return Some(ComparedPage::NamesRun(format!("dnsweep {version} made it")));
    }
    if tables.same < tables.files {
        return Some(ComparedPage::NamesRun("not all tables are unchanged".to_owned()));
    }
    match page(run.clone(), run_sha256, &OutputTables::new(out)) {
        Ok(made) if made == found => Some(ComparedPage::Same),
        Ok(_) => differs(Difference::OtherPage),
        Err(error) => differs(Difference::Unreadable(format!("it cannot be made again: {error}"))),
    }
}

/// Reads the page of an output (`report.html`); `None` if the output has none. The error says why
/// the page cannot be read.
fn read(out: &Path) -> Result<Option<String>, String> {
    match read_at_most(&out.join(PAGE_FILE), Link::Refused, MOST_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
        Ok(bytes) => {
            String::from_utf8(bytes).map(Some).map_err(|_| "expected text, found other bytes".to_owned())
        }
    }
}
