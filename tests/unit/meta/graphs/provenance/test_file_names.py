"""Names of graph files."""

from __future__ import annotations

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.provenance.file_names import file_names, safe_name


def test_a_graph_is_called_by_its_name_or_what_it_shows() -> None:
    """The name in the file wins; else the kind drawn, y, x, hue and facet make one."""
    specs = [
        GraphSpec(y="a", x="b", name="Figure-2"),
        GraphSpec(kind="line", y="a", x="m.b", hue="c", facet="d"),
        GraphSpec(y="a", x="b"),
    ]
    assert file_names(specs, ["bar", "line", "bar"]) == [
        "Figure-2",
        "line-a-over-m.b-by-c-per-d",
        "bar-a-over-b",
    ]


def test_names_are_safe_and_distinct() -> None:
    """Odd characters are replaced and told apart by a digest; nothing leaves the folder."""
    names = [
        safe_name(text) for text in ("a/b", "a_b", "../../etc/passwd", "größe", "größer", "x" * 300, "...")
    ]
    assert names[1] == "a_b"
    assert len(set(names)) == len(names)
    for name in names:
        assert name
        assert len(name) <= 110
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        assert not name.startswith(".")


def test_graphs_of_one_name_do_not_overwrite_each_other() -> None:
    """Also where a file system does not tell upper from lower case, and for graphs asked for twice."""
    specs = [
        GraphSpec(kind="bar", y="Acc", x="b"),
        GraphSpec(kind="bar", y="acc", x="b"),
        GraphSpec(kind="bar", y="acc", x="b"),
    ]
    names = file_names(specs, ["bar"] * 3)
    assert len({name.casefold() for name in names}) == 3
    assert names == file_names(specs, ["bar"] * 3)
