//! Events of providers other than Sysmon: some have nothing to do with DNS, and some are decoys
//! that have Sysmon's event number 22.
//!
//! Names, GUIDs and channels are Windows' own. The data has the fields that matter for tests, not
//! all that Windows logs.

use crate::event::{Event, Provider, data};
use crate::value::{DataValue, Guid, Sid};

/// The provider of security auditing, which writes to the Security log.
pub const SECURITY: Provider = Provider {
    name: "Microsoft-Windows-Security-Auditing",
    guid: Guid::new(0x5484_9625, 0x5478, 0x4994, [0xA5, 0xBA, 0x3E, 0x3B, 0x03, 0x28, 0xC3, 0x0D]),
    channel: "Security",
};

/// The service control manager, which writes to the System log.
pub const SERVICE_CONTROL_MANAGER: Provider = Provider {
    name: "Service Control Manager",
    guid: Guid::new(0x5559_08D1, 0xA6D7, 0x4695, [0x8E, 0x1E, 0x26, 0x93, 0x1D, 0x20, 0x12, 0xF4]),
    channel: "System",
};

/// The provider of programs' power requests, which writes to the System log. It has an event 22.
pub const USER_MODE_POWER_SERVICE: Provider = Provider {
    name: "Microsoft-Windows-UserModePowerService",
    guid: Guid::new(0xCE8D_EE0B, 0xD539, 0x4000, [0xB0, 0xF8, 0x77, 0xBE, 0xD0, 0x49, 0xC5, 0x90]),
    channel: "System",
};

/// The provider of user sessions. It has an event 22.
pub const LOCAL_SESSION_MANAGER: Provider = Provider {
    name: "Microsoft-Windows-TerminalServices-LocalSessionManager",
    guid: Guid::new(0x5D89_6912, 0x022D, 0x40AA, [0xA3, 0xA8, 0x4F, 0xA5, 0x51, 0x5C, 0x76, 0xD7]),
    channel: "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
};

/// Windows' own DNS client (the resolver). It can log queries, and has an event 22.
pub const DNS_CLIENT: Provider = Provider {
    name: "Microsoft-Windows-DNS-Client",
    guid: Guid::new(0x1C95_126E, 0x7EEA, 0x49A9, [0xA3, 0xFE, 0xA3, 0x78, 0xB0, 0x3D, 0xDB, 0x4D]),
    channel: "Microsoft-Windows-DNS-Client/Operational",
};

/// The restart manager, which writes to the Application log.
pub const RESTART_MANAGER: Provider = Provider {
    name: "Microsoft-Windows-RestartManager",
    guid: Guid::new(0x0888_E5EF, 0x9B98, 0x4695, [0x97, 0x9D, 0xE9, 0x2C, 0xE4, 0x24, 0x72, 0x24]),
    channel: "Application",
};

fn text(value: &str) -> DataValue {
    DataValue::from(value)
}

impl Event {
    /// Makes an event 4624 of the Security log: a logon.
    #[must_use]
    pub fn logon(user: &str, logon_type: u32) -> Self {
        let mut event = Self::new(&SECURITY, 4624);
        event.version = 2;
        event.level = 0;
        event.task = 12_544;
        event.keywords = 0x8020_0000_0000_0000;
        event.data = data([
            ("SubjectUserSid", DataValue::Sid(Sid::local_system())),
            ("SubjectUserName", text("-")),
            ("SubjectLogonId", DataValue::Hex64(0x3E7)),
            ("TargetUserSid", DataValue::Sid(Sid::domain_user(1121))),
            ("TargetUserName", text(user)),
            ("TargetDomainName", text("CORP")),
            ("TargetLogonId", DataValue::Hex64(0x5_1A2B)),
            ("LogonType", DataValue::U32(logon_type)),
            ("LogonProcessName", text("User32")),
            ("ProcessId", DataValue::Hex64(0x2A4)),
            ("ProcessName", text("C:\\Windows\\System32\\svchost.exe")),
            ("IpAddress", text("10.20.30.41")),
        ]);
        event
    }

    /// Makes an event 4688 of the Security log: a process was created.
    #[must_use]
    pub fn audited_process(image: &str, command_line: &str) -> Self {
        let mut event = Self::new(&SECURITY, 4688);
        event.version = 2;
        event.level = 0;
        event.task = 13_312;
        event.keywords = 0x8020_0000_0000_0000;
        event.data = data([
            ("SubjectUserSid", DataValue::Sid(Sid::domain_user(1121))),
            ("SubjectUserName", text("user")),
            ("SubjectDomainName", text("CORP")),
            ("SubjectLogonId", DataValue::Hex64(0x5_1A2B)),
            ("NewProcessId", DataValue::Hex64(0x1B64)),
            ("NewProcessName", text(image)),
            ("TokenElevationType", text("%%1938")),
            ("ProcessId", DataValue::Hex64(0x1310)),
            ("CommandLine", text(command_line)),
            ("ParentProcessName", text("C:\\Windows\\explorer.exe")),
        ]);
        event
    }

