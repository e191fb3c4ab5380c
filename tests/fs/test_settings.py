# SPDX-License-Identifier: MIT
"""Settings: where each may stand, which one counts, what is said of mistakes, and to whom a key goes. Nothing is mounted;
the server is the scripted one of tests/providers, on loopback."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BOOKFS = os.environ.get("BOOKFS", "")
SERVER = os.environ.get("SERVER", "")
KEY = "sk-a-secret-that-nobody-sees"
OTHER = "sk-another-secret-for-others"


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([sys.executable, "-B", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        cls.port = int(cls.server.stdout.readline())
        cls.base = "http://127.0.0.1:%d/" % cls.port

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.wait()
        cls.server.stdout.close()

    def setUp(self):
        self.tmp = os.path.realpath(tempfile.mkdtemp(prefix="bookfs-test-"))
        self.addCleanup(shutil.rmtree, self.tmp)
        self.home = os.path.join(self.tmp, "home")
        self.file = os.path.join(self.home, ".config/bookfs/config")
        os.makedirs(os.path.dirname(self.file))

    def write(self, text, mode=0o600, path=None):
        path = path or self.file
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def run_bookfs(self, *args, **env):
        clean = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY") and k != "XDG_CONFIG_HOME"}
        done = subprocess.run([BOOKFS, *args], capture_output=True, text=True, timeout=60, cwd=self.tmp,
                              stdin=subprocess.DEVNULL, env={**clean, "HOME": self.home, **env})
        for secret in (KEY, OTHER):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def refused(self, says, *args, status=2, **env):
        done = self.run_bookfs(*args, **env)
        self.assertEqual((args, done.returncode, done.stdout), (args, status, ""))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def config(self, options="", **env):
        args = ["-o", options] if options else []
        done = self.run_bookfs("config", "--json", *args, **env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {s["name"]: s for s in json.loads(done.stdout)["settings"]}

    def curl(self, path):
        done = subprocess.run(["curl", "-s", "--noproxy", "*", self.base + path], capture_output=True, text=True,
                              timeout=20)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def keys_sent(self, options, *args, status=0, **env):
        """What a probe's requests had as keys, by the first word of their paths."""
        self.curl("clear")
        done = self.run_bookfs("probe", *args, "-o", options, **env)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.said = done.stdout + done.stderr
        sent = {}
        for r in self.curl("log"):
            word = r["path"].split("/")[1]
            if word in ("clear", "log"):
                continue
            sent.setdefault(word, set()).add((r["key"] or "").replace("Bearer ", ""))
        return sent


