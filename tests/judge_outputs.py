#!/usr/bin/env python3
"""Checks an output of dnsweep with readers by other authors.

    python tests/judge_outputs.py OUT_DIR

DuckDB, polars and pyarrow each open every table of the output. The script checks that
- columns, types and nulls are those of the list below (a stats table may have text, integers and lists of text);
- the number of rows is that in run.json, and a table without rows has its schema, too;
- all values are the same in all three readers;
- each file's SHA-256 and size are those in run.json;
- the matches of each computer, by a query in each reader's own language, are those of hosts.parquet;
- tables have bloom filters, a page index and key-value metadata, and say by which columns they are sorted, if they are.

Prints one line for each reader. The exit status is 1 if anything disagrees, and 2 if something is missing.

    pip install duckdb polars pyarrow
"""

import datetime
import hashlib
import json
import pathlib
import sys

import duckdb
import polars
import pyarrow
import pyarrow.compute
import pyarrow.parquet

TEXT, INTEGER, BOOLEAN, TEXTS = "text", "integer", "boolean", "list of text"
TIME = "timestamp"
# In a struct.
OPTIONAL_TEXT = "text?"
COUNTS = "list of struct value text, count integer"
NULLABLE = ", nullable"
SIDES = "after_record_id integer, after_time timestamp, before_record_id integer, before_time timestamp"

