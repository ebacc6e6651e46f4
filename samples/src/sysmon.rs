//! Sysmon's events: constructors with every field that recent versions log, in the same order and
//! with the same types.
//!
//! The fields are those of Sysmon's published schema; the types were measured on real logs. Each
//! constructor takes what distinguishes one event from another and fills the rest with plausible
//! values, which [`Event::with`] can change.

use crate::event::{Event, Provider, data};
use crate::time;
use crate::value::{DataValue, Guid, Sid};

/// The provider of Sysmon's events.
pub const SYSMON: Provider = Provider {
    name: "Microsoft-Windows-Sysmon",
    guid: Guid::new(0x5770_385F, 0xC22A, 0x43E0, [0xBF, 0x4C, 0x06, 0xF5, 0x69, 0x8F, 0xFB, 0xD9]),
    channel: "Microsoft-Windows-Sysmon/Operational",
};

/// Returns the ProcessGuid of a process of one invented machine, which was started at
/// 2025-03-04 03:05:47 UTC. [`started_process_guid`] says what a ProcessGuid contains.
#[must_use]
pub fn process_guid(process_id: u32) -> Guid {
    let [low, high, ..] = process_id.to_le_bytes();
    Guid::new(0x3F5A_91C2, 0x6E0B, 0x67C6, [low, high, 0, 0, 0, 0, 0x21, 0])
}

/// Returns the ProcessGuid of a process that was started at the time `start`, in units of 100 ns
/// since 1601. Sysmon composes it (measured on real logs) of a number of the machine, the whole
/// seconds of the start since 1970, of which the low half comes first, a number that the machine
/// counts up from process to process, and one that changes with each start of Windows.
#[must_use]
pub fn started_process_guid(machine: u32, start: u64, count: u16, boot: u16) -> Guid {
    let ([a, b], [c, d]) = (count.to_le_bytes(), boot.to_le_bytes());
    guid_at(machine, start, [a, b, 0, 0, 0, 0, c, d])
}

/// Returns the LogonGuid of a logon session that began at the time `start`, in units of 100 ns
/// since 1601. It has the parts of a ProcessGuid, and ends with the LogonId.
#[must_use]
pub fn logon_guid(machine: u32, start: u64, logon_id: u64) -> Guid {
    guid_at(machine, start, logon_id.to_le_bytes())
}

fn guid_at(machine: u32, start: u64, last: [u8; 8]) -> Guid {
    let [a, b, c, d] = time::unix_seconds(start).to_le_bytes();
    Guid::new(machine, u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]), last)
}

fn text(value: &str) -> DataValue {
    DataValue::from(value)
}

fn sysmon(event_id: u16, version: u8, data: Vec<(String, DataValue)>) -> Event {
    let mut event = Event::new(&SYSMON, event_id);
    event.version = version;
    event.task = event_id;
    event.user = Some(Sid::local_system());
    event.data = data;
    let time = event.time;
    event.at(time)
}

/// Returns a value that stands for an event's UtcTime until [`Event::at`] sets the time.
fn utc_time() -> DataValue {
    DataValue::from(time::utc_time(0))
}

impl Event {
    /// Makes a Sysmon event 22: a DNS query that was answered with an address.
    #[must_use]
    pub fn dns_query(query_name: &str, image: &str) -> Self {
        sysmon(
            22,
            5,
            data([
                ("RuleName", text("-")),
                ("UtcTime", utc_time()),
                ("ProcessGuid", DataValue::Guid(process_guid(6120))),
                ("ProcessId", DataValue::U32(6120)),
                ("QueryName", text(query_name)),
                ("QueryStatus", text("0")),
                ("QueryResults", text("::ffff:192.0.2.10;")),
                ("Image", text(image)),
                ("User", text("CORP\\user")),
            ]),
        )
    }

    /// Returns the event with this answer to the DNS query: QueryStatus and QueryResults.
    #[must_use]
    pub fn answered(self, query_status: &str, query_results: &str) -> Self {
        self.with("QueryStatus", query_status).with("QueryResults", query_results)
    }

    /// Returns the event with the ProcessId and ProcessGuid of this process.
    #[must_use]
    pub fn of_process(self, process_id: u32) -> Self {
        self.with("ProcessId", process_id).with("ProcessGuid", process_guid(process_id))
    }

    /// Makes a Sysmon event 1: a process was created.
    #[must_use]
    pub fn process_create(image: &str, command_line: &str, parent_image: &str) -> Self {
        let name = image.rsplit('\\').next().unwrap_or(image);
        sysmon(
            1,
            5,
            data([
                ("RuleName", text("-")),
                ("UtcTime", utc_time()),
                ("ProcessGuid", DataValue::Guid(process_guid(7012))),
                ("ProcessId", DataValue::U32(7012)),
                ("Image", text(image)),
                ("FileVersion", text("10.0.19041.1")),
                ("Description", text("-")),
                ("Product", text("-")),
                ("Company", text("-")),
                ("OriginalFileName", text(name)),
                ("CommandLine", text(command_line)),
                ("CurrentDirectory", text("C:\\Windows\\system32\\")),
                ("User", text("CORP\\user")),
                ("LogonGuid", DataValue::Guid(process_guid(0x3E7))),
                ("LogonId", DataValue::Hex64(0x5_1A2B)),
                ("TerminalSessionId", DataValue::U32(1)),
                ("IntegrityLevel", text("Medium")),
                ("Hashes", text("SHA256=8F2A0C6D51B7E3940A6C2D18F5B3E7719C04D6A2E81B35F7906AC4D2E1B8F350")),
                ("ParentProcessGuid", DataValue::Guid(process_guid(4880))),
                ("ParentProcessId", DataValue::U32(4880)),
                ("ParentImage", text(parent_image)),
                ("ParentCommandLine", text(parent_image)),
                ("ParentUser", text("CORP\\user")),
            ]),
        )
    }

