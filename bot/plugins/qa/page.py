"""The documents as a page of the console: what there is, what was brought, what is taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.errors import DocumentError, FieldsRefused
from bot.plugins.pages import (
    Action,
    Button,
    Component,
    ConsolePage,
    Done,
    Form,
    Heading,
    Link,
    Notice,
    PageRequest,
    Row,
    Table,
    Text,
    Upload,
)
from bot.plugins.qa.ingest import HANDBOOK, MAX_BYTES, SUFFIXES, learn_file
from bot.ports import Search
from bot.types import FieldKind, FormField, Source

PATH = "documents"
ROWS = 50
_EN = {
    "title": "Documents",
    "about": "Answers come from these documents and cite them. `tertulia learn` brings whole folders.",
    "readers": "Who may read them: {roles}.",
    "everybody": "everybody",
    "none": "There is no document here yet.",
    "handbook": "Tertulia's own handbook: it is kept up to date by itself.",
    "source": "Document",
    "name": "Title",
    "passages": "Passages",
    "remove": "Remove",
    "sure": "Remove {name}? It is not found any more.",
    "removed": "{name} was removed.",
    "gone": "{name} is not there any more.",
    "learn": "Bring a document",
    "submit": "Learn it",
    "file": "File",
    "file_help": "Text or Markdown in UTF-8 ({suffixes}), up to {size} MB. It replaces one of the same name.",
    "collection": "Collection",
    "learnt": "{name}: {count} passages are found from now on.",
    "same": "{name} is known already, with the same content.",
}
_ZH = {
    "title": "文档",
    "about": "回答来自这些文档，并注明出处。`tertulia learn` 可读入整个文件夹。",
    "readers": "可以阅读的人：{roles}。",
    "everybody": "所有人",
    "none": "这里还没有文档。",
    "handbook": "Tertulia 自己的手册，会自动保持最新。",
    "source": "文档",
    "name": "标题",
    "passages": "段落数",
    "remove": "删除",
    "sure": "删除 {name}？之后就找不到它了。",
    "removed": "已删除 {name}。",
    "gone": "{name} 已经不在了。",
    "learn": "添加文档",
    "submit": "读入",
    "file": "文件",
    "file_help": "UTF-8 编码的文本或 Markdown 文件（{suffixes}），最大 {size} MB。同名文档会被替换。",
    "collection": "文档集",
    "learnt": "{name}：现在可以找到 {count} 个段落。",
    "same": "{name} 已经读入过，内容相同。",
}


class DocumentsPage:
    """`collections` are those that the plugin answers from."""

    def __init__(self, search: Search, collections: Sequence[str]) -> None:
        self._search = search
        self._collections = tuple(collections)

    def page(self) -> ConsolePage:
        actions = {
            "learn": Action(self._learn, self._to_learn),
            "remove": Action(self._remove, self._to_remove),
        }
        title = {"en": _EN["title"], "zh": _ZH["title"]}
        return ConsolePage(PATH, title, self.render, actions=actions)

    async def render(self, request: PageRequest) -> Sequence[Component]:
        words = _words(request)
        chosen = request.query.get("collection", "")
        if chosen not in self._collections:
            chosen = next(iter(self._collections), "")
        shown: list[Component] = [Text(words["about"])]
        shown += [Link(name, PATH, {"collection": name}) for name in self._collections if name != chosen]
        if not chosen:
            return shown
        roles = await self._search.audience(chosen)
        found = await self._search.listing(chosen, limit=ROWS + 1, after=request.after)
        shown += [
            Heading(chosen),
            Text(words["readers"].format(roles=", ".join(roles) or words["everybody"])),
            _table(chosen, found, words),
        ]
        if chosen == HANDBOOK:
            return [*shown, Notice(words["handbook"])]
        return [*shown, Form("learn", words["submit"], words["learn"], {"collection": chosen})]

    def _to_learn(self, request: PageRequest) -> Sequence[FormField]:
        words = _words(request)
        about = words["file_help"].format(suffixes=", ".join(SUFFIXES), size=MAX_BYTES // 1_000_000)
        return (
            FormField("file", FieldKind.FILE, words["file"], about, required=True, maximum=MAX_BYTES),
            self._collection(words),
        )

    def _to_remove(self, request: PageRequest) -> Sequence[FormField]:
        words = _words(request)
        return (FormField("source", FieldKind.TEXT, words["source"], required=True), self._collection(words))

    def _collection(self, words: Mapping[str, str]) -> FormField:
        own = tuple(name for name in self._collections if name != HANDBOOK)
        return FormField("collection", FieldKind.CHOICE, words["collection"], required=True, choices=own)

    async def _learn(self, request: PageRequest, values: Mapping[str, Any]) -> Done:
        words, file = _words(request), values["file"]
        assert isinstance(file, Upload)
        try:
            learnt = await learn_file(self._search, file.name, file.content, values["collection"])
        except DocumentError as error:
            raise FieldsRefused({"file": str(error)}) from None
        said = words["learnt" if learnt.changed else "same"]
        return Done(Notice(said.format(name=learnt.name, count=learnt.passages), "good"))

    async def _remove(self, request: PageRequest, values: Mapping[str, Any]) -> Done:
        words, name = _words(request), values["source"]
        removed = await self._search.remove(values["collection"], name)
        said = words["removed" if removed else "gone"]
        return Done(Notice(said.format(name=name), "good" if removed else "warning"))


def _table(collection: str, found: Sequence[Source], words: Mapping[str, str]) -> Table:
    columns = (words["source"], words["name"], words["passages"])
    rows = tuple(_row(collection, source, words) for source in found[:ROWS])
    return Table(columns, rows, found[ROWS - 1].name if len(found) > ROWS else "", words["none"])


def _row(collection: str, source: Source, words: Mapping[str, str]) -> Row:
    cells = (source.name, source.title, str(source.passages))
    if collection == HANDBOOK:
        return Row(cells)
    values = {"collection": collection, "source": source.name}
    sure = words["sure"].format(name=source.name)
    return Row(cells, (Button(words["remove"], "remove", values, sure, "bad"),))


def _words(request: PageRequest) -> Mapping[str, str]:
    return _ZH if request.language.partition("-")[0] == "zh" else _EN
