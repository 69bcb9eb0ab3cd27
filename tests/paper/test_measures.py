"""Numbers of a cell against hand-made points."""

from dataclasses import replace

import numpy as np
import pytest
from hand_made import points
from scipy.stats import rankdata

from lossatlas.network import Links, Network
from lossatlas.paper.funnel_verdicts import funnel_shares, shares_from
from lossatlas.paper.measures import SAME, measures
from lossatlas.paper.points import first_points, half_of_the_log, load_points, save_points


def test_counts_losses_and_auc_of_the_global_minimum():
    found = measures(points())
    assert (found["minima"], found["transition_states"], found["nondegenerate"]) == (3, 3, 2)
    assert found["gmin_loss"] == 0.1
    assert found["highest_loss"] == 0.3
    assert found["loss_range"] == pytest.approx(0.2)
    assert found["train_gmin_auc"] == pytest.approx(0.801)
    assert found["rank_train_gmin_auc"] == pytest.approx(0.8)
    assert found["rank_test_mean_auc"] == pytest.approx((0.5 + 0.7 + 0.55) / 3)
    assert found["rank_train_sd_auc"] == pytest.approx(0.1)


def test_macro_auc_is_taken_from_its_own_columns():
    assert measures(points(), "macro")["rank_train_gmin_auc"] == pytest.approx(0.9)


def test_without_noise_the_correct_part_is_all():
    found = measures(points())
    assert found["rank_correct_mean_auc"] == found["rank_train_mean_auc"]
    assert np.isnan(found["rank_incorrect_mean_auc"])


def test_with_only_wrong_labels_there_is_no_correct_part():
    clean = points()
    found = measures(clean.with_columns(incorrect_auc=clean.columns["train_auc"]))
    assert found["rank_incorrect_mean_auc"] == pytest.approx(0.7)
    assert np.isnan(found["rank_correct_mean_auc"])


def test_rank_correlations():
    random = np.random.default_rng(3)
    loss, test = random.random(20), random.random(20)
    none = np.zeros(0, int)
    columns = {"train_auc": -loss, "test_auc": test}
    found = measures(Network.of_pairs(loss, np.zeros(0), none, none, columns))
    assert found["loss_train_correlation"] == pytest.approx(-1)
    expected = np.corrcoef(rankdata(loss), rankdata(test))[0, 1]
    assert found["loss_test_correlation"] == pytest.approx(expected)
    assert found["train_test_correlation"] == pytest.approx(-expected)


def test_a_single_minimum_has_no_spread():
    none = np.zeros(0, int)
    one = Network.of_pairs(np.array([0.5]), np.zeros(0), none, none, {"train_auc": np.array([0.7])})
    found = measures(one)
    assert found["minima"] == 1
    undefined = ("rank_train_sd_auc", "loss_train_correlation", "funnel_mean_ratio", "good_share")
    assert all(np.isnan(found[name]) for name in undefined)


def test_points_of_nearly_equal_loss_are_merged():
    close = points()
    loss = close.minimum_energies.copy()
    loss[2] = loss[1] + 0.9 * SAME
    found = measures(replace(close, minimum_energies=loss))
    assert found["minima"] == 3
    assert found["merged_minima"] == 2
    # Both other transition states then join the lowest minimum to itself.
    assert found["merged_transition_states"] == 3
    assert found["merged_train_mean_auc"] == pytest.approx((0.801 + 0.601) / 2)


def test_share_of_good_minima():
    good = points().with_columns(test_auc=np.array([0.89, 0.9, 0.95]))
    assert measures(good)["good_share"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("third", [False, True])
def test_points_survive_being_written(tmp_path, third):
    """Also where a transition state joins three minima."""
    network = points()
    if third:
        columns = [np.insert(column, 1, column[0]) for column in network.links]
        columns[2][1] = 2
        network = replace(network, links=Links(*columns))
    save_points(tmp_path / "points.npz", network)
    back = load_points(tmp_path / "points.npz")
    for name in ("minimum_energies", "transition_state_energies", "links"):
        np.testing.assert_array_equal(getattr(back, name), getattr(network, name))
    assert back.columns.keys() == network.columns.keys()
    np.testing.assert_array_equal(back.columns["test_auc"], network.columns["test_auc"])
    assert [file.name for file in tmp_path.iterdir()] == ["points.npz"]


def test_the_first_half_of_the_log_has_its_points_and_their_links():
    network = points()
    half = first_points(network, 1, 1)
    assert len(half.minimum_energies) == 2  # both that the transition state joins
    assert half.transition_state_energies.tolist() == [0.5]
    discovery = {"attempts": [0, 10, 20], "minima": [0, 3, 3], "transition_states": [0, 2, 3]}
    half = half_of_the_log(network, {"cpu_seconds": [0, 1, 2], **discovery})
    assert (len(half.minimum_energies), len(half.transition_state_energies)) == (3, 2)
    assert first_points(network, 0, 0).components.tolist() == [0]


def test_shares_of_funnels_are_numbers_of_a_cell():
    network = points()
    found = measures(network, half=first_points(network, 3, 1))
    shares = funnel_shares(network, first_points(network, 3, 1))
    assert shares_from(found).share.tolist() == shares.share.tolist()
    assert found["range_r"] == pytest.approx(np.quantile([0.1, 0.2, 0.3], 0.9) - 0.1)
    assert found["connected_minima"] == 3
