"""The fingerprint of the data behind a figure: the same for the same records, whichever database holds them.

It is the SHA-256 of everything in the extract of a graph (`meta.graphs.generation.requests`) that comes from
the database: of each configuration in their order the parameters, of each completed experiment the
repetition and the results, of each curve the bytes of its steps and readings, whether seeds are shared, and
the counts in the note. Ids are replaced by places in these orders; names of mappings are sorted.
What is computed from it (means, intervals) is no part of it: that would differ in the last bit between
computers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from database.models.outcome import EARLIER_WORDS
from meta.records.attempts import AttemptRecord
from meta.records.series_records import ConfigurationRecord, SeriesRecords

#: Whatever it is called now: figures that were drawn before show the same data.
_FIRST_WORDS: dict[str, str] = {outcome: word for word, outcome in EARLIER_WORDS.items()}
#: Fields that are not data of a graph: names, labels, what else is known, and those of tables.
_NO_DATA = frozenset(
    {
        "name",
        "labels",
        "measures",
        "specs",
        "tables",
        "experiments_code",
        "no_longer_named",
        "analysis",
        "chosen_from",
        "step_counters",
        "whole",
    }
)


class Fingerprints:
    """Takes fingerprints of the extracts of one series; each array is read once, however many show it."""

    def __init__(self) -> None:
        # The array is kept, so that its id cannot become that of another one.
        self._arrays: dict[int, tuple[np.ndarray[Any, Any], str]] = {}

    def of(self, extract: SeriesRecords) -> str:
        """Return the fingerprint, 64 hexadecimal digits."""
        # The places that ids are replaced by; those that are met later come after these.
        completed = [experiment for member in extract.configurations for experiment in member.completed]
        places = {
            "configuration_id": {member.id: place for place, member in enumerate(extract.configurations)},
            "experiment_id": {experiment.id: place for place, experiment in enumerate(completed)},
        }

        def place_of(kind: str, id_: int) -> int:
            return places[kind].setdefault(id_, len(places[kind]))

        def with_places(value: Any) -> Any:
            """Replace ids of experiments that are the keys of mappings, also of mappings within mappings."""
            if not isinstance(value, Mapping):
                return value
            return {
                place_of("experiment_id", name) if isinstance(name, int) else name: with_places(item)
                for name, item in value.items()
            }

        def plain(value: Any) -> Any:
            """Convert a value to types that JSON has."""
            if isinstance(value, np.ndarray):
                return self._digest(value)
            if dataclasses.is_dataclass(value):
                content = dict(vars(value))
                content.pop("id", None)  # its index in the list identifies it
                if isinstance(value, AttemptRecord) and value.outcome is not None:
                    content["outcome"] = _FIRST_WORDS.get(value.outcome, value.outcome)
                if isinstance(value, ConfigurationRecord):
                    ends = content.pop("unfinished").values()
                    content["missing"] = Counter(_FIRST_WORDS.get(end, end) for end in ends)
                for kind in places.keys() & content.keys():
                    content[kind] = place_of(kind, content[kind])
                return content
            if isinstance(value, Mapping):
                return dict(value)
            return value.isoformat()  # a time

        names = [part.name for part in dataclasses.fields(extract) if part.name not in _NO_DATA]
        content = {name: with_places(getattr(extract, name)) for name in names}
        if not extract.timed_out_s:  # as before there were any
            del content["timed_out_s"]
        content["retired"] = extract.retired  # the note has their number only
        text = json.dumps(content, default=plain, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def _digest(self, array: np.ndarray[Any, Any]) -> str:
        known = self._arrays.get(id(array))
        if known is None:
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            digest = f"{little.dtype.str}{little.shape}{hashlib.sha256(little.data).hexdigest()}"
            known = self._arrays[id(array)] = array, digest
        return known[1]
