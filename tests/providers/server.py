# SPDX-License-Identifier: MIT
"""A scripted server on loopback that speaks OpenAI's format, well or badly.

The first part of a path names what it does: /good/v1/chat/completions. A number behind a dot is the time an answer
takes in milliseconds: /good.200/v1. It prints its port, and ends when its standard input does. /count/NAME says how often
NAME was asked; with a file as argument it gets a line of JSON for each request."""

import base64
import gzip
import http.server
import json
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

LOCK = threading.Lock()
COUNTS = {}
CONNECTIONS = [0]
FOLDERS = []
TLS = []


def png(width=8, height=8):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\x40\x60\x80" * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


JPEG = bytes.fromhex("ffd8ffc0000b08000400080101110000ffda0008010100003f00") + b"\x12\x34" + b"\xff\xd9"
WEBP = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8L" + struct.pack("<I", 10) + b"\x2f\x07\xc0\x01\x00" + b"\0" * 5


def analysis(request):
    """Of the chapter in the prompt: its first sentence that is long enough, letter by letter."""
    prompt = request["messages"][0]["content"]
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


def chat(request, content=None, finish="stop", **message):
    content = json.dumps(analysis(request)) if content is None else content
    return {"choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}}


def error(message, code=None, **more):
    return {"error": {"message": message, "type": "invalid_request_error", "code": code, **more}}


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
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(headers.pop("length", len(data))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def drop(self):
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def handle_all(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        word = re.sub("^http://[^/]*", "", self.path).split("/")[1]  # whole, if we are asked as a proxy
        name, _, delay = word.partition(".")
        if name == "count":
            self.reply(200, str(COUNTS.get(self.path.split("/")[2], 0)).encode())
            return
        with LOCK:
            COUNTS[name] = nth = COUNTS.get(name, 0) + 1
            if len(sys.argv) > 1:
                with open(sys.argv[1], "a") as f:
                    f.write(json.dumps({"path": self.path, "key": self.headers.get("Authorization"), "time": time.time(),
                                        "body": body.decode()}) + "\n")
        time.sleep(int(delay or 0) / 1000)
        request = json.loads(body) if body else {}
        try:
            getattr(self, "on_" + name)(nth, request)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = handle_all

    # ---- what it does, by name

    def on_good(self, nth, request):
        if self.path.endswith("/chat/completions"):
            self.reply(200, chat(request))
        else:
            self.picture(png())

    def picture(self, data, prefix=""):
        self.reply(200, {"data": [{"b64_json": prefix + base64.b64encode(data).decode()}]})

    def on_plain(self, nth, request):
        self.reply(200, b"hello", connection_number=str(self.number))

    def on_connection(self, nth, request):
        self.reply(200, str(self.number).encode())

    def on_tls(self, nth, request):
        """The same over TLS with a certificate that nobody knows: its port and the certificate's file."""
        if not TLS:
            TLS.extend(start_tls())
        self.reply(200, ("%d %s" % tuple(TLS)).encode())

    def on_back(self, nth, request):
        """What it was sent, for a look at the very bytes."""
        self.reply(200, {"path": self.path, "headers": dict(self.headers), "body": request})

    def on_gzip(self, nth, request):
        data = gzip.compress(json.dumps(chat(request) if request else "x" * 5000).encode())
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
        data = json.dumps(chat(request)).encode() if request else b"x" * 500
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
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    def on_head(self, nth, request):
        self.send_response(200)
        for i in range(10000):
            self.send_header("X-%d" % i, "x" * 1000)
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

    def on_html(self, nth, request):
        self.reply(502, b"<html><head><title>502 Bad Gateway</title></head></html>", "text/html")

    def on_empty(self, nth, request):
        self.reply(500, b"")

    def on_redirect(self, nth, request):
        self.reply(302, b"", Location="http://127.0.0.1:%d/plain" % self.server.server_address[1])

    def on_unauthorized(self, nth, request):
        self.reply(401, error("Incorrect API key provided: %s" % self.headers.get("Authorization"), "invalid_api_key"))

    def on_noquota(self, nth, request):
        self.reply(429, error("You exceeded your current quota", "insufficient_quota"), Retry_After="1")

    def on_unpaid(self, nth, request):
        self.reply(402, {"error": "Insufficient credits"})

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
            self.reply(200, chat(request, "Here it is:\n```json\n%s\n```\nDone." % json.dumps(analysis(request))))

    def on_think(self, nth, request):
        text = json.dumps(analysis(request))
        self.reply(200, chat(request, "<think>{so {many} words}</think>\n" + text[:-1] + ",}"))

    def on_parts(self, nth, request):
        self.reply(200, chat(request, [{"type": "text", "text": json.dumps(analysis(request))}]))

    def on_half(self, nth, request):
        if nth == 1:
            self.reply(200, chat(request, json.dumps(analysis(request))[:150]))
        else:
            self.reply(200, chat(request))

    def on_nonsense(self, nth, request):
        self.reply(200, chat(request, "I cannot see a chapter here."))

    def on_length(self, nth, request):
        if "max_completion_tokens" in request:
            self.reply(200, chat(request))
        elif "max_tokens" in request:
            self.reply(400, error("Use max_completion_tokens instead of max_tokens", param="max_tokens"))
        else:
            self.reply(200, chat(request, json.dumps(analysis(request))[:150], "length"))

    def on_short(self, nth, request):
        self.reply(200, chat(request, json.dumps(analysis(request))[:150], "length"))

    def on_refusal(self, nth, request):
        self.reply(200, chat(request, "", refusal="I will not draw this."))

    def on_filter(self, nth, request):
        self.reply(200, chat(request, "", "content_filter"))

    def on_invented(self, nth, request):
        answer = analysis(request)
        answer["concepts"][0]["quote"] = "A sentence that no chapter of this book has ever held."
        self.reply(200, chat(request, json.dumps(answer)))

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
            self.reply(200, {"data": [{"url": "http://127.0.0.1:%d/url/files/1.png" % self.server.server_address[1]}]})

    def on_foreign(self, nth, request):
        self.reply(200, {"data": [{"url": "http://127.0.0.2:%d/url/files/1.png" % self.server.server_address[1]}]})

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

    def on_gone(self, nth, request):
        if "/files/" in self.path:
            self.reply(404, b"gone", "text/plain")
        else:
            self.reply(200, {"data": [{"url": "http://127.0.0.1:%d/gone/files/1.png" % self.server.server_address[1]}]})


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
    return server.server_address[1], cert


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    for folder in FOLDERS:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
