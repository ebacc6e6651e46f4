//! The rows and columns of `processes.parquet`: the processes that made matching queries, and their
//! ancestors (`--context`).
//!
//! Most columns of a row come from Sysmon's event 1, which was logged when the process was created.
//! If that event was not found, the row says why.
//!
//! A new column is a line in [`ProcessRow::COLUMNS`]. What the event does not contain is also a
//! field of [`ProcessRow`], which `sweep::context` fills. A change of columns must also change what
//! `report::matches` names for its table. What reports show of a process is selected in
//! `report::answer::processes`.

use std::borrow::Cow;

use crate::base::digest::Sha256Digest;
use crate::event::{Event, EventTime, Guid};
use crate::ledger::container::Origin;
use crate::ledger::damage::Integrity;
use crate::table::{Cell, ColumnOf, ColumnType, cells};

/// A row of `processes.parquet`: a process that made a matching query, or an ancestor of one.
#[derive(Debug, Clone)]
pub struct ProcessRow<'a> {
    /// The name of the computer that the process ran on.
    pub computer: &'a str,
    /// The GUID by which Sysmon identifies the process.
    pub guid: Guid,
    /// The smallest number of steps from a process that made a matching query up to this one, each
    /// from a child to its parent; 0 for a process that made a matching query itself.
    pub depth: u32,
    /// Whether the process's event 1 (Sysmon's event for a process creation) was found, or why not.
    pub status: ProcessStatus,
    /// The process's event 1 (its creation, as Sysmon logged it), and where the event lies in the
    /// evidence; `None` if it was not found.
    pub creation: Option<CreationPlace<'a>>,
    /// When the process ended; `None` if Sysmon's event 5 (process terminated) of it was not found.
    pub end: Option<EventTime>,
    /// The number of copies of the process's event 1: other records with the same content.
    pub copies: u64,
    /// The number of other events 1 (process creations) with the same computer and GUID but another
    /// content. Only forged logs should contain any.
    pub conflicts: u64,
}

/// Sysmon's event 1 (the creation) of a process, and where the event lies in the evidence.
#[derive(Debug, Clone)]
pub struct CreationPlace<'a> {
    /// The event 1 itself, in which Sysmon logged that the process was created.
    pub event: &'a Event,
    /// The number, from 0, of the chunk that contains the event's record; 0 in event XML.
    pub chunk_number: u64,
    /// The offset of the event's record, in bytes from the start of the file.
    pub record_offset: u64,
    /// How far the bytes of the event's record can be trusted, by the checksums of its chunk.
    pub integrity: Integrity,
    /// The hash of the content of the event 1. All copies of the event have the same hash.
    pub hash: Sha256Digest,
    /// The name of the piece of evidence that contains the event's file.
    pub evidence: &'a str,
    /// The path, from its root (a folder or file that was swept), of the file that contains the
    /// event.
    pub source_path: Cow<'a, str>,
    /// What is known about where the event's file comes from: its path on the collected machine,
    /// the time of the shadow copy that it lies in, and whether it was deleted.
    pub origin: &'a Origin,
}

/// Whether the event 1 (Sysmon's event for a process creation) of a process was found, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessStatus {
    /// The process's event 1 (a process was created) was found.
    Found,
    /// The process's event 1 was not found, although no log of the computer is damaged or unread,
    /// and Sysmon's first record there is not known to be later than the start of the process.
    NotLogged,
    /// The process started before the first record that Sysmon logged on its computer.
    LogBeginsLater,
    /// The process's event 1 was not found, and a log of the computer is damaged.
    Damaged,
    /// The process's event 1 was not found, and a log of the computer could not be read a second
    /// time, to look for processes.
    NotRead,
}

impl ProcessStatus {
    /// All statuses: first that of processes whose event 1 (creation) was found, then the reasons
    /// why the event was not found.
    pub const ALL: [ProcessStatus; 5] = [
        ProcessStatus::Found,
        ProcessStatus::LogBeginsLater,
        ProcessStatus::NotLogged,
        ProcessStatus::Damaged,
        ProcessStatus::NotRead,
    ];

    /// Returns the word for the status in the column `status` of `processes.parquet`, such as
    /// `log begins later`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ProcessStatus::Found => "found",
            ProcessStatus::NotLogged => "not logged",
            ProcessStatus::LogBeginsLater => "log begins later",
            ProcessStatus::Damaged => "damaged",
            ProcessStatus::NotRead => "not read",
        }
    }

    /// Returns, in words, why nothing is known of the start of a process; `None` if its start (its
    /// event 1) was found.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            ProcessStatus::Found => None,
            ProcessStatus::LogBeginsLater => Some("its start is not in the log: the log begins later"),
            ProcessStatus::NotLogged => Some("its start was not logged"),
            ProcessStatus::Damaged => Some("its start was not found: a log of the host is damaged"),
            ProcessStatus::NotRead => Some("its start was not found: a log of the host was not read again"),
        }
    }
}

