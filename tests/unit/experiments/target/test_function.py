"""Targets: parsing, loading, and living beside a project whose folders are named as ours."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY

import pytest

from experiments.target.function import FunctionTarget
from experiments.target.signature import TargetError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield an empty project folder; what loading changes in this process is undone."""
    folder = tmp_path / "mon projet é"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    packages = {name: importlib.import_module(name) for name in ("database", "experiments", "meta")}
    for package in packages.values():
        monkeypatch.setattr(package, "__path__", list(package.__path__))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        parent, _, child = name.rpartition(".")
        if parent in packages:
            delattr(packages[parent], child)
        del sys.modules[name]


def write(folder: Path, **files: str) -> None:
    """Write Python files; `a__b` is the file b in the folder a."""
    for name, text in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def load_error(text: str, folder: Path) -> str:
    with pytest.raises(TargetError) as caught:
        FunctionTarget.parse(text, folder).load()
    return str(caught.value)


def test_a_file_is_relative_to_the_series_file_and_canonically_absolute(project: Path) -> None:
    """`path/file.py:function` becomes absolute, links resolved, and reads back as itself."""
    (project / "link").symlink_to(project, target_is_directory=True)
    target = FunctionTarget.parse("sub/../link/träin.py:main", project)
    assert target.path == project / "träin.py"
    assert str(target) == f"{project}/träin.py:main"
    assert FunctionTarget.parse(str(target), project) == target


def test_a_module_stays_as_it_is(project: Path) -> None:
    """`package.module:Class.function` is canonical as written."""
    target = FunctionTarget.parse("package.module:Class.function", project)
    assert (target.module, target.function, target.path) == ("package.module", "Class.function", None)
    assert str(target) == "package.module:Class.function"


def test_a_colon_in_a_folder_belongs_to_the_path(project: Path) -> None:
    """Only the last colon separates the function."""
    assert FunctionTarget.parse("a:b/train.py:f", project).path == project / "a:b" / "train.py"


@pytest.mark.parametrize(
    "text", ["main", "1x:f", "train.py:", ":f", "a b:f", "train:f()", "a..b:f", "train.txt:f x"]
)
def test_what_is_no_target_is_refused(project: Path, text: str) -> None:
    """The message says the two forms there are."""
    with pytest.raises(TargetError, match=r"is not module:function or path/file\.py:function"):
        FunctionTarget.parse(text, project)


def test_a_file_without_function_is_told_how_to_write_it(project: Path) -> None:
    """`train.py` alone, or the command that runs it, is an error that asks for the function."""
    for text in ("train.py", "python train.py", "python3 train.py"):
        with pytest.raises(TargetError, match=r"names no function; write train\.py:FUNCTION"):
            FunctionTarget.parse(text, project)


def test_an_unknown_home_folder_is_told(project: Path) -> None:
    """`~somebody` that does not exist is an error of ours."""
    with pytest.raises(TargetError, match="home folder is not known"):
        FunctionTarget.parse("~nobody-of-this-name/x.py:f", project)


def test_a_file_is_loaded_once_with_its_folder_searched_last(project: Path) -> None:
    """The file's folder is appended to the search path, and the module is loaded once per process."""
    write(
        project,
        sub__train="import beside\ncalls = []\ndef main(): calls.append(1); return beside.VALUE, calls\n",
    )
    write(project, sub__beside="VALUE = 7\n")
    target = FunctionTarget.parse("sub/train.py:main", project)
    assert target.load().function() == (7, [1])
    assert target.load().function() == (7, [1, 1])
    assert sys.path[-2:] == [str(project / "sub"), str(project)]


def test_two_files_of_one_name_do_not_meet(project: Path) -> None:
    """`a/train.py` and `b/train.py` are two modules, of which the first has the name."""
    write(project, a__train="def main(): return 'a'\n", b__train="def main(): return 'b'\n")
    loaded = [FunctionTarget.parse(f"{folder}/train.py:main", project).load().function for folder in "ab"]
    assert [function() for function in loaded] == ["a", "b"]
    assert loaded[0].__module__ == "train"
    assert loaded[1].__module__.startswith("_experiments_target_")


