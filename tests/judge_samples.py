#!/usr/bin/env python3
"""Checks the sample evidence with readers by other authors.

    python tests/judge_samples.py samples

Reads every log below <samples>/evidence with four independent readers and compares what they find with what the
generator states that it wrote: the number of records of every log, of Sysmon records and of Sysmon DNS queries
(truth_files.jsonl), every field of every DNS query (truth.jsonl) and of every process creation of Sysmon, and the time at which
each of these processes ended (truth_processes.jsonl). Prints one line for each reader. The exit status is 1 if a reader
disagrees, and 2 if something is missing.

    pip install evtx python-evtx libevtx-python dissect.eventlog

Known limits of the readers, each allowed only as described:
- python-evtx stops at the chunk count of the file header, which says 1 in a log that was in use: only the
  first chunk of such a log is compared. It cannot read records without a template, so it gets no forwarded logs. So it
  does not see all ends of processes, and is not asked for them.
  Control characters, which its XML cannot hold, are dropped from its output.
- dissect shows a binary GUID with its first three parts byte by byte, not as little-endian numbers, and leaves
  &amp; &lt; &gt; of a forwarded event's text as they are.
- python-evtx shows LogonId with leading zeros.
- pyevtx-rs before 0.15 cuts TimeCreated off after the microsecond; python-evtx and dissect compute it in floating
  point and may be off by up to five microseconds. libevtx must give every digit.
"""

import datetime
import html
import json
import pathlib
import re
import sys
import uuid

# The compared fields of Sysmon's events: process creations, ends of processes, DNS queries.
FIELDS = {
    1: [
        *("RuleName", "UtcTime", "ProcessGuid", "ProcessId", "Image", "FileVersion", "Description", "Product", "Company"),
        *("OriginalFileName", "CommandLine", "CurrentDirectory", "User", "LogonGuid", "LogonId", "TerminalSessionId"),
        *("IntegrityLevel", "Hashes", "ParentProcessGuid", "ParentProcessId", "ParentImage", "ParentCommandLine", "ParentUser"),
    ],
    5: ["UtcTime", "ProcessGuid", "ProcessId", "Image"],
    22: ["UtcTime", "QueryName", "QueryStatus", "QueryResults", "Image", "User", "ProcessGuid", "ProcessId"],
}
GUIDS = ["ProcessGuid", "LogonGuid", "ParentProcessGuid"]
SYSMON = "Microsoft-Windows-Sysmon"
CONTROL_CHARACTERS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


def event(provider, event_id, record_id, computer, time, data):
    """Returns an event in the form that all readers are compared in, its values as text."""
    event_id = int(event_id)
    data = {name: data[name] for name in FIELDS.get(event_id, []) if data.get(name) is not None}
    data |= {name: str(data[name]).strip("{}").lower() for name in GUIDS if name in data}
    if "LogonId" in data:
        data["LogonId"] = f"{int(str(data['LogonId']), 0):#x}"
    return {
        "provider": str(provider),
        "event_id": event_id,
        "EventRecordID": int(record_id),
        "Computer": str(computer),
        "TimeCreated": ticks(str(time)),
        **{name: str(value) for name, value in data.items()},
    }


def ticks(time):
    """Parses a time with any number of decimals and a T or a blank in its middle. Returns units of 100 ns since 1970."""
    seconds, decimals = re.fullmatch(r"(\S{10}[T ]\S{8})\.?(\d*)(?:Z|\+00:00)?", time).groups()
    whole = datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc)
    return int(whole.timestamp()) * 10_000_000 + int(decimals.ljust(7, "0")[:7])


