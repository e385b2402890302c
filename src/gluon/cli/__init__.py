# SPDX-License-Identifier: Apache-2.0
"""protonclient: the command line that every Proton has, made from the commands document that the server gives.

    argv ─► invocation ─► library (cached documents) ─► nouns ─► parser ─► actions ─► output

Standard library only, and of that only what the command at hand needs: it must start well under a tenth of a second.
"""
