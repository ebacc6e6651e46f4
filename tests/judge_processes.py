#!/usr/bin/env python3
"""Checks the table of processes (`--context`) with readers by other authors.

    python tests/judge_processes.py EVIDENCE OUT
    python tests/judge_processes.py EVIDENCE        only compares the readers with each other

EVIDENCE is the one root of which dnsweep made the output OUT, a folder of logs. Each log is read with pyevtx-rs and libevtx
(sysmon_readers.py). Of Sysmon's events 1 and 5 that they find, this script makes the rows that processes.parquet must have:
the process of each match, and up to 16 ancestors of each by ParentProcessGuid. It compares them field by field with the table,
as pyarrow reads it, and says how many values it compared. The exit status is 1 if anything disagrees, and 2 if something is
missing.

    pip install evtx libevtx-python pyarrow

Known limits, each counted in what is printed:
- Where the readers disagree on a value, the table may say what either says. pyevtx-rs drops unpaired surrogates, and libevtx
  does not read a record with one.
- An event 1 that neither reader reads (a recovered record, one after damage, event XML) is not compared; its parent is followed.
- Whether an event 1 that is missing lies in a damaged part cannot be seen by a reader. If a log of the computer has problems
  or is event XML, the status may be any but `found`, and copies and conflicts are not compared. There may be an end that no
  reader reads, too.
"""

import collections
import pathlib
import re
import sys

import pyarrow.parquet

from event_table import EventTable, said, utc_time
from sysmon_readers import read_folder

MOST_ANCESTORS = 16
NIL = "00000000-0000-0000-0000-000000000000"
# The beginning of 2014: the year of Sysmon's first version.
FIRST_START = 1_388_534_400
TEXTS = {
    "rule_name": "RuleName",
    "image": "Image",
    "file_version": "FileVersion",
    "description": "Description",
    "product": "Product",
    "company": "Company",
    "original_file_name": "OriginalFileName",
    "command_line": "CommandLine",
    "current_directory": "CurrentDirectory",
    "user": "User",
    "logon_guid": "LogonGuid",
    "logon_id": "LogonId",
    "integrity_level": "IntegrityLevel",
    "hashes": "Hashes",
    "parent_process_guid": "ParentProcessGuid",
    "parent_image": "ParentImage",
    "parent_command_line": "ParentCommandLine",
    "parent_user": "ParentUser",
}
INTEGERS = {"process_id": "ProcessId", "terminal_session_id": "TerminalSessionId", "parent_process_id": "ParentProcessId"}
HASHES = {"md5": "MD5", "sha1": "SHA1", "sha256": "SHA256", "imphash": "IMPHASH"}
KEYS = ["computer", "process_guid", "depth", "status", "guid_time"]
# Columns that a row has whether or not the event 1 was found.
ALWAYS = [*KEYS, "end_time", "copies", "conflicts"]
PLACES = ["evidence", "source_path", "original_path", "snapshot_time", "deleted_file", "chunk_number", "record_offset", "integrity"]
EVENT = ["event_time", "utc_time", "event_record_id", "process_name", "recovered", "event_hash"]
COLUMNS = {*ALWAYS, *PLACES, *EVENT, *TEXTS, *INTEGERS, *HASHES}


def guid_seconds(guid):
    """Returns the second in which a process started, as its ProcessGuid states it; None if it states no time since 2014."""
    _, low, high, *_ = guid.split("-")
    seconds = int(high + low, 16)
    return seconds if seconds >= FIRST_START else None


def identity(computer, guid):
    """Returns what identifies a process; None for a GUID that identifies nothing."""
    is_guid = guid is not None and re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", guid)
    return (computer.lower(), guid) if is_guid and guid != NIL else None


