"""Long absences: out of sight for long, back elsewhere, and no jumps on the way."""

import numpy as np
import pytest

from spectrack.boxes import centres
from spectrack.simulation.scenarios import get_scenario, list_scenarios
from spectrack.simulation.video import simulate


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scenario", ["behind", "away"])
def test_a_long_absence_and_a_return_elsewhere(scenario, seed):
    video = simulate(scenario, seed=seed, frames=140)
    hidden = np.flatnonzero(video.visibility < 0.1)
    assert video.visibility[:20].min() > 0.5
    assert 36 <= len(hidden) <= 64
    assert (video.visibility[hidden[-1] :] > 0.5).sum() >= 20
    middle = centres(video.truth)
    size = np.sqrt(video.truth[:, 2:].prod(axis=1))
    assert np.linalg.norm(middle[hidden[-1]] - middle[hidden[0]]) > 2 * size[0]
    steps = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    assert (steps / size[1:]).max() < 1.2
    assert ("OCC" if scenario == "behind" else "OV") in video.attributes


def test_look_alikes_stay_and_nothing_else_changes():
    alone, among = (simulate(name, seed=3, frames=140) for name in ("away", "away-twins"))
    np.testing.assert_array_equal(alone.truth, among.truth)
    twins = [actor for actor in among.scene.actors if actor.name == "look-alike"]
    assert len(twins) == 2
    for twin in twins:
        assert (twin.centre > 0).all()
        assert (twin.centre < (320, 240)).all()
    assert "TWIN" in among.attributes
    assert "TWIN" not in alone.attributes


def test_they_are_asked_for_by_name_and_trained_on_by_nobody():
    from spectrack.simulation.scenarios import SCENARIOS
    from spectrack.simulation.side_scenarios import SIDE_SCENARIOS

    for scenario in SIDE_SCENARIOS:
        assert get_scenario(scenario.name) is scenario
        assert scenario.name in list_scenarios()
        assert scenario.name not in SCENARIOS
