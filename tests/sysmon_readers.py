"""Sysmon's events in a folder of logs, as two readers by other authors read them: pyevtx-rs and libevtx.

`judge_processes.py` and `judge_queries.py` compare tables with them. Both readers read each log; what they say of a record is
compared here. Where they disagree, or where only one of them can read a record, that is said and counted: `Findings`.

    pip install evtx libevtx-python

The readers do not say where a record lies. `places` walks the chunks of a log for that, as [MS-EVEN6] lays them out.
"""

import collections
import dataclasses
import hashlib
import html
import json
import pathlib
import re
import struct
import tempfile
import zlib

from judge_samples import ticks

PROVIDER, CHANNEL = "microsoft-windows-sysmon", "microsoft-windows-sysmon/operational"
HEADER, CHUNK, FIRST_RECORD = 4096, 65_536, 512
# The fields of the events that are compared, in the order of Sysmon's schema.
FIELDS = {
    1: (
        "RuleName UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company OriginalFileName CommandLine "
        "CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId "
        "ParentImage ParentCommandLine ParentUser"
    ).split(),
    5: "RuleName UtcTime ProcessGuid ProcessId Image User".split(),
    22: "RuleName UtcTime ProcessGuid ProcessId QueryName QueryStatus QueryResults Image User".split(),
}
GUIDS = {"ProcessGuid", "LogonGuid", "ParentProcessGuid"}
# A record that a reader cannot read may be followed by others. A reader that fails at each of them ends.
MOST_FAILURES = 100_000


@dataclasses.dataclass
class Event:
    """An event as a reader shows it. Values are text; an empty one counts as none."""

    number: int
    provider: str
    channel: str
    computer: str
    event_id: int
    version: int | None
    record_id: int | None
    time: str
    data: dict
    # Where the record lies; None if the walk over the chunks did not come to it.
    offset: int | None = None
    # True if only pyevtx-rs read the record, which before version 0.15 cuts TimeCreated off after the microsecond.
    is_cut: bool = False
    # What libevtx says where it disagrees: pairs of a field's name and its value.
    other: dict = dataclasses.field(default_factory=dict)

    @property
    def is_sysmon(self):
        return self.provider.lower() == PROVIDER or self.channel.lower() == CHANNEL

    @property
    def chunk(self):
        return None if self.offset is None else (self.offset - HEADER) // CHUNK

    @property
    def ticks(self):
        """TimeCreated in units of 100 ns since 1970; None if it is no time."""
        try:
            return ticks(self.time)
        except (AttributeError, ValueError):
            return None

    def hash(self):
        """The hash of the event's content, after the documentation of `report::event_hash`."""
        data = [self.data.get(name) for name in FIELDS[self.event_id]]
        time = self.time if self.ticks is None else str(self.ticks)
        names = [ascii_lower(name) for name in (self.provider, self.channel, self.computer)]
        hashed = hashlib.sha256()
        for text in [*names, str(self.event_id), None if self.record_id is None else str(self.record_id), time, *data]:
            encoded = (text or "").encode("utf-8", "replace")
            hashed.update((len(encoded) or 2**64 - 1).to_bytes(8, "little") + encoded)
        return hashed.hexdigest()


def ascii_lower(text):
    return re.sub("[A-Z]+", lambda letters: letters[0].lower(), text)


