#!/usr/bin/env python3
"""Sweeps the shards of a plan as tasks of Spark, merges their parts, and reads the tables.

    dnsweep plan /evidence -n 64 -o case.plan
    spark-submit spark_sweep.py --plan case.plan --shards 64 --parts PARTS --out OUT

The driver and all executors must have dnsweep, and must see the plan, PARTS and OUT under the same
paths. Evidence may have another path on the executors (--remap).

A task sweeps one shard. It returns one row about the shard, and no matches: whether an event is a
copy of another one, and what is known about a host, depends on the other shards, too. Only the
merge knows all of them. So the DataFrames of matches and files are read from the merged output.

What an exit status of dnsweep means for Spark:
    0, 3, 4, 10   the shard is done
    2             the task returns a row that says so, because Spark would run a task again that
                  raises; the driver raises Refused when all tasks have ended
    5, 130, death by a signal, anything else
                  the task raises, and Spark runs it again, up to spark.task.maxFailures times

A part is complete or absent, and each attempt writes the same bytes. So Spark may run a task twice
(speculation), and may lose an executor. A process of dnsweep dies with its Python worker.
"""

import argparse
import ctypes
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import pyarrow
from pyspark.sql import DataFrame, SparkSession

DONE = (0, 3, 4, 10)
NEVER_AGAIN = 2
PR_SET_PDEATHSIG = 1
# The row of a shard: its columns, with their types in Spark and in Arrow.
COLUMNS = {
    "shard": ("int", pyarrow.int32()),
    "exit_status": ("int", pyarrow.int32()),
    "part": ("string", pyarrow.string()),
    "bytes": ("long", pyarrow.int64()),  # null without a part, as is sha256
    "sha256": ("string", pyarrow.string()),
    "seconds": ("double", pyarrow.float64()),
    "message": ("string", pyarrow.string()),  # what dnsweep wrote to standard error
}


class Refused(Exception):
    """dnsweep ended with 2: it needs other arguments, another plan, or evidence that is there."""


class Swept(NamedTuple):
    """What a sweep gives: the exit status of the merge, and the DataFrames."""

    exit_status: int
    shards: DataFrame
    matches: DataFrame
    files: DataFrame


def shard_task(command, parts):
    """Returns the function of a task, for mapInArrow. `command` is the sweep without its shard."""
    arrow = pyarrow.schema([(name, kind) for name, (_, kind) in COLUMNS.items()])

    # Inner functions travel to the executors with what they use, so those need not have this file.
    def swept(shard):
        part, began, worker = f"{parts}/part-{shard}", time.monotonic(), os.getpid()
        libc = ctypes.CDLL(None)

        def die_with_worker():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != worker:  # It died before.
                os.kill(os.getpid(), signal.SIGKILL)

        words = [*command, "--shard", str(shard), "--part", part]
        ended = subprocess.run(words, stderr=subprocess.PIPE, preexec_fn=die_with_worker)
        status, message = ended.returncode, ended.stderr.decode(errors="replace").strip()
        row = {"shard": shard, "exit_status": status, "part": part, "message": message}
        if status in DONE:
            with open(part, "rb") as file:
                row["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
                row["bytes"] = file.tell()
        elif status != NEVER_AGAIN:
            raise RuntimeError(f"shard {shard}: exit status {status}: {message}")
        return row | {"seconds": time.monotonic() - began}

    def task(batches):
        for batch in batches:
            for shard in batch.column("id").to_pylist():
                yield pyarrow.RecordBatch.from_pylist([swept(shard)], arrow)

    return task


def sweep(spark, plan, shards, parts, out, dnsweep="dnsweep", remap=()):
    """Sweeps all shards of a plan, merges their parts into a new folder OUT, and returns DataFrames.

    For a lake: `sweep(…).matches.writeTo("lake.dns.matches").append()`, or `.write.format("delta")`.
    Times are instants; with the session's time zone UTC, Spark shows them as dnsweep does."""
    plan, parts, out = (str(pathlib.Path(path).absolute()) for path in (plan, parts, out))
    pathlib.Path(parts).mkdir(mode=0o700, parents=True, exist_ok=True)
    threads = spark.conf.get("spark.task.cpus", "1")
    command = [dnsweep, "sweep", "--plan", plan, "--quiet", "--threads", threads]
    command += [word for pair in remap for word in ("--remap", pair)]
    schema = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    tasks = spark.range(1, shards + 1, numPartitions=shards)
    rows = tasks.mapInArrow(shard_task(command, parts), schema).collect()
    refused = [row for row in rows if row.exit_status == NEVER_AGAIN]
    if refused:
        first = f"shard {refused[0].shard}: {refused[0].message}"
        raise Refused(f"{len(refused)} of {shards} shards cannot be swept; {first}")
    merge = [dnsweep, "merge", "--plan", plan, *(row.part for row in rows), "--out", out, "--quiet"]
    status = subprocess.run(merge).returncode
    if status == NEVER_AGAIN:
        raise Refused(f"the parts in {parts} cannot be merged into {out}")
    if status not in DONE:
        raise RuntimeError(f"merge: exit status {status}")
    matches, files = (spark.read.parquet(f"file://{out}/{table}.parquet") for table in ("matches", "files"))
    return Swept(status, spark.createDataFrame(rows, schema), matches, files)


def main():
    """Sweeps as the arguments say, and prints how many rows there are. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plan", required=True, help="plan that dnsweep plan made")
    parser.add_argument("--shards", required=True, type=int, help="how many shards the plan has")
    parser.add_argument("--parts", required=True, help="folder for the parts of the shards")
    parser.add_argument("--out", required=True, help="folder for the merged output")
    parser.add_argument("--dnsweep", default="dnsweep", help="the program, on the driver and the executors")
    parser.add_argument("--remap", action="append", default=[], metavar="OLD=NEW", help="where executors find evidence")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("dnsweep").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    try:
        swept = sweep(spark, **vars(arguments))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return NEVER_AGAIN
    counts = f"shards {swept.shards.count()}, matches {swept.matches.count()}, files {swept.files.count()}"
    print(f"{counts}; exit status of the merge {swept.exit_status}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
