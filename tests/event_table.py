"""A table whose rows are Sysmon's events, and how its values are compared with what readers find (sysmon_readers.py).

`judge_processes.py` and `judge_queries.py` have what is special about their tables.

    pip install evtx libevtx-python pyarrow
"""

import collections
import datetime
import re

import pyarrow.parquet

from sysmon_readers import has_checksums

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def microseconds(value):
    """Returns a time of a table as microseconds since 1970."""
    return None if value is None else (value - EPOCH) // datetime.timedelta(microseconds=1)


def utc_time(text):
    """Returns a UtcTime of Sysmon in microseconds since 1970; None if it is no time."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?", text or ""):
        return None
    try:
        return microseconds(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc))
    except ValueError:
        return None


def said(event, field):
    """Returns what the readers say of a field: one value, or two if they disagree."""
    return {event.data[field], event.other.get(field, event.data[field])}


class EventTable:
    """A table of an output, and what is wrong with it."""

    def __init__(self, evidence, out, name, findings):
        self.evidence, self.findings = evidence, findings
        table = pyarrow.parquet.read_table(out / name)
        self.columns, self.rows = table.column_names, table.to_pylist()
        self.files = pyarrow.parquet.read_table(out / "files.parquet").to_pylist()
        self.wrong, self.counts, self.logs = [], collections.Counter(), {}

    def disagree(self, row, what):
        place = f"{row['source_path']}, offset {row['record_offset']}: " if row["source_path"] else ""
        self.wrong.append(f"{place}{row['computer']} {row['process_guid']}: {what}")

    def compare(self, row, name, expected):
        """Compares a value with those that it may have."""
        value = microseconds(row[name]) if isinstance(row[name], datetime.datetime) else row[name]
        # An empty value counts as none.
        value = None if value == "" else value
        self.counts["values"] += 1
        if value not in expected:
            self.disagree(row, f"{name} is {value!r} instead of {' or '.join(map(repr, expected))}")

    def judge_event(self, row, file, event, texts, integers):
        """Compares the columns that are a value of the event or of its place. `texts` and `integers` are columns and fields."""
        if event.is_cut:
            # pyevtx-rs drops unpaired surrogates; libevtx does not read a record that has some.
            row = {name: value.replace("\ufffd", "") if isinstance(value, str) else value for name, value in row.items()}
        for name, field in texts.items():
            self.compare(row, name, said(event, field))
        for name, field in integers.items():
            self.compare(row, name, {int(value) if value else None for value in said(event, field)})
        self.compare(row, "process_name", {image and image.rsplit("\\", 1)[-1] for image in said(event, "Image")})
        self.compare(row, "utc_time", {utc_time(time) for time in said(event, "UtcTime")})
        self.compare(row, "event_time", {None if event.ticks is None else event.ticks // 10})
        self.compare(row, "event_record_id", {event.record_id})
        self.compare(row, "recovered", {False})
        for name in ("evidence", "source_path", "original_path", "deleted_file"):
            self.compare(row, name, {file[name]})
        self.compare(row, "snapshot_time", {microseconds(file["snapshot_time"])})
        self.judge_place(row, file, event)

    def judge_place(self, row, file, event):
        if event.offset is None:
            self.counts["places not compared"] += 1
            return
        path = file["source_path"]
        if path not in self.logs:
            self.logs[path] = (self.evidence / path).read_bytes()
        self.compare(row, "record_offset", {event.offset})
        self.compare(row, "chunk_number", {event.chunk})
        if not has_checksums(self.logs[path], event.chunk):
            self.compare(row, "integrity", {"damaged", "unverified"})
        elif file["status"] == "complete":
            self.compare(row, "integrity", {"verified"})

    def report(self, what):
        """Prints what is wrong and what was compared. Returns the exit status."""
        for line in self.wrong:
            print(line)
        values = self.counts.pop("values", 0)
        counts = "".join(f", {count} {name}" for name, count in sorted(self.counts.items()))
        print(f"{len(self.rows)} {what}, {values} values{counts}")
        print("all agree" if not self.wrong else f"{len(self.wrong)} disagreements")
        return 1 if self.wrong else 0
