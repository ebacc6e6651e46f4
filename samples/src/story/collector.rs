//! The machine COL-SRV02 of the sample evidence, to which other machines forward their events:
//! several computers in one log, and every value as text.
//!
//! One of the forwarding machines, SALES-WS21, has the only match of the evidence besides those of
//! FIN-WS07, and none of its own logs was collected.

use crate::error::Error;
use crate::event::Event;
use crate::log::LogWriter;
use crate::record::Style;
use crate::story::journal::{EXPLORER, Journal, Log, morning};
use crate::truth::SampleFile;

const HOST: &str = "COL-SRV02";

pub(super) fn files() -> Result<Vec<SampleFile>, Error> {
    Ok(vec![forwarded_log()?, system_log()?])
}

fn forwarded_log() -> Result<SampleFile, Error> {
    let writer = LogWriter::new(Style::Forwarded).dirty(true).stale_header(true);
    let mut log = Log::new("evidence", HOST, "ForwardedEvents.evtx", writer, Style::Forwarded);
    let mut events = sales_workstation();
    events.extend(laboratory_workstation());
    // Machines deliver when they can; the log has the events sorted by time.
    events.sort_by_key(|event| event.time);
    log.push(events.into_iter().map(rendered).collect())?;
    Ok(log.finish())
}

fn sales_workstation() -> Vec<Event> {
    let mut journal = Journal::new("SALES-WS21", "p.novak", morning(), 12_730);
    journal.routine(16);
    let image = r"C:\Users\p.novak\AppData\Local\Temp\viewer.exe";
    let command_line = format!("\"{image}\" /open Preisliste.pdf");
    let explorer = journal.running(EXPLORER, 4880);
    let creation = Event::process_create(image, &command_line, EXPLORER)
        .of_process(7012)
        .with("CurrentDirectory", r"C:\Users\p.novak\Downloads\");
    let viewer = journal.start_between(12_000, &explorer, creation);
    let query = Event::dns_query("cdn.discordapp.com", image).answered("0", "::ffff:203.0.113.130;");
    journal.add_of(25, &viewer, query);
    journal.add_between(1_900, &viewer, Event::process_terminate(image));
    journal.routine(12);
    journal.take()
}

fn laboratory_workstation() -> Vec<Event> {
    let mut journal = Journal::new("LAB-WS02", "lab", morning() + 900, 3_305);
    journal.routine(14);
    // The path goes through AppData and has an ampersand, which splits the stored text. The queried
    // name is not one of the four.
    let image = r"C:\Users\R&D\AppData\Local\Programs\meter\meter.exe";
    journal.add(11, Event::dns_query("telemetry.example.net", image).answered("0", "::ffff:192.0.2.90;"));
    journal.routine(10);
    journal.take()
}

/// Adds RenderingInfo (the event as a sentence) to every second event, as a subscription to
/// forwarded events can request it.
fn rendered(event: Event) -> Event {
    if event.record_id % 2 == 1 {
        return event;
    }
    let fields: Vec<String> =
        event.data.iter().map(|(name, value)| format!("{name} = {}", value.text())).collect();
    let message = format!("Rendered by the sample generator <{}>\r\n{}", event.event_id, fields.join("\r\n"));
    let task = format!("Sample task {}", event.task);
    event.rendered(&message, &task)
}

fn system_log() -> Result<SampleFile, Error> {
    let mut log = Log::live("evidence", HOST, "System.evtx");
    let mut journal = Journal::new(HOST, "svc.wec", morning(), 40_102);
    journal.services(35);
    log.push(journal.take())?;
    Ok(log.finish())
}
