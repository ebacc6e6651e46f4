//! A machine's clock, its EventRecordIDs and its daily routine, among which the events of the
//! samples' story take place.

use crate::error::Error;
use crate::event::Event;
use crate::log::LogWriter;
use crate::record::Style;
use crate::rng::Rng;
use crate::story::machine::{Machine, Process};
use crate::time::{self, DAY, HOUR, MINUTE, SECOND};
use crate::truth::{SampleFile, SampleRecord};

/// The name of Sysmon's log below `winevt/Logs`.
pub(super) const SYSMON_LOG: &str = "Microsoft-Windows-Sysmon%4Operational.evtx";

const SVCHOST: &str = r"C:\Windows\System32\svchost.exe";
const BROWSER: &str = r"C:\Program Files\Mozilla Firefox\firefox.exe";
pub(super) const EXPLORER: &str = r"C:\Windows\explorer.exe";
const SEARCH: &str = r"C:\Windows\System32\SearchIndexer.exe";
pub(super) const OFFICE: &str = r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE";

/// DNS queries of an ordinary day: the queried name, the status, the results and the program's
/// path.
const ORDINARY_QUERIES: [(&str, &str, &str, &str); 12] = [
    ("dc01.corp.example", "0", "::ffff:10.20.0.5;", r"C:\Windows\System32\lsass.exe"),
    ("wpad", "9003", "-", SVCHOST),
    ("www.example.com", "0", "type:  5 edge.example.net;::ffff:192.0.2.80;::ffff:192.0.2.81;", BROWSER),
    ("cdn.example.org", "0", "2001:db8::51;::ffff:198.51.100.51;", BROWSER),
    ("mail.corp.example", "0", "::ffff:10.20.0.9;", OFFICE),
    ("ctldl.windowsupdate.com", "0", "type:  5 updates.example.net;::ffff:192.0.2.33;", SVCHOST),
    ("_ldap._tcp.dc._msdcs.corp.example", "9501", "-", SVCHOST),
    ("time.windows.com", "1460", "-", SVCHOST),
    ("fileserver.corp.example", "0", "::ffff:10.20.0.12;", EXPLORER),
    ("update.vendor.test", "9003", "-", r"C:\Users\user\AppData\Local\Vendor\Update.exe"),
    (
        "intranet.corp.example",
        "0",
        "10.20.0.14;",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ),
    ("5.0.20.10.in-addr.arpa", "0", "type:  12 dc01.corp.example;", "<unknown process>"),
];

/// The events that one machine logs to one log, sorted by time, and the machine's clock.
#[derive(Debug)]
pub(super) struct Journal {
    computer: String,
    user: String,
    machine: Machine,
    time: u64,
    next_record_id: u64,
    rng: Rng,
    events: Vec<Event>,
}