def canonical(name, value):
    """Returns the text of a value in the form in which both readers are compared."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        value = str(value).lower()
    value = str(value)
    if name in GUIDS:
        return value.strip("{}").lower()
    if name == "LogonId" and re.fullmatch("0x[0-9A-Fa-f]+", value):
        return f"{int(value, 16):#x}"
    return value


def event(number, provider, channel, computer, event_id, version, record_id, time, data):
    event_id = int(event_id)
    number_of = lambda value: int(value) if str(value or "").isdigit() else None
    data = {name: canonical(name, data.get(name)) for name in FIELDS.get(event_id, [])}
    names = [str(name or "") for name in (provider, channel, computer)]
    return Event(number, *names, event_id, number_of(version), number_of(record_id), str(time or ""), data)


def read_with_rs(path):
    """Returns the events of a log, and the number of failures."""
    import evtx

    records, events, failures = evtx.PyEvtxParser(str(path)).records_json(), [], 0
    while failures < MOST_FAILURES:
        try:
            record = next(records)
        except StopIteration:
            break
        except RuntimeError:
            failures += 1
            continue
        try:
            read = json.loads(record["data"])["Event"]
            system, data = read["System"], read.get("EventData")
            event_id = system["EventID"]
            provider = system["Provider"]
            events.append(
                event(
                    record["event_record_id"],
                    (provider.get("#attributes") or {}).get("Name") if provider else None,
                    system.get("Channel"),
                    system.get("Computer"),
                    event_id["#text"] if isinstance(event_id, dict) else event_id,
                    system.get("Version"),
                    system.get("EventRecordID"),
                    ((system.get("TimeCreated") or {}).get("#attributes") or {}).get("SystemTime"),
                    data if isinstance(data, dict) else {},
                )
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            failures += 1
    return events, failures


def from_xml(number, xml):
    """Reads an event from libevtx's XML. It uses no XML parser, because the evidence has characters that XML forbids."""

    def one(pattern):
        found = re.search(pattern, xml, re.DOTALL)
        return html.unescape(found[1]) if found else None

    # Empty elements come first, so that the pattern for full ones cannot reach the end of the next element.
    xml = re.sub(r'<Data Name="[^"]*"\s*/>', "", xml)
    pairs = re.findall(r'<Data Name="([^"]*)">(.*?)</Data>', xml, re.DOTALL)
    return event(
        number,
        one(r'<Provider [^>]*?Name="([^"]*)"'),
        one(r"<Channel>(.*?)</Channel>"),
        one(r"<Computer>(.*?)</Computer>"),
        one(r"<EventID[^>]*>(\d+)<"),
        one(r"<Version>(\d+)<"),
        one(r"<EventRecordID>(\d+)<"),
        one(r'SystemTime="([^"]*)"'),
        {html.unescape(name): html.unescape(value) for name, value in pairs},
    )


def read_with_libevtx(path):
    """Returns the events of a log, and the number of failures."""
    import pyevtx

    log, events, failures = pyevtx.file(), [], 0
    log.open(str(path))
    for index in range(log.number_of_records):
        try:
            record = log.get_record(index)
            events.append(from_xml(record.identifier, record.xml_string))
        except (OSError, TypeError, ValueError):
            failures += 1
    log.close()
    return events, failures


READERS = {"pyevtx-rs": read_with_rs, "libevtx": read_with_libevtx}


def places(log):
    """Returns for each record number the offsets of the records with this number, by a walk over the chunks of a log."""
    found = collections.defaultdict(list)
    for start in range(HEADER, len(log), CHUNK):
        if log[start : start + 8] != b"ElfChnk\0":
            continue
        at, end = start + FIRST_RECORD, start + min(int.from_bytes(log[start + 48 : start + 52], "little"), CHUNK)
        while at < end and log[at : at + 4] == b"**\0\0":
            size = int.from_bytes(log[at + 4 : at + 8], "little")
            found[int.from_bytes(log[at + 8 : at + 16], "little")].append(at)
            if size < 28:
                break
            at += size
    return found


def has_checksums(log, chunk):
    """Returns whether both checksums of a chunk are right, by zlib."""
    part = log[HEADER + chunk * CHUNK : HEADER + (chunk + 1) * CHUNK]
    number = lambda at: int.from_bytes(part[at : at + 4], "little")
    header = zlib.crc32(part[:120] + part[128:512])
    return len(part) == CHUNK and header == number(124) and zlib.crc32(part[512 : number(48)]) == number(52)


@dataclasses.dataclass
class Findings:
    """What the readers say about the logs of a folder."""

    # For each log, by its path from the folder: Sysmon's events 1, 5 and 22, in the order of their places.
    events: dict = dataclasses.field(default_factory=dict)
    # For each computer, in lower case, the first TimeCreated of an event of Sysmon in units of 100 ns since 1970.
    first: dict = dataclasses.field(default_factory=dict)
    # Logs of which a reader could not read everything, or in which the readers find different records.
    doubtful: set = dataclasses.field(default_factory=set)
    counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    # What is said about disagreements.
    lines: list = dataclasses.field(default_factory=list)

    def say(self):
        for line in self.lines:
            print(line)
        counts = self.counts
        print(
            f"readers: {counts['logs']} logs, {counts['records']} events of Sysmon: {counts[1]} creations and {counts[5]} ends of "
            f"processes, {counts[22]} DNS queries"
        )
        print(
            f"readers: {counts['pyevtx-rs only']} of these only by pyevtx-rs, {counts['libevtx only']} only by libevtx; "
            f"{counts['different values']} values on which the readers disagree; {counts['pyevtx-rs failures']} failures of pyevtx-rs, "
            f"{counts['libevtx failures']} of libevtx; {len(self.doubtful)} logs not read whole by both; "
            f"{counts['logs with a new header']} read with a new file header"
        )


