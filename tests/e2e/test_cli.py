"""The command line, as people and scripts use it."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.running import Ended, begin, tertulia
from tests.simulators.discord import Discord
from tests.simulators.openai import Behaviour, Server
from tests.simulators.telegram import Telegram

NOWHERE = "http://127.0.0.1:9/v1"
"""The discard port: nothing listens there."""
TEA = "# Tea\n\nGreen tea is brewed at eighty degrees.\n"


@pytest.fixture
async def model() -> AsyncIterator[Server]:
    async with Server(Behaviour(text="Eighty degrees.")).lifespan() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def failed(ended: Ended, code: int = 1) -> str:
    """Standard error of a command that failed as it should."""
    assert ended.code == code, ended
    assert "Traceback" not in ended.err
    return ended.err


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with one document."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "tea.md").write_text(TEA)
    return folder


async def learn(home: Path, documents: Path) -> None:
    ended = await tertulia(home, "learn", str(documents))
    assert (ended.code, ended.out) == (0, "1 learned, 0 known already, 0 left out.\n")


async def test_ask_prints_the_answer_and_its_sources(home: Path, documents: Path) -> None:
    await learn(home, documents)
    ended = await tertulia(home, "ask", "How is green tea brewed?")
    assert ended.code == 0
    assert ended.out.startswith("Green tea is brewed at eighty degrees. [1]")
    assert ended.out.splitlines()[-2:] == ["Sources:", "[1] Tea (documents/tea.md#tea)"]
    assert ended.err == ""


async def test_ask_in_the_language_of_the_terminal(home: Path, documents: Path) -> None:
    await learn(home, documents)
    chinese = ("env", "LC_ALL=zh_CN.UTF-8")
    ended = await tertulia(home, "ask", "How is green tea brewed?", before=chinese)
    assert "来源:" in ended.out


async def test_ask_json_is_one_object_of_fixed_keys(home: Path, documents: Path, model: Server) -> None:
    await learn(home, documents)
    model.behaviour = Behaviour(text="At eighty degrees [1].")
    ended = await tertulia(home, "ask", "--json", "How is green tea brewed?", model_url=model.url)
    answer = json.loads(ended.out)
    assert list(answer) == ["answer", "citations", "abstained", "model", "usage"]
    assert answer["answer"] == "At eighty degrees [1]."
    assert [list(c) for c in answer["citations"]] == [["source", "title", "quote"]]
    assert answer["citations"][0]["quote"] == "Green tea is brewed at eighty degrees."
    assert (answer["abstained"], answer["model"]) == (False, "tiny")
    assert answer["usage"]["prompt"] > 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "asked"),
    [
        (["What is it?"], "", "What is it?"),
        ([], "From a pipe.\n", "From a pipe."),
        (["-"], "From a pipe.\n", "From a pipe."),
        (["Shorten this:"], "A long text.\n", "Shorten this:\n\nA long text."),
    ],
)
async def test_ask_takes_its_question_from_the_line_the_pipe_or_both(
    home: Path, model: Server, arguments: list[str], stdin: str, asked: str
) -> None:
    ended = await tertulia(home, "ask", *arguments, stdin=stdin, model_url=model.url)
    assert (ended.code, ended.out) == (0, "Eighty degrees.\n")
    assert model.chats[0].body["messages"][-1]["content"].strip().startswith(asked)


@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_a_question_that_is_refused_is_no_answer(home: Path, options: list[str]) -> None:
    ended = await tertulia(home, "ask", *options, stdin="x" * 21, max_input="20")
    line = "Your message has 21 characters; I can read 20. Please shorten or split it."
    assert failed(ended) == f"tertulia: {line}\n"
    assert [json.loads(told)["answer"] for told in ended.out.splitlines()] == [line] * len(options)


@pytest.mark.parametrize(
    "arguments",
    [["ask", ""], ["ask"], ["ask", " \t"], ["nonsense"], ["ask", "--what"], ["run", "--port", "99999"]],
)
async def test_a_wrong_call_is_a_usage_error(home: Path, arguments: list[str]) -> None:
    assert failed(await tertulia(home, *arguments), 2)


@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_a_model_that_is_not_there_is_one_line_of_error(home: Path, options: list[str]) -> None:
    ended = await tertulia(home, "ask", "Hello?", *options, model_url=NOWHERE, model_patience="0")
    line = failed(ended)
    assert line.startswith("tertulia: no answer: 127.0.0.1:9")
    assert line.count("\n") == 1
    assert bool(ended.out) == bool(options)


async def test_a_model_that_refuses_is_one_line_of_error(home: Path, model: Server) -> None:
    model.behaviour = Behaviour(status=401, message="Wrong key.")
    line = failed(await tertulia(home, "ask", "Hello?", model_url=model.url))
    assert "Wrong key." in line
    assert line.count("\n") == 1


async def test_ctrl_c_ends_ask_at_once(home: Path, model: Server) -> None:
    model.behaviour = Behaviour(endless=True, interval=0.05)
    process = await begin(home, "ask", "Hello?", model_url=model.url)
    assert process.stdin is not None
    process.stdin.close()
    await asyncio.wait_for(model.asked.wait(), 30)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert out == b""
    await asyncio.wait_for(model.aborted.wait(), 20)


async def test_check_with_nothing_says_what_would_bring_a_model(home: Path) -> None:
    ended = await tertulia(home, "check")
    assert ended.code == 0
    assert "✓ database: sqlite, up to date" in ended.out
    assert "docker compose --profile gpu up" in ended.out
    assert "no token (TERTULIA_TELEGRAM_TOKEN)" in ended.out


async def test_check_json_names_each_finding(home: Path, model: Server) -> None:
    ended = await tertulia(home, "check", "--json", model_url=model.url)
    found = {f["name"]: f for f in json.loads(ended.out)}
    assert ended.code == 0
    assert all(list(f) == ["name", "verdict", "detail", "advice"] for f in found.values())
    assert found["model server"]["verdict"] == "ok"
    assert "tiny" in found["model server"]["detail"]
    assert found["discord"]["detail"] == "no token (TERTULIA_DISCORD_TOKEN)"


async def test_check_tells_what_discord_says_of_the_token_and_prints_the_invitation(home: Path) -> None:
    async with Discord() as dc:
        given = {"discord_token": dc.token, "discord_api_url": dc.url}
        ended = await tertulia(home, "check", **given)
        assert ended.code == 0
        assert "· discord: Tertulia, in no server yet, Message Content Intent off" in ended.out
        assert (
            f"    Let it into a server: https://discord.com/oauth2/authorize?client_id={dc.bot.id}"
            in ended.out
        )
        assert 'switch on "Message Content Intent"' in ended.out
        await dc.guild("Club", dc.person("Ana"))
        dc.switch("content", True)
        ended = await tertulia(home, "check", **given)
        assert "✓ discord: Tertulia, in 1 server, Message Content Intent on\n" in ended.out
        dc.world.bot.page = {"bot_require_code_grant": True}
        ended = await tertulia(home, "check", **given)
        assert ended.code == 1
        assert 'Switch off "Requires OAuth2 Code Grant"' in ended.out


async def test_check_says_what_is_wrong_with_what_discord_is_given(home: Path) -> None:
    async with Discord() as dc:
        for token, words in {
            "a.secret.that-is-wrong": 'Press "Reset Token"',
            f"Bot {dc.token}": 'Leave out the word "Bot"',
            "…": "three parts",
        }.items():
            ended = await tertulia(home, "check", discord_token=token, discord_api_url=dc.url)
            assert ended.code == 1
            assert "✗ discord: the token is refused: 401 Unauthorized\n" in ended.out
            assert words in ended.out
            assert "that-is-wrong" not in ended.out + ended.err
        for url in (dc.url.replace("/api", "/no"), "http://127.0.0.1:9/api/v10"):
            ended = await tertulia(home, "check", discord_token=dc.token, discord_api_url=url)
            assert ended.code == 1
            assert f"✗ discord: {url} cannot be reached: " in ended.out
            assert "TERTULIA_DISCORD_API_URL right?" in ended.out


async def test_check_tells_what_telegram_says_of_the_token(home: Path) -> None:
    async with Telegram(inline=False) as tg:
        given = {"telegram_api_url": tg.url}
        ended = await tertulia(home, "check", telegram_token=tg.token, **given)
        assert ended.code == 0
        assert "✓ telegram: @tertulia_bot (https://t.me/tertulia_bot), polling" in ended.out
        assert "/setprivacy" in ended.out
        assert "/setinline" in ended.out
        ended = await tertulia(home, "check", telegram_token="123456:AAF-a_secret_that_is_wrong", **given)
        assert ended.code == 1
        assert "✗ telegram: the token is refused" in ended.out
        assert "a_secret" not in ended.out + ended.err
    ended = await tertulia(home, "check", telegram_token=tg.token, **given)
    assert ended.code == 1
    assert "✗ telegram: cannot be reached" in ended.out
    assert tg.token.split(":")[1] not in ended.out + ended.err


async def test_check_fails_where_a_model_server_is_dead(home: Path, model: Server) -> None:
    ended = await tertulia(home, "check", model_url=NOWHERE)
    assert ended.code == 1
    assert "✗ model server: 127.0.0.1:9 cannot be reached: " in ended.out
    assert "TERTULIA_MODEL_URL" in ended.out


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("web_port", "eighty", "web_port (TERTULIA_WEB_PORT)"),
        ("model_ulr", "x", "Did you mean 'TERTULIA_MODEL_URL'?"),
        ("database_url", "mysql://x", "sqlite"),
    ],
)
async def test_wrong_settings_are_named(home: Path, name: str, value: str, says: str) -> None:
    ended = await tertulia(home, "check", **{name: value})
    assert ended.code == 1
    assert says in ended.err + ended.out
    assert "Traceback" not in ended.err


async def test_migrate_goes_down_and_up(home: Path) -> None:
    up = await tertulia(home, "migrate")
    down = await tertulia(home, "migrate", "0001")
    again = await tertulia(home, "migrate", "head")
    assert [e.code for e in (up, down, again)] == [0, 0, 0]
    assert down.out == "The database is at revision 0001.\n"
    assert up.out == again.out != down.out
    assert "no revision 'nonsense'" in failed(await tertulia(home, "migrate", "nonsense"))


async def test_export_and_delete_take_one_person_whole(home: Path) -> None:
    await tertulia(home, "ask", "My secret is xyzzy.")
    person = json.loads((await tertulia(home, "ask", "--json", "/whoami")).out)["answer"].split("`")[1]
    told = await tertulia(home, "export", person)
    assert told.code == 0
    assert "xyzzy" in told.out
    file = home.parent / "person.json"
    deleted = await tertulia(home, "export", person, "--output", str(file), "--delete")
    assert (deleted.code, deleted.out) == (0, "")
    assert json.loads(file.read_text())["person"]
    assert "no person" in failed(await tertulia(home, "export", person))
    assert "xyzzy" not in (home / "tertulia.db").read_bytes().decode("latin-1")


async def test_learn_names_what_it_leaves_out_and_goes_on(home: Path, documents: Path) -> None:
    (documents / "noise.md").write_bytes(b"\xff\xfe\x00noise\xff" * 40)
    ended = await tertulia(home, "learn", str(documents))
    assert "noise.md" in failed(ended)
    assert ended.out == "1 learned, 0 known already, 1 left out.\n"
    again = await tertulia(home, "learn", str(documents))
    assert again.out == "0 learned, 1 known already, 1 left out.\n"
    assert "no such file" in failed(await tertulia(home, "learn", str(home.parent / "nothing")))


async def test_learn_says_who_may_read_and_refuses_what_is_no_role(home: Path, documents: Path) -> None:
    staff = ("learn", str(documents), "--collection", "staff")
    ended = await tertulia(home, *staff, "--audience", "role:17", "--audience", "operator")
    assert ended.out.endswith("staff may be read by role:17, operator.\n")
    assert "may be read" not in (await tertulia(home, *staff)).out
    assert (await tertulia(home, *staff, "--audience", "everybody")).out.endswith("by everybody.\n")
    for wrong in ("@staff", "member", "admin", ""):
        ended = await tertulia(home, *staff, "--audience", wrong)
        assert ended.code == 2
        assert "is no role" in ended.err


async def test_learn_goes_on_after_a_path_that_cannot_be_read(home: Path, documents: Path) -> None:
    paths = [str(documents / name) for name in ("bad.md", "missing.md", "good.md")]
    (documents / "bad.md").write_bytes(b"\xff")
    (documents / "good.md").write_text("Good.")
    ended = await tertulia(home, "learn", *paths)
    assert ended.out == "1 learned, 0 known already, 2 left out.\n"
    told = failed(ended).splitlines()[-2:]
    assert told[0].startswith(f"{paths[0]}: is no UTF-8 text")
    assert told[1].startswith(f"{paths[1]}: no such file")


async def test_version_and_help(home: Path) -> None:
    assert (await tertulia(home, "--version")).out.strip() == "0.1.0"
    told = (await tertulia(home, "--help")).out
    for command in ("run", "ask", "chat", "learn", "check", "migrate", "export"):
        assert f" {command} " in told
