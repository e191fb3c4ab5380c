/* SPDX-License-Identifier: MIT */
#include "internal.h"

int store_picture_habit(struct store_usage *sum, int *count, struct store_reader *r,
			const char *provider, const char *model)
{
	static const char sql[] = "SELECT count(*), sum(requests), sum(tokens_in),"
				  " sum(tokens_out), sum(cost_micro) FROM picture"
				  " WHERE provider = :provider AND model = :model"
				  " AND tokens_in + tokens_out > 0";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_text(&q, ":provider", provider);
	query_text(&q, ":model", model);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -EBADMSG;
	*count = (int)query_get_int(&q, 0);
	*sum = query_usage(&q, 1);
	return 0;
}
