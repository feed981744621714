"""The functions that Flink calls; `udf.rcf`, the forest, and `udf.hotspots` know nothing of Flink."""

import sys

# A PyFlink worker puts its own method in the place of print; numba then refuses to be imported, because it does not
# find that method as `print` in the module it comes from. It does now. Elsewhere this changes nothing.
sys.modules[print.__module__].print = print  # type: ignore[attr-defined]
