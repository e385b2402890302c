# SPDX-License-Identifier: Apache-2.0
"""``gluon db`` as an operator runs it, on each database."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from gluon.parts.child import clean_environment

from ..store.schema.evolution import write


@pytest.fixture(params=["mariadb", "postgresql", "sqlite"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gluon.sqlite'}"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


class Operator:
    """Someone at a shell, who has the models of a version in place."""

    def __init__(self, folder: Path, connection: str) -> None:
        self.folder = folder
        self.connection = connection

    async def db(self, version: str, *words: str) -> tuple[int, str, str]:
        """Status, output and errors of ``gluon db``."""
        models = write(self.folder / version, version).parent
        conf = self.folder / "gluon.conf"
        conf.write_text(f"[DEFAULT]\nmodel_path = {models}\n[database]\nconnection = {self.connection}\n")
        return await run(sys.executable, "-m", "gluon.cmd.gluon", "db", *words, f"--config-file={conf}")

    async def by_hand(self, script: str) -> None:
        """What a DBA does with a script."""
        path, url = self.folder / "script.sql", make_url(self.connection)
        path.write_text(script)
        match url.get_backend_name():
            case "sqlite":
                database = sqlite3.connect(url.database or "", isolation_level=None)
                database.executescript(script)
                database.close()
            case "postgresql":
                status, _, said = await run("psql", self.connection, "--set=ON_ERROR_STOP=1", "--quiet", f"--file={path}")
                assert status == 0, said
            case _:
                who = (f"--host={url.host}", f"--port={url.port}", f"--user={url.username}", f"--password={url.password}")
                client = ("mariadb", "--no-defaults", *who, "--default-character-set=utf8mb4", f"--database={url.database}")
                status, _, said = await run(*client, f"--execute=source {path}")
                assert status == 0, said


async def run(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(),
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def operator(tmp_path: Path, connection: str) -> Operator:
    return Operator(tmp_path, connection)


async def test_plan_apply_and_history(operator: Operator) -> None:
    status, said, _ = await operator.db("1.0", "plan")
    assert status == 2
    assert "make the table depot_box, the boxes of depot" in said
    assert "CREATE TABLE depot_box" in said
    assert await operator.db("1.0", "history") == (0, "Nothing was done to this database yet.\n", "")
    status, said, _ = await operator.db("1.0", "apply")
    assert status == 0
    assert "done: " in said
    status, said, _ = await operator.db("1.0", "plan")
    assert status == 0
    assert "has all that the models need" in said
    status, said, _ = await operator.db("1.0", "history", "--sql")
    assert "make the table depot_box" in said
    assert "CREATE TABLE depot_box" in said
    assert "depot 1.0" in said


async def test_a_script_does_the_same(operator: Operator) -> None:
    status, script, _ = await operator.db("1.0", "plan", "--sql")
    assert status == 2
    await operator.by_hand(script)
    assert (await operator.db("1.0", "plan"))[0] == 0
    assert "[by hand]" in (await operator.db("1.0", "history"))[1]
    status, script, _ = await operator.db("1.3", "plan", "--sql")
    assert status == 2
    await operator.by_hand(script)
    assert (await operator.db("1.3", "plan"))[0] == 0


async def test_what_is_named_goes(operator: Operator) -> None:
    for version in ("1.3", "1.4"):
        assert (await operator.db(version, "apply"))[0] == 0
    status, said, _ = await operator.db("1.4", "plan")
    assert status == 0
    assert "--allow drop-column:depot_box.notes" in said
    status, _, said = await operator.db("1.4", "apply", "--allow", "drop-column:depot_box.nodes")
    assert status == 1
    assert "there is no such step" in said
    status, said, _ = await operator.db("1.4", "plan", "--allow", "drop-column:depot_box.notes")
    assert status == 2
    assert "destructive" in said
    status, said, _ = await operator.db("1.4", "apply", "--allow", "drop-column:depot_box.notes")
    assert status == 0
    assert "drop the column notes of depot_box with all its values" in said


async def test_a_plan_makes_no_file(tmp_path: Path) -> None:
    operator = Operator(tmp_path, f"sqlite:///{tmp_path / 'none.sqlite'}")
    assert (await operator.db("1.0", "plan"))[0] == 2
    assert (await operator.db("1.0", "history"))[0] == 0
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ("postgresql://u:secret@127.0.0.1:1/d", "127.0.0.1"),
        ("mysql://u:secret@127.0.0.1:1/d", "127.0.0.1"),
        ("sqlite:////nowhere/at/all.sqlite", "does not exist"),
        ("oracle://u:secret@h/d", "unknown database"),
    ],
)
async def test_a_database_that_cannot_be_used(tmp_path: Path, connection: str, words: str) -> None:
    status, said, error = await Operator(tmp_path, connection).db("1.0", "apply")
    assert (status, said) == (1, "")
    assert words in error
    assert "secret" not in error
    assert "Traceback" not in error
