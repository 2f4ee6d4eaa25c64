"""Fine-tune shipped weights on your own clips: python examples/train_on_own_data.py [ROOT] [--pairs N] [--out DIR].

ROOT holds sequences with a box in every frame. Keep others aside and compare on those, as docs/fine-tune.md does.
"""

import argparse
from pathlib import Path

import spectrack


def clips_in(folder: Path) -> Path:
    """Two small simulated clips with truth, for those who have none."""
    for seed in range(2):
        video = spectrack.simulate("speck", "vis16", frames=6, seed=seed, height=64, width=96)
        spectrack.write_sequence(video, folder / f"clip{seed}", format="npy")
    return folder


def main(arguments: list[str] | None = None) -> spectrack.Tracker:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", type=Path)
    parser.add_argument("--start", default="siamban-lite", help="weights to begin with, which name the recipe too")
    parser.add_argument("--pairs", type=int, default=64, help="training pairs; some thousand for a real training")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("fine-tuned"))
    options = parser.parse_args(arguments)

    root = options.root or clips_in(options.out / "clips")
    changes = {
        "name": "mine",
        "start": options.start,
        "pairs": options.pairs,
        "batch": options.batch,
        "data.sources": [str(root)],
        "data.ratios": [1.0],
        "data.photographs": [],  # of the shipped recipe; own clips need none
        "data.cutouts": [],
        "data.workers": 0,
        "validation_pairs": 16,
        "optimiser.learning_rate": 2e-4,  # a tenth: the weights are to be moved, not made
        "optimiser.warmup_steps": 2,
    }
    recipe = spectrack.load_recipe(options.start, changes)
    weights = spectrack.train(recipe, options.out / "training")
    print(f"weights: {weights}")
    return spectrack.load_tracker(recipe.method, weights=weights)


if __name__ == "__main__":
    main()
