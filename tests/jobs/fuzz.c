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

static void put_command(struct buf *out, const struct ctl_command *c)
{
	static const char *const words[] = {
		[CTL_ANALYZE] = "analyze",    [CTL_ILLUSTRATE] = "illustrate",
		[CTL_RETRY] = "retry failed", [CTL_PAUSE] = "pause",
		[CTL_RESUME] = "resume",      [CTL_BUDGET] = "budget",
	};
	bool takes_chapter = c->verb == CTL_ANALYZE || c->verb == CTL_ILLUSTRATE;

	FUZZ_HOLDS((size_t)c->verb < ARRAY_LEN(words));
	FUZZ_HOLDS(c->chapter >= 0 && (takes_chapter || c->chapter == 0));
	FUZZ_HOLDS(c->on_demand == (c->chapter != 0));
	buf_adds(out, words[c->verb]);
	FUZZ_HOLDS(!c->matter[0] || (takes_chapter && c->chapter == 0));
	if (c->matter[0])
		buf_addf(out, " %s", c->matter);
	else if (takes_chapter && c->chapter)
		buf_addf(out, " %d", c->chapter);
	else if (takes_chapter)
		buf_adds(out, " all");
	put_raise(out, c);
	buf_addc(out, '\n');
}

static void put_commands(struct buf *out, const struct ctl_command *commands, size_t count)
{
	FUZZ_HOLDS(count > 0 && count <= CTL_COMMANDS_MAX);
	for (size_t i = 0; i < count; i++)
		put_command(out, &commands[i]);
}

/* What was understood, written down plainly, is understood in the same way. */
static void fuzz_ctl(const char *s, size_t len)
{
	struct ctl_command commands[CTL_COMMANDS_MAX], again[CTL_COMMANDS_MAX];
	CLEANUP(buf_finish) struct buf one = {0}, two = {0};
	struct err err = {0};
	size_t count = 0, count_again = 0;
	int r = ctl_parse(commands, &count, s, len, &err);

	if (r < 0) {
		FUZZ_HOLDS(r == -EINVAL && err.msg[0] && !strchr(err.msg, '\n'));
		return;
	}
	put_commands(&one, commands, count);
	FUZZ_HOLDS(ctl_parse(again, &count_again, one.data, one.len, &err) == 0);
	put_commands(&two, again, count_again);
	FUZZ_HOLDS(!strcmp(one.data, two.data));
}

static const struct fuzz_target targets[] = {
	{"ctl", fuzz_ctl},
};
FUZZ_MAIN(targets)
