//! Writes native Windows event logs (EVTX) from plain descriptions of events.
//!
//! Nothing else writes EVTX, and real logs cannot be had in every shape that matters, so dnsweep's
//! sample evidence, its tests and its benches all take their logs from here. The crate knows how
//! Windows lays a log out and nothing of how dnsweep reads one: it shares no code with the tool,
//! and readers that are not ours judge what it writes.
//!
//! - [`Event`] describes an event, [`Value`] one of its values;
//! - [`LogWriter`] lays events out as a log, in one of three [`Style`]s;
//! - [`event_xml`] is an event as Windows renders it;
//! - [`damage`] breaks a log in a defined way;
//! - [`corpus`] writes logs by the gigabyte, for benches;
//! - [`story`] is the sample evidence, and [`truth`] what has to be found in it.
//!
//! What it does not do: events whose data is UserData instead of EventData, arrays of values, and
//! templates of classic event sources. The format facts come from [MS-EVEN6], from libevtx's format
//! document and from real logs.

mod binxml;
mod chunk;
pub mod corpus;
pub mod damage;
mod error;
mod event;
mod forwarded;
mod log;
mod record;
pub mod rng;
pub mod story;
mod sysmon;
mod template;
pub mod time;
pub mod truth;
mod value;
mod windows;
mod xml;

pub use chunk::{CHUNK_SIZE, FIRST_RECORD};
pub use error::Error;
pub use event::{Event, Provider, Rendering};
pub use log::{HEADER_SIZE, LogWriter, Place};
pub use record::Style;
pub use sysmon::{SYSMON, process_guid};
pub use value::{Guid, Sid, Value};
pub use windows::{
    DNS_CLIENT, LOCAL_SESSION_MANAGER, RESTART_MANAGER, SECURITY, SERVICE_CONTROL_MANAGER,
    USER_MODE_POWER_SERVICE,
};
pub use xml::event_xml;