def same(name, one, other):
    """Returns whether both readers say the same; of a time, pyevtx-rs before 0.15 says only the microseconds."""
    if name == "time":
        one, other = (event.ticks for event in (one, other))
        return one == other or None not in (one, other) and one == other - other % 10
    return getattr(one, name) == getattr(other, name)


def joined(path, by_rs, by_libevtx, findings):
    """Returns the event of a record that one or both readers read: libevtx's, with what pyevtx-rs says otherwise."""
    if by_libevtx is None or by_rs is None:
        findings.counts["pyevtx-rs only" if by_libevtx is None else "libevtx only"] += 1
        findings.doubtful.add(path)
        event = by_rs or by_libevtx
        event.is_cut = by_libevtx is None
        return event
    for name in ("provider", "channel", "computer", "event_id", "version", "record_id", "time"):
        if not same(name, by_rs, by_libevtx):
            by_libevtx.other[name] = getattr(by_rs, name)
    for name in by_libevtx.data:
        if by_rs.data.get(name) != by_libevtx.data[name]:
            by_libevtx.other[name] = by_rs.data.get(name)
    for name, value in by_libevtx.other.items():
        findings.counts["different values"] += 1
        shown = by_libevtx.data.get(name, getattr(by_libevtx, name, None))
        findings.lines.append(f"{path}: record {by_libevtx.number}: {name}: pyevtx-rs {value!r}, libevtx {shown!r}")
    return by_libevtx


def with_header(log):
    """Returns a log with a new file header, for readers that do not open a log whose header is gone."""
    chunks = (len(log) - HEADER) // CHUNK
    header = bytearray(struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, chunks - 1, 1, 128, 1, 3, HEADER, chunks).ljust(HEADER, b"\0"))
    struct.pack_into("<I", header, 124, zlib.crc32(header[:120]))
    return bytes(header) + log[HEADER:]


def read_log(path, file, findings):
    """Reads a log with both readers and adds what they find."""
    log = file.read_bytes()
    if not log.startswith(b"ElfFile\0"):
        findings.counts["logs with a new header"] += 1
        with tempfile.TemporaryDirectory() as folder:
            mended = pathlib.Path(folder) / "log.evtx"
            mended.write_bytes(with_header(log))
            add_log(path, mended, log, findings)
    else:
        add_log(path, file, log, findings)


def add_log(path, file, log, findings):
    """Reads the log in a file, which has these bytes, with both readers and adds what they find."""
    read = {}
    for name, reader in READERS.items():
        by_number = collections.defaultdict(list)
        try:
            events, failures = reader(file)
        except Exception as error:  # whatever a reader throws at a log that it cannot open
            findings.lines.append(f"{path}: {name} cannot read it: {error}")
            events, failures = [], 1
        findings.counts[f"{name} failures"] += failures
        if failures:
            findings.doubtful.add(path)
        for event in events:
            if event.is_sysmon:
                by_number[event.number].append(event)
        read[name] = by_number
    by_rs, by_libevtx = read.values()
    at, found = places(log), []
    for number in by_rs.keys() | by_libevtx.keys():
        # Records with the same number are paired in the order in which both readers have them.
        pairs = max(len(by_rs[number]), len(by_libevtx[number]))
        for index in range(pairs):
            one, other = (events[number][index] if index < len(events[number]) else None for events in (by_rs, by_libevtx))
            event = joined(path, one, other, findings)
            event.offset = at[number][index] if index < len(at[number]) else None
            found.append(event)
    findings.counts["logs"] += 1
    findings.counts["records"] += len(found)
    for event in found:
        findings.counts[event.event_id] += event.event_id in FIELDS
        computer = event.computer.lower()
        if event.ticks is not None:
            findings.first[computer] = min(findings.first.get(computer, event.ticks), event.ticks)
    found.sort(key=lambda event: (event.offset is None, event.offset, event.number))
    findings.events[path] = [event for event in found if event.event_id in FIELDS]


def read_folder(folder):
    """Reads each log in a folder with both readers."""
    findings = Findings()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as opened:
            beginning = opened.read(HEADER + 8)
        # A log whose header is gone still has its chunks.
        if beginning.startswith(b"ElfFile\0") or beginning[HEADER:] == b"ElfChnk\0":
            read_log(str(file.relative_to(folder)), file, findings)
    return findings
