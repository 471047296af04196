"""The code of a target as it is on disk: which files belong to it, found without importing any."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from experiments.target.base import TargetError
from experiments.target.function import FunctionTarget


def write(folder: Path, **files: str) -> None:
    """Write Python files; `a__b` is the file b in the folder a, `a__init` the one that makes it a package."""
    for name, text in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path = path.with_stem("__init__") if path.stem == "init" else path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(text: str, base: Path, *others: str) -> set[str]:
    return set(FunctionTarget.parse(text, base).digests(others))


@pytest.fixture(autouse=True)
def _nothing_is_imported() -> object:
    before = set(sys.modules)
    yield None
    assert not {name for name in set(sys.modules) - before if "helper" in name or "pkg" in name}


def test_the_closure_of_imports(tmp_path: Path) -> None:
    """Imports inside functions, of packages, relative ones, and of modules from packages; in circles too."""
    write(
        tmp_path,
        train="def main():\n    import helper\n    from pkg.sub import part, VALUE\n    import numpy, json\n",
        helper="import train, pkg\nraise SystemExit('imported')\n",
        unused="",
        pkg__init="from . import other\n",
        pkg__other="",
        pkg__unused="",
        pkg__sub__init="from ..deep.down import x\nfrom .... import beyond\n",
        pkg__sub__part="",
        pkg__deep__down="",
    )
    assert names("train.py:main", tmp_path) == {
        *("train.py", "helper.py", "pkg/__init__.py", "pkg/other.py", "pkg/sub/__init__.py"),
        *("pkg/sub/part.py", "pkg/deep/down.py"),
    }


def test_the_project_of_a_file(tmp_path: Path) -> None:
    """Files below the folders of the series file and of the target, by the way from the former."""
    write(tmp_path, configs__common="", shared__train="import helper, common\n", shared__helper="")
    assert names("../shared/train.py:main", tmp_path / "configs") == {
        *("../shared/train.py", "../shared/helper.py", "common.py")
    }
    write(tmp_path, train="import helper\n", helper="")
    assert names("../train.py:main", tmp_path / "configs") == {"train.py", "helper.py"}


def test_the_project_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what lies beside its top-level package, by the name that it is imported with."""
    write(tmp_path, src__pkg__init="", src__pkg__train="import helper\nfrom . import near\n")
    write(tmp_path, src__pkg__near="", src__helper="import below\n", configs__below="")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    assert names("pkg.train:main", tmp_path / "configs") == {
        *("pkg/__init__.py", "pkg/train.py", "pkg/near.py", "helper.py", "below.py")
    }
    with pytest.raises(TargetError, match="no module helpers"):
        names("helpers:main", tmp_path)
    with pytest.raises(TargetError, match="no file"):
        names("none.py:main", tmp_path)


def test_what_is_installed_is_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an environment in the project's folder, nor this program; but a target of ours is itself."""
    installed = tmp_path / ".venv" / "lib" / "site-packages"
    write(installed, lib_helper="import train\n")
    write(tmp_path, train="import lib_helper, database.models, experiments.context, os, sys\n")
    monkeypatch.syspath_prepend(str(installed))
    assert names("train.py:main", tmp_path) == {"train.py"}
    assert names("lib_helper:main", tmp_path) == set()
    assert names("math:sqrt", tmp_path) == names("random:random", tmp_path) == set()
    assert names("experiments.library.digits:train", tmp_path) == {"experiments/library/digits.py"}


def test_a_folder_named_as_ours(tmp_path: Path) -> None:
    """Modules of the user's that ours lack are found as imports find them."""
    write(tmp_path, train="from meta import helper\n", meta__init="", meta__helper="")
    assert names("train.py:main", tmp_path) == {"train.py", "meta/helper.py"}


def test_links(tmp_path: Path) -> None:
    """A file is part of the project where it is found there, wherever a link leads; circles do no harm."""
    write(tmp_path, project__train="import helper, loop.loop.helper\n", store__real="x = 1\n")
    (tmp_path / "project" / "helper.py").symlink_to(tmp_path / "store" / "real.py")
    (tmp_path / "project" / "loop").symlink_to(tmp_path / "project", target_is_directory=True)
    (tmp_path / "way").symlink_to(tmp_path / "project", target_is_directory=True)
    digests = FunctionTarget.parse("train.py:main", tmp_path / "way").digests()
    assert digests.keys() >= {"train.py", "helper.py"}
    (tmp_path / "store" / "real.py").write_text("x = 2\n")
    assert (
        FunctionTarget.parse("train.py:main", tmp_path / "way").digests()["helper.py"] != digests["helper.py"]
    )


def test_other_files_that_were_loaded(tmp_path: Path) -> None:
    """Paths that earlier runs found count too, as far as they are files of the project."""
    write(tmp_path, train="", plugins__a="")
    (tmp_path.parent / "outside.py").write_text("")
    others = ("plugins/a.py", "plugins/gone.py", "../outside.py", "plugins", "a\0b")
    assert names("train.py:main", tmp_path, *others) == {"train.py", "plugins/a.py"}
