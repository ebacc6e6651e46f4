#!/usr/bin/env python3
"""Loads the tables of outputs with the programs that analysts load tables with.

    python tests/judge_loaders.py DNSWEEP [--without-spark] OUT_DIR [OUT_DIR ...]

DuckDB, polars, pandas, ClickHouse (chdb), Spark and DataFusion each load every table of each output, and of one more
that is made here from events with extreme times, numbers and texts. The script checks that
- each makes of each declared type (`dnsweep schema tables`) what the table below says, and has the columns in order;
- the number of rows, and the values of all columns, are those that pyarrow reads;
- the Python code of the guide's page on queries, run as it is on each output, gives the addresses that Python finds in
  the rows that pyarrow reads, from a time that lies in the middle of the output's matches;
- the table of types in that page is the one below.

All runs in a time zone with half hours and daylight saving, so that a time that is taken for local time is noticed.
Spark needs Java 17 or newer. The exit status is 1 if anything disagrees.

    pip install chdb datafusion duckdb pandas polars pyarrow pyspark
"""

import os
import time

# Before anything that reads the time zone is imported.
os.environ["TZ"] = "America/St_Johns"
time.tzset()

import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import chdb
import datafusion
import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet

GUIDE = pathlib.Path(__file__).resolve().parent.parent / "src/guide/queries.md"
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)

# What each program makes of each declared type. In a list or a struct, {} is what it makes of what is in there.
# pandas makes other types of a column if one of its values is null: NULLS_IN_PANDAS.
PROGRAMS = ("DuckDB", "polars", "pandas", "ClickHouse", "Spark", "DataFusion")
TYPES = {
    "text": ("VARCHAR", "String", "str", "String", "string", "Utf8View"),
    "int64": ("BIGINT", "Int64", "int64", "Int64", "bigint", "Int64"),
    "boolean": ("BOOLEAN", "Boolean", "bool", "Bool", "boolean", "Boolean"),
    "timestamp[us, UTC]": (
        "TIMESTAMP WITH TIME ZONE",
        "Datetime(time_unit='us', time_zone='UTC')",
        "datetime64[us, UTC]",
        "DateTime64(6, 'UTC')",
        "timestamp",
        'Timestamp(µs, "UTC")',
    ),
    "list": ("{}[]", "List({})", "object", "Array({})", "array<{}>", "List({})"),
    "struct": ("STRUCT({})", "Struct({{{}}})", "dict", "Tuple({})", "struct<{}>", "Struct({})"),
}
# How each program writes a field of a struct, what stands between two of them, and what can be null.
FIELD = ("{} {}", "'{}': {}", "{}: {}", "{} {}", "{}:{}", '"{}": {}')
BETWEEN = (", ", ", ", ", ", ", ", ",", ", ")
NULLABLE = ("{}", "{}", "{}", "Nullable({})", "{}", "{}")
# What differs in a list: DataFusion reads views of text only outside of lists.
IN_LISTS = {("DataFusion", "text"): "Utf8"}
NULLS_IN_PANDAS = {"int64": "float64", "boolean": "object"}

# Times near the limits of the programs' types, and both hours that a clock in St. John's shows as 01:30.
TIMES = [
    "1601-01-01T00:00:00.000001Z", "1677-09-21T00:12:43.145224Z", "1899-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z", "2025-11-02T04:00:00Z", "2025-11-02T05:00:00Z", "2262-04-11T23:47:16.854776Z",
    "2299-12-31T23:59:59.999999Z", "2300-01-01T00:00:00Z", "9998-12-31T23:59:59.999999Z", "not a time",
]  # fmt: skip
RECORD_IDS = [1, 2**53 + 1, 2**63 - 1, 2**63]
TEXTS = ["", "'", '"', "\\", "\\N", "NULL", "nan", "\u202e", "\U0001f4a9", "{}", "a\tb", "é"]
ANSWERS = ["", "192.0.2.1;::ffff:192.0.2.7;2001:db8::1;", "192.0.2.1;192.0.2"]


