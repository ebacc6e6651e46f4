//! Forms of events that dnsweep does not read. A file in one of these forms is named, so that
//! nobody takes it for a log without events, or overlooks it.

/// A form in which tools write events, but that dnsweep does not read. It reads event logs and
/// event XML.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EventForm {
    /// PowerShell objects in XML, as `Export-Clixml` writes them.
    Clixml,
    /// Tables of comma-separated values, as `Export-Csv`, EvtxECmd and Splunk write them.
    Csv,
    /// JSON, as `evtx_dump -o json`, Winlogbeat and others write it.
    Json,
    /// Text for people, as Event Viewer copies it and Splunk shows it.
    Text,
    /// Event XML that lies within other text: in a column of a table, after the header of a line
    /// (as in syslog), or in an XML element with another name than `Events`.
    Within,
}

impl EventForm {
    /// Returns the name of this form of events in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EventForm::Clixml => "PowerShell objects (Export-Clixml)",
            EventForm::Csv => "CSV",
            EventForm::Json => "JSON",
            EventForm::Text => "text for people",
            EventForm::Within => "XML within other text",
        }
    }
}

/// The advice in messages about a file with events in a form that dnsweep does not read: how to
/// export the events in a form that it reads.
pub const HOW_TO_EXPORT: &str =
    "take the log itself (wevtutil epl), or render its events as XML (wevtutil qe LOG /f:xml)";
