"""What counts when several say something, and one clear line for whatever makes no sense."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from queuekit.config import KEYS, Config, default_of, load_config
from queuekit.errors import ConfigurationError, InvalidConfiguration
from queuekit.worker.settings import DEFAULT_COROUTINES, DEFAULT_GRACE, DEFAULT_LEASE

Write = Callable[..., Path]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, two below one where nothing is configured, and a clean environment."""
    for name in [name for name in os.environ if name.startswith("QUEUEKIT")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "project" / "src"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def write(here: Path) -> Write:
    """Write a file, beside the current folder's other files unless told otherwise."""

    def write(text: str, name: str = "queuekit.toml", folder: Path = here) -> Path:
        path = folder / name
        path.write_text(text)
        return path

    return write


def where(config: Config) -> str:
    """The URL that counts."""
    found = config.url()
    assert found is not None
    return found.url


# ---------------------------------------------------------------- which layer counts


def in_variable(write: Write, monkeypatch: pytest.MonkeyPatch, text: dict[str, str]) -> None:
    monkeypatch.setenv("QUEUEKIT_URL", "x://variable")


def in_own_profile(write: Write, monkeypatch: pytest.MonkeyPatch, text: dict[str, str]) -> None:
    text["queuekit.toml"] += '[profiles.prod]\nurl = "x://own-profile"\n'


def in_shared_profile(write: Write, monkeypatch: pytest.MonkeyPatch, text: dict[str, str]) -> None:
    text["pyproject.toml"] += '[tool.queuekit.profiles.prod]\nurl = "x://shared-profile"\n'


def in_own_file(write: Write, monkeypatch: pytest.MonkeyPatch, text: dict[str, str]) -> None:
    text["queuekit.toml"] = 'url = "x://own"\n' + text["queuekit.toml"]


def in_shared_file(write: Write, monkeypatch: pytest.MonkeyPatch, text: dict[str, str]) -> None:
    text["pyproject.toml"] = '[tool.queuekit]\nurl = "x://shared"\n' + text["pyproject.toml"]


LAYERS = {
    "x://variable": in_variable,
    "x://own-profile": in_own_profile,
    "x://shared-profile": in_shared_profile,
    "x://own": in_own_file,
    "x://shared": in_shared_file,
}
"""Each place that can say where the store is, the strongest first."""


@pytest.mark.parametrize("pair", list(itertools.permutations(LAYERS, 2)), ids=" over ".join)
def test_of_two_places_the_stronger_one_counts_whichever_was_written_first(
    write: Write, monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str]
) -> None:
    # The profile exists in any case, so that choosing it is no error.
    text = {"queuekit.toml": "[profiles.prod.worker]\n", "pyproject.toml": ""}
    for url in pair:
        LAYERS[url](write, monkeypatch, text)
    for name, content in text.items():
        write(content, name)
    assert where(load_config(profile="prod")) == min(pair, key=list(LAYERS).index)


def test_a_profile_that_is_not_chosen_says_nothing(write: Write) -> None:
    write('url = "x://main"\n[profiles.prod]\nurl = "x://prod"\n')
    assert where(load_config()) == "x://main"
    assert where(load_config(profile="prod")) == "x://prod"


