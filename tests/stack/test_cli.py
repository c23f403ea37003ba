"""`hookline`, the command, at the deployed stack: finds, explains, redrives and replays deliveries."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hookline_local import processes
from hookline_local.command import Hookline
from hookline_local.deploy import STACK
from hookline_local.places import REPOSITORY
from hookline_local.shop import sample
from hookline_local.tour import Tour, poll
from patience import impatient


@pytest.fixture
def hookline(tour: Tour) -> Hookline:
    """The command that `make build-local` built, with variables from the line in the README."""
    environment = os.environ | processes.aws_environment(tour.stack.ports)
    load_settings = f'eval "$(make --silent where STACK={STACK})" && env --null'
    printed = subprocess.run(
        ["bash", "-c", load_settings],  # noqa: S607 (as a person types it)
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    variables = dict(line.split("=", 1) for line in printed.stdout.split("\0") if "=" in line)
    return Hookline(variables)


def test_a_dead_letter_is_found_explained_and_redriven(tour: Tour, hookline: Hookline) -> None:
    """The reason comes from the ledger."""
    with impatient(tour.stack):
        broken = tour.sign("products/update", sample("hostile/wrong-shape.json"))
        assert tour.stack.client.send(broken).status == 200
        mine = ("dlq", "list", "--id", broken.id)
        assert poll(lambda: hookline.rows(*mine))
        (letter,) = hookline.rows(*mine)
        assert letter["code"] == "schema_mismatch"
        assert "variants[0].price" in letter["message"]
        (row,) = hookline.rows("trace", broken.id, "--store", tour.store)
        assert row["fate"] == "parked"
        assert row["dead_letter"]["message_id"] == letter["message_id"]
        assert "It is a dead letter. Remove the cause, then redrive it" in row["means"]
        # After the redrive, it fails again and becomes a dead letter.
        (moved,) = hookline.rows("dlq", "redrive", "--id", broken.id)
        assert moved["message_id"] == letter["message_id"]
        assert poll(lambda: hookline.rows(*mine))
        assert hookline.run("dlq", "purge", "--id", broken.id, "--yes").returncode == 0
        assert not hookline.rows(*mine)


def test_a_replay_is_neither_a_duplicate_nor_an_event(tour: Tour, hookline: Hookline, tmp_path: Path) -> None:
    """A completed delivery is replayed from a file, applied under its own id, and counted as a replay."""
    board = tour.products["walnut-serving-board"]
    delivery = tour.sign("products/update", board.body())
    assert tour.stack.client.send(delivery).status == 200
    tour.until(lambda: tour.result(board), "it is found")
    body = tmp_path / "board.json"
    body.write_bytes(delivery.body)
    body.with_suffix(".headers.json").write_text(json.dumps(dict(delivery.headers)))
    (row,) = hookline.rows("replay", "--file", str(body))
    assert (row["fate"], row["why"]) == ("applied", "the index holds this state")
    # The command reads the ledger, which is written first.
    assert poll(lambda: tour.status()["replayed_24h"] == 1)
    assert tour.applied() == 1
    replays = hookline.rows("trace", delivery.id)
    assert [each["replay_of"] for each in replays] == [None, delivery.id]


def test_an_old_state_is_superseded_by_the_newer_one(tour: Tour, hookline: Hookline, tmp_path: Path) -> None:
    """The index does not change."""
    old = tour.products["walnut-serving-board"]
    new = old.edited(title="Walnut serving board, oiled")
    assert tour.stack.client.send(tour.sign("products/update", new.body())).status == 200
    tour.until(lambda: tour.result(new), "it is found")
    delivery = tour.sign("products/update", old.body())
    body = tmp_path / "board.json"
    body.write_bytes(delivery.body)
    body.with_suffix(".headers.json").write_text(json.dumps(dict(delivery.headers)))
    (row,) = hookline.rows("replay", "--file", str(body))
    assert row["fate"] == "superseded"
    assert row["why"].startswith(f"by the state of {new.updated_at.replace('+00:00', 'Z')}")
    assert tour.result(new)


def test_an_applied_delivery_is_replayed_from_the_archive(tour: Tour, hookline: Hookline) -> None:
    """By store and time, and by id; the local stack archives completed deliveries."""
    board = tour.products["walnut-serving-board"]
    delivery = tour.sign("products/update", board.body())
    assert tour.stack.client.send(delivery).status == 200
    tour.until(lambda: tour.result(board), "it is found")
    mine = ("trace", delivery.id, "--store", tour.store)
    # The document is found before the delivery is archived.
    assert poll(lambda: hookline.rows(*mine)[0]["archived"])
    for which in (("--from", "1h"), ("--id", delivery.id)):
        (row,) = hookline.rows("replay", "--store", tour.store, *which)
        assert (row["delivery_id"], row["from"], row["fate"]) == (delivery.id, "archive", "applied")
    assert poll(lambda: tour.status()["replayed_24h"] == 2)
