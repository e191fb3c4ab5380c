/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "internal.h"

/* Approval: leave to draw, which a scene keeps until its picture is taken away. */

static int approve_scenes(struct store_tx *tx, int64_t edit, int64_t analysis, int scene)
{
	static const char sql[] = "INSERT INTO approval (concept, made_by)"
				  " SELECT " ROOT_OF_N ", :edit FROM concept AS n"
				  " WHERE n.analysis = :analysis AND :scene IN (0, n.scene)"
				  " AND NOT " N_IS_APPROVED;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":edit", edit);
	query_int(&q, ":analysis", analysis);
	query_int(&q, ":scene", scene);
	return query_run(&q);
}

/* How many of them nobody approved yet. */
static int count_unapproved(int *count, struct store_tx *tx, int64_t analysis, int scene)
{
	static const char sql[] = "SELECT count(*) FROM concept AS n WHERE n.analysis = :analysis"
				  " AND :scene IN (0, n.scene) AND NOT " N_IS_APPROVED;
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":analysis", analysis);
	query_int(&q, ":scene", scene);
	int more = query_row(&q);
	if (more == 1)
		*count = (int)query_get_int(&q, 0);
	return more < 0 ? more : 0;
}

static int note_approval(struct store_tx *tx, const struct found_chapter *c, int chapter, int scene,
			 int count)
{
	char subject[64], detail[CONCEPT_ID_BYTES];
	int64_t edit = 0;
	snprintf(subject, sizeof(subject), "chapters/%d/approved", chapter);
	if (scene)
		concept_id(detail, chapter, scene);
	else
		snprintf(detail, sizeof(detail), "%d scene%s", count, count == 1 ? "" : "s");
	const struct deed deed = {EDIT_APPROVED, chapter, subject, detail};
	int result = tx_add_edit(&edit, tx, &deed);
	if (result == 0)
		result = approve_scenes(tx, edit, c->best, scene);
	if (result == 0)
		result = tx_announce(tx, &(struct announcement){.type = EVENT_EDITED,
								.text = c->text,
								.scene = scene,
								.detail = subject});
	return result;
}

int tx_approve(int *count, struct store_tx *tx, const struct wish *w, int scene)
{
	struct wish undrawn = *w;
	struct found_chapter chapter;
	int waiting = 0, made = 0;
	undrawn.again = false;
	int result = tx_find_chapter(&chapter, tx, w->chapter);
	if (result < 0)
		return result;
	if (chapter.kind != BOOK_STORY)
		return -ENODATA;
	if (!chapter.best)
		return -ENOENT;
	if (scene)
		result = tx_find_scene(NULL, tx, w->chapter, scene);
	if (result == 0)
		result = count_unapproved(&waiting, tx, chapter.best, scene);
	if (result == 0 && waiting)
		result = note_approval(tx, &chapter, w->chapter, scene, waiting);
	if (result == 0)
		result = tx_put_pictures(&made, tx, chapter.best, scene, &undrawn);
	if (result == 0 && made)
		result = tx_tell_queued(tx, w->chapter);
	if (result == 0 && count)
		*count = made;
	return result;
}

int store_approved(struct store_reader *r, int chapter)
{
	static const char sql[] = "SELECT count(*) > 0 AND count(*) = total(" N_IS_APPROVED
				  ") FROM chapter AS c JOIN concept AS n ON n.analysis "
				  "= " SHOWN_ANALYSIS("c") " WHERE c.number = :chapter";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":chapter", chapter);
	int more = query_row(&q);
	return more == 1 ? query_get_int(&q, 0) != 0 : more;
}
