#!/usr/bin/env python3
"""Checks `dnsweep show --evidence` with readers by other authors.

    python tests/judge_show.py DNSWEEP EVIDENCE OUT

EVIDENCE is the one root of which dnsweep made the output OUT with --context and --queries: a folder of logs. Each log is read with
pyevtx-rs and libevtx (sysmon_readers.py). For events of all logs, this script compares what `show` says of the record with them:
its bytes with those of the file, its XML and the values in its hex dump with what the readers say of the fields. The exit status
is 1 if anything disagrees, and 2 if something is missing.

    pip install evtx jsonschema libevtx-python pyarrow
"""

import collections
import json
import pathlib
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree

import jsonschema
import pyarrow.parquet

from event_table import said
from sysmon_readers import canonical, read_folder

# The most events of one log that are shown, and the most that are shown at once.
MOST_OF_A_LOG, AT_ONCE = 40, 400
TABLES = ("queries.parquet", "processes.parquet")
CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
DATA = re.compile(r"EventData/Data\[(\w+)\]$")


def wanted(out):
    """Returns the hashes of the events that are shown: some of each log, spread over it."""
    by_log = collections.defaultdict(list)
    for name in TABLES:
        table = pyarrow.parquet.read_table(out / name, columns=["event_hash", "source_path"])
        for row in table.to_pylist():
            if row["event_hash"]:
                by_log[row["source_path"]].append(row["event_hash"])
    hashes = {}
    for own in by_log.values():
        step = -(-len(own) // MOST_OF_A_LOG)
        hashes |= dict.fromkeys(own[::step])
    return list(hashes)


class Judge:
    def __init__(self, evidence, findings):
        self.evidence, self.findings = evidence, findings
        self.wrong, self.counts, self.logs = [], collections.Counter(), {}
        self.by_place = {
            (path, event.offset): event for path, events in findings.events.items() for event in events if event.offset is not None
        }

    def bytes_of(self, path):
        if path not in self.logs:
            self.logs[path] = (self.evidence / path).read_bytes()
        return self.logs[path]

    def judge(self, shown):
        for place, record in zip(shown["places"], shown["records"]):
            where = f"{place['source_path']}, offset {place['record_offset']}"
            if record["comparison"] != "same":
                self.wrong.append(f"{where}: {record['comparison']}: {record['found']}")
                continue
            self.counts["records"] += 1
            if record["altered"] or record["integrity"] != place["integrity"]:
                self.wrong.append(f"{where}: altered {record['altered']}, integrity {record['integrity']} now")
            if place["chunk_number"] is None or record["chunk_offset"] is None:
                self.counts["without a chunk"] += 1
                continue
            self.judge_bytes(where, place, record)
            event = self.by_place.get((place["source_path"], place["record_offset"]))
            if event is None:
                self.counts["that no reader reads"] += 1
                continue
            self.judge_values(where, record, event)
            self.judge_xml(where, record, event)

    def judge_bytes(self, where, place, record):
        log = self.bytes_of(place["source_path"])
        offset = place["record_offset"]
        signature, size, number = struct.unpack_from("<4sIQ", log, offset)
        if signature != b"**\0\0" or bytes.fromhex(record["bytes"]) != log[offset : offset + size]:
            self.wrong.append(f"{where}: other bytes than in the file")
        at = 0
        for part in record["parts"]:
            if part["offset"] != at:
                self.wrong.append(f"{where}: a part begins at {part['offset']} instead of {at}")
            at = part["offset"] + part["length"]
        if at != size:
            self.wrong.append(f"{where}: the parts end at {at}, the record at {size}")
        said = {part["name"]: part["value"] for part in record["parts"]}
        if said["size of the record in bytes"] != str(size) or said["number of the record in its log"] != str(number):
            self.wrong.append(f"{where}: another header than in the file")

    def compare(self, where, what, field, value, event):
        """Compares a value with what the readers say. pyevtx-rs drops unpaired surrogates."""
        expected = said(event, field)
        value = canonical(field, value)
        if what == "XML":
            # XML cannot have control characters.
            expected = {text and CONTROLS.sub("_", text) for text in expected}
        self.counts["values"] += 1
        if value not in expected and (value or "").replace("\ufffd", "") not in {text or "" for text in expected}:
            self.wrong.append(f"{where}: {what}: {field} is {value!r} instead of {' or '.join(map(repr, expected))}")

    def judge_values(self, where, record, event):
        named = {DATA.search(part["name"])[1]: part["value"] for part in record["parts"] if DATA.search(part["name"])}
        if not named:
            self.counts["without a template"] += 1
            return
        for field in named.keys() & event.data.keys():
            self.compare(where, "hex dump", field, named[field], event)
        for field in event.data.keys() - named.keys():
            if event.data[field] is not None:
                self.wrong.append(f"{where}: hex dump: {field} is missing")

    def judge_xml(self, where, record, event):
        if record["xml"] is None:
            self.wrong.append(f"{where}: no XML: {record['xml_error']}")
            return
        try:
            root = xml.etree.ElementTree.fromstring(record["xml"])
        except xml.etree.ElementTree.ParseError:
            # XML cannot have the control characters that some records have.
            self.counts["with characters that XML cannot have"] += 1
            return
        space = {"e": "http://schemas.microsoft.com/win/2004/08/events/event"}
        data = {element.get("Name"): element.text for element in root.iterfind("e:EventData/e:Data", space)}
        for field in event.data:
            self.compare(where, "XML", field, data.get(field), event)
        number = root.findtext("e:System/e:EventRecordID", None, space)
        if number != str(event.record_id):
            self.wrong.append(f"{where}: EventRecordID {number} instead of {event.record_id}")


def main():
    if len(sys.argv) != 4:
        print("usage: judge_show.py DNSWEEP EVIDENCE OUT", file=sys.stderr)
        return 2
    program, evidence, out = map(pathlib.Path, sys.argv[1:])
    findings = read_folder(evidence)
    judge = Judge(evidence, findings)
    hashes = wanted(out)
    if not hashes:
        print("judge_show.py: the output has no events", file=sys.stderr)
        return 2
    schema = json.loads(subprocess.run([program, "schema", "show"], check=True, stdout=subprocess.PIPE).stdout)
    validator = jsonschema.Draft202012Validator(schema)
    for start in range(0, len(hashes), AT_ONCE):
        ids = hashes[start : start + AT_ONCE]
        command = [program, "show", out, *ids, "--evidence", evidence, "--format", "json"]
        shown = json.loads(subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout)
        if [event["event_hash"] for event in shown["events"]] != ids:
            judge.wrong.append("other events than those that were asked for")
        judge.wrong += [f"schema: {error.message[:200]}" for error in validator.iter_errors(shown)]
        for event in shown["events"]:
            judge.judge(event)
    print(f"show: {len(hashes)} events; " + ", ".join(f"{count} {what}" for what, count in judge.counts.items()))
    for line in judge.wrong[:20]:
        print(f"  {line}")
    print(f"{len(judge.wrong)} disagreements")
    return 1 if judge.wrong or not judge.counts["values"] else 0


if __name__ == "__main__":
    sys.exit(main())