def from_xml(xml):
    """Reads an event from XML. It uses no XML parser, because the evidence has characters that XML forbids and that must be kept."""
    def one(pattern):
        found = re.search(pattern, xml, re.DOTALL)
        return html.unescape(found[1]) if found else None

    # Empty elements come first, so that the pattern for full ones cannot reach the end of the next element.
    data = {name: "" for name in re.findall(r'<Data Name="([^"]*)"\s*/>', xml)}
    data |= {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'<Data Name="([^"]*)">(.*?)</Data>', xml, re.DOTALL)
    }
    return event(
        one(r'<Provider Name="([^"]*)"'),
        one(r"<EventID[^>]*>(\d+)<"),
        one(r"<EventRecordID>(\d+)<"),
        one(r"<Computer>(.*?)</Computer>"),
        one(r'SystemTime="([^"]*)"'),
        data,
    )


def read_with_rs(path, _):
    import evtx

    for record in evtx.PyEvtxParser(str(path)).records_json():
        read = json.loads(record["data"])["Event"]
        system, data = read["System"], read.get("EventData") or {}
        event_id = system["EventID"]
        yield event(
            system["Provider"]["#attributes"]["Name"],
            event_id["#text"] if isinstance(event_id, dict) else event_id,
            system["EventRecordID"],
            system["Computer"],
            system["TimeCreated"]["#attributes"]["SystemTime"],
            data,
        )


def read_with_libevtx(path, _):
    import pyevtx

    log = pyevtx.file()
    log.open(str(path))
    for record in log.records:
        yield from_xml(record.xml_string)
    log.close()


def read_with_python_evtx(path, _):
    import Evtx.Evtx

    with Evtx.Evtx.Evtx(str(path)) as log:
        for record in log.records():
            yield from_xml(record.xml())


def read_with_dissect(path, style):
    from dissect.eventlog.evtx import Evtx

    with open(path, "rb") as stream:
        for record in Evtx(stream):
            data = {name: record.get(name) for name in FIELDS.get(int(record["EventID"]), [])}
            if style == "forwarded":
                data = {name: value and html.unescape(value) for name, value in data.items()}
            else:
                guids = {name: uuid.UUID(str(data[name])) for name in GUIDS if data.get(name)}
                data |= {name: uuid.UUID(bytes=guid.bytes_le) for name, guid in guids.items()}
            yield event(
                record["Provider_Name"],
                record["EventID"],
                record["EventRecordID"],
                record["Computer"],
                record["TimeCreated_SystemTime"],
                data,
            )


READERS = {
    "pyevtx-rs": read_with_rs,
    "libevtx": read_with_libevtx,
    "python-evtx": read_with_python_evtx,
    "dissect": read_with_dissect,
}


def expected_of(file, path, reader):
    """Returns what a reader should find in a file: records, Sysmon records (None if not compared), and how many of the chunks."""
    if reader != "python-evtx":
        return file["records"], file["sysmon_records"], len(file["records_per_chunk"])
    header = path.read_bytes()[:128]
    chunks = int.from_bytes(header[42:44], "little")
    per_chunk = file["records_per_chunk"]
    whole = chunks >= len(per_chunk)
    return sum(per_chunk[:chunks]), file["sysmon_records"] if whole else None, chunks


def as_truth(line, event_id, reader):
    """Returns a line of the truth file about events of this number as the reader should return it."""
    wanted = {name: str(line[name]) for name in FIELDS[event_id] if line.get(name) is not None}
    if reader == "python-evtx":
        wanted = {name: CONTROL_CHARACTERS.sub("", value) for name, value in wanted.items()}
    return {
        "provider": SYSMON,
        "event_id": event_id,
        "EventRecordID": line["EventRecordID"],
        "Computer": line["Computer"],
        "TimeCreated": ticks(line["TimeCreated"]),
        **wanted,
    }


def same(reader, name, read, expected):
    if name == "TimeCreated" and reader == "pyevtx-rs":
        return read in (expected, expected - expected % 10)
    if name == "TimeCreated" and reader in ("python-evtx", "dissect"):
        return abs(read - expected) <= 50
    return read == expected


