"""Reading untrusted YAML strictly: plain data with line numbers.

Data is composed from PyYAML's events, not loaded: nothing that the file names is constructed, aliases are
counted before they are copied, and depth is bounded while reading. The parser is the pure Python one:
libyaml was measured to crash the process on deep nesting, and has other messages and columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from experiments.series_file.reading.document import MAX_DEPTH, Document, Position, text_problem
from experiments.series_file.reading.errors import MAX_PROBLEMS, KeyPath, Problem, SeriesFileError
from experiments.series_file.reading.scalars import AmbiguousScalarError, foreign_word_problem, plain_scalar

MAX_BYTES = 1024 * 1024
#: Keys and values of a file, aliases expanded.
MAX_VALUES = 100_000

#: What PyYAML says of a tab.
_TAB = "found character '\\t' that cannot start any token"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_yaml(content: bytes) -> Document:
    """Read the content of a file.

    Raises
    ------
    SeriesFileError
        When the file is not UTF-8 or not YAML, too large or too deep, or not one mapping. Problems after
        which reading can continue (duplicate keys, tags, ...) are in the document.
    """
    text = _decode(content)
    composer = _Composer(text)
    root = composer.compose_document()
    positions: dict[KeyPath, Position] = {(): Position(1, 1)}
    foreign_words: dict[KeyPath, str] = {}
    data = _plain(root, (), positions, foreign_words)
    if not isinstance(data, dict):
        raise _unreadable("a series file is a mapping of keys such as name, run and grid", *root.position)
    return Document(data, positions, tuple(composer.problems), foreign_words)


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _unreadable(f"the file has more than {MAX_BYTES:,} bytes, the limit")
    if content.startswith(_UTF16_MARKS):
        raise _unreadable("the file is UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"0x{content[error.start]:02x}"
        raise _unreadable(f"the byte {byte} is not UTF-8; save the file as UTF-8", line) from error


def _unreadable(message: str, line: int = 1, column: int = 1, path: KeyPath = ()) -> SeriesFileError:
    """Return the error of a problem after which reading cannot continue."""
    return SeriesFileError([Problem(message, path, line, column)])


@dataclass(slots=True)
class _Node:
    """A composed value; nodes that aliases refer to are shared."""

    value: Any  # a scalar, a list of nodes, or a dict of (key position, node)
    position: Position
    #: The number of values below it, aliases expanded.
    size: int = 1
    height: int = 1
    foreign_word: str | None = None


class _Composer:
    """Builds nodes from events, and collects problems."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._events = _events(text)
        self._path: list[str | int] = []
        self._anchors: dict[str, _Node | None] = {}  # None: incomplete

    def compose_document(self) -> _Node:
        """Return the only document of the file."""
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise _unreadable("the file is empty")
        root = self._compose(next(self._events))
        next(self._events)  # the end of the document
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise self._unreadable(following, "a second document begins here; a file describes one series")
        return root

    def _compose(self, event: yaml.Event) -> _Node:
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if len(self._path) >= MAX_DEPTH:
            raise self._unreadable(event, f"nests deeper than {MAX_DEPTH} levels")
        if event.tag is not None:
            self._report(event, f"the tag {event.tag} is not allowed; write plain values")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event)
        else:
            assert isinstance(event, yaml.ScalarEvent)
            node = _Node(self._scalar(event), _position(event))
            node.foreign_word = foreign_word_problem(event.value) if event.style is None else None
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _aliased(self, event: yaml.AliasEvent) -> _Node:
        if event.anchor not in self._anchors:
            raise self._unreadable(event, f"nothing before it is named by the anchor &{event.anchor}")
        node = self._anchors[event.anchor]
        if node is None:
            raise self._unreadable(event, f"*{event.anchor} contains itself")
        if len(self._path) + node.height > MAX_DEPTH:
            raise self._unreadable(event, f"nests deeper than {MAX_DEPTH} levels")
        return node

    def _mapping(self, start: yaml.Event) -> _Node:
        entries: dict[str, tuple[Position, _Node]] = {}
        node = _Node(entries, _position(start))
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            self._path.append("?" if key is None else key)
            if key in entries:
                self._report(event, f"the key is there twice, first in line {entries[key][0].line}")
            value = self._compose(next(self._events))
            self._path.pop()
            node.size += 1  # the key
            self._grow(node, value, event)
            if key is not None:
                entries.setdefault(key, (_position(event), value))
        return node

    def _sequence(self, start: yaml.Event) -> _Node:
        items: list[_Node] = []
        node = _Node(items, _position(start))
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._path.append(len(items))
            items.append(self._compose(event))
            self._path.pop()
            self._grow(node, items[-1], event)
        return node

    def _grow(self, node: _Node, child: _Node, event: yaml.Event) -> None:
        node.size += child.size
        node.height = max(node.height, child.height + 1)
        if node.size > MAX_VALUES:
            raise self._unreadable(
                event, f"the file holds more than {MAX_VALUES:,} keys and values, aliases written out"
            )

    def _key(self, event: yaml.Event) -> str | None:
        """Return a key; None after reporting an invalid one."""
        if isinstance(event, yaml.ScalarEvent) and event.style is None and event.value == "<<":
            self._report(event, "merge keys (<<) are not read; write the keys out")
            return None
        known = len(self.problems)
        key = [] if isinstance(event, yaml.CollectionStartEvent) else self._compose(event).value
        if isinstance(key, list | dict):  # not composed: keys may lie in keys without end
            raise self._unreadable(event, "keys are text, not lists or mappings")
        if isinstance(key, str):
            return key if len(self.problems) == known else None
        shown = event.value if isinstance(event, yaml.ScalarEvent) and event.value else str(key).lower()
        self._report(event, f'keys are text; quote {shown} if it is meant as text ("{shown}")')
        return None

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        try:
            value = plain_scalar(event.value) if event.style is None else event.value
        except AmbiguousScalarError as error:
            self._report(event, str(error))
            return event.value
        if isinstance(value, str) and (problem := text_problem(value)):
            self._report(event, problem)
        return value

    def _report(self, event: yaml.Event, message: str) -> None:
        self.problems.append(Problem(message, tuple(self._path), *_position(event)))
        if len(self.problems) >= MAX_PROBLEMS:
            raise SeriesFileError(self.problems)

    def _unreadable(self, event: yaml.Event, message: str) -> SeriesFileError:
        return _unreadable(message, *_position(event), tuple(self._path))


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        parser = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"U+{ord(text[error.position]):04X}"
        raise _unreadable(f"the character {character} is not allowed in YAML", line) from error
    try:
        while parser.check_event():
            yield parser.get_event()  # type: ignore[no-untyped-call]  # the types of PyYAML leave it out
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        context = f" ({error.context})" if error.context else ""
        if error.problem == _TAB:
            raise _unreadable("this is not YAML: a tab cannot indent a line; use spaces", *where) from error
        raise _unreadable(f"this is not YAML: {error.problem}{context}", *where) from error
    except (ValueError, OverflowError) as error:  # PyYAML converts digits without a look at how many they are
        raise _unreadable(
            f"this is not YAML: the number {parser.prefix(8)}... is too large here; the last character is "
            '"\\U0010FFFF", and the last version is %YAML 1.2',
            parser.line + 1,
            parser.column + 1,
        ) from error


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    return Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)


def _plain(
    node: _Node, path: KeyPath, positions: dict[KeyPath, Position], foreign_words: dict[KeyPath, str]
) -> Any:
    """Return the data of `node`, aliases expanded, and add what is known of its parts to the mappings."""
    if node.foreign_word is not None:
        foreign_words[path] = node.foreign_word
    if isinstance(node.value, dict):
        data = {}
        for key, (position, child) in node.value.items():
            positions[*path, key] = position
            data[key] = _plain(child, (*path, key), positions, foreign_words)
        return data
    if isinstance(node.value, list):
        items = []
        for index, child in enumerate(node.value):
            positions[*path, index] = child.position
            items.append(_plain(child, (*path, index), positions, foreign_words))
        return items
    return node.value
