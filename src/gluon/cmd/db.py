# SPDX-License-Identifier: Apache-2.0
"""``gluon db plan|apply|history``: bring a database to the models, beside the servers that run on it.

``plan`` shows what ``apply`` would do, and changes nothing. Both say why models cannot be applied to the data that are there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable

from gluon.cmd import config, models
from gluon.errors import SettingsError
from gluon.model.schema import Proton
from gluon.settings import ServerSettings
from gluon.store.driver import DatabaseError
from gluon.store.opening import open_session
from gluon.store.schema import wording
from gluon.store.schema.applying import apply
from gluon.store.schema.checking import violations
from gluon.store.schema.history import history
from gluon.store.schema.session import Session, look
from gluon.store.schema.steps import Grade, Plan, Step

#: Exit status of a plan that has steps.
TO_DO = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.epilog = "plan ends with status 0 where there is nothing to do, 2 where there are steps, 1 where something is wrong"
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    plan = actions.add_parser("plan", help="show the steps that lead from the database to the models; 2 where there are any")
    plan.add_argument("--sql", action="store_true", help="as a script for who applies it by hand")
    apply = actions.add_parser("apply", help="do them; what was interrupted goes on where it was")
    apply.add_argument("--yes", action="store_true", help="do not ask, on a terminal, before anything is changed")
    for action in (plan, apply):
        action.add_argument(
            "--allow", action="append", default=[], metavar="STEP", help="take this away, as the plan names it (repeatable)"
        )
    events = actions.add_parser("history", help="show what was done to the database")
    events.add_argument("--sql", action="store_true", help="with the statements")
    for action in (plan, apply, events):
        action.add_argument(
            "--config-file", action="append", default=[], metavar="FILE", help="the server's settings (repeatable)"
        )


def run(args: argparse.Namespace) -> int:
    """0; 1 where something is wrong; 2 where ``plan`` found steps."""
    settings = config.load(ServerSettings, args.config_file, os.environ)
    protons = [family.newest for family in models.families(settings.default).values()]
    return asyncio.run(_run(args, settings, protons))


async def _run(args: argparse.Namespace, settings: ServerSettings, protons: list[Proton]) -> int:
    async with open_session(settings.database, writes=args.action == "apply") as session:
        try:
            if args.action == "plan":
                return await _plan(session, protons, args.allow, sql=args.sql)
            if args.action == "apply":
                return await _apply(session, protons, args.allow, asks=not args.yes and sys.stdin.isatty())
            _print(wording.told(await history(session), sql=args.sql))
        except DatabaseError as error:
            raise SettingsError(f"[database] connection: {session.place}: {error}") from error
    return 0


async def _plan(session: Session, protons: list[Proton], allowed: list[str], *, sql: bool) -> int:
    found = await look(session, protons, allowed, rows=True)
    faults = [*found.plan.refused, *await violations(session, found, found.plan.steps)]
    if sql:
        _print(wording.script(found.plan, found.goal, session.place))
    else:
        _print(wording.listing(found.plan, session.place))
    if faults:
        raise SettingsError("the models cannot be applied:\n" + "\n".join(faults))
    return TO_DO if found.plan.steps else 0


async def _apply(session: Session, protons: list[Proton], allowed: list[str], *, asks: bool) -> int:
    def agree(plan: Plan) -> bool:
        if not asks:
            return True
        _print(wording.listing(plan, session.place))
        return input("\nDo this? [y/N] ").strip().lower() in ("y", "yes")

    def tell(step: Step) -> None:
        slow = " (may take a while)" if step.grade is Grade.SLOW else ""
        print(f"{step.sentence}{slow}", flush=True)

    done = await apply(session, protons, allowed=allowed, tell=tell, agree=agree)
    if done.steps:
        print(f"done: {wording.summary(done)}")
    elif (await look(session, protons, allowed, rows=True)).plan.steps:
        print("nothing was changed")
        return 1
    else:
        print(f"{session.place} has all that the models need.")
    return 0


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
