"""Runs the commands in pages exactly as they are written: every block that is fenced as `sh`, in order.

    python .ci/readme_commands.py [--ran COMMAND]... README.md src/guide/*.md

Each block is given to one bash that stops at the first failure, in the repository's folder, and must succeed. `dnsweep`
is the program that the first command builds. Paths of a reader's own evidence are replaced by samples. A block that
is a COMMAND that ran before, such as the tests, is not run again.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Paths of a reader's own evidence and rules, and the samples that replace them.
PLACES = {
    "/evidence/FIN-WS07.E01": "samples/containers/FIN-WS07.E01",
    "/evidence/triage": "samples/evidence",
    "/evidence/Sysmon.evtx": "samples/evidence/HR-WS03/Windows/System32/winevt/Logs/Microsoft-Windows-Sysmon%4Operational.evtx",
    "~/rules": "samples/rules",
}


def run(page: Path, environment: dict[str, str], places: dict[str, str], ran: list[str]) -> bool:
    """Runs the commands of a page, without those that `ran` before. Returns True if all succeed."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for block in blocks:
        for theirs, ours in places.items():
            block = block.replace(theirs, ours)
        print(f"$ {block}", end="", flush=True)
        if block.strip() in ran:
            print("(ran before)")
            continue
        ended = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, env=environment)
        if ended.returncode != 0:
            print(f"{page.name}: exit status {ended.returncode}: expected 0")
            return False
    print(f"{len(blocks)} commands of {page.name} ran as they are written")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ran", action="append", default=[], metavar="COMMAND")
    parser.add_argument("pages", nargs="+", type=Path)
    arguments = parser.parse_args()
    environment = os.environ | {"PATH": f"{ROOT / 'target' / 'release'}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as cases:
        places = PLACES | {"/cases": cases}
        return 0 if all(run(page, environment, places, arguments.ran) for page in arguments.pages) else 1


if __name__ == "__main__":
    sys.exit(main())
