"""Keys: which ones count, how one comes about that nobody configured, and that none of them leaks."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from handlers.engine.errors import ConfigurationError
from handlers.security import Keys, keep_key, key_file, open_access

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")


@pytest.fixture
def environment(tmp_path):
    return {"XDG_STATE_HOME": str(tmp_path)}


def test_each_key_has_the_name_of_its_caller():
    keys = Keys({"laptop": ["first-key"], "server": ["second-key", "third-key"]})
    assert keys.identify(b"first-key") == "laptop"
    assert keys.identify(b"third-key") == "server"
    for stranger in (b"", b"first-ke", b"first-key ", b"FIRST-KEY", b"\xff\xfe", b"x" * 100_000):
        assert keys.identify(stranger) is None


def test_keys_are_looked_up_by_digest_defect_192():
    """What is compared is a digest, which a caller cannot steer: the time of a look-up says nothing about a key."""
    keys = Keys({"laptop": ["first-key"]})
    assert "first-key" not in repr(keys)
    assert "first-key" not in str(vars(keys))
    assert all(len(digest) == 32 for digest in keys._names)


def test_two_keys_never_share_an_entry_defect_186():
    """The whole digest is the key of the table, so no two callers can be taken for each other."""
    many = {f"caller{number}": [f"key-number-{number}"] for number in range(1000)}
    keys = Keys(many)
    assert len(keys) == 1000
    assert all(keys.identify(values[0].encode()) == name for name, values in many.items())


def test_environment_and_file_count_beside_each_other(environment, tmp_path):
    file = tmp_path / "api-key"
    file.write_text("key-in-a-file\n", "utf-8")
    access = open_access(
        {"laptop": ["key-of-laptop"]}, {**environment, "MORELLO_API_KEY": "key-of-environment"}, file=file
    )
    assert access.keys.identify(b"key-of-laptop") == "laptop"
    assert access.keys.identify(b"key-of-environment") == "default"
    assert access.keys.identify(b"key-in-a-file") == "file"
    assert access.fresh is None
    assert not key_file(environment).exists()


def test_paths_are_opened_on_this_machine_only(environment):
    """Where others could come by, nothing is open without a key."""
    named = {"laptop": ["key-of-laptop"]}
    assert open_access(named, environment, open_paths=["/api/*"]).open_paths == ("/api/*",)
    assert open_access(named, environment).open_paths == ()
    with pytest.raises(ConfigurationError, match=r"on this machine only, not on 0\.0\.0\.0"):
        open_access(named, environment, open_paths=["/api/*"], host="0.0.0.0")
    with pytest.raises(ConfigurationError, match="does not begin with a slash"):
        open_access(named, environment, open_paths=["api/*"])


@POSIX
def test_without_any_key_one_is_made_once(environment):
    first = open_access({}, environment)
    file = key_file(environment)
    assert first.fresh == file.read_text("utf-8").strip()
    assert len(first.fresh) > 40
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    second = open_access({}, environment)
    assert second.fresh is None, "it is shown at its first start only"
    assert second.file == file
    assert second.keys.identify(first.fresh.encode()) == "generated"
    assert list(file.parent.iterdir()) == [file], "nothing else is left lying about"


def test_gateways_that_start_together_agree_on_one_key(tmp_path):
    """The file appears whole or not at all, and the first one wins."""
    file = tmp_path / "state" / "key"
    together = threading.Barrier(8)
    found = []

    def start():
        together.wait()
        found.append(keep_key(file))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({key for key, _ in found}) == 1
    assert sum(fresh for _, fresh in found) == 1


def test_an_empty_list_of_keys_does_not_open_the_gateway_defect_175(environment):
    access = open_access({"laptop": []}, environment)
    assert access.keys is not None
    assert len(access.keys) == 1
    assert access.keys.identify(b"") is None


@pytest.mark.parametrize("key", ["", "short", "with a space in it", "ключ-ключ-ключ", "line\nbreak-line"])
def test_keys_that_can_not_be_used_are_refused_without_being_shown(environment, key):
    with pytest.raises(ConfigurationError) as caught:
        open_access({"laptop": [key]}, environment)
    assert "laptop" in str(caught.value)
    assert not key or key not in str(caught.value)


def test_a_key_that_can_not_be_used_is_named_by_its_place(environment, tmp_path):
    """Whoever set it must find it: the variable, the file, or the name in providers.yaml."""
    file = tmp_path / "api-key"
    file.write_text("short", "utf-8")
    with pytest.raises(ConfigurationError, match=r"The key in MORELLO_API_KEY cannot be used"):
        open_access({}, {**environment, "MORELLO_API_KEY": "short"})
    with pytest.raises(ConfigurationError, match=r"The key in .*api-key cannot be used"):
        open_access({}, environment, file=file)
    with pytest.raises(ConfigurationError, match=r"The key keys\.laptop of providers\.yaml cannot be used"):
        open_access({"laptop": ["short"]}, environment)


def test_the_places_of_all_keys_are_told(environment, tmp_path):
    file = tmp_path / "api-key"
    file.write_text("another-long-key", "utf-8")
    named = {"laptop": ["a-long-enough-key"], "phone": ["one-more-long-key"]}
    access = open_access(named, {**environment, "MORELLO_API_KEY": "the-third-long-key"}, file=file)
    assert access.sources == ("keys: of providers.yaml (laptop, phone)", "MORELLO_API_KEY", str(file))


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_file_without_a_key_is_no_open_door(environment, tmp_path, content):
    file = tmp_path / "api-key"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(ConfigurationError, match="api-key"):
        open_access({}, environment, file=file)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_no_key_at_all_is_for_this_machine_only_defect_200(environment, host):
    with pytest.raises(ConfigurationError, match="this machine only"):
        open_access({}, environment, no_auth=True, host=host)
    assert open_access({}, environment, no_auth=True, host="127.0.0.1").keys is None


def test_a_place_that_can_not_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way", "utf-8")
    with pytest.raises(ConfigurationError, match="MORELLO_API_KEY"):
        keep_key(tmp_path / "file" / "morello" / "key")


def test_a_relative_state_folder_is_ignored():
    """The specification of XDG says so; a key must not land wherever one happens to stand."""
    assert key_file({"XDG_STATE_HOME": "relative"}).is_absolute()
    assert key_file({}).parts[-4:] == (".local", "state", "morello", "key")