TABLES = {
    "matches.parquet": {
        "event_time": TIME + NULLABLE,
        "event_time_raw": TEXT,
        "utc_time": TIME + NULLABLE,
        "computer": TEXT,
        "evidence": TEXT,
        "source_path": TEXT,
        "original_path": TEXT + NULLABLE,
        "snapshot_time": TIME + NULLABLE,
        "deleted_file": BOOLEAN,
        "provider": TEXT,
        "channel": TEXT,
        "event_id": INTEGER,
        "event_version": INTEGER + NULLABLE,
        "event_record_id": INTEGER + NULLABLE,
        "rule_name": TEXT + NULLABLE,
        "process_guid": TEXT + NULLABLE,
        "process_id": INTEGER + NULLABLE,
        "image": TEXT + NULLABLE,
        "process_name": TEXT + NULLABLE,
        "user": TEXT + NULLABLE,
        "query_name": TEXT + NULLABLE,
        "query_name_lower": TEXT + NULLABLE,
        "query_name_unicode": TEXT + NULLABLE,
        "registered_domain": TEXT + NULLABLE,
        "public_suffix": TEXT + NULLABLE,
        "query_status": TEXT + NULLABLE,
        "query_status_name": TEXT + NULLABLE,
        "query_results": TEXT + NULLABLE,
        "answers": "list of struct type text, data text, cut boolean",
        "resolved_ips": TEXTS,
        "chunk_number": INTEGER,
        "record_offset": INTEGER,
        "integrity": TEXT,
        "recovered": BOOLEAN,
        "recovered_from": TEXT + NULLABLE,
        "event_hash": TEXT,
        "duplicate": BOOLEAN,
        "detection_id": TEXT,
        "detection_name": TEXT,
        "detection_version": TEXT + NULLABLE,
        "matched_query": TEXTS,
        "matched_query_on_label": TEXTS,
        "matched_process": TEXTS,
        "matched_answer": TEXTS,
        "risk_score": INTEGER + NULLABLE,
        "risk_message": TEXT + NULLABLE,
        "excluded_by": TEXT + NULLABLE,
    },
    "hosts.parquet": {
        "computer": TEXT + NULLABLE,
        "evidence": TEXTS,
        "matches": INTEGER,
        "unique_matches": INTEGER,
        "hits": INTEGER,
        "damaged_matches": INTEGER,
        "recovered_matches": INTEGER,
        "excluded_matches": INTEGER,
        "first_time": TIME + NULLABLE,
        "last_time": TIME + NULLABLE,
        "query_names": COUNTS,
        "processes": COUNTS,
        "users": COUNTS,
        "query_statuses": COUNTS,
        "detections": "list of struct id text, name text, count integer",
        "risk_score": INTEGER + NULLABLE,
        "dns_queries": INTEGER,
        "dns_queries_in_period": INTEGER,
        "dns_first_time": TIME + NULLABLE,
        "dns_last_time": TIME + NULLABLE,
        "period_coverage": TEXT + NULLABLE,
        "sysmon_records": INTEGER,
        "records": INTEGER,
        "log_first_time": TIME + NULLABLE,
        "log_last_time": TIME + NULLABLE,
        "unreadable_times": INTEGER,
        "files": INTEGER,
        "damaged_files": INTEGER,
        "not_read_files": INTEGER,
        "missed_containers": INTEGER,
        "verdict": TEXT,
        "record_gaps": f"list of struct channel text, {SIDES}",
        "record_gap_count": INTEGER,
        "clock_step_count": INTEGER,
        "distant_utc_times": INTEGER,
        "unreadable_utc_times": INTEGER,
        "anomalies": TEXTS,
        "notes": TEXTS,
        "earlier_names": TEXTS,
        "leads": INTEGER,
        "unique_leads": INTEGER,
    },
    "leads.parquet": {
        "event_time": TIME + NULLABLE,
        "event_time_raw": TEXT,
        "computer": TEXT,
        "evidence": TEXT,
        "source_path": TEXT,
        "original_path": TEXT + NULLABLE,
        "snapshot_time": TIME + NULLABLE,
        "deleted_file": BOOLEAN,
        "provider": TEXT,
        "channel": TEXT,
        "event_id": INTEGER,
        "event_record_id": INTEGER + NULLABLE,
        "query_name": TEXT,
        "query_name_lower": TEXT + NULLABLE,
        "query_name_unicode": TEXT + NULLABLE,
        "registered_domain": TEXT + NULLABLE,
        "public_suffix": TEXT + NULLABLE,
        "query_type": INTEGER + NULLABLE,
        "query_options": TEXT + NULLABLE,
        "query_status": TEXT + NULLABLE,
        "query_status_name": TEXT + NULLABLE,
        "query_results": TEXT + NULLABLE,
        "answers": "list of struct type text, data text, cut boolean",
        "resolved_ips": TEXTS,
        "user_id": TEXT + NULLABLE,
        "process_id": INTEGER + NULLABLE,
        "client_process_id": INTEGER + NULLABLE,
        "chunk_number": INTEGER,
        "record_offset": INTEGER,
        "integrity": TEXT,
        "event_hash": TEXT,
        "duplicate": BOOLEAN,
        "detection_id": TEXT,
        "detection_name": TEXT,
        "matched_query": TEXTS,
        "matched_query_on_label": TEXTS,
        "matched_answer": TEXTS,
        "excluded_by": TEXT + NULLABLE,
    },
    "containers.parquet": {
        "evidence": TEXT,
        "source_path": TEXT,
        "kind": TEXT,
        "status": TEXT,
        "problems": "list of struct offset integer, length integer, problem text",
        "size": INTEGER,
        "sha256": TEXT + NULLABLE,
        "files": INTEGER,
        "logs": INTEGER,
        "parts": "list of struct name text, sha256 text?",
        "created": TIME + NULLABLE,
        "stated_host": TEXT + NULLABLE,
        "stated_md5": TEXT + NULLABLE,
        "stated_sha1": TEXT + NULLABLE,
        "stated": "list of struct name text, value text",
    },
    "processes.parquet": {
        "computer": TEXT,
        "process_guid": TEXT,
        "depth": INTEGER,
        "status": TEXT,
        "guid_time": TIME + NULLABLE,
        "evidence": TEXT + NULLABLE,
        "source_path": TEXT + NULLABLE,
        "original_path": TEXT + NULLABLE,
        "snapshot_time": TIME + NULLABLE,
        "deleted_file": BOOLEAN + NULLABLE,
        "event_time": TIME + NULLABLE,
        "utc_time": TIME + NULLABLE,
        "event_record_id": INTEGER + NULLABLE,
        "rule_name": TEXT + NULLABLE,
        "process_id": INTEGER + NULLABLE,
        "image": TEXT + NULLABLE,
        "process_name": TEXT + NULLABLE,
        "file_version": TEXT + NULLABLE,
        "description": TEXT + NULLABLE,
        "product": TEXT + NULLABLE,
        "company": TEXT + NULLABLE,
        "original_file_name": TEXT + NULLABLE,
        "command_line": TEXT + NULLABLE,
        "current_directory": TEXT + NULLABLE,
        "user": TEXT + NULLABLE,
        "logon_guid": TEXT + NULLABLE,
        "logon_id": TEXT + NULLABLE,
        "terminal_session_id": INTEGER + NULLABLE,
        "integrity_level": TEXT + NULLABLE,
        "hashes": TEXT + NULLABLE,
        "md5": TEXT + NULLABLE,
        "sha1": TEXT + NULLABLE,
        "sha256": TEXT + NULLABLE,
        "imphash": TEXT + NULLABLE,
        "parent_process_guid": TEXT + NULLABLE,
        "parent_process_id": INTEGER + NULLABLE,
        "parent_image": TEXT + NULLABLE,
        "parent_command_line": TEXT + NULLABLE,
        "parent_user": TEXT + NULLABLE,
        "end_time": TIME + NULLABLE,
        "chunk_number": INTEGER + NULLABLE,
        "record_offset": INTEGER + NULLABLE,
        "integrity": TEXT + NULLABLE,
        "recovered": BOOLEAN + NULLABLE,
        "event_hash": TEXT + NULLABLE,
        "copies": INTEGER,
        "conflicts": INTEGER,
    },
    "files.parquet": {
        "evidence": TEXT,
        "source_path": TEXT,
        "original_path": TEXT + NULLABLE,
        "snapshot_time": TIME + NULLABLE,
        "deleted_file": BOOLEAN,
        "size": INTEGER,
        "sha256": TEXT + NULLABLE,
        "status": TEXT,
        "problems": "list of struct offset integer, length integer, problem text",
        "notes": "list of struct offset integer, length integer, note text",
        "header_bytes": INTEGER,
        "good_bytes": INTEGER,
        "empty_bytes": INTEGER,
        "damaged_bytes": INTEGER,
        "trailing_bytes": INTEGER,
        "other_bytes": INTEGER,
        "unchanged_bytes": INTEGER,
        "unread_bytes": INTEGER,
        "chunks": INTEGER,
        "empty_chunks": INTEGER,
        "damaged_chunks": INTEGER,
        "checksums": TEXT + NULLABLE,
        "records": INTEGER,
        "refound_records": INTEGER,
        "damaged_records": INTEGER,
        "recovered_records": INTEGER,
        "sysmon_records": INTEGER,
        "dns_queries": INTEGER,
        "dns_queries_in_period": INTEGER,
        "dns_first_time": TIME + NULLABLE,
        "dns_last_time": TIME + NULLABLE,
        "matches": INTEGER,
        "computers": TEXTS,
        "hosts": "list of struct computer text, records integer, sysmon_records integer, dns_queries integer, "
        "dns_first_time timestamp, dns_last_time timestamp",
        "first_time": TIME + NULLABLE,
        "last_time": TIME + NULLABLE,
        "unreadable_times": INTEGER,
        "first_record_id": INTEGER + NULLABLE,
        "last_record_id": INTEGER + NULLABLE,
        "record_runs": "list of struct computer text, channel text, first_record_id integer, first_time timestamp, "
        "last_record_id integer, last_time timestamp",
        "record_run_count": INTEGER,
        "dirty": BOOLEAN,
        "carved": BOOLEAN,
        "event_xml": BOOLEAN,
        "record_gaps": f"list of struct computer text, channel text, {SIDES}",
        "record_gap_count": INTEGER,
        "renumbered": BOOLEAN,
        "clock_steps": "list of struct offset integer, from_time timestamp, to_time timestamp",
        "clock_step_count": INTEGER,
    },
}
# The columns of a query are those of a match before the detection's.
MATCH_COLUMNS = list(TABLES["matches.parquet"].items())
TABLES["queries.parquet"] = dict(MATCH_COLUMNS[: [name for name, _ in MATCH_COLUMNS].index("detection_id")])
# The tables that a sweep writes only with an option, or only if it finds containers.
OPTIONAL = {"containers.parquet", "leads.parquet", "processes.parquet", "queries.parquet"}
BLOOM_FILTERS = {
    "queries.parquet": ["query_name", "query_name_lower", "registered_domain", "process_guid", "event_hash"],
    "processes.parquet": ["process_guid", "sha256", "event_hash"],
    "matches.parquet": ["query_name", "query_name_lower", "registered_domain", "process_guid", "event_hash"],
    "leads.parquet": ["query_name", "query_name_lower", "registered_domain", "event_hash"],
}
# Tables with fewer rows than a batch has are not compressed.
BATCH_ROWS = 512
# The columns in which nearly every row has a different value.
DISTINCT = {
    "queries.parquet": ["event_time", "event_time_raw", "utc_time", "event_record_id", "record_offset", "event_hash"],
    "matches.parquet": ["event_time", "event_time_raw", "utc_time", "event_record_id", "record_offset", "event_hash"],
    "leads.parquet": ["event_time", "event_time_raw", "event_record_id", "record_offset", "event_hash"],
}
METADATA = [
    "dnsweep.schema_version",
    "dnsweep.version",
    "dnsweep.looked_for_sha256",
    "dnsweep.detection_ids",
    "dnsweep.detections",
    "dnsweep.sorted_by",
]
# The columns of a stats table depend on the detection; those of the seed detection are known.
SEED = "stats/3cf0dc36-484d-11ec-a6bc-acde48001122.parquet"
SEED_COLUMNS = {
    name: (INTEGER if name == "count" else TEXT) + NULLABLE
    for name in ["Image", "QueryName", "QueryStatus", "process_name", "QueryResults", "dest", "count", "firstTime", "lastTime"]
}

