"""Builds the reference from the docstrings, with pdoc: `python tests/reference/build_pages.py FOLDER`.

Each warning of pdoc is an error.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import warnings
from enum import Enum
from pathlib import Path
from typing import get_type_hints

import pdoc
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from pdoc.doc_ast import walk_tree
from pdoc.render_helpers import relative_link
from pygments.formatters import HtmlFormatter

#: What users import, and the folders whose docstrings are chapters. The files below are shown nowhere.
PAGES = (
    "iletimerkezi_async",
    "iletimerkezi_async.errors",
    "iletimerkezi_async.orders",
    "iletimerkezi_async.campaigns",
    "iletimerkezi_async.stores",
    "iletimerkezi_async.http",
    "iletimerkezi_async.wire",
    "iletimerkezi_async.sandbox",
    "iletimerkezi_async.pytest_plugin",
    "iletimerkezi_async.cli",
)
#: Of classes whose methods are mostly called by this library, what users call.
_FOR_USERS = {
    "iletimerkezi_async.stores": {
        "Store": {"aclose", "journal"},
        "SqliteStore": {"__init__", "journal"},
        "PostgresStore": {"__init__", "SCHEMA", "journal"},
        "RedisStore": {"__init__"},
        "StoreJournal": set[str](),
    },
    "iletimerkezi_async.sandbox": {
        "SandboxOrder": {"recipients", "messages", "finished_at", "state"},
        "Style": {"__init__", "live", "seeds", "strings", "csharp"},
        "Weather": {"__init__"},
    },
    "iletimerkezi_async": {"Blacklist": set[str](), "Orders": set[str](), "Report": {"order"}, "Pacer": {"acquire"}},
}
#: Folders that are a chapter, and nothing to import from.
_CHAPTERS = {"iletimerkezi_async.cli"}

# Before a name, in a signature as it is highlighted: the modules that it is in. And the same within a link.
_MODULES = re.compile(r'(?:<span class="n">[a-z_]\w*</span><span class="o">\.</span>)+(?=<span class="n">)')
_LINKED_MODULES = re.compile(r">(?:[a-z_]\w*\.)+(?=\w+</a>)")

# A name alone, or with arguments, in a sentence, at the head of an entry, in an example or in the tree of errors.
_NAMED = re.compile(
    r'(?P<tag><(?:code|strong|span class="n[cf]?")>|(?<=── ))'
    r"(?P<name>[A-Za-z_][\w.]*)"
    r"(?P<rest>(?::|\([^<]*\))?</|\s)"
)


def short(signature: str) -> Markup:
    """A signature with names alone, and with the ellipsis as it is written."""
    without = _LINKED_MODULES.sub(">", _MODULES.sub("", str(signature)))
    return Markup(without.replace(">Ellipsis<", ">...<").replace(">ellipsis<", ">EllipsisType<"))


def hidden_names() -> set[str]:
    """The names in a module or a class that are not for users."""
    return {
        f"{page}.{name}.{member}"
        for page, classes in _FOR_USERS.items()
        for name, shown in classes.items()
        for member in {*dir(getattr(importlib.import_module(page), name))} - shown
    }


def targets() -> dict[str, tuple[str, str]]:
    """Where each public name is told about, by how sentences call it: a method of the client by its name alone."""
    found: dict[str, tuple[str, str]] = {}
    for page in PAGES:
        module = importlib.import_module(page)
        for name in module.__all__:
            found.setdefault(name, (page, name))
            owner = getattr(module, name)
            for member in {*dir(owner), *vars(owner)} if inspect.isclass(owner) else ():
                # Python 3.10 names attributes that cannot be found so.
                value = inspect.getattr_static(owner, member, None)
                # An attribute is told about by its class.
                told = inspect.isfunction(value) or isinstance(value, (property, Enum))
                found.setdefault(f"{name}.{member}", (page, f"{name}.{member}" if told else name))
                if name == "AsyncClient" and not member.startswith("_"):
                    found[member] = (page, f"{name}.{member}")
    return found


@pass_context
def link_names(context: Context, html: str) -> Markup:
    """Link what pdoc leaves: names without their module, of other pages."""
    here, pages = context["module"].modulename, context["targets"]

    def link(match: re.Match[str]) -> str:
        tag, name, rest = match.groups()
        if name not in pages:
            return match.group()
        page, anchor = pages[name]
        return f'{tag}<a href="{relative_link(here, page)}#{anchor}">{name}</a>{rest}'

    return Markup(_NAMED.sub(link, str(html)))


def subject(page: str) -> str:
    """What a page is about: the beginning of its first sentence, for the sidebar."""
    return re.split(r"[:;.](?:\s|$)", inspect.getdoc(importlib.import_module(page)) or "")[0].replace("`", "")


def prepare(page: str) -> None:
    """Put into a module what pdoc would not find."""
    module = importlib.import_module(page)
    if page in _CHAPTERS or not hasattr(module, "__all__"):
        # Without this, all files of a folder are its public modules.
        module.__all__ = []  # type: ignore[attr-defined]  # any module may have it
    for name in module.__all__:
        # What is loaded only when it is asked for.
        value = vars(module).setdefault(name, getattr(module, name))
        # The types of a named tuple's fields, which are looked for in a module that is not there.
        if hasattr(value, "_fields"):
            value.__new__.__annotations__ = get_type_hints(value)


def build(folder: Path) -> None:
    """Write the pages there.

    Raises:
        Warning: A docstring or an annotation cannot be shown.
    """
    for page in PAGES:
        prepare(page)
    # What is no class or function has no docstring of its own: it stands beside its definition.
    top = walk_tree(importlib.import_module("iletimerkezi_async")).var_docstrings
    for name, module in (("Number", "numbers"), ("OnProgress", "results"), ("__version__", "_version")):
        top[name] = walk_tree(importlib.import_module(f"iletimerkezi_async.{module}")).var_docstrings[name]
    pdoc.render.configure(docformat="google", show_source=False, template_directory=Path(__file__).parent)
    pdoc.render.env.filters.update(short=short, link_names=link_names)
    pdoc.render.env.globals.update(
        hidden=hidden_names(),
        targets=targets(),
        relative_link=relative_link,
        chapters={page: subject(page) for page in PAGES},
        dark_code=HtmlFormatter(style="github-dark").get_style_defs([".pdoc-code", ".pdoc .pdoc-code"]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pdoc.pdoc(*PAGES, output_directory=folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Builds the reference from the docstrings.")
    parser.add_argument("folder", type=Path, help="Where to write the pages.")
    build(parser.parse_args().folder)
