"""On which file system a path lies, and whether SQLite may live there.

SQLite in WAL mode shares memory between its processes and relies on locks that all of them see. File
systems that come over a network, or from the host of a virtual machine, guarantee neither: the file is
damaged sooner or later, without an error at the time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
#: The kernel's names; those of file systems in user space are ``fuse.NAME``.
_NETWORK = re.compile(
    r"nfs4?|cifs|smb[23]|smbfs|ncpfs|afs|coda|davfs|lustre|gpfs|mmfs|beegfs|fhgfs|ceph|glusterfs|orangefs|pvfs2"
    r"|panfs|wekafs|quobyte|9p|vboxsf|vmhgfs|prl_fs"
    r"|fuse\.(?:sshfs|glusterfs|ceph|ceph-fuse|cephfs|s3fs|goofys|gcsfuse|blobfuse2?|rclone|juicefs|seaweedfs"
    r"|mfs|moosefs|lizardfs|saunafs|quobyte|beegfs|hdfs|fuse_dfs|curlftpfs|davfs2?|smbnetfs|gvfsd-fuse"
    r"|vmhgfs-fuse|afp)"
)
#: Sandboxes mount a container's own local disk this way: then the root has this kind too.
_SANDBOX = "9p"
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """A mounted file system: which folder of it, where, the kernel's name of its kind, and its options."""

    root: str
    point: Path
    kind: str
    options: tuple[str, ...]


def network_kind(path: Path) -> str | None:
    """Return the kind of the network file system that `path` lies on; None when it is on none.

    Parameters
    ----------
    path : Path
        Need not exist; links in the part that exists are followed.
    """
    try:
        text = _MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return None  # not Linux: nothing is known
    return network_kind_among(Path(os.path.realpath(path)), list(read_mounts(text)))


def network_kind_among(path: Path, mounts: list[Mount]) -> str | None:
    """Return what `network_kind` does, for an absolute path without links and a list of mounts."""
    mount = _mount_of(path, mounts)
    if mount is None or not _is_network(mount.kind):
        return None
    root = _mount_of(Path("/"), mounts)
    if mount.kind == _SANDBOX and root is not None and root.kind == _SANDBOX:
        return None
    return mount.kind


def read_mounts(text: str) -> Iterator[Mount]:
    """Yield the mounts that ``/proc/self/mountinfo`` lists, in the order they were mounted."""
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if separator and len(fields) >= 5:
            root, point = (_ESCAPED.sub(lambda code: chr(int(code[1], 8)), field) for field in fields[3:5])
            kind, *_, options = after.split(" ")
            yield Mount(root, Path(point), kind, tuple(options.split(",")))


def _mount_of(path: Path, mounts: list[Mount]) -> Mount | None:
    innermost = None
    for mount in mounts:
        # A later mount at the same point hides an earlier one.
        if path.is_relative_to(mount.point) and (
            innermost is None or len(mount.point.parts) >= len(innermost.point.parts)
        ):
            innermost = mount
    return innermost


def _is_network(kind: str) -> bool:
    return _NETWORK.fullmatch(kind) is not None
