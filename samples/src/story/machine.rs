//! The processes of an invented machine: which of them run, and what Sysmon calls them.
//!
//! A process has one ProcessGuid and one ProcessId for all of its life, in each log of the machine.
//! Each event is one of a process: of the one that its maker names, or else of the one that runs
//! the program in its Image. A program that no event started was started before the logs begin.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::event::{Event, LOGGING_DELAY};
use crate::story::program::described;
use crate::sysmon::{logon_guid, started_process_guid};
use crate::time::{MINUTE, SECOND};
use crate::value::{DataValue, Guid};

/// The part of a ProcessGuid that stays the same until a machine is started again.
const SESSION_OF_WINDOWS: u16 = 0x21;
/// The ID of the logon session of the machine's user.
const LOGON_ID: u64 = 0x5_1A2B;

/// A process of an invented machine, as Sysmon's events name it.
#[derive(Debug, Clone)]
pub(super) struct Process {
    guid: Guid,
    process_id: u32,
    image: String,
    command_line: String,
    user: String,
}

impl Process {
    /// Returns an event as one of this process, with its ProcessGuid and ProcessId.
    pub(super) fn mark(&self, event: Event) -> Event {
        event.with("ProcessGuid", self.guid).with("ProcessId", self.process_id)
    }

    /// Returns the process creation of a child of this process.
    fn mark_child(&self, event: Event) -> Event {
        event
            .with("ParentProcessGuid", self.guid)
            .with("ParentProcessId", self.process_id)
            .with("ParentImage", self.image.as_str())
            .with("ParentCommandLine", self.command_line.as_str())
            .with("ParentUser", self.user.as_str())
    }
}

/// The processes of a machine.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    number: u32,
    /// When the machine was started, in units of 100 ns since 1601.
    boot: u64,
    user: String,
    started: u16,
    process_ids: BTreeSet<u32>,
    /// By the path of its program: the process that all events of the program are of.
    running: BTreeMap<String, Process>,
    /// By the path of their program: further processes, which do nothing but start and end.
    brief: BTreeMap<String, VecDeque<Process>>,
}

impl Machine {
    /// Makes the machine `host`, on which `user` is logged on. `boot` is when it was started, in
    /// units of 100 ns since 1601.
    pub(super) fn new(host: &str, user: &str, boot: u64) -> Self {
        let number = host
            .bytes()
            .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
        Self {
            number,
            boot,
            user: user.to_owned(),
            started: 0x40,
            process_ids: BTreeSet::new(),
            running: BTreeMap::new(),
            brief: BTreeMap::new(),
        }
    }

    /// Returns an event of Sysmon that is logged at the time `time` as one of the process that runs
    /// the program in its Image: a process creation is one of a new process, and the end of a
    /// process that of the oldest one. Other events stay as they are.
    pub(super) fn identified(&mut self, event: Event, time: u64) -> Event {
        if event.value("ProcessGuid").is_none() {
            return event;
        }
        let image = text(&event, "Image");
        match event.event_id {
            1 => {
                let parent = self.running(&text(&event, "ParentImage"), 4880);
                let (process, event) = self.created(event, &parent, time);
                self.brief.entry(image).or_default().push_back(process);
                event
            }
            5 => {
                let oldest = self.brief.get_mut(&image).and_then(VecDeque::pop_front);
                let process = oldest.unwrap_or_else(|| self.earlier(&image, wanted_id(&event)));
                process.mark(event)
            }
            _ => self.running(&image, wanted_id(&event)).mark(event),
        }
    }

    /// Returns the process that all events of a program are of. If there is none yet, it gets the
    /// ProcessId `wanted`, or the next free one.
    pub(super) fn running(&mut self, image: &str, wanted: u32) -> Process {
        if let Some(process) = self.running.get(image) {
            return process.clone();
        }
        let process = self.earlier(image, wanted);
        self.set_running(&process);
        process
    }

    /// Makes all later events of the process's program its own, if they name no process.
    pub(super) fn set_running(&mut self, process: &Process) {
        self.running.insert(process.image.clone(), process.clone());
    }

    /// Returns a new child of `parent`, and the creation of this process that is logged at the time
    /// `time`. The event says the child's program, command line and ProcessId.
    pub(super) fn created(&mut self, event: Event, parent: &Process, time: u64) -> (Process, Event) {
        let (image, command_line) = (text(&event, "Image"), text(&event, "CommandLine"));
        let start = time.saturating_sub(LOGGING_DELAY);
        let process = self.process(&image, command_line, start, wanted_id(&event));
        let logon = logon_guid(self.number, self.boot + 4 * MINUTE, LOGON_ID);
        let event = described(parent.mark_child(process.mark(event)), &image)
            .with("LogonGuid", logon)
            .with("LogonId", DataValue::Hex64(LOGON_ID));
        (process, event)
    }

    /// Returns a process of a program that was started before the logs begin.
    fn earlier(&mut self, image: &str, wanted: u32) -> Process {
        let command_line = match image {
            r"C:\Windows\explorer.exe" => r"C:\Windows\Explorer.EXE".to_owned(),
            _ => format!("\"{image}\""),
        };
        let start = self.boot + 5 * MINUTE + u64::from(self.started) * 7 * SECOND;
        self.process(image, command_line, start, wanted)
    }

    fn process(&mut self, image: &str, command_line: String, start: u64, wanted: u32) -> Process {
        self.started += 1;
        let free = (wanted..).step_by(4).find(|id| self.process_ids.insert(*id));
        Process {
            guid: started_process_guid(self.number, start, self.started, SESSION_OF_WINDOWS),
            process_id: free.unwrap_or(wanted),
            image: image.to_owned(),
            command_line,
            user: self.user.clone(),
        }
    }
}

fn text(event: &Event, name: &str) -> String {
    event.value(name).map(DataValue::text).unwrap_or_default()
}

/// Returns the ProcessId that an event's maker gave it.
fn wanted_id(event: &Event) -> u32 {
    match event.value("ProcessId") {
        Some(DataValue::U32(process_id)) => *process_id,
        _ => 4,
    }
}