# By which columns the rows of a table are sorted, up and with null last. The detection's search says it of its table:
# `stats … by Image QueryName QueryStatus process_name QueryResults Computer | rename Computer as dest`.
SORTED = {
    "hosts.parquet": ["computer"],
    SEED: ["Image", "QueryName", "QueryStatus", "process_name", "QueryResults", "dest"],
}
# These are in the order of the evidence, which no columns have: roots come as they were given, and paths by their parts.
# Computers are sorted without regard to letter case, which no column says, either.
UNSORTED = {"matches.parquet", "leads.parquet", "files.parquet", "containers.parquet", "processes.parquet", "queries.parquet"}


def normal(value):
    """Returns a value in the same form for every reader: a time becomes microseconds since 1970."""
    if isinstance(value, datetime.datetime):
        if value.utcoffset() is None:
            raise ValueError(f"a time without a zone: {value!r}")
        since = value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, (list, tuple)):
        return [normal(item) for item in value]
    if isinstance(value, dict):
        return {name: normal(item) for name, item in value.items()}
    return value


STRUCTS = "list of struct "


def fields_of(kind):
    """Returns the fields of a list of structs, as the table above writes them: pairs of a name and a type."""
    return [tuple(field.split(" ")) for field in kind.removeprefix(STRUCTS).split(", ")]


