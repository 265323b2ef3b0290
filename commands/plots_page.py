"""Let `dvc plots` draw its charts without a network: `make install` runs this.

DVC's own page fetches the Vega libraries from the Internet; without a network it stays empty and says nothing. This
writes a page that contains them, and names it in this clone's configuration of DVC, not in the committed one: where
nobody has run `make install`, `dvc plots` uses its own page.
"""

from importlib.metadata import version
from pathlib import Path

import vl_convert

from commands.programs import dvc
from transfer import command
from transfer.common import io

FOLDER, NAME = Path(".dvc"), "plots_page.html"
# DVC's templates are written for this version of Vega-Lite.
VEGA_LITE = "5.20"
# DVC's charts call this function.
SNIPPET = "window.vegaEmbed = vegaEmbed;"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{refresh_tag}
<title>Plots</title>
<style>
body {font-family: sans-serif; margin: 1em}
img {max-width: 100%}
</style>
<!-- LIBRARIES -->
<script>BUNDLE</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def main() -> None:
    libraries = f"Vega-Lite {VEGA_LITE} from vl-convert-python {version('vl-convert-python')}"
    page, settings = FOLDER / NAME, FOLDER / "config.local"
    present = page.exists() and libraries in page.read_text(encoding="utf-8")
    if present and settings.exists() and NAME in settings.read_text(encoding="utf-8"):
        return
    bundle = vl_convert.javascript_bundle(SNIPPET, VEGA_LITE)
    # Inside of a page, this would end the script.
    bundle = bundle.replace("</script", "<\\/script")
    io.write_text(page, PAGE.replace("LIBRARIES", libraries).replace("BUNDLE", bundle))
    dvc("config", "--quiet", "--local", "plots.html_template", NAME)


if __name__ == "__main__":
    command.run(main)
