"""Bodies in a pose against ray casting, point by point."""

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.simulation.bodies import BallBody, Bend, BoxBody, FlatBody, Part
from spectrack.simulation.casting import BODY_KINDS, Build, build_body
from spectrack.simulation.poses import Pose
from spectrack.simulation.shapes import bounds, fill_union
from spectrack.simulation.surfaces import Surface
from tests.fixtures.refusals import refuses

EYE_DISTANCE = 6.0


def surface(value=0.5):
    return Surface(np.full((32, 32, 3), value, np.float32), np.full((3, 121), 0.3))


def rotation(pose):
    """Yaw about y, then pitch about x, then roll about z, written out with elementary rotations."""

    def about(axis, angle):
        matrix = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        matrix[[i, j], [i, j]] = np.cos(angle)
        sign = -1.0 if axis == 1 else 1.0
        matrix[i, j], matrix[j, i] = -sign * np.sin(angle), sign * np.sin(angle)
        return matrix

    return about(2, pose.roll) @ about(0, pose.pitch) @ about(1, pose.yaw)


def rays(pose, window):
    """Eye and directions through pixel centres, in the body's own axes."""
    x, y = np.meshgrid(np.arange(window[0], window[2]) + 0.5, np.arange(window[1], window[3]) + 0.5)
    target = np.stack([(x - pose.centre[0]) / pose.scale, (y - pose.centre[1]) / pose.scale, np.zeros_like(x)], axis=-1)
    eye = np.array([0.0, 0.0, -EYE_DISTANCE])
    return eye @ rotation(pose), (target - eye) @ rotation(pose)


@pytest.mark.parametrize("seed", range(6))
def test_box_mask_is_what_rays_hit(seed):
    rng = np.random.default_rng(seed)
    sides = np.array([1.0, rng.uniform(0.4, 1.0), rng.uniform(0.4, 1.0)])
    body = BoxBody((surface(),) * 6, tuple(sides.tolist()))
    pose = Pose(rng.uniform(30, 50, 2), rng.uniform(8, 25), *rng.uniform(-3, 3, 3))
    window = (-10, -10, 100, 100)
    eye, direction = rays(pose, window)
    near, far = (-sides - eye) / direction, (sides - eye) / direction
    enter, leave = np.minimum(near, far).max(axis=-1), np.maximum(near, far).min(axis=-1)
    mask = fill_union([patch.outline for patch in body.patches(pose)], window)
    np.testing.assert_array_equal(mask, enter < leave)


@pytest.mark.parametrize("seed", range(6))
def test_flat_mask_is_what_rays_hit(seed):
    rng = np.random.default_rng(seed)
    square = np.array([(-1.0, -0.6), (1.0, -0.6), (1.0, 0.6), (-1.0, 0.6)])
    pose = Pose(rng.uniform(30, 50, 2), rng.uniform(8, 25), rng.uniform(-3, 3), rng.uniform(-1, 1), rng.uniform(-1, 1))
    window = (-10, -10, 100, 100)
    eye, direction = rays(pose, window)
    hit = eye + direction * (-eye[2] / direction[..., 2:])
    inside = (np.abs(hit[..., 0]) < 1.0) & (np.abs(hit[..., 1]) < 0.6)
    mask = fill_union([patch.outline for patch in FlatBody((Part(square, surface()),)).patches(pose)], window)
    np.testing.assert_array_equal(mask, inside)


def test_ball_mask_is_an_ellipse():
    body = BallBody(surface(), (1.0, 0.7))
    pose = Pose(np.array([30.2, 28.7]), 15.0, roll=0.6, yaw=2.0, pitch=0.4)
    x, y = np.meshgrid(np.arange(60) + 0.5 - 30.2, np.arange(60) + 0.5 - 28.7)
    a, b = (np.cos(0.6) * x + np.sin(0.6) * y) / 15.0, (np.cos(0.6) * y - np.sin(0.6) * x) / 10.5
    mask = fill_union([patch.outline for patch in body.patches(pose)], (0, 0, 60, 60))
    # A polygon of 64 sides lies within 0.0012 of its circle: pixels nearer to the rim may differ.
    clear = np.abs(np.hypot(a, b) - 1.0) > 0.0013
    np.testing.assert_array_equal(mask[clear], (np.hypot(a, b) < 1.0)[clear])


def test_bending_can_be_undone():
    bend = Bend.random(np.random.default_rng(0), 0.2)
    x, y = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9))
    dx, dy = bend.shift(x, y, 0.7)
    u, v = bend.undo(x + dx, y + dy, 0.7)
    assert np.abs(u - x).max() < 0.06
    assert np.abs(v - y).max() < 0.06
    assert np.hypot(dx, dy).max() > 0.05


def test_texture_sticks_to_a_turning_sheet():
    picture = np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)
    square = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    body = FlatBody((Part(square, Surface(picture, np.full((3, 121), 0.3))),), relief=0.0)
    upright = body.patches(Pose(np.array([20.0, 20.0]), 10.0))[0].abundances((10, 10, 30, 30))
    quarter = body.patches(Pose(np.array([20.0, 20.0]), 10.0, roll=np.pi / 2))[0].abundances((10, 10, 30, 30))
    np.testing.assert_allclose(np.rot90(quarter), upright, atol=1e-3)


@pytest.mark.parametrize("kind", BODY_KINDS)
def test_every_kind_has_a_mask_and_stays_within_reach(kind):
    body = build_body(np.random.default_rng(2), kind, [surface()] * 3, Build(bend=0.1, swing=0.5))
    for phase in (0.0, 2.0, 4.0):
        pose = Pose(np.array([50.0, 50.0]), 20.0, 0.3, 0.4, -0.3, phase)
        outlines = [patch.outline for patch in body.patches(pose)]
        assert fill_union(outlines, bounds(outlines)).sum() > 50
        assert max(np.hypot(*(outline - pose.centre).T).max() for outline in outlines) <= body.reach() * pose.scale


def test_unknown_kind():
    with refuses(ConfigError, "'persons'", "did you mean 'person'"):
        build_body(np.random.default_rng(0), "persons", [surface()])