class Order(Case):
    def test_each_place_gives_way_to_the_one_before(self):
        self.write("provider = openai\nmodel = above\nwait = 7\n\n[openai]\nbase_url = https://file.example/v1\n"
                   "chat_slots = 5\n")
        for options, env, name, value, source in (
                ("", {}, "provider", "openai", {"source": "file", "file": self.file, "line": 1}),
                ("", {}, "model", "above", {"source": "file", "line": 2}),
                ("", {}, "base_url", "https://file.example/v1", {"source": "file", "line": 6}),
                ("", {"OPENAI_BASE_URL": "https://env.example/v1"}, "base_url", "https://env.example/v1",
                 {"source": "environment", "variable": "OPENAI_BASE_URL"}),
                ("base_url=https://option.example/v1", {"OPENAI_BASE_URL": "https://env.example/v1"}, "base_url",
                 "https://option.example/v1", {"source": "option"}),
                ("", {}, "chat_slots", "5", {"source": "file", "line": 7}),
                ("chat_slots=9", {}, "chat_slots", "9", {"source": "option"}),
                ("", {}, "wait", "7", {"source": "file", "line": 3}),
                ("", {}, "timeout", "600", {"source": "default"}),
                ("provider=builtin", {}, "chat_slots", None, {"source": "default"}),
                ("provider=groq", {}, "model", "openai/gpt-oss-120b", {"source": "provider"}),
                ("provider=groq", {}, "base_url", "https://api.groq.com/openai/v1", {"source": "provider"})):
            is_now = self.config(options, **env)[name]
            self.assertEqual((options, is_now["value"]), (options, value))
            self.assertEqual({k: is_now[k] for k in source}, source)

    def test_a_section_is_of_its_provider_alone(self):
        self.write("[openai]\nmodel = a\nimage_model = b\nprices = 1:2:0.5\n[localai]\nbase_url = http://localhost:1/v1\n"
                   "image_slots = 2\nrequests_per_minute = 9\nmodel = c\n")
        both = self.config("provider=openai")
        self.assertEqual([both[n]["value"] for n in ("model", "image_model", "image_provider", "image_prices")],
                         ["a", "b", "openai", "1:2:0.5"])
        apart = self.config("provider=openai,image_provider=localai")
        self.assertEqual([apart[n]["value"] for n in ("model", "image_model", "image_base_url", "image_slots",
                                                      "image_requests_per_minute", "requests_per_minute")],
                         ["a", None, "http://localhost:1/v1", "2", "9", None])
        local = self.config("provider=localai")
        self.assertEqual([local[n]["value"] for n in ("model", "base_url", "requests_per_minute", "image_provider")],
                         ["c", "http://localhost:1/v1", "9", "builtin"])

    def test_above_the_sections_is_the_files_own_provider(self):
        self.write("provider = openai\nmodel = mine\nimage_model = paints\ntemperature = 0.5\n")
        self.assertEqual(self.config()["image_provider"]["value"], "openai")
        other = self.config("provider=anthropic")
        self.assertEqual([other[n]["value"] for n in ("model", "temperature", "image_provider")],
                         ["claude-haiku-4-5", None, "builtin"])

    def test_free_models_wait(self):
        for model, seconds in (("a/b:free", "65"), ("a/b", "0")):
            now = self.config("provider=openrouter,model=%s,image_model=%s" % (model, model))
            self.assertEqual([now[n]["value"] for n in ("chat_interval", "image_interval")], [seconds] * 2)
        self.assertEqual(self.config("provider=openrouter,model=a:free,chat_interval=0.25")["chat_interval"]["value"],
                         "0.25")

    def test_values_are_shown_as_they_are_written(self):
        for name, value in (("max_cost", "0.1"), ("max_cost", "12"), ("image_prompt_bytes", "900"), ("max_requests", "unlimited"),
                            ("image_prices", "0:0:0.04"), ("prices", "0.15:0.6:0"), ("temperature", "0.125"),
                            ("overlap", "no"), ("illustrate", "ask"), ("fresh", "stale"), ("seed", "0"), ("insecure", "yes")):
            self.assertEqual(self.config("%s=%s" % (name, value))[name]["value"], value)

    def test_what_a_mount_makes_of_it(self):
        paid = "provider=openai,model=m,image_model=p"
        for options, env, requests, illustrate in (
                ("", {}, None, None), (paid, {}, None, None), (paid, {"OPENAI_API_KEY": KEY}, "50", "ask"),
                (paid + ",api_key_command=pass", {}, "50", "ask"), ("provider=openai,model=m", {"OPENAI_API_KEY": KEY}, "50", None),
                (paid + ",max_requests=70,illustrate=auto", {"OPENAI_API_KEY": KEY}, None, None)):
            now = self.config(options, **env)
            self.assertEqual((now["max_requests"].get("mount"), now["illustrate"].get("mount")), (requests, illustrate), options)
            self.assertEqual(now["fresh"]["mount"], "both" if env or "command" in options else "yes", options)
        said = self.run_bookfs("config", "-o", paid, OPENAI_API_KEY=KEY).stdout
        self.assertRegex(said, r"(?m)^max_requests +unlimited \(a mount: 50\) +default$")
        self.assertRegex(said, r"(?m)^illustrate +- \(a mount: ask\) +default$")

    def test_paths_in_the_file_stand_beside_it(self):
        self.write("prompt_dir = prompts\nrecord = ~/rec\n[openai]\napi_key_file = \"/a b/key\"\n")
        now = self.config("provider=openai")
        self.assertEqual([now[n]["value"] for n in ("prompt_dir", "record", "api_key_file")],
                         [self.home + "/.config/bookfs/prompts", self.home + "/rec", "/a b/key"])
        self.assertEqual(self.config("record=rec")["record"]["value"], self.tmp + "/rec")

    def test_where_the_file_is(self):
        self.write("wait = 5\n")
        os.makedirs(self.tmp + "/xdg/bookfs")
        self.write("wait = 6\n", path=self.tmp + "/xdg/bookfs/config")
        self.assertEqual(self.config(XDG_CONFIG_HOME=self.tmp + "/xdg")["wait"]["value"], "6")
        self.assertEqual(self.config(XDG_CONFIG_HOME="xdg")["wait"]["value"], "5")
        self.assertEqual(self.config(XDG_CONFIG_HOME=self.tmp + "/none")["wait"]["source"], "default")

    def test_for_people(self):
        self.write("wait = 5\n")
        out = self.run_bookfs("config", "-o", "provider=ollama").stdout
        for line in (r"provider +ollama +option", r"wait +5 +%s:1" % self.file, r"chat_slots +1 +provider",
                     r"seed +- +default", r"settings' file: " + self.file):
            self.assertRegex(out, "(?m)^%s$" % line)


