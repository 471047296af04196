"""The ORM models, one file per table family; import them from here."""

from database.models.base import Base
from database.models.code import Code, SeriesCode
from database.models.experiment import Attempt, Experiment, ExperimentStatus
from database.models.outcome import Outcome
from database.models.output import Artifact, MetricChunk
from database.models.runner import ProcessState, Runner, Worker
from database.models.series import Configuration, ExperimentSeries, SeriesCounters, SeriesState

__all__ = [
    "Artifact",
    "Attempt",
    "Base",
    "Code",
    "Configuration",
    "Experiment",
    "ExperimentSeries",
    "ExperimentStatus",
    "MetricChunk",
    "Outcome",
    "ProcessState",
    "Runner",
    "SeriesCode",
    "SeriesCounters",
    "SeriesState",
    "Worker",
]
