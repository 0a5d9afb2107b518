"""parse_mode MarkdownV2 and the old Markdown, with the server's own complaints."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulators.telegram.entity import Entity, Text, link, linked_emoji, ordered
from tests.simulators.telegram.refusals import Broken

_RESERVED = "_*[]()~`>#+-=|{}.!\n"
_SPACES = " \t\r\n\v\0"
_ENDS = {"bold": "*", "italic": "_", "underline": "__", "strikethrough": "~", "spoiler": "||"}
_ENDS |= {"code": "`", "pre": "```", "text_link": "]", "custom_emoji": "]"}
_STARTS = {"__": "underline", "_": "italic", "*": "bold", "~": "strikethrough", "||": "spoiler"}
_STARTS |= {"![": "custom_emoji", "[": "text_link", "```": "pre", "`": "code"}
_NAMES = {"text_link": "TextUrl", "custom_emoji": "CustomEmoji", "blockquote": "BlockQuote"}


def parse_markdown_v2(source: str) -> Text:
    """Raises `Broken` with the words that the Bot API has for it."""
    return _MarkdownV2(source).parse()


def parse_markdown(source: str) -> Text:
    """The old dialect: nothing nests. Raises `Broken`."""
    return _Markdown(source).parse()


class _Reader:
    """A source that is read once, and the text that has come out of it so far."""

    def __init__(self, source: str) -> None:
        self.source = source + "\0\0\0"
        self.end = len(source)
        self.at = 0
        self.out: list[str] = []
        self.units = 0
        self.entities: list[Entity] = []

    def peek(self, ahead: int = 0) -> str:
        return self.source[self.at + ahead]

    def put(self, character: str) -> None:
        self.out.append(character)
        self.units += 1 + (character > "\uffff")

    def bytes(self, at: int) -> int:
        return len(self.source[:at].encode("utf-8", "surrogatepass"))

    def language(self) -> str:
        """Read past what follows three backticks: a language, and one line's end."""
        at = self.at
        while self.source[at] not in _SPACES + "`":
            at += 1
        found = ""
        if at < self.end and self.source[at] != "`":
            found, self.at = self.source[self.at : at], at
        if self.peek() in "\r\n":
            both = self.peek(1) in "\r\n" and self.peek(1) != self.peek()
            self.at += 2 if both else 1
        return found


@dataclass(slots=True)
class _Open:
    type: str
    offset: int
    at: int
    start: int
    language: str = ""

    @property
    def name(self) -> str:
        return "PreCode" if self.language else _NAMES.get(self.type, self.type.capitalize())


