# SPDX-License-Identifier: MIT
"""The least server that speaks HTTP/2 (RFC 9113) over TLS: each request is answered with the number of its connection. Heads
are not read: whatever is asked, that is the answer."""

import socket
import struct
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
STATUS_200 = b"\x88"  # of HPACK's static table


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def answer(f, stream, text):
    f.write(frame(HEADERS, END_HEADERS, stream, STATUS_200) + frame(DATA, END_STREAM, stream, text))


def talk(connection, number):
    f = connection.makefile("rwb")
    if f.read(len(PREFACE)) != PREFACE:
        return
    f.write(frame(SETTINGS, 0, 0))
    f.flush()
    while len(head := f.read(9)) == 9:
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        payload = f.read(int.from_bytes(head[:3], "big"))
        if kind == SETTINGS and not flags & ACK:
            f.write(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            f.write(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            return
        if kind == DATA and payload:
            for of in (0, stream):
                f.write(frame(WINDOW_UPDATE, 0, of, struct.pack(">I", len(payload))))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            answer(f, stream, b"connection %d" % number)
        f.flush()


def serve(context):
    """On a port that it returns, for the life of the process."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(plain, number):
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                if connection.selected_alpn_protocol() == "h2":
                    talk(connection, number)
        except OSError:
            pass  # a client that has gone, or does not trust us

    def accept():
        number = 0
        while True:
            plain, _ = listener.accept()
            number += 1
            threading.Thread(target=one, args=(plain, number), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]