class DuckDb:
    """Loads tables with DuckDB, by SQL."""

    @staticmethod
    def types(path):
        described = duckdb.execute("DESCRIBE SELECT * FROM read_parquet($path)", {"path": str(path)}).fetchall()
        # Quotes around a field's name depend on whether it is a word of SQL.
        return {row[0]: row[1].replace('"', "") for row in described}

    @staticmethod
    def table(path):
        return pyarrow.table(duckdb.read_parquet(str(path)))


class Polars:
    """Loads tables with polars, as data frames."""

    @staticmethod
    def types(path):
        return {name: str(kind) for name, kind in polars.read_parquet_schema(path).items()}

    @staticmethod
    def table(path):
        return pyarrow.table(polars.read_parquet(path, glob=False))


class Pandas:
    """Loads tables with pandas, as data frames of its own types."""

    @staticmethod
    def types(path):
        return pandas.read_parquet(path).dtypes.astype(str).to_dict()

    @staticmethod
    def table(path):
        # With `dtype_backend`, pandas keeps the values of integer columns with nulls, which it otherwise makes floats of:
        # an EventRecordID beyond 2^53 would be another one.
        frame, exact = pandas.read_parquet(path), pandas.read_parquet(path, dtype_backend="pyarrow")
        rounded = [name for name, kind in frame.dtypes.items() if str(kind) == "float64"]
        return pyarrow.Table.from_pandas(frame.assign(**{name: exact[name] for name in rounded}), preserve_index=False)


class ClickHouse:
    """Loads tables with ClickHouse in this process, by SQL."""

    @staticmethod
    def types(path):
        described = chdb.query(f"DESCRIBE TABLE file('{path}') SETTINGS print_pretty_type_names = 0", "JSONCompact")
        return {row[0]: row[1] for row in json.loads(described.bytes())["data"]}

    @staticmethod
    def table(path):
        # As a `DataFrame`, chdb would give times in nanoseconds, which end in 2262.
        return chdb.query(f"SELECT * FROM file('{path}')", "ArrowTable")


