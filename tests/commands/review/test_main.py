"""The comment of a pull request: the verdict in each kind of pull request, and Markdown that is safe on a code host.

The repository has results of a run that never was, and no stages: to `dvc status`, they belong together.
"""

import json
import re
import sys

import pytest
import yaml
from markdown_it import MarkdownIt

import report_results
from commands.review import __main__ as program
from commands.review import comment
from runs import run
from transfer.common import io
from transfer.common.dvcfile import REMOTE_FOLDER
from transfer.interface.errors import UserError

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
CLASSES = report_results.class_names(len(report_results.NAMES) + 4)
NASTY = "@octocat #1 | `x` <img src=x> *b* www.a.b http://a.b GH-1 ![i](http://a.b/c) $x$ :tada: ورق"
LIMIT = 65_536  # of GitHub
# What makes GitHub notify someone, or link to something.
LINKING = re.compile(r"[@#]\w|\bGH-\d|://|www\.|:tada:", re.IGNORECASE)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A repository with results on the branch main."""
    folder = report_results.make_repository(tmp_path_factory.mktemp("review") / "project")
    run(folder, "git", "checkout", "--quiet", "-B", "main")
    pipeline = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))
    io.write_text(folder / "dvc.yaml", yaml.safe_dump({"plots": pipeline["plots"]}))
    (folder / "dvc.lock").unlink()
    report_results.write_results(folder, CLASSES, (0.6, 0.6), counts=(8, 2, 6))
    write_data(folder, {f"train/{CLASSES[0]}/{number}.jpg": str(number) for number in range(4)}, "aa")
    write_near_duplicates(folder)
    commit(folder, "Results")
    return folder


@pytest.fixture
def repository(base, monkeypatch):
    """The repository on a branch of its own, as the working folder; the branch is gone afterwards."""
    run(base, "git", "switch", "--quiet", "--create", "change")
    monkeypatch.chdir(base)
    yield base
    run(base, "git", "reset", "--hard", "--quiet")
    run(base, "git", "clean", "-d", "--force", "--quiet")
    run(base, "git", "switch", "--quiet", "main")
    run(base, "git", "branch", "--quiet", "-D", "change")


def commit(folder, subject):
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", subject)


def write_data(folder, images, digest):
    """Write the .dvc file of a dataset, and the list of its files into the embedded remote."""
    io.write_text(folder / "dataset_images.dvc", f"outs:\n- md5: {digest}{'0' * 30}.dir\n  path: dataset_images\n")
    files = [{"md5": content, "relpath": path} for path, content in images.items()]
    io.write_text(folder / REMOTE_FOLDER / f"files/md5/{digest}/{'0' * 30}.dir", json.dumps(files))


def write_near_duplicates(folder, *rows):
    header = "path,actual,other_split,other_path,other_actual,cosine,near_duplicate\n"
    io.write_text(folder / "plots/evaluate/near_duplicates.csv", header + "".join(rows))


def change_results(folder, share, seed=0, **options):
    report_results.write_results(folder, CLASSES, (0.6, share), counts=(8, 2, 6), seed=seed, **options)


def title(text):
    return next(line for line in text.splitlines() if line.startswith("## "))


def cells(text, caption):
    """The rows of the folded table with a caption."""
    table = text.split(f"<summary>{caption}")[1].split("</details>")[0].strip().splitlines()
    return [[cell.strip() for cell in row.strip("|").split(" |")] for row in table if row.startswith("|")][2:]


def test_a_pull_request_that_changes_a_parameter(repository):
    params = (repository / "params.yaml").read_text(encoding="utf-8")
    io.write_text(repository / "params.yaml", params.replace("  dropout: 0.2 ", "  dropout: 0.5 "))
    change_results(repository, 0.95, seed=1)
    commit(repository, "Raise dropout")
    text = comment.render("main")
    assert text.startswith("## Better than main\n")
    assert re.search(r"^Accuracy \+\d+\.\d points, 95 % interval \+.*; exact McNemar p \\< 0\.001\.$", text, re.M)
    assert "- **Parameters:** train\\_tl.dropout 0.2 → 0.5\n- **Data:** the same images" in text
    assert cells(text, "Parameters that changed") == [["train\\_tl.dropout", "0.2", "0.5"]]
    assert "Both revisions have the same test images: each change of a metric is due to the model." in text
    assert "Due to the test split" not in text


def test_a_pull_request_that_changes_nothing_that_counts(repository):
    io.write_text(repository / "docs/README.md", "Other words.\n")
    commit(repository, "Other words")
    text = comment.render("main")
    assert text.startswith("## The same predictions as main\n")
    assert "### Nothing changed in what the stages read" in text and "- **Parameters:** the same\n" in text
    assert "### Metrics" not in text and "### Classes" not in text and len(text) < 3000


def test_a_pull_request_that_changes_data(repository):
    # The test split has one image of each class less, and the models are the same on the others.
    images = {f"train/{CLASSES[0]}/0.jpg": "0", f"test/{CLASSES[0]}/1.jpg": "1", f"train/{NASTY}/2.jpg": "2"}
    write_data(repository, images | {f"train/{CLASSES[0]}/new.jpg": "9"}, "bb")
    predictions = io.read_csv(repository / "plots/predictions.csv", ("pixels",))
    kept = predictions[~predictions["pixels"].isin(predictions["pixels"].unique()[::6])]
    io.write_csv(repository / "plots/predictions.csv", kept)
    counts = io.read_csv(repository / "plots/dataset.csv", ("split", "class"))
    counts.loc[counts["split"] == "test", "images"] = 5
    io.write_csv(repository / "plots/dataset.csv", counts)
    duplicate = f"test/{CLASSES[0]}/1.jpg,a,train,train/{NASTY}/2.jpg,b,0.97,yes\n"
    write_near_duplicates(repository, duplicate)
    commit(repository, NASTY)
    text = comment.render("main")
    assert text.startswith("## The same predictions as main\n")
    names = len(CLASSES)
    assert f"On the {5 * names} test images that both revisions have ({names} removed, 0 added), the selected" in text
    assert "; 1 added, 1 removed, 1 moved to another split, 1 moved to another class; md5 aa" in text
    assert cells(text, "Images of the classes that changed")[0] == [
        *("all classes", str(8 * names), str(2 * names), f"{6 * names} → {5 * names}")
    ]
    changes = {row[1]: row for row in cells(text, "Images that changed")}
    assert changes["removed"][0].endswith("/3.jpg") and changes["added"][0].endswith("/new.jpg")
    assert "- **Near-duplicates:** 1 new near-duplicate: 1 of test images\n" in text
    assert cells(text, "New near-duplicates")[0][1:5:3] == ["a", "0.9700"]
    # The model is the same, so that only the test split moves the metrics.
    of_model = text.split("**fine-tuned**")[1].split("\n\n")[1].splitlines()[2:]
    assert [row.split(" | ")[4] for row in of_model] == ["+0.0\N{NO-BREAK SPACE}points"] * 2 + ["+0.000"]


def test_cross_validation_is_the_headline_if_it_differs(repository):
    change_results(repository, 0.6, recipe=1.0)
    commit(repository, "Better features")
    text = comment.render("main")
    low = io.read_json("metrics/cross_validation.json")["accuracy_low"]
    value = f"100.0% ({low:.1%} to 100.0%)"
    assert text.startswith(
        "## Better than main by cross-validation\n\n"
        f"The cross-validated accuracy of transfer learning is {value}; before, "
    )
    assert "\n\nTest split: the same predictions as main.\n" in text
    # What the run achieves now begins with what this accuracy estimates.
    facts = text.split("### This run")[1].strip().splitlines()
    images = 8 * len(CLASSES) + 2 * len(CLASSES)
    assert facts[0].startswith(
        f"- **Cross-validated accuracy:** {value}. It estimates the accuracy on new images of the same kind, after "
        f"transfer learning by the committed recipe on about {images * 4 // 5} images; "
    )
    assert facts[1].startswith("- **Selected now:** fine-tuned, ")
    assert f" on one test split of {6 * len(CLASSES)} images" in facts[1]
    run(repository, "git", "rm", "--quiet", "--cached", "metrics/cross_validation.json")
    run(repository, "git", "commit", "--quiet", "--message", "Without cross-validation")
    text = comment.render("HEAD")
    assert title(text) == "## The same predictions as HEAD"
    assert f"\n\nThe cross-validated accuracy of transfer learning is {value}; HEAD has none.\n" in text


def test_without_a_base_the_comment_leads_with_cross_validation(repository):
    text = comment.render(None)
    metrics = io.read_json("metrics/cross_validation.json")
    value = f"{metrics['accuracy']:.1%} ({metrics['accuracy_low']:.1%} to {metrics['accuracy_high']:.1%})"
    assert text.startswith(f"## Cross-validated accuracy {value}\n\nIt estimates the accuracy on new images")
    test = io.read_json("metrics/evaluate.json")["finetune"]
    width = round(100 * (test["accuracy_high"] - test["accuracy_low"]))
    assert f" images of one test split: {test['accuracy']:.1%} (" in text
    assert f", a 95 % interval {width} points wide." in text


def test_warnings_come_first(repository):
    run(repository, "git", "switch", "--quiet", "main")
    run(repository, "git", "commit", "--quiet", "--allow-empty", "--message", "Elsewhere")
    io.write_text(repository / "docs/README.md", "Elsewhere.\n")
    commit(repository, "Elsewhere")
    run(repository, "git", "switch", "--quiet", "change")
    stages = {"stages": {"evaluate": {"cmd": "true", "deps": ["predict.py"], "outs": ["plots/problems.csv"]}}}
    io.write_text(repository / "dvc.yaml", yaml.safe_dump(stages))
    try:
        text = comment.render("main")
    finally:
        run(repository, "git", "stash", "--quiet")
        run(repository, "git", "switch", "--quiet", "main")
        run(repository, "git", "reset", "--hard", "--quiet", "HEAD~2")
        run(repository, "git", "stash", "drop", "--quiet")
    warnings = re.findall(r"^> \[!WARNING\]\n> (.*)\n\n", text.split("## ")[0], re.M)
    assert [warning.partition(":")[0] for warning in warnings] == [
        "These results are older than the data, code or parameters in the workspace",
        "dvc.yaml is not committed",
        "Revision main has 1 commit that the workspace does not build on",
    ]
    assert "\\`dvc status\\` names evaluate" in warnings[0]


def test_a_base_without_results_is_compared_as_far_as_possible(repository):
    nothing = run(repository, "git", "hash-object", "-t", "tree", "/dev/null").strip()
    empty = run(repository, "git", "commit-tree", nothing, "-m", "empty").strip()
    text = comment.render(empty)
    assert title(text) == f"## Cannot be compared with {empty}"
    assert f"\n\n{empty} has no plots/predictions.csv: choose a commit that has the results of a run.\n" in text
    assert "params.yaml that can be read: parameters are not compared." in text
    assert "- **Selected now:** fine-tuned, " in text and "### Metrics" not in text
    io.write_text(repository / "plots/predictions.csv", "a,b\n1,2\n")
    commit(repository, "Unusable")
    run(repository, "git", "checkout", "main", "--", "plots")
    assert "is not a valid table (no column model)" in comment.render("HEAD")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], r"^nope is not a revision of this repository: give a commit, a branch or a tag, such as HEAD~1\.$"),
        (["--", "--help"], r"^--help is not a revision"),
        (["main", "--report", "report/index.html"], r"^report/index\.html is not an address of a page: it begins"),
        (["main", "--report", "https://a.b/c> [x](y)"], r"is not an address of a page"),
    ],
)
def test_an_unknown_base_and_an_unusable_address_are_errors(repository, monkeypatch, arguments, message):
    monkeypatch.setattr(sys, "argv", ["review", *arguments])
    with pytest.raises(UserError, match=message):
        program.main()


def test_without_results_of_the_workspace_there_is_no_comment(repository):
    run(repository, "git", "rm", "--quiet", "metrics/evaluate.json")
    with pytest.raises(UserError, match=r"^metrics/evaluate\.json is missing: run `dvc repro` to make it\.$"):
        comment.render("main")


def test_the_comment_links_to_the_report(repository, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["review", "main", "--report", "https://github.com/a/b/actions/runs/1/artifacts/2"]
    )
    program.main()
    text = capsys.readouterr().out
    links = [
        token.attrs["href"]
        for block in GITHUB.parse(text)
        for token in block.children or []
        if token.type == "link_open"
    ]
    assert links == ["https://github.com/a/b/actions/runs/1/artifacts/2"]


@pytest.fixture
def nasty(repository):
    """Names that others have chosen, wherever there are names, in a comment that would be too long."""
    long = "$" * 250
    images = {f"train/{NASTY}/{number} {NASTY} {long}.jpg": f"x{number}" for number in range(40)}
    write_data(repository, images, "bb")
    pairs = [f"test/{NASTY} {long},{NASTY},train,train/{number} {long},{long},0.9,yes\n" for number in range(40)]
    write_near_duplicates(repository, *pairs)
    header = "path,pixels,split,label,suggested,score\n"
    doubts = [f"test/{number} {long},{number},test,{NASTY},{long},0.9\n" for number in range(40)]
    io.write_text(repository / "plots/label_issues.csv", header + "".join(doubts))
    names = {CLASSES[-1]: f"{NASTY} {long}"[:200], CLASSES[-2]: long}
    report_results.write_results(repository, [names.get(name, name) for name in CLASSES], (0.3, 0.9), (8, 2, 6), seed=2)
    params = yaml.safe_load((repository / "params.yaml").read_text(encoding="utf-8"))
    params |= {f"{NASTY} {number}": long * 10 for number in range(40)}
    io.write_text(repository / "params.yaml", yaml.safe_dump(params, allow_unicode=True))
    commit(repository, f"{NASTY} {long}")
    run(repository, "git", "branch", "--force", "a#1-$x$")
    run(repository, "git", "reset", "--quiet", "--soft", "main")
    for number in range(3):
        run(repository, "git", "commit", "--quiet", "--allow-empty", "--message", f"{number} {NASTY} {long}")
    return repository


def test_a_comment_is_never_too_long(nasty):
    text = comment.render("main")
    assert 5000 < len(text) <= comment.LONGEST < LIMIT
    assert re.search(r"^The first \d+ of 40 rows\.$", text, re.M)


def test_names_are_text_and_mention_nobody(nasty):
    text = comment.render("main")
    blocks = GITHUB.parse(text)
    assert {token.content.split(">")[0] + ">" for token in blocks if token.type == "html_block"} <= {
        "<details>",
        "</details>",
    }
    inline = [token for block in blocks for token in block.children or []]
    assert {token.type for token in inline} <= {
        *("text", "text_special", "softbreak", "html_inline", "strong_open", "strong_close")
    }
    assert {token.content for token in inline if token.type == "html_inline"} <= {"<span>", "</span>"}
    assert not [block.content for block in blocks if block.type == "inline" and LINKING.search(block.content)]
    # Each row has the cells of its heading: no name begins another.
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
    assert "octocat" in text


def test_a_base_with_a_nasty_name_is_text_too(nasty):
    text = comment.render("a#1-$x$")
    assert title(text).startswith("## ") and not LINKING.search(title(text))