def test_the_flag_chooses_the_profile_over_the_variable(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('[profiles.a]\nurl = "x://a"\n[profiles.b]\nurl = "x://b"\n')
    monkeypatch.setenv("QUEUEKIT_PROFILE", "a")
    assert where(load_config()) == "x://a"
    assert where(load_config(profile="b")) == "x://b"
    assert load_config(profile="").url() is None


def test_layers_are_merged_key_by_key(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    own = write(
        'app = "own:app"\n[worker]\nlease = "10s"\ngrace = 5\ncoroutines = 7\n'
        '[profiles.prod.worker]\nlease = "1m"\n'
    )
    shared = write('[tool.queuekit]\nworker.queues = "a, b"\nurl = "x://y"\n', "pyproject.toml")
    monkeypatch.setenv("QUEUEKIT_WORKER_GRACE", "500ms")
    settings = load_config(profile="prod").settings
    assert {key: (setting.value, setting.origin) for key, setting in settings.items()} == {
        "url": ("x://y", f"{shared} [tool.queuekit]"),
        "app": ("own:app", str(own)),
        "worker.queues": (("a", "b"), f"{shared} [tool.queuekit]"),
        "worker.coroutines": (7, str(own)),
        "worker.lease": (timedelta(minutes=1), f"{own} [profiles.prod]"),
        "worker.grace": (timedelta(milliseconds=500), "QUEUEKIT_WORKER_GRACE"),
    }


def test_nothing_written_is_nothing_set(here: Path) -> None:
    config = load_config()
    assert config == Config({}, (), ())
    assert config.url() is None
    assert config.app() is None


def test_defaults_are_those_of_the_worker(here: Path) -> None:
    assert default_of("worker.lease") == DEFAULT_LEASE
    assert default_of("worker.grace") == DEFAULT_GRACE
    assert default_of("worker.coroutines") == DEFAULT_COROUTINES
    assert default_of("worker.concurrency") == os.cpu_count()
    assert default_of("worker.queues") is None
    assert load_config().value("worker.lease") == DEFAULT_LEASE


def test_a_value_that_is_set_comes_before_the_default(write: Write) -> None:
    write("[worker]\nlease = 2\n")
    assert load_config().value("worker.lease") == timedelta(seconds=2)


# ---------------------------------------------------------------- which files count


def test_the_nearest_folder_upward_counts_and_ends_the_search(here: Path, write: Write) -> None:
    far = write('url = "x://far"\napp = "far:app"\n', folder=here.parent)
    assert load_config().files == (far,)
    near = write('url = "x://near"\n')
    config = load_config()
    assert config.files == (near,)
    assert where(config) == "x://near"
    assert config.app() is None


def test_a_pyproject_without_our_table_is_no_stop(here: Path, write: Write) -> None:
    far = write('url = "x://far"\n', folder=here.parent)
    for text in ('[project]\nname = "p"\n', "[tool.other]\n", "tool = 3\n"):
        write(text, "pyproject.toml")
        assert load_config().files == (far,)


def test_a_pyproject_with_our_table_is_a_stop(here: Path, write: Write) -> None:
    write('url = "x://far"\n', folder=here.parent)
    near = write("[tool.queuekit]\n", "pyproject.toml")
    assert load_config() == Config({}, (near,), ())


def test_both_files_of_a_folder_are_read(write: Write) -> None:
    own, shared = write(""), write("[tool.queuekit]\n", "pyproject.toml")
    assert load_config().files == (own, shared)


def test_a_start_is_where_the_search_and_the_variables_begin(
    here: Path, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write('app = "here:app"\n')
    path = write('app = "other:app"\n', folder=other)
    monkeypatch.setenv("QUEUEKIT_URL", "sqlite:///jobs.db")
    config = load_config(start=other)
    assert config.files == (path,)
    assert (found := config.url()) is not None
    assert found.folder == other


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_named_file_counts_alone(
    here: Path, write: Write, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    write('app = "found:app"\n')
    path = write('url = "x://named"\n', "other.toml", here.parent)
    if by_variable:
        monkeypatch.setenv("QUEUEKIT_CONFIG", "../other.toml")
        config = load_config()
    else:
        config = load_config(Path("../other.toml"))
    assert where(config) == "x://named"
    assert config.app() is None
    assert [file.resolve() for file in config.files] == [path]
    assert config.files[0].is_absolute()


def test_the_named_file_of_the_flag_comes_before_that_of_the_variable(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUEKIT_CONFIG", "no-such.toml")
    assert load_config(write('app = "named:app"\n', "other.toml")).app() is not None


def test_a_named_pyproject_is_read_by_its_table(here: Path, write: Write) -> None:
    path = write('url = 3\n[tool.queuekit]\napp = "named:app"\n', "pyproject.toml", here.parent)
    assert load_config(path).value("app") == "named:app"
    write("[project]\n", "pyproject.toml", here.parent)
    with pytest.raises(ConfigurationError, match=rf"^{path} has no \[tool.queuekit\]$"):
        load_config(path)


def test_two_files_that_differ_are_told_of_without_passwords(write: Write) -> None:
    own = write(
        'url = "x://u:hunter2@a"\nworker.lease = "30s"\n[profiles.p]\nworker.queues = ["a", "b"]\n'
    )
    shared = write(
        '[tool.queuekit]\nurl = "x://u:hunter3@b"\nworker.lease = 30\n'
        '[tool.queuekit.profiles.p]\nworker.queues = ["b"]\n',
        "pyproject.toml",
    )
    assert load_config(profile="p").warnings == (
        f"worker.queues is a, b in {own} [profiles.p], but b in"
        f" {shared} [tool.queuekit.profiles.p]; the first one counts",
        f"url is x://u:***@a in {own}, but x://u:***@b in {shared} [tool.queuekit];"
        " the first one counts",
    )


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(here: Path) -> None:
    (here / "queuekit.toml").write_bytes(b'\xef\xbb\xbfapp = "a:b"\r\n[worker]\r\nlease = 2\r\n')
    assert load_config().value("app") == "a:b"


# ---------------------------------------------------------------- what relative paths count from


def test_a_url_counts_from_the_folder_of_its_file(here: Path, write: Write) -> None:
    path = write('url = "sqlite:///jobs.db"\n', folder=here.parent)
    found = load_config().url()
    assert found is not None
    assert (found.folder, found.origin) == (here.parent, str(path))


def test_a_url_of_a_profile_counts_from_the_folder_of_its_file(here: Path, write: Write) -> None:
    path = write('profiles.p.url = "sqlite:///jobs.db"\n', folder=here.parent)
    found = load_config(profile="p").url()
    assert found is not None
    assert (found.folder, found.origin) == (here.parent, f"{path} [profiles.p]")


def test_a_url_of_the_environment_counts_from_the_current_folder(
    here: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write('url = "x://file"\n', folder=here.parent)
    monkeypatch.setenv("QUEUEKIT_URL", "sqlite:///jobs.db")
    found = load_config().url()
    assert found is not None
    assert (found.folder, found.origin) == (here, "QUEUEKIT_URL")


def test_an_app_counts_from_the_folder_of_its_file(here: Path, write: Write) -> None:
    write('app = "jobs:app"\n', folder=here.parent)
    app = load_config().app()
    assert app is not None
    assert app.folder == here.parent


def test_a_deleted_current_folder_is_one_line(here: Path) -> None:
    here.rmdir()
    with pytest.raises(ConfigurationError, match="current directory was deleted"):
        load_config()


# ---------------------------------------------------------------- the environment


def test_every_setting_has_a_variable(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "url": "x://y",
        "app": "jobs",
        "worker.queues": "a,b",
        "worker.concurrency": "2",
        "worker.coroutines": "3",
        "worker.lease": "45",
        "worker.grace": "1m",
    }
    assert texts.keys() == KEYS.keys()
    for key, text in texts.items():
        monkeypatch.setenv(f"QUEUEKIT_{key.replace('.', '_').upper()}", text)
    config = load_config()
    assert {key: setting.value for key, setting in config.settings.items()} == {
        "url": "x://y",
        "app": "jobs",
        "worker.queues": ("a", "b"),
        "worker.concurrency": 2,
        "worker.coroutines": 3,
        "worker.lease": timedelta(seconds=45),
        "worker.grace": timedelta(minutes=1),
    }
    assert config.settings["worker.lease"].origin == "QUEUEKIT_WORKER_LEASE"
    assert not config.warnings


def test_an_empty_variable_counts_as_unset(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write('url = "x://file"\nworker.lease = 9\n')
    for name in ("URL", "APP", "CONFIG", "PROFILE", "WORKER_LEASE", "ULR", "WORKER_LAESE"):
        monkeypatch.setenv(f"QUEUEKIT_{name}", "")
    config = load_config()
    assert where(config) == "x://file"
    assert config.value("worker.lease") == timedelta(seconds=9)
    assert not config.warnings


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("QUEUEKIT_ULR", "QUEUEKIT_ULR is not read, did you mean QUEUEKIT_URL?"),
        (
            "QUEUEKIT_WORKER_LAESE",
            "QUEUEKIT_WORKER_LAESE is not read, did you mean QUEUEKIT_WORKER_LEASE?",
        ),
        ("QUEUEKIT_PROFIL", "QUEUEKIT_PROFIL is not read, did you mean QUEUEKIT_PROFILE?"),
        ("QUEUEKIT_WORKER_X", "QUEUEKIT_WORKER_X is not read: [worker] has no such setting"),
    ],
)
def test_a_variable_that_was_meant_for_us_is_told_of(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, warning: str
) -> None:
    monkeypatch.setenv(name, "x")
    assert load_config().warnings == (warning,)


@pytest.mark.parametrize(
    "name",
    [
        "QUEUEKIT_DEMO_URL",
        "QUEUEKIT_WORKERS_LS_JSON",
        "QUEUEKIT_WORKER_QUIET",
        "QUEUEKIT_WORKER_BURST",
        "QUEUEKIT_HOME",
        "MY_QUEUEKIT_ULR",
    ],
)
def test_other_variables_are_nobodys_business(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    assert not load_config().warnings


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("x://u:${PASS}@h/${DB}", "x://u:p%40s%2Fs%3A%20%25@h/jobs"),
        ("${WHOLE}", "x://u:p@h/db?a=b"),
        ("x://h/a$$b$c", "x://h/a$b$c"),
        ("x://h/$${PASS}", "x://h/${PASS}"),
        ("x://h/$$${DB}", "x://h/$jobs"),
    ],
)
def test_variables_in_a_files_url_are_filled_in(
    write: Write, monkeypatch: pytest.MonkeyPatch, written: str, url: str
) -> None:
    monkeypatch.setenv("PASS", "p@s/s: %")
    monkeypatch.setenv("DB", "jobs")
    monkeypatch.setenv("WHOLE", "x://u:p@h/db?a=b")
    write(f'url = "{written}"\n')
    assert where(load_config()) == url


def test_variables_in_the_url_of_the_environment_are_left_alone(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUEKIT_URL", "x://h/${HOME}$$")
    assert where(load_config()) == "x://h/${HOME}$$"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("x://${NO_SUCH}@h", "the environment variable NO_SUCH is not set"),
        ("x://${EMPTY}@h", "the environment variable EMPTY is not set"),
        ("${PLAIN}", "'jobs.db' is no URL; write one such as sqlite:///jobs.db"),
        ("x://${NO_SUCH", "'${NO_SUCH' names no variable; write ${NAME}, or $$ for a $"),
        ("x://${}", "'${}' names no variable; write ${NAME}, or $$ for a $"),
    ],
)
def test_a_variable_that_cannot_be_filled_in_is_an_error_once_the_url_is_needed(
    write: Write, monkeypatch: pytest.MonkeyPatch, url: str, problem: str
) -> None:
    """Who names another store needs none of the production's variables."""
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("PLAIN", "jobs.db")
    path = write(f'url = "{url}"\n')
    config = load_config()
    with pytest.raises(InvalidConfiguration) as caught:
        config.url()
    assert str(caught.value) == f"{path}: url: {problem}"


# ---------------------------------------------------------------- what makes no sense


def problem_of(load: Callable[[], Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ulr = 1", ": ulr: no such setting, did you mean 'url'?"),
        ("xyzzy = 1", ": xyzzy: no such setting; there are: url, app, worker.queues, "),
        ("lease = 1", ": lease: no such setting, did you mean 'worker.lease'?"),
        ("wroker = 1", ": wroker: no such setting, did you mean 'worker'?"),
        ("worker.queue = 1", ": worker.queue: no such setting, did you mean 'worker.queues'?"),
        ("profiles.p.ulr = 1", " [profiles.p]: ulr: no such setting, did you mean 'url'?"),
        ("profiles.p.locks = 1", " [profiles.p]: locks: no such setting; there are: url"),
        (
            "profiles.p.worker.leese = 1",
            " [profiles.p]: worker.leese: no such setting, did you mean 'worker.lease'?",
        ),
        ('locks = "x://y"', ": locks: not supported by this release"),
        ("[routes]", ": routes: not supported by this release"),
        ("[routes]\na = 1", ": routes: not supported by this release"),
        ("worker = 3", ": worker: 3 is no table"),
        ("profiles = []", ": profiles: [] is no table"),
        ('profiles.p = "x://u:hunter2@h"', ": profiles.p: 'x://u:***@h' is no table"),
        ("profiles.p.worker = 1", " [profiles.p]: worker: 1 is no table"),
        ("url = 3", ": url: 3 is no text"),
        ('url = ["x://u:hunter2@h"]', ": url: ['x://u:***@h'] is no text"),
        ('url = ""', ": url: is empty"),
        ('url = "jobs.db"', ": url: 'jobs.db' is no URL; write one such as sqlite:///jobs.db"),
        ('url = "u:hunter2@h"', ": url: 'u:***@h' is no URL"),
        ('app = " "', ": app: is empty"),
        ('app = "jobs.py"', None),
        ('app = "src/jobs.py:app"', ": app: 'src/jobs.py:app' names no app; write module:name"),
        ("worker.concurrency = 'many'", ": worker.concurrency: 'many' is no whole number"),
        ("worker.concurrency = '4'", ": worker.concurrency: '4' is no whole number"),
        ("worker.concurrency = true", ": worker.concurrency: True is no whole number"),
        ("worker.concurrency = 2.0", ": worker.concurrency: 2.0 is no whole number"),
        ("worker.concurrency = 0", "concurrency: 0 is out of range; it may be 1 to 1000"),
        ("worker.concurrency = 1001", "concurrency: 1001 is out of range; it may be 1 to 1000"),
        ("worker.coroutines = 10001", "coroutines: 10001 is out of range; it may be 1 to 10000"),
        ("worker.lease = 'soon'", ": worker.lease: 'soon' is no duration; write 30s"),
        ("worker.lease = true", ": worker.lease: True is no duration; write 30s"),
        ("worker.lease = inf", ": worker.lease: inf is no duration"),
        ("worker.lease = nan", ": worker.lease: nan is no duration"),
        ("worker.lease = '999ms'", "lease: 999ms is out of range; it may be 1s to 1d"),
        ("worker.lease = 86400.5", "lease: 1d0.5s is out of range; it may be 1s to 1d"),
        ("worker.grace = -1", ": worker.grace: -1s is out of range; it may be 0s to 1d"),
        ("worker.queues = 3", ": worker.queues: 3 is no list of names"),
        ("worker.queues = [3]", ": worker.queues: [3] is no list of names"),
        ("worker.queues = []", ": worker.queues: is empty; leave it out to serve every queue"),
        ("worker.queues = ''", ": worker.queues: is empty; leave it out to serve every queue"),
        ("worker.queues = 'a,,b'", ": worker.queues: '' is no name of a queue"),
        (f"worker.queues = '{'q' * 129}'", "is no name of a queue: 1 to 128 characters"),
        ("url = 2026-11-25", ": url: datetime.date(2026, 11, 25) is no text"),
    ],
)
def test_what_makes_no_sense_in_a_file_is_one_line_with_its_path(
    write: Write, text: str, problem: str | None
) -> None:
    path = write(f"{text}\n")
    if problem is None:
        load_config()
        return
    line = problem_of(load_config)
    assert line.startswith(str(path))
    assert problem in line
    assert "hunter2" not in line


def test_the_line_for_a_pyproject_names_its_table(write: Write) -> None:
    path = write("[tool.queuekit.profiles.p]\nulr = 1\n", "pyproject.toml")
    assert problem_of(load_config).startswith(
        f"{path} [tool.queuekit.profiles.p]: ulr: no such setting"
    )
    path = write("[tool]\nqueuekit = 3\n", "pyproject.toml")
    assert problem_of(load_config) == f"{path}: tool.queuekit: 3 is no table"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("QUEUEKIT_URL", "jobs.db", ": url: 'jobs.db' is no URL"),
        ("QUEUEKIT_APP", "jobs.py:a:b", ": app: 'jobs.py:a:b' names no app"),
        ("QUEUEKIT_WORKER_CONCURRENCY", "many", ": worker.concurrency: 'many' is no whole number"),
        ("QUEUEKIT_WORKER_CONCURRENCY", "٣", ": worker.concurrency: '٣' is no whole number"),
        ("QUEUEKIT_WORKER_CONCURRENCY", "0", ": worker.concurrency: 0 is out of range"),
        ("QUEUEKIT_WORKER_LEASE", "soon", ": worker.lease: 'soon' is no duration"),
        ("QUEUEKIT_WORKER_QUEUES", "a,", ": worker.queues: '' is no name of a queue"),
    ],
)
def test_what_makes_no_sense_in_a_variable_is_one_line_with_its_name(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str
) -> None:
    monkeypatch.setenv(name, text)
    assert problem_of(load_config).startswith(name + problem)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"url = \n", r" is no TOML: Invalid value \(at line 1, column 7\)"),
        (b"a = 1\na = 2\n", r" is no TOML: Cannot overwrite a value \(at line 2, column 6\)"),
        (b"a = " + b"9" * 5000, " is no TOML: "),
        (b"a = " + b"[" * 5000, " is no TOML: "),
        (b'url = "\xff"\n', " is not UTF-8: byte 7"),
    ],
)
def test_a_file_that_cannot_be_understood_is_one_line_with_its_path(
    here: Path, content: bytes, problem: str
) -> None:
    path = here / "queuekit.toml"
    path.write_bytes(content)
    line = problem_of(load_config)
    assert re.match(rf"{re.escape(str(path))}{problem}", line), line


