# SPDX-License-Identifier: MIT
"""A scripted server on loopback, good or bad: OpenAI's format, Anthropic's, Gemini's, OpenRouter's, AUTOMATIC1111's and
ComfyUI's.

    server.py [FILE]    prints its port, ends when its standard input does

The first part of a path says what it does, the end of the path who is spoken to (answers.py):

    /good/v1/chat/completions       answers well; every method on_NAME below is such a word
    /good.200/v1/...                after 200 ms
    /500~429:2~good.100/v1/...      the first request gets 500, the second 429 with Retry-After: 2, all others the last
    /429:WAIT/v1/...                WAIT is 2, 0.5 (Retry-After), ms400 (Retry-After-Ms), date2 (an HTTP date, 2 s from now),
                                    reset2 (nothing left, X-RateLimit-Reset-Requests: 2s), epoch2 (X-RateLimit-Reset in ms),
                                    both2 (Retry-After: 2, and no token left for six minutes)

What it saw, for a look from outside:

    FILE            a line of JSON for each request when it comes: path, kind (chat, image, models, file, other), key, time
                    (seconds since 1970) and body
    GET /log        the same without bodies, with n (1, 2 ...), chapter, and, once it is answered, end, status, tokens_in and
                    tokens_out: a line of JSON for each
    GET /totals     {"chat": {"requests": 3, "tokens_in": 100, "tokens_out": 50, "at_once": 2}, ...}; at_once: the most
    GET /count/NAME how often a word was asked, its delay left out
    GET /clear      forgets all that"""

import gzip
import http.server
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from email.utils import formatdate

import answers_model
import server_h2
from answers import (JPEG, WEBP, analysis, chapter_of, error, error_in, kind_of, models, png, prompt_of,
                     read_request, reply_to, said, shown, tokens_of)

LOCK = threading.Lock()
COUNTS = {}
SEEN = []
OPEN = {}
MOST = {}
CONNECTIONS = [0]
FOLDERS = []
MEETING = threading.Barrier(20)
TLS = []
KEYS = ("Authorization", "x-api-key", "x-goog-api-key", "api-key")


def totals():
    """By kind."""
    out = {}
    for r in SEEN:
        t = out.setdefault(r["kind"], {"requests": 0, "tokens_in": 0, "tokens_out": 0, "at_once": MOST.get(r["kind"], 0)})
        t["requests"] += 1
        t["tokens_in"] += r.get("tokens_in", 0)
        t["tokens_out"] += r.get("tokens_out", 0)
    return out


def clear():
    for thing in (COUNTS, SEEN, MOST):
        thing.clear()
    return {}


