/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <string.h>

/*
 * The append-only files: progress*.md and events.log. Each is the events, in order, one after the
 * other; what is rendered once is never rendered otherwise, so that `tail -f` can follow. Within
 * one import, that is: another import begins a new file.
 */

#define BATCH_EVENTS 1024

enum mark { MARK_NONE, MARK_INFO, MARK_DONE, MARK_WARNING, MARK_FAILED };
static const char *const marks[] = {
	[MARK_INFO] = "ℹ️", [MARK_DONE] = "✅", [MARK_WARNING] = "⚠️", [MARK_FAILED] = "❌"};

enum half { HALF_BOTH, HALF_ANALYZE, HALF_ILLUSTRATE };

/* How an event reads. %C is the chapter with its title, %I the picture's id, %D the detail. What
 * stands in [] is left out where the event does not have it. */
static const struct {
	enum mark mark;
	enum half half; /* HALF_BOTH: by whether it names a picture */
	const char *text;
	const char *of_book; /* where it is no chapter's; NULL: the same */
} lines[EVENT_TYPES] = {
	[EVENT_ANALYSIS_STARTED] = {MARK_INFO, HALF_ANALYZE, "Analyzing %C"},
	[EVENT_CONCEPTS_READY] = {MARK_DONE, HALF_ANALYZE,
				  "Completed %C[ - Found %D visual concepts]"},
	[EVENT_ANALYSIS_FAILED] = {MARK_FAILED, HALF_ANALYZE, "Failed %C[ - %D]"},
	[EVENT_IMAGE_STARTED] = {MARK_INFO, HALF_ILLUSTRATE, "Drawing %I of %C"},
	[EVENT_IMAGE_COMPLETE] = {MARK_DONE, HALF_ILLUSTRATE, "Drew %I of %C[ - images/%D]"},
	[EVENT_IMAGE_FAILED] = {MARK_FAILED, HALF_ILLUSTRATE, "Failed %I of %C[ - %D]"},
	[EVENT_REFUSED] = {MARK_WARNING, HALF_BOTH, "Refused[ %I of] %C[ - %D]"},
	[EVENT_WAITING] = {MARK_WARNING, HALF_BOTH, "Waiting with[ %I of] %C[ - %D]"},
	[EVENT_BUDGET_SPENT] = {MARK_WARNING, HALF_BOTH, "The budget is spent[ - %D]"},
	[EVENT_OUTDATED] = {MARK_INFO, HALF_ANALYZE, "Outdated: %C[ - %D]"},
	[EVENT_EDITED] = {MARK_INFO, HALF_ANALYZE, "Edited by a person: %C[ - %D]",
			  "Edited by a person[: %D]"},
	[EVENT_IMPORTED] = {MARK_INFO, HALF_BOTH, "The book was imported[ - %D]"},
	[EVENT_PAUSED] = {MARK_WARNING, HALF_BOTH, "Paused"},
	[EVENT_RESUMED] = {MARK_INFO, HALF_BOTH, "Resumed"},
	[EVENT_BUDGET_RAISED] = {MARK_INFO, HALF_BOTH, "The budget was raised"},
	[EVENT_SERVER_WAITS] = {MARK_WARNING, HALF_BOTH, "A server is left alone[ - %D]"},
	[EVENT_CAST_SETTLED] = {MARK_DONE, HALF_BOTH,
				"Who of the cast is one with whom is settled"},
	[EVENT_FAILED] = {MARK_FAILED, HALF_BOTH, "Failed[ - %D]"},
};

/* ---- one event */

int view_event(struct buf *out, const struct store_event *e)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "seq", (double)e->seq);
	cJSON_AddItemToObject(json, "time", view_json_time(e->time_unix_ms));
	cJSON_AddStringToObject(json, "event", store_event_name(e->type));
	if (e->chapter)
		cJSON_AddNumberToObject(json, "chapter", e->chapter);
	if (e->id)
		cJSON_AddStringToObject(json, "id", e->id);
	if (e->provider)
		cJSON_AddStringToObject(json, "provider", e->provider);
	if (e->detail)
		cJSON_AddStringToObject(json, "detail", e->detail);
	char *text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!text)
		return -ENOMEM;
	buf_adds(out, text);
	cJSON_free(text);
	return buf_addc(out, '\n');
}

static void add_chapter(struct buf *out, const struct views *v, int chapter)
{
	const struct book_chapter *c = views_chapter(v, chapter);
	if (!c)
		buf_adds(out, "a text the book no longer has");
	else
		buf_addf(out, c->title[0] ? "Chapter %d: %s" : "Chapter %d", chapter, c->title);
}

static bool has(const struct store_event *e, char what)
{
	return what == 'C' || (what == 'I' ? e->id : e->detail) != NULL;
}

static void add_part(struct buf *out, const struct views *v, const struct store_event *e, char what)
{
	if (what == 'C')
		add_chapter(out, v, e->chapter);
	else if (has(e, what))
		buf_adds(out, what == 'I' ? e->id : e->detail);
}

