//! Forms in which tools write events that are not read: what a file that holds some is called, so
//! that nobody takes it for a log without events, or for no evidence at all.

/// How tools write events that are neither an event log nor event XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventForm {
    /// Objects of PowerShell, by `Export-Clixml`.
    Clixml,
    /// A table, as `Export-Csv`, EvtxECmd and Splunk write it.
    Csv,
    /// JSON, as `evtx_dump -o json`, Winlogbeat and others write it.
    Json,
    /// Text for people, as Event Viewer copies it and Splunk shows it.
    Text,
    /// Event XML within other text: in a column, behind the header of a line, in an element of
    /// another name.
    Within,
}

impl EventForm {
    /// What it is called.
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

/// What to do with events in one of these forms.
pub const HOW_TO_EXPORT: &str =
    "take the log itself (wevtutil epl), or render its events as XML (wevtutil qe LOG /f:xml)";