@pytest.mark.parametrize("name", ["random", "my-train", "train.v2", "__main__"])
def test_other_processes_find_the_module(project: Path, name: str) -> None:
    """An interpreter that has this one's search path imports the function by the name of its module."""
    (project / f"{name}.py").write_text("import beside, random\ndef main(): return beside.VALUE, __file__\n")
    write(project, beside="VALUE = 7\n")
    target = FunctionTarget.parse(f"{name}.py:main", project)
    modules = project / "run" / "modules"
    function = target.load(modules).function
    assert function() == (7, str(target.path))
    code = (
        "import json, sys; sys.path[:], name = json.loads(sys.argv[1]); module = __import__(name); "
        "print(module.main.__module__, *module.main()); import inspect; inspect.getsource(module.main)"
    )
    request = json.dumps([sys.path, function.__module__])
    told = subprocess.run(
        [sys.executable, "-P", "-c", code, request], check=True, capture_output=True, text=True
    ).stdout
    assert told.split(" ", 2) == [function.__module__, "7", f"{target.path}\n"]
    assert target.load(modules).function is function
    assert sys.path.count(str(modules)) == (0 if name == "my-train" else 1)


def test_a_target_finds_what_a_script_finds(project: Path) -> None:
    """`sys.argv` is the file and nothing else, at import too; only the import chooses a start method."""
    text = "import multiprocessing, sys\nat_import = sys.argv[:]\n{}def main(): return at_import, sys.argv\n"
    chooses = "multiprocessing.set_start_method('spawn')\n"
    write(project, free=text.format(""), pack__choosing=text.format(chooses))
    (project / "pack" / "__init__.py").write_text(text.format(""))
    before = multiprocessing.get_start_method(allow_none=True)
    try:
        for name, file, method in (
            ("free.py", "free.py", None),
            ("pack.choosing", "pack/choosing.py", "spawn"),
            ("pack", "pack/__init__.py", None),
            ("pack.choosing", "pack/choosing.py", "spawn"),  # it is loaded already
        ):
            function = FunctionTarget.parse(f"{name}:main", project).load().function
            assert function() == ([str(project / file)] if name != "pack" else ANY, [str(project / file)])
            assert multiprocessing.get_start_method(allow_none=True) == method
    finally:
        multiprocessing.set_start_method(before, force=True)


def test_a_file_may_be_named_like_a_module_of_the_standard_library(project: Path) -> None:
    """`json.py` of the user is loaded when asked for by path, and does not replace the library's."""
    write(project, json="def main(): return 'mine'\n")
    assert FunctionTarget.parse("json.py:main", project).load().function() == "mine"
    import json

    assert json.loads("1") == 1


def test_dataclasses_and_methods_work_in_a_file(project: Path) -> None:
    """A loaded module is registered as an import registers it; dots lead into classes."""
    write(
        project,
        train="from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Model:\n    lr: float\n    @staticmethod\n    def main(lr): return Model(lr).lr\n",
    )
    assert FunctionTarget.parse("train.py:Model.main", project).load().function(0.5) == 0.5


def test_a_project_with_folders_named_as_ours(project: Path) -> None:
    """A user's `experiments`, `meta` and `database` folders are searched for what ours do not have."""
    import experiments.parameters as ours

    write(
        project,
        experiments____init__="raise RuntimeError('not run')\n",
        experiments__helpers="VALUE = 'helper'\n",
        experiments__parameters="raise RuntimeError('ours wins')\n",
        meta__plots="VALUE = 'plot'\n",
        database__tables="VALUE = 'table'\n",
        experiments__train="from experiments.helpers import VALUE as a\nfrom meta.plots import VALUE as b\n"
        "from database.tables import VALUE as c\nfrom experiments.parameters import nest\n"
        "def main(): return a, b, c, nest\n",
    )
    expected = ("helper", "plot", "table", ours.nest)
    assert FunctionTarget.parse("experiments/train.py:main", project).load().function() == expected
    assert FunctionTarget.parse("experiments.train:main", project).load().function() == expected


