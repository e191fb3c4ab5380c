/* SPDX-License-Identifier: MIT */
#include <cairo.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"
#include "providers.h"

/* The painter through its real child; and through children that do what they should not. */

/* ---- a clock that can be put forward: what lasts seconds takes none here */

static int64_t ahead_ms;

static int64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_boot_ms(void)
{
	return now_us(CLOCK_BOOTTIME) / 1000 + ahead_ms;
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

/* ---- asking */

struct shot {
	struct loop *loop;
	int answers;
	struct provider_outcome outcome;
	struct buf png;
};

static struct loop *loop;
static struct provider *provider;

static void painted(void *arg, const struct provider_outcome *outcome, const void *data, size_t len,
		    const char *ext)
{
	struct shot *s = arg;

	s->answers++;
	s->outcome = *outcome;
	buf_clear(&s->png);
	if (outcome->code == 0)
		buf_add(&s->png, data, len);
	CHECK_STR(ext, "png");
	loop_stop(loop);
}

static struct concept sample = {
	.quote = {.text = (char *)"The sea was grey. A ship lay at the quay. *Gulls* cried."},
	.description = (char *)"Open sea at dusk. To be seen: ship, gulls.",
	.mood = (char *)"lonely",
	.lighting = (char *)"dusk",
};

static struct paint_request request(const char *title)
{
	return (struct paint_request){
		.book_title = "A Book of Tests",
		.chapter_title = title,
		.chapter = 9,
		.scene = 2,
		.concept = &sample,
		.prompt = "",
		.width_px = 1024,
		.height_px = 1024,
	};
}

static void paint(struct shot *s, const struct paint_request *r)
{
	s->answers = 0;
	provider->ops->paint(provider, r, painted, s);
	loop_run(loop);
	CHECK_INT(s->answers, 1);
}

/* ---- the child, seen from outside */

/* The one child of this process that is no zombie, or 0. */
static pid_t child_pid(void)
{
	char path[64];
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid;
}

static void test_descriptors(void)
{
	char path[64];
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)child_pid());
	DIR *d = opendir(path);
	CHECK(d != NULL);
	for (struct dirent *e; d && (e = readdir(d));) {
		count += e->d_name[0] != '.';
		CHECK(e->d_name[0] == '.' || atoi(e->d_name) <= 2);
	}
	if (d)
		closedir(d);
	CHECK_INT(count, 3);
}

/* ---- the picture */

struct reader {
	const struct buf *png;
	size_t at;
};

static cairo_status_t read_part(void *arg, unsigned char *data, unsigned len)
{
	struct reader *r = arg;

	if (len > r->png->len - r->at)
		return CAIRO_STATUS_READ_ERROR;
	memcpy(data, r->png->data + r->at, len);
	r->at += len;
	return CAIRO_STATUS_SUCCESS;
}

/* A picture of that size; what is on it is test_card.c's. */
static void check_size(const struct buf *png, int width, int height)
{
	struct reader r = {.png = png};
	cairo_surface_t *s = cairo_image_surface_create_from_png_stream(read_part, &r);

	CHECK_INT(cairo_surface_status(s), CAIRO_STATUS_SUCCESS);
	CHECK_INT(cairo_image_surface_get_width(s), width);
	CHECK_INT(cairo_image_surface_get_height(s), height);
	cairo_surface_destroy(s);
}

static uint32_t be32(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* CRC of PNG, annex D, bit by bit. */
static uint32_t crc(const char *s, size_t len)
{
	uint32_t c = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		c ^= (unsigned char)s[i];
		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320 ^ (c >> 1) : c >> 1;
	}
	return ~c;
}

static bool has_text(const struct buf *png, const char *keyword, const char *value)
{
	size_t n = strlen(keyword) + 1;

	for (size_t at = 8; at + 12 <= png->len; at += be32(png->data + at) + 12) {
		size_t len = be32(png->data + at);
		const char *data = png->data + at + 8;

		if (memcmp(png->data + at + 4, "iTXt", 4) == 0 && len >= n + 4 &&
		    !memcmp(data, keyword, n) && len - n - 4 == strlen(value) &&
		    !memcmp(data + n + 4, value, strlen(value)))
			return true;
	}
	return false;
}

