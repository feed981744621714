"""What differs between the two Flink lines that the job runs on."""

from job.jars import installed_line

LINE = installed_line()
KAFKA_PACKAGE = "org.apache.kafka" if LINE == "1.20" else "org.apache.flink.kafka.shaded.org.apache.kafka"
"""Where the connector has Kafka's classes."""
KAFKA_SINK_OPTIONS = {} if LINE == "1.20" else {"sink.transaction-naming-strategy": "POOLING"}
"""Two checkpoints a second would name 170,000 transactions a day; a broker remembers each for a week."""
