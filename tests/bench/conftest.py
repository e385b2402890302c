# SPDX-License-Identifier: Apache-2.0
"""The bench is run from the folder that it is in, and is no installed package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