class Judge(EventTable):
    """Compares the rows of a table of processes with what readers find."""

    def __init__(self, evidence, out, findings):
        super().__init__(evidence, out, "processes.parquet", findings)
        self.matches = pyarrow.parquet.read_table(out / "matches.parquet").to_pylist()
        self.by_process = {identity(row["computer"], row["process_guid"]): row for row in self.rows}
        self.creations, self.ends = collections.defaultdict(list), collections.defaultdict(list)
        for file in self.files:
            for event in findings.events.get(file["source_path"], []):
                process = identity(event.computer, event.data["ProcessGuid"])
                if process and event.event_id in (1, 5):
                    (self.creations if event.event_id == 1 else self.ends)[process].append((file, event))

    def parent(self, process):
        """Returns the parent of a process, as its event 1 states it: the reader's, or the table's if no reader reads one."""
        found = self.creations.get(process)
        guid = found[0][1].data["ParentProcessGuid"] if found else (self.by_process.get(process) or {}).get("parent_process_guid")
        return identity(process[0], guid)

    def depths(self):
        """Returns the processes of matches and their ancestors, each with the least number of steps to it."""
        matching = (identity(row["computer"], row["process_guid"]) for row in self.matches if row["excluded_by"] is None)
        depths, level = {}, {process for process in matching if process}
        for depth in range(MOST_ANCESTORS + 1):
            level = {process for process in level if process not in depths}
            depths |= {process: depth for process in level}
            level = {parent for parent in map(self.parent, level) if parent}
        return depths

    def judge(self):
        if set(self.columns) != COLUMNS:
            self.wrong.append(f"columns: {sorted(set(self.columns) ^ COLUMNS)} in the table or in this script only")
            return
        depths = self.depths()
        if len(self.by_process) != len(self.rows):
            self.wrong.append("a process has several rows")
        order = [(row["computer"].lower(), row["process_guid"]) for row in self.rows]
        if order != sorted(order, key=lambda key: (key[0].encode(), key[1])):
            self.wrong.append("rows are not sorted by computer and process_guid")
        for process in depths.keys() - self.by_process.keys():
            self.wrong.append(f"{process[0]} {process[1]}: no row")
        for process in self.by_process.keys() - depths.keys():
            self.wrong.append(f"{process}: a row, but neither the process of a match nor an ancestor of one")
        for process in depths.keys() & self.by_process.keys():
            self.judge_row(self.by_process[process], process, depths[process])

    def judge_row(self, row, process, depth):
        seconds = guid_seconds(process[1])
        self.compare(row, "depth", {depth})
        self.compare(row, "guid_time", {None if seconds is None else seconds * 1_000_000})
        ends = [utc_time(event.data["UtcTime"]) for _, event in self.ends[process]]
        ends = [end for end in ends if end is not None]
        # Of several ends, the table has the first in evidence order.
        if not self.is_doubtful(row):
            self.compare(row, "end_time", set(ends[:1] or [None]))
        elif ends:
            self.compare(row, "end_time", set(ends))
        found = self.creations.get(process)
        if found and row["status"] == "found" and not row["recovered"]:
            self.judge_found(row, found)
        elif found:
            self.disagree(row, f"status {row['status']!r}, but both readers find event 1 in {found[0][0]['source_path']}")
        elif row["status"] == "found":
            self.judge_unread(row)
        else:
            self.judge_missing(row, process, seconds)

    def judge_unread(self, row):
        """Judges a row of an event that no reader reads: there must be a reason."""
        self.counts["events that no reader reads"] += 1
        file = next(file for file in self.files if file["source_path"] == row["source_path"])
        if not row["recovered"] and file["status"] == "complete" and row["source_path"] in self.findings.events:
            self.disagree(row, f"found in {row['source_path']}, a complete log, but by no reader")

    def judge_missing(self, row, process, seconds):
        """Judges a row without an event 1: nothing about it, and a reason."""
        self.counts[row["status"]] += 1
        for name in COLUMNS - set(ALWAYS):
            self.compare(row, name, {None})
        for name in ("copies", "conflicts"):
            self.compare(row, name, {0})
        first = self.findings.first.get(process[0])
        is_before = seconds is not None and first is not None and seconds < first // 10_000_000
        expected = "log begins later" if is_before else "not logged"
        if row["status"] == expected:
            return
        if row["status"] not in ("log begins later", "not logged", "damaged", "not read"):
            self.disagree(row, f"status {row['status']!r}")
        elif self.is_doubtful(row):
            self.counts["statuses that damage decides"] += 1
        else:
            self.disagree(row, f"status {row['status']!r} instead of {expected!r}")

    def is_doubtful(self, row):
        """Returns whether records of the row's computer may lie where the readers do not read them, or not read them well."""
        computer = row["computer"].lower()
        own = [file for file in self.files if computer in (name.lower() for name in file["computers"])]
        pieces = {file["evidence"] for file in own}
        nameless = [file for file in self.files if file["evidence"] in pieces and not file["computers"]]
        is_read = lambda file: file["status"] == "complete" and file["source_path"] in self.findings.events
        is_no_log = lambda file: file["status"] in ("complete", "empty", "not an event log")
        return not (all(map(is_read, own)) and all(map(is_no_log, nameless)))

    def judge_found(self, row, found):
        """Judges a row of an event that readers read. The first in evidence order is shown."""
        self.counts["found"] += 1
        file, event = found[0]
        self.judge_event(row, file, event, TEXTS, INTEGERS)
        for name, algorithm in HASHES.items():
            self.compare(row, name, {hash_of(hashes, algorithm) for hashes in said(event, "Hashes")})
        if any(event.other or event.is_cut for _, event in found):
            self.counts["hashes not compared"] += 1
            return
        hashes = [event.hash() for _, event in found]
        self.compare(row, "event_hash", {hashes[0]})
        if not self.is_doubtful(row):
            self.compare(row, "copies", {hashes.count(hashes[0]) - 1})
            self.compare(row, "conflicts", {len(hashes) - hashes.count(hashes[0])})


def hash_of(hashes, algorithm):
    for item in (hashes or "").split(","):
        name, equals, value = item.partition("=")
        if equals and name.strip().upper() == algorithm:
            return value.strip().lower() or None
    return None


def main():
    if len(sys.argv) not in (2, 3):
        print("usage: judge_processes.py EVIDENCE [OUT]", file=sys.stderr)
        return 2
    evidence = pathlib.Path(sys.argv[1])
    findings = read_folder(evidence)
    findings.say()
    if len(sys.argv) == 2:
        return 0
    try:
        judge = Judge(evidence, pathlib.Path(sys.argv[2]), findings)
    except OSError as error:
        print(f"judge_processes.py: {error}", file=sys.stderr)
        return 2
    judge.judge()
    return judge.report("processes")


if __name__ == "__main__":
    sys.exit(main())