static void check_chunks(const struct buf *png)
{
	size_t at = 8;

	CHECK(png->len > 8 && !memcmp(png->data, "\x89PNG\r\n\x1a\n", 8));
	while (at + 12 <= png->len) {
		size_t len = be32(png->data + at);
		CHECK(len <= png->len - at - 12);
		if (len > png->len - at - 12)
			return;
		CHECK(crc(png->data + at + 4, len + 4) == be32(png->data + at + 8 + len));
		CHECK(memcmp(png->data + at + 4, "tIME", 4) != 0);
		at += len + 12;
	}
	CHECK_INT(at, png->len);
	CHECK(has_text(png, "Software", "bookfs builtin"));
	CHECK(has_text(png, "Book", "A Book of Tests"));
	CHECK(has_text(png, "Chapter", "9"));
	CHECK(has_text(png, "Concept", "ch9_scene2"));
}

static void test_card(void)
{
	struct shot one = {0}, two = {0};
	struct paint_request r = request("The Harbour");

	paint(&one, &r);
	CHECK_INT(one.outcome.code, 0);
	check_chunks(&one.png);
	check_size(&one.png, 1024, 1024);
	test_descriptors();
	paint(&two, &r);
	CHECK(one.png.len == two.png.len && !memcmp(one.png.data, two.png.data, one.png.len));
	buf_finish(&one.png);
	buf_finish(&two.png);
}

static void test_odd_cards(void)
{
	static const int sizes[][2] = {{0, 0}, {-1, 1024}, {100000, 1024}, {63, 64}};
	struct shot s = {0};
	struct paint_request r = request("\xff\xfe broken \x01");

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		r.width_px = sizes[i][0];
		r.height_px = sizes[i][1];
		paint(&s, &r);
		CHECK(s.outcome.code < 0 && s.outcome.err.msg[0]);
	}
	r.width_px = 768;
	r.height_px = 512;
	struct concept empty = {.quote = {.text = (char *)""},
				.description = (char *)"",
				.mood = (char *)"",
				.lighting = (char *)""};
	r.concept = &empty;
	paint(&s, &r);
	CHECK_INT(s.outcome.code, 0);
	check_size(&s.png, 768, 512);
	buf_finish(&s.png);
}

/* ---- its life */

static void put_forward(void *arg)
{
	ahead_ms += *(int *)arg;
	loop_stop(loop);
}

/* Some turns of the loop at a later time. */
static void pass(int ms)
{
	int none = 0;

	loop_post(loop, put_forward, &ms);
	loop_run(loop);
	loop_post(loop, put_forward, &none);
	loop_run(loop);
}

static void test_idle(void)
{
	struct shot s = {0};
	struct paint_request r = request("Idle");

	paint(&s, &r);
	pass(4000);
	CHECK(child_pid() != 0);
	pass(1100);
	CHECK_INT(child_pid(), 0);
	paint(&s, &r);
	CHECK_INT(s.outcome.code, 0);
	CHECK(child_pid() != 0);
	buf_finish(&s.png);
}

/* Where no font is, letters would be boxes: a failure for good that says what to do, and a picture
 * as soon as there is one. */
static void test_no_font(void)
{
	char path[] = "/tmp/bookfs-fonts-XXXXXX";
	static const char none[] = "<?xml version=\"1.0\"?><fontconfig></fontconfig>";
	struct shot s = {0};
	struct paint_request r = request("No font");
	CLEANUP(cleanup_close) int fd = mkstemp(path);

	CHECK_INT(write(fd, none, strlen(none)), strlen(none));
	pass(6000);
	setenv("FONTCONFIG_FILE", path, 1);
	paint(&s, &r);
	unsetenv("FONTCONFIG_FILE");
	CHECK_INT(s.outcome.code, -EIO);
	CHECK_INT(s.outcome.retry_after_ms, -1);
	CHECK(strstr(s.outcome.err.msg, "apt install") != NULL);
	pass(6000);
	paint(&s, &r);
	CHECK_INT(s.outcome.code, 0);
	unlink(path);
	buf_finish(&s.png);
}

static void kill_child(void *arg)
{
	CHECK(child_pid() != 0);
	kill(child_pid(), *(int *)arg);
}

