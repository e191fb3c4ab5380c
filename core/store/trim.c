/* SPDX-License-Identifier: MIT */
#include "trim.h"

/* Numbers stand for counts: seq has no gaps but those that were made here. The newest event is
 * never among them, so that the change number stays. Nothing to delete: nothing is written. */
int trim_events(struct conn *c)
{
	static const char sql[] =
		"DELETE FROM event WHERE seq > (SELECT min(seq) FROM event)"
		" AND seq <= (SELECT max(seq) FROM event) - :kept"
		" AND (time_ms < :before OR seq <= (SELECT max(seq) FROM event) - :most)";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_int(&q, ":kept", TRIM_KEPT);
	query_int(&q, ":most", TRIM_MOST);
	query_int(&q, ":before", clock_unix_ms() - TRIM_AGE_MS);
	return query_run(&q);
}
