#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everyday programs read chapters that nobody analysed yet, and must get what the store holds.

    readers.py BOOKFS --readhow READHOW [--full]

Each program is the first to touch a chapter: its open starts the analysis. Afterwards the same
program is run on a plain copy of the file: what it made of both must be equal, byte for byte. The
copy is compared with .analyze.state and with the store's own account, so that all of them agree.
Before: programs that only look (ls -lR, find, du, stat) start no work. Afterwards, on the finished
mount: programs that read everything end with exit code 0, and watchers have seen every result.
"""
import json
import os
import shutil
import subprocess
import time

import bookmaker
import rig

# What a program is run as: $F the file, $D its folder, $O a path for output, $H readhow. What is
# compared is $O where it was made, else standard output.
READERS = {
    "cat": 'cat "$F"',
    "cp": 'cp "$F" "$O"',
    "cp -r": 'cp -r "$D" "$O.d" && cp "$O.d/concepts.json" "$O"',
    "cp --sparse=always": 'cp --sparse=always "$F" "$O"',
    "install": 'install "$F" "$O"',
    "tar": 'tar -C "$D" -cf "$O.tar" concepts.json && tar -xOf "$O.tar"',
    "rsync": 'rsync -a "$F" "$O"',
    "rsync -c": 'rsync -rc "$D/" "$O.d" --include=concepts.json --exclude="*" && cp "$O.d/concepts.json" "$O"',
    "zip": 'zip -q -j "$O.zip" "$F" && unzip -p "$O.zip"',
    "grep -r": 'grep -rh --include=concepts.json "" "$D"',
    "grep -c": 'grep -c concepts "$F"',
    "rg": 'rg -N --no-heading --no-filename "" "$F"',
    "rg --mmap": 'rg --mmap -N --no-filename "" "$F"',
    "jq": 'jq -c . "$F"',
    "python read": 'python3 -c "import sys; sys.stdout.buffer.write(open(sys.argv[1], \'rb\').read())" "$F"',
    "python mmap": 'python3 -c "import mmap, sys; f = open(sys.argv[1], \'rb\'); '
                   'sys.stdout.buffer.write(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ))" "$F"',
    "python shutil": 'python3 -c "import shutil, sys; shutil.copyfile(*sys.argv[1:])" "$F" "$O"',
    "python json": 'python3 -c "import json, sys; print(json.load(open(sys.argv[1])))" "$F"',
    "node readFileSync": 'node -e "process.stdout.write(require(\'fs\').readFileSync(process.argv[1]))" "$F"',
    "node stream": 'node -e "require(\'fs\').createReadStream(process.argv[1]).pipe(process.stdout)" "$F"',
    "perl": 'perl -pe 1 "$F"',
    "perl -s": 'perl -e \'open F, $ARGV[0]; read F, $b, -s F; print $b\' "$F"',
    "awk": 'awk "{print}" "$F"',
    "sed": 'sed -n p "$F"',
    "vim": 'vim -u NONE -i NONE -n -es -c "w! $O" -c "q!" "$F" </dev/null',
    "ed": 'printf ",p\\nq\\n" | ed -s "$F"',
    "less": 'less "$F"',
    "sha256sum": 'sha256sum <"$F"',
    "md5sum": 'md5sum "$F" | cut -c-32',
    "cksum": 'cksum "$F" | cut -d" " -f1,2',
    "file": 'file -b "$F"',
    "file --mime": 'file -b --mime "$F"',
    "git hash-object": 'git hash-object --no-filters "$F"',
    "sqlite3 readfile": 'sqlite3 :memory: "select hex(readfile(\'$F\'))"',
    "sendfile": '"$H" sendfile "$F"',
    "splice": '"$H" splice "$F"',
    "mmap": '"$H" mmap "$F"',
    "pread backwards": '"$H" pread "$F"',
    "readv": '"$H" readv "$F"',
    "dd": 'dd if="$F" bs=512 status=none',
    "dd bs=1M": 'dd if="$F" iflag=fullblock bs=1M status=none',
    "head -c": 'head -c 1000000000 "$F"',
    "head": 'head -n 3 "$F"',
    "tail -n": 'tail -n 5 "$F"',
    "tail -c": 'tail -c 100 "$F"',
    "tac": 'tac "$F"',
    "wc": 'wc "$F" | awk "{print \\$1, \\$2, \\$3}"',
    "wc -c": 'wc -c "$F" | cut -d" " -f1',
    "cmp": 'cmp -l "$F" /dev/zero 2>/dev/null; true',
    "diff": 'diff "$F" /dev/null; test $? = 1',
    "od": 'od -An -v -tx1 "$F"',
    "xxd": 'xxd "$F"',
    "hexdump": 'hexdump -C "$F"',
    "sort": 'LC_ALL=C sort "$F"',
    "base64": 'base64 "$F"',
    "gzip": 'gzip -nc "$F" | gunzip',
    "bzip2": 'bzip2 -c "$F" | bunzip2',
    "xz": 'xz -c "$F" | xz -dc',
    "zstd": 'zstd -qc "$F" | zstd -dqc',
    "openssl": 'openssl dgst -r -sha256 "$F" | cut -d" " -f1',
    "curl": 'curl -s "file://$F"',
    "bash $(<file)": 'bash -c \'printf "%s" "$(<"$1")"\' - "$F"',
    "bash mapfile": 'bash -c \'mapfile -t a <"$1"; printf "%s\\n" "${a[@]}"\' - "$F"',
    "bash read": 'bash -c \'while IFS= read -r l; do printf "%s\\n" "$l"; done <"$1"\' - "$F"',
    "test -s": 'test -s "$F" && cat "$F"',
    "cut": 'cut -b1- "$F"',
    "tr": 'tr -d "x" <"$F"',
    "strings": 'strings "$F"',
    "find -exec": 'find "$D" -maxdepth 1 -name concepts.json -exec cat {} +',
    "xargs": 'printf "%s\\0" "$F" | xargs -0 cat',
    "split": 'split -b 1000 "$F" "$O.part." && cat "$O".part.*',
    "nl": 'nl -ba "$F"',
    "paste": 'paste "$F"',
    "iconv": 'iconv -f UTF-8 -t UTF-16LE "$F"',
    "ln and cat": 'ln -s "$F" "$O.link" && cat "$O.link"',
}
# The program that a line is about, where it is not its first word.
NEEDS = {"python": "python3", "bash": "bash", "node": "node", "sendfile": None, "splice": None,
         "mmap": None, "pread": None, "readv": None, "ln": "ln", "sqlite3": "sqlite3"}
# Left out on a first touch, as any program that trusts a size it looked up before it opened the
# file: diff -q, git diff --no-index, copy_file_range between file systems.

WHOLE = {       # $M the mount, $O a path for output
    "grep -r": 'grep -ra the "$M" >"$O"',
    "rg": 'rg -uuu the "$M" >"$O"',
    "cp -r": 'cp -r "$M" "$O.d"',
    "cp -rL": 'cp -rL "$M" "$O.dl"',
    "tar": 'tar -C "$M" -cf "$O.tar" . && tar -tf "$O.tar" >"$O"',
    "rsync -a": 'rsync -a "$M/" "$O.r/"',
    "zip -r": 'cd "$M" && zip -qr "$O.zip" . && unzip -qt "$O.zip" >"$O"',
    "find -L": 'find -L "$M" >"$O"',
    "find -L -type f -exec sha256sum": 'find -L "$M" -type f -exec sha256sum {} + >"$O"',
    "sha256sum */*/*": 'sha256sum "$M"/*/*/*.md >"$O"',
    "ls -lR": 'ls -lR "$M" >"$O"',
    "du -a": 'du -a "$M" >"$O"',
    "file -r": 'find "$M" -type f -exec file {} + >"$O"',
}
LOOKERS = {
    "ls -lR": 'ls -lR "$M"',
    "ls -laL": 'ls -laL "$M" "$M"/chapters/* "$M"/by-title',
    "find": 'find "$M"',
    "find -L -size": 'find -L "$M" -size +1k -name "*.json"',
    "du -a": 'du -a "$M"',
    "stat": 'find "$M" -exec stat {} +',
    "stat -f": 'stat -f "$M" && df "$M"',
    "test": 'for f in "$M"/chapters/*/concepts.json; do test -r "$f" && test -s "$f" || exit 1; done',
    "getfattr, access": 'python3 -c "import os, sys; [os.access(os.path.join(d, n), os.R_OK) or sys.exit(1)'
                        ' for d, _, f in os.walk(sys.argv[1]) for n in f]" "$M"',
    "O_PATH": 'python3 -c "import os, sys; os.fstat(os.open(sys.argv[1], os.O_PATH))" "$M/chapters/1/concepts.json"',
    "never-trigger files": 'cat "$M"/status.json "$M"/chapters/*/status.json "$M"/chapters/*/prompt.txt '
                           '"$M"/chapters/*/text.md "$M"/chapters/*/title "$M"/*.md "$M"/book.json',
}


def shell(line, seconds=60, **variables):
    process = subprocess.Popen(["sh", "-c", line], env={**os.environ, "LC_ALL": "C.UTF-8", **variables},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    rig.started[process.pid] = None
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, err = process.communicate()
        err += b"(too slow)"
    rig.started.pop(process.pid, None)
    return process.returncode, out, err.decode(errors="replace").strip()


def installed(name, line):
    first = name.split()[0]
    needed = NEEDS.get(first, first)
    return needed is None or shutil.which(needed)


def output_of(line, file, folder, readhow):
    """What a program makes of a file, and its exit code."""
    out = os.path.join(folder, "out")
    code, printed, err = shell(line, F=file, D=os.path.dirname(file), O=out, H=readhow)
    if os.path.exists(out):
        with open(out, "rb") as f:
            printed = f.read()
    return code, printed, err


def one_reader(checks, mount, number, name, line, readhow, work):
    folder = os.path.join(work, f"reader{number}")
    plain = os.path.join(folder, "plain")
    os.makedirs(plain)
    path = mount.path("chapters", number, "concepts.json")
    before = mount.status()["chapters"][number - 1]["status"]
    code, first, err = output_of(line, path, folder, readhow)
    data = mount.read("chapters", number, "concepts.json")
    with open(os.path.join(plain, "concepts.json"), "wb") as f:
        f.write(data)
    again = os.path.join(folder, "again")
    os.makedirs(again)
    plain_code, want, _ = output_of(line, os.path.join(plain, "concepts.json"), again, readhow)
    problem = ""
    if before != "pending":
        problem = f"the chapter was {before} before it was read"
    elif code != plain_code:
        problem = f"exit {code}: {err}"
    elif not want or first != want:
        problem = f"{len(first)} bytes of output, not {len(want)}, or other ones; {err}"
    elif data != mount.read(".analyze.state", f"chapter_{number}.json"):
        problem = "the state file has other bytes"
    elif os.stat(path).st_size != len(data):
        problem = f"stat says {os.stat(path).st_size} bytes, there are {len(data)}"
    elif json.loads(data).get("status") != "completed" or json.loads(data).get("chapterNumber") != number:
        problem = f"not this chapter's result: {data[:200]!r}"
    checks.ok(f"{name}: first touch of chapter {number}", not problem, problem)


def looking_starts_nothing(checks, mount):
    os.listdir(mount.dir)
    rig.wait_for(lambda: any(e["event"] == "mounted" for e in mount.events()), 60)
    seq, status = mount.seq(), mount.status()
    for name, line in LOOKERS.items():
        code, _, err = shell(line, M=mount.dir)
        checks.ok(f"{name}: exit 0", code == 0, f"exit {code}: {err}")
        after = mount.seq()
        checks.ok(f"{name}: starts no work", after == seq, f"seq went from {seq} to {after}")
        seq = after
    time.sleep(0.3)
    after = mount.status()
    checks.ok("after all that looked, nothing runs", mount.seq() == seq and not after.get("running"),
              after.get("running"))
    checks.ok("after all that looked, status is as before", after["totals"] == status["totals"],
              after["totals"])


def watch(folder, log):
    out = open(log, "wb")
    process = subprocess.Popen(
        ["inotifywait", "-m", "-e", "create,moved_to,close_write", "--format", "%e %f", folder],
        stdout=out, stderr=subprocess.PIPE)
    out.close()
    rig.started[process.pid] = None
    for line in process.stderr:     # it says when it watches
        if b"Watches established" in line:
            break
    return process


def seen(log):
    with open(log, errors="replace") as f:
        return {line.split(" ", 1)[1].strip() for line in f if " " in line}


def stop_watch(process):
    process.kill()
    process.wait()
    process.stderr.close()
    rig.started.pop(process.pid, None)


def whole_mount(checks, mount, work):
    for number, (name, line) in enumerate(WHOLE.items()):
        if not installed(name, line):
            checks.note(f"{name} is not installed")
            continue
        folder = os.path.join(work, f"whole{number}")
        os.makedirs(folder)
        code, _, err = shell(line, seconds=120, M=mount.dir, O=os.path.join(folder, "out"))
        checks.ok(f"{name} over the whole mount ends with 0", code == 0, f"exit {code}: {err}")
        checks.ok(f"{name} over the whole mount has nothing to say", not err, err)
        shutil.rmtree(folder, ignore_errors=True)


def run(args, checks):
    work = rig.work_folder()
    readers = {n: c for n, c in READERS.items() if installed(n, c)}
    for name in READERS.keys() - readers.keys():
        checks.note(f"{name} is not installed")
    checks.ok("at least 40 readers are installed", len(readers) >= 40, len(readers))
    if not args.full:
        # A quick run takes each second one, by the seed, and always those that trust a size.
        keep = {"cp", "rsync", "tar", "file", "test -s", "mmap", "sendfile", "python mmap", "wc -c"}
        readers = {n: c for i, (n, c) in enumerate(readers.items())
                   if n in keep or i % 2 == args.seed % 2}
    chapters = len(readers)
    book = bookmaker.make(os.path.join(work, "book.epub"), chapters=chapters, words=400, pictures=2,
                          picture_bytes=30_000)
    # Each reader is to be the first of its chapter, which reading ahead would be.
    with rig.Mount(args.program, book, "readahead=0") as mount:
        looking_starts_nothing(checks, mount)
        pictures_log, chapter_log = os.path.join(work, "pictures"), os.path.join(work, "chapter")
        watchers = []
        if shutil.which("inotifywait"):
            watchers = [watch(mount.path("images"), pictures_log),
                        watch(mount.path("chapters", chapters), chapter_log)]
        for number, (name, line) in enumerate(readers.items(), 1):
            one_reader(checks, mount, number, name, line, os.path.abspath(args.readhow), work)
        mount.command("analyze all")
        status = rig.wait_done(mount, 120)
        checks.ok("everything was analysed and painted", rig.all_done(status), status.get("totals"))
        started = [e["chapter"] for e in mount.events() if e["event"] == "analysisStarted"]
        checks.ok("each chapter was analysed once", sorted(started) == sorted(set(started)), started)
        whole_mount(checks, mount, work)
        if watchers:
            rig.wait_for(lambda: set(os.listdir(mount.path("images"))) <= seen(pictures_log) and
                         "concepts.json" in seen(chapter_log), 60)
            pictures = {n for n in os.listdir(mount.path("images")) if not n.startswith(".")}
            missing = pictures - seen(pictures_log)
            checks.ok(f"inotifywait saw all {len(pictures)} pictures", pictures and not missing, missing)
            checks.ok("inotifywait saw the analysis of a chapter", "concepts.json" in seen(chapter_log),
                      seen(chapter_log))
            for process in watchers:
                stop_watch(process)
        bad = {n: rig.whole_png(mount.read("images", n)) for n in os.listdir(mount.path("images"))
               if n.endswith(".png")}
        checks.ok("every picture is a whole PNG", not any(bad.values()), bad)
    checks.ok("the mount was ended cleanly", not rig.mounted(mount.dir))


if __name__ == "__main__":
    parser = rig.arguments(__doc__, quick_seconds=120, full_seconds=400)
    parser.add_argument("--readhow", required=True)
    rig.main(parser, run)