/* Killed with one card on its way and one waiting: the first fails, the second has a new child. */
static void test_killed(void)
{
	static const int signals[] = {SIGKILL, SIGSEGV};
	struct shot one = {0}, two = {0};
	struct paint_request r = request("Killed");

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		int sig = signals[i];

		paint(&one, &r);
		one.answers = two.answers = 0;
		provider->ops->paint(provider, &r, painted, &one);
		loop_post(loop, kill_child, &sig);
		provider->ops->paint(provider, &r, painted, &two);
		while (!two.answers)
			loop_run(loop);
		CHECK_INT(one.answers, 1);
		CHECK_INT(one.outcome.code, -EIO);
		CHECK(strstr(one.outcome.err.msg, "painter") != NULL);
		CHECK_INT(one.outcome.retry_after_ms, 0);
		CHECK_INT(two.outcome.code, 0);
		check_chunks(&two.png);
	}
	buf_finish(&one.png);
	buf_finish(&two.png);
}

static void test_cancel(void)
{
	struct shot one = {0}, two = {0}, three = {0};
	struct paint_request r = request("Cancelled");

	struct provider_ticket *t1 = provider->ops->paint(provider, &r, painted, &one);
	struct provider_ticket *t2 = provider->ops->paint(provider, &r, painted, &two);
	provider->ops->paint(provider, &r, painted, &three);
	provider->ops->cancel(provider, t2);
	loop_post(loop, put_forward, &(int){0}); /* the first is on its way */
	loop_run(loop);
	provider->ops->cancel(provider, t1);
	while (!three.answers)
		loop_run(loop);
	CHECK(!one.answers && !two.answers);
	CHECK_INT(three.outcome.code, 0);
	buf_finish(&three.png);
}

static void analyzed(void *arg, const struct provider_outcome *outcome, struct analysis *a)
{
	struct shot *s = arg;

	s->answers++;
	CHECK(outcome->code == 0 && a && a->concept_count == 1);
	analysis_free(a);
	loop_stop(loop);
}

static void test_analyze(void)
{
	char text[] =
		"The sea was grey. A white ship lay at the quay. The sun sank behind the hill.\n";
	struct analyze_request r = {.text = text, .text_len = strlen(text), .scenes = 1};
	struct shot one = {0}, two = {0};

	struct provider_ticket *t = provider->ops->analyze(provider, &r, analyzed, &one);
	provider->ops->analyze(provider, &r, analyzed, &two);
	provider->ops->cancel(provider, t);
	memset(text, '!', sizeof(text) - 1); /* it was borrowed until cancel, and is not needed */
	while (!two.answers)
		loop_run(loop);
	CHECK_INT(one.answers, 0);
}

/* Freed with work on its way: no answer, no child left. */
static void test_free(void)
{
	struct shot s = {0};
	struct paint_request r = request("Freed");

	provider->ops->paint(provider, &r, painted, &s);
	loop_post(loop, put_forward, &(int){0});
	loop_run(loop);
	provider->ops->paint(provider, &r, painted, &s);
	provider = provider_free(provider);
	CHECK_INT(child_pid(), 0);
	pass(0);
	CHECK_INT(s.answers, 0);
}

static void begin(void)
{
	struct err err = {0};

	CHECK(loop_new(&loop, 1) == 0);
	CHECK(provider_builtin_new(&provider, loop, &err) == 0);
}

static void end(void)
{
	provider = provider_free(provider);
	loop = loop_free(loop);
}

