"""`queuekit jobs ls` and `jobs show`: looking at jobs."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.cli.stage import Stage

from queuekit.job import Move, Parent
from queuekit.storage import Page

MISSING = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def shop(cli: Stage) -> Stage:
    """A store that the configuration names, and no program."""
    cli.write("queuekit.toml", f'url = "{cli.url}"\n')
    return cli


# --- ls


def test_the_newest_comes_first_in_columns(shop: Stage) -> None:
    completed = shop.completed()
    shop.send()
    retried = shop.finish(shop.claim(), Move.RETRY, delay=timedelta(hours=3))
    later = shop.send(task="report.make", queue="bulk", due=timedelta(minutes=5))
    ended = shop("jobs", "ls")
    assert ended.code == 0
    assert ended.err == ""
    assert ended.lines == [
        "ID                                    STATE          WHEN    QUEUE  TASK",
        f"{later}  scheduled      in 5 m  bulk   report.make",
        f"{retried}  retryable 1/5  in 3 h  mail   mail.send",
        f"{completed}  completed      now     mail   mail.send",
    ]


def test_no_jobs_are_told_in_words(shop: Stage) -> None:
    ended = shop("jobs", "ls", "--state", "discarded", "--task", "x")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "queuekit: no jobs: state discarded, task x\n"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], "abcd"),
        (["--state", "discarded"], "c"),
        (["--state", "discarded", "--state", "running"], "cd"),
        (["--queue", "bulk"], "b"),
        (["--task", "other"], "a"),
        (["--tag", "x"], "ab"),
        (["--since", "1h"], "abcd"),
        (["--since", "2000-01-01T00:00Z"], "abcd"),
        (["--since", "2200-01-01T00:00Z"], ""),
        (["--since", "90000w"], "abcd"),
        (["--tag", "x", "--queue", "bulk"], "b"),
    ],
)
def test_a_filter_shows_what_matches_all_of_it(shop: Stage, words: list[str], found: str) -> None:
    later = timedelta(hours=1)
    ids = {
        shop.discarded(): "c",
        shop.running(): "d",
        shop.send(task="other", tags=("x",), due=later): "a",
        shop.send(queue="bulk", tags=("x", "y"), due=later): "b",
    }
    jobs = shop("jobs", "ls", "--json", *words).json["jobs"]
    assert "".join(sorted(ids[UUID(job["id"])] for job in jobs)) == found


def test_further_jobs_are_told_as_the_command_to_type(shop: Stage) -> None:
    for _ in range(5):
        shop.send(tags=("a b",))
    seen: list[str] = []
    words = ["jobs", "ls", "--tag", "a b", "--limit", "2"]
    for _ in range(3):
        ended = shop(*words)
        seen += [line.split()[0] for line in ended.lines[1:]]
        hint = re.search(r"there are more: queuekit (.*)", ended.err)
        if hint is None:
            break
        assert hint[1].startswith("jobs ls --tag 'a b' --limit 2 --cursor ")
        words = [*words[:6], *hint[1].split()[-2:]]
    assert len(seen) == len(set(seen)) == 5
    assert shop(*words).err == ""


def test_the_next_command_repeats_the_common_options_without_the_password(shop: Stage) -> None:
    shop.send()
    shop.send()
    ended = shop("--url", shop.url, "jobs", "ls", "--limit", "1")
    assert f"queuekit --url {shop.url} jobs ls --limit 1 --cursor 2" in ended.err


def test_the_list_as_json_has_jobs_and_a_cursor(shop: Stage) -> None:
    shop.send()
    newest = shop.send()
    ended = shop("jobs", "ls", "--limit", "1", "--json")
    assert ended.err == ""
    assert set(ended.json) == {"jobs", "cursor"}
    assert [job["id"] for job in ended.json["jobs"]] == [str(newest)]
    rest = shop("jobs", "ls", "--json", "--cursor", str(ended.json["cursor"])).json
    assert len(rest["jobs"]) == 1
    assert rest["cursor"] is None


def test_short_pages_of_a_store_are_read_on_until_enough_is_found(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store may end a page early, so that its cost stays bounded; a cursor goes on."""
    for _ in range(8):
        shop.send()
    kind = type(shop.store)
    whole = kind.list

    def short(store: Any, where: Any, cursor: int | None = None, limit: int = 100) -> Page:
        page: Page = whole(store, where, cursor, max(1, limit // 2))
        return page

    monkeypatch.setattr(kind, "list", short)
    found = shop("jobs", "ls", "--limit", "5", "--json").json
    assert [job["seq"] for job in found["jobs"]] == [8, 7, 6, 5, 4]
    assert found["cursor"] == 4


def test_what_a_job_holds_cannot_act_on_the_terminal(shop: Stage) -> None:
    shop.send(task="evil\x1b[31m\nname", queue="q\t")
    ended = shop("jobs", "ls")
    assert "evil\\x1b[31m\\nname" in ended.out
    assert "\x1b" not in ended.out
    assert len(ended.lines) == 2
    assert "\x1b" not in shop("jobs", "ls", "--json").out


# --- show


def test_an_unknown_job_is_6_and_a_malformed_id_is_2(shop: Stage) -> None:
    shop.send()
    ended = shop("jobs", "show", MISSING)
    assert (ended.code, ended.out) == (6, "")
    assert f"no job {MISSING}" in ended.err
    ended = shop("jobs", "show", "7")
    assert ended.code == 2
    assert "'7' is not a valid UUID" in ended.err


def test_all_about_a_job_is_one_page(shop: Stage) -> None:
    job_id = shop.discarded(
        message="no such\nhost \x1b[31m", tags=("x", "y"), meta='{"who":"ada"}', priority=7
    )
    ended = shop("jobs", "show", str(job_id))
    assert ended.code == 0
    out = ended.out
    for line in (
        rf"id +{job_id}",
        r"task +mail.send",
        r"queue +mail",
        r"state +discarded \(out of attempts\)",
        r'kwargs +{"to": "ada"}',
        r"attempts +1 of 5",
        r"priority +7",
        r"enqueued +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(now\)",
        r"ended +\d{4}-.* UTC \(now\)",
        r"tags +x, y",
        r'meta +{"who": "ada"}',
        r"attempt 1: failed after 0\.\d{3} s",
        r"  worker +host:1:abc",
        r"  error +ValueError: no such",
        r"           host \\x1b\[31m",
        r"  cause +OSError: cause",
    ):
        assert re.search(f"^{line}$", out, re.MULTILINE), (line, out)
    assert "waits" not in out
    assert "Traceback of it" not in out


def test_tracebacks_are_shown_if_asked_for(shop: Stage) -> None:
    job_id = shop.discarded()
    for words in (["jobs", "show", str(job_id), "--traceback"], ["--traceback", "jobs", "show"]):
        ended = shop(*(words if str(job_id) in words else [*words, str(job_id)]))
        assert "  | Traceback of it\n  |   line\n" in ended.out


def test_the_result_of_a_completed_job_is_shown(shop: Stage) -> None:
    assert re.search(r"result +\[1\]", shop("jobs", "show", str(shop.completed("[1]"))).out)


def waits(shop: Stage, job_id: UUID) -> str:
    ended = shop("jobs", "show", str(job_id))
    found = re.search(r"^waits +(.*)$", ended.out, re.MULTILINE)
    assert found, ended
    assert shop("jobs", "show", str(job_id), "--json").json["waits"] == found[1]
    return found[1]


def test_what_a_job_waits_for_is_told_in_words(shop: Stage) -> None:
    parent = shop.send(due=timedelta(minutes=5))
    assert waits(shop, parent) == "for its time, in 5 m"
    child = shop.send(parents=(Parent(parent),))
    assert waits(shop, child) == "for 1 job before it to end"
    assert waits(shop, shop.send(armed=False)) == "for the rest of its graph to be stored"
    due = shop.send()
    assert waits(shop, due) == (
        "for a worker: none that lives serves its queue: queuekit worker -Q mail"
    )
    shop.store.set_queue("mail", paused=True)
    assert waits(shop, due) == "since its queue is paused: queuekit queues resume mail"
    shop.store.set_queue("mail", paused=False)
    shop.beat(info={"queues": ["mail"], "lease": 3600})
    assert waits(shop, due) == "for a free worker; 1 live worker"


def test_what_a_running_job_waits_for_is_told_in_words(shop: Stage) -> None:
    running = shop.running()
    assert waits(shop, running) == "to end"
    shop.store.cancel([running], "why")
    assert waits(shop, running) == "for its worker to stop it: a cancel was asked for"
    silent = shop.running(lease=timedelta(0))
    assert waits(shop, silent).startswith("to be taken over: its worker is silent")


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (Move.RETRY, "for its next attempt, in 5 m"),
        (Move.SNOOZE, "since its own code asked to run later, in 5 m"),
    ],
)
def test_why_a_job_that_ran_waits_again_is_told(shop: Stage, move: Move, words: str) -> None:
    shop.send()
    assert waits(shop, shop.finish(shop.claim(), move, delay=timedelta(minutes=5))) == words


