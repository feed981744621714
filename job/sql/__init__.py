"""Kinesis Data Analytics SQL applications on Flink: parsed (`dialect`), planned, run."""
