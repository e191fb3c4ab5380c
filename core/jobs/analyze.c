/* SPDX-License-Identifier: MIT */
#include "pipeline.h"

static void answered(void *arg, const struct provider_outcome *outcome, struct analysis *a)
{
	struct task *t = arg;
	if (outcome->code < 0) {
		analysis_free(a);
		pipeline_fail(t, outcome);
		return;
	}
	t->analysis = a;
	pipeline_answer(t, outcome);
}

static void ask(struct task *t)
{
	const struct analyze_request request = {
		.book_title = t->book_title,
		.language = t->language,
		.chapter = t->job.chapter,
		.chapter_title = t->chapter_title,
		.text = buf_str(&t->text),
		.text_len = t->text.len,
		.scenes = t->scenes,
	};
	struct provider *p = t->pipeline->provider;
	t->ticket = p->ops->analyze(p, &request, answered, t);
}

static void begin(struct task *t, const struct book_chapter *c)
{
	struct provider_outcome no = {0};
	t->scenes =
		scenes_wanted((int64_t)c->page_count, t->pipeline->jobs->settings.pages_per_image);
	no.code = store_text(&t->text, store_reader(t->pipeline->jobs->store), t->job.text_id);
	if (no.code < 0)
		pipeline_fail(t, &no);
	else
		pipeline_ready(t);
}

static int store(struct store_tx *tx, void *arg, struct err *err)
{
	struct task *t = arg;
	const struct jobs *j = t->pipeline->jobs;
	struct result_info info = pipeline_result(t->pipeline);
	info.image_profile = j->lines[JOB_ILLUSTRATE].profile;
	info.only_wished = !j->settings.images;
	return tx_analysis_done(tx, t->job.id, t->analysis, &info);
}

const struct pipeline_ops analyze_ops = {
	.noun = "the analysis",
	.failed = EVENT_ANALYSIS_FAILED,
	.begin = begin,
	.ask = ask,
	.store = store,
};