def test_a_file_that_cannot_be_read_is_one_line_with_its_path(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = here / "missing.toml"
    monkeypatch.setenv("QUEUEKIT_CONFIG", "missing.toml")
    assert problem_of(load_config) == f"QUEUEKIT_CONFIG names {missing}, which is not there"
    assert problem_of(lambda: load_config(Path("missing.toml"))) == (
        f"cannot read {missing}: No such file or directory"
    )
    monkeypatch.delenv("QUEUEKIT_CONFIG")
    folder = here / "queuekit.toml"
    folder.mkdir()
    assert problem_of(load_config) == f"cannot read {folder}: Is a directory"
    folder.rmdir()
    folder.symlink_to("nowhere")
    assert problem_of(load_config) == f"cannot read {folder}: No such file or directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_line_with_its_path(write: Write) -> None:
    path = write('url = "x://y"\n')
    path.chmod(0)
    assert problem_of(load_config) == f"cannot read {path}: Permission denied"


def test_an_unknown_profile_is_one_line_with_those_that_there_are(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("[profiles.prod]\n[profiles.dev]\n")
    monkeypatch.setenv("QUEUEKIT_PROFILE", "prdo")
    assert problem_of(load_config) == (
        f"QUEUEKIT_PROFILE: prdo: no such profile, did you mean 'prod'? ({path} has: dev, prod)"
    )
    assert problem_of(lambda: load_config(profile="x")) == (
        f"--profile: x: no such profile ({path} has: dev, prod)"
    )


def test_a_profile_without_any_file_is_one_line(here: Path) -> None:
    assert problem_of(lambda: load_config(profile="x")) == (
        "--profile: x: no such profile: no configuration file was found from here upward"
    )


def test_a_profile_that_is_not_chosen_is_checked_too(write: Write) -> None:
    write("[profiles.p]\nulr = 1\n")
    assert "ulr: no such setting" in problem_of(load_config)


def test_no_password_stands_in_the_repr(write: Write) -> None:
    """Where a debugger, a log line or a failed assertion would show it."""
    write('url = "x://u:hunter2@h"\n')
    config = load_config()
    assert "hunter2" not in repr(config)
    assert "hunter2" not in repr(config.url())
