"""Benchmarks: the forest, the state and the whole job, each beside its peers."""
