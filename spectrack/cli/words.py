"""Words of a command line before and after they are parsed: the nearest name for a wrong one, and lists of settings."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, get_args, get_origin, get_type_hints

from tyro.conf import Positional, UseAppendAction

from spectrack.errors import ConfigError, nearest_name

Commands = Mapping[str, Any]
"""Name to the dataclass of a command."""

_SETTING = re.compile(r"[A-Za-z_][\w.-]*=")
_NEXT_SETTING = re.compile(rf",\s*(?={_SETTING.pattern})")


class _Option(NamedTuple):
    name: str
    kind: Any
    default: Any
    marks: tuple[Any, ...]
    required: bool

    @property
    def spelled(self) -> str:
        """As it is typed; one that is on by default is given to switch it off."""
        return f"--{'no-' if self.default is True else ''}{self.name.replace('_', '-')}"


def check_names(words: Sequence[str], commands: Commands) -> None:
    """See to it that the first word is a command, and the second an action where the command has some.

    Raises:
        ConfigError: it is not; the nearest is named.
    """
    known, what, path = list(commands), "a command", "spectrack"
    for word in words[:2]:
        if not known or word.startswith("-"):
            return
        if word not in known:
            raise ConfigError(f"expected {what}, found {word!r}; {nearest_name(word, known)} (see {path} --help)")
        known, what, path = list(_actions(commands[words[0]])), "an action", f"{path} {word}"


def repeat_options(words: Sequence[str], commands: Commands) -> list[str]:
    """Give each of several settings (``--set a=1 b=2``, ``--set a=1,b=2``) an option of its own.

    A command whose other arguments are a list of words keeps its words as they are.

    Example:
        >>> from spectrack.cli.track import Track
        >>> repeat_options(["track", "--set", "a=1", "b=2", "clip"], {"track": Track})
        ['track', '--set', 'a=1', '--set', 'b=2', 'clip']
    """
    options = list(_options(commands[words[0]])) if words and words[0] in commands else []
    if any(Positional in option.marks and get_origin(option.kind) is tuple for option in options):
        return list(words)
    repeated = {option.spelled for option in options if UseAppendAction in option.marks}
    spread: list[str] = []
    last = ""
    for word in words:
        if last and _SETTING.match(word):
            for part in _NEXT_SETTING.split(word):
                spread += [part] if spread[-1] == last else [last, part]
        else:
            last = word if word in repeated else ""
            spread.append(word)
    return spread


def check_values(words: Sequence[str], commands: Commands) -> None:
    """See to it that a value follows every option that takes one.

    Raises:
        ConfigError: there is none; the option is named.
    """
    takes = {
        option.spelled
        for option in _options(commands[words[0]])
        if option.kind is not bool and get_origin(option.kind) is not tuple and Positional not in option.marks
    }
    for word, following in itertools.zip_longest(words, words[1:]):
        if word in takes and (following is None or following.startswith("--")):
            raise ConfigError(
                f"expected a value behind {word}, found {'none' if following is None else repr(following)}; "
                f"give one (see spectrack {words[0]} --help)"
            )


def refuse_incomplete(words: Sequence[str], commands: Commands) -> NoReturn:
    """Say what a command that could not be read lacks.

    Raises:
        ConfigError: always.
    """
    if words[0] not in commands:
        raise ConfigError(f"expected a command, found {words[0]!r}; name one first (see spectrack --help)")
    # What follows an option that there is not is no word of its own: the parser was misled by it.
    spelled = {option.spelled for option in _options(commands[words[0]])}
    given = [word for word in words if word.startswith("--")]
    refuse_words([word for word in given if word.partition("=")[0].replace("_", "-") not in spelled], words, commands)
    path, command = f"spectrack {words[0]}", commands[words[0]]
    if actions := _actions(command):
        if len(words) < 2 or words[1] not in actions:
            raise ConfigError(
                f"expected an action of {path}, found none; give one of {', '.join(actions)} (see --help)"
            )
        path, command = f"{path} {words[1]}", actions[words[1]]
    names = {word.partition("=")[0] for word in words}
    required = [option for option in _options(command) if option.required]
    named = [option.spelled for option in required if Positional not in option.marks and option.spelled not in names]
    # Which word stands for itself and which is an option's the parser knows alone; it found too few.
    placed = [option.name.upper() for option in required if Positional in option.marks]
    lacking = " and ".join(named or placed) or "other words"
    raise ConfigError(
        f"expected {lacking}, found too few words behind {path}; give what is missing (see {path} --help)"
    )


def refuse_words(left: Sequence[str], words: Sequence[str], commands: Commands) -> None:
    """See to it that no word was left over.

    Args:
        left: what no option took.
        words: all words.
        commands: the commands.

    Raises:
        ConfigError: one was; for an option the nearest is named.
    """
    if not left:
        return
    path = f"spectrack {words[0]}"
    name = left[0].partition("=")[0]
    if name.startswith("--"):
        known = [option.spelled for option in _options(commands[words[0]]) if Positional not in option.marks]
        raise ConfigError(
            f"expected an option of {path}, found {name!r}; {nearest_name(name, known)} (see {path} --help)"
        )
    raise ConfigError(
        f"expected no further word, found {left[0]!r}; name its option, or put quotes around what has spaces "
        f"(see {path} --help)"
    )


def _options(kind: Any) -> Iterator[_Option]:
    """The options of a command with those of its nested dataclasses, and of all its actions."""
    for action in _actions(kind).values():
        yield from _options(action)
    hints = get_type_hints(kind, include_extras=True)
    for item in dataclasses.fields(kind):
        bare, *marks = get_args(hints[item.name]) if hasattr(hints[item.name], "__metadata__") else (hints[item.name],)
        if dataclasses.is_dataclass(bare):
            yield from _options(bare)
        else:
            required = item.default is item.default_factory is dataclasses.MISSING
            yield _Option(item.name, bare, item.default, tuple(marks), required)


def _actions(kind: Any) -> dict[str, Any]:
    """The actions of a command such as ``spectrack data check``, by name."""
    if "action" not in getattr(kind, "__annotations__", {}):
        return {}
    chosen = (get_args(one) for one in get_args(get_type_hints(kind, include_extras=True)["action"]))
    return {mark.name: action for action, mark in chosen}
