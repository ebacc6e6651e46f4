#!/usr/bin/env python3
"""Makes `fragments.E01`: a disk with one NTFS volume, in which logs lie in ways that are hard to read.

    python tests/containers/images/make.py

Needs the Debian packages ntfs-3g, fuse3 and ewf-tools, and root: ntfs-3g opens /dev/fuse. It mounts the volume in a mount
namespace of its own, so nothing is mounted that anybody else sees. The image is never the same twice, because NTFS and the
imager store the time, and ntfs-3g decides where files lie.
"""

import contextlib
import importlib.util
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SAMPLES = HERE.parents[2] / "samples"
LOGS = SAMPLES / "evidence/FIN-WS07/Windows/System32/winevt/Logs"
LOG = LOGS / "Microsoft-Windows-Sysmon%4Operational.evtx"
SMALL = LOGS / "System.evtx"

CLUSTER = 1024
VOLUME_BYTES = 6 << 20
COMPRESSED = 0x800
LONGER = 172_032


def samples_maker():
    """Returns the module that makes the samples' image."""
    spec = importlib.util.spec_from_file_location("samples_maker", SAMPLES / "containers/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def set_compressed(folder):
    """Makes ntfs-3g compress what is written into a folder."""
    name = "system.ntfs_attrib_be"
    attributes = struct.unpack(">I", os.getxattr(folder, name))[0]
    os.setxattr(folder, name, struct.pack(">I", attributes | COMPRESSED))


def fill(root):
    """Writes the files of the volume that is mounted at `root`."""
    log, small = LOG.read_bytes(), SMALL.read_bytes()
    packed = root / "Packed"
    packed.mkdir()
    set_compressed(packed)
    (packed / "Packed.evtx").write_bytes(log)
    (root / "text.txt").write_bytes(b"x")
    # Holes where chunks would be.
    with open(root / "Sparse.evtx", "wb") as sparse:
        sparse.write(small[:4096])
        sparse.seek(512 << 10)
        sparse.write(small[4096:])
    (root / "text.txt:stream.evtx").write_bytes(small)
    leave_few_clusters(root / "filler")


def write_pieces(root):
    """Writes a log into single clusters, and others into the clusters that had the filler's bytes."""
    log = LOG.read_bytes()
    for start in range(0, len(log), CLUSTER):
        # ntfs-3g does not find many clusters at once where they lie apart.
        with open(root / "Pieces.evtx", "ab") as pieces:
            pieces.write(log[start : start + CLUSTER])
    shutil.rmtree(root / "filler")
    (root / "Longer.evtx").write_bytes(SMALL.read_bytes())
    (root / "Gone.evtx").write_bytes(SMALL.read_bytes())


def leave_few_clusters(folder):
    """Fills the volume with files in a folder, so that the only free clusters lie apart."""
    folder.mkdir()
    paths = [folder / str(number) for number in range(1800)]
    apart, rest, last = paths[:1000], paths[1000], paths[1001:]
    for path in paths:
        path.touch()
    for path in apart:
        path.write_bytes(b"\xa5" * CLUSTER)
    # ntfs-3g reserves clusters for a file that grows, and gives them back when it is closed: they are for the last.
    with contextlib.suppress(OSError):
        rest.write_bytes(b"\xa5" * VOLUME_BYTES)
    with contextlib.suppress(OSError):
        for path in last:
            path.write_bytes(b"\xa5" * CLUSTER)
    for path in apart[::2]:
        path.unlink()


def mounted(volume, step):
    """Runs this script with the word `step` on the mounted volume."""
    mount = volume.parent / "mount"
    mount.mkdir(exist_ok=True)
    script = (
        'ntfs-3g "$1" "$2" -o no_detach,compression,streams_interface=windows & '
        'until mountpoint -q "$2" || ! kill -0 $!; do sleep 0.1; done; "${@:3}"; fusermount3 -u "$2"; wait'
    )
    arguments = [volume, mount, sys.executable, __file__, step, mount]
    subprocess.run(["timeout", "120", "unshare", "-m", "bash", "-euc", script, "-", *map(str, arguments)], check=True)


def make(work):
    volume = work / "volume.raw"
    volume.write_bytes(bytes(VOLUME_BYTES))
    options = ["-F", "-Q", "-q", "-L", "PIECES", "-s", "512", "-c", str(CLUSTER)]
    subprocess.run(["mkntfs", *options, volume], check=True, stderr=subprocess.DEVNULL)
    mounted(volume, "fill")
    mounted(volume, "pieces")
    # More clusters than were written: what lies in them is not the log's.
    subprocess.run(["ntfsfallocate", "-f", "-l", str(LONGER), volume, "Longer.evtx"], check=True)
    mounted(volume, "remove")
    disk = samples_maker().gpt_disk(volume.read_bytes())
    statements = ["-C", "c", "-D", "d", "-E", "e", "-e", "x", "-N", "n"]
    options = ["-q", "-c", "best", "-f", "encase6", "-t", HERE / "fragments", *statements]
    subprocess.run(["ewfacquirestream", *options], input=disk, check=True, stdout=subprocess.DEVNULL)


def main():
    match sys.argv[1:]:
        case ["fill", root]:
            fill(pathlib.Path(root))
        case ["pieces", root]:
            write_pieces(pathlib.Path(root))
        case ["remove", root]:
            (pathlib.Path(root) / "Gone.evtx").unlink()
        case _:
            (HERE / "fragments.E01").unlink(missing_ok=True)
            with tempfile.TemporaryDirectory() as work:
                make(pathlib.Path(work))


if __name__ == "__main__":
    main()
