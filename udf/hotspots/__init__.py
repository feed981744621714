"""Hotspots, the dense regions of a stream's last records: a numeric core that knows nothing of Flink."""

from .window import Hotspots

__all__ = ["Hotspots"]