def test_a_module_is_found_beside_the_series_file_and_in_the_current_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Module targets are searched in what is installed, the series file's folder and the current one."""
    write(project, configs__near_file="def f(): return 1\n", near_here="def f(): return 2\n")
    monkeypatch.chdir(project)
    assert FunctionTarget.parse("near_file:f", project / "configs").load().function() == 1
    assert FunctionTarget.parse("near_here:f", project / "configs").load().function() == 2
    assert (
        FunctionTarget.parse("json:dumps", project).load().function is importlib.import_module("json").dumps
    )


def test_missing_files_modules_and_functions_name_the_nearest(project: Path) -> None:
    """Each missing part is named with the nearest name of its kind."""
    write(project, train="def main(): pass\ndef _hidden(): pass\nsize = 3\n", pack__inner="def f(): pass\n")
    assert (
        load_error("trian.py:main", project) == f"there is no file {project}/trian.py; did you mean train.py?"
    )
    assert (
        load_error("no/train.py:main", project)
        == f"there is no folder {project}/no, where train.py should be"
    )
    assert load_error("a" * 300 + ".py:main", project).endswith("... cannot be read: File name too long")
    assert load_error("train.py:mian", project) == (
        f"{project}/train.py has no function 'mian'; did you mean 'main'? it has: main"
    )
    assert load_error("train.py:size", project) == f"{project}/train.py:size is no function, but of type int"
    assert load_error("pack.iner:f", project).endswith("; did you mean pack.inner?")
    assert load_error("expermients.library.x:f", project) == (
        "there is no module expermients.library.x (already expermients is missing) in what is installed, "
        "the folder of the series file or the current folder; did you mean experiments?"
    )
    assert "there is no module experiments.target.function.x in" in load_error(
        "experiments.target.function.x:f", project
    )


def test_an_import_that_raises_shows_the_users_lines(project: Path) -> None:
    """The end of the traceback is shown, without the frames of the import machinery; it is tried again."""
    write(project, broken="def deep():\n    import no_such_module_é\ndeep()\n")
    message = load_error("broken.py:f", project)
    without_markers = "\n".join(line for line in message.splitlines() if set(line.strip()) - set("~^"))
    assert without_markers == (
        f"importing {project}/broken.py raised ModuleNotFoundError at {project}/broken.py:2 in deep:\n"
        "    Traceback (most recent call last):\n"
        f'      File "{project}/broken.py", line 3, in <module>\n'
        "        deep()\n"
        f'      File "{project}/broken.py", line 2, in deep\n'
        "        import no_such_module_é\n"
        "    ModuleNotFoundError: No module named 'no_such_module_é'"
    )
    assert "raised ModuleNotFoundError" in load_error("broken:f", project)
    write(project, leaving="raise SystemExit(3)\n")
    advice = 'SystemExit (what only a script does belongs below `if __name__ == "__main__":`) at'
    assert advice in load_error("leaving.py:f", project)
    assert "raised SystemExit" in load_error("leaving:f", project)
    write(project, broken="def f(): return 'mended'\n")
    assert FunctionTarget.parse("broken.py:f", project).load().function() == "mended"


def test_a_directory_is_no_python_file(project: Path) -> None:
    """A folder whose name ends in .py is told to be one."""
    (project / "x.py").mkdir()
    assert "x.py is a folder, not a Python file" in load_error("x.py:f", project)


def test_call(project: Path) -> None:
    """A function gets of what is offered only what it asks for."""
    (project / "train.py").write_text("def main(lr, seed): return lr, seed\n")
    target = FunctionTarget.parse("train.py:main", project)
    assert target.base_directory == project.resolve()
    offered = {"seed": 7, "repetition": 3, "run": None}
    assert target.load().call({"lr": 0.5}, offered) == (0.5, 7)