class DuckDb:
    """Reads tables with DuckDB, by SQL."""

    TYPES = {
        TEXT: "VARCHAR",
        OPTIONAL_TEXT: "VARCHAR",
        INTEGER: "BIGINT",
        BOOLEAN: "BOOLEAN",
        TIME: "TIMESTAMP WITH TIME ZONE",
        TEXTS: "VARCHAR[]",
    }

    def __init__(self):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")

    def rows(self, path):
        relation = self.connection.execute("SELECT * FROM read_parquet($path)", {"path": str(path)})
        names = [column[0] for column in relation.description]
        return [dict(zip(names, row)) for row in relation.fetchall()]

    def types(self, path):
        described = self.connection.execute("DESCRIBE SELECT * FROM read_parquet($path)", {"path": str(path)})
        # Quotes around a field's name depend on whether it is a word of SQL.
        return {row[0]: row[1].replace('"', "") for row in described.fetchall()}

    def type_of(self, kind):
        kind = kind.removesuffix(NULLABLE)
        if kind.startswith(STRUCTS):
            fields = ", ".join(f"{name} {self.TYPES[of]}" for name, of in fields_of(kind))
            return f"STRUCT({fields})[]"
        return self.TYPES[kind]

    def matches_per_computer(self, path):
        query = "SELECT computer, count(*) FROM read_parquet($path) WHERE excluded_by IS NULL GROUP BY computer"
        return dict(self.connection.execute(query, {"path": str(path)}).fetchall())


