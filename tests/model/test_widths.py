# SPDX-License-Identifier: Apache-2.0
"""A model is refused where a database could not hold its rows, and nowhere else: what is just allowed, MariaDB takes."""

import pytest

from gluon.model.compile import compile_text
from gluon.model.faults import ModelError
from gluon.store.opening import open_store

HEAD = 'file_version: "1.0"\nimports: base.yaml\ninfo: {name: wide, version: 1.0}\nobjects:\n'

#: A type, how many attributes of it an object may have at least, and what there are too many of otherwise.
LIMITS = [
    ("{type: string, length: 20}", 370, "attributes"),
    ("{type: string, length: 4000}", 370, "attributes"),
    ("{type: enum, values: [a, b]}", 370, "attributes"),
    ("{type: object}", 370, "attributes"),
    ("{type: uuid}", 200, "attributes"),
    ("{type: integer, format: int64}", 950, "attributes"),
    ("{type: boolean}", 999, "attributes"),
    ("{type: Other}", 60, "indexes"),
    ("{type: string, length: 255, unique: true}", 60, "indexes"),
    ("{type: string, length: 63, unique: true}", 30, "attributes"),
]


def model(type: str, count: int) -> str:
    attributes = ", ".join(f"a{number}: {type}" for number in range(count))
    return HEAD + (
        f"  Wide: {{api: {{name: wide}}, attributes: {{id: {{type: uuid, primary: true}}, {attributes}}}}}\n"
        "  Other: {api: {name: other}, attributes: {id: {type: uuid, primary: true}}}\n"
    )


@pytest.mark.parametrize(("type", "count", "said"), LIMITS)
async def test_the_widest_model_that_compiles_fits(type, count, said, mariadb_url):
    while True:
        proton = compile_text(model(type, count))
        try:
            compile_text(model(type, count + 1))
        except ModelError as error:
            assert said in str(error)
            break
        count += 1
    store = await open_store(mariadb_url, [proton])
    await store.close()
