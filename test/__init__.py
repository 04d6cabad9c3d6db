"""One thread for arithmetic: with more, those that wait for a part of it burn a core."""

import os

# Before NumPy comes, and for processes that tests start. The launcher does so for its servers.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
