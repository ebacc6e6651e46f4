"""Runs the commands of a page exactly as they stand there: every block that is fenced as `sh`, in order.

Each block is given to one bash that stops at the first failure, in the folder of the page, and must succeed.
"""

import re
import subprocess
import sys
from pathlib import Path


def main() -> int:
    page = Path(sys.argv[1]).resolve()
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if not blocks:
        print(f"{page.name}: no block fenced as sh")
        return 1
    for block in blocks:
        print(f"$ {block}", end="", flush=True)
        status = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=page.parent).returncode
        if status != 0:
            print(f"exit status {status}: expected 0")
            return 1
    print(f"{len(blocks)} commands of {page.name} ran as they stand there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
