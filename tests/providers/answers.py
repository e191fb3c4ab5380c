# SPDX-License-Identifier: MIT
"""What the scripted server says: analyses and pictures, in the words of each kind of server."""

import base64
import email.parser
import hashlib
import json
import re
import struct
import zlib


def png(width=8, height=8):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\x40\x60\x80" * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


JPEG = bytes.fromhex("ffd8ffc0000b08000400080101110000ffda0008010100003f00") + b"\x12\x34" + b"\xff\xd9"
WEBP = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8L" + struct.pack("<I", 10) + b"\x2f\x07\xc0\x01\x00" + b"\0" * 5

# Which server is spoken to, and for what, is seen by the end of the path: (end, wire, kind).
PATHS = (("/chat/completions", "chat", "chat"), ("/messages", "anthropic", "chat"), ("/images/generations", "images", "image"),
         ("/images/edits", "images", "image"),
         ("/images", "openrouter", "image"), ("/sdapi/v1/txt2img", "a1111", "image"), ("/prompt", "comfyui", "image"),
         ("/models", "chat", "models"), ("/sd-models", "a1111", "models"))


def kind_of(path, request):
    """("chat", "image"), say: a picture by way of chat/completions."""
    if path.endswith(":generateContent"):
        wanted = request.get("generationConfig", {}).get("responseModalities", [])
        return "gemini", "image" if "IMAGE" in wanted else "chat"
    if path.endswith("/chat/completions") and "image" in request.get("modalities", []):
        return "chat", "image"
    if path.endswith("/models") and "/v1beta" in path:
        return "gemini", "models"
    return next(((wire, kind) for end, wire, kind in PATHS if path.endswith(end)), ("", "other"))


def read_request(kind, body):
    """JSON, or a form: its fields by name, files as (name, type, bytes)."""
    if not kind.startswith("multipart/form-data"):
        return json.loads(body) if body else {}
    whole = email.parser.BytesParser().parsebytes(b"Content-Type: %s\r\n\r\n%s" % (kind.encode(), body))
    form = {}
    for part in whole.get_payload():
        name = part.get_param("name", header="Content-Disposition")
        data = part.get_payload(decode=True)
        if part.get_filename() is None:
            form[name] = data.decode()
        else:
            form.setdefault(name, []).append((part.get_filename(), part.get_content_type(), data))
    return form


def references_in(request):
    """The pictures beside a prompt, whichever way they came: their type and what they are."""
    urls = [r["image_url"]["url"] for r in request.get("input_references", [])]
    for message in request.get("messages", []):
        if isinstance(message["content"], list):
            urls += [p["image_url"]["url"] for p in message["content"] if p["type"] == "image_url"]
    found = [re.fullmatch("data:([a-z/]+);base64,(.*)", u).groups() for u in urls]
    for content in request.get("contents", []):
        found += [(p["inlineData"]["mimeType"], p["inlineData"]["data"]) for p in content["parts"] if "inlineData" in p]
    found = [(kind, base64.b64decode(text, validate=True)) for kind, text in found]
    found += [(kind, data) for _, kind, data in request.get("image[]", [])]
    return ["%s %s" % (kind, hashlib.sha256(data).hexdigest()) for kind, data in found]


def text_of(content):
    """Of a string, or of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content or [])


def prompt_of(request):
    """All that it says, in whichever form."""
    if not isinstance(request, dict):
        return ""
    if isinstance(request.get("prompt"), str):
        return request["prompt"]
    said = [text_of(request.get("system")), text_of(request.get("systemInstruction", {}).get("parts"))]
    said += [text_of(m.get("content")) for m in request.get("messages", [])]
    said += [text_of(c.get("parts")) for c in request.get("contents", [])]
    return "\n".join(filter(None, said))


def tokens_of(text):
    """About what a model's tokenizer makes of English: common words whole, long ones in pieces."""
    return len(re.findall(r" ?[A-Za-z]{1,8}|\d{1,3}|[^\sA-Za-z\d]|\n+", text))


