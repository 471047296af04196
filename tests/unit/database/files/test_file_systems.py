"""Which paths lie on a network file system, by what the kernel lists as mounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.files.file_systems import network_kind, network_kind_among, read_mounts

LAPTOP = r"""
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw
40 22 0:40 / /home/ada/Team\040disk\134x rw,relatime - cifs //server/team rw,vers=3.0
41 22 0:41 / /mnt/cluster rw,relatime shared:20 - nfs4 head:/export rw,vers=4.2
42 41 8:17 / /mnt/cluster/scratch rw - xfs /dev/sdb1 rw
43 22 0:43 / /mnt/remote rw,nosuid,nodev - fuse.sshfs ada@head:/data rw,user_id=1000
44 22 0:44 / /mnt/archive rw - fuseblk /dev/sdc1 rw
45 22 0:45 / /mnt/lazy rw - autofs systemd-1 rw,fd=40
46 45 0:46 / /mnt/lazy rw - lustre 10.0.0.1@tcp:/lazy rw
47 22 0:47 / /mnt/overlay rw - overlay overlay rw,lowerdir=/a,upperdir=/b
"""
CONTAINER = """
500 400 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
501 500 0:51 / /work rw,relatime - virtiofs work rw
502 500 0:52 / /windows rw,relatime - 9p drvfs rw,aname=drvfs
"""
SANDBOX = """
1 0 0:1 / / rw - 9p none rw,trans=fd
2 1 0:2 / /tmp rw - tmpfs none rw
3 1 0:3 / /data rw - 9p none rw,trans=fd
4 1 0:4 / /team rw - nfs server:/team rw
"""
DISKLESS = "1 0 0:1 / / rw - nfs server:/root rw\n2 1 0:2 / /tmp rw - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("mounted", "path", "kind"),
    [
        (LAPTOP, "/home/ada/results/x.db", None),
        (LAPTOP, r"/home/ada/Team disk\x/x.db", "cifs"),
        (LAPTOP, "/home/ada/Team disk", None),
        (LAPTOP, "/mnt/cluster/x.db", "nfs4"),
        (LAPTOP, "/mnt/cluster-local/x.db", None),
        (LAPTOP, "/mnt/cluster/scratch/x.db", None),
        (LAPTOP, "/mnt/remote/a/b/x.db", "fuse.sshfs"),
        (LAPTOP, "/mnt/archive/x.db", None),
        (LAPTOP, "/mnt/lazy/x.db", "lustre"),
        (LAPTOP, "/mnt/overlay/x.db", None),
        (CONTAINER, "/results/x.db", None),
        (CONTAINER, "/work/x.db", None),
        (CONTAINER, "/windows/x.db", "9p"),
        (SANDBOX, "/results/x.db", None),
        (SANDBOX, "/data/x.db", None),
        (SANDBOX, "/tmp/x.db", None),
        (SANDBOX, "/team/x.db", "nfs"),
        (DISKLESS, "/results/x.db", "nfs"),
        (DISKLESS, "/tmp/x.db", None),
        ("", "/results/x.db", None),
        ("a line that is not one\n", "/results/x.db", None),
    ],
)
def test_kind(mounted: str, path: str, kind: str | None) -> None:
    """The innermost mount decides; network file systems are known by name; a sandbox's own disk is local."""
    assert network_kind_among(Path(path), list(read_mounts(mounted))) == kind


@pytest.mark.parametrize("kind", ["nfs", "smb3", "fuse.glusterfs", "beegfs", "ceph", "afs", "gpfs", "vboxsf"])
def test_known_network_file_systems(kind: str) -> None:
    """The common ones are known."""
    mounted = f"1 0 8:1 / / rw - btrfs /dev/sda1 rw\n2 1 0:2 / /n rw - {kind} x rw\n"
    assert network_kind_among(Path("/n/x.db"), list(read_mounts(mounted))) == kind


def test_links_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link on a local disk to a folder on the network counts as what it leads to, the file not made yet."""
    remote = tmp_path / "entfernt é"
    remote.mkdir()
    (tmp_path / "results").symlink_to(remote)
    listing = tmp_path / "mountinfo"
    escaped = str(remote).replace(" ", "\\040")
    listing.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:2 / {escaped} rw - nfs4 x rw\n")
    monkeypatch.setattr("database.files.file_systems._MOUNTS", listing)
    assert network_kind(tmp_path / "results" / "neu" / "x.db") == "nfs4"
    assert network_kind(tmp_path / "x.db") is None
    monkeypatch.setattr("database.files.file_systems._MOUNTS", tmp_path / "nothing")
    assert network_kind(tmp_path / "results" / "x.db") is None
