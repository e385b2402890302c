# SPDX-License-Identifier: Apache-2.0
"""HTTP client of the API, on the standard library alone: protonclient starts fast with it, drivers add nothing by it."""
