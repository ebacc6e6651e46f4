//! The sample evidence: seven machines, one of them compromised, and a few damaged logs.
//!
//! `journal` keeps a machine's clock and record numbers and fills the time between the events of
//! the story; `machine` keeps its processes and `program` what their files say; `bystanders`,
//! `collector` and `compromised` have these events; `damaged` breaks logs.
//! All machines, users and addresses are invented. The domains are those that dnsweep's built-in
//! detection names, example domains, and a few that every Windows machine queries.

mod bystanders;
mod collector;
mod compromised;
mod damaged;
mod journal;
mod machine;
mod program;

use crate::error::Error;
use crate::truth::SampleFile;

/// Makes every file below `samples/evidence`, sorted by path.
pub fn evidence() -> Result<Vec<SampleFile>, Error> {
    let mut files = compromised::files()?;
    files.extend(bystanders::files()?);
    files.extend(collector::files()?);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// Makes every file below `samples/damaged`, sorted by path.
pub fn damaged() -> Result<Vec<SampleFile>, Error> {
    let mut files = damaged::files()?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}
