"""What a broker has for the job, and what its connector needs to be told."""

from dataclasses import dataclass

from job.parse import literal


@dataclass(frozen=True)
class Found:
    """A topic or stream that is there: how many partitions (open shards) it has now, and its ARN on Kinesis."""

    partitions: int
    arn: str = ""


def create_table(name: str, columns: str, options: dict[str, str]) -> str:
    """The statement that makes a temporary table. (A TableDescriptor's options are immutable, which Kinesis minds.)"""
    told = ", ".join(f"{literal(option)} = {literal(value)}" for option, value in options.items())
    return f"CREATE TEMPORARY TABLE {name} ({columns}) WITH ({told})"


@dataclass(frozen=True)
class SourceTable:
    """A table of raw records. `arrived` and `partition_number` are SQL over the columns that `metadata` has, if any."""

    options: dict[str, str]
    metadata: str
    arrived: str
    partition_number: str
