//! Check that the selection of the records to decode changes nothing but the time a scan takes: it
//! is compared with a scan that decodes everything.

use std::sync::LazyLock;

use dnsweep::internals::detect::{Detection, Predicate, Search};
use dnsweep::internals::ledger::damage::Problem;
use dnsweep::internals::ledger::tally::Tally;
use dnsweep::internals::scan::{
    BLOCK_CHUNKS, Checksums, LocatedEvent, Needle, Scanner, Selection, WantedQueries, blocks,
};

use super::evidence::log;

/// The result of scanning a log.
#[derive(Default)]
struct ScanResult {
    events: Vec<LocatedEvent>,
    problems: Vec<Problem>,
    tally: Tally,
}

/// Predicates of four kinds: a selective one, one with a single literal (a text that a matching
/// event must contain), one that can match nothing, and one that every DNS query satisfies.
static PREDICATES: LazyLock<[Predicate; 4]> = LazyLock::new(|| {
    let search = |text| Search::parse(text).unwrap().predicate;
    [
        Detection::seed().unwrap().search.predicate,
        search("User=*\\\\m.keller OR QueryResults=*192.0.2.* OR QueryName=*xn--*"),
        search("EventCode=22 QueryName=*nowhere* QueryName=*nothing* NOT Image=*"),
        search("EventCode=22"),
    ]
});

/// Scans a log with a selection of the records to decode, and without one. If the log is not forged
/// and all checksums are verified, the results must be the same.
pub fn check(data: &[u8]) {
    let Some((form, log)) = log(data) else { return };
    let predicate = &PREDICATES[usize::from(form.predicate)];
    let selected = scan(&mut Scanner::new(&selection(predicate)), &log);
    let all = scan(&mut Scanner::new(&Selection::Everything), &log);
    assert_eq!(matches(predicate, &selected), matches(predicate, &all), "the matches");
    let (some, every) = (&selected.tally, &all.tally);
    assert_eq!(
        some.counts.records + some.damaged_records,
        every.counts.records + every.damaged_records,
        "each record is counted, by whichever way"
    );
    if !form.checksums_repaired {
        let verified = scan(&mut Scanner::new(&selection(predicate)).verifying(Checksums::All), &log);
        assert_eq!(
            matches(predicate, &verified),
            matches(predicate, &all),
            "the matches, with all checksums"
        );
        assert_eq!(verified.tally, all.tally, "the tally of a log that is not forged");
        assert_eq!(verified.problems, all.problems, "the problems of a log that is not forged");
    }
}

/// Returns the selection of records that a sweep makes for a predicate: those that contain the
/// literals that the predicate requires.
fn selection(predicate: &Predicate) -> Selection {
    let sets = predicate.required_texts().into_iter().map(|set| {
        set.into_iter()
            .map(|required| Needle { data: required.data_name.to_owned(), text: required.text })
            .collect()
    });
    Selection::Wanted(vec![WantedQueries { sets: sets.collect() }])
}

fn scan(scanner: &mut Scanner, log: &Vec<u8>) -> ScanResult {
    let mut found = ScanResult::default();
    let size = log.len() as u64;
    for block in blocks(size, BLOCK_CHUNKS) {
        let scan = scanner.scan(log, block, size);
        found.tally.merge(scan.tally);
        found.events.extend(scan.events);
        found.problems.extend(scan.problems.iter());
    }
    found
}

fn matches<'a>(predicate: &Predicate, found: &'a ScanResult) -> Vec<&'a LocatedEvent> {
    found.events.iter().filter(|located| predicate.evaluate(&located.event)).collect()
}
