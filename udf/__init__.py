"""The functions that Flink calls, and in `udf.rcf` the forest, which knows nothing of Flink."""
