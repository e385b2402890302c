# SPDX-License-Identifier: Apache-2.0
"""Drivers of Protons of which more is known than what every model says."""
