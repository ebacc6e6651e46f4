#!/usr/bin/env python3
"""Checks what the ledger says about whose records each log contains, with readers by other authors.

    python tests/judge_ledger.py EVIDENCE OUT

EVIDENCE is the one root of which dnsweep made the output OUT, a folder of logs. Each log is read with two independent
readers. What they find is compared with files.parquet, as pyarrow reads it:
- `hosts`: for each Computer the number of records, of Sysmon's, and of its DNS queries with their first and last time;
- `record_runs` and `record_run_count`: the runs of consecutive EventRecordIDs of each Computer and Channel, with the times
  of their first and last events.

Prints one line for each reader. The exit status is 1 if a reader disagrees, and 2 if something is missing.

    pip install evtx libevtx-python pyarrow

Known limits of the readers, each allowed only as described:
- A log with problems is compared only if a reader finds as many records in it: readers stop at damage, each in its own way.
  In a log without a problem, a reader must find as many.
"""

import collections
import datetime
import html
import json
import pathlib
import re
import sys

import pyarrow.parquet

from judge_samples import ticks

SYSMON = "Microsoft-Windows-Sysmon"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def read_with_rs(path):
    """Yields of each record: Computer, Channel, EventRecordID, TimeCreated in microseconds since 1970, Provider and EventID."""
    import evtx

    for record in evtx.PyEvtxParser(str(path)).records_json():
        system = json.loads(record["data"])["Event"]["System"]
        event_id = system["EventID"]
        yield (
            system["Computer"] or "",
            system["Channel"] or "",
            int(system["EventRecordID"]),
            ticks(system["TimeCreated"]["#attributes"]["SystemTime"]) // 10,
            system["Provider"]["#attributes"]["Name"],
            int(event_id["#text"] if isinstance(event_id, dict) else event_id),
        )


def read_with_libevtx(path):
    """Yields of each record what read_with_rs yields."""
    import pyevtx

    def one(pattern, xml):
        found = re.search(pattern, xml, re.DOTALL)
        return html.unescape(found[1]) if found else ""

    log = pyevtx.file()
    log.open(str(path))
    for record in log.records:
        xml = record.xml_string
        yield (
            one(r"<Computer>(.*?)</Computer>", xml),
            one(r"<Channel>(.*?)</Channel>", xml),
            int(one(r"<EventRecordID>(\d+)<", xml)),
            ticks(one(r'SystemTime="([^"]*)"', xml)) // 10,
            one(r'<Provider Name="([^"]*)"', xml),
            int(one(r"<EventID[^>]*>(\d+)<", xml)),
        )
    log.close()


READERS = {"pyevtx-rs": read_with_rs, "libevtx": read_with_libevtx}


def hosts_of(records):
    """Returns the items of the column `hosts`, with times in microseconds since 1970."""
    by_computer = collections.defaultdict(list)
    for record in records:
        by_computer[record[0]].append(record)
    items = []
    for computer in sorted(by_computer, key=str.encode):
        of_sysmon = [record for record in by_computer[computer] if record[4] == SYSMON]
        times = [record[3] for record in of_sysmon if record[5] == 22]
        bounds = (min(times), max(times)) if times else (None, None)
        items.append((computer, len(by_computer[computer]), len(of_sysmon), len(times), *bounds))
    return items


def runs_of(records):
    """Returns the items of the column `record_runs`, with times in microseconds since 1970."""
    logs = collections.defaultdict(lambda: collections.defaultdict(list))
    for computer, channel, number, time, *_ in records:
        logs[computer, channel][number].append(time)
    runs = []
    for log in sorted(logs, key=lambda names: [name.encode() for name in names]):
        for number, times in sorted(logs[log].items()):
            if runs and runs[-1][:2] == log and runs[-1][4] == number - 1:
                runs[-1] = (*runs[-1][:4], number, max(times))
            else:
                runs.append((*log, number, min(times), number, max(times)))
    return runs


def values(items):
    """Returns the structs of a cell as tuples, with times in microseconds since 1970."""
    plain = lambda value: (value - EPOCH) // datetime.timedelta(microseconds=1) if isinstance(value, datetime.datetime) else value
    return [tuple(plain(value) for value in item.values()) for item in items]


def judge_file(row, records):
    """Returns what is wrong with a row of files.parquet, by the records that a reader finds in the file."""
    wrong = []
    for name, expected in (("hosts", hosts_of(records)), ("record_runs", runs_of(records))):
        found = values(row[name])
        if found != expected:
            differ = [pair for pair in zip(expected, found) if pair[0] != pair[1]][:1]
            wrong.append(f"{name}: {len(found)} instead of {len(expected)}, first other {differ}")
    if row["record_run_count"] != len(row["record_runs"]):
        wrong.append(f"record_run_count is {row['record_run_count']}")
    if row["computers"] != [item["computer"] for item in row["hosts"]]:
        wrong.append("computers are others than those of hosts")
    return wrong


def judge(name, evidence, rows):
    """Compares all logs with what a reader finds in them. Returns the number of disagreements."""
    wrong, machines, runs, several, compared, passed = [], 0, 0, 0, 0, 0
    for row in rows:
        path = row["source_path"]
        try:
            records, error = list(READERS[name](evidence / path)), None
        except Exception as failed:  # whatever a reader throws
            records, error = [], failed
        count = row["records"] + row["refound_records"]
        if len(records) != count or error is not None:
            if row["status"] == "complete":
                wrong.append(f"{path}: {len(records)} records instead of {count} {error or ''}")
            passed += 1
            continue
        wrong += [f"{path}: {what}" for what in judge_file(row, records)]
        compared, runs = compared + 1, runs + len(row["record_runs"])
        machines, several = machines + len(row["hosts"]), several + (len(row["hosts"]) > 1)
    for what in wrong:
        print(f"{name}: {what}")
    print(
        f"{name}: {compared} logs, {machines} machines in them ({several} logs with several), {runs} runs of EventRecordIDs; "
        f"{passed} logs not compared"
    )
    return len(wrong)


def main():
    if len(sys.argv) != 3:
        print("usage: judge_ledger.py EVIDENCE OUT", file=sys.stderr)
        return 2
    evidence, out = map(pathlib.Path, sys.argv[1:])
    rows = pyarrow.parquet.read_table(out / "files.parquet").to_pylist()
    disagreements = sum(judge(name, evidence, rows) for name in READERS)
    print("all agree" if disagreements == 0 else f"{disagreements} disagreements")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
