# SPDX-License-Identifier: MIT
"""The scripted server of server.py with some words more, for what only some kinds of servers do."""

import server
from answers import error, png, references_in, shown, tokens_of

ROOM = 1500


class Handler(server.Handler):
    def on_ollama(self, nth, request):
        """Its own chat, which is told how much of a prompt it shall see."""
        if not self.path.endswith("/api/chat"):
            self.reply(200, {"models": [{"name": "qwen3:8b", "model": "qwen3:8b"}]})
        elif request["options"]["num_ctx"] != 16384 or request["truncate"] is not False:
            self.reply(400, {"error": "told too little"})
        else:
            text = self.text()
            self.reply(200, {"message": {"role": "assistant", "content": text["choices"][0]["message"]["content"]},
                             "done": True, "done_reason": "stop",
                             "prompt_eval_count": text["usage"]["prompt_tokens"],
                             "eval_count": text["usage"]["completion_tokens"]})

    def on_narrow(self, nth, request):
        """A model that sees no more than ROOM tokens."""
        if tokens_of(self.prompt) > ROOM:
            self.reply(400, error("maximum context length is %d tokens" % ROOM, "context_length_exceeded"))
        else:
            self.say()

    def on_liar(self, nth, request):
        """One that takes less than it says."""
        if tokens_of(self.prompt) > ROOM:
            self.reply(400, error("maximum context length is 5000 tokens", "context_length_exceeded"))
        else:
            self.say()

    def on_second500(self, nth, request):
        """The second request fails."""
        if nth == 2:
            self.fail(500, "internal")
        else:
            self.on_good(nth, request)

    def on_shakyfile(self, nth, request):
        """The picture is there, the way to it is not at once."""
        if "/files/" not in self.path:
            self.reply(200, {"data": [{"url": self.url("shakyfile/files/1.png")}]})
        elif nth == 2:
            self.fail(503, "not yet")
        else:
            self.reply(200, png(), "image/png")

    def on_bodywait(self, nth, request):
        """Google's way to say when: within the answer."""
        self.reply(429, {"error": {"code": 429, "message": "slower", "status": "RESOURCE_EXHAUSTED",
                                   "details": [{"retryDelay": "7s"}]}})

    def on_fussy(self, nth, request):
        """Takes nothing that need not be."""
        for name in ("temperature", "seed", "quality", "size", "response_format"):
            if name in request:
                self.reply(400, error("Unsupported parameter: '%s'" % name, "unsupported_parameter", param=name))
                return
        self.on_good(nth, request)

    def on_mute(self, nth, request):
        """Says nothing of what it took."""
        answer = self.text()
        del answer["usage"]
        self.reply(200, answer)

    def on_looks(self, nth, request):
        """Says of the pictures beside the prompt what they are, in its log."""
        self.seen.update(references=references_in(request), prompt=self.prompt)
        self.picture(png())

    def on_blind(self, nth, request):
        """A model that takes no pictures."""
        self.seen.update(references=references_in(request))
        if self.seen["references"]:
            self.reply(404, error("No endpoints found that support image input"))
        else:
            self.picture(png())

    def on_narrowdoor(self, nth, request):
        """Takes pictures that are smaller."""
        self.seen.update(references=references_in(request))
        if self.seen["references"]:
            self.reply(413, b"")
        else:
            self.picture(png())

    def on_nopath(self, nth, request):
        """OpenRouter before it had an address for pictures."""
        self.seen.update(references=references_in(request))
        if self.wire == "openrouter":
            self.reply(404, b"<html><title>Not Found</title></html>", "text/html")
        else:
            self.picture(png())

    def on_queue(self, nth, request):
        """ComfyUI that takes its time: the third look finds the picture."""
        if "/history/" in self.path and nth < 4:
            self.reply(200, {} if nth == 2 else {"queue-1": {"outputs": {}, "status": {"completed": False}}})
        else:
            self.on_good(nth, request)

    def on_never(self, nth, request):
        self.reply(200, {} if "/history/" in self.path else {"prompt_id": "never"})

    def on_outofmemory(self, nth, request):
        if "/history/" in self.path:
            self.reply(200, {"x": {"outputs": {}, "status": {"status_str": "error", "messages": [
                ["execution_error", {"node_type": "KSampler", "exception_message": "CUDA out of memory"}]]}}})
        else:
            self.reply(200, {"prompt_id": "x"})


if __name__ == "__main__":
    server.Handler = Handler
    server.main()
