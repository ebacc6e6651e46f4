#!/usr/bin/env python3
"""Runs the queries of samples/sql in DuckDB, unchanged, in the folder of an output, and compares what they give with
what Python computes from the rows that pyarrow reads.

    python tests/judge_sql.py OUT [OUT ...]
    pip install duckdb pyarrow
"""

import os
import statistics
import sys
from collections import defaultdict
from datetime import timedelta, timezone
from pathlib import Path

import duckdb
import pyarrow.parquet

QUERIES = Path(__file__).resolve().parent.parent / "samples" / "sql"


def rows(out, table):
    return pyarrow.parquet.read_table(out / f"{table}.parquet").to_pylist()


def matches(out):
    return [row for row in rows(out, "matches") if not row["duplicate"] and row["excluded_by"] is None]


def lower(name):
    return (name or "").lower().removesuffix(".") or name or None


def domain(row):
    return row["registered_domain"] or lower(row["query_name"])


def groups(found, key):
    grouped = defaultdict(list)
    for row in found:
        grouped[key(row)].append(row)
    return grouped


def events(found):
    return len({row["event_hash"] for row in found})


def hosts(found):
    return sorted({row["computer"] for row in found} - {None})


def bounds(found):
    times = [row["event_time"] for row in found if row["event_time"] is not None]
    return (min(times), max(times)) if times else (None, None)


def first_seen(out):
    for name, found in groups(matches(out), domain).items():
        names = {lower(row["query_name"]) for row in found} - {None}
        yield name, *bounds(found), len(names), len(hosts(found)), events(found)


def rare_pairs(out):
    for (process, name), found in groups(matches(out), lambda row: (row["process_name"], domain(row))).items():
        yield process, name, len(hosts(found)), events(found), bounds(found)[0], hosts(found)


def queries(out):
    return [row for row in rows(out, "queries") if not row["duplicate"]]


def all_first_seen(out):
    hashes = {row["event_hash"] for row in rows(out, "matches") if row["excluded_by"] is None}
    for name, found in groups(queries(out), domain).items():
        names = {lower(row["query_name"]) for row in found} - {None}
        matched = sum(row["event_hash"] in hashes for row in found)
        yield name, *bounds(found), len(names), len(hosts(found)), len(found), matched


def all_rare_pairs(out):
    for (process, name), found in groups(queries(out), lambda row: (row["process_name"], domain(row))).items():
        yield process, name, len(hosts(found)), len(found), bounds(found)[0], hosts(found)


def inside_labels(out):
    hits = [(row, pattern) for row in matches(out) for pattern in row["matched_query"]]
    for (rule, pattern), found in groups(hits, lambda hit: (hit[0]["detection_name"], hit[1])).items():
        inside = [lower(row["query_name"]) for row, _ in found if pattern not in row["matched_query_on_label"]]
        if inside:
            yield rule, pattern, len(found), len(found) - len(inside), sorted(set(inside))


def shared_addresses(out):
    by_address = defaultdict(list)
    for row in matches(out):
        for address in row["resolved_ips"] or []:
            by_address[address].append(row)
    for address, found in by_address.items():
        if len(hosts(found)) > 1:
            yield address, len(hosts(found)), hosts(found), sorted({lower(row["query_name"]) for row in found})


def beacons(out):
    for key, found in groups(matches(out), lambda row: (row["computer"], row["image"], lower(row["query_name"]))).items():
        times = sorted(time for time, _ in {(row["event_time"], row["event_hash"]) for row in found})
        seconds = [(later - earlier).total_seconds() for earlier, later in zip(times, times[1:])]
        if len(seconds) >= 3 and sum(seconds) > 0:
            spread = statistics.pstdev(seconds) / statistics.mean(seconds)
            yield *key, len(times), times[0], times[-1], statistics.median(seconds) / 60, spread


def off_hours(out):
    for row in matches(out):
        time = row["event_time"]
        if time.isoweekday() > 5 or not 7 <= time.hour <= 18:
            yield time, row["computer"], row["user"], row["process_name"], row["query_name"], row["event_hash"]


def timeline(out):
    found = [row for row in rows(out, "hosts") if row["matches"] > 0 and row["computer"] is not None]
    order = lambda row: (-(row["risk_score"] if row["risk_score"] is not None else -1), -row["unique_matches"], row["computer"])
    host = min(found, key=order)["computer"] if found else None
    for row in matches(out):
        if row["computer"] is not None and row["computer"] == host:
            columns = ("event_time", "process_name", "process_id", "user", "query_name", "query_status_name", "resolved_ips")
            place = ("detection_name", "integrity", "source_path", "event_record_id")
            yield tuple(row[column] for column in columns + place)


def top_talkers(out):
    for key, found in groups(matches(out), lambda row: (row["computer"], row["process_name"])).items():
        names = {lower(row["query_name"]) for row in found} - {None}
        days = {row["event_time"].date() for row in found if row["event_time"] is not None}
        yield *key, events(found), len(names), len(days), *bounds(found)


