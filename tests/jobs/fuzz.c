/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "fuzz.h"

/* Of the four parts one is raised, by what can be written again. */
static void put_raise(struct buf *out, const struct ctl_command *c)
{
	const struct budget *b = &c->raise;
	const struct {
		const char *name;
		int64_t by;
	} parts[] = {{"requests", b->requests}, {"tokens", b->tokens}, {"images", b->images}};
	int raised = b->cost_micro > 0;

	if (raised)
		buf_addf(out, " +%lld.%06lld cost", (long long)(b->cost_micro / 1000000),
			 (long long)(b->cost_micro % 1000000));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		FUZZ_HOLDS(parts[i].by >= 0);
		raised += parts[i].by > 0;
		if (parts[i].by)
			buf_addf(out, " +%lld%s%s", (long long)parts[i].by, c->any_part ? "" : " ",
				 c->any_part ? "" : parts[i].name);
	}
	FUZZ_HOLDS(raised == (c->verb == CTL_BUDGET));
	FUZZ_HOLDS(!c->any_part || b->requests);
}

/* Whose chapters, or scene of one. */
static void put_place(struct buf *out, const struct ctl_command *c)
{
	FUZZ_HOLDS(c->chapter >= 0 && c->scene >= 0 && (c->chapter || !c->scene));
	FUZZ_HOLDS(!c->matter[0] || !c->chapter);
	if (c->scene)
		buf_addf(out, " ch%d_scene%d", c->chapter, c->scene);
	else if (c->matter[0])
		buf_addf(out, " %s", c->matter);
	else if (c->chapter)
		buf_addf(out, " %d", c->chapter);
	else
		buf_adds(out, " all");
}

/* Its file, so that what a name ends in stays of the name. */
static void put_element(struct buf *out, const struct ctl_command *c, const char *ending)
{
	FUZZ_HOLDS(*c->name);
	if (!c->any_type)
		buf_addf(out, " elements/%s/%s.md", element_type_folder(c->type), c->name);
	else
		buf_addf(out, " %s", c->name);
	buf_adds(out, ending);
}

static void put_command(struct buf *out, const struct ctl_command *c)
{
	static const char *const words[] = {
		[CTL_ANALYZE] = "analyze",    [CTL_ILLUSTRATE] = "illustrate",
		[CTL_RETRY] = "retry failed", [CTL_PAUSE] = "pause",
		[CTL_RESUME] = "resume",      [CTL_BUDGET] = "budget",
		[CTL_APPROVE] = "approve",    [CTL_REGENERATE] = "regenerate",
		[CTL_STYLE] = "style",	      [CTL_SPLIT] = "split",
		[CTL_PORTRAIT] = "portrait",  [CTL_RESOLVE] = "resolve",
	};

	FUZZ_HOLDS((size_t)c->verb < ARRAY_LEN(words));
	FUZZ_HOLDS(c->on_demand == (c->chapter != 0));
	buf_adds(out, words[c->verb]);
	switch (c->verb) {
	case CTL_REGENERATE:
		FUZZ_HOLDS(c->scene);
		put_place(out, c);
		break;
	case CTL_ANALYZE:
	case CTL_ILLUSTRATE:
		FUZZ_HOLDS(!c->scene);
		put_place(out, c);
		break;
	case CTL_APPROVE:
		put_place(out, c);
		break;
	case CTL_STYLE:
		buf_addf(out, " %s%s", c->name, c->by_pictures ? " pictures" : "");
		break;
	case CTL_SPLIT:
		FUZZ_HOLDS(!c->any_type && *c->alias);
		put_element(out, c, ": ");
		buf_adds(out, c->alias);
		break;
	case CTL_PORTRAIT:
		put_element(out, c, ".png");
		break;
	default:
		FUZZ_HOLDS(!c->chapter && !c->scene && !c->matter[0]);
	}
	put_raise(out, c);
	buf_addc(out, '\n');
}

/* What was understood, written down plainly, is understood in the same way. */
static void fuzz_again(const struct ctl_command *c)
{
	struct ctl_command again[CTL_COMMANDS_MAX];
	CLEANUP(buf_finish) struct buf one = {0}, two = {0};
	struct err err = {0};
	size_t count = 0;

	put_command(&one, c);
	FUZZ_HOLDS(ctl_parse(again, &count, one.data, one.len, &err) == 0 && count == 1);
	put_command(&two, &again[0]);
	FUZZ_HOLDS(!strcmp(one.data, two.data));
}

static void fuzz_ctl(const char *s, size_t len)
{
	struct ctl_command commands[CTL_COMMANDS_MAX];
	struct err err = {0};
	size_t count = 0;
	int r = ctl_parse(commands, &count, s, len, &err);

	if (r < 0) {
		FUZZ_HOLDS(r == -EINVAL && err.msg[0] && !strchr(err.msg, '\n'));
		return;
	}
	FUZZ_HOLDS(count > 0 && count <= CTL_COMMANDS_MAX);
	for (size_t i = 0; i < count; i++)
		fuzz_again(&commands[i]);
}

static const struct fuzz_target targets[] = {
	{"ctl", fuzz_ctl},
};
FUZZ_MAIN(targets)
