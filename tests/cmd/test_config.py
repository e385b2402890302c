# SPDX-License-Identifier: Apache-2.0
"""Settings: files in order, then the environment; every mistake is named with its place."""

import subprocess
import sys
from pathlib import Path

import pytest

from gluon.cmd.config import load
from gluon.errors import SettingsError
from gluon.settings import ServerSettings, ShimSettings

ROOT = Path(__file__).resolve().parents[2]


def conf(folder: Path, text: str, name: str = "a.conf") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_defaults_are_those_of_the_design():
    settings = load(ServerSettings, [], {})
    assert settings == ServerSettings()
    assert (settings.api.host, settings.api.port, settings.api.bind_timeout) == ("127.0.0.1", 2705, 8)
    assert load(ShimSettings, [], {}).shim.handlers == ("net-l3vpn:net-l3vpn-dummy",)


def test_later_files_win_and_the_environment_wins_over_all(tmp_path):
    first = conf(tmp_path, "[DEFAULT]\ndebug = true\n[api]\nport = 1\nworkers = 2\n")
    second = conf(tmp_path, "[api]\nport = 2\n[etcd]\nendpoints = http://a:1, http://b:2,\n", "b.conf")
    settings = load(ServerSettings, [first, second], {"GLUON_API__WORKERS": "3", "GLUON_DEFAULT__MODEL_PATH": "/m,/n"})
    assert (settings.api.port, settings.api.workers, settings.default.debug) == (2, 3, True)
    assert settings.etcd.endpoints == ("http://a:1", "http://b:2")
    assert settings.default.model_path == ("/m", "/n")


def test_host_list_alone_is_a_shim_conf(tmp_path):
    settings = load(ShimSettings, [conf(tmp_path, "[shim]\nhost_list = compute-1, compute-2\n")], {})
    assert settings.shim.host_list == ("compute-1", "compute-2")


def test_unknown_names_are_faults_with_their_lines_and_a_suggestion(tmp_path):
    path = conf(tmp_path, "[api]\nprot = 1\nhost = ::1\n\n[databse]\nconnection = x\n")
    with pytest.raises(SettingsError) as caught:
        load(ServerSettings, [path], {"GLUON_API__PROT": "1"})
    assert str(caught.value).splitlines() == [
        f"{path}:2: there is no setting prot in [api]: did you mean port?",
        f"{path}:6: there is no group [databse]: did you mean database?",
        "GLUON_API__PROT: there is no setting prot in [api]: did you mean port?",
    ]


def test_wrong_values_name_file_group_and_setting(tmp_path):
    path = conf(tmp_path, "[api]\nport = many\nworkers = 0\n")
    with pytest.raises(SettingsError) as caught:
        load(ServerSettings, [path], {})
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{path}: [api] port: ")
    assert second == f"{path}: [api] workers: Should be greater than or equal to 1"


def test_wrong_values_in_the_environment_name_the_variable():
    with pytest.raises(SettingsError, match="GLUON_API__PORT: "):
        load(ServerSettings, [], {"GLUON_API__PORT": "70000"})


def test_a_file_that_is_not_there_or_not_ini(tmp_path):
    with pytest.raises(SettingsError, match="there is no such settings file"):
        load(ServerSettings, ["/nowhere/proton.conf"], {})
    with pytest.raises(SettingsError, match=r"a\.conf: .*at .*a\.conf:1|a\.conf: "):
        load(ServerSettings, [conf(tmp_path, "nonsense\n")], {})


def test_variables_of_the_other_command_are_left_alone():
    assert load(ServerSettings, [], {"GLUON_SHIM__NAME": "x", "GLUON_HOME": "y"}) == ServerSettings()


def test_samples_and_settings_page_are_what_the_code_says(tmp_path):
    result = subprocess.run(
        [sys.executable, ROOT / "scripts/generate", "--check"], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_samples_can_be_loaded():
    assert load(ServerSettings, [str(ROOT / "etc/proton.conf")], {}) == ServerSettings()
    assert load(ShimSettings, [str(ROOT / "etc/shim.conf")], {}) == ShimSettings()
