"""Pages in a browser: Chromium without a network, driven by Selenium."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
# The least number of coloured pixels of a chart: more than the legend of an empty chart has.
MARKS = 300


def start(folder):
    """A browser without a network, whose own files are in a folder."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "hide-scrollbars"),
        *("disable-background-networking", "disable-component-update", "disable-sync", "disable-lcd-text"),
        *("host-resolver-rules=MAP * ~NOTFOUND", f"user-data-dir={folder}"),
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(DRIVER))


def clear_logs(browser):
    """Forget what pages have logged so far: Chromium keeps it until somebody reads it, across pages."""
    for log in ("browser", "performance"):
        browser.get_log(log)


def open_page(browser, path, width, media="screen", scheme="light"):
    """Open a page in a window of this width, in pixels."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.get(Path(path).as_uri())


def grey(picture):
    """The grey values of an element as the browser draws it."""
    picture.parent.execute_script("arguments[0].scrollIntoView()", picture)
    shot = Image.open(io.BytesIO(picture.screenshot_as_png))
    return shot, np.asarray(shot.convert("L"))


def coloured(image):
    """The number of pixels that are neither white, grey nor black: those of marks, but not of axes and letters."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    return int((np.ptp(pixels, axis=-1) > 40).sum())


def failed_requests(browser):
    """The addresses that the page asked for, and those of them that could not be loaded, since the last call."""
    # Only requests of the page: a browser makes requests of its own when it starts.
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = {
        message["params"]["requestId"]: message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent" and message["params"]["documentURL"].startswith("file:")
    }
    failed = [message["params"]["requestId"] for message in messages if message["method"] == "Network.loadingFailed"]
    return list(requests.values()), [requests[request] for request in failed if request in requests]
