//! The machines of the sample evidence on which nothing happened. Each has something that could be
//! mistaken for a match.

use crate::error::Error;
use crate::event::Event;
use crate::log::LogWriter;
use crate::record::Style;
use crate::story::journal::{Journal, Log, SYSMON_LOG, evening, morning};
use crate::story::machine::Machine;
use crate::time::{DAY, HOUR};
use crate::truth::SampleFile;

const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
const CMD: &str = r"C:\Windows\System32\cmd.exe";
const BROWSER: &str = r"C:\Program Files\Google\Chrome\Application\chrome.exe";
const SESSIONS_LOG: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager%4Operational.evtx";
const RESOLVER_LOG: &str = "Microsoft-Windows-DNS-Client%4Operational.evtx";

pub(super) fn files() -> Result<Vec<SampleFile>, Error> {
    Ok(vec![
        near_misses()?,
        near_misses_security()?,
        command_line_only()?,
        decoys_of_the_power_service()?,
        decoys_of_the_resolver()?,
        administrator_backup()?,
        no_dns_logged()?,
        empty_log("LAB-PC05"),
        server_security()?,
        server_system()?,
        decoys_of_the_session_manager()?,
    ])
}

/// Makes the log of FIN-WS12: names that the detection looks for, queried by programs that it does
/// not look for, and the other way round. Two records that match lie after the free space of the
/// first chunk: they were deleted long ago and are no events of this log.
fn near_misses() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", "FIN-WS12", SYSMON_LOG);
    let mut journal = Journal::new("FIN-WS12", "j.brandt", morning(), 60_001);
    journal.routine(25);
    journal.add(7, Event::dns_query("discord.com", BROWSER).answered("0", "::ffff:203.0.113.136;"));
    journal.add(3, Event::dns_query("gateway.discord.gg", BROWSER).answered("0", "::ffff:203.0.113.137;"));
    journal.add(31, Event::dns_query("www.microsoft.com", POWERSHELL).answered("0", "::ffff:192.0.2.44;"));
    journal.routine(20);
    log.push(journal.take())?;
    let mut machine = Machine::new("FIN-WS12", "CORP\\j.brandt", morning() - 40 * DAY - HOUR);
    let stale: Vec<Event> = [("pastebin.com", CMD), ("api.telegram.org", r"C:\ProgramData\svc\svc.exe")]
        .iter()
        .zip(31_744_u64..)
        .map(|((query, image), record_id)| {
            let time = morning() - 40 * DAY;
            machine
                .identified(Event::dns_query(query, image), time)
                .on("FIN-WS12.corp.example")
                .numbered(record_id)
                .at(time)
        })
        .collect();
    log.writer.end_chunk_leaving(&stale)?;
    journal.routine(25);
    // Discord is installed in AppData, so its path contains a literal and a folder of the
    // detection; but it queries another name.
    let discord = r"C:\Users\j.brandt\AppData\Local\Discord\app-1.0.9180\Discord.exe";
    journal.add(5, Event::process_create(discord, "Discord.exe --type=renderer", discord));
    journal.add(1, Event::network_connection(discord, "203.0.113.136", 443));
    journal.add(1, Event::dns_query("status.example.com", discord).answered("0", "::ffff:192.0.2.20;"));
    journal.add(
        4,
        Event::dns_query("pastebin.com", r"C:\Tools\notcmd.exe").answered("0", "::ffff:203.0.113.10;"),
    );
    journal.add(4, Event::dns_query("t-me.example.org", CMD).answered("9003", "-"));
    journal.routine(20);
    log.push(journal.take())?;
    Ok(log.finish())
}

fn near_misses_security() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", "FIN-WS12", "Security.evtx");
    let mut journal = Journal::new("FIN-WS12", "j.brandt", morning(), 200_455);
    journal.audit(45);
    log.push(journal.take())?;
    Ok(log.finish())
}

/// Makes the log of HR-WS03: an older Sysmon that logs no User, and "pastebin" in a command line
/// only. The log was exported.
fn command_line_only() -> Result<SampleFile, Error> {
    let mut log = Log::new("evidence", "HR-WS03", SYSMON_LOG, LogWriter::new(Style::Export), Style::Export);
    let mut journal = Journal::new("HR-WS03", "s.öztürk", morning(), 5_210);
    journal.routine(30);
    let command = "notepad.exe C:\\Users\\s.öztürk\\Documents\\pastebin-and-discord-policy.txt";
    journal.add(14, Event::process_create(r"C:\Windows\System32\notepad.exe", command, CMD));
    journal.add(3, Event::dns_query("fileserver.corp.example", CMD).answered("0", "::ffff:10.20.0.12;"));
    journal.routine(40);
    log.push(journal.take().into_iter().map(as_older_sysmon).collect())?;
    Ok(log.finish())
}