def test_the_page_as_json_has_these_keys(shop: Stage) -> None:
    ended = shop("jobs", "show", str(shop.discarded()), "--json")
    assert set(ended.json) == {"job", "history", "waits"}
    assert ended.json["job"]["final_reason"] == "out of attempts"
    assert ended.json["waits"] is None
    (attempt,) = ended.json["history"]
    assert attempt["failure"]["traceback"] == "Traceback of it\n  line"


SECRET = json.dumps({"$encrypted": "fX0xOiJhInsgOiJzZ3Jhd2siLF1bOiJzZ3JhInsgIA=="})


def test_an_encrypted_job_is_shown_as_encrypted_without_the_program(shop: Stage) -> None:
    job_id = shop.send(payload=SECRET)
    assert re.search(r"arguments +encrypted", shop("jobs", "show", str(job_id)).out)
    shape = shop("jobs", "show", str(job_id), "--json").json["job"]
    assert (shape["args"], shape["kwargs"]) == ("encrypted", "encrypted")
    (listed,) = shop("jobs", "ls", "--json").json["jobs"]
    assert listed["args"] == "encrypted"


def test_an_app_with_the_cipher_shows_what_is_in_it(shop: Stage) -> None:
    shop.write(
        "sealed.py",
        "from queuekit import App\n"
        "class Backwards:\n"
        "    def encrypt(self, data): return data[::-1]\n"
        "    def decrypt(self, data): return data[::-1]\n"
        f"app = App({shop.url!r}, cipher=Backwards())\n"
        "@app.task(name='mail.send', queue='mail')\ndef send(to): ...\n",
    )
    ended = shop("enqueue", "-a", "sealed:app", "mail.send", "to=ada")
    job_id = ended.out.strip()
    assert shop.job(job_id).payload.startswith('{"$encrypted"')
    shape = shop("jobs", "show", "-a", "sealed:app", job_id, "--json").json["job"]
    assert shape["kwargs"] == {"to": "ada"}
    assert shop("jobs", "show", job_id, "--json").json["job"]["kwargs"] == "encrypted"