    /// Makes a Sysmon event 3: a network connection.
    #[must_use]
    pub fn network_connection(image: &str, destination: &str, port: u16) -> Self {
        sysmon(
            3,
            5,
            data([
                ("RuleName", text("-")),
                ("UtcTime", utc_time()),
                ("ProcessGuid", DataValue::Guid(process_guid(6120))),
                ("ProcessId", DataValue::U32(6120)),
                ("Image", text(image)),
                ("User", text("CORP\\user")),
                ("Protocol", text("tcp")),
                ("Initiated", DataValue::Bool(true)),
                ("SourceIsIpv6", DataValue::Bool(false)),
                ("SourceIp", text("10.20.30.40")),
                ("SourceHostname", text("-")),
                ("SourcePort", DataValue::U16(50_122)),
                ("SourcePortName", text("-")),
                ("DestinationIsIpv6", DataValue::Bool(false)),
                ("DestinationIp", text(destination)),
                ("DestinationHostname", text("-")),
                ("DestinationPort", DataValue::U16(port)),
                ("DestinationPortName", text("-")),
            ]),
        )
    }

    /// Makes a Sysmon event 5: a process ended.
    #[must_use]
    pub fn process_terminate(image: &str) -> Self {
        sysmon(
            5,
            3,
            data([
                ("RuleName", text("-")),
                ("UtcTime", utc_time()),
                ("ProcessGuid", DataValue::Guid(process_guid(7012))),
                ("ProcessId", DataValue::U32(7012)),
                ("Image", text(image)),
                ("User", text("CORP\\user")),
            ]),
        )
    }

    /// Makes a Sysmon event 7: a process loaded a module.
    #[must_use]
    pub fn image_load(image: &str, loaded: &str) -> Self {
        let name = loaded.rsplit('\\').next().unwrap_or(loaded);
        sysmon(
            7,
            3,
            data([
                ("RuleName", text("-")),
                ("UtcTime", utc_time()),
                ("ProcessGuid", DataValue::Guid(process_guid(7012))),
                ("ProcessId", DataValue::U32(7012)),
                ("Image", text(image)),
                ("ImageLoaded", text(loaded)),
                ("FileVersion", text("10.0.19041.1")),
                ("Description", text("-")),
                ("Product", text("-")),
                ("Company", text("-")),
                ("OriginalFileName", text(name)),
                ("Hashes", text("SHA256=1D5C7A0E93B64F28A7D0C5E1F2938B46D7A1E05C93F84B2617AC0D5E9F3B8216")),
                ("Signed", text("true")),
                ("Signature", text("Example Signing Authority")),
                ("SignatureStatus", text("Valid")),
                ("User", text("CORP\\user")),
            ]),
        )
    }

    /// Makes a Sysmon event 11: a file was created.
    #[must_use]
    pub fn file_create(image: &str, target: &str) -> Self {
        sysmon(
            11,
            2,
            data([
                ("RuleName", text("-")),
                ("UtcTime", utc_time()),
                ("ProcessGuid", DataValue::Guid(process_guid(7012))),
                ("ProcessId", DataValue::U32(7012)),
                ("Image", text(image)),
                ("TargetFilename", text(target)),
                ("CreationUtcTime", text("2025-03-01 07:30:00.000")),
                ("User", text("CORP\\user")),
            ]),
        )
    }

    /// Makes a Sysmon event 12: a registry key was created or deleted.
    #[must_use]
    pub fn registry_key(image: &str, target: &str) -> Self {
        sysmon(
            12,
            2,
            data([
                ("RuleName", text("-")),
                ("EventType", text("CreateKey")),
                ("UtcTime", utc_time()),
                ("ProcessGuid", DataValue::Guid(process_guid(7012))),
                ("ProcessId", DataValue::U32(7012)),
                ("Image", text(image)),
                ("TargetObject", text(target)),
                ("User", text("CORP\\user")),
            ]),
        )
    }

    /// Makes a Sysmon event 13: a registry value was set.
    #[must_use]
    pub fn registry_value(image: &str, target: &str, details: &str) -> Self {
        sysmon(
            13,
            2,
            data([
                ("RuleName", text("-")),
                ("EventType", text("SetValue")),
                ("UtcTime", utc_time()),
                ("ProcessGuid", DataValue::Guid(process_guid(7012))),
                ("ProcessId", DataValue::U32(7012)),
                ("Image", text(image)),
                ("TargetObject", text(target)),
                ("Details", text(details)),
                ("User", text("CORP\\user")),
            ]),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_guid_is_composed_as_those_of_a_real_log() {
        // Two processes and a logon of a public log of the machine DESKTOP-1GMMPCA. The times are
        // the first process's UtcTime, and those that the other GUIDs state.
        let machine = 0xE6AB_C4A2;
        let start = time::filetime(2024, 1, 8, 14, 7, 45) + 5_620_000;
        let process = started_process_guid(machine, start, 0x1E1, 0x0B);
        assert_eq!(process.to_string(), "e6abc4a2-01b1-659c-e101-000000000b00");
        let logon = logon_guid(machine, time::filetime(2024, 1, 8, 13, 34, 29), 0x3E7);
        assert_eq!(logon.to_string(), "e6abc4a2-f9e5-659b-e703-000000000000");
    }
}
