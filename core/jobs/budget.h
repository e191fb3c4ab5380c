/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_H
#define BUDGET_H

/* Private to jobs. What this process may spend, has spent, and holds for requests in flight, whose
 * cost is known when they end. */

#include "jobs.h"

struct purse {
	struct budget most, spent, held;
	bool waited_for; /* somebody was told to come later */
};

enum purse_answer {
	PURSE_YES,
	PURSE_LATER, /* what is in flight may leave enough */
	PURSE_NO,
};
enum purse_answer purse_ask(const struct purse *p, const struct budget *want);
void purse_hold(struct purse *p, const struct budget *want);
void purse_settle(struct purse *p, const struct budget *held, const struct budget *took);
void purse_left(struct budget *out, const struct purse *p); /* <0: as much as it takes */
/* Which of its parts cannot take `want` any more: "max_requests=50". */
void purse_reason(struct err *out, const struct purse *p, const struct budget *want);
/* -EINVAL: what is to be raised has no end. */
int purse_may_raise(const struct purse *p, const struct budget *by, struct err *err);
void purse_raise(struct purse *p, const struct budget *by);

/* "requests", "tokens", "images", "cost"; NULL: there is no such part. */
int64_t *budget_part(struct budget *b, const char *name, size_t len);

int64_t cost_of(const struct prices *p, int64_t tokens_in, int64_t tokens_out, int64_t pictures);

#endif
