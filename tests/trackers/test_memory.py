"""What a network said before: recalled, bounded, and never another answer than the network's own."""

import numpy as np
import pytest

from spectrack.simulation.video import simulate
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.memory import AnswerMemory

ROW = np.zeros(125)
"""1,000 bytes; an answer of one takes 1,500."""


def test_questions_are_asked_once():
    memory, asked = AnswerMemory(10_000), []
    for question in ("a", "b", "a", "a"):
        assert (
            memory.recall(question, lambda question=question: asked.append(question) or (ROW, question))[1] == question
        )
    assert asked == ["a", "b"]
    assert (memory.asked, memory.recalled) == (4, 2)


def test_the_answers_that_nobody_asked_for_longest_go_first():
    memory, asked = AnswerMemory(3_100), []
    for question in ("a", "b", "a", "c", "a", "b"):
        memory.recall(question, lambda question=question: asked.append(question) or {"row": ROW})
    assert asked == ["a", "b", "c", "b"]


def test_an_answer_that_does_not_fit_is_not_kept():
    memory = AnswerMemory(1_000)
    assert len(memory.recall("a", lambda: [ROW, ROW])) == 2
    memory.recall("a", lambda: [ROW, ROW])
    assert memory.recalled == 0


@pytest.mark.parametrize("method", ["siamban", "ssfnet", "bcrnet"])
def test_boxes_with_a_memory_are_those_without(method):
    clip = simulate("calm", frames=5, seed=3, height=72, width=96)
    fast = {"update_every": 1, "update_score": 0.0} if method == "bcrnet" else {}
    memory = AnswerMemory(64 << 20)

    def boxes(remembered, **options):
        tracker = load_tracker(method, profile="compact", precision="fp32", device="cpu", **options)
        tracker.memory = memory if remembered else None
        tracker.init(clip.frame(0), clip.first_box, wavelengths_nm=clip.wavelengths_nm)
        return np.array([tracker.update(clip.frame(index)).box for index in range(1, 5)])

    settings = [fast, fast, {**fast, "window_influence": 0.2, "size_rate": 0.6}]
    if method == "bcrnet":
        settings.append({**fast, "update_mix": 0.6})
    for options in settings:
        assert np.array_equal(boxes(True, **options), boxes(False, **options))
    assert 4 < memory.recalled < memory.asked


def test_another_engine_is_compared_with_torch_in_every_video_all_the_same():
    pytest.importorskip("onnxruntime")
    clip = simulate("calm", frames=2, seed=3, height=72, width=96)
    memory, boxes = AnswerMemory(64 << 20), []
    for _ in range(2):
        tracker = load_tracker("siamban", profile="compact", precision="fp32", device="cpu", engine="onnxruntime")
        tracker.memory = memory
        tracker.init(clip.frame(0), clip.first_box, wavelengths_nm=clip.wavelengths_nm)
        boxes.append(tracker.update(clip.frame(1)).box)
    assert np.array_equal(*boxes)
    assert memory.recalled == 1