    /// Makes an event 7036 of the System log: a service changed its state.
    #[must_use]
    pub fn service_state(service: &str, state: &str) -> Self {
        let mut event = Self::new(&SERVICE_CONTROL_MANAGER, 7036);
        event.keywords = 0x8080_0000_0000_0000;
        event.data = data([("param1", text(service)), ("param2", text(state))]);
        event
    }

    /// Makes an event 22 of the power service, in the System log. It is a decoy, because it has the
    /// number of Sysmon's DNS query.
    #[must_use]
    pub fn power_request(process: &str, reason: &str) -> Self {
        let mut event = Self::new(&USER_MODE_POWER_SERVICE, 22);
        event.user = Some(Sid::local_system());
        event.data = data([("ProcessPath", text(process)), ("Reason", text(reason))]);
        event
    }

    /// Makes an event 22 of the session manager: a shell started. It is a decoy, because it has the
    /// number of Sysmon's DNS query.
    #[must_use]
    pub fn shell_start(user: &str, session: u32, address: &str) -> Self {
        let mut event = Self::new(&LOCAL_SESSION_MANAGER, 22);
        event.user = Some(Sid::local_system());
        event.keywords = 0x1000_0000_0000_0000;
        event.data =
            data([("User", text(user)), ("SessionID", DataValue::U32(session)), ("Address", text(address))]);
        event
    }

    /// Makes an event 3006 of Windows' DNS client: the process that logs the event makes a query.
    #[must_use]
    pub fn resolver_call(query_name: &str) -> Self {
        let mut event = Self::new(&DNS_CLIENT, 3006);
        event.data = data([
            ("QueryName", text(query_name)),
            ("QueryType", DataValue::U32(1)),
            ("QueryOptions", DataValue::U64(0x4000_0000)),
            ("ServerList", text("")),
            ("IsNetworkQuery", DataValue::U32(0)),
            ("NetworkQueryIndex", DataValue::U32(0)),
            ("InterfaceIndex", DataValue::U32(0)),
            ("IsAsyncQuery", DataValue::U32(0)),
        ]);
        event
    }

    /// Makes an event 3020 of Windows' DNS client: a server's response, which a service logs for
    /// the querying process `client`.
    #[must_use]
    pub fn resolver_response(query_name: &str, status: u32, query_results: &str, client: u32) -> Self {
        let mut event = Self::new(&DNS_CLIENT, 3020);
        event.version = 1;
        event.data = data([
            ("QueryName", text(query_name)),
            ("QueryType", DataValue::U32(1)),
            ("NetworkIndex", DataValue::U32(0)),
            ("InterfaceIndex", DataValue::U32(12)),
            ("Status", DataValue::U32(status)),
            ("QueryResults", text(query_results)),
            ("ClientPID", DataValue::U32(client)),
        ]);
        event
    }

    /// Makes an event 3008 of Windows' DNS client: a query was completed. It is logged by Windows
    /// itself, not by Sysmon.
    #[must_use]
    pub fn resolver_query(query_name: &str, query_status: u32, query_results: &str) -> Self {
        let mut event = Self::new(&DNS_CLIENT, 3008);
        event.data = data([
            ("QueryName", text(query_name)),
            ("QueryType", DataValue::U32(1)),
            ("QueryOptions", DataValue::U64(0x4000_0000)),
            ("QueryStatus", DataValue::U32(query_status)),
            ("QueryResults", text(query_results)),
        ]);
        event
    }

    /// Makes an event 22 of Windows' DNS client with Sysmon's own field names: the decoy that
    /// resembles a DNS query of Sysmon most.
    #[must_use]
    pub fn resolver_decoy(query_name: &str, image: &str) -> Self {
        let mut event = Self::new(&DNS_CLIENT, 22);
        event.data = data([
            ("QueryName", text(query_name)),
            ("QueryStatus", text("0")),
            ("QueryResults", text("-")),
            ("Image", text(image)),
        ]);
        event
    }

    /// Makes an event 10000 of the Application log: the restart manager started a session.
    #[must_use]
    pub fn restart_session(session: u32, time: u64) -> Self {
        let mut event = Self::new(&RESTART_MANAGER, 10_000);
        event.user = Some(Sid::local_system());
        event.data =
            data([("RmSessionId", DataValue::U32(session)), ("UTCStartTime", DataValue::FileTime(time))]);
        event
    }
}
