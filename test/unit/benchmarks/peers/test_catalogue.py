from __future__ import annotations

import json

import pytest

from benchmarks.peers.catalogue import FOLDER, PEERS, Peer, instances, predictions, tensor

CELLS = [["1", "2"], ["3", "4"], ["5", "6"]]


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_has_requirements_that_are_pinned_and_a_server(peer: Peer) -> None:
    lines = (FOLDER / peer.folder / "requirements.txt").read_text().splitlines()

    assert all("==" in line for line in lines)
    assert (FOLDER / peer.folder / "server.py").exists()


def test_all_peers_open_the_model_with_one_version_of_scikit_learn() -> None:
    files = (FOLDER / folder / "requirements.txt" for folder in {peer.folder for peer in PEERS})
    lines = [line for file in files for line in file.read_text().splitlines()]

    assert len({line for line in lines if line.startswith("scikit-learn")}) == 1


def test_names_tell_peers_apart() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)


def test_bodies_are_those_of_the_protocols() -> None:
    assert json.loads(instances(CELLS)) == {"instances": [[1, 2], [3, 4], [5, 6]]}
    (one,) = json.loads(tensor(CELLS))["inputs"]
    assert (one["shape"], one["data"]) == ([3, 2], [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([1, 0], id="a list"),
        pytest.param({"predictions": [1, 0]}, id="an object"),
        pytest.param({"outputs": [{"name": "predict", "data": [1, 0]}]}, id="a tensor"),
    ],
)
def test_predictions_are_found_where_each_server_puts_them(answer: object) -> None:
    assert predictions(answer) == [1, 0]


def test_an_answer_without_predictions_is_none() -> None:
    with pytest.raises(KeyError):
        predictions({"error": "no"})