/// Returns the hash that `algorithm` gave, in lower case, from Sysmon's field `Hashes`. The field
/// has items such as `SHA256=0123…`, with commas between them. `None` if the field has no hash of
/// this algorithm.
fn hash_of<'h>(hashes: &'h str, algorithm: &str) -> Option<Cow<'h, str>> {
    let items = hashes.split(',').filter_map(|item| item.split_once('='));
    let mut named = items.filter(|(name, _)| name.trim().eq_ignore_ascii_case(algorithm));
    named.next().map(|(_, hash)| hash.trim().to_ascii_lowercase().into())
}

impl<'a> ProcessRow<'a> {
    /// The columns of `processes.parquet`.
    pub const COLUMNS: &'a [ColumnOf<Self>] = {
        use ColumnType::{Boolean, Integer, Text, Time};
        &[
            ColumnOf::always("computer", Text, "name of the computer that the process ran on", |row| {
                Cell::text(row.computer)
            }),
            ColumnOf::<Self>::always(
                "process_guid",
                Text,
                "GUID of the process, in lower case, without braces; `process_guid` in `matches.parquet` refers to it",
                |row| Cell::text(row.guid.text()),
            )
            .looked_up(),
            ColumnOf::always(
                "depth",
                Integer,
                "0: a process that made a matching query; 1: the parent of one, and so on to 16; the least if there are several",
                |row| Cell::count(u64::from(row.depth)),
            ),
            ColumnOf::always(
                "status",
                Text,
                "`found`: the event 1 of the process was found, and the columns after `guid_time` show it; `log begins later`: the process started before the first record that Sysmon logged on the computer; `not logged`: the log begins earlier, but the event is not in it; `damaged`: as before, and a log of the computer is damaged; `not read`: a log of the computer could not be read again",
                |row| Cell::text(row.status.name()),
            ),
            ColumnOf::nullable(
                "guid_time",
                Time,
                "when the process started, in whole seconds, as its GUID states it; null if the GUID states no time since 2014",
                |row| Cell::optional_time(row.guid.start_time()),
            ),
            ColumnOf::nullable("evidence", Text, "name of the piece of evidence that contains the file", |row| {
                Cell::optional(row.creation.as_ref().map(|found| found.evidence))
            }),
            ColumnOf::nullable("source_path", Text, "path of the file from its root", |row| {
                Cell::optional(row.creation.as_ref().map(|found| &*found.source_path))
            }),
            ColumnOf::nullable("original_path", Text, "path of the file on its host, if the volume or archive states it", |row| {
                Cell::optional(row.creation.as_ref().and_then(|found| found.origin.original_path.as_deref()))
            }),
            ColumnOf::nullable("snapshot_time", Time, "when the shadow copy was made that the file comes from; null for any other file", |row| {
                Cell::optional_time(row.creation.as_ref().and_then(|found| found.origin.snapshot_time))
            }),
            ColumnOf::nullable("deleted_file", Boolean, "true if the file was deleted in its volume", |row| {
                row.creation.as_ref().map_or(Cell::Null, |found| Cell::Boolean(found.origin.deleted))
            }),
            ColumnOf::nullable("event_time", Time, "TimeCreated: when the event was logged", |row| {
                Cell::optional_time(row.event().and_then(|event| event.system.time_created))
            }),
            ColumnOf::nullable("utc_time", Time, "Sysmon's UtcTime: when the process was created", |row| {
                Cell::optional_time(row.event().and_then(Event::utc_time).and_then(EventTime::parse_logged))
            }),
            ColumnOf::nullable("event_record_id", Integer, "EventRecordID: number of the event in its log", |row| {
                Cell::optional_count(row.event().and_then(|event| event.system.event_record_id))
            }),
            ColumnOf::nullable("rule_name", Text, "name of the Sysmon configuration rule that had the event logged; `-` if the rule has no name", |row| {
                row.field("RuleName")
            }),
            ColumnOf::nullable("process_id", Integer, "ID (PID) of the process", |row| row.number("ProcessId")),
            ColumnOf::nullable("image", Text, "path of the process's image", |row| row.field("Image")),
            ColumnOf::nullable("process_name", Text, "file name of the image: what follows the last backslash in `image`", |row| {
                Cell::optional(row.event().and_then(Event::process_name))
            }),
            ColumnOf::nullable("file_version", Text, "version of the image, as its file states it", |row| row.field("FileVersion")),
            ColumnOf::nullable("description", Text, "description of the image, as its file states it", |row| row.field("Description")),
            ColumnOf::nullable("product", Text, "product that the image belongs to, as its file states it", |row| row.field("Product")),
            ColumnOf::nullable("company", Text, "company that made the image, as its file states it", |row| row.field("Company")),
            ColumnOf::nullable("original_file_name", Text, "name that the image was built with, as its file states it", |row| {
                row.field("OriginalFileName")
            }),
            ColumnOf::nullable("command_line", Text, "command line of the process", |row| row.field("CommandLine")),
            ColumnOf::nullable("current_directory", Text, "directory in which the process was started", |row| row.field("CurrentDirectory")),
            ColumnOf::nullable("user", Text, "account of the process", |row| row.field("User")),
            ColumnOf::nullable("logon_guid", Text, "GUID of the logon session, in lower case, without braces", |row| row.field("LogonGuid")),
            ColumnOf::nullable("logon_id", Text, "ID of the logon session, in hexadecimal", |row| row.field("LogonId")),
            ColumnOf::nullable("terminal_session_id", Integer, "number of the terminal session", |row| row.number("TerminalSessionId")),
            ColumnOf::nullable("integrity_level", Text, "integrity level of the process, such as `Medium`", |row| row.field("IntegrityLevel")),
            ColumnOf::nullable("hashes", Text, "hashes of the image, as logged", |row| row.field("Hashes")),
            ColumnOf::nullable("md5", Text, "MD5 of the image, in lower case, from `hashes`", |row| row.hash("MD5")),
            ColumnOf::nullable("sha1", Text, "SHA-1 of the image, in lower case, from `hashes`", |row| row.hash("SHA1")),
            ColumnOf::<Self>::nullable("sha256", Text, "SHA-256 of the image, in lower case, from `hashes`", |row| row.hash("SHA256")).looked_up(),
            ColumnOf::nullable("imphash", Text, "hash of the image's imports, in lower case, from `hashes`", |row| row.hash("IMPHASH")),
            ColumnOf::nullable("parent_process_guid", Text, "GUID of the process that started this one, in lower case, without braces", |row| {
                row.field("ParentProcessGuid")
            }),
            ColumnOf::nullable("parent_process_id", Integer, "ID (PID) of the process that started this one", |row| row.number("ParentProcessId")),
            ColumnOf::nullable("parent_image", Text, "path of the image of the process that started this one", |row| row.field("ParentImage")),
            ColumnOf::nullable("parent_command_line", Text, "command line of the process that started this one", |row| row.field("ParentCommandLine")),
            ColumnOf::nullable("parent_user", Text, "account of the process that started this one; null in logs of older versions of Sysmon", |row| row.field("ParentUser")),
            ColumnOf::nullable("end_time", Time, "when the process ended: UtcTime of Sysmon's event 5; null if there is none", |row| {
                Cell::optional_time(row.end)
            }),
            ColumnOf::nullable("chunk_number", Integer, "0-based index of the chunk that contains the record; 0 in event XML", |row| {
                Cell::optional_count(row.creation.as_ref().map(|found| found.chunk_number))
            }),
            ColumnOf::nullable("record_offset", Integer, "offset of the record in bytes from the start of the file", |row| {
                Cell::optional_count(row.creation.as_ref().map(|found| found.record_offset))
            }),
            ColumnOf::nullable("integrity", Text, "as in `matches.parquet`: how far checksums confirm the record", |row| {
                Cell::optional(row.creation.as_ref().map(|found| found.integrity.name()))
            }),
            ColumnOf::nullable("recovered", Boolean, "true if the event was found in a deleted record only (with `--recover`)", |row| {
                let is_recovered = |found: &CreationPlace<'_>| found.integrity.recovered_from().is_some();
                row.creation.as_ref().map_or(Cell::Null, |found| Cell::Boolean(is_recovered(found)))
            }),
            ColumnOf::<Self>::nullable("event_hash", Text, "SHA-256 of the event's content; all copies of an event have the same", |row| {
                row.creation.as_ref().map_or(Cell::Null, |found| Cell::text(found.hash.to_string()))
            })
            .looked_up(),
            ColumnOf::always("copies", Integer, "how many further records contain the same event, such as in an archived or a forwarded log", |row| {
                Cell::count(row.copies)
            }),
            ColumnOf::always("conflicts", Integer, "how many other events 1 have the same computer and GUID but say something else, which only forged logs should contain", |row| {
                Cell::count(row.conflicts)
            }),
        ]
    };

    /// Returns the row's cells, in the order of [`ProcessRow::COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> Vec<Cell<'_>> {
        cells(Self::COLUMNS, self)
    }

    fn event(&self) -> Option<&'a Event> {
        self.creation.as_ref().map(|found| found.event)
    }

    fn field(&self, name: &str) -> Cell<'_> {
        Cell::optional(self.event().and_then(|event| event.get(name)))
    }

    fn number(&self, name: &str) -> Cell<'_> {
        Cell::optional_count(self.event().and_then(|event| event.get(name)?.parse().ok()))
    }

    fn hash(&self, algorithm: &str) -> Cell<'_> {
        let hashes = self.event().and_then(|event| event.get("Hashes"));
        hashes.and_then(|hashes| hash_of(hashes, algorithm)).map_or(Cell::Null, Cell::text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_taken_apart_by_name() {
        let hashes = "SHA1=AB12, md5=0F,SHA256=CD,IMPHASH=00";
        for (algorithm, hash) in
            [("SHA1", Some("ab12")), ("MD5", Some("0f")), ("SHA256", Some("cd")), ("IMPHASH", Some("00"))]
        {
            assert_eq!(hash_of(hashes, algorithm).as_deref(), hash, "{algorithm}");
        }
        for hashes in ["", "-", "SHA1", "=AB"] {
            assert_eq!(hash_of(hashes, "SHA1"), None, "{hashes}");
        }
    }
}