def judge_events(reader, found, event_id, lines):
    """Compares the Sysmon events of one number that a reader found in a log with the truth. Returns the disagreements."""
    wrong = []
    found = [read for read in found if read["event_id"] == event_id]
    wanted = [as_truth(line, event_id, reader) for line in lines]
    if len(found) != len(wanted):
        wrong.append(f"{len(found)} events {event_id} of Sysmon instead of {len(wanted)}")
    for read, expected in zip(found, wanted):
        for name in expected.keys() | read.keys():
            if not same(reader, name, read.get(name), expected.get(name)):
                record_id = expected["EventRecordID"]
                wrong.append(f"record {record_id}: {name} is {read.get(name)!r} instead of {expected.get(name)!r}")
    return wrong


def judge_file(reader, file, truth, folder):
    """Compares a reader's results for a file. Returns the events that it found, and the disagreements."""
    path = folder / file["file"]
    records, sysmon, chunks = expected_of(file, path, reader)
    try:
        events = list(READERS[reader](path, file["style"]))
    except Exception as error:  # whatever a reader throws is a disagreement
        return [], [f"cannot be read: {error!r}"]
    wrong = []
    if len(events) != records:
        wrong.append(f"{len(events)} records instead of {records}")
    of_sysmon = [read for read in events if read["provider"] == SYSMON]
    if sysmon is not None and len(of_sysmon) != sysmon:
        wrong.append(f"{len(of_sysmon)} Sysmon records instead of {sysmon}")
    for event_id, lines in truth.items():
        lines = [line for line in lines if line["file"] == file["file"] and line["chunk"] < chunks]
        wrong += judge_events(reader, of_sysmon, event_id, lines)
    return events, wrong


def judge_ends(events, creations):
    """Compares the ends of processes that a reader found in all logs with the truth. Returns the disagreements."""
    process = lambda event: (event["Computer"], event["ProcessGuid"])
    ends = {process(event): event["UtcTime"] for event in events if event["provider"] == SYSMON and event["event_id"] == 5}
    return [
        f"{line['file']}: process {line['ProcessGuid']} ended at {ends.get(process(line))} instead of {line['EndUtcTime']}"
        for line in creations
        if ends.get(process(line)) != line["EndUtcTime"]
    ]


def judge(reader, files, truth, folder):
    """Compares all logs with what a reader finds in them. Prints the disagreements and a line, and returns their number."""
    given = [file for file in files if not (reader == "python-evtx" and file["style"] == "forwarded")]
    events, wrong = [], []
    for file in given:
        found, other = judge_file(reader, file, truth, folder)
        events += found
        wrong += [f"{file['file']}: {what}" for what in other]
    if reader != "python-evtx":
        wrong += judge_ends(events, truth[1])
    for what in wrong:
        print(f"{reader}: {what}")
    count = lambda event_id: sum(event["provider"] == SYSMON and event["event_id"] == event_id for event in events)
    print(
        f"{reader}: {len(given)} logs, {len(events)} records, {count(22)} DNS queries, {count(1)} creations and {count(5)} ends "
        "of processes of Sysmon"
    )
    return len(wrong)


def main():
    if len(sys.argv) != 2:
        print("usage: judge_samples.py SAMPLES", file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1])
    evidence = lambda name: [
        line
        for line in map(json.loads, (folder / name).open(encoding="utf-8"))
        if line["file"].startswith("evidence/")
    ]
    try:
        files = evidence("truth_files.jsonl")
        truth = {22: evidence("truth.jsonl"), 1: evidence("truth_processes.jsonl")}
    except OSError as error:
        print(f"judge_samples.py: {error}", file=sys.stderr)
        return 2
    on_disk = {str(path.relative_to(folder)) for path in (folder / "evidence").rglob("*") if path.is_file()}
    disagreements = 0
    for name in sorted(on_disk ^ {file["file"] for file in files}):
        print(f"{name}: on disk or in the truth, but not in both")
        disagreements += 1
    disagreements += sum(judge(reader, files, truth, folder) for reader in READERS)
    print("all agree" if disagreements == 0 else f"{disagreements} disagreements")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
