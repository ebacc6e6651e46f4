//! GUIDs, by which Sysmon identifies processes.

use std::fmt;

use super::EventTime;
use crate::base::digest::hexadecimal;

/// A GUID. The bytes are in the order in which its text shows them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid([u8; 16]);

/// The length of a GUID's text without braces, in bytes.
const TEXT_LENGTH: usize = 36;
/// The number of hexadecimal digits in each part of a GUID's text. Hyphens separate the parts.
const PARTS: [usize; 5] = [8, 4, 4, 4, 12];
/// The number of units of 100 ns in a second.
const TICKS_PER_SECOND: i64 = 10_000_000;
/// The first second in which a process that Sysmon logged can have started, in seconds since 1970:
/// the beginning of 2014, the year of Sysmon's first version.
const FIRST_START: i64 = 1_388_534_400;

impl Guid {
    /// The GUID of which all bits are zero. It identifies nothing.
    pub const NIL: Guid = Guid([0; 16]);

    /// Returns the GUID that a record stores as the bytes `stored`. The first three parts are
    /// stored as little-endian numbers.
    #[must_use]
    #[inline]
    pub fn from_stored(stored: &[u8; 16]) -> Self {
        let [a3, a2, a1, a0, b1, b0, c1, c0, rest @ ..] = *stored;
        let [d0, d1, d2, d3, d4, d5, d6, d7] = rest;
        Guid([a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7])
    }

    /// Returns the GUID with these bytes, in the order in which its text shows them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Guid(bytes)
    }

    /// Returns the bytes of the GUID, in the order in which its text shows them.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// Reads a GUID from its text, in any letter case, with or without braces. `None` if the text
    /// is not a GUID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let parts: Vec<&str> = bare.split('-').collect();
        if bare.len() != TEXT_LENGTH || !parts.iter().map(|part| part.len()).eq(PARTS) {
            return None;
        }
        let mut digits = parts.concat().into_bytes().into_iter().map(|digit| char::from(digit).to_digit(16));
        let mut guid = [0; 16];
        for byte in &mut guid {
            *byte = u8::try_from(digits.next()?? * 16 + digits.next()??).ok()?;
        }
        Some(Guid(guid))
    }

    /// Returns the GUID's text in canonical form: lower case, without braces.
    #[must_use]
    pub fn text(self) -> String {
        let digits = hexadecimal(&self.0);
        let mut text = String::with_capacity(TEXT_LENGTH);
        let mut rest = digits.as_str();
        for part in PARTS {
            if !text.is_empty() {
                text.push('-');
            }
            let (digits, after) = rest.split_at_checked(part).expect("the parts have all digits of 16 bytes");
            text.push_str(digits);
            rest = after;
        }
        text
    }

    /// Returns the time at which a process with this ProcessGuid started, in whole seconds. `None`
    /// if the GUID states a time before 2014, the year of Sysmon's first version.
    ///
    /// Sysmon writes the start time into the second and the third part of a ProcessGuid, as seconds
    /// since 1970: the third part is the upper half. That was measured on 780 real events with ID
    /// 1: the time is that of UtcTime without its fraction or, in 41 of them, a second less.
    #[must_use]
    pub fn start_time(self) -> Option<EventTime> {
        let [_, _, _, _, low @ .., _, _, _, _, _, _, _, _] = self.0;
        let [low_1, low_0, high_1, high_0] = low;
        let seconds = i64::from(u32::from_be_bytes([high_1, high_0, low_1, low_0]));
        (seconds >= FIRST_START).then(|| EventTime::from_ticks(seconds * TICKS_PER_SECOND))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_guid_has_one_text_however_it_was_written() {
        let text = "fa4a0de6-e8a8-5d2f-0000-001094619900";
        let upper = "{FA4A0DE6-E8A8-5D2F-0000-001094619900}";
        assert_eq!(Guid::parse(text).unwrap().text(), text);
        assert_eq!(Guid::parse(upper), Guid::parse(text));
        let stored = [0xe6, 0x0d, 0x4a, 0xfa, 0xa8, 0xe8, 0x2f, 0x5d, 0, 0, 0, 0x10, 0x94, 0x61, 0x99, 0];
        assert_eq!(Guid::from_stored(&stored).text(), text);
        for wrong in [
            "",
            "{",
            "fa4a0de6",
            "ga4a0de6-e8a8-5d2f-0000-001094619900",
            "fa4a0de6e-8a8-5d2f-0000-001094619900",
        ] {
            assert_eq!(Guid::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_process_guid_states_when_the_process_started() {
        // A real event 1 with this ProcessGuid has the UtcTime 2021-12-04 21:19:16.741.
        let start = Guid::parse("a57649d1-db54-61ab-775c-dc0100000000").unwrap().start_time().unwrap();
        assert_eq!(start.rfc3339(), "2021-12-04T21:19:16.0000000Z");
        assert_eq!(Guid::NIL.start_time(), None);
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was_written(bytes in any::<[u8; 16]>()) {
            let guid = Guid(bytes);
            prop_assert_eq!(Guid::parse(&guid.text()), Some(guid));
        }
    }
}
