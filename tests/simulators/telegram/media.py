"""Sending photos, documents, voice, audio, video and albums; loading what people sent."""

from __future__ import annotations

from typing import Any

from tests.simulators.telegram.entity import Text
from tests.simulators.telegram.files import UPLOAD_LIMIT, File
from tests.simulators.telegram.methods import Handler, Method, method
from tests.simulators.telegram.parameters import Args, Upload, caption
from tests.simulators.telegram.refusals import Refusal, bad
from tests.simulators.telegram.sending import COMMON, Parcel, send
from tests.simulators.telegram.world import World

_RIGHTS = {
    "photo": ("can_send_photos", "photos"),
    "document": ("can_send_documents", "documents"),
    "voice": ("can_send_voice_notes", "voice notes"),
    "audio": ("can_send_audios", "music"),
    "video": ("can_send_videos", "videos"),
}
_CAPTION = "caption parse_mode caption_entities "
_ABOVE = "has_spoiler show_caption_above_media "


def _sender(kind: str) -> Handler:
    def handle(world: World, args: Args) -> dict[str, Any]:
        text = caption(args.text("caption"), args.text("parse_mode"), args.json("caption_entities"))
        given = args.text(kind)
        upload = args.uploads.get(given.removeprefix("attach://") if given else kind)
        if upload is None and not given:
            raise bad(f"there is no {kind} in the request")
        return world.json(send(world, args, _parcel(world, kind, args.fields, given, upload, text)))

    return handle


def _parcel(
    world: World, kind: str, options: dict[str, Any], given: str, upload: Upload | None, text: Text
) -> Parcel:
    """What is sent: an upload, a file that Telegram has, or one on the web."""
    right, what = _RIGHTS[kind]
    extra = {}
    if str(options.get("has_spoiler", "")).lower() == "true":
        extra["has_media_spoiler"] = True
    if str(options.get("show_caption_above_media", "")).lower() == "true":
        extra["show_caption_above_media"] = True
    return Parcel(text, right, what, _media(world, kind, options, given, upload), extra)


def _media(
    world: World, kind: str, options: dict[str, Any], given: str, upload: Upload | None
) -> dict[str, Any]:
    files = world.files
    if upload is not None:
        if len(upload.data) > UPLOAD_LIMIT:
            raise Refusal(413, "Request Entity Too Large")
        if kind == "photo":
            return {"photo": files.photo(upload.data)}
        if not upload.data:
            raise bad("file must be non-empty")
        file = files.add(kind, upload.data, name=upload.name, mime=upload.mime)
    elif given.startswith("attach://"):
        raise bad("media not found")
    elif given.startswith(("http://", "https://")):
        file = files.fetched(given, kind)
    else:
        file = files.known(given, kind)
    if kind == "photo":
        return {"photo": files.photo(file.data)}
    return {kind: media_json(kind, file, options)}


def media_json(kind: str, file: File, options: dict[str, Any]) -> dict[str, Any]:
    """As the Bot API shows a file of this kind; `options` are what its sender told about it."""
    shown = file.json()
    if kind != "document":
        shown["duration"] = int(options.get("duration") or 0)
    if kind == "video":
        shown |= {"width": int(options.get("width") or 640), "height": int(options.get("height") or 360)}
    if kind == "audio":
        shown |= {k: options[k] for k in ("performer", "title") if options.get(k)}
    if kind != "voice" and file.name:
        shown["file_name"] = file.name
    return shown | ({"mime_type": file.mime} if file.mime else {})


def send_media_group(world: World, args: Args) -> list[dict[str, Any]]:
    """Sent as one, shown as one, and paid for flood control as many."""
    media = args.json("media", "media")
    if not isinstance(media, list):
        raise bad("expected an Array of InputMedia" if media is not None else 'parameter "media" is required')
    if not media:
        raise bad("there are no messages to send")
    if len(media) > 10:
        raise bad("too many messages to send as an album")
    kinds = {str(item.get("type")) for item in media}
    for alone in ("document", "audio"):
        if alone in kinds and len(kinds) > 1:
            raise bad(f"{alone} can't be mixed with other media types")
    if not kinds <= set(_RIGHTS) - {"voice"}:
        raise bad("can't parse InputMedia: type must be one of photo, video, document, audio")
    parcels = [_album_parcel(world, args, item) for item in media]
    group = str(13_000_000_000 + world.serial())
    for parcel in parcels:
        parcel.extra["media_group_id"] = group
    first = send(world, args, *parcels)
    sent = [m for m in first.chat.messages if m.extra.get("media_group_id") == group]
    return [world.json(m) for m in sent]


def _album_parcel(world: World, args: Args, item: dict[str, Any]) -> Parcel:
    text = caption(
        str(item.get("caption", "")), str(item.get("parse_mode", "")), item.get("caption_entities")
    )
    given = str(item.get("media", ""))
    if not given:
        raise bad("can't parse InputMedia: media not found")
    upload = args.uploads.get(given.removeprefix("attach://"))
    return _parcel(world, str(item["type"]), item, given, upload, text)


def get_file(world: World, args: Args) -> dict[str, Any]:
    if not args.text("file_id"):
        raise bad("file_id not specified")
    return world.files.prepare(args.text("file_id"))


METHODS: tuple[Method, ...] = (
    method("sendPhoto", _sender("photo"), COMMON + _CAPTION + _ABOVE + "photo"),
    method(
        "sendDocument",
        _sender("document"),
        COMMON + _CAPTION + "document thumbnail disable_content_type_detection",
    ),
    method("sendVoice", _sender("voice"), COMMON + _CAPTION + "voice duration"),
    method("sendAudio", _sender("audio"), COMMON + _CAPTION + "audio duration performer title thumbnail"),
    method(
        "sendVideo",
        _sender("video"),
        COMMON + _CAPTION + _ABOVE + "video duration width height supports_streaming thumbnail",
    ),
    method("sendMediaGroup", send_media_group, COMMON.replace("reply_markup ", "") + "media"),
    method("getFile", get_file, "file_id"),
)
