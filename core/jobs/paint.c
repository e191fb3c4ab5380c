/* SPDX-License-Identifier: MIT */
#include "preparation.h"

#include <string.h>

/* A picture of a scene: its prompt is made in the pool (preparation.h), then it is asked for. */

enum { AROUND_BYTES = 600 };

static const struct concept *concept_of(const struct task *t)
{
	return analysis_scene(t->source.analysis, t->job.scene);
}

/* The concept must still be the one that was asked for: a newer analysis has others. */
static int concept_find(struct task *t, struct store_reader *r, struct err *err)
{
	store_analysis_finish(&t->source); /* of the round before */
	int rc = store_analysis(&t->source, r, t->job.chapter, true);
	if (rc < 0)
		return err_set(err, rc, "the scene's analysis cannot be read: %s", strerror(-rc));
	const struct concept *scene = concept_of(t);
	if (!scene || t->job.concept != t->source.serials[scene - t->source.analysis->concepts])
		return err_set(err, -ESTALE, "a newer analysis has replaced this scene");
	return 0;
}

/* What stands AROUND_BYTES before and behind the passage, cut at characters; nothing where the
 * passage is not in the text. */
static int read_around(struct buf *out, const struct task *t, struct store_reader *r)
{
	const struct quote *q = &concept_of(t)->quote;
	int rc = q->offset == QUOTE_NOT_FOUND ? -ENOENT : store_text(out, r, t->job.text_id);
	if (rc < 0 || q->offset > out->len || q->len > out->len - q->offset)
		return rc == -ENOENT ? 0 : rc;
	size_t from = q->offset > AROUND_BYTES ? q->offset - AROUND_BYTES : 0;
	size_t end = q->offset + q->len + AROUND_BYTES;
	end = end < out->len ? end : out->len;
	while (from > 0 && ((unsigned char)out->data[from] & 0xc0) == 0x80)
		from--;
	while (end < out->len && ((unsigned char)out->data[end] & 0xc0) == 0x80)
		end++;
	memmove(out->data, out->data + from, end - from);
	out->len = end - from;
	out->data[out->len] = '\0';
	return 0;
}

/* What goes into a prompt, as the store is now. */
struct material {
	const struct catalogue *catalogue; /* the cast's */
	struct buf around, style;
	int64_t style_id;
};

static void material_finish(struct material *m)
{
	buf_finish(&m->around);
	buf_finish(&m->style);
}

static int material_read(struct material *m, struct task *t, struct cast *c, struct err *err)
{
	int rc = concept_find(t, c->reader, err);
	if (rc < 0)
		return rc;
	rc = store_cast_catalogue(&m->catalogue, c->kept, c->reader);
	if (rc == 0)
		rc = read_around(&m->around, t, c->reader);
	if (rc == 0)
		rc = store_style(&m->style, &m->style_id, c->reader);
	return rc < 0 ? err_set(err, rc, "the cast cannot be read: %s", strerror(-rc)) : 0;
}

static int material_take(struct material *m, struct preparation *p, struct err *err)
{
	struct cast *c = p->cast;
	int rc = preparation_reader(p, err);
	if (rc < 0)
		return rc;
	rc = store_snapshot_begin(c->reader);
	if (rc < 0)
		return err_set(err, rc, "the store cannot be read: %s", strerror(-rc));
	rc = material_read(m, p->task, c, err);
	store_snapshot_end(c->reader);
	return rc;
}

/* Of whom the prompt had no room to tell, the picture is none. */
static void looks_keep_told(struct task *t, const struct scene_prompt *scene)
{
	const struct catalogue *cast = scene->catalogue;
	t->look_count = 0;
	for (size_t i = 0; cast && i < scene->present_count; i++) {
		const struct catalogue_entry *e = &cast->entries[scene->present[i]];
		if (strstr(buf_str(&t->prompt), e->look))
			t->looks[t->look_count++] = e->look_id;
	}
}

static int prepare(struct preparation *p, struct err *err)
{
	CLEANUP(material_finish) struct material m = {0};
	size_t present[SCENE_ELEMENTS];
	struct task *t = p->task;
	const struct paint_limits *limits = &p->limits;
	int rc = material_take(&m, p, err);
	if (rc < 0)
		return rc;
	struct scene_prompt scene = {
		.book_title = t->book_title,
		.chapter_title = t->chapter_title,
		.chapter = t->job.chapter,
		.scene = t->job.scene,
		.concept = concept_of(t),
		.catalogue = m.catalogue,
		.around = buf_str(&m.around),
		.around_len = m.around.len,
		.style = buf_str(&m.style),
		.present = present,
		.most_bytes = limits->prompt_bytes,
		.instructions = p->jobs->settings.picture_words,
	};
	scene.present_count = scene_present(present, &scene);
	t->style = m.style_id;
	rc = preparation_looks(p, m.catalogue, present, scene.present_count, err);
	if (rc < 0 || p->look_count)
		return rc;
	rc = likenesses_read(&t->likenesses, p->cast->reader, &scene, limits);
	if (rc < 0)
		return err_set(err, rc, "the portraits cannot be read: %s", strerror(-rc));
	const char *pictured[SCENE_ELEMENTS];
	for (size_t i = 0; i < t->likenesses.count; i++)
		pictured[i] = t->likenesses.items[i].name;
	scene.pictured = pictured;
	scene.pictured_count = t->likenesses.count;
	rc = prompt_scene(&t->prompt, &scene);
	if (rc == 0)
		looks_keep_told(t, &scene);
	return rc;
}

void paint_answered(void *arg, const struct provider_outcome *outcome, const void *data, size_t len,
		    const char *ext)
{
	struct task *t = arg;
	struct provider_outcome failed = *outcome;
	if (failed.code == 0 && buf_add(&t->picture, data, len) < 0)
		failed.code = err_set(&failed.err, buf_error(&t->picture),
				      "the picture is too large: %zu bytes", len);
	if (failed.code < 0) {
		pipeline_fail(t, &failed);
		return;
	}
	for (size_t i = 0; i + 1 < sizeof(t->ext) && ext[i]; i++)
		t->ext[i] = ext[i];
	pipeline_answer(t, outcome);
}

static void ask(struct task *t)
{
	const struct jobs_settings *s = &t->pipeline->jobs->settings;
	const struct paint_request request = {
		.book_title = t->book_title,
		.chapter_title = t->chapter_title,
		.chapter = t->job.chapter,
		.scene = t->job.scene,
		.concept = concept_of(t),
		.prompt = buf_str(&t->prompt),
		.width_px = s->image_width_px,
		.height_px = s->image_height_px,
		.references = t->likenesses.items,
		.reference_count = t->likenesses.count,
	};
	struct provider *p = t->pipeline->provider;
	t->ticket = p->ops->paint(p, &request, paint_answered, t);
}

static int store(struct store_tx *tx, void *arg, struct err *err)
{
	struct task *t = arg;
	struct result_info info = pipeline_result(t->pipeline);
	info.prompt = buf_str(&t->prompt);
	info.looks = t->looks;
	info.look_count = t->look_count;
	info.style = t->style;
	return tx_picture_done(tx, t->job.id, t->picture.data, t->picture.len, t->ext, &info);
}

const struct pipeline_ops paint_ops = {
	.noun = "the picture",
	.failed = EVENT_IMAGE_FAILED,
	.begin = preparation_begin,
	.prepare = prepare,
	.ask = ask,
	.store = store,
	.idle = preparation_idle,
};
