/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "locker.h"

/* A refused lock, and a person who may decide: wait, cancel, or override. */

enum { WAIT_S = 120 };

/* Whoever lives must be named, so that nobody's work is taken from them by a habit of the fingers.
 */
static bool confirmed(const struct lock *k)
{
	CLEANUP(cleanup_free)
	char *question = xasprintf("%s works on it. To take it away type %s, or the token %lld: ",
				   k->holder.instance, k->holder.instance, (long long)k->token);
	CLEANUP(cleanup_free) char *token = xasprintf("%lld", (long long)k->token);
	CLEANUP(cleanup_free) char *typed = locker_ask(question);

	return typed && (!strcmp(typed, k->holder.instance) || !strcmp(typed, token));
}

/* 0: it is gone; try again. -ECANCELED: it was not confirmed. */
static int override(struct locker *k, const struct lock_refusal *no)
{
	const struct lock *in_the_way = &no->lock;
	struct lock_refusal why = {0};
	int r;

	if (in_the_way->state == LOCK_STATE_STALE && no->why == LOCK_REFUSED_STALE) {
		r = locks_remove(k->table, &k->me.as, in_the_way->resource, &why);
	} else if (!confirmed(in_the_way)) {
		fputs("That is neither.\n", stderr);
		return -ECANCELED;
	} else {
		r = locks_break(k->table, &k->me.as, in_the_way->resource, in_the_way->token,
				"taken over at the terminal", &why);
	}
	/* Gone, or changed hands, meanwhile: the next try shows how it is now. */
	return r == -ENOENT || r == -ESTALE || r == -EBUSY ? 0 : r < 0 ? r : 0;
}

/* Its first letter, or the whole of it. */
static bool means(const char *typed, const char *word)
{
	return typed[0] == word[0] && (!typed[1] || !strcmp(typed, word));
}

int locker_dialog(struct locker *k, const struct lock_claim *claim, struct lock_refusal *no)
{
	int r = -EBUSY;

	while (r == -EBUSY) {
		CLEANUP(buf_finish) struct buf line = {0};
		CLEANUP(cleanup_free) char *answer = NULL;
		bool held = locker_is_held(no);

		if (held)
			locker_describe(&line, &no->lock);
		else
			buf_adds(&line, no->err.msg);
		buf_addf(&line, "\n[w]ait up to %d s, [c]ancel%s? ", WAIT_S,
			 held ? ", [o]verride" : "");
		answer = locker_ask(buf_str(&line));
		if (!answer || means(answer, "cancel"))
			return -ECANCELED;
		if (means(answer, "wait")) {
			r = locker_get(k, claim, WAIT_S, no);
		} else if (held && means(answer, "override")) {
			r = override(k, no);
			r = r == -ECANCELED ? -EBUSY : r < 0 ? r : locker_get(k, claim, 0, no);
		}
	}
	return r;
}
