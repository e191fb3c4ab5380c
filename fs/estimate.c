/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

/*
 * `bookfs estimate`, which is `bookfs run --dry-run` too: what a run would take, without a request.
 * A book that has no store yet is read into one that is thrown away, as who only asks wants nothing
 * beside his book. A store that is there is brought up to date as a run would do.
 */

/* "7", "1-5", "front-1": where it ends; NULL: it is none of these. */
static const char *part_parse(int *from, int *to, const struct book *b, const char *p)
{
	size_t len = strcspn(p, ",");
	CLEANUP(cleanup_free) char *name = xstrndup(p, len);
	char *end;
	long first, last;

	if (book_chapter_named(from, b, name) == 0) {
		*to = *from;
		return p + len;
	}
	first = last = strtol(p, &end, 10);
	if (end != p && *end == '-') {
		p = end + 1;
		last = strtol(p, &end, 10);
	}
	if (end == p || (*end && *end != ',') || first < 1 || last < first ||
	    last > book_last_number(b))
		return NULL;
	*from = (int)first;
	*to = (int)last;
	return end;
}

int chapters_parse(bool *wanted, const struct book *b, const char *list, struct err *err)
{
	const char *p = list;
	int from, to;

	for (size_t i = 0; i < b->chapter_count; i++)
		wanted[i] = !list;
	while (p) {
		p = part_parse(&from, &to, b, p);
		if (!p)
			return err_set(err, -EINVAL,
				       "--chapters: \"%s\" names no chapters of 1 to %d (1-5,10)",
				       list, book_last_number(b));
		for (int n = from; n <= to; n++)
			wanted[n - 1] = true;
		p = *p ? p + 1 : NULL;
	}
	return 0;
}

static int limit_parse(int *limit, const char *word, struct err *err)
{
	char *end;
	long n = strtol(word, &end, 10);

	if (!*word || *end || n < 0 || n > 1000000)
		return err_set(err, -EINVAL, "--limit: a number of pictures, not \"%s\"", word);
	*limit = (int)n;
	return 0;
}

int run_wish_take(struct run_wish *w, struct options *o, const struct strv *chapters,
		  const struct strv *limits, bool no_images, struct err *err)
{
	int r = options_complete(o, err);

	if (chapters->len)
		w->chapters = chapters->items[chapters->len - 1];
	if (r == 0 && limits->len)
		r = limit_parse(&w->limit, limits->items[limits->len - 1], err);
	if (no_images || (w->limit < 0 && o->illustrate == ILLUSTRATE_ASK))
		o->images = IMAGES_OFF;
	if (o->images == IMAGES_APPROVE) /* those that were approved are asked for already */
		w->limit = 0;
	if (w->limit >= 0)
		o->illustrate = ILLUSTRATE_ASK;
	return r;
}

/* ---- words */

/* "850", "12 k", "1.2 M": nobody needs to know it better. */
static void words_of_count(struct buf *out, int64_t n)
{
	if (n < 1000)
		buf_addf(out, "%lld", (long long)n);
	else if (n < 999500)
		buf_addf(out, "%lld k", (long long)(n + 500) / 1000);
	else
		buf_addf(out, "%.1f M", (double)n / 1e6);
}

void words_of_cost(struct buf *out, int64_t micro)
{
	if (micro && micro < 100000)
		buf_addf(out, "%.4f", (double)micro / 1e6);
	else
		buf_addf(out, "%.2f", (double)micro / 1e6);
}

void words_of_usage(struct buf *out, int64_t tokens, int64_t cost_micro)
{
	if (tokens) {
		words_of_count(out, tokens);
		buf_adds(out, " tokens");
	}
	if (cost_micro) {
		buf_adds(out, tokens ? ", cost " : "cost ");
		words_of_cost(out, cost_micro);
	}
}

static int64_t tokens_of(const struct estimate *e)
{
	return e->text.tokens_in + e->text.tokens_out + e->image.tokens_in + e->image.tokens_out;
}

void words_of_estimate(struct buf *out, const struct estimate *e)
{
	int text = e->text.requests, image = e->image.requests;

	if (e->unsure)
		buf_adds(out, "up to ");
	if (text && image)
		buf_addf(out, "%d + %d requests", text, image);
	else
		buf_addf(out, "%d %s", text + image, text + image == 1 ? "request" : "requests");
	if (tokens_of(e) || e->cost_micro)
		buf_adds(out, ", about ");
	words_of_usage(out, tokens_of(e), e->cost_micro);
}

static bool has_prices(const struct server *s)
{
	return s->prices.per_million_in || s->prices.per_million_out || s->prices.per_image;
}

bool costs_unknown(const struct options *o)
{
	return (server_costs(&o->text_server) && !has_prices(&o->text_server)) ||
	       (server_costs(&o->image_server) && !has_prices(&o->image_server));
}

/* ---- answers */

static void answer_text(const struct estimate *e, const struct options *o)
{
	CLEANUP(buf_finish) struct buf words = {0};

	if (!e->chapters && !e->pictures && !e->errands) {
		puts("all is done");
		return;
	}
	printf("%d chapters to analyse, %d pictures to paint", e->chapters, e->pictures);
	if (e->errands)
		printf(", %s%d request%s besides", e->unsure ? "up to " : "", e->errands,
		       e->errands == 1 ? "" : "s");
	putchar('\n');
	if (!e->text.requests && !e->image.requests) {
		puts("no server is asked");
		return;
	}
	words_of_estimate(&words, e);
	printf("%s%s\n", buf_str(&words),
	       costs_unknown(o) ? "; prices=IN:OUT, of a million tokens, would say what they cost"
				: "");
}

