//! The logs for benches are valid, their counts are right, and the logs of different machines
//! differ.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that goes wrong fails loudly")]

use std::collections::BTreeSet;

use dnsweep_samples::corpus::{Corpus, Pool};
use dnsweep_samples::damage::{chunk_count, chunk_offset, record_offsets};
use dnsweep_samples::{CHUNK_SIZE, HEADER_SIZE};

const CHUNKS: u64 = 70;

fn holds(bytes: &[u8], text: &str) -> bool {
    let wanted: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

#[test]
fn the_counts_are_right_and_in_proportion() {
    for corpus in [Corpus::Quiet, Corpus::Chatty, Corpus::Dense] {
        let pool = Pool::new(corpus).unwrap();
        let mut log = Vec::new();
        let written = pool.write_log(&mut log, 3, CHUNKS).unwrap();
        assert_eq!(written.bytes, log.len() as u64);
        assert_eq!(written.chunks, CHUNKS);
        let records: usize = (0..chunk_count(&log)).map(|chunk| record_offsets(&log, chunk).len()).sum();
        assert_eq!(written.records, records as u64, "{corpus:?}");
        let queries_permille = written.dns_queries * 1000 / written.records;
        let (queries, matches) = match corpus {
            Corpus::Quiet => (30..80, 1..3),
            Corpus::Chatty => (200..300, 3..8),
            Corpus::Dense => (1000..1001, written.records / 11..written.records / 9),
        };
        assert!(queries.contains(&queries_permille), "{corpus:?}: {queries_permille} in a thousand");
        assert!(matches.contains(&written.matches), "{corpus:?}: {} matches", written.matches);
    }
}

#[test]
fn chunks_are_sound_and_numbers_go_on() {
    let log = Pool::new(Corpus::Chatty).unwrap().log(5, CHUNKS);
    let (mut expected, mut time) = (1, 0);
    for chunk in 0..chunk_count(&log) {
        let bytes = &log[chunk_offset(chunk)..][..CHUNK_SIZE];
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let free = usize::try_from(u32_at(48)).unwrap();
        assert_eq!(u32_at(52), crc32fast::hash(&bytes[512..free]));
        assert_eq!(u32_at(124), crc32fast::hash(&[&bytes[..120], &bytes[128..512]].concat()));
        assert_eq!(number(bytes, 8), expected);
        for at in record_offsets(&log, chunk) {
            assert_eq!(number(&log, at + 8), expected);
            assert!(number(&log, at + 16) > time);
            time = number(&log, at + 16);
            expected += 1;
        }
        assert_eq!(number(bytes, 16), expected - 1);
    }
}

#[test]
fn machines_differ() {
    let pool = Pool::new(Corpus::Quiet).unwrap();
    let logs: Vec<Vec<u8>> = (0..4).map(|host| pool.log(host, 2)).collect();
    for (host, log) in logs.iter().enumerate() {
        assert!(holds(log, &format!("WKS-{host:06}.corp.example")));
        assert!(host == 0 || !holds(log, "WKS-000000.corp.example"));
    }
    let distinct: BTreeSet<&[u8]> =
        logs.iter().flat_map(|log| log[HEADER_SIZE..].chunks(CHUNK_SIZE)).collect();
    assert_eq!(distinct.len(), 8);
}

#[test]
fn half_of_the_chatty_chunks_name_discord_and_quiet_ones_hardly_ever() {
    for (corpus, expected) in [(Corpus::Chatty, 32..38), (Corpus::Quiet, 0..2)] {
        let log = Pool::new(corpus).unwrap().log(0, 64);
        let named = |chunk: &&[u8]| holds(chunk, "Discord") || holds(chunk, "discord");
        let chunks = log[HEADER_SIZE..].chunks(CHUNK_SIZE).filter(named).count();
        assert!(expected.contains(&chunks), "{corpus:?}: {chunks}");
    }
}
