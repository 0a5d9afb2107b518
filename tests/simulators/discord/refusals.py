"""How Discord says no."""

from __future__ import annotations

from tests.simulators.discord.model import Json


class Refusal(Exception):
    """A call that has no effect, with what the server answers instead.

    `blame`: the bot should have known better; not so where somebody took away what it meant to use.
    """

    def __init__(
        self, status: int, code: int, message: str, errors: Json | None = None, *, blame: bool = True
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.errors, self.blame = status, code, message, errors, blame

    def json(self) -> Json:
        answer: Json = {"message": self.message, "code": self.code}
        return answer | ({"errors": self.errors} if self.errors else {})


def unauthorized() -> Refusal:
    return Refusal(401, 0, "401: Unauthorized")


def no_such_route() -> Refusal:
    return Refusal(404, 0, "404: Not Found")


def lacking(what: str) -> Refusal:
    """Not Discord's words: the simulator's own limits, told to whoever wrote the test."""
    return Refusal(501, 0, f"The Discord simulator lacks {what}")


_UNKNOWN = {
    "Channel": 10003,
    "Guild": 10004,
    "Member": 10007,
    "Message": 10008,
    "Role": 10011,
    "User": 10013,
    "Emoji": 10014,
    "Webhook": 10015,
    "interaction": 10062,
    "application command": 10063,
}


def unknown(what: str, *, gone: bool = False) -> Refusal:
    """`gone`: there was one."""
    return Refusal(404, _UNKNOWN[what], f"Unknown {what}", blame=not gone)


def missing_access() -> Refusal:
    return Refusal(403, 50001, "Missing Access", blame=False)


def missing_permissions() -> Refusal:
    return Refusal(403, 50013, "Missing Permissions", blame=False)


def cannot_send() -> Refusal:
    return Refusal(403, 50007, "Cannot send messages to this user", blame=False)


def bad(code: int, message: str) -> Refusal:
    return Refusal(400, code, message)


def invalid(*problems: tuple[str, str, str]) -> Refusal:
    """400 for a form: each problem is a dotted path, a code and a message."""
    errors: Json = {}
    for path, code, message in problems:
        place = errors
        for step in filter(None, path.split(".")):
            place = place.setdefault(step, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})
    return Refusal(400, 50035, "Invalid Form Body", errors)