class Polars:
    """Reads tables with polars, as data frames."""

    TYPES = {
        TEXT: polars.String,
        OPTIONAL_TEXT: polars.String,
        INTEGER: polars.Int64,
        BOOLEAN: polars.Boolean,
        TIME: polars.Datetime("us", "UTC"),
        TEXTS: polars.List(polars.String),
    }

    def rows(self, path):
        return polars.read_parquet(path, glob=False).to_dicts()

    def types(self, path):
        return dict(polars.read_parquet_schema(path))

    def type_of(self, kind):
        kind = kind.removesuffix(NULLABLE)
        if kind.startswith(STRUCTS):
            return polars.List(polars.Struct({name: self.TYPES[of] for name, of in fields_of(kind)}))
        return self.TYPES[kind]

    def matches_per_computer(self, path):
        matches = polars.scan_parquet(path, glob=False).filter(polars.col("excluded_by").is_null())
        counted = matches.group_by("computer").agg(polars.len()).collect()
        return dict(counted.iter_rows())


class PyArrow:
    """Reads tables with pyarrow, as its tables."""

    @staticmethod
    def _list(kind):
        return pyarrow.list_(pyarrow.field("element", kind, nullable=False))

    def type_of(self, kind):
        kind = kind.removesuffix(NULLABLE)
        types = {
            TEXT: pyarrow.string(),
            OPTIONAL_TEXT: pyarrow.string(),
            INTEGER: pyarrow.int64(),
            BOOLEAN: pyarrow.bool_(),
            TIME: pyarrow.timestamp("us", "UTC"),
            TEXTS: self._list(pyarrow.string()),
        }
        if kind.startswith(STRUCTS):
            # In a struct, only a time and optional text can be null.
            fields = [pyarrow.field(name, types[of], nullable=of in (TIME, OPTIONAL_TEXT)) for name, of in fields_of(kind)]
            return self._list(pyarrow.struct(fields))
        return types[kind]

    def rows(self, path):
        return pyarrow.parquet.read_table(path, partitioning=None).to_pylist()

    def types(self, path):
        return {field.name: field.type for field in pyarrow.parquet.read_schema(path)}

    def matches_per_computer(self, path):
        rows = pyarrow.parquet.read_table(path, partitioning=None)
        matches = rows.filter(pyarrow.compute.is_null(rows["excluded_by"]))
        counted = matches.group_by("computer").aggregate([([], "count_all")])
        return {row["computer"]: row["count_all"] for row in counted.to_pylist()}


READERS = {"duckdb": DuckDb(), "polars": Polars(), "pyarrow": PyArrow()}


def columns_of(table):
    """Returns the columns that a table must have; None if they depend on the detection."""
    return TABLES.get(table, SEED_COLUMNS if table == SEED else None)