def not_cleared(out):
    for row in rows(out, "hosts"):
        coverage = row["period_coverage"]
        is_doubtful = coverage is not None and (coverage != "whole" or row["unreadable_times"] > 0)
        missed = row["damaged_files"] + row["not_read_files"] + row["missed_containers"]
        if row["matches"] == 0 and (row["verdict"] != "no matches" or missed > 0 or is_doubtful):
            columns = ("computer", "evidence", "verdict", "period_coverage", "dns_queries_in_period", "dns_first_time")
            counts = ("dns_last_time", "damaged_files", "not_read_files", "missed_containers")
            yield tuple(row[column] for column in columns + counts)


def coverage(out):
    logged = defaultdict(set)
    for row in rows(out, "files"):
        for host in row["hosts"]:
            day = host["dns_first_time"] and host["dns_first_time"].date()
            while day is not None and day <= host["dns_last_time"].date():
                logged[host["computer"]].add(day)
                day += timedelta(days=1)
    days = sorted(day for found in logged.values() for day in found)
    computers = {row["computer"] for row in rows(out, "hosts")} - {None}
    day = days[0] if days else None
    while day is not None and day <= days[-1]:
        for computer in computers:
            yield computer, day, day in logged[computer]
        day += timedelta(days=1)


def log_contents(out):
    for row in rows(out, "files"):
        for (computer, channel), runs in groups(row["record_runs"], lambda run: (run["computer"], run["channel"])).items():
            first = min(runs, key=lambda run: run["first_record_id"])
            last = max(runs, key=lambda run: run["last_record_id"])
            numbers = sum(len(range(run["first_record_id"], run["last_record_id"] + 1)) for run in runs)
            ends = (first["first_record_id"], last["last_record_id"], first["first_time"], last["last_time"])
            yield computer, channel, row["evidence"], row["source_path"], numbers, len(runs), *ends


def match_context(out):
    processes = {(row["computer"].lower(), row["process_guid"]): row for row in rows(out, "processes")}
    for row in matches(out):
        own = processes.get((row["computer"].lower(), row["process_guid"]), {})
        line, at = [], own
        while at.get("parent_image") not in (None, "-") and len(line) < 16:
            line.insert(0, at["parent_image"])
            at = processes.get((row["computer"].lower(), at["parent_process_guid"]), {})
        said = tuple(own.get(column) for column in ("status", "command_line", "parent_image", "parent_command_line", "sha256"))
        asked = (row["event_time"], row["computer"], row["query_name"], row["image"])
        yield *asked, *said, " > ".join(line) if line else None, row["event_hash"]


EXPECTED = {
    "all-first-seen": all_first_seen,
    "all-rare-pairs": all_rare_pairs,
    "first-seen": first_seen,
    "rare-pairs": rare_pairs,
    "inside-labels": inside_labels,
    "shared-addresses": shared_addresses,
    "beacons": beacons,
    "off-hours": off_hours,
    "timeline": timeline,
    "top-talkers": top_talkers,
    "not-cleared": not_cleared,
    "coverage": coverage,
    "log-contents": log_contents,
    "match-context": match_context,
}


# The queries about a table that a sweep writes only with an option.
NEEDED = {
    "match-context": "processes.parquet",
    "all-first-seen": "queries.parquet",
    "all-rare-pairs": "queries.parquet",
}


def comparable(row):
    """Returns a row as text, with times in UTC, and numbers as a query rounds them."""

    def text(value):
        if isinstance(value, float):
            return f"{value:.1f}"
        if hasattr(value, "astimezone"):
            return value.astimezone(timezone.utc).isoformat()
        return repr(value)

    return tuple(text(value) for value in row)


def judge(out):
    os.chdir(out)
    asked = {name: expected for name, expected in EXPECTED.items() if (out / NEEDED.get(name, "run.json")).exists()}
    for name, expected in asked.items():
        connection = duckdb.connect()
        for statement in duckdb.extract_statements((QUERIES / f"{name}.sql").read_text(encoding="utf-8")):
            found = connection.execute(statement)
        found = sorted(comparable(row) for row in found.fetchall())
        expected = sorted(comparable(row) for row in set_of(expected(out)))
        if name in ("rare-pairs", "all-rare-pairs", "top-talkers") and len(expected) > 100:
            # The query shows the first hundred.
            ok = len(found) == 100 and set(found) <= set(expected)
        else:
            ok = found == expected
        if not ok:
            sys.exit(f"{out}: {name}.sql: expected {expected[:3]} ({len(expected)} rows), found {found[:3]} ({len(found)} rows)")
    print(f"{out}: {len(asked)} queries give what Python computes")


def set_of(found):
    """Returns the rows, each once, because a query that several rules ask for gives each event once."""
    seen = {}
    for row in found:
        seen.setdefault(comparable(row), row)
    return seen.values()


if __name__ == "__main__":
    names = {path.stem for path in QUERIES.glob("*.sql")}
    if names != set(EXPECTED):
        sys.exit(f"expected the queries {sorted(EXPECTED)}, found {sorted(names)}")
    for out in [Path(argument).resolve() for argument in sys.argv[1:]]:
        judge(out)
    for needed in set(NEEDED.values()):
        if not any((Path(argument) / needed).exists() for argument in sys.argv[1:]):
            sys.exit(f"expected an output with {needed} among them, found none")
