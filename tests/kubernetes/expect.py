# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""How a check says what it found and what should have been."""

import urllib.request


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def contains(text, part):
    assert part in text, f"{part!r} is not in {text!r}"


def fetch(address):
    """The page that a web server shows there."""
    with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
        return answer.read().decode()
