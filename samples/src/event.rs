//! Plain descriptions of events: what Windows would log. They know nothing of
//! bytes; `record` lays them out. Constructors of Sysmon's events are in `sysmon`, those of other
//! providers in `windows`.

use crate::time;
use crate::value::{Guid, Sid, Value};

/// How long after the query Sysmon logs it; the median of real events is 1.45 s (measured on real
/// logs).
const LOGGING_DELAY: u64 = 14_500_000;

/// Who logs, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// System/Provider Name.
    pub name: &'static str,
    /// System/Provider Guid.
    pub guid: Guid,
    /// System/Channel.
    pub channel: &'static str,
}

/// One event. All fields may be set to anything, sensible or not.
#[derive(Debug, Clone)]
pub struct Event {
    /// System/Provider Name.
    pub provider: String,
    /// System/Provider Guid.
    pub provider_guid: Guid,
    /// System/Channel.
    pub channel: String,
    /// System/EventID.
    pub event_id: u16,
    /// System/Version.
    pub version: u8,
    /// System/Level.
    pub level: u8,
    /// System/Task.
    pub task: u16,
    /// System/Opcode.
    pub opcode: u8,
    /// System/Keywords.
    pub keywords: u64,
    /// System/TimeCreated, in 100-nanosecond steps since 1601.
    pub time: u64,
    /// System/EventRecordID; the record's own number is the log's affair.
    pub record_id: u64,
    /// System/Computer.
    pub computer: String,
    /// System/Execution ProcessID: of the logging process.
    pub process_id: u32,
    /// System/Execution ThreadID.
    pub thread_id: u32,
    /// System/Security UserID, which many events do not have.
    pub user: Option<Sid>,
    /// EventData: names and values in their order. An empty name gives a `Data` element without a
    /// name.
    pub data: Vec<(String, Value)>,
    /// What a forwarding machine adds for readers on which the provider is not installed; only
    /// written in forwarded style.
    pub rendering: Option<Rendering>,
}

/// RenderingInfo of a forwarded event, after the published event schema ("RenderingInfoType"); no
/// real sample of one was at hand.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The event as prose.
    pub message: String,
    /// Name of the task.
    pub task: String,
}

impl Event {
    /// An event of `provider` with no data, at level 4 (information).
    #[must_use]
    pub fn new(provider: &Provider, event_id: u16) -> Self {
        Self {
            provider: provider.name.to_owned(),
            provider_guid: provider.guid,
            channel: provider.channel.to_owned(),
            event_id,
            version: 0,
            level: 4,
            task: 0,
            opcode: 0,
            keywords: 0x8000_0000_0000_0000,
            time: time::filetime(2025, 3, 4, 9, 0, 0),
            record_id: 1,
            computer: "WORKSTATION.corp.example".to_owned(),
            process_id: 3128,
            thread_id: 4416,
            user: None,
            data: Vec::new(),
            rendering: None,
        }
    }

    /// Sets the Computer.
    #[must_use]
    pub fn on(mut self, computer: &str) -> Self {
        computer.clone_into(&mut self.computer);
        self
    }

    /// Sets the EventRecordID.
    #[must_use]
    pub fn numbered(mut self, record_id: u64) -> Self {
        self.record_id = record_id;
        self
    }

    /// Sets TimeCreated and, where the event has one, UtcTime to a little before it.
    #[must_use]
    pub fn at(mut self, time: u64) -> Self {
        self.time = time;
        if self.value("UtcTime").is_some() {
            self.set("UtcTime", time::utc_time(time.saturating_sub(LOGGING_DELAY)).into());
        }
        self
    }

    /// Sets a data value: the one of that name or, where there is none, a new last one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value.into());
        self
    }

    /// Leaves a data value out, name and all.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.data.retain(|(present, _)| present != name);
        self
    }

    /// Adds RenderingInfo.
    #[must_use]
    pub fn rendered(mut self, message: &str, task: &str) -> Self {
        self.rendering = Some(Rendering { message: message.to_owned(), task: task.to_owned() });
        self
    }

    /// The data value of that name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.data.iter().find(|(present, _)| present == name).map(|(_, value)| value)
    }

    fn set(&mut self, name: &str, value: Value) {
        match self.data.iter_mut().find(|(present, _)| present == name) {
            Some((_, present)) => *present = value,
            None => self.data.push((name.to_owned(), value)),
        }
    }
}

/// Names and values as an event's data.
pub(crate) fn data<const N: usize>(items: [(&str, Value); N]) -> Vec<(String, Value)> {
    items.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