def reply_to(prompt):
    """A question's answer, or the analysis that was asked for."""
    if prompt.startswith("You compile the cast"):
        return {"pairs": [{"pair": int(n), "same": True} for n in re.findall(r"^Pair (\d+):$", prompt, re.M)]}
    if prompt.startswith("You are the art director"):
        return {"medium": "linocut", "palette": "two inks", "light": "low", "composition": "wide"}
    return analysis(prompt)


def analysis(prompt):
    """Of the chapter in the prompt: its first sentence that is long enough, letter by letter."""
    fence = re.search(r"two lines (BOOK-[0-9a-f]+)", prompt).group(1)
    text = prompt.split("\n" + fence + "\n")[1]
    quote = next((s for s in re.findall(r"[A-Z][^.]*\.", text) if len(s) > 40), text[:60])
    number = re.search(r"^Chapter: (\d+)$", prompt, re.M).group(1)
    wanted = int(re.search(r"Give (\d+) concept", prompt).group(1))
    concept = {"quote": quote, "description": "Scene of chapter " + number, "mood": "calm", "lighting": "dim",
               "elements": ["Morrow"]}
    return {"concepts": [concept] * wanted,
            "elements": [{"type": "character", "name": "Morrow", "aliases": [], "description": "an old man",
                          "quotes": [{"text": quote}]}]}


def chapter_of(prompt):
    found = re.search(r"^Chapter: (\d+)$", prompt, re.M)
    return int(found.group(1)) if found else 0


def said(wire, request, content, finish="stop", **message):
    """A text as that server answers it."""
    taken, given = tokens_of(prompt_of(request)), tokens_of(text_of(content))
    if wire == "anthropic":
        parts = [{"type": "text", "text": text_of(content)}]
        if request.get("tool_choice"):
            parts = [{"type": "tool_use", "id": "t", "name": "answer", "input": json.loads(text_of(content))}]
        reasons = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
        return {"type": "message", "role": "assistant", "content": parts, "stop_reason": reasons[finish],
                "usage": {"input_tokens": taken, "output_tokens": given}}
    if wire == "gemini":
        reasons = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
        return {"candidates": [{"content": {"role": "model", "parts": [{"text": text_of(content)}]},
                                "finishReason": reasons[finish]}],
                "usageMetadata": {"promptTokenCount": taken, "candidatesTokenCount": given, "totalTokenCount": taken + given}}
    return {"choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}],
            "usage": {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given}}


def shown(wire, data, prefix="", kind="image/png"):
    """A picture as that server answers it."""
    text = prefix + base64.b64encode(data).decode()
    if wire == "gemini":
        return {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": kind, "data": text}}]},
                                "finishReason": "STOP"}]}
    if wire == "chat":
        url = {"url": text if prefix else "data:%s;base64,%s" % (kind, text)}
        return {"choices": [{"message": {"role": "assistant", "content": "",
                                         "images": [{"type": "image_url", "image_url": url}]}, "finish_reason": "stop"}]}
    if wire == "a1111":
        return {"images": [text], "parameters": {}, "info": "{}"}
    if wire == "openrouter":
        return {"data": [{"b64_json": text, "media_type": kind}]}
    return {"data": [{"b64_json": text}]}


def models(wire, names=("m", "p")):
    if wire == "gemini":
        return {"models": [{"name": "models/" + n, "supportedGenerationMethods": ["generateContent"]} for n in names]}
    if wire == "a1111":
        return [{"title": n + " [0123456789]", "model_name": n} for n in names]
    return {"object": "list", "data": [{"id": n, "object": "model"} for n in names]}


def error(message, code=None, **more):
    return {"error": {"message": message, "type": "invalid_request_error", "code": code, **more}}


def error_in(wire, status, message, code=None):
    if wire == "anthropic":
        return {"type": "error", "error": {"type": code or "api_error", "message": message}}
    if wire == "gemini":
        return {"error": {"code": status, "message": message, "status": code or "UNKNOWN"}}
    return error(message, code)
