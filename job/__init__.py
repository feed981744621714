"""The Flink job: its command line, its options, and the pipeline from raw bytes to sorted scores."""
