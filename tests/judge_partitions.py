#!/usr/bin/env python3
"""Loads tables that are divided by host with the programs that read Hive partitions.

    python tests/judge_partitions.py DNSWEEP [--without-spark]

Makes evidence with odd names of machines, sweeps it with `--partition-by host`, and loads by-host/matches with DuckDB,
polars, pyarrow and Spark, as the guide says. The script checks that each program finds each event under the name of its
host, as the list below says, and all other values as pyarrow reads them from matches.parquet.

The exit status is 1 if anything disagrees.

    pip install duckdb polars pyarrow pyspark
"""

import pathlib
import subprocess
import sys
import tempfile
from xml.sax.saxutils import escape

import duckdb
import polars
import pyarrow.dataset
import pyarrow.parquet

# What Computer the events name, and the name of the host that readers must show; None if its rows lie in the folder of
# those without a name.
HOSTS = {
    "PC-1": "PC-1",
    "pc-1": "PC-1",
    "FIN-WS07.corp.example": "FIN-WS07.corp.example",
    "2024": "2024",
    "007": "007",
    "2025-03-04": "2025-03-04",
    "a b": "a b",
    "x%41": "x%41",
    "a/../b": "a/../b",
    "..": "..",
    "dot.": "dot.",
    "a=b": "a=b",
    'a"b': 'a"b',
    "#1": "#1",
    "<x>|*?": "<x>|*?",
    "{a}[b]^~`$!&();',@+:\\": "{a}[b]^~`$!&();',@+:\\",
    "é-host": "é-host",
    "日本": "日本",
    "a\u202eb": None,
    "x" * 247: None,
    "__HIVE_DEFAULT_PARTITION__": None,
}


def evidence():
    """Returns events of all these machines as XML, those of each machine in several places."""
    for number in range(3 * len(HOSTS)):
        computer = list(HOSTS)[number * 5 % len(HOSTS)]
        yield (
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
            "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>22</EventID><Version>5</Version>"
            f"<TimeCreated SystemTime='2025-03-04T08:00:{number % 60:02}.1234567Z'/><EventRecordID>{number + 1}</EventRecordID>"
            f"<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>{escape(computer)}</Computer></System><EventData>"
            "<Data Name='QueryName'>pastebin.com</Data><Data Name='QueryResults'>type: 5 x.example;203.0.113.9;</Data>"
            "<Data Name='Image'>C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe</Data></EventData></Event>\n"
        )


def with_duckdb(folder):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    path = f"{folder}/**/*.parquet"
    found = connection.execute("FROM read_parquet($path, hive_partitioning = true, hive_types_autocast = false)", {"path": path})
    names = [column[0] for column in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]


def with_polars(folder):
    schema = {"computer": polars.String}
    return polars.scan_parquet(folder, hive_partitioning=True, hive_schema=schema).collect().to_dicts()


def with_pyarrow(folder):
    schema = pyarrow.schema([("computer", pyarrow.string())])
    partitioning = pyarrow.dataset.partitioning(schema, flavor="hive")
    return pyarrow.dataset.dataset(folder, partitioning=partitioning).to_table().to_pylist()


def with_spark(folder):
    import datetime

    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    session.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    rows = [row.asDict(recursive=True) for row in session.read.parquet(str(folder)).collect()]
    # Spark gives times in the time zone of this process, without saying so.
    utc = lambda value: value.astimezone(datetime.timezone.utc) if isinstance(value, datetime.datetime) else value
    return [{name: utc(value) for name, value in row.items()} for row in rows]


def main():
    words = [word for word in sys.argv[1:] if word != "--without-spark"]
    if len(words) != 1:
        print("usage: judge_partitions.py DNSWEEP [--without-spark]", file=sys.stderr)
        return 2
    readers = {"DuckDB": with_duckdb, "polars": with_polars, "pyarrow": with_pyarrow}
    if "--without-spark" not in sys.argv:
        readers["Spark"] = with_spark
    disagreements = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "evidence").mkdir()
        (folder / "evidence" / "Sysmon.xml").write_text("".join(evidence()), encoding="utf-8")
        command = [words[0], "sweep", folder / "evidence", "--partition-by", "host", "--quiet", "--out", folder / "out"]
        subprocess.run([str(word) for word in command], check=True)
        number = lambda row: row["event_record_id"]
        table = pyarrow.parquet.read_table(folder / "out/matches.parquet")
        expected = sorted(table.to_pylist(), key=number)
        if len(expected) != 3 * len(HOSTS):
            sys.exit(f"expected {3 * len(HOSTS)} matches, found {len(expected)}")
        expected = [row | {"computer": HOSTS[row["computer"]]} for row in expected]
        for name, read in readers.items():
            rows = sorted(read(folder / "out/by-host/matches"), key=number)
            wrong = [pair for pair in zip(expected, rows) if pair[0] != pair[1]]
            if wrong or len(rows) != len(expected):
                disagreements += 1
                differ = {column: (value, wrong[0][1].get(column)) for column, value in wrong[0][0].items() if value != wrong[0][1].get(column)} if wrong else ""
                print(f"{name}: {len(rows)} rows instead of {len(expected)}, {len(wrong)} differ: {differ}")
            else:
                print(f"{name}: {len(rows)} matches of {len(set(HOSTS.values()))} hosts lie where they should")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
