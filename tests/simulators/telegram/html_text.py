"""parse_mode HTML, with the server's own complaints."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tests.simulators.telegram.entity import Entity, Text, link, ordered, units
from tests.simulators.telegram.refusals import Broken, lacking

_SPACES = " \t\r\n\v\0"
_STYLES = {"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline"}
_STYLES |= {"s": "strikethrough", "strike": "strikethrough", "del": "strikethrough"}
_STYLES |= {"tg-spoiler": "spoiler", "span": "spoiler"}
TAGS = {*_STYLES, "a", "tg-emoji", "tg-time", "pre", "code", "blockquote"}
_PLAIN = re.compile(r"[^<&]+")
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]*)|#([0-9]*)|([a-zA-Z]*));?")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


@dataclass(slots=True)
class _Open:
    tag: str
    argument: str
    offset: int
    start: int


def parse_html(source: str) -> Text:
    """Raises `Broken` with the words that the Bot API has for it."""
    return _Html(source).parse()


class _Html:
    def __init__(self, source: str) -> None:
        self._source = source + "\0"
        self._end = len(source)
        self._at = 0
        self._out: list[str] = []
        self._units = 0
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def parse(self) -> Text:
        while self._at < self._end:
            here = self._source[self._at]
            if here == "<":
                self._tag()
            elif here == "&":
                self._put(self._reference() or self._next())
            else:
                found = _PLAIN.match(self._source, self._at, self._end)
                assert found is not None
                self._put(found[0])
                self._at = found.end()
        if self._open:
            raise Broken(f'Can\'t find end tag corresponding to start tag "{self._open[-1].tag}"')
        text = "".join(self._out)
        if re.search("[\ud800-\udfff]", text):
            raise Broken(
                "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched "
                "surrogate code units"
            )
        entities = (replace(e, language="") if e.type == "code" else e for e in self._entities)
        return Text(text, tuple(ordered(entities)))

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._units += units(text)

    def _next(self) -> str:
        self._at += 1
        return self._source[self._at - 1]

    def _bytes(self, at: int) -> int:
        return len(self._source[:at].encode("utf-8", "surrogatepass"))

    def _peek(self) -> str:
        return self._source[self._at]

    def _reference(self) -> str:
        """The character that a reference stands for; empty, and nothing is read, where it is none."""
        found = _REFERENCE.match(self._source, self._at)
        assert found is not None
        if found[3] is not None:
            character = _NAMED.get(found[3], "")
        else:
            code = int(found[1], 16) if found[1] else int(found[2] or "0")
            most = len(found[0].rstrip(";"))
            character = chr(code) if 0 < code < 0x10FFFF and most < 10 else ""
        if character:
            self._at = found.end()
        return character

    def _skip(self, stop: str) -> str:
        """What stands before the next of these characters."""
        start = self._at
        while self._peek() not in stop:
            self._at += 1
        return self._source[start : self._at]

    def _spaces(self) -> None:
        while self._peek() in _SPACES and self._at < self._end:
            self._at += 1

    def _tag(self) -> None:
        begin = self._at
        self._at += 1
        if self._peek() == "/":
            self._end_tag(begin)
        else:
            self._start_tag(begin)
        self._at += 1

    def _start_tag(self, begin: int) -> None:
        tag = self._skip(_SPACES + ">").lower()
        where = self._bytes(begin)
        if self._at >= self._end:
            raise Broken(f"Unclosed start tag at byte offset {where}")
        if tag not in TAGS:
            raise Broken(f'Unsupported start tag "{tag}" at byte offset {where}')
        if tag == "tg-time":
            raise lacking("<tg-time>")
        argument = ""
        while self._peek() != ">":
            self._spaces()
            if self._peek() != ">":
                argument = self._attribute(tag, where) or argument
        if tag == "span" and argument != "spoiler":
            raise Broken(f'Tag "span" must have class "tg-spoiler" at byte offset {where}')
        self._open.append(_Open(tag, argument, self._units, len(self._out)))

    def _attribute(self, tag: str, where: int) -> str:
        """What an attribute says about its tag, if anything."""
        name = self._skip(_SPACES + "=>/\"'")
        if not name:
            raise Broken(f'Empty attribute name in the tag "{tag}" at byte offset {where}')
        self._spaces()
        if self._peek() != "=":
            if self._at >= self._end:
                raise Broken(f'Unclosed start tag "{tag}" at byte offset {where}')
            return "1" if (tag, name) == ("blockquote", "expandable") else ""
        self._at += 1
        self._spaces()
        if self._at >= self._end:
            raise Broken(f'Unclosed start tag "{tag}" at byte offset {where}')
        value = self._quoted() if self._peek() in "\"'" else self._token()
        if self._at >= self._end:
            raise Broken(f"Unclosed start tag at byte offset {where}")
        return _argument(tag, name, value)

    def _token(self) -> str:
        start = self._at
        found = re.compile(r"[a-zA-Z0-9.-]*").match(self._source, start)
        assert found is not None
        self._at = found.end()
        if self._peek() not in _SPACES + ">":
            raise Broken(f"Unexpected end of name token at byte offset {self._bytes(start)}")
        return found[0].lower()

    def _quoted(self) -> str:
        quote, value = self._next(), []
        while self._peek() != quote and self._at < self._end:
            value.append((self._peek() == "&" and self._reference()) or self._next())
        if self._at < self._end:
            self._at += 1
        return "".join(value)

    def _end_tag(self, begin: int) -> None:
        where = self._bytes(begin)
        if not self._open:
            raise Broken(f"Unexpected end tag at byte offset {where}")
        self._at += 1
        tag = self._skip(_SPACES + ">").lower()
        self._spaces()
        if self._peek() != ">":
            raise Broken(f"Unclosed end tag at byte offset {where}")
        opened = self._open[-1]
        if tag and tag != opened.tag:
            raise Broken(
                f'Unmatched end tag at byte offset {where}, expected "</{opened.tag}>", found "</{tag}>"'
            )
        if self._units > opened.offset:
            self._close(opened)
        self._open.pop()

    def _close(self, opened: _Open) -> None:
        offset, length = opened.offset, self._units - opened.offset
        if style := _STYLES.get(opened.tag):
            self._entities.append(Entity(style, offset, length))
        elif opened.tag == "blockquote":
            kind = "expandable_blockquote" if opened.argument else "blockquote"
            self._entities.append(Entity(kind, offset, length))
        elif opened.tag == "tg-emoji":
            if not re.fullmatch(r"-?[1-9]\d*", opened.argument):
                raise Broken("Invalid custom emoji identifier specified")
            self._entities.append(Entity("custom_emoji", offset, length, custom_emoji_id=opened.argument))
        elif opened.tag == "a":
            url = opened.argument or "".join(self._out[opened.start :])
            if entity := link("text_link", offset, length, url):
                self._entities.append(entity)
        elif opened.tag in ("pre", "code"):
            self._close_code(opened.tag, Entity(opened.tag, offset, length, language=opened.argument))

    def _close_code(self, tag: str, entity: Entity) -> None:
        """A `code` with a language and the `pre` of the same extent are one."""
        last = self._entities[-1] if self._entities else None
        other = "code" if tag == "pre" else "pre"
        if last and last.type == other and (last.offset, last.length) == (entity.offset, entity.length):
            language = last.language or entity.language
            if language:
                self._entities[-1] = replace(last, type="pre", language=language)
                return
        self._entities.append(entity)


def _argument(tag: str, name: str, value: str) -> str:
    match tag, name:
        case ("a", "href") | ("tg-emoji", "emoji-id"):
            return value
        case ("code", "class") if value.startswith("language-"):
            return value.removeprefix("language-")
        case ("span", "class") if value.startswith("tg-"):
            return value.removeprefix("tg-")
        case ("blockquote", "expandable"):
            return "1"
    return ""
