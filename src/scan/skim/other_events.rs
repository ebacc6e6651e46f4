//! The events that the skim looks for besides DNS queries of Sysmon: queries of Windows' own DNS
//! client, or Sysmon's process events. Other modules search for each of the two.

use std::ops::Range;

use crate::event::Event;
use crate::scan::skim::known::{DataCheck, WantedData};
use crate::scan::skim::process::{ProcessFinder, ProcessLink, ProcessRecord};
use crate::scan::skim::skimmed_record::SkimmedRecord;

/// Which events other than Sysmon's DNS queries the skim (which counts records without decoding
/// them) looks for, with the state of the search.
#[derive(Debug)]
pub(in crate::scan) enum OtherEvents {
    /// Events that are not DNS queries of Sysmon are only counted.
    Counted,
    /// Queries of Windows' own DNS client are decoded if they contain the literals that a detection
    /// requires, and only counted otherwise.
    DnsClient(WantedData),
    /// Sysmon's process events (event 1 and event 5) are looked for: the events, or only the GUIDs
    /// in them, are read.
    Processes(ProcessFinder),
}

impl OtherEvents {
    /// Returns whether a record may be one of the events that are looked for. If so, it is not
    /// counted together with other records, but examined by itself.
    #[inline]
    pub(in crate::scan) fn may_want(&self, skimmed: &SkimmedRecord) -> bool {
        match self {
            OtherEvents::Counted => false,
            OtherEvents::DnsClient(_) => skimmed.may_be_dns_client_query(),
            OtherEvents::Processes(_) => skimmed.is_process_event(),
        }
    }

    /// Returns whether a record for which [`OtherEvents::may_want`] is true must be read; false if
    /// it is only counted. The chunk's live records end at offset `end`. `None` if anything about
    /// the record is not understood; callers then have it decoded.
    pub(in crate::scan) fn want(
        &mut self,
        chunk: &[u8],
        skimmed: &SkimmedRecord,
        end: usize,
    ) -> Option<bool> {
        match self {
            OtherEvents::Counted => Some(false),
            OtherEvents::DnsClient(wanted) => {
                Some(matches!(wanted.find(chunk, skimmed.data.clone()?, end)?, DataCheck::Wanted(_)))
            }
            OtherEvents::Processes(finder) => finder.is_to_be_read(chunk, skimmed, end),
        }
    }

    /// Reads an event for which [`OtherEvents::want`] has returned true, without the decoder (the
    /// `evtx` crate). `content` is the range of its record's content in the chunk. `None` if it
    /// must be decoded, as every query of Windows' own DNS client must.
    pub(in crate::scan) fn read(&self, record: ProcessRecord<'_>, content: Range<usize>) -> Option<Event> {
        match self {
            OtherEvents::Counted | OtherEvents::DnsClient(_) => None,
            OtherEvents::Processes(finder) => finder.read(record, content),
        }
    }

    /// Prepares the search of the next chunk: forgets what belongs to the previous one, which is
    /// its list of template definitions and the GUIDs in its process events.
    pub(in crate::scan) fn begin(&mut self) {
        match self {
            OtherEvents::Counted => {}
            OtherEvents::DnsClient(wanted) => wanted.data.clear(),
            OtherEvents::Processes(finder) => finder.begin(),
        }
    }

    /// Removes and returns the GUIDs in the chunk's process events: that of each process and of its
    /// parent. Empty unless the skim was made to keep these GUIDs, and not the events.
    pub(in crate::scan) fn take_links(&mut self) -> Vec<ProcessLink> {
        match self {
            OtherEvents::Counted | OtherEvents::DnsClient(_) => Vec::new(),
            OtherEvents::Processes(finder) => finder.take_links(),
        }
    }
}