class Mistakes(Case):
    def test_in_the_file(self):
        for text, says in (("provdier = openai\n", ":1: provdier is not known; provider is near"),
                           ("\n# a\n; b\n[opnai]\nmodel = x\n", ":4: [opnai] is no provider; openai is near"),
                           ("[openai]\nwait = 3\n", ":2: wait is of no server"),
                           ("api_key = x\n", ":1: api_key belongs to a server"),
                           ("wait = soon\n", ":1: option wait: a number from 1 to 86400, not \"soon\""),
                           ("wait = 5\nwait = 6\n", ":2: wait stands in line 1 already"),
                           ("wait = 5\n  depth = x\n", ":2: option depth"),
                           ("wait = 5\nnonsense\n", ":2: neither NAME = VALUE"),
                           ("= 5\n", ":1: a name is missing"),
                           ("[openai]\napi_key = %s\n" % ("x" * 300), ":2: longer than"),
                           ("[groq]\napi_key = a b\n", ":2: option api_key: it holds a character that no key has"),
                           ("store = /tmp/x\n", ":1: store is of one book"),
                           ("allow_other = 1\n", ":1: option allow_other: \"yes\" or \"no\""),
                           ("[groq]\nbase_url = ftp://x\n", ":2: option base_url: an address"),
                           ("wait = 5\n\0", ":2: a zero byte")):
            self.write(text)
            self.refused("config" + says, "config")
            self.refused("config" + says, "run", "none.epub")

    def test_who_may_read_and_write_it(self):
        for text, mode, says in (("[openai]\napi_key = x\n", 0o640, "holds a key and others can read it: chmod 600"),
                                 ("[openai]\napi_key = x\n", 0o604, "holds a key and others can read it: chmod 600"),
                                 ("wait = 5\n", 0o620, "can be changed by others: chmod go-w")):
            self.write(text, mode)
            self.refused(says, "config")
        for text, mode in (("wait = 5\n", 0o644), ("[openai]\napi_key = x\n", 0o600), ("[openai]\nmodel = x\n", 0o644)):
            self.write(text, mode)
            self.config()
        os.remove(self.file)
        os.mkdir(self.file)
        self.refused("is no file", "config")

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_of_somebody_else(self):
        self.write("wait = 5\n")
        os.chown(self.file, 65534, 65534)
        self.refused("belongs to somebody else", "config")

    def test_of_options(self):
        key = {"OPENAI_API_KEY": KEY}
        for options, env, says in (
                ("wiat=3", {}, "option wiat is not known; wait is near"),
                ("provider=opneai", {}, "\"opneai\" is not known; openai is near"),
                ("image_provider=comfy", {}, "comfyui is near"),
                ("provider=openai,model=m,api_key=" + KEY, {}, "a key is no argument"),
                ("provider=openai,model=m,image_api_key=" + KEY, {}, "a key is no argument"),
                ("model=m", {}, "add provider=openai"), ("image_model=m", {}, "add image_provider=openai"),
                ("provider=openai", key, "model=NAME"),
                ("provider=openai,model=m,image_provider=openai", key, "image_model=NAME"),
                ("provider=ollama", {}, "model=NAME"), ("image_provider=comfyui", {}, "workflow=FILE"),
                ("provider=openrouter,model=m", {}, "set OPENROUTER_API_KEY"),
                ("provider=openrouter,model=m", key, "OPENAI_API_KEY is set, and is for provider=openai"),
                ("image_provider=gemini", {}, "image_provider=gemini needs a key: set GEMINI_API_KEY"),
                ("provider=openai,model=m,base_url=http://localhost:1/v1,image_model=p,"
                 "image_base_url=https://api.openai.com/v1", key, "set OPENAI_IMAGE_API_KEY"),
                ("provider=azure,model=m", {}, "needs base_url=...: Azure OpenAI"),
                ("provider=sdcpp", {}, "image_provider=sdcpp"), ("provider=groq,image_model=m", {}, "groq paints nothing"),
                ("provider=openai,model=m,base_url=http://h.example/v1", key, "unencrypted: use https, or insecure=yes"),
                ("provider=openai,model=m,base_url=https://openrouter.ai/api/v1", key, "say provider=openrouter"),
                ("provider=openai,model=m,base_url=https://h.example/v1/chat/completions", key,
                 "base_url=https://h.example/v1"),
                ("provider=openai,model=m,base_url=https://h.example/?key=" + OTHER, key, "without name, password"),
                ("provider=openai,model=m,base_url=https://me:%s@h.example/" % OTHER, key, "without name, password"),
                ("provider=azure,model=m,base_url=https://h.example?api-key=" + OTHER, key, "without name, password"),
                ("prices=1", {}, "IN:OUT"), ("prices=1:2:3:4", {}, "IN:OUT"), ("image_prices=x", {}, "PICTURE, IN:OUT"),
                ("max_cost=-1", {}, "or \"unlimited\""), ("max_cost=0.1234567", {}, "a number from 0"),
                ("chat_interval=1.", {}, "a number from 0"), ("chat_slots=0", {}, "a number from 1"),
                ("temperature=2.001", {}, "a number from 0 to 2"), ("illustrate=", {}, "needs a value"),
                ("illustrate=never", {}, "one of auto, ask"), ("seed=1.5", {}, "a number from 0")):
            self.refused(says, "run", "-o", options, "none.epub", **env)

    def test_a_key_no_one_uses(self):
        done = self.run_bookfs("config", GROQ_API_KEY=KEY, OPENAI_API_KEY=OTHER)
        self.assertEqual(done.stderr, "bookfs: OPENAI_API_KEY and GROQ_API_KEY are set and not used: nothing is sent "
                         "without -o provider=openai,model=NAME or -o provider=groq\n")
        for options in ("provider=builtin", "image_provider=sdcpp"):
            self.assertEqual(self.run_bookfs("config", "-o", options, GROQ_API_KEY=KEY).stderr, "")

    def test_commands(self):
        for word, near in (("munt", "mount"), ("prob", "probe"), ("confg", "config"), ("model", "models")):
            self.refused('"%s" is near' % near, word, "x.epub", "dir")
        for command in ("config", "providers", "models", "probe"):
            self.refused("one word too many: x", command, "x")
            self.assertIn("usage: bookfs " + command, self.run_bookfs(command, "--help").stdout)

    def test_the_shell_knows_them(self):
        with open(os.path.join(os.path.dirname(SERVER), "../../contrib/bash-completion/bookfs")) as f:
            words = set(re.findall(r"[a-z0-9_]+", f.read()))
        providers = json.loads(self.run_bookfs("providers", "--json").stdout)["providers"]
        self.assertEqual([n for n in list(self.config()) + [p["name"] for p in providers]
                          if n not in words and not n.endswith("api_key")], [])
        for line in self.run_bookfs("--help").stdout.splitlines():
            command = re.match(r"    bookfs ([a-z]+) ", line)
            self.assertTrue(not command or command[1] in words, line)

    def test_an_address_without_its_path(self):
        done = self.run_bookfs("config", "-o", "provider=llamacpp,base_url=http://localhost:1")
        self.assertIn("base_url=http://localhost:1 names no path", done.stderr)


