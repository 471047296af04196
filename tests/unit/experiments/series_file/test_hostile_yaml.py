"""The corpus of hostile and broken series files: each is refused quickly, with a message that helps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.series_file.loading import load_series_file
from experiments.series_file.reading.errors import SeriesFileError
from experiments.series_file.reading.yaml_reader import read_yaml

CORPUS = Path(__file__).parents[2] / "hostile_yaml"

#: file -> (the line it must name, a part of the message)
EXPECTED = {
    "alias_bomb.yaml": (9, "more than 100,000 keys and values, aliases written out"),
    "beyond_64_bits.yaml": (3, "fixed.a: is an integer beyond 64 bits; quote it"),
    "binary_number.yaml": (3, "0b101 is not the same value to all YAML parsers"),
    "binary_tag.yaml": (3, "the tag tag:yaml.org,2002:binary is not allowed"),
    "colliding_keys.yaml": (3, "keys are text; quote true if it is meant as text"),
    "control_character.yaml": (3, "the character U+0007 is not allowed"),
    "deep_aliases.yaml": (5, "nests deeper than 50 levels"),
    "deep_block.yaml": (53, "nests deeper than 50 levels"),
    "deep_items.yaml": (5, "nests deeper than 50 levels"),
    "deep_keys.yaml": (4, "keys are text, not lists or mappings"),
    "deep_list.yaml": (4, "nests deeper than 50 levels"),
    "deep_mapping.yaml": (4, "nests deeper than 50 levels"),
    "device_name.yaml": (1, "'NUL.txt' is the name of a device on Windows"),
    "duplicate_key.yaml": (6, "grid.lr: the key is there twice, first in line 4"),
    "duplicate_section.yaml": (4, "grid: the key is there twice, first in line 3"),
    "empty.yaml": (1, "the file is empty"),
    "endless_grid.yaml": (3, "at least 1,000,000,000,000,000 experiments"),
    "endless_hexadecimal.yaml": (3, "an integer of 50002 characters"),
    "endless_integer.yaml": (3, "an integer of 100000 characters"),
    "endless_version.yaml": (2, "the number 99999999... is too large here"),
    "escape_beyond_32_bits.yaml": (3, "the number FFFFFFFF... is too large here"),
    "escape_beyond_unicode.yaml": (3, "the number 00110000... is too large here"),
    "foreign_infinity.yaml": (5, "fixed.a: -Inf is text in YAML, not the number -.inf, and parameters must"),
    "foreign_null.yaml": (5, 'grid.b[0].c[1]: None is text in YAML; write "None" for the text, or null'),
    "full_width_name.yaml": (1, "must begin with a letter or digit"),
    "huge_grid.yaml": (3, "describes 1,000,000,000,000 experiments (10 x 10"),
    "infinity.yaml": (3, "grid.a[1]: is -inf"),
    "latin1.yaml": (3, "the byte 0xe9 is not UTF-8"),
    "leading_zero_not_octal.yaml": (3, "08 is not the same value to all"),
    "list_as_key.yaml": (3, "keys are text, not lists or mappings"),
    "local_tag.yaml": (3, "the tag !secret is not allowed"),
    "lone_surrogate.yaml": (3, "half of a surrogate pair"),
    "many_seeds.yaml": (3, "repeat.seeds: must be at most 1000000"),
    "mapping_as_key.yaml": (4, "keys are text, not lists or mappings"),
    "merge_bomb.yaml": (18, "more than 100,000 keys and values, aliases written out"),
    "merge_key.yaml": (5, "merge keys (<<) are not read; write the keys out"),
    "not_a_mapping.yaml": (1, "a series file is a mapping of keys such as name, run and grid"),
    "not_a_number.yaml": (3, "fixed.a: is nan"),
    "nul_byte.yaml": (3, "the character U+0000 is not allowed"),
    "nul_escape.yaml": (3, "description: contains a NUL character"),
    "null_key.yaml": (3, "keys are text; quote ~"),
    "octal_leading_zero.yaml": (3, 'quote it for text ("010"), or write a plain decimal number'),
    "octal_new.yaml": (3, "0o17 is not the same value to all"),
    "only_a_comment.yaml": (1, "the file is empty"),
    "only_text.yaml": (1, "a series file is a mapping"),
    "overflowing_float.yaml": (3, "fixed.a: is inf"),
    "python_name.yaml": (3, "python/name:os.system is not allowed"),
    "python_object.yaml": (3, "python/object/apply:os.system is not allowed"),
    "recursive_alias.yaml": (3, "*a contains itself"),
    "recursive_mapping.yaml": (4, "*top contains itself"),
    "second_document.yaml": (3, "a second document begins here"),
    "sexagesimal.yaml": (3, "12:30:45 is not the same value to all"),
    "sexagesimal_float.yaml": (3, "12:30:45.5 is not the same value to all"),
    "standard_tag.yaml": (3, "the tag tag:yaml.org,2002:str is not allowed"),
    "surrogate_bytes.yaml": (3, "the byte 0xed is not UTF-8"),
    "surrogate_in_key.yaml": (3, "half of a surrogate pair"),
    "tab_indentation.yaml": (4, "a tab cannot indent a line; use spaces"),
    "traversing_name.yaml": (1, "must begin with a letter or digit"),
    "unclosed.yaml": (4, "expected ',' or ']'"),
    "underscore.yaml": (3, "1_000 is not the same value to all"),
    "underscore_float.yaml": (3, "1_000.5e3 is not the same value to all"),
    "unknown_alias.yaml": (3, "nothing before it is named by the anchor &nowhere"),
    "utf16.yaml": (1, "the file is UTF-16; save it as UTF-8"),
}

_LOAD_ALL = """
import json, sys, time
from pathlib import Path
from experiments.series_file.reading.errors import SeriesFileError
from experiments.series_file.loading import load_series_file
seconds = {}
for path in sorted(Path(sys.argv[1]).glob("*.yaml")):
    start = time.process_time()  # this process's own: other processes may run too
    try:
        load_series_file(path)
    except SeriesFileError:
        seconds[path.name] = time.process_time() - start
