/* SPDX-License-Identifier: MIT */
#include "budget.h"

#include <string.h>

/* A budget is four numbers that are treated alike. */
static const struct part {
	const char *name;
	size_t offset;
} parts[] = {
	{"requests", offsetof(struct budget, requests)},
	{"tokens", offsetof(struct budget, tokens)},
	{"images", offsetof(struct budget, images)},
	{"cost", offsetof(struct budget, cost_micro)},
};
enum { REQUESTS, TOKENS, IMAGES, COST };

static int64_t *at(struct budget *b, size_t part)
{
	return (int64_t *)((char *)b + parts[part].offset);
}

static int64_t get(const struct budget *b, size_t part)
{
	return *(const int64_t *)((const char *)b + parts[part].offset);
}

int64_t *budget_part(struct budget *b, const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strlen(parts[i].name) == len && memcmp(parts[i].name, name, len) == 0)
			return at(b, i);
	return NULL;
}

/* A request that was made counts, however it ends, so what is in flight has spent it already. */
static bool is_too_much(const struct purse *p, const struct budget *want, size_t part)
{
	int64_t most = get(&p->most, part), spent = get(&p->spent, part);
	if (part == REQUESTS)
		spent += get(&p->held, part);
	return most >= 0 && spent + get(want, part) > most;
}

enum purse_answer purse_ask(const struct purse *p, const struct budget *want)
{
	enum purse_answer answer = PURSE_YES;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (is_too_much(p, want, i))
			return PURSE_NO;
		int64_t most = get(&p->most, i);
		if (most >= 0 && get(&p->spent, i) + get(&p->held, i) + get(want, i) > most)
			answer = PURSE_LATER;
	}
	return answer;
}

void purse_hold(struct purse *p, const struct budget *want)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		*at(&p->held, i) += get(want, i);
}

void purse_settle(struct purse *p, const struct budget *held, const struct budget *took)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		*at(&p->held, i) -= get(held, i);
		*at(&p->spent, i) += get(took, i);
	}
}

void purse_left(struct budget *out, const struct purse *p)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		int64_t most = get(&p->most, i);
		int64_t left = most - get(&p->spent, i) - get(&p->held, i);
		*at(out, i) = most < 0 ? -1 : left > 0 ? left : 0;
	}
}

void purse_reason(struct err *out, const struct purse *p, const struct budget *want)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!is_too_much(p, want, i))
			continue;
		int64_t most = get(&p->most, i);
		if (i == COST)
			err_set(out, -EDQUOT, "the budget is spent: max_cost=%lld.%06lld",
				(long long)(most / 1000000), (long long)(most % 1000000));
		else
			err_set(out, -EDQUOT, "the budget is spent: max_%s=%lld", parts[i].name,
				(long long)most);
		return;
	}
	err_set(out, -EDQUOT, "the budget is spent");
}

int purse_may_raise(const struct purse *p, const struct budget *by, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (get(by, i) > 0 && get(&p->most, i) < 0)
			return err_set(err, -EINVAL,
				       "there is no budget of %s, so there is nothing to raise",
				       parts[i].name);
	return 0;
}

void purse_raise(struct purse *p, const struct budget *by)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (get(by, i) > 0 && get(&p->most, i) < INT64_MAX / 4)
			*at(&p->most, i) += get(by, i);
}

int64_t cost_of(const struct prices *p, int64_t tokens_in, int64_t tokens_out, int64_t pictures)
{
	return (tokens_in * p->per_million_in + tokens_out * p->per_million_out) / 1000000 +
	       pictures * p->per_image;
}