/* A process that ends without a word: its painter reads the end of its input, and ends. */
static void test_parent_dies(void)
{
	int report[2], pid = 0, status;
	CHECK(pipe2(report, O_CLOEXEC) == 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct shot s = {0};
		struct paint_request r = request("Orphan");

		begin();
		paint(&s, &r);
		pid = child_pid();
		if (write(report[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		_exit(0);
	}
	CHECK(read(report[0], &pid, sizeof(pid)) == sizeof(pid) && pid > 0);
	CLEANUP(cleanup_close) int painter = (int)syscall(SYS_pidfd_open, pid, 0);
	waitpid(parent, &status, 0);
	/* ESRCH: it was quick. */
	if (painter >= 0)
		CHECK(poll(&(struct pollfd){painter, POLLIN, 0}, 1, 5000) == 1);
	close(report[0]);
	close(report[1]);
}

/* ---- children that are no painters: this program again, from a tree that has a false one */

static const struct {
	const char *script;
	int code;
	const char *reason;
} impostors[] = {
	{"head -c 20000000 /dev/zero", -EIO, "nonsense"},
	{"echo garbage that is no frame", -EIO, "nonsense"},
	{"printf 'BFP1\\0\\0\\0\\0\\6\\0\\0\\0no png'; cat >/dev/null", -EIO, "no picture"},
	{"printf 'BFP1\\0\\0\\0\\0\\0\\0\\0\\0'; cat >/dev/null", -EIO, "no picture"},
	{"printf 'BFP1\\0\\0\\0\\0\\377\\377\\377\\377'; cat >/dev/null", -EIO, "nonsense"},
	{"printf 'BFP1\\0\\0\\0\\0\\100\\0\\0\\0cut'", -EIO, "no answer"},
	{"printf 'BFP1\\1\\0\\0\\0\\0\\0\\0\\0and more'; cat >/dev/null", -EIO, "nonsense"},
	{"while dd bs=65536 count=1 of=/dev/null; do printf 'BFP1\\1\\0\\0\\0\\0\\0\\0\\0'; done",
	 -EIO, "no reason"},
	{"exit 3", -EIO, "exit status 3"},
	{"kill -SEGV $$", -EIO, "signal 11"},
	{"exec cat >/dev/null", -ETIMEDOUT, "30 s"},
	{NULL, -ENOENT, "cannot start"},
};

static void too_late(void *arg)
{
	ahead_ms += 30001;
}

static int act_impostor(size_t i)
{
	struct shot s = {0};
	struct paint_request r = request("False");

	begin();
	for (int round = 0; round < 2; round++) {
		provider->ops->paint(provider, &r, painted, &s);
		if (impostors[i].code == -ETIMEDOUT)
			loop_post(loop, too_late, NULL);
		loop_run(loop);
		CHECK_INT(s.answers, round + 1);
		CHECK_INT(s.outcome.code, impostors[i].code);
		CHECK(strstr(s.outcome.err.msg, impostors[i].reason) != NULL);
		if (!strstr(s.outcome.err.msg, impostors[i].reason))
			fprintf(stderr, "%zu: %s\n", i, s.outcome.err.msg);
		s.outcome.err.msg[0] = '\0';
	}
	end();
	CHECK(child_pid() == 0);
	return check_result();
}

static bool copy_self(const char *to)
{
	char part[65536];
	CLEANUP(cleanup_close) int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_close) int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	ssize_t n = -1;

	while (in >= 0 && out >= 0 && (n = read(in, part, sizeof(part))) > 0) {
		if (write(out, part, (size_t)n) != n)
			return false;
	}
	return n == 0;
}

static void run_impostor(const char *self, const char *script_path, size_t i)
{
	char number[16];
	int status = -1;

	unlink(script_path);
	if (impostors[i].script) {
		FILE *f = fopen(script_path, "we");
		CHECK(f != NULL);
		fprintf(f, "#!/bin/sh\n%s\n", impostors[i].script);
		fclose(f);
		chmod(script_path, 0700);
	}
	snprintf(number, sizeof(number), "%zu", i);
	pid_t pid = fork();
	if (pid == 0) {
		execl(self, self, "impostor", number, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	if (status)
		fprintf(stderr, "impostor %zu: status %d\n", i, status);
	CHECK_INT(status, 0);
}

static void test_impostors(void)
{
	char top[] = "/tmp/test_painter.XXXXXX", self[PATH_MAX], script[PATH_MAX], path[PATH_MAX];
	static const char *const folders[] = {"core", "core/providers", "tests", "tests/providers"};

	CHECK(mkdtemp(top) != NULL);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, folders[i]);
		CHECK(mkdir(path, 0700) == 0);
	}
	snprintf(self, sizeof(self), "%s/tests/providers/t", top);
	snprintf(script, sizeof(script), "%s/core/providers/bookfs-painter", top);
	CHECK(copy_self(self));
	for (size_t i = 0; i < ARRAY_LEN(impostors); i++)
		run_impostor(self, script, i);
	unlink(self);
	unlink(script);
	for (size_t i = ARRAY_LEN(folders); i--;) {
		snprintf(path, sizeof(path), "%s/%s", top, folders[i]);
		rmdir(path);
	}
	CHECK(rmdir(top) == 0);
}

int main(int argc, char **argv)
{
	log_open(LOG_TO_STDERR, LOG_LEVEL_ERROR);
	if (argc == 3 && !strcmp(argv[1], "impostor"))
		return act_impostor((size_t)atoi(argv[2]));
	test_parent_dies();
	begin();
	test_card();
	test_odd_cards();
	test_idle();
	test_no_font();
	test_killed();
	test_cancel();
	test_analyze();
	test_free();
	end();
	test_impostors();
	return check_result();
}