class _MarkdownV2(_Reader):
    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.open: list[_Open] = []
        self.quoting = False
        self.may_quote = True

    def parse(self) -> Text:
        while self.at < self.end:
            here = self.peek()
            if here == "\\" and "\0" < self.peek(1) <= "~":
                self.at += 1
                self._plain(line_starts=self.peek() == "\n")
            elif here not in (_RESERVED if not self._in_code() else "`"):
                self._plain(line_starts=False)
            elif self._ends():
                self._end()
            else:
                self._start()
        self._finish()
        return Text("".join(self.out), tuple(ordered(self.entities)))

    def _plain(self, *, line_starts: bool) -> None:
        if self.peek() != "\r":
            self.may_quote = line_starts
        self.put(self.peek())
        self.at += 1

    def _in_code(self) -> bool:
        return bool(self.open) and self.open[-1].type in ("code", "pre")

    def _ends(self) -> bool:
        """An entity ends here."""
        if not self.open:
            return False
        here = self.peek()
        if self.quoting and here == "\n" and (self.at + 1 == self.end or self.peek(1) != ">"):
            return True
        mark = _ENDS.get(self.open[-1].type, "")
        if not mark or not self.source.startswith(mark, self.at):
            return False
        return mark != "_" or self.peek(1) != "_"

    def _start(self) -> None:
        here, begin = self.peek(), self.at
        if here == "\n":
            self.put("\n")
            self.may_quote = True
            self.at += 1
            return
        if here == ">" and self.may_quote:
            if not self.quoting:
                self.open.append(_Open("blockquote", self.units, begin, len(self.out)))
            self.quoting = True
            self.at += 1
            return
        mark = next((m for m in _STARTS if self.source.startswith(m, begin)), "")
        if not mark:
            raise Broken(f"Character '{here}' is reserved and must be escaped with the preceding '\\'")
        self.at += len(mark)
        language = self.language() if mark == "```" else ""
        self.open.append(_Open(_STARTS[mark], self.units, begin, len(self.out), language))

    def _end(self) -> None:
        opened = self.open[-1]
        if self.peek() == "\n":
            self._end_quote()
            return
        self.at += len(_ENDS[opened.type])
        entity: Entity | None = Entity(
            opened.type, opened.offset, self.units - opened.offset, language=opened.language
        )
        if opened.type == "text_link":
            text = "".join(self.out[opened.start :])
            url = self._url() if self.peek() == "(" else text
            entity = link("text_link", opened.offset, self.units - opened.offset, url)
        elif opened.type == "custom_emoji":
            entity = self._emoji(opened)
        if entity is not None and entity.length:
            self.entities.append(entity)
        self.open.pop()

    def _emoji(self, opened: _Open) -> Entity:
        if self.peek() != "(":
            raise Broken("The entity must contain a tg://emoji or tg://time URL")
        if not (emoji := linked_emoji(self._url())):
            raise Broken("Invalid tg://emoji or tg://time URL specified")
        return Entity("custom_emoji", opened.offset, self.units - opened.offset, custom_emoji_id=emoji)

    def _url(self) -> str:
        self.at += 1
        begin, url = self.at, []
        while self.at < self.end and self.peek() != ")":
            if self.peek() == "\\" and "\0" < self.peek(1) <= "~":
                self.at += 1
            url.append(self.peek())
            self.at += 1
        if self.peek() != ")":
            raise Broken(f"Can't find end of a URL at byte offset {self.bytes(begin)}")
        self.at += 1
        return "".join(url)

    def _end_quote(self) -> None:
        """A quotation ends with its line; two bars just before make it expandable."""
        kind = self._quote_kind(self.at)
        opened = self.open.pop()
        self.put("\n")
        self.at += 1
        self.quoting, self.may_quote = False, True
        self.entities.append(Entity(kind, opened.offset, self.units - opened.offset))

    def _quote_kind(self, end: int) -> str:
        opened = self.open[-1]
        kind = "blockquote"
        bars = self.source[:end].removesuffix("\r")
        if opened.type == "spoiler" and opened.at == len(bars) - 2:
            self.open.pop()
            kind = "expandable_blockquote"
        if self.open[-1].type != "blockquote":
            self._unclosed()
        return kind

    def _unclosed(self) -> None:
        opened = self.open[-1]
        raise Broken(f"Can't find end of {opened.name} entity at byte offset {self.bytes(opened.at)}")

    def _finish(self) -> None:
        if self.quoting:
            kind = self._quote_kind(self.end)
            opened = self.open.pop()
            if self.units > opened.offset:
                self.entities.append(Entity(kind, opened.offset, self.units - opened.offset))
        if self.open:
            self._unclosed()


class _Markdown(_Reader):
    def parse(self) -> Text:
        while self.at < self.end:
            here = self.peek()
            if here == "\\" and self.peek(1) in "_*`[":
                self.put(self.peek(1))
                self.at += 2
            elif here in "_*`[":
                self._entity()
            else:
                self.put(here)
                self.at += 1
        return Text("".join(self.out), tuple(self.entities))

    def _entity(self) -> None:
        mark, begin = self.peek(), self.at
        closing = "]" if mark == "[" else mark
        self.at += 1
        language = ""
        if mark == "`" and self.source.startswith("``", self.at):
            closing = "```"
            self.at += 2
            language = self.language()
        offset, start = self.units, len(self.out)
        while self.at < self.end and not self.source.startswith(closing, self.at):
            self.put(self.peek())
            self.at += 1
        if self.at >= self.end:
            raise Broken(f"Can't find end of the entity starting at byte offset {self.bytes(begin)}")
        self.at += len(closing)
        text, length = "".join(self.out[start:]), self.units - offset
        entity: Entity | None = None
        if mark == "[":
            entity = link("text_link", offset, length, self._url(text))
        elif closing == "```":
            entity = Entity("pre", offset, length, language=language)
        else:
            entity = Entity({"_": "italic", "*": "bold", "`": "code"}[mark], offset, length)
        if length and entity is not None:
            self.entities.append(entity)

    def _url(self, text: str) -> str:
        """The address in brackets, else the text itself."""
        if self.peek() != "(":
            return text
        end = self.source.find(")", self.at)
        end = self.end if end < 0 else end
        url, self.at = self.source[self.at + 1 : end], end + 1
        return url
