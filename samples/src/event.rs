//! Plain descriptions of events: what Windows would log. This module does not know bytes; the
//! module `record` lays events out. Constructors of Sysmon's events are in `sysmon`, those of other
//! providers in `windows`.

use crate::time;
use crate::value::{DataValue, Guid, Sid};

/// How long after a query Sysmon logs it, in units of 100 ns: 1.45 s is the median of real events
/// (measured on real logs).
pub(crate) const LOGGING_DELAY: u64 = 14_500_000;

/// A provider of events, and the channel that it logs to.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// The provider's name: System/Provider Name.
    pub name: &'static str,
    /// The provider's GUID: System/Provider Guid.
    pub guid: Guid,
    /// The channel that the provider logs to: System/Channel.
    pub channel: &'static str,
}

/// A description of one event. All fields may have any value, sensible or not.
#[derive(Debug, Clone)]
pub struct Event {
    /// The name of the provider that logs the event: System/Provider Name.
    pub provider: String,
    /// The GUID of the provider that logs the event: System/Provider Guid.
    pub provider_guid: Guid,
    /// The channel that the event is written to: System/Channel.
    pub channel: String,
    /// The provider's number for this kind of event: System/EventID.
    pub event_id: u16,
    /// The version of the layout of this kind of event: System/Version.
    pub version: u8,
    /// The severity of the event, such as 4 for information: System/Level.
    pub level: u8,
    /// The provider's number for what the event is a part of: System/Task.
    pub task: u16,
    /// The provider's number for the step of the task: System/Opcode.
    pub opcode: u8,
    /// The bit mask by which the event belongs to groups of events: System/Keywords.
    pub keywords: u64,
    /// When the event was logged, in units of 100 ns since 1601: System/TimeCreated.
    pub time: u64,
    /// The number of the event in its log: System/EventRecordID. The number in the record's header
    /// is set by the log's writer.
    pub record_id: u64,
    /// The name of the machine that logs the event: System/Computer.
    pub computer: String,
    /// System/Execution ProcessID: the ID of the logging process.
    pub process_id: u32,
    /// System/Execution ThreadID: the ID of the logging thread.
    pub thread_id: u32,
    /// The account of the logging process: System/Security UserID; `None` for the many events
    /// without one.
    pub user: Option<Sid>,
    /// EventData: names and values, in the order in which they are written. An empty name gives a
    /// `Data` element without a name.
    pub data: Vec<(String, DataValue)>,
    /// The RenderingInfo that a forwarding machine adds for readers on which the provider is not
    /// installed. It is only written in forwarded style.
    pub rendering: Option<Rendering>,
}

/// The RenderingInfo of a forwarded event, as the published event schema has it
/// ("RenderingInfoType"). No real sample was available.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The event as a sentence.
    pub message: String,
    /// The name of the event's task.
    pub task: String,
}

impl Event {
    /// Makes an event of `provider` without data, at level 4 (information).
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

    /// Returns this event with another Computer, the name of the machine that logs it.
    #[must_use]
    pub fn on(mut self, computer: &str) -> Self {
        computer.clone_into(&mut self.computer);
        self
    }

    /// Returns the event with this EventRecordID.
    #[must_use]
    pub fn numbered(mut self, record_id: u64) -> Self {
        self.record_id = record_id;
        self
    }

    /// Returns the event with this TimeCreated and, if the event has a UtcTime, a UtcTime shortly
    /// before.
    #[must_use]
    pub fn at(mut self, time: u64) -> Self {
        self.time = time;
        if self.value("UtcTime").is_some() {
            self.set("UtcTime", time::utc_time(time.saturating_sub(LOGGING_DELAY)).into());
        }
        self
    }

    /// Returns this event with a value in its data: it replaces the value of that name, or becomes
    /// the last one if there is none.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<DataValue>) -> Self {
        self.set(name, value.into());
        self
    }

    /// Returns the event without the data value of that name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.data.retain(|(present, _)| present != name);
        self
    }

    /// Returns the event with RenderingInfo.
    #[must_use]
    pub fn rendered(mut self, message: &str, task: &str) -> Self {
        self.rendering = Some(Rendering { message: message.to_owned(), task: task.to_owned() });
        self
    }

    /// Returns the value of that name in the event's data; `None` if the event has none.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&DataValue> {
        self.data.iter().find(|(present, _)| present == name).map(|(_, value)| value)
    }

    fn set(&mut self, name: &str, value: DataValue) {
        match self.data.iter_mut().find(|(present, _)| present == name) {
            Some((_, present)) => *present = value,
            None => self.data.push((name.to_owned(), value)),
        }
    }
}

/// Makes an event's data of names and values.
pub(crate) fn data<const N: usize>(items: [(&str, DataValue); N]) -> Vec<(String, DataValue)> {
    items.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
