# SPDX-License-Identifier: Apache-2.0
"""``chaos`` lies beside the package, as ``bench`` does."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
