/* SPDX-License-Identifier: MIT */
#include "preparation.h"

#include <string.h>

/* The portrait of somebody or something: by the look line that all its pictures have. */

/* A card says what the line says behind the name; beside it, the book's own words. */
static void sit(struct task *t, const struct catalogue_entry *e)
{
	static const char said[] = ": ";
	const char *facts = strstr(e->look, said);
	analysis_free(t->analysis); /* of the round before */
	t->analysis = analysis_new();
	struct concept *c = analysis_add_concept(t->analysis);
	const char *quote = e->look_count	  ? e->looks[0].quote->text
			    : e->appearance_count ? e->appearances[0].quote->text
						  : "";
	analysis_set(&c->description, facts ? facts + strlen(said) : e->name);
	analysis_set(&c->quote.text, quote);
	strv_add(&c->elements, e->name);
	free(t->chapter_title);
	t->chapter_title = xstrdup(e->name);
	t->looks[0] = e->look_id;
	t->look_count = 1;
}

static int find(size_t *entry, const struct catalogue **c, struct preparation *p, struct err *err)
{
	int rc = preparation_reader(p, err);
	if (rc < 0)
		return rc;
	rc = store_cast_catalogue(c, p->cast->kept, p->cast->reader);
	if (rc < 0)
		return err_set(err, rc, "the cast cannot be read: %s", strerror(-rc));
	*entry = errand_sitter(*c, p->task->job.subject);
	return *entry == NO_ENTRY ? err_set(err, -ENOENT, "nobody is called so any more") : 0;
}

static int prepare(struct preparation *p, struct err *err)
{
	CLEANUP(buf_finish) struct buf style = {0};
	const struct catalogue *c = NULL;
	struct task *t = p->task;
	size_t entry = NO_ENTRY;
	int rc = find(&entry, &c, p, err);
	if (rc == 0)
		rc = preparation_looks(p, c, &entry, 1, err);
	if (rc < 0 || p->look_count)
		return rc;
	rc = store_style(&style, &t->style, p->cast->reader);
	if (rc < 0)
		return err_set(err, rc, "the style cannot be read: %s", strerror(-rc));
	sit(t, &c->entries[entry]);
	return prompt_portrait(&t->prompt, &(struct portrait_prompt){
						   .book_title = t->book_title,
						   .entry = &c->entries[entry],
						   .style = buf_str(&style),
						   .most_bytes = p->limits.prompt_bytes,
					   });
}

static void ask(struct task *t)
{
	const struct jobs_settings *s = &t->pipeline->jobs->settings;
	const struct paint_request request = {
		.book_title = t->book_title,
		.chapter_title = t->chapter_title,
		.concept = &t->analysis->concepts[0],
		.prompt = buf_str(&t->prompt),
		.width_px = s->image_width_px,
		.height_px = s->image_height_px,
	};
	struct provider *p = t->pipeline->provider;
	t->ticket = p->ops->paint(p, &request, paint_answered, t);
}

static int store(struct store_tx *tx, void *arg, struct err *err)
{
	struct task *t = arg;
	struct result_info info = pipeline_result(t->pipeline);
	const struct bytes bytes = {t->picture.data, t->picture.len, t->ext};
	info.prompt = buf_str(&t->prompt);
	return tx_portrait_done(tx, t->job.id, &bytes, &info);
}

const struct pipeline_ops portrait_ops = {
	.noun = "the portrait",
	.failed = EVENT_FAILED,
	.begin = preparation_begin,
	.prepare = prepare,
	.ask = ask,
	.store = store,
};