def judge_types(reader, path, table):
    types, expected = reader.types(path), columns_of(table)
    if expected is None:
        return []
    if list(types) != list(expected):
        return [f"columns are {list(types)}"]
    return [
        f"{name} is {types[name]!r} instead of {reader.type_of(kind)!r}"
        for name, kind in expected.items()
        if types[name] != reader.type_of(kind)
    ]


def judge_nulls(rows, table):
    expected = columns_of(table) or {}
    return [
        f"row {number}: {name} is null"
        for number, row in enumerate(rows)
        for name, value in row.items()
        if value is None and not expected.get(name, NULLABLE).endswith(NULLABLE)
    ]


def judge_readers(folder, outputs):
    """Reads all tables with each reader and compares the results. Returns the disagreements."""
    wrong, seen = [], {}
    for name, reader in READERS.items():
        count = 0
        for output in outputs:
            table, path = output["file"], folder / output["file"]
            try:
                rows = normal(reader.rows(path))
                found = judge_types(reader, path, table) + judge_nulls(rows, table)
            except Exception as error:  # whatever a reader throws is a disagreement
                wrong.append(f"{name}: {table}: cannot be read: {error!r}")
                continue
            if len(rows) != output["rows"]:
                found.append(f"{len(rows)} rows instead of {output['rows']}")
            first = seen.setdefault(table, (name, rows))
            if first[1] != rows:
                differ = [number for number, pair in enumerate(zip(first[1], rows)) if pair[0] != pair[1]]
                found.append(f"values differ from those of {first[0]}, first in row {differ[:1]}")
            wrong += [f"{name}: {table}: {what}" for what in found]
            count += len(rows)
        try:
            per_computer = reader.matches_per_computer(folder / "matches.parquet")
            rows = reader.rows(folder / "hosts.parquet")
        except Exception as error:
            wrong.append(f"{name}: matches per computer: {error!r}")
            continue
        hosts = {row["computer"]: row["hits"] for row in rows if row["hits"]}
        if per_computer != hosts:
            wrong.append(f"{name}: matches per computer are {per_computer}, those of the hosts {hosts}")
        version = sys.modules[name].__version__
        print(f"{name} {version}: {len(outputs)} tables, {count} rows, matches on {len(per_computer)} computers")
    return wrong


def judge_nullability(path, table):
    """Checks that the schema states for each column whether it can be null."""
    schema, expected = pyarrow.parquet.read_schema(path), columns_of(table) or {}
    return [
        f"the schema says that {name} can{'' if schema.field(name).nullable else 'not'} be null"
        for name, kind in expected.items()
        if schema.field(name).nullable != kind.endswith(NULLABLE)
    ]


def judge_origin(table, own, run):
    """Checks that a table's metadata names the run that wrote it, and its detections."""
    wrong = []
    if own.get("dnsweep.looked_for_sha256") != run["looked_for_sha256"]:
        wrong.append("dnsweep.looked_for_sha256 is not that of run.json")
    described = [{key: detection[key] for key in ("id", "version", "sha256")} for detection in run["detections"]]
    if table.startswith("stats/"):
        described = [detection for detection in described if table == f"stats/{detection['id']}.parquet"]
    if json.loads(own.get("dnsweep.detections", "null")) != described:
        wrong.append("dnsweep.detections are not those of run.json")
    return wrong


def comes_before(one, other, said):
    """Returns True if a row may come before another one, by the columns and directions that a file says it is sorted by."""
    for name, descending, nulls_first in said:
        values = [row[name].encode() if isinstance(row[name], str) else row[name] for row in (one, other)]
        if values[0] == values[1]:
            continue
        if None in values:
            return (values[0] is None) == nulls_first
        return (values[0] > values[1]) == descending
    return True


