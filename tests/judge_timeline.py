#!/usr/bin/env python3
"""Judges the timelines of outputs by the tables, with readers by other authors.

    python tests/judge_timeline.py DNSWEEP OUT...

DuckDB reads the tables and puts together, in SQL, which entries a timeline has to have: each event that is no copy once,
however many detections describe it, and each start and end of a process, sorted by time. The JSON lines and, by Python's
csv, the CSV must have these entries in this order, with the values of their rows as pyarrow reads them, and no field of
the CSV may begin a formula. The timeline of each host must be what the whole has of it. The exit status is 1 if anything
disagrees.

    pip install duckdb pyarrow
"""

import csv
import datetime
import io
import json
import pathlib
import subprocess
import sys

import duckdb
import pyarrow.parquet

FORMULA = tuple("=+-@\t\r\n")
ORDER = ["process start", "lead", "excluded lead", "match", "excluded match", "process end"]
EVENTS = """
SELECT min(rownum) AS rownum, any_value({time}) AS time, if(bool_and(excluded_by IS NOT NULL), 'excluded {kind}', '{kind}') AS kind
FROM (SELECT *, file_row_number AS rownum FROM read_parquet('{file}', file_row_number = true))
WHERE NOT duplicate GROUP BY evidence, source_path, record_offset, event_hash
"""
PROCESSES = """
SELECT file_row_number AS rownum, coalesce(utc_time, event_time) AS time, 'process start' AS kind
FROM read_parquet('{file}', file_row_number = true) WHERE status = 'found'
UNION ALL
SELECT file_row_number, end_time, 'process end'
FROM read_parquet('{file}', file_row_number = true) WHERE end_time IS NOT NULL
"""
csv.field_size_limit(1 << 30)


def printed(program, out, form, *options):
    words = [program, "timeline", str(out), "--format", form, "--quiet", *options]
    return subprocess.run(words, capture_output=True, check=True).stdout.decode("utf-8")


def entries(program, out, *options):
    return [json.loads(line) for line in printed(program, out, "jsonl", *options).split("\n")[:-1]]


def expected(out):
    """Returns the entries that a timeline has to have, in order: the kind and the table's row, by DuckDB."""
    duckdb.sql("SET TimeZone = 'UTC'")
    found = []
    for table, kind, time in [("matches", "match", "coalesce(utc_time, event_time)"), ("leads", "lead", "event_time")]:
        file = out / f"{table}.parquet"
        if file.exists():
            found += [(*row, table) for row in duckdb.sql(EVENTS.format(time=time, kind=kind, file=file)).fetchall()]
    if (out / "processes.parquet").exists():
        query = PROCESSES.format(file=out / "processes.parquet")
        found += [(*row, "processes") for row in duckdb.sql(query).fetchall()]
    latest = datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)
    return sorted(found, key=lambda of: (of[1] or latest, of[1] is None, ORDER.index(of[2]), of[0]))


def value(cell):
    """Returns a value of a table as JSON lines have it."""
    if isinstance(cell, datetime.datetime):
        return cell.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return cell


def judge_entry(entry, row, kind, time, table):
    """Compares an entry with the row of the table that it comes from. Returns the number of values."""
    assert (entry["kind"], entry["time"]) == (kind, value(time)), (entry, kind, time)
    assert entry["time_kind"] == (None if time is None else "UtcTime" if table == "processes" or row.get("utc_time") else "TimeCreated")
    left_out = {"risk_score", "matched_query", "matched_query_on_label", "matched_process", "matched_answer"}
    if kind == "process end":
        # The tables do not keep the record of the event 5.
        record = "event_time utc_time event_record_id rule_name evidence source_path original_path snapshot_time deleted_file"
        record = (record + " chunk_number record_offset integrity recovered").split()
        assert all(entry[name] is None for name in record), entry
        left_out |= set(record)
        if row["status"] != "found":
            left_out |= {"image", "command_line", "process_id", "user", "process_name"}
    names = [name for name in row if name in entry and name not in left_out]
    for name in names:
        assert entry[name] == value(row[name]), (name, entry[name], row[name])
    return len(names)


def judge_detections(entry, rows):
    """Compares what an entry says of the detections with the rows of its event."""
    of = lambda row: {"id": row["detection_id"], "name": row["detection_name"], "version": row.get("detection_version"), "excluded_by": row["excluded_by"]}
    assert entry["detections"] == [of(row) for row in rows], (entry["detections"], rows)
    counted = [row for row in rows if row["excluded_by"] is None] or rows
    assert entry["risk_score"] == max((row["risk_score"] for row in counted if row.get("risk_score") is not None), default=None)
    for name in ("matched_query", "matched_query_on_label", "matched_process", "matched_answer"):
        assert entry[name] == list(dict.fromkeys(text for row in counted for text in row.get(name, []))), name
    assert entry["risk_messages"] == list(dict.fromkeys(row["risk_message"] for row in counted if row.get("risk_message")))


def judge_csv(text, lines):
    """Compares the CSV, by Python's csv, with the JSON lines."""
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines):
        assert list(row) == list(line)
        for name, field in row.items():
            assert not field.startswith(FORMULA) or field == "-", (name, field)
            given_back = field[1:] if field.startswith("'") else field
            known = line[name]
            if isinstance(known, str):
                assert given_back == known.replace("\0", "\\u{0}"), (name, field, known)
            elif isinstance(known, list) and all(isinstance(item, str) for item in known):
                assert given_back == "; ".join(known).replace("\0", "\\u{0}"), (name, field, known)
            elif not isinstance(known, list):
                assert field == ("" if known is None else json.dumps(known)), (name, field, known)


def judge(program, out):
    lines = entries(program, out)
    names = ("matches", "leads", "processes")
    tables = {name: pyarrow.parquet.read_table(out / f"{name}.parquet", partitioning=None).to_pylist() for name in names if (out / f"{name}.parquet").exists()}
    wanted = expected(out)
    assert len(lines) == len(wanted), (len(lines), len(wanted))
    by_event = {}
    for name in ("matches", "leads"):
        for row in tables.get(name, []):
            if not row["duplicate"]:
                by_event.setdefault((name, row["evidence"], row["source_path"], row["record_offset"], row["event_hash"]), []).append(row)
    values = 0
    for line, (number, time, kind, table) in zip(lines, wanted):
        row = tables[table][number]
        values += judge_entry(line, row, kind, time, table)
        if table != "processes":
            judge_detections(line, by_event[table, row["evidence"], row["source_path"], row["record_offset"], row["event_hash"]])
    judge_csv(printed(program, out, "csv"), lines)
    for computer in {line["computer"] for line in lines if line["computer"]}:
        if not computer.startswith("-"):
            of_host = [line for line in lines if line["computer"].lower() == computer.lower()]
            assert entries(program, out, "--host", computer) == of_host, computer
    print(f"{out}: {len(lines)} entries, {values} values agree")


def main():
    if len(sys.argv) < 3:
        print("usage: judge_timeline.py DNSWEEP OUT...", file=sys.stderr)
        return 2
    for out in map(pathlib.Path, sys.argv[2:]):
        judge(sys.argv[1], out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
