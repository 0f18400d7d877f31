"""`fcspec explore --database`: what one search found the next one tries first, and what holds now is dropped."""

import json
import sys
from types import SimpleNamespace

import pytest
from fcspec import explore
from fcspec.calls.completion import completed
from fcspec.calls.features import RefusedFeatures
from fcspec.calls.kept import Database, Kept, features_of, open_database
from fcspec.calls.row_topics import ROW_TOPICS
from fcspec.calls.searched import SearchedFeatures
from fcspec.errors import UsageError
from fcspec.target.address import Address
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase

TORCH = Address.parse("torch")
DRAWN = Kept("three tied names", "tie.large-group", choices="00ff")


def row_of(topic):
    return next(row for row in topic.batch(1, 0) if row is not None)


@pytest.mark.parametrize("topic", ROW_TOPICS, ids=lambda topic: topic.name)
def test_a_row_of_each_topic_comes_back_as_it_was(topic):
    row = row_of(topic)
    kept = Kept(topic.name, "tie.one-name", **features_of(row))

    assert Kept.from_bytes(kept.as_bytes()) == kept
    assert kept.row() == row


@pytest.mark.parametrize(
    "changes",
    [
        {"choices": ""},
        {"choices": "no hex"},
        {"choices": "", "table": "Unheard"},
        {"choices": "", "table": "RefusedFeatures", "features": {"fault": "UNHEARD"}},
        {"choices": "", "table": "RefusedFeatures", "features": {"unheard": 1}},
        {"choices": "", "table": ["RefusedFeatures"]},
        {"topic": None},
        {"more": 1},
    ],
)
def test_what_other_releases_or_strangers_kept_is_left_alone(changes):
    examples = InMemoryExampleDatabase()
    database = Database(examples, TORCH)
    database.keep(DRAWN)
    key, of_all = examples.data
    for data in (json.dumps(json.loads(DRAWN.as_bytes()) | changes).encode(), b"\xff", b"[]"):
        examples.save(key, data)
        examples.save(of_all, data)

    assert database.kept() == [DRAWN]


def test_what_one_target_breaks_is_tried_on_others_whatever_their_addresses():
    examples = InMemoryExampleDatabase()
    ours, theirs = (Database(examples, Address.parse(one)) for one in ("mine.py:f", "/home/me/mine.py:f"))
    ours.keep(DRAWN)
    assert (ours.kept(own=True), theirs.kept(own=True), theirs.kept()) == ([DRAWN], [], [DRAWN])

    ours.drop(DRAWN)
    assert (ours.kept(own=True), theirs.kept()) == ([], [DRAWN])


def test_features_that_cannot_meet_are_no_row():
    row = completed(RefusedFeatures, {})
    assert Kept("t", "c", **features_of(row)).row() == row

    assert Kept("t", "c", table=SearchedFeatures.__name__, features={"given": "REGULAR"}).row() is None


def search(database, target=TORCH, seed=1, **more):
    topics = explore.chosen(("three tied names", "several features"))
    options = {"seconds": 60, "seed": seed, "workers": 1, "topics": topics, "maxfail": 2}
    return explore.explore(target, database=database, **options, **more)


@pytest.mark.slow
def test_what_one_search_found_the_next_one_finds_first_and_what_holds_now_is_dropped(tmp_path):
    database = Database(DirectoryBasedExampleDatabase(tmp_path), TORCH)
    first = search(database)
    assert (len(first.findings), first.again) == (2, 0)
    kept = database.kept()
    assert {one.clause for one in kept} <= set(first.findings)
    assert kept

    again = search(Database(DirectoryBasedExampleDatabase(tmp_path), TORCH), seed=2)
    assert again.again == len(kept)

    def all_dropped(_):
        if not database.kept(own=True):
            raise KeyboardInterrupt

    held = search(database, Address.parse("reference"), on_progress=all_dropped)
    assert held.interrupted
    assert (held.findings, held.problems) == ({}, [])


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("file", "file is no folder: File exists"),
        ("file/below", "is no folder: Not a directory"),
        ("http://host/0", "--database http://...: expected a folder, or a URL of redis, rediss, unix"),
    ],
)
def test_a_place_that_is_none_is_one_line(place, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match=f"{says}$"):
        open_database(place)


def test_a_url_is_that_of_a_redis_which_answers(monkeypatch):
    pinged = []

    def from_url(url):
        return SimpleNamespace(ping=lambda: pinged.append(url) if "here" in url else 1 / 0)

    extra = SimpleNamespace(RedisExampleDatabase=lambda redis: ("examples of", redis.ping()))
    monkeypatch.setitem(sys.modules, "redis", SimpleNamespace(Redis=SimpleNamespace(from_url=from_url)))
    monkeypatch.setitem(sys.modules, "hypothesis.extra.redis", extra)

    assert open_database("redis://:secret@here/0") == ("examples of", None)
    assert pinged[0] == "redis://:secret@here/0"
    with pytest.raises(
        UsageError, match=r"^--database redis://away does not answer: ZeroDivisionError: division by zero$"
    ):
        open_database("redis://:secret@away/0")


def test_without_redis_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "hypothesis.extra.redis", raising=False)

    with pytest.raises(UsageError, match=r"needs redis: python -m pip install 'hypothesis\[redis\]'$"):
        open_database("redis://here/0")


def test_a_database_that_is_lost_ends_no_search(tmp_path):
    class Lost(InMemoryExampleDatabase):
        def save(self, key, value):
            raise ConnectionError("gone")

    found = search(Database(Lost(), TORCH))

    assert len(found.findings) == 2
    assert found.problems == ["nothing is kept any more: ConnectionError: gone"]
