#!/usr/bin/env python3
"""Checks the table of all DNS queries (`--queries`) with readers by other authors.

    python tests/judge_queries.py EVIDENCE OUT

EVIDENCE is the one root of which dnsweep made the output OUT, a folder of logs. Each log is read with pyevtx-rs and libevtx
(sysmon_readers.py). Each event 22 of Sysmon that they find must be a row of queries.parquet, as pyarrow reads it, with the same
values, and there must be no other rows. The exit status is 1 if anything disagrees, and 2 if something is missing.

    pip install evtx libevtx-python pyarrow

Known limits, each counted in what is printed:
- Where the readers disagree on a value, the table may say what either says. pyevtx-rs drops unpaired surrogates, and libevtx
  does not read a record with one.
- Rows of events that neither reader reads are not compared. There may be some where something is wrong with a log, in event
  XML, and of deleted records.
- `query_status_name` is compared for the codes that are listed below.
"""

import collections
import ipaddress
import pathlib
import sys

from event_table import EventTable, said
from judge_samples import ticks
from sysmon_readers import read_folder

TEXTS = {
    "rule_name": "RuleName",
    "process_guid": "ProcessGuid",
    "image": "Image",
    "user": "User",
    "query_name": "QueryName",
    "query_status": "QueryStatus",
    "query_results": "QueryResults",
}
COLUMNS = (
    "event_time event_time_raw utc_time computer evidence source_path original_path snapshot_time deleted_file provider channel "
    "event_id event_version event_record_id rule_name process_guid process_id image process_name user query_name query_name_lower "
    "query_name_unicode registered_domain public_suffix query_status query_status_name query_results answers resolved_ips "
    "chunk_number record_offset integrity recovered recovered_from event_hash duplicate"
).split()
# Windows' header winerror.h.
STATUS_NAMES = {
    "0": "ERROR_SUCCESS",
    "87": "ERROR_INVALID_PARAMETER",
    "123": "ERROR_INVALID_NAME",
    "1460": "ERROR_TIMEOUT",
    "9001": "DNS_ERROR_RCODE_FORMAT_ERROR",
    "9002": "DNS_ERROR_RCODE_SERVER_FAILURE",
    "9003": "DNS_ERROR_RCODE_NAME_ERROR",
    "9004": "DNS_ERROR_RCODE_NOT_IMPLEMENTED",
    "9005": "DNS_ERROR_RCODE_REFUSED",
    "9501": "DNS_INFO_NO_RECORDS",
    "9560": "DNS_ERROR_INVALID_NAME_CHAR",
    "9701": "DNS_ERROR_RECORD_DOES_NOT_EXIST",
}
# IANA's registry of types of DNS records, and two types of Windows itself.
RECORD_TYPES = {
    **{1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP", 24: "SIG", 25: "KEY"},
    **{28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 39: "DNAME", 41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY"},
    **{50: "NSEC3", 52: "TLSA", 64: "SVCB", 65: "HTTPS", 99: "SPF", 255: "ANY", 256: "URI", 257: "CAA"},
    **{65281: "WINS", 65282: "WINSR"},
}


def address(text):
    """Returns an address in canonical form, an IPv4 address in IPv6 form as IPv4; None if the text is no address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def typed(item):
    """Returns the number and the data of an item `type: <number> <data>`; None if it has another form."""
    if not item.startswith("type:"):
        return None
    number, _, data = item[5:].lstrip().partition(" ")
    return (int(number), data.strip()) if number.isascii() and number.isdigit() and int(number) < 2**32 else None


def answers(results):
    """Returns the answers in a QueryResults as (type, data, cut), and the addresses among them that were not cut off."""
    results = results or ""
    *whole, last = results.split(";")
    found, addresses = [], []
    name = lambda number: RECORD_TYPES.get(number, f"TYPE{number}")
    for item in filter(None, map(str.strip, whole)):
        if (of := address(item)) is not None:
            found.append(("A" if of.version == 4 else "AAAA", str(of), False))
            addresses.append(str(of))
        elif (of := typed(item)) is not None:
            found.append((name(of[0]), of[1], False))
        else:
            found.append(("?", item, False))
    last = last.strip()
    if last and results.strip() != "-":
        of = typed(last)
        found.append((name(of[0]), of[1], True) if of and of[1] else ("?", last, True))
    return found, addresses


class Judge(EventTable):
    """Compares the rows of a table of DNS queries with what readers find."""

    def judge(self):
        if self.columns != COLUMNS:
            differ = [pair for pair in zip(self.columns, COLUMNS) if pair[0] != pair[1]][:1]
            self.wrong.append(f"{len(self.columns)} columns instead of {len(COLUMNS)}, first other {differ}")
            return
        self.judge_order()
        left = collections.defaultdict(list)
        for row in self.rows:
            left[row["evidence"], row["source_path"]].append(row)
        seen = set()
        for file in self.files:
            rows = left.pop((file["evidence"], file["source_path"]), [])
            events = [event for event in self.findings.events.get(file["source_path"], []) if event.event_id == 22]
            self.judge_file(file, rows, events, seen)
        for _, path in left:
            self.wrong.append(f"{path}: rows of a file that is not in files.parquet")

    def judge_order(self):
        keys = [(row["computer"].lower().encode(), row["event_time"], row["event_hash"]) for row in self.rows]
        for last in (False, True):
            if keys == sorted(keys, key=lambda key: (key[0], (key[1] is None) == last, key[1] or key[2], key[2])):
                return
        self.wrong.append("rows are not sorted by computer in lower case, event_time and event_hash")

    def judge_file(self, file, rows, events, seen):
        """Judges the rows of a file. `seen` are the hashes of the events before, in evidence order."""
        rows = sorted(rows, key=lambda row: row["record_offset"])
        by_offset = {row["record_offset"]: row for row in rows if not row["recovered"]}
        for event in events:
            row = by_offset.pop(event.offset, None)
            if row is None and event.offset is None:
                # The walk did not come to the record.
                row = next((row for row in by_offset.values() if row["event_record_id"] == event.record_id), None)
                row = row and by_offset.pop(row["record_offset"])
            if row is None:
                self.wrong.append(f"{file['source_path']}: no row of record {event.number} at {event.offset}")
                continue
            self.judge_row(row, file, event)
            self.compare(row, "duplicate", {row["event_hash"] in seen})
            seen.add(row["event_hash"])
        is_whole = file["status"] == "complete" and file["source_path"] in self.findings.events
        for row in by_offset.values():
            self.counts["rows that no reader reads"] += 1
            seen.add(row["event_hash"])
            if is_whole:
                self.disagree(row, "a row of a complete log, but of a record that no reader reads as an event 22 of Sysmon")
        self.counts["rows of deleted records"] += sum(row["recovered"] for row in rows)

    def judge_row(self, row, file, event):
        self.judge_event(row, file, event, TEXTS, {"process_id": "ProcessId"})
        for name in ("provider", "channel", "computer", "event_id"):
            self.compare(row, name, {getattr(event, name), event.other.get(name, getattr(event, name))})
        self.compare(row, "event_version", {event.version})
        if event.ticks is not None and not event.is_cut and ticks(row["event_time_raw"]) != event.ticks:
            self.disagree(row, f"event_time_raw is {row['event_time_raw']!r} instead of {event.time!r}")
        self.compare(row, "recovered_from", {None})
        self.judge_answers(row, said(event, "QueryResults"), said(event, "QueryStatus"))
        if event.other or event.is_cut:
            self.counts["hashes not compared"] += 1
        else:
            self.compare(row, "event_hash", {event.hash()})

    def judge_answers(self, row, results, statuses):
        found = [tuple(answer.values()) for answer in row["answers"]], row["resolved_ips"]
        self.counts["values"] += 2
        if found not in [answers(text) for text in results]:
            self.disagree(row, f"answers and resolved_ips are {found} of {results}")
        names = {STATUS_NAMES.get(status) for status in statuses}
        if names != {None}:
            self.compare(row, "query_status_name", names)


def main():
    if len(sys.argv) != 3:
        print("usage: judge_queries.py EVIDENCE OUT", file=sys.stderr)
        return 2
    evidence, out = map(pathlib.Path, sys.argv[1:])
    findings = read_folder(evidence)
    findings.say()
    try:
        judge = Judge(evidence, out, "queries.parquet", findings)
    except OSError as error:
        print(f"judge_queries.py: {error}", file=sys.stderr)
        return 2
    judge.judge()
    return judge.report("DNS queries")


if __name__ == "__main__":
    sys.exit(main())
