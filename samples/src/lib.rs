//! Writes native Windows event logs (EVTX) from plain descriptions of events.
//!
//! No other program writes EVTX, and real logs are not available in every shape that matters. So
//! dnsweep's sample evidence, its tests and its benches take their logs from this crate. The crate
//! knows how Windows lays a log out, and does not know how dnsweep reads one: it shares no code
//! with the tool, and readers by other authors check what it writes.
//!
//! - [`Event`] describes an event, [`DataValue`] one of its values;
//! - [`LogWriter`] lays events out as a log, in one of three [`Style`]s;
//! - [`event_xml`] renders an event as XML, as Windows does;
//! - [`damage`] breaks a log in a defined way;
//! - [`corpus`] writes logs by the gigabyte, for benches;
//! - [`story`] is the sample evidence, and [`truth`] what has to be found in it.
//!
//! The crate does not write events whose data is UserData instead of EventData, arrays of values,
//! or templates of classic event sources. The format facts come from [MS-EVEN6], from libevtx's
//! format document and from real logs.

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
pub use sysmon::{SYSMON, process_guid, started_process_guid};
pub use value::{DataValue, Guid, Sid};
pub use windows::{
    DNS_CLIENT, LOCAL_SESSION_MANAGER, RESTART_MANAGER, SECURITY, SERVICE_CONTROL_MANAGER,
    USER_MODE_POWER_SERVICE,
};
pub use xml::event_xml;
