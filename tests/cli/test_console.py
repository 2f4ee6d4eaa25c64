"""What the commands print with."""

from spectrack.cli import console


def test_progress_is_told_in_lines_where_there_is_no_terminal(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(console, "SECONDS_BETWEEN_LINES", 10.0)
    with console.ProgressBar() as bar:
        for second in range(25):
            now[0] = float(second)
            bar.show("tracking", second, 80, "[cf]: clip")
    assert capsys.readouterr().err.splitlines() == [
        "spectrack: tracking 10 of 80 [cf]: clip",
        "spectrack: tracking 20 of 80 [cf]: clip",
    ]
