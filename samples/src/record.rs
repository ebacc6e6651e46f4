//! Writes one event as one record of a chunk, in one of the three styles of real logs.
//!
//! A record is `2a 2a 00 00`, its size, its number, the time it was written, binary XML, padding to
//! eight bytes and its size again (libevtx's format document, "Event record"; the padding was
//! measured on real logs).

use crate::binxml::{END_OF_FRAGMENT, FRAGMENT_HEADER};
use crate::chunk::Chunk;
use crate::error::Error;
use crate::event::Event;
use crate::forwarded;
use crate::template::{self, outer};
use crate::value::{DataValue, code};

/// The three ways in which real logs store an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The style of `wevtutil epl` and "Save As": clean header, EventData with a fragment header of
    /// its own, strings without terminator.
    Export,
    /// The style of logs in `winevt\Logs` of a running machine or one that lost power: dirty
    /// header, EventData without fragment header, and strings that end in a NUL, which their length
    /// includes.
    Live,
    /// The style in which a collector stores what other machines sent: no templates, and all values
    /// as text.
    Forwarded,
}

const MAGIC: [u8; 4] = *b"**\0\0";
/// The number of bytes of which every record's offset is a multiple.
const ALIGNMENT: usize = 8;

/// Appends the event to the chunk as the record with the number `number`, and returns the record's
/// offset in the chunk. The chunk may then be longer than 64 KiB; the caller has to check.
pub(crate) fn write_record(
    chunk: &mut Chunk,
    style: Style,
    number: u64,
    event: &Event,
) -> Result<usize, Error> {
    let start = chunk.position();
    chunk.put(&MAGIC);
    chunk.put_u32(0);
    chunk.put_u64(number);
    chunk.put_u64(event.time);
    chunk.put(&FRAGMENT_HEADER);
    match style {
        Style::Forwarded => forwarded::event_element(event).write(chunk, false)?,
        Style::Export | Style::Live => write_templated(chunk, style, event)?,
    }
    chunk.put_u8(END_OF_FRAGMENT);
    while !(chunk.position() + 4 - start).is_multiple_of(ALIGNMENT) {
        chunk.put_u8(0);
    }
    let size =
        u32::try_from(chunk.position() + 4 - start).map_err(|_| Error::RecordTooLarge(event.record_id))?;
    chunk.put_u32(size);
    chunk.set_u32(start + 4, size);
    Ok(start)
}

fn write_templated(chunk: &mut Chunk, style: Style, event: &Event) -> Result<(), Error> {
    template::write_outer_head(chunk, &event.computer)?;
    let mut values = outer_values(style, event);
    // The size of the last value, EventData, is known only when it is written.
    values.push(if event.data.is_empty() { (code::NULL, Vec::new()) } else { (code::BINXML, Vec::new()) });
    let last_size = chunk.position() + 4 + 4 * usize::from(outer::EVENT_DATA);
    write_values(chunk, &values, "System")?;
    if !event.data.is_empty() {
        let start = chunk.position();
        write_event_data(chunk, style, event)?;
        let size =
            u16::try_from(chunk.position() - start).map_err(|_| Error::RecordTooLarge(event.record_id))?;
        chunk.set_u16(last_size, size);
    }
    Ok(())
}

/// Returns the values of an event for the outer template, which describes System, in the order of
/// its substitutions. The last value, the event's data, is left out.
fn outer_values(style: Style, event: &Event) -> Vec<(u8, Vec<u8>)> {
    // In a live log, a null keeps its bytes: two bytes, 1 and 0, for Qualifiers, and sixteen for
    // ActivityID. An export drops them (measured on 6,400 and 2,250 real records).
    let (qualifiers, activity) =
        if style == Style::Live { (vec![1, 0], vec![0; 16]) } else { (Vec::new(), Vec::new()) };
    let typed = |value: DataValue| (value.code(), value.bytes());
    let user = event.user.clone().map_or(DataValue::Null, DataValue::Sid);
    vec![
        typed(DataValue::U8(event.level)),
        typed(DataValue::U8(event.opcode)),
        typed(DataValue::U16(event.task)),
        typed(DataValue::U16(event.event_id)),
        (code::NULL, qualifiers),
        typed(DataValue::Hex64(event.keywords)),
        typed(DataValue::FileTime(event.time)),
        (code::NULL, activity),
        typed(DataValue::U32(event.process_id)),
        typed(DataValue::U32(event.thread_id)),
        typed(DataValue::U64(event.record_id)),
        typed(DataValue::U8(event.version)),
        typed(user),
        typed(DataValue::Null),
        typed(DataValue::from(event.provider.as_str())),
        typed(DataValue::Guid(event.provider_guid)),
        typed(DataValue::from(event.channel.as_str())),
    ]
}

fn write_event_data(chunk: &mut Chunk, style: Style, event: &Event) -> Result<(), Error> {
    if style == Style::Export {
        chunk.put(&FRAGMENT_HEADER);
    }
    template::write_inner_head(chunk, event)?;
    let values: Vec<(u8, Vec<u8>)> = event
        .data
        .iter()
        .map(|(_, value)| {
            let mut bytes = value.bytes();
            if style == Style::Live && value.code() == code::TEXT {
                bytes.extend([0, 0]);
            }
            (value.code(), bytes)
        })
        .collect();
    write_values(chunk, &values, "EventData")?;
    chunk.put_u8(END_OF_FRAGMENT);
    Ok(())
}

/// Writes the values of a template instance: their number, a descriptor of size and type for each,
/// then their bytes without gaps (libevtx's format document, "Template instance data").
fn write_values(chunk: &mut Chunk, values: &[(u8, Vec<u8>)], name: &str) -> Result<(), Error> {
    let too_long = || Error::ValueTooLong(name.to_owned());
    chunk.put_u32(u32::try_from(values.len()).map_err(|_| too_long())?);
    for (code, bytes) in values {
        chunk.put_u16(u16::try_from(bytes.len()).map_err(|_| too_long())?);
        chunk.put_u8(*code);
        chunk.put_u8(0);
    }
    for (_, bytes) in values {
        chunk.put(bytes);
    }
    Ok(())
}
