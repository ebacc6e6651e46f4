//! The meaning of a search's conditions on the origin of events: on `source`, `sourcetype`,
//! `eventtype`, `tag` and `index`, and of macros that stand for these conditions. Their only effect
//! is to decide whether a search is about Sysmon's DNS queries.

use crate::detect::predicate::pattern::Pattern;

/// Which events a condition on their origin, such as `source=…`, selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Origin {
    /// A search's condition on the origin of events (such as `source=…`) selects events that Sysmon
    /// logged.
    Sysmon,
    /// A search's condition on the origin of events (such as `source=…`) selects events of every
    /// origin, so it has no effect.
    Any,
    /// A search's condition on the origin of events (such as `source=…`) selects only events other
    /// than Sysmon's DNS queries.
    Other,
}

/// The phrase after "expected" in the error message for a search that asks for events of an origin
/// other than Sysmon.
pub(in crate::detect) const EXPECTED_ORIGIN: &str =
    "a source of Sysmon's events, such as XmlWinEventLog:Microsoft-Windows-Sysmon/Operational";

/// The phrase after "expected" in the error message for a search that calls a macro for data other
/// than Sysmon's events.
pub(in crate::detect) const EXPECTED_MACRO: &str = "a macro that selects Sysmon's events, such as `sysmon`";

/// The values of the field `source` in Splunk that mean the event log (channel) of Sysmon.
const SOURCES: &[&str] = &[
    "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational",
    "WinEventLog:Microsoft-Windows-Sysmon/Operational",
    "Microsoft-Windows-Sysmon/Operational",
];
/// The values of the field `sourcetype` in Splunk that cover the events of all Windows event logs,
/// also Sysmon's.
const WINDOWS_SOURCE_TYPES: &[&str] = &["XmlWinEventLog", "WinEventLog"];
/// The values of the field `tag` that Splunk's add-on for Sysmon gives to DNS queries (event 22).
const TAGS: &[&str] = &["dns", "network", "resolution"];
/// Words that show that the name of an event type (Splunk's `eventtype`), such as
/// `ms-sysmon-process`, means events of Sysmon other than DNS queries.
const OTHER_EVENTS: &[&str] =
    &["process", "file", "registry", "wmi", "driver", "image", "pipe", "service", "clipboard", "linux"];

/// Returns which events the condition `name=value` of a search selects. `None` if `name` is not one
/// that stands for the origin of events, such as `source`.
pub(in crate::detect) fn origin(name: &str, value: &str) -> Option<Origin> {
    let pattern = Pattern::new(value);
    let lower = value.to_lowercase();
    let is_one_of = |names: &[&str]| names.iter().any(|name| pattern.matches(name));
    let of = |is_sysmon: bool| if is_sysmon { Origin::Sysmon } else { Origin::Other };
    Some(match name {
        "index" | "splunk_server" => Origin::Any,
        _ if pattern.is_any() && matches!(name, "source" | "sourcetype" | "eventtype" | "tag") => Origin::Any,
        "source" => of(is_one_of(SOURCES) || lower.contains("microsoft-windows-sysmon")),
        "sourcetype" if is_one_of(WINDOWS_SOURCE_TYPES) => Origin::Any,
        "sourcetype" => of(is_one_of(SOURCES) || (lower.contains("sysmon") && !lower.contains("linux"))),
        "eventtype" => {
            of(lower.contains("sysmon") && !OTHER_EVENTS.iter().any(|other| lower.contains(other)))
        }
        "tag" => of(is_one_of(TAGS)),
        _ => return None,
    })
}

/// Returns true if a search's condition on the field `name`, such as `earliest`, limits the time of
/// events.
pub(in crate::detect) fn is_period(name: &str) -> bool {
    matches!(name, "earliest" | "latest" | "_index_earliest" | "_index_latest" | "starttime" | "endtime")
}

/// The beginnings of the names of macros that select data other than Sysmon's events, in Splunk's
/// published content and at many sites.
const OTHER_MACROS: &[&str] = &[
    "wineventlog",
    "powershell",
    "cloudtrail",
    "amazon_",
    "aws_",
    "azure",
    "o365",
    "gsuite",
    "google_",
    "gws_",
    "github",
    "gitlab",
    "okta",
    "kube",
    "linux_",
    "osquery",
    "suricata",
    "zeek",
    "bro_",
    "stream_",
    "cisco",
    "iis_",
    "ms_defender",
    "ms365",
    "mscs_",
    "printservice",
    "remoteconnectionmanager",
    "applocker",
    "capi2",
    "certificateservices",
    "ntlm_audit",
    "bootloader",
    "driverinventory",
    "exchange",
    "msexchange",
    "windows_exchange",
    "splunk",
    "audit",
    "pingid",
    "sharepoint",
    "moveit",
    "papercut",
    "citrix",
    "crowdstrike",
    "crushftp",
    "f5_",
    "fortinet",
    "jenkins",
    "vmware",
    "wmi",
    "admon",
    "nginx",
    "apache",
    "ivanti",
    "netbackup",
    "network_acl",
    "s3_accesslogs",
    "security_hub",
    "sysmon_linux",
    "subjectinterfacepackage",
    "ocsf",
    "asl_",
    "m365",
    "mcp_",
    "ollama",
    "esxi",
    "snowflake",
    "salesforce",
    "zoom",
    "zscaler",
    "paloalto",
    "pan_",
];

/// Returns true if a macro's name shows that it selects data other than Sysmon's events. This is a
/// guess for macros whose text is not known.
pub(in crate::detect) fn is_macro_of_other_data(name: &str) -> bool {
    let name = name.to_lowercase();
    !name.contains("_sysmon") && OTHER_MACROS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_origins() {
        for (name, value, expected) in [
            ("source", "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", Some(Origin::Sysmon)),
            ("source", "*sysmon*", Some(Origin::Sysmon)),
            ("source", "Syslog:Linux-Sysmon/Operational", Some(Origin::Other)),
            ("source", "WinEventLog:Security", Some(Origin::Other)),
            ("source", "*", Some(Origin::Any)),
            ("sourcetype", "xmlwineventlog", Some(Origin::Any)),
            ("sourcetype", "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", Some(Origin::Sysmon)),
            ("sourcetype", "stream:dns", Some(Origin::Other)),
            ("eventtype", "ms-sysmon-dns", Some(Origin::Sysmon)),
            ("eventtype", "ms-sysmon-process", Some(Origin::Other)),
            ("tag", "dns", Some(Origin::Sysmon)),
            ("tag", "authentication", Some(Origin::Other)),
            ("index", "main", Some(Origin::Any)),
            ("QueryName", "sysmon", None),
        ] {
            assert_eq!(origin(name, value), expected, "{name}={value}");
        }
    }

    #[test]
    fn macros_of_other_data() {
        for (name, expected) in [
            ("wineventlog_security", true),
            ("powershell", true),
            ("my_dns", false),
            ("wineventlog_sysmon", false),
        ] {
            assert_eq!(is_macro_of_other_data(name), expected, "{name}");
        }
    }
}