def judge_sorting(table, file):
    """Checks that the file says by which columns it is sorted, and that it is."""
    groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
    # A column's number counts each field of a struct.
    name = lambda column: file.schema.column(column.column_index).path
    said = {tuple((name(column), column.descending, column.nulls_first) for column in group.sorting_columns) for group in groups}
    if len(said) > 1:
        return ["says of each row group that it is sorted in another way"]
    said = said.pop() if said else ()
    expected = SORTED.get(table, [] if table in UNSORTED else None)
    found = [f"{name}{' descending' * descending}{', null first' * nulls_first}" for name, descending, nulls_first in said]
    if groups and expected is None and not found:
        return ["does not say by which columns it is sorted"]
    if groups and expected is not None and found != expected:
        return [f"says that it is sorted by {found}, expected {expected}"]
    rows = file.read([name for name, _, _ in said]).to_pylist() if said else []
    wrong = [number for number, pair in enumerate(zip(rows, rows[1:])) if not comes_before(*pair, said)]
    return [f"is not sorted as it says: row {wrong[0]} comes before the next one"] if wrong else []


def judge_file(folder, output, run):
    """Returns what is wrong with a table's file: its size, hash or metadata."""
    table, path = output["file"], folder / output["file"]
    content = path.read_bytes()
    wrong = []
    if hashlib.sha256(content).hexdigest() != output["sha256"]:
        wrong.append("the SHA-256 is not that of run.json")
    if len(content) != output["bytes"]:
        wrong.append(f"{len(content)} bytes instead of {output['bytes']}")
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowException as error:
        return [f"{table}: {what}" for what in [*wrong, f"cannot be read: {error!r}"]]
    own = {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}
    wrong += [f"no {key} in the metadata" for key in METADATA if key not in own]
    wrong += judge_origin(table, own, run)
    wrong += judge_sorting(table, file)
    compression = "ZSTD" if file.metadata.num_rows >= BATCH_ROWS else "UNCOMPRESSED"
    for group in range(file.metadata.num_row_groups):
        row_group = file.metadata.row_group(group)
        for number in range(row_group.num_columns):
            column = row_group.column(number)
            name = column.path_in_schema
            if not column.has_column_index or not column.has_offset_index:
                wrong.append(f"{name} has no page index in row group {group}")
            if column.compression != compression:
                wrong.append(f"{name} is compressed with {column.compression}")
            if name in DISTINCT.get(table, []) and column.has_dictionary_page:
                wrong.append(f"{name} has a dictionary in row group {group}")
    wrong += judge_nullability(path, table) + judge_bloom_filters(path, table)
    return [f"{table}: {what}" for what in wrong]


def judge_bloom_filters(path, table):
    """Checks the bloom filters. Only DuckDB shows them; a table without rows has none."""
    query = "SELECT DISTINCT path_in_schema FROM parquet_metadata($path) WHERE bloom_filter_offset IS NOT NULL"
    present = {row[0] for row in READERS["duckdb"].connection.execute(query, {"path": str(path)}).fetchall()}
    has_rows = pyarrow.parquet.read_metadata(path).num_rows > 0
    expected = set(BLOOM_FILTERS.get(table, [])) if has_rows else set()
    return [] if present == expected else [f"bloom filters on {sorted(present)} instead of {sorted(expected)}"]


def judge_folder(folder, outputs):
    """Returns the files that are in the folder and not in run.json, or the other way round."""
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"run.json", "report.html"}
    named = {output["file"] for output in outputs}
    wrong = [f"{name}: in the folder or in run.json, but not in both" for name in sorted(present ^ named)]
    return wrong + [f"{table}: missing" for table in TABLES if table not in named | OPTIONAL]


def main():
    if len(sys.argv) != 2:
        print("usage: judge_outputs.py OUT_DIR", file=sys.stderr)
        return 2
    folder = pathlib.Path(sys.argv[1])
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except OSError as error:
        print(f"judge_outputs.py: {error}", file=sys.stderr)
        return 2
    outputs = run["outputs"]
    wrong = judge_folder(folder, outputs + run["partitions"])
    if not wrong:
        wrong = judge_readers(folder, outputs)
        for output in outputs:
            wrong += judge_file(folder, output, run)
    for what in wrong:
        print(what)
    print("all agree" if not wrong else f"{len(wrong)} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