static void add_text(struct buf *out, const struct views *v, const struct store_event *e,
		     const char *p)
{
	for (; *p; p++) {
		if (*p == '[' && !has(e, strchr(p, '%')[1]))
			p = strchr(p, ']');
		else if (*p == '%')
			add_part(out, v, e, *++p);
		else if (*p != '[' && *p != ']')
			buf_addc(out, *p);
	}
}

static bool is_of(const struct store_event *e, enum half half)
{
	enum half own = lines[e->type].half;
	if (half == HALF_BOTH)
		return true;
	if (own == HALF_BOTH && e->chapter)
		own = e->id ? HALF_ILLUSTRATE : HALF_ANALYZE;
	return own == HALF_BOTH || own == half;
}

/* ---- the files */

struct writing {
	struct views *v;
	struct buf out;
	enum kind kind;
	int64_t seq;
	int64_t until;
};

static const enum half halves[KINDS] = {
	[KIND_PROGRESS] = HALF_BOTH,
	[KIND_PROGRESS_ANALYZE] = HALF_ANALYZE,
	[KIND_PROGRESS_ILLUSTRATE] = HALF_ILLUSTRATE,
};

static int add_entry(void *arg, const struct store_event *e)
{
	struct writing *w = arg;
	char time[ISO_TIME_BYTES];
	if (e->seq > w->until)
		return 1;
	w->seq = e->seq;
	if (w->kind == KIND_EVENTS_LOG)
		return view_event(&w->out, e);
	if ((unsigned)e->type >= EVENT_TYPES || !lines[e->type].mark || !is_of(e, halves[w->kind]))
		return 0;
	clock_iso(time, e->time_unix_ms);
	buf_addf(&w->out, "**[%s]** %s ", time, marks[lines[e->type].mark]);
	bool of_book = !e->chapter && lines[e->type].of_book;
	add_text(&w->out, w->v, e, of_book ? lines[e->type].of_book : lines[e->type].text);
	return buf_adds(&w->out, "\n\n");
}

static int first_time(void *arg, const struct store_event *e)
{
	*(int64_t *)arg = e->time_unix_ms;
	return 1;
}

static int add_head(struct writing *w)
{
	char started[ISO_TIME_BYTES];
	int64_t first_unix_ms = w->v->imported_unix_ms;
	if (w->kind == KIND_EVENTS_LOG)
		return 0;
	int err = store_events(w->v->reader, 0, 1, first_time, &first_unix_ms);
	if (err < 0)
		return err;
	clock_iso(started, first_unix_ms);
	buf_adds(&w->out, "# Illustrate Progress Report\n\n**Book:** ");
	buf_adds(&w->out, w->v->book->title);
	return buf_addf(&w->out,
			"\n**Started:** %s\n**Total Chapters:** %zu\n\n---\n\n## Progress Log\n\n",
			started, views_chapters(w->v));
}

static int add_entries(struct writing *w)
{
	while (w->seq < w->until) {
		int64_t before = w->seq;
		int err = store_events(w->v->reader, w->seq, BATCH_EVENTS, add_entry, w);
		if (err < 0)
			return err;
		if (w->seq == before)
			break;
	}
	return buf_error(&w->out);
}

static struct growing *growing_of(struct views *v, enum kind kind)
{
	return &v->growing[kind == KIND_EVENTS_LOG ? 0 : 1 + (kind - KIND_PROGRESS)];
}

static void growing_drop(struct views *v, struct growing *g)
{
	if (g->entry)
		cache_entry_release(v, g->entry);
	*g = (struct growing){0};
}

void growing_clear(struct views *v)
{
	for (size_t i = 0; i < ARRAY_LEN(v->growing); i++)
		growing_drop(v, &v->growing[i]);
}

/* What is held by readers stays as it is; the longer one is another content. */
static int grow(struct growing *g, struct views *v, const struct ref *ref)
{
	struct writing w = {.v = v, .kind = ref->kind, .seq = g->seq, .until = v->seq};
	int err = g->entry ? buf_add(&w.out, g->entry->content.data, g->entry->content.len)
			   : add_head(&w);
	if (err == 0)
		err = add_entries(&w);
	if (err < 0) {
		buf_finish(&w.out);
		return err;
	}
	size_t len;
	char *data = buf_steal(&w.out, &len);
	struct entry *longer = cache_entry_new(ref_node(ref), data, len,
					       views_stamp(v, TOPIC_ANY, 0).time_unix_ms);
	longer->content.refs = 1;
	growing_drop(v, g);
	*g = (struct growing){.entry = longer, .seq = v->seq, .generation = v->generation};
	return 0;
}

int growing_content(struct entry **out, struct views *v, const struct ref *ref)
{
	struct growing *g = growing_of(v, ref->kind);
	if (g->entry && g->generation != v->generation)
		growing_drop(v, g);
	if (!g->entry || g->seq < v->seq) {
		int err = grow(g, v, ref);
		if (err < 0)
			return err;
	}
	*out = g->entry;
	return 0;
}

int growing_detail(struct view_attr *attr, struct views *v, struct ref *ref)
{
	ref->version = version_of(v->generation);
	return 0;
}

int growing_size(uint64_t *size_bytes, struct views *v, const struct ref *ref)
{
	struct entry *e;
	int err = growing_content(&e, v, ref);
	if (err == 0)
		*size_bytes = e->content.len;
	return err;
}