class Keys(Case):
    def test_of_the_environment(self):
        sent = self.keys_sent("provider=openai,model=m,base_url=%sgood/v1" % self.base, OPENAI_API_KEY=KEY,
                              OPENROUTER_API_KEY=OTHER)
        self.assertEqual(sent, {"good": {KEY}})
        sent = self.keys_sent("provider=openai,model=m", OPENAI_API_KEY=KEY, OPENAI_BASE_URL=self.base + "good/v1")
        self.assertEqual(sent, {"good": {KEY}})

    def test_of_the_file(self):
        self.write("[openai]\nmodel = m\nbase_url = %sgood/v1\napi_key = %s\n" % (self.base, KEY))
        self.assertEqual(self.keys_sent("provider=openai"), {"good": {KEY}})
        self.assertEqual(self.keys_sent("provider=openai", OPENAI_API_KEY=OTHER), {"good": {OTHER}})
        self.assertEqual(self.config("provider=openai")["api_key"]["value"], "****" + KEY[-4:])

    def test_of_the_file_is_lent_to_no_other_address(self):
        self.write("[openai]\nmodel = m\napi_key_command = touch %s/ran\n" % self.tmp)
        sent = self.keys_sent("provider=openai,base_url=%sgood/v1" % self.base)
        self.assertEqual(sent, {"good": {""}})
        self.assertIn("config:3 is https://api.openai.com/v1's and is not sent to " + self.base, self.said)
        self.assertFalse(os.path.exists(self.tmp + "/ran"))
        self.write("[openai]\nmodel = m\nbase_url = https://h.example/v1\napi_key = %s\n" % KEY)
        self.assertEqual(self.keys_sent("provider=openai", OPENAI_BASE_URL=self.base + "good/v1"), {"good": {""}})
        self.assertIn("is not sent to " + self.base, self.said)

    def test_of_a_file_of_its_own(self):
        path = self.write("%s \r\nmore\n" % KEY, path=self.tmp + "/key")
        options = "provider=openai,model=m,base_url=%sgood/v1,api_key_file=%s" % (self.base, path)
        self.assertEqual(self.keys_sent(options, OPENAI_API_KEY=OTHER), {"good": {KEY}})
        self.assertNotIn("chmod", self.said)
        os.chmod(path, 0o644)
        self.assertEqual(self.keys_sent(options), {"good": {KEY}})
        self.assertIn("holds a key and others can read it: chmod 600 " + path, self.said)
        for text, says in (("", "holds no key"), ("two words\n", "no key has")):
            self.write(text, path=path)
            self.refused(says, "probe", "-o", options)
        os.remove(path)
        self.refused("the key's file", "probe", "-o", options)

    def command(self, command):
        self.write("[openai]\nmodel = m\nbase_url = %sgood/v1\napi_key_command = %s\n" % (self.base, command))
        return self.keys_sent("provider=openai", GROQ_API_KEY=OTHER)

    def test_of_a_command(self):
        path = self.write("#!/bin/sh\nenv > %s/env\ntr '\\0' ' ' < /proc/$PPID/cmdline > %s/parent\necho \"$*\" >&2\n"
                          "echo %s\nseq 20000\n" % (self.tmp, self.tmp, KEY), 0o700, self.tmp + "/a program")
        self.assertEqual(self.command("'%s' \"x  y\" z" % path), {"good": {KEY}})
        self.assertIn("x  y z\n", self.said)
        with open(self.tmp + "/env") as f:
            self.assertNotIn(OTHER, f.read())
        with open(self.tmp + "/parent") as f:  # no shell between
            self.assertTrue(f.read().startswith(BOOKFS + " probe"))
        self.assertEqual(self.command("echo none | sed s/none/%s/" % KEY), {"good": {KEY}})
        # Its child keeps the pipe open, and nobody waits for that.
        self.assertEqual(self.command("sleep 300 2>&- & echo $! > %s/pid; echo %s" % (self.tmp, KEY)), {"good": {KEY}})
        with open(self.tmp + "/pid") as f:
            os.kill(int(f.read()), 9)

    def test_of_a_command_that_fails(self):
        for command, says in (("false", "false failed with status 1"), ("kill -9 $$", "was ended by signal 9"),
                              ("no-such-program x", "no-such-program cannot be run"), ("true", "holds no key"),
                              ("echo 'a", "a quote does not end")):
            self.write("[openai]\nmodel = m\napi_key_command = %s\n" % command)
            self.refused(says, "probe", "-o", "provider=openai")

    def test_two_ways_at_once(self):
        self.write("[openai]\nmodel = m\napi_key = x\napi_key_command = true\n")
        self.refused("api_key and api_key_command are both given", "probe", "-o", "provider=openai")

    def test_over_a_network(self):
        """Names that look like this machine's are not; insecure=yes lets it go."""
        for host in ("127.0.0.1.example", "localhost.example", "127.1", "10.0.0.1"):
            self.refused("unencrypted", "probe", "-o", "provider=openai,model=m,base_url=http://%s/v1" % host,
                         OPENAI_API_KEY=KEY)
        sent = self.keys_sent("provider=openai,model=m,insecure=yes,base_url=http://a.example/good/v1",
                              OPENAI_API_KEY=KEY, http_proxy=self.base, no_proxy="")
        self.assertEqual(sent, {"good": {KEY}})
        for host in ("localhost", "[::1]", "x.localhost", "127.0.0.2:80"):
            self.config("provider=openai,model=m,base_url=http://%s/v1" % host, OPENAI_API_KEY=KEY)

    def test_two_servers_two_keys(self):
        sent = self.keys_sent("provider=openai,model=m,base_url=%sgood/v1,image_provider=openrouter,image_model=p,"
                              "image_base_url=%sgood.1/v1" % (self.base, self.base), "--images", OPENAI_API_KEY=KEY,
                              OPENROUTER_API_KEY=OTHER)
        self.assertEqual(sent, {"good": {KEY}, "good.1": {OTHER}})
        self.write("[openai]\nmodel = m\nbase_url = %sgood/v1\napi_key = %s\n"
                   "[localai]\nmodel = x\nimage_model = p\nbase_url = %sgood.1/v1\napi_key = %s\n"
                   % (self.base, KEY, self.base, OTHER))
        sent = self.keys_sent("provider=openai,image_provider=localai", "--images")
        self.assertEqual(sent, {"good": {KEY}, "good.1": {OTHER}})

    def test_pictures_elsewhere_get_no_key_of_the_text(self):
        sent = self.keys_sent("provider=openai,model=m,base_url=%sgood/v1,image_model=p,image_base_url=%sgood.1/v1"
                              % (self.base, self.base.replace("127.0.0.1", "localhost")), "--images",
                              OPENAI_API_KEY=KEY)
        self.assertEqual(sent, {"good": {KEY}, "good.1": {""}})

    def test_each_provider_has_its_field(self):
        for provider, variable, path in (("anthropic", "ANTHROPIC_API_KEY", "v1"), ("gemini", "GEMINI_API_KEY", "v1beta"),
                                         ("azure", "AZURE_OPENAI_API_KEY", "openai/v1")):
            sent = self.keys_sent("provider=%s,model=m,base_url=%sgood/%s" % (provider, self.base, path), **{variable: KEY})
            self.assertEqual((provider, sent), (provider, {"good": {KEY}}))


