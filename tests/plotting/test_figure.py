"""The style of all pictures."""

from runs import run_python


def test_the_matplotlibrc_of_a_user_changes_nothing(tmp_path):
    script = (
        "import numpy as np; from pathlib import Path; from transfer.plotting import confusion_matrix\n"
        "confusion_matrix.draw(np.array([0, 1]), np.array([1, 1]), ['a', 'b'], 'title', Path('a.png'))\n"
    )
    user_style = "font.size: 20\naxes.facecolor: red\nfont.sans-serif: Nimbus\n"
    for name, style in (("default", ""), ("user", user_style)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "matplotlibrc").write_text(style)
        done = run_python(tmp_path / name, "-c", script)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "user/a.png").read_bytes() == (tmp_path / "default/a.png").read_bytes()
