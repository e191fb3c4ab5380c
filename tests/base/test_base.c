/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base.h"
#include "check.h"

static void test_buf(void)
{
	CLEANUP(buf_finish) struct buf b = {.max_bytes = 10};
	size_t len;
	char *s;

	CHECK_INT(buf_adds(&b, "12345"), 0);
	CHECK_INT(buf_addf(&b, "%d", 678), 0);
	CHECK_INT(buf_adds(&b, "abc"), -EFBIG);
	CHECK_STR(buf_str(&b), "12345678");
	CHECK_INT(buf_addc(&b, 'x'), -EFBIG); /* sticky */
	CHECK_INT(buf_error(&b), -EFBIG);
	buf_clear(&b);
	CHECK_INT(buf_adds(&b, "1234567890"), 0);
	s = buf_steal(&b, &len);
	CHECK_STR(s, "1234567890");
	CHECK_INT(len, 10);
	free(s);
	s = buf_steal(&b, &len);
	CHECK_STR(s, "");
	free(s);
}

static void test_err(void)
{
	struct err e = {0};
	char path[4096];

	CHECK_INT(err_set(NULL, -EIO, "nobody reads it"), -EIO);
	CHECK_INT(err_set(&e, -EIO, "a\x1b[2Jb\nc %s", "\xff\xc2\x85z"), -EIO);
	CHECK_STR(e.msg, "a?[2Jb?c ?"
			 "??"
			 "z");
	err_prefix(&e, "book %d", 7);
	CHECK_STR(e.msg, "book 7: a?[2Jb?c ?"
			 "??"
			 "z");
	CHECK_INT(e.code, -EIO);
	/* However long the path, the reason stays. */
	memset(path, 'd', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	err_set(&e, -ENOENT, "%s: there is no such book", path);
	CHECK_INT(strlen(e.msg), sizeof(e.msg) - 1);
	CHECK(strncmp(e.msg, "ddd", 3) == 0 && strstr(e.msg, "d ... d") != NULL);
	CHECK(strstr(e.msg, "d: there is no such book") != NULL);
}

static void test_utf8(void)
{
	static const struct {
		const char *bytes;
		bool valid;
	} cases[] = {
		{"plain", true},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\x96", true},
		{"\xef\xbf\xbd", true},
		{"\xc0\xaf", false},
		{"\xe0\x80\xaf", false},
		{"\xed\xa0\x80", false},
		{"\xf4\x90\x80\x80", false},
		{"\xe2\x82", false},
		{"\x80", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_INT(utf8_valid(cases[i].bytes, strlen(cases[i].bytes)), cases[i].valid);
	CHECK_INT(utf8_words("  one two\n\xe3\x80\x80three\xc2\xa0"
			     "four ",
			     25),
		  4);
	CHECK_INT(utf8_words("", 0), 0);
	for (uint32_t cp = 0; cp <= 0x10ffff; cp += 61) {
		char bytes[4];
		const char *p = bytes;
		size_t n = utf8_put(bytes, cp);
		uint32_t want = cp >= 0xd800 && cp <= 0xdfff ? 0xfffd : cp;

		if (utf8_next(&p, bytes + n) != want || p != bytes + n)
			CHECK(!"a code point survives the round trip");
	}
}

static void check_name(const char *from, size_t len, const char *want)
{
	char name[NAME_BYTES];

	utf8_name(name, from, len);
	CHECK_STR(name, want);
}

static void test_name(void)
{
	char name[NAME_BYTES], longest[600];

	check_name("a/b", 3, "a-b");
	check_name("..", 2, "__");
	check_name(".", 1, "_");
	check_name("", 0, "untitled");
	check_name(" \t\n ", 4, "untitled");
	check_name("a\0b\nc", 5, "ab c");
	check_name("x\xe2\x80\xae"
		   "cod.exe",
		   11, "xcod.exe");
	check_name("\xff.", 2, "\xef\xbf\xbd.");
	check_name(".\0.", 3, "__");
	for (size_t i = 0; i < sizeof(longest); i += 2)
		memcpy(longest + i, "\xc3\xa9", 2);
	utf8_name(name, longest, sizeof(longest));
	CHECK_INT(strlen(name), 254);
	CHECK(utf8_valid(name, strlen(name)));
}

static void test_hash(void)
{
	char hex[HASH_HEX];
	struct hash *h = hash_new();
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* FIPS 180-4's own example. */
	hash_add(h, "abc", 3);
	hash_hex(hex, h);
	h = hash_free(h);
	CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_INT(hash_file(hex, fd), 0);
	CHECK_STR(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	close(fd);
	CHECK_INT(hash_file(hex, -1), -EBADF);
}

static void test_time(void)
{
	char s[ISO_TIME_BYTES];

	clock_iso(s, 1762822255420);
	CHECK_STR(s, "2025-11-11T00:50:55.420Z");
	clock_iso(s, -1);
	CHECK_STR(s, "1969-12-31T23:59:59.999Z");
	clock_iso(s, INT64_MAX);
	CHECK_INT(strlen(s), 24);
}

static void test_file_time(void)
{
	CHECK_INT(clock_ms_of((struct timespec){1762822255, 420999999}), 1762822255420);
	CHECK_INT(clock_ms_of((struct timespec){-1, 999000000}), -1);
	CHECK_INT(clock_ms_of((struct timespec){INT64_MAX, 0}), INT64_MAX);
	CHECK_INT(clock_ms_of((struct timespec){INT64_MAX / 1000, 999000000}), INT64_MAX);
	CHECK_INT(clock_ms_of((struct timespec){INT64_MIN, 0}), INT64_MIN);
	CHECK_INT(clock_timespec(1762822255420).tv_nsec, 420000000);
	CHECK_INT(clock_timespec(-1).tv_sec, -1);
	CHECK_INT(clock_timespec(-1).tv_nsec, 999000000);
	CHECK_INT(clock_timespec(-2000).tv_sec, -2);
	CHECK_INT(clock_timespec(-2000).tv_nsec, 0);
}

static void test_log(void)
{
	CLEANUP(buf_finish) struct buf b = {0};
	uint64_t dropped, before;

	log_open(LOG_TO_SYSLOG, LOG_LEVEL_INFO);
	before = log_bytes();
	log_debug("not kept");
	CHECK_INT(log_bytes(), before);
	for (int i = 0; i < 9000; i++)
		log_info("line %d of many, to fill what is kept", i);
	CHECK_INT(log_copy(&b, &dropped), 0);
	CHECK(dropped > 0 && b.len <= 256 * 1024);
	CHECK_INT(dropped + b.len, log_bytes());
	CHECK(strstr(buf_str(&b), "line 8999 of many") != NULL);
	CHECK(buf_str(&b)[0] == '2'); /* begins with a whole line */
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
}

/* ---- the loop */

struct scene {
	struct loop *loop;
	struct watch *watch, *other;
	struct timer *timer;
	int pair[2], other_pair[2];
	char order[64];
	int served, worked;
};

static void note(struct scene *s, char c)
{
	size_t n = strlen(s->order);

	if (n + 1 < sizeof(s->order))
		s->order[n] = c;
}

static void on_readable(void *arg, uint32_t revents)
{
	struct scene *s = arg;
	char c;

	CHECK(revents & EPOLLIN);
	CHECK_INT(read(s->pair[0], &c, 1), 1);
	note(s, c);
	/* Frees itself and a watch that may be in the same batch. */
	s->watch = watch_free(s->watch);
	s->other = watch_free(s->other);
}

static void on_other(void *arg, uint32_t revents)
{
	struct scene *s = arg;
	char c;

	CHECK_INT(read(s->other_pair[0], &c, 1), 1);
	s->watch = watch_free(s->watch);
	s->other = watch_free(s->other);
	note(s, 'r');
}

static void on_timer(void *arg)
{
	struct scene *s = arg;

	note(s, 't');
	s->timer = timer_free(s->timer);
	loop_stop(s->loop);
}

static void posted(void *arg)
{
	note(arg, 'p');
}

static void work(void *arg)
{
	struct scene *s = arg;

	s->worked = !loop_is_current(s->loop);
}

static void worked(void *arg)
{
	struct scene *s = arg;

	CHECK(loop_is_current(s->loop));
	CHECK_INT(s->worked, 1);
	note(s, 'w');
	timer_set(s->timer, clock_boot_ms() + 5);
}

static void test_loop(void)
{
	struct scene s = {0};
	struct timer *never;

	CHECK_INT(loop_new(&s.loop, 2), 0);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s.pair), 0);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s.other_pair), 0);
	CHECK_INT(loop_watch(&s.watch, s.loop, s.pair[0], EPOLLIN, on_readable, &s), 0);
	CHECK_INT(loop_watch(&s.other, s.loop, s.other_pair[0], EPOLLIN, on_other, &s), 0);
	CHECK_INT(write(s.pair[1], "r", 1), 1);
	CHECK_INT(write(s.other_pair[1], "r", 1), 1);
	s.timer = timer_new(s.loop, on_timer, &s);
	never = timer_new(s.loop, on_timer, &s);
	timer_set(never, clock_boot_ms() + 1);
	timer_stop(never);
	loop_post(s.loop, posted, &s);
	loop_work(s.loop, work, worked, &s);
	CHECK_INT(loop_run(s.loop), 0);
	CHECK(!strcmp(s.order, "prwt") || !strcmp(s.order, "pwrt"));
	loop_post(s.loop, posted, &s);
	s.loop = loop_free(s.loop); /* runs what was posted */
	CHECK_INT(s.order[4], 'p');
	free(never); /* its loop is gone and it is not set */
	for (int i = 0; i < 2; i++) {
		close(s.pair[i]);
		close(s.other_pair[i]);
	}
}