# Not ru_maxrss, which begins with the memory of the process that started this one.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps({"seconds": seconds, "peak_bytes": int(peak.split()[1]) * 1024}))
"""


def test_the_corpus_and_its_expectations_agree() -> None:
    """Every file of the corpus has an expectation, and the reverse."""
    assert {path.name for path in CORPUS.glob("*.yaml")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_hostile_file_is_refused_with_its_line(name: str) -> None:
    """A hostile file is refused by a SeriesFileError that names the file, the line and the cause."""
    line, message = EXPECTED[name]
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(CORPUS / name)
    lines = str(caught.value).splitlines()
    assert any(told.startswith(f"{CORPUS / name}:{line}: ") and message in told for told in lines), lines


def test_each_hostile_file_takes_little_time_and_memory() -> None:
    """No file of the corpus takes 2 s, and all of them together stay below 200 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD_ALL, str(CORPUS)],
        capture_output=True,
        check=True,
        text=True,
        timeout=180,  # reading what never ends takes no time of the processor
    )
    found = json.loads(done.stdout)
    assert set(found["seconds"]) == set(EXPECTED)
    assert max(found["seconds"].values()) < 2
    assert found["peak_bytes"] < 200e6


def test_a_file_above_the_limit_of_size_is_refused_unread(tmp_path: Path) -> None:
    """A file of more than 1 MiB is refused for its size, whatever is in it."""
    path = tmp_path / "groß.yaml"
    path.write_bytes(b"#" * (1024 * 1024 + 100))
    with pytest.raises(SeriesFileError, match="the file has more than 1,048,576 bytes, the limit"):
        load_series_file(path)


_FRAGMENTS = st.sampled_from(
    [
        *["a", "1", "[", "]", "{", "}", "*x", "<<", "'", "|", ">", "#", ",", "---", "...", "grid", "é"],
        *("- ", ": ", "\n", "  ", "&x ", "!!str ", '"', "? ", "\t", "%YAML 1.1", "\\u0000"),
        *("\\UFFFFFFFF", "%YAML 1." + "9" * 5000, "? " * 2000, "- " * 2000),
        *("name: n\n", "run: {function: a:b}\n"),
    ]
)


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=60), st.lists(_FRAGMENTS, max_size=25).map(lambda parts: "".join(parts).encode())
    )
)
def test_whatever_bytes_come_reading_ends_in_data_or_a_problem(content: bytes) -> None:
    """Any bytes give plain data or a SeriesFileError, never another exception."""
    try:
        document = read_yaml(content)
    except SeriesFileError as error:
        assert [problem for problem in error.problems if problem.line is None] == []  # noqa: PT017 - both ends are allowed
    else:
        json.dumps(document.data)


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(
            ["name", "run", "fixed", "grid", "repeat", "metrics", "execute", "graphs", "tags", "x"]
        ),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(
                        ["function", "seeds", "a", "a.b", "y", "x", "kind", "goal", "workers", "", "."]
                    ),
                    inner,
                    max_size=3,
                ),
            ),
            max_leaves=8,
        ),
    )
)
def test_whatever_mapping_comes_loading_ends_in_a_series_or_its_problems(source: dict[str, object]) -> None:
    """Any mapping gives a series or a SeriesFileError, never another exception."""
    try:
        loaded = load_series_file(source)
    except SeriesFileError as error:
        assert error.problems  # noqa: PT017 - both ends are allowed
    else:
        assert loaded.file.name == source["name"]