impl Journal {
    /// Begins the events of the machine `host` and its account `user`, at the time `time` and with
    /// the EventRecordID `record_id`. The machine was started at 07:15 of that day.
    pub(super) fn new(host: &str, user: &str, time: u64, record_id: u64) -> Self {
        let seed = host.bytes().fold(record_id, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let user = format!("CORP\\{user}");
        let boot = time - time % DAY + 7 * HOUR + 15 * MINUTE;
        Self {
            computer: format!("{host}.corp.example"),
            machine: Machine::new(host, &user, boot),
            user,
            time,
            next_record_id: record_id,
            rng: Rng::new(seed),
            events: Vec::new(),
        }
    }

    /// Continues the log of another journal of the same machine: its processes still run, and its
    /// EventRecordIDs go on.
    pub(super) fn continuing(mut self, earlier: &Self) -> Self {
        self.machine = earlier.machine.clone();
        self.next_record_id = earlier.next_record_id;
        self
    }

    /// Takes the events out of the journal. More can be added afterwards, at later times.
    pub(super) fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn time(&self) -> u64 {
        self.time
    }

    pub(super) fn next_record_id(&self) -> u64 {
        self.next_record_id
    }

    /// Adds an event, `seconds` and a fraction of a second after the one before. Its user becomes
    /// that of the machine, unless the event names one. It becomes an event of the process that
    /// runs the program in its Image.
    pub(super) fn add(&mut self, seconds: u64, event: Event) {
        self.advance(seconds);
        let event = self.machine.identified(event, self.time);
        self.log(self.time, event);
    }

    /// Adds an event of a process, `seconds` and a fraction of a second after the one before.
    pub(super) fn add_of(&mut self, seconds: u64, process: &Process, event: Event) {
        self.advance(seconds);
        self.log(self.time, process.mark(event));
    }

    /// Adds an event of a process, `milliseconds` after the one before, and does not move the clock:
    /// the next event must come later.
    pub(super) fn add_between(&mut self, milliseconds: u64, process: &Process, event: Event) {
        self.log(self.time + milliseconds * SECOND / 1000, process.mark(event));
    }

    /// Adds the creation of a child of `parent`, `seconds` and a fraction of a second after the event
    /// before. Returns the child.
    pub(super) fn start(&mut self, seconds: u64, parent: &Process, event: Event) -> Process {
        self.advance(seconds);
        self.start_between(0, parent, event)
    }

    /// Adds the creation of a child of `parent`, `milliseconds` after the event before, and does not
    /// move the clock: the next event must come later. Returns the child.
    pub(super) fn start_between(&mut self, milliseconds: u64, parent: &Process, event: Event) -> Process {
        let time = self.time + milliseconds * SECOND / 1000;
        let (process, event) = self.machine.created(event, parent, time);
        self.log(time, event);
        process
    }

    /// Returns a process that starts `milliseconds` after the event before, and whose creation is
    /// not logged. `event` says what its creation would say.
    pub(super) fn start_unlogged(&mut self, milliseconds: u64, parent: &Process, event: Event) -> Process {
        self.machine.created(event, parent, self.time + milliseconds * SECOND / 1000).0
    }

    /// Returns the process that all events of a program are of, which was started before the log
    /// begins, unless the machine has been given another one.
    pub(super) fn running(&mut self, image: &str, process_id: u32) -> Process {
        self.machine.running(image, process_id)
    }

    /// Makes all later events of the process's program its own, if they name no process.
    pub(super) fn set_running(&mut self, process: &Process) {
        self.machine.set_running(process);
    }

    fn advance(&mut self, seconds: u64) {
        self.time += seconds * SECOND + self.rng.below(SECOND);
    }

    fn log(&mut self, time: u64, event: Event) {
        let mut event = event.on(&self.computer).numbered(self.next_record_id).at(time);
        if event.value("User").is_some_and(|user| user.text() == "CORP\\user") {
            event = event.with("User", self.user.as_str());
        }
        self.next_record_id += 1;
        self.events.push(event);
    }

    /// Adds `count` Sysmon events of an ordinary day, one in seven of them a DNS query.
    pub(super) fn routine(&mut self, count: usize) {
        for _ in 0..count {
            let event = if self.rng.permille(140) { self.ordinary_query() } else { self.ordinary_activity() };
            let pause = 2 + self.rng.below(70);
            self.add(pause, event);
        }
    }

    /// Adds `count` Sysmon events of an ordinary day without any DNS query.
    pub(super) fn routine_without_dns(&mut self, count: usize) {
        for _ in 0..count {
            let event = self.ordinary_activity();
            let pause = 2 + self.rng.below(70);
            self.add(pause, event);
        }
    }

    /// Adds `count` events of the Security log.
    pub(super) fn audit(&mut self, count: usize) {
        let user = self.user.replace("CORP\\", "");
        for _ in 0..count {
            let event = match self.rng.below(3) {
                0 => Event::logon(&user, 3),
                1 => Event::audited_process(BROWSER, "firefox.exe -osint"),
                _ => Event::audited_process(r"C:\Windows\System32\conhost.exe", "conhost.exe 0x4"),
            };
            let pause = 5 + self.rng.below(240);
            self.add(pause, event);
        }
    }

    /// Adds `count` events of the System log.
    pub(super) fn services(&mut self, count: usize) {
        const SERVICES: [&str; 5] =
            ["wuauserv", "BITS", "WinHttpAutoProxySvc", "TrustedInstaller", "Sysmon64"];
        for _ in 0..count {
            let service = *self.rng.pick(&SERVICES);
            let state = *self.rng.pick(&["running", "stopped"]);
            let pause = 30 + self.rng.below(900);
            self.add(pause, Event::service_state(service, state));
        }
    }

    fn ordinary_query(&mut self) -> Event {
        let (name, status, results, image) = *self.rng.pick(&ORDINARY_QUERIES);
        let process_id = self.process_id();
        let event = Event::dns_query(name, image).answered(status, results).of_process(process_id);
        if image.starts_with(r"C:\Windows\System32") {
            event.with("User", "NT AUTHORITY\\SYSTEM")
        } else {
            event
        }
    }

    fn ordinary_activity(&mut self) -> Event {
        let process_id = self.process_id();
        let number = self.rng.below(1000);
        let event = match self.rng.below(10) {
            0 => Event::process_create(r"C:\Windows\System32\conhost.exe", "conhost.exe 0x4", EXPLORER),
            1 => Event::process_create(BROWSER, "firefox.exe -contentproc", BROWSER),
            2 | 3 => Event::network_connection(BROWSER, &format!("192.0.2.{}", number % 250), 443),
            4 => Event::process_terminate(r"C:\Windows\System32\conhost.exe"),
            5 => Event::image_load(SEARCH, r"C:\Windows\System32\wbem\fastprox.dll"),
            6 | 7 => Event::file_create(OFFICE, &format!(r"C:\Users\user\Documents\note-{number}.docx")),
            8 => {
                Event::registry_key(SVCHOST, &format!(r"HKLM\System\CurrentControlSet\Services\svc{number}"))
            }
            _ => Event::registry_value(
                EXPLORER,
                &format!(r"HKU\Software\Recent\{number}"),
                "DWORD (0x00000001)",
            ),
        };
        event.of_process(process_id)
    }

    fn process_id(&mut self) -> u32 {
        // Process IDs of Windows are multiples of four.
        4 * (200 + self.rng.next_u32() % 3000)
    }
}

/// A log of the sample evidence that is being written: its writer, and the records written so far.
#[derive(Debug)]
pub(super) struct Log {
    path: String,
    style: Style,
    pub(super) writer: LogWriter,
    records: Vec<SampleRecord>,
}

impl Log {
    /// Begins the log with the file name `name` of the machine `host`, in the folder where Windows
    /// keeps it.
    pub(super) fn new(folder: &str, host: &str, name: &str, writer: LogWriter, style: Style) -> Self {
        let path = format!("{folder}/{host}/Windows/System32/winevt/Logs/{name}");
        Self { path, style, writer, records: Vec::new() }
    }

    /// Begins a log of the machine `host`, in the style of logs that a machine writes itself.
    pub(super) fn live(folder: &str, host: &str, name: &str) -> Self {
        Self::new(folder, host, name, LogWriter::new(Style::Live), Style::Live)
    }

    pub(super) fn push(&mut self, events: Vec<Event>) -> Result<(), Error> {
        for event in events {
            let place = self.writer.push(&event)?;
            self.records.push(SampleRecord { event, place, lost: false });
        }
        Ok(())
    }

    pub(super) fn finish(self) -> SampleFile {
        SampleFile {
            path: self.path,
            bytes: self.writer.finish(),
            style: Some(self.style),
            records: self.records,
        }
    }
}

/// Returns the time at which the story begins: the evening of 3 March 2025.
pub(super) fn evening() -> u64 {
    time::filetime(2025, 3, 3, 18, 0, 0)
}

/// Returns the time at which the next working day begins: the morning of 4 March 2025.
pub(super) fn morning() -> u64 {
    time::filetime(2025, 3, 4, 8, 0, 0)
}
