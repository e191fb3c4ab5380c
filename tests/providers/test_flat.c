/* SPDX-License-Identifier: MIT */
/*
 * Thousands of requests, of which each third fails in another way and some are cancelled: memory
 * and descriptors are what they were after the first of them.
 *
 *     test_flat [--full]    10,000 requests instead of some hundred; prints what it measured
 */
#include "check.h"
#include "providers.h"
#include "server.h"

#include <dirent.h>
#include <malloc.h>
#include <string.h>

enum { AT_ONCE = 8, SOME = 600, MANY = 10000, CANCEL_EACH = 50, KEPT_KB = 256 };

static struct server server;
static struct loop *loop;
static struct provider *providers[2]; /* by enum provider_role */
static int begun, ended, good, wanted, open;

static const char chapter[] =
	"The old lighthouse stood white against the black sky above the harbour.\n\n"
	"Captain Morrow lifted the brass lantern and went down the narrow stone stair.\n";

static void begin(void);

static void one_less(const struct provider_outcome *o)
{
	good += o->code == 0;
	ended++;
	open--;
	begin();
}

static void analyzed(void *arg, const struct provider_outcome *o, struct analysis *a)
{
	analysis_free(a);
	one_less(o);
}

static void painted(void *arg, const struct provider_outcome *o, const void *data, size_t len,
		    const char *ext)
{
	one_less(o);
}

static struct provider_ticket *ask(enum provider_role role)
{
	static const struct analyze_request read = {.book_title = "The Light",
						    .language = "en",
						    .chapter = 1,
						    .chapter_title = "One",
						    .text = chapter,
						    .text_len = sizeof(chapter) - 1,
						    .scenes = 1};
	static const struct paint_request draw = {.book_title = "The Light",
						  .chapter_title = "One",
						  .chapter = 1,
						  .scene = 1,
						  .prompt = "A lighthouse.",
						  .width_px = 64,
						  .height_px = 64};
	struct provider *p = providers[role];
	return role == ROLE_TEXT ? p->ops->analyze(p, &read, analyzed, NULL)
				 : p->ops->paint(p, &draw, painted, NULL);
}

static void begin(void)
{
	while (open < AT_ONCE && begun < wanted) {
		enum provider_role role = begun & 1 ? ROLE_IMAGE : ROLE_TEXT;
		struct provider_ticket *t = ask(role);
		begun++;
		if (begun % CANCEL_EACH) {
			open++;
			continue;
		}
		providers[role]->ops->cancel(providers[role], t);
		ended++;
	}
	if (!open)
		loop_stop(loop);
}

static void run(int count)
{
	wanted = begun + count;
	begin();
	loop_run(loop);
	CHECK_INT(ended, begun);
}

/* ---- what there is */

static int descriptors(void)
{
	int count = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

static long resident_kb(void)
{
	long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%ld %ld", &pages, &resident) != 2)
		exit(2);
	fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static long heap_kb(void)
{
	struct mallinfo2 m =
		mallinfo2(); /* nothing but zeros under a sanitizer, which looks itself */
	return (long)((m.uordblks + m.hblkhd) / 1024);
}

static struct provider *provider_for(enum provider_role role)
{
	CLEANUP(cleanup_free)
	char *url = xasprintf("http://127.0.0.1:%d/faulty/v1", server.port);
	const struct server_settings s = {.preset = provider_preset("openai"),
					  .base_url = url,
					  .model = "m",
					  .slots = AT_ONCE,
					  .timeout_ms = 30000,
					  .temperature = -1,
					  .seed = -1};
	struct provider *p = NULL;
	struct err err = {0};
	if (provider_server_new(&p, loop, role, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	return p;
}

int main(int argc, char **argv)
{
	bool full = argc > 1 && !strcmp(argv[1], "--full");
	int count = full ? MANY : SOME, before = descriptors();
	server_start(&server);
	if (loop_new(&loop, 2) < 0)
		return 1;
	for (int role = 0; role < 2; role++)
		providers[role] = provider_for(role);
	run(count / 4);
	long heap = heap_kb(), resident = resident_kb();
	for (int part = 0; part < 3; part++) {
		run(count / 4);
		int fds = descriptors();
		if (full)
			printf("%d asked, %d good: heap %ld KB, resident %ld KB, %d descriptors\n",
			       ended, good, heap_kb(), resident_kb(), fds);
		CHECK(heap_kb() - heap <= KEPT_KB);
		CHECK(fds - before <=
		      2 * AT_ONCE + 8); /* connections that are kept, and the loop's */
	}
	CHECK(good > count / 3 && good < count);
	if (full && heap)
		CHECK(resident_kb() - resident <= 1024);
	for (int role = 0; role < 2; role++)
		providers[role] = provider_free(providers[role]);
	loop = loop_free(loop);
	server_end(&server);
	CHECK_INT(descriptors(), before);
	return check_result();
}