static bool serve(void *arg)
{
	struct scene *s = arg;
	char c;

	if (read(s->pair[0], &c, 1) != 1)
		return false;
	if (++s->served == 3)
		loop_stop(s->loop);
	return true;
}

static void send_byte(void *arg)
{
	struct scene *s = arg;

	CHECK_INT(write(s->pair[1], "x", 1), 1);
}

static void test_poller(void)
{
	struct scene s = {0};

	CHECK_INT(loop_new(&s.loop, 1), 0);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s.pair), 0);
	CHECK_INT(loop_poller(s.loop, s.pair[0], serve, &s), 0);
	send_byte(&s);
	loop_post(s.loop, send_byte, &s);
	loop_work(s.loop, send_byte, posted, &s);
	CHECK_INT(loop_run(s.loop), 0);
	CHECK_INT(s.served, 3);
	s.loop = loop_free(s.loop);
	close(s.pair[0]);
	close(s.pair[1]);
}

static void test_process(void)
{
	struct process me, child, other;
	int gate[2], status;
	char byte;

	CHECK_INT(process_find(&me, getpid()), 0);
	CHECK_INT(process_life(&me), PROCESS_ALIVE);
	CHECK_STR(me.boot, process_boot());
	CHECK_INT(process_find(&other, 0), -ESRCH);
	CHECK_INT(process_find(&other, INT_MAX), -ESRCH);

	CHECK_INT(pipe(gate), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0);
	}
	close(gate[0]);
	CHECK_INT(process_find(&child, pid), 0);
	CHECK(!process_is(&child, &me) && process_is(&child, &child));
	CHECK_INT(process_life(&child), PROCESS_ALIVE);
	int fd = process_fd(&child);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	CHECK(fd >= 0);
	CHECK_INT(poll(&p, 1, 0), 0);

	other = child; /* what the number stood for before */
	other.start_ticks--;
	CHECK_INT(process_life(&other), PROCESS_DEAD);
	CHECK_INT(process_fd(&other), -ESRCH);
	other = child;
	other.pid_namespace++;
	CHECK_INT(process_life(&other), PROCESS_UNKNOWN);
	CHECK_INT(process_fd(&other), -ENOTSUP);
	other = child;
	other.boot[0] ^= 1;
	CHECK_INT(process_life(&other), other.machine[0] ? PROCESS_DEAD : PROCESS_UNKNOWN);
	other.machine[0] ^= 1;
	CHECK_INT(process_life(&other), PROCESS_UNKNOWN);
	CHECK_INT(process_life(&(struct process){0}), PROCESS_UNKNOWN);

	close(gate[1]);
	CHECK_INT(poll(&p, 1, 10000), 1); /* it ends, and is a zombie until it is waited for */
	CHECK_INT(process_life(&child), PROCESS_DEAD);
	CHECK_INT(process_find(&other, pid), -ESRCH);
	waitpid(pid, &status, 0);
	CHECK_INT(process_life(&child), PROCESS_DEAD);
	close(fd);
}

static void test_library(void)
{
	static const char *const names[] = {"libno-such.so.1", "libm.so.6", NULL};
	static const char *const symbols[] = {"fmod", "hypot", NULL};
	static const char *const others[] = {"fmod", "no_such_function", NULL};
	struct {
		double (*fmod)(double, double), (*hypot)(double, double);
	} m;
	struct library l = {"to reckon", names, symbols};
	struct err err;

	CHECK_INT(library_load(&m, &l, &err), 0);
	CHECK(m.fmod(7, 4) == 3 && m.hypot(3, 4) == 5);
	l.symbols = others;
	CHECK_INT(library_load(&m, &l, &err), -ENOPKG);
	CHECK(strstr(err.msg, "no_such_function"));
	l.names = (const char *const[]){"libno-such.so.1", NULL};
	CHECK_INT(library_load(&m, &l, &err), -ENOPKG);
	CHECK_STR(err.msg, "to reckon libno-such.so.1 is needed: install it");
}

int main(void)
{
	test_library();
	test_buf();
	test_err();
	test_utf8();
	test_name();
	test_hash();
	test_time();
	test_file_time();
	test_log();
	test_loop();
	test_poller();
	test_process();
	return check_result();
}