def waiting(word):
    """The fields that ask for a wait: "2", "ms400", "date2", "reset2", "epoch2", "both2"."""
    form, number = re.fullmatch(r"([a-z]*)([0-9.]+)", word).groups()
    seconds = float(number)
    return {"": {"Retry-After": number},
            "ms": {"Retry-After-Ms": number},
            "date": {"Retry-After": formatdate(time.time() + seconds, usegmt=True)},
            "both": {"Retry-After": number, "X-RateLimit-Remaining-Tokens": "0", "X-RateLimit-Reset-Tokens": "6m0s"},
            "reset": {"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": number + "s"},
            "epoch": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "%d" % ((time.time() + seconds) * 1000)}}[form]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with LOCK:
            CONNECTIONS[0] += 1
            self.number = CONNECTIONS[0]

    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.seen["status"] = status
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(headers.pop("length", len(data))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.ended()
        self.wfile.write(data)

    def chunked(self, pieces, kind="application/json"):
        self.seen["status"] = 200
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def say(self, content=None, finish="stop", **message):
        """A text, or the analysis that was asked for."""
        self.reply(200, self.text(content, finish, **message))

    def text(self, content=None, finish="stop", **message):
        content = json.dumps(reply_to(self.prompt)) if content is None else content
        self.seen["tokens_out"] = tokens_of(content if isinstance(content, str) else json.dumps(content))
        return said(self.wire, self.request_json, content, finish, **message)

    def picture(self, data, prefix=""):
        self.reply(200, shown(self.wire, data, prefix))

    def fail(self, status, message, code=None, **headers):
        self.reply(status, error_in(self.wire, status, message, code), **headers)

    def drop(self):
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def url(self, path, host="127.0.0.1"):
        return "http://%s:%d/%s" % (host, self.server.server_address[1], path)

    def handle_all(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.path = re.sub("^http://[^/]*", "", self.path)  # whole, if we are asked as a proxy
        word = self.path.split("/")[1]
        self.seen = {}
        if word in ("count", "log", "totals", "clear"):
            self.tell(word)
            return
        self.request_json = read_request(self.headers.get("Content-Type", ""), body)
        self.prompt = prompt_of(self.request_json)
        nth, step = self.note(word, body)
        name, _, delay = re.fullmatch(r"([^.]*)(\.(\d+))?", step).groups() if ":" not in step else (step, "", "")
        time.sleep(int(delay or 0) / 1000)
        try:
            if name[0].isdigit():
                self.on_status(*name.split(":"))
            else:
                getattr(self, "on_" + name)(nth, self.request_json)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.ended()

    def ended(self):
        """Before the last bytes go: whoever has them may ask again at once."""
        with LOCK:
            if "kind" in self.seen and "end" not in self.seen:
                self.seen["end"] = time.time()
                OPEN[self.seen["kind"]] -= 1

    def tell(self, word):
        """What was seen."""
        with LOCK:
            if word == "count":
                body = str(COUNTS.get(self.path.split("/")[2], 0)).encode()
            elif word == "log":
                body = "".join(json.dumps(r) + "\n" for r in SEEN).encode()
            else:
                body = totals() if word == "totals" else clear()
        self.reply(200, body)

    def note(self, word, body):
        """Which request of its word it is, and what is to be done with it."""
        now = time.time()
        steps = word.split("~")
        name = word if len(steps) > 1 or ":" in word else word.partition(".")[0]
        self.wire, kind = kind_of(self.path.partition("?")[0], self.request_json)
        kind = "file" if "/files/" in self.path or "/view?" in self.path else kind
        key = next((self.headers[k] for k in KEYS if self.headers.get(k)), None)
        with LOCK:
            COUNTS[name] = nth = COUNTS.get(name, 0) + 1
            OPEN[kind] = OPEN.get(kind, 0) + 1
            MOST[kind] = max(MOST.get(kind, 0), OPEN[kind])
            self.seen = {"n": len(SEEN) + 1, "path": self.path, "kind": kind, "key": key, "time": now}
            if len(sys.argv) > 1:
                with open(sys.argv[1], "a") as f:
                    f.write(json.dumps({**self.seen, "body": body.decode(errors="replace")}) + "\n")
            self.seen.update(chapter=chapter_of(self.prompt), tokens_in=tokens_of(self.prompt))
            SEEN.append(self.seen)
        return nth, steps[min(nth, len(steps)) - 1]

    do_GET = do_POST = handle_all

    # ---- what it does, by name

    def on_status(self, status, wait=None):
        fields = waiting(wait) if wait else {}
        self.fail(int(status), "told to say so", "rate_limit_exceeded" if status == "429" else None, **fields)

    def on_good(self, nth, request):
        kind = self.seen["kind"]
        if kind == "chat":
            self.say()
        elif kind == "models":
            self.reply(200, models(self.wire))
        elif self.wire == "comfyui":
            self.reply(200, {"prompt_id": "good-%d" % nth, "number": nth, "node_errors": {}})
        elif "/history/" in self.path:
            name = self.path.rsplit("/", 1)[1]
            self.reply(200, {name: {"status": {"completed": True, "status_str": "success"}, "outputs": {
                "9": {"images": [{"filename": name + ".png", "subfolder": "", "type": "output"}]}}}})
        elif kind == "file":
            self.reply(200, png(), "image/png")
        else:
            self.picture(png())

    def on_blind(self, nth, request):
        """Its model sees nothing."""
        if "image_url" in json.dumps(request):
            self.fail(400, "image_url is not supported by this model", "invalid_request_error")
        else:
            self.on_good(nth, request)

    def on_wordy(self, nth, request):
        self.on_model(nth, request, 2)

    def on_model(self, nth, request, more=1):
        """Answers at such length as a model would, and counts as one (answers_model.py)."""
        if self.seen["kind"] != "chat":
            self.on_good(nth, request)
            return
        content = answers_model.answer(self.prompt, more)
        taken, given = answers_model.tokens(self.prompt), answers_model.tokens(content)
        self.seen.update(tokens_in=taken, tokens_out=given)
        answer = said(self.wire, self.request_json, content)
        answer["usage"] = {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given}
        self.reply(200, answer)

    def on_counted(self, nth, request):
        """A picture, and what it took."""
        names = ("prompt_tokens", "completion_tokens") if self.wire == "openrouter" else ("input_tokens", "output_tokens")
        self.reply(200, {**shown(self.wire, png()), "usage": dict(zip(names, (50, 1056)), total_tokens=1106)})

    def on_plain(self, nth, request):
        self.reply(200, b"hello", connection_number=str(self.number))

    def on_meet(self, nth, request):
        """Answers when twenty are here: side by side, or never."""
        MEETING.wait(30)
        self.reply(200, b"hello")

    def on_connection(self, nth, request):
        self.reply(200, str(self.number).encode())

    def on_tls(self, nth, request):
        """The same over TLS with a certificate that nobody knows: its port and the certificate's file."""
        if not TLS:
            TLS.extend(start_tls())
        self.reply(200, ("%d %s" % tuple(TLS[:2])).encode())

    def on_tls2(self, nth, request):
        """When that runs: the port of one that speaks HTTP/2 with the same certificate."""
        self.reply(200, str(TLS[2]).encode())

    def on_back(self, nth, request):
        """What it was sent, for a look at the very bytes."""
        self.reply(200, {"path": self.path, "headers": dict(self.headers), "body": request})

    def on_gzip(self, nth, request):
        data = gzip.compress(json.dumps(self.text() if request else "x" * 5000).encode())
        self.reply(200, data, Content_Encoding="gzip")

    def on_bomb(self, nth, request):
        self.reply(200, gzip.compress(b" " * (64 << 20)), Content_Encoding="gzip")

    def on_hang(self, nth, request):
        time.sleep(20)
        self.drop()

    def on_stall(self, nth, request):
        self.reply(200, b"{", length=1000)
        self.wfile.flush()
        time.sleep(20)

    def on_trickle(self, nth, request):
        self.reply(200, b" ", length=100000)
        for _ in range(200):
            self.wfile.write(b" ")
            time.sleep(0.05)

    def on_cut(self, nth, request):
        if nth > 1:
            self.on_good(nth, request)
            return
        data = json.dumps(self.text()).encode() if request else b"x" * 500
        self.reply(200, data[:300], length=len(data))
        self.drop()

    def on_reset(self, nth, request):
        self.drop()

    def on_garbage(self, nth, request):
        self.wfile.write(b"\0\1\2 this is no HTTP at all\r\n\r\n")
        self.drop()

    def on_huge(self, nth, request):
        self.reply(200, b"x", length=1 << 40)

    def on_endless(self, nth, request):
        self.chunked(iter(lambda: b"x" * 0x10000, None))

    def on_badchunk(self, nth, request):
        """Chunks, of which the second is longer than it says, and then no end."""
        self.chunked([json.dumps(self.text() if request else "x" * 500).encode()[:100]])
        self.wfile.write(b"zz\r\nno number\r\n")
        self.drop()

    def on_sse(self, nth, request):
        """A stream, asked for or not."""
        text = self.text()
        content = text["choices"][0].pop("message")["content"]
        events = [{"choices": [{"delta": {"content": content[i:i + 20]}}]} for i in range(0, len(content), 20)]
        events += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": text["usage"]}]
        lines = [": a comment\n\n"] + ["data: %s\n\n" % json.dumps(e) for e in events] + ["data: [DONE]\n\n"]
        self.chunked([line.encode() for line in lines] + [b""], "text/event-stream")

    def on_sseerror(self, nth, request):
        event = {"error": {"message": "the model went away", "code": 503}}
        self.chunked([b"data: %s\n\n" % json.dumps(event).encode(), b""], "text/event-stream")

    def on_wrongtype(self, nth, request):
        self.reply(200, {"choices": "none", "data": 7, "content": {}, "candidates": "x", "images": [1]})

    def on_cutbase(self, nth, request):
        text = json.dumps(shown(self.wire, png(64, 64)))
        at = text.index("iVBOR") + 60
        self.reply(200, (text[:at] + text[text.index('"', at):]).encode())

    def on_head(self, nth, request):
        self.send_response(200)
        for i in range(10000):
            self.send_header("X-%d" % i, "x" * 1000)
        self.end_headers()

    def on_longline(self, nth, request):
        self.send_response(200)
        self.send_header("X", "x" * 1000000)
        self.end_headers()

    def on_limited(self, nth, request):
        if nth == 1:
            self.reply(429, error("too many requests", "rate_limit_exceeded"), Retry_After="1")
        else:
            self.on_good(nth, request)

    def on_closed(self, nth, request):
        self.reply(429, error("come back tomorrow"), Retry_After="3600")

    def on_closing(self, nth, request):
        if nth == 1:
            self.reply(429, error("slower"), Retry_After_Ms="400")
        else:
            self.on_good(nth, request)

    def on_shaky(self, nth, request):
        if nth == 1:
            self.reply(500, error("internal"))
        else:
            self.on_good(nth, request)

    def on_third(self, nth, request):
        """Every third one fails, each in another way."""
        ways = [lambda: self.reply(500, error("internal")), lambda: self.reply(429, error("slow"), Retry_After="0.05"),
                lambda: self.reply(502, b"<html><title>502 Bad Gateway</title></html>", "text/html"),
                lambda: self.reply(200, b""), lambda: self.drop(), lambda: self.reply(200, b'{"choices": [{"mes')]
        if nth % 3 == 0:
            ways[nth // 3 % len(ways)]()
        else:
            self.on_good(nth, request)

    def on_faulty(self, nth, request):
        """Every third one fails, each in another way, and none for good."""
        ways = [lambda: self.fail(500, "internal"), lambda: self.on_html(nth, request), lambda: self.reply(200, b""),
                lambda: self.reply(200, json.dumps(self.text()).encode()[:-40] if self.seen["kind"] == "chat" else b'{"data": [{"b64'),
                lambda: self.on_badchunk(nth, request), self.drop,
                lambda: self.fail(503, "overloaded"), lambda: self.on_garbage(nth, request)]
        ways += [lambda form=form: self.on_status("429", form) for form in ("0.05", "ms40", "date0", "reset0.05", "epoch0.05", "both0.05")]
        if self.seen["kind"] == "image":
            ways.append(lambda: self.on_cutbase(nth, request))
        if nth % 3 == 0:
            ways[nth // 3 % len(ways)]()
        else:
            self.on_good(nth, request)

    def on_second(self, nth, request):
        """Every second chapter is refused, for good; pictures are not."""
        if self.seen["kind"] == "chat" and chapter_of(self.prompt) % 2 == 0:
            self.fail(400, "this chapter will not do", "invalid_request")
        else:
            self.on_good(nth, request)

    def on_html(self, nth, request):
        self.reply(502, b"<html><head><title>502 Bad Gateway</title></head></html>", "text/html")

    def on_empty(self, nth, request):
        self.reply(500, b"")

    def on_redirect(self, nth, request):
        self.reply(302, b"", Location=self.url("plain"))

    def on_unauthorized(self, nth, request):
        self.fail(401, "Incorrect API key provided: %s" % self.seen["key"], "invalid_api_key")

    def on_noquota(self, nth, request):
        self.reply(429, error("You exceeded your current quota", "insufficient_quota"), Retry_After="1")

    def on_unpaid(self, nth, request):
        self.reply(402, {"error": "PaymentError", "message": "Insufficient credits", "status": 402})

    def on_nomodel(self, nth, request):
        self.reply(404, {"detail": [{"msg": "no such model"}]})

    def on_insist(self, nth, request):
        self.reply(400, error("odd"), x_should_retry="true")

    def on_policy(self, nth, request):
        self.reply(400, error("Your request was rejected", "content_policy_violation"))

    def on_inside(self, nth, request):
        self.reply(200, {"error": {"message": "upstream is away", "code": 502}})

    def on_noschema(self, nth, request):
        if request.get("response_format", {}).get("type") == "json_schema":
            self.reply(400, error("response_format type json_schema is unavailable", param="response_format"))
        else:
            self.on_good(nth, request)

    def on_plainonly(self, nth, request):
        if "response_format" in request:
            self.reply(422, {"detail": [{"msg": "response_format: extra fields not permitted"}]})
        else:
            self.say("Here it is:\n```json\n%s\n```\nDone." % json.dumps(analysis(self.prompt)))

    def on_think(self, nth, request):
        text = json.dumps(analysis(self.prompt))
        self.say("<think>{so {many} words}</think>\n" + text[:-1] + ",}")

    def on_parts(self, nth, request):
        self.say([{"type": "text", "text": json.dumps(analysis(self.prompt))}])

    def on_half(self, nth, request):
        if nth == 1:
            self.say(json.dumps(analysis(self.prompt))[:150])
        else:
            self.say()

    def on_echo(self, nth, request):
        """What was asked, which has the schema's example in it."""
        self.say(self.prompt)

    def on_nonsense(self, nth, request):
        self.say("I cannot see a chapter here.")

    def on_length(self, nth, request):
        if "max_completion_tokens" in request:
            self.say()
        elif "max_tokens" in request:
            self.reply(400, error("Use max_completion_tokens instead of max_tokens", param="max_tokens"))
        else:
            self.say(json.dumps(analysis(self.prompt))[:150], "length")

    def on_short(self, nth, request):
        self.say(json.dumps(analysis(self.prompt))[:150], "length")

    def on_refusal(self, nth, request):
        self.say("", refusal="I will not draw this.")

    def on_filter(self, nth, request):
        self.say("", "content_filter")

    def on_invented(self, nth, request):
        answer = analysis(self.prompt)
        answer["concepts"][0]["quote"] = "A sentence that no chapter of this book has ever held."
        self.say(json.dumps(answer))

    def on_jpeg(self, nth, request):
        self.picture(JPEG, "data:image/png;base64,")

    def on_webp(self, nth, request):
        self.picture(WEBP)

    def on_magic(self, nth, request):
        self.picture(b"GIF89a" + b"\0" * 100)

    def on_cutpng(self, nth, request):
        self.picture(png()[:-20])

    def on_badbase(self, nth, request):
        self.reply(200, {"data": [{"b64_json": "!!!not base64!!!"}]})

    def on_nopicture(self, nth, request):
        self.reply(200, {"data": []})

    def on_nosize(self, nth, request):
        if "size" in request:
            self.reply(400, error("Argument not supported: size", param="size"))
        else:
            self.picture(png())

    def on_url(self, nth, request):
        if "/files/" in self.path:
            self.reply(200, png(), "image/png")
        else:
            self.reply(200, {"data": [{"url": self.url("url/files/1.png")}]})

    def on_foreign(self, nth, request):
        self.reply(200, {"data": [{"url": self.url("url/files/1.png", "127.0.0.2")}]})

    def on_elsewhere(self, nth, request):
        """The picture stands with another server, which takes nobody with a key."""
        if "/files/" not in self.path:
            self.reply(200, {"data": [{"url": "https://127.0.0.1:%d/elsewhere/files/1.png" % TLS[0]}]})
        elif self.headers.get("Authorization"):
            self.reply(403, b"a key", "text/plain")
        else:
            self.reply(200, png(), "image/png")

    def on_file(self, nth, request):
        self.reply(200, {"data": [{"url": "file:///etc/passwd"}]})

    def on_moved(self, nth, request):
        """The picture stands elsewhere, at an address that our key is not for."""
        if "/files/" in self.path:
            self.reply(302, b"", Location=self.url("moved/files/2.png", "127.0.0.2"))
        else:
            self.reply(200, {"data": [{"url": self.url("moved/files/1.png")}]})

    def on_gone(self, nth, request):
        if "/files/" in self.path:
            self.reply(404, b"gone", "text/plain")
        else:
            self.reply(200, {"data": [{"url": self.url("gone/files/1.png")}]})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, address):
        pass  # a client that has gone


def start_tls():
    folder = tempfile.mkdtemp(prefix="bookfs-tls-")
    cert, key = folder + "/cert", folder + "/key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    FOLDERS.append(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context2 = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context2.load_cert_chain(cert, key)
    context2.set_alpn_protocols(["h2"])
    return server.server_address[1], cert, server_h2.serve(context2)


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    for folder in FOLDERS:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
