"""Packages that extras bring."""

import sys

from spectrack.errors import MissingExtraError
from spectrack.extras import import_extra
from tests.fixtures.refusals import refuses


def test_a_module_that_is_there():
    assert import_extra("json.decoder", "any") is sys.modules["json.decoder"]


def test_a_package_that_is_missing_is_named_as_it_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "zmq", None)
    with refuses(MissingExtraError, "pyzmq", "'spectrack[live]'"):
        import_extra("zmq", "live", "pyzmq")
    with refuses(MissingExtraError, "package nowhere,", "'spectrack[live]'"):
        import_extra("nowhere.at.all", "live")