/// Removes the user name from an event, as an older Sysmon would log it. Since version 13.30,
/// Sysmon logs it in all kinds of events; before, in two of them only.
fn as_older_sysmon(event: Event) -> Event {
    match event.event_id {
        1 | 3 => event.without("ParentUser"),
        _ => event.without("User"),
    }
}

/// Makes the System log of HR-WS03 with decoys: event 22 of the power service, which has the number
/// of Sysmon's DNS query.
fn decoys_of_the_power_service() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", "HR-WS03", "System.evtx");
    let mut journal = Journal::new("HR-WS03", "s.öztürk", morning(), 9_940);
    journal.services(15);
    journal.add(
        60,
        Event::power_request(r"C:\Users\s.öztürk\AppData\Local\Discord\Discord.exe", "discord.com call"),
    );
    journal.services(15);
    log.push(journal.take())?;
    Ok(log.finish())
}

/// Makes the log of Windows' DNS client of HR-WS03 with decoys: its event 22, here with Sysmon's
/// field names.
fn decoys_of_the_resolver() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", "HR-WS03", RESOLVER_LOG);
    let mut journal = Journal::new("HR-WS03", "s.öztürk", morning(), 120);
    for (query, status) in
        [("www.example.com", 0), ("wpad", 9003), ("discord.com", 0), ("mail.corp.example", 0)]
    {
        journal.add(95, Event::resolver_query(query, status, "-"));
    }
    journal.add(30, Event::resolver_decoy("pastebin.com", CMD));
    journal.add(12, Event::resolver_decoy("api.telegram.org", r"C:\Users\Public\helper.exe"));
    log.push(journal.take())?;
    Ok(log.finish())
}

/// Makes a log of IT-ADM01: a backup that an administrator renamed, whose file header was closed
/// properly.
fn administrator_backup() -> Result<SampleFile, Error> {
    let writer = LogWriter::new(Style::Export);
    let mut log = Log::new("evidence", "IT-ADM01", "sysmon-backup.EVTX.old", writer, Style::Export);
    let mut journal = Journal::new("IT-ADM01", "adm.lind", evening() - 3 * DAY, 301_877);
    journal.routine(35);
    journal.add(
        6,
        Event::dns_query("www.powershellgallery.com", POWERSHELL).answered("0", "::ffff:192.0.2.61;"),
    );
    journal.add(
        8,
        Event::dns_query("discord.com", r"C:\Program Files\Tools\linkcheck.exe").answered("9003", "-"),
    );
    journal.routine(35);
    log.push(journal.take())?;
    Ok(log.finish())
}

/// Makes the log of LAB-PC05: Sysmon runs, but its configuration leaves DNS queries out.
fn no_dns_logged() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", "LAB-PC05", SYSMON_LOG);
    let mut journal = Journal::new("LAB-PC05", "lab", morning(), 2_040);
    journal.routine_without_dns(70);
    log.push(journal.take())?;
    Ok(log.finish())
}

/// Makes a log that nothing was ever written to: one chunk without records.
fn empty_log(host: &str) -> SampleFile {
    Log::live("evidence", host, "Application.evtx").finish()
}

/// Makes the Security log of SRV-FILE01, a server without Sysmon.
fn server_security() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", "SRV-FILE01", "Security.evtx");
    let mut journal = Journal::new("SRV-FILE01", "svc.backup", morning(), 4_400_018);
    journal.audit(60);
    log.push(journal.take())?;
    Ok(log.finish())
}

fn server_system() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", "SRV-FILE01", "System.evtx");
    let mut journal = Journal::new("SRV-FILE01", "svc.backup", morning(), 88_410);
    journal.services(50);
    log.push(journal.take())?;
    Ok(log.finish())
}

/// Makes a log of SRV-FILE01 with decoys: event 22 of the session manager, from a client whose name
/// contains a text that the detection looks for.
fn decoys_of_the_session_manager() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", "SRV-FILE01", SESSIONS_LOG);
    let mut journal = Journal::new("SRV-FILE01", "svc.backup", morning(), 730);
    for (session, address) in (1..).zip(["10.20.30.41", "LOCAL", "discord-vm.corp.example", "10.20.30.44"]) {
        journal.add(700, Event::shell_start("CORP\\adm.lind", session, address));
    }
    log.push(journal.take())?;
    Ok(log.finish())
}
