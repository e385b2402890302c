# SPDX-License-Identifier: Apache-2.0
"""Measurements: every figure beside a floor that was measured in the same run."""