static void add_usage(cJSON *json, const char *name, int jobs, const struct usage *u)
{
	cJSON *part = cJSON_AddObjectToObject(json, name);

	cJSON_AddNumberToObject(part, "count", jobs);
	cJSON_AddNumberToObject(part, "requests", u->requests);
	cJSON_AddNumberToObject(part, "tokensIn", (double)u->tokens_in);
	cJSON_AddNumberToObject(part, "tokensOut", (double)u->tokens_out);
}

static void answer_json(const struct estimate *e, const struct options *o)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	add_usage(json, "chapters", e->chapters, &e->text);
	add_usage(json, "pictures", e->pictures, &e->image);
	cJSON_AddNumberToObject(json, "besides", e->errands);
	cJSON_AddNumberToObject(json, "unsure", e->unsure);
	cJSON_AddNumberToObject(json, "requests", e->text.requests + e->image.requests);
	cJSON_AddNumberToObject(json, "tokens", (double)tokens_of(e));
	cJSON_AddItemToObject(json, "cost",
			      costs_unknown(o) ? cJSON_CreateNull()
					       : cJSON_CreateNumber((double)e->cost_micro / 1e6));
	text = cJSON_Print(json);
	puts(text ? text : "null");
	free(text);
	cJSON_Delete(json);
}

/* ---- a store to throw away */

static char *folder_free(char *folder)
{
	DIR *d = folder ? opendir(folder) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	if (folder)
		rmdir(folder);
	free(folder);
	return NULL;
}
DEFINE_CLEANUP(char, folder_free)

/* *folder is owned: NULL if the book has a store. Where none could be kept there is none. */
static int use_folder(char **folder, struct options *o, struct err *err)
{
	CLEANUP(cleanup_free) char *path = NULL, *note = NULL;
	const char *parent = getenv("TMPDIR");
	char *made;
	int r = store_locate(&path, &note, o->book, o->store, err);

	if (r < 0 && r != -EROFS && r != -EACCES)
		return r;
	if (r == 0 && access(path, F_OK) == 0)
		return 0;
	made = xasprintf("%s/bookfs-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(made)) {
		r = err_set(err, -errno, "%s: %s", made, strerror(errno));
		free(made);
		return r;
	}
	*folder = made;
	free(o->store);
	o->store = xasprintf("%s/store", made);
	return 0;
}

/* ---- the command */

static int count(struct estimate *out, struct engine *e, const struct options *o,
		 const struct run_wish *w, struct err *err)
{
	CLEANUP(cleanup_free) bool *wanted = NULL;
	CLEANUP(book_free_cleanup) struct book *book = NULL;
	struct estimate_scope scope = {.images = o->images == IMAGES_AUTO && w->limit != 0,
				       .most = w->limit > 0 ? w->limit : 0};
	struct store_reader *r = store_reader(e->store);
	int code = store_book(&book, r);

	if (code < 0)
		return err_set(err, code, "the store: %s", store_reason(r, code));
	scope.chapters = wanted = xcalloc(book->chapter_count + 1, sizeof(*wanted));
	code = chapters_parse(wanted, book, w->chapters, err);
	return code < 0 ? code : jobs_estimate(out, e->jobs, &scope, err);
}

int estimate_book(struct options *o, const struct run_wish *w)
{
	CLEANUP(folder_free_cleanup) char *folder = NULL;
	CLEANUP(engine_close_cleanup) struct engine *e = NULL;
	struct estimate estimate = {0};
	struct err err = {0};
	int r = use_folder(&folder, o, &err);

	if (r == 0)
		r = engine_open(&e, o, ENGINE_WORK, &err);
	if (r == 0)
		r = count(&estimate, e, o, w, &err);
	if (r < 0) {
		say_failed(&err);
		return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	if (w->json)
		answer_json(&estimate, o);
	else
		answer_text(&estimate, o);
	return EXIT_DONE;
}

static int run_estimate(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(strv_finish) struct strv chapters = {0}, limits = {0};
	CLEANUP(cleanup_free) char *book = NULL;
	struct run_wish w = {.limit = -1};
	bool no_images = false;
	const struct flag flags[] = {
		{"--chapters", .values = &chapters},
		{"--limit", .values = &limits},
		{"--no-images", .on = &no_images},
		{"--json", .on = &w.json},
		{"--store", .take = options_store, .options = &o},
		{"--options", "-o", .take = options_parse, .options = &o},
	};
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse_one(&book, "one book: bookfs estimate BOOK", c, flags, ARRAY_LEN(flags),
			    argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (run_wish_take(&w, &o, &chapters, &limits, no_images, &err) < 0)
		return say_usage(c, "%s", err.msg);
	if (options_book(&o, book, &err) < 0)
		return say_failed(&err);
	signals_block(); /* what is to be thrown away is not left behind */
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	return estimate_book(&o, &w);
}

const struct command command_estimate = {
	.name = "estimate",
	.usage = "bookfs estimate [--chapters 1-5,10] [--limit N] [--no-images] [--json]\n"
		 "                [--store PATH] [-o OPTION,...] BOOK",
	.summary = "BOOK: what the rest of the book would take",
	.help = "Says how many requests, about how many tokens, and where prices are given what\n"
		"cost a bookfs run with the same options would take. No server is asked, and a\n"
		"book that has no store gets none.\n"
		"\n"
		"    --chapters 1-5,10     only these\n"
		"    --limit N             at most N pictures\n"
		"    --no-images           no pictures\n"
		"    --json                as JSON\n"
		"    --store PATH, -o ...  as for run\n",
	.run = run_estimate,
};