class Spark:
    """Loads tables with Spark, in a session of two threads for all tables."""

    def __init__(self):
        # pyspark 4.3 warns of each pandas from 3.0 on.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        from pyspark.sql import SparkSession

        os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        settings = {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
            "spark.driver.host": "127.0.0.1",
            "spark.log.level": "ERROR",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
        builder = SparkSession.builder.master("local[2]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()

    def types(self, path):
        return {field.name: field.dataType.simpleString() for field in self.session.read.parquet(str(path)).schema}

    def table(self, path):
        return self.session.read.parquet(str(path)).toArrow()


class DataFusion:
    """Loads tables with Apache DataFusion, by SQL."""

    @staticmethod
    def types(path):
        context = datafusion.SessionContext()
        context.register_parquet("loaded", str(path))
        described = context.sql("DESCRIBE loaded").to_arrow_table().to_pylist()
        # The other programs show neither what cannot be null nor the name of a list's items.
        plain = lambda kind: kind.replace("non-null ", "").replace(", field: 'element'", "")
        return {row["column_name"]: plain(row["data_type"]) for row in described}

    @staticmethod
    def table(path):
        return datafusion.SessionContext().read_parquet(str(path)).to_arrow_table()


def made_of(program, kind, in_list=False):
    """Returns what a program makes of a declared type."""
    place = PROGRAMS.index(program)
    if not isinstance(kind, dict):
        return IN_LISTS.get((program, kind) if in_list else None, TYPES[kind][place])
    if "list" in kind:
        return TYPES["list"][place].format(made_of(program, kind["list"], in_list=True))
    fields = []
    for field in kind["struct"]:
        made = made_of(program, field["type"], in_list)
        fields.append(FIELD[place].format(field["name"], NULLABLE[place].format(made) if field["nullable"] else made))
    return TYPES["struct"][place].format(BETWEEN[place].join(fields))


def declared_columns(program):
    """Returns the columns of each table that the program declares: their names, types and whether they can be null."""
    schema = json.loads(subprocess.check_output([str(program), "schema", "tables", "--format", "json"]))
    return {table["file"]: table["columns"] for table in schema["tables"]}


def columns_of_stats(path):
    """Returns the columns of a `stats` table, which a detection's search declares."""
    declared = {"string": "text", "int64": "int64", "timestamp[us, tz=UTC]": "timestamp[us, UTC]"}
    columns = []
    for field in pyarrow.parquet.read_schema(path):
        kind = {"list": "text"} if pyarrow.types.is_list(field.type) else declared[str(field.type)]
        columns.append({"name": field.name, "type": kind, "nullable": field.nullable})
    return columns


def normal(value):
    """Returns a value in the same form for every program: a time becomes microseconds since 1970."""
    if isinstance(value, datetime.datetime):
        if value.utcoffset() is None:
            raise ValueError(f"a time without a zone: {value!r}")
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, dict):
        return {name: normal(item) for name, item in value.items()}
    return value


def sorted_rows(table):
    """Returns the rows of a table, sorted, because some programs load them in another order."""
    return sorted(([normal(value) for value in row.values()] for row in table.to_pylist()), key=repr)


def judge_types(name, program, path, columns, nulls):
    """Returns in which columns a program does not make of the declared types what it should."""
    made, wrong = program.types(path), []
    if list(made) != [column["name"] for column in columns]:
        return [f"has the columns {list(made)}"]
    for column in columns:
        kind = column["type"]
        expected = made_of(name, kind)
        if column["nullable"]:
            expected = NULLABLE[PROGRAMS.index(name)].format(expected)
        if name == "pandas" and column["name"] in nulls:
            expected = NULLS_IN_PANDAS.get(kind, expected)
        if made[column["name"]] != expected:
            wrong.append(f"{column['name']} is {made[column['name']]}, expected {expected}")
    return wrong


def judge_values(program, path, expected):
    """Returns in which columns a program loads other values than pyarrow."""
    found = program.table(path)
    if found.num_rows != expected.num_rows:
        return [f"{found.num_rows} rows, expected {expected.num_rows}"]
    if sorted_rows(found) == sorted_rows(expected):
        return []
    differ = [name for name in expected.column_names if sorted_rows(found.select([name])) != sorted_rows(expected.select([name]))]
    return [f"other values than pyarrow reads in {', '.join(differ) or 'the same columns, in other rows'}"]


def judge_tables(out, programs, declared):
    """Loads each table of an output with each program. Returns what disagrees, and the number of tables."""
    wrong, outputs = [], json.loads((out / "run.json").read_text(encoding="utf-8"))["outputs"]
    for output in outputs:
        path = out / output["file"]
        expected = pyarrow.parquet.read_table(path)
        columns = declared.get(output["file"]) or columns_of_stats(path)
        nulls = {name for name in expected.column_names if expected[name].null_count > 0}
        if expected.num_rows != output["rows"]:
            wrong.append(f"pyarrow: {output['file']}: {expected.num_rows} rows, expected {output['rows']}")
        for name, program in programs.items():
            try:
                found = judge_types(name, program, path, columns, nulls) + judge_values(program, path, expected)
            except Exception as error:  # whatever a program throws is a disagreement
                found = [f"cannot be loaded: {type(error).__name__}: {error}"]
            wrong += [f"{name}: {output['file']}: {what}" for what in found]
    return wrong, len(outputs)


def guide_code():
    """Returns the guide's Python code for each program, by the name of the module that it imports."""
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return {re.search(r"(?:import|from) (\w+)", block)[1]: block for block in blocks}


def judge_guide(out, programs):
    """Runs the guide's Python code on an output. Returns what disagrees with what Python finds."""
    matches = pyarrow.parquet.read_table(out / "matches.parquet").to_pylist()
    times = sorted(row["event_time"] for row in matches if row["event_time"] is not None and row["resolved_ips"])
    since = times[len(times) // 2] if times else EPOCH
    rows = [row for row in matches if row["event_time"] is not None and row["event_time"] >= since]
    expected = sorted([normal(row["event_time"]), row["computer"], ip] for row in rows for ip in row["resolved_ips"])
    wrong, modules = [], {"clickhouse": "chdb", "spark": "pyspark"}
    for name in programs:
        code = guide_code()[modules.get(name.lower(), name.lower())]
        code = code.replace("sweep-out", str(out)).replace("2025-03-04 09:00:00", since.strftime("%Y-%m-%d %H:%M:%S.%f"))
        try:
            defined = {}
            exec(code, defined)
            found = sorted_rows(pyarrow.table(defined["addresses"]))
        except Exception as error:  # whatever the code throws is a disagreement
            found = f"{type(error).__name__}: {error}"
        if found != sorted(expected, key=repr):
            wrong.append(f"{name}: the guide's code gives {str(found)[:300]}, expected {str(expected)[:300]}")
    return wrong


def table_of_types():
    """Returns the table of types as the guide has it."""
    shown = {
        "text": "text",
        "integer": "int64",
        "boolean": "boolean",
        "timestamp": "timestamp[us, UTC]",
        "list of text": {"list": "text"},
        "list of struct": {"list": {"struct": [{"name": "value", "type": "text", "nullable": False}]}},
    }
    lines = [f"| type | {' | '.join(PROGRAMS)} |", "|---" * (len(PROGRAMS) + 1) + "|"]
    for name, kind in shown.items():
        lines.append(f"| {name} | {' | '.join(f'`{made_of(program, kind)}`' for program in PROGRAMS)} |")
    return "\n".join(lines) + "\n"


def extreme_output(dnsweep, folder):
    """Makes events with extreme times, numbers and texts, and sweeps them. Returns the path of the output."""
    escaped = lambda text: "".join(f"&#{ord(letter)};" for letter in text)
    events = []
    for number, (when, text) in enumerate(zip(TIMES, TEXTS, strict=True)):
        fields = {
            "RuleName": text,
            "UtcTime": "2025-11-02 04:00:00.123",
            "ProcessId": str(number) if number % 3 else "x",
            "QueryName": f"{text}.pastebin.com",
            "QueryResults": ANSWERS[number % len(ANSWERS)],
            "Image": f"C:\\{text}\\powershell.exe",
        }
        data = "".join(f"<Data Name='{name}'>{escaped(value)}</Data>" for name, value in fields.items())
        events.append(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/>"
            f"<EventID>22</EventID><Version>5</Version><TimeCreated SystemTime='{when}'/>"
            f"<EventRecordID>{RECORD_IDS[number % len(RECORD_IDS)]}</EventRecordID>"
            "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>FIN-WS01</Computer></System>"
            f"<EventData>{data}</EventData></Event>\n"
        )
    (folder / "evidence").mkdir()
    (folder / "evidence" / "Sysmon.xml").write_text("".join(events), encoding="utf-8")
    words = [dnsweep, "sweep", folder / "evidence", "--quiet", "--out", folder / "extremes"]
    ended = subprocess.run([str(word) for word in words], stdout=subprocess.DEVNULL)
    matches = pyarrow.parquet.read_table(folder / "extremes" / "matches.parquet")
    unread = {column: matches[column].null_count for column in ("event_time", "event_record_id")}
    if ended.returncode not in (0, 3) or matches.num_rows != len(TIMES) or unread != {"event_time": 1, "event_record_id": 3}:
        sys.exit(f"extreme events: exit status {ended.returncode}, {matches.num_rows} matches, nulls {unread}")
    return folder / "extremes"


def main():
    words = [word for word in sys.argv[1:] if word != "--without-spark"]
    if len(words) < 2:
        print("usage: judge_loaders.py DNSWEEP [--without-spark] OUT_DIR [OUT_DIR ...]", file=sys.stderr)
        return 2
    dnsweep, outs = pathlib.Path(words[0]).resolve(), [pathlib.Path(word).resolve() for word in words[1:]]
    programs = {"DuckDB": DuckDb(), "polars": Polars(), "pandas": Pandas(), "ClickHouse": ClickHouse(), "DataFusion": DataFusion()}
    if "--without-spark" not in sys.argv:
        programs["Spark"] = Spark()
    wrong = []
    if table_of_types() not in GUIDE.read_text(encoding="utf-8"):
        wrong.append(f"{GUIDE.name} does not have this table of types:\n{table_of_types()}")
    with tempfile.TemporaryDirectory() as folder:
        declared = declared_columns(dnsweep)
        for out in [*outs, extreme_output(dnsweep, pathlib.Path(folder))]:
            found, tables = judge_tables(out, programs, declared)
            found += judge_guide(out, programs)
            wrong += [f"{out.name}: {what}" for what in found]
            print(f"{out.name}: {', '.join(programs)} loaded {tables} tables" if not found else f"{out.name}: {len(found)} disagreements")
    for what in wrong:
        print(what)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