class Talk(Case):
    def options(self, text, more=""):
        return "provider=openai,model=m,base_url=%s%s/v1%s" % (self.base, text, more)

    def probe(self, options, *args, status=0, **env):
        done = self.run_bookfs("probe", "--json", *args, "-o", options, **{"OPENAI_API_KEY": KEY, **env})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_all_works(self):
        done = self.probe(self.options("good", ",image_model=p"), "--images")
        self.assertEqual((done["works"], done["text"]["works"], done["pictures"]["works"]), (True,) * 3)
        self.assertEqual([f["what"] for f in done["text"]["findings"]], ["models", "chapter"])
        self.assertEqual([f["what"] for f in done["pictures"]["findings"]][-1], "picture")
        self.assertIn("its quote stands in the chapter", done["text"]["findings"][1]["detail"])
        self.assertIn("m among them", done["text"]["findings"][0]["detail"])
        self.assertGreater(done["text"]["findings"][1]["tokensIn"], 0)
        out = self.run_bookfs("probe", "-o", self.options("good"), OPENAI_API_KEY=KEY).stdout
        self.assertRegex(out, r"(?m)^    chapter  ok +[0-9.]+ s  an analysis; .*; [0-9]+ tokens in, [0-9]+ out$")
        self.assertIn("--images asks for one", out)

    def test_what_is_wrong(self):
        for options, says, remedy in ((self.options("unauthorized"), "refused the key", "environment, OPENAI_API_KEY"),
                                      (self.options("unpaid"), "account is spent", "credit"),
                                      (self.options("nomodel"), "no such model", None),
                                      ("provider=llamacpp,model=m,base_url=http://127.0.0.1:%d" % self.port, "",
                                       "is /v1 missing? try base_url=http://127.0.0.1:%d/v1" % self.port),
                                      ("provider=ollama,model=m,base_url=http://127.0.0.1:9/v1", "cannot be asked",
                                       "is it running")):
            done = self.probe(options, status=1)
            finding = done["text"]["findings"][-1]
            self.assertEqual((done["works"], finding["works"]), (False, False))
            self.assertIn(says, finding["detail"])
            self.assertIn(remedy or "", finding.get("remedy", ""))

    def test_a_certificate_nobody_knows(self):
        port, cert = subprocess.run(["curl", "-s", "--noproxy", "*", self.base + "tls"], capture_output=True, text=True,
                                    timeout=20).stdout.split()
        options = "provider=openai,model=m,base_url=https://127.0.0.1:%s/good/v1" % port
        done = self.probe(options, status=1)
        self.assertIn("set SSL_CERT_FILE", done["text"]["findings"][-1]["detail"])
        self.assertTrue(self.probe(options, SSL_CERT_FILE=cert)["works"])

    def test_a_mistyped_model(self):
        finding = self.probe(self.options("good").replace("model=m", "model=mm"))["text"]["findings"][0]
        self.assertIn("mm not among them", finding["detail"])
        self.assertIn("m is near", finding["remedy"])

    def test_here(self):
        done = self.run_bookfs("probe", "--images")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?s)text: builtin\n.*chapter  ok.*pictures: builtin\n.*picture  ok.*png")

    def test_models(self):
        done = self.run_bookfs("models", "-o", "provider=openai,base_url=%sgood/v1" % self.base, OPENAI_API_KEY=KEY)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "m\np\n", ""))
        done = self.run_bookfs("models", "--json", "-o", self.options("good"), OPENAI_API_KEY=KEY)
        self.assertEqual(json.loads(done.stdout)["models"], ["m", "p"])
        self.refused("refused the key", "models", "-o", self.options("unauthorized"), status=1, OPENAI_API_KEY=KEY)
        self.curl("clear")
        for options in ("provider=ollama,base_url=%sgood", "provider=azure,base_url=%sgood?api-version=2024-10-21"):
            done = self.run_bookfs("models", "-o", options % self.base, AZURE_OPENAI_API_KEY=KEY)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([r["path"] for r in self.curl("log") if r["path"] not in ("/log", "/clear")],
                         ["/good/api/tags", "/good/models?api-version=2024-10-21"])
        self.refused("provider=NAME", "models", status=1)

    def test_providers(self):
        self.write("[mistral]\napi_key_command = pass\n")
        done = self.run_bookfs("providers", "--json", GROQ_API_KEY=KEY)
        all_of = {p["name"]: p for p in json.loads(done.stdout)["providers"]}
        self.assertEqual([n for n, p in all_of.items() if p["keySet"]], ["groq", "mistral"])
        self.assertEqual(sorted(all_of), sorted("builtin openai openrouter ollama llamacpp localai sdcpp a1111 comfyui anthropic "
                                                "gemini groq mistral deepseek xai azure".split()))
        out = self.run_bookfs("providers", GROQ_API_KEY=KEY).stdout
        self.assertIn("GROQ_API_KEY (set)", out)
        self.assertIn("OPENAI_API_KEY (not set)", out)
        self.assertIn("MISTRAL_API_KEY (%s:2)" % self.file, out)
        self.assertTrue(re.search(r"(?m)^builtin +text, pictures", out))
        self.assertIn("references: yes, with gpt-image models, at most 16\n", out)
        self.assertEqual([n for n, p in all_of.items() if p["references"]], ["openai", "openrouter", "gemini", "azure"])
        self.assertEqual((all_of["groq"]["promptBytes"], all_of["openai"]["promptBytes"]), (0, 32000))


if __name__ == "__main__":
    unittest.main(verbosity=1)
