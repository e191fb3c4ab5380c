/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_WRITER_H
#define SOURCE_WRITER_H

/*
 * Writes Markdown (CommonMark) onto the flow: blocks, lines, inline marks. The caller says what
 * begins and ends; white space, separators, prefixes and escapes are the writer's business.
 */

#include "flow.h"

#define WRITER_LEVELS 64 /* quotes and lists within each other; deeper ones are flattened */

enum inline_mark { INLINE_EM, INLINE_STRONG, INLINE_CODE, INLINE_MARKS };
enum separator { SEPARATE_BLOCK, SEPARATE_ITEM, SEPARATE_LINE };

struct writer_level {
	bool list, ordered, marker_due;
	int number, items;
	int indent; /* columns of this level's item text */
};

struct writer {
	struct flow *flow;
	bool open;	 /* the current block has text */
	size_t block_at; /* where a position within the block snaps to */
	size_t line_len; /* length of the flow when the line began */
	enum separator separator;
	bool space, newline;	/* white space seen, not written; it held a newline */
	int breaks;		/* line breaks seen, not written */
	bool cell_due;		/* a cell began; its bar is not written */
	int heading;		/* level, or 0 */
	struct buf capture;	/* the heading's plain text */
	int want[INLINE_MARKS]; /* how often each is open */
	enum inline_mark written[INLINE_MARKS]; /* those written, outermost first */
	int written_count;
	int code_ticks;
	bool in_pre;
	struct buf pre;
	struct writer_level levels[WRITER_LEVELS];
	int depth;
	struct snap { /* targets met in the open block */
		size_t target, len;
	} * snaps;
	size_t snap_count, snap_cap;
};

void writer_init(struct writer *w, struct flow *flow);
void writer_finish(struct writer *w); /* closes what is open, frees; the flow stays */

void writer_text(struct writer *w, const char *s, size_t len);
void writer_break(struct writer *w); /* a line break within the block */
void writer_close(struct writer *w); /* ends the block: what follows is a new one */
/* What stands between the last block and the next; the default is an empty line. */
void writer_separate(struct writer *w, enum separator s);
void writer_rule(struct writer *w); /* a break between scenes */
void writer_heading_begin(struct writer *w, int level);
void writer_heading_end(struct writer *w);
void writer_mark(struct writer *w, enum inline_mark mark, bool on);
void writer_pre_begin(struct writer *w);
void writer_pre_end(struct writer *w);
void writer_quote_begin(struct writer *w);
void writer_list_begin(struct writer *w, bool ordered, int first);
void writer_item(struct writer *w);
void writer_level_end(struct writer *w); /* of a quote or list */
void writer_cell(struct writer *w);	 /* what follows is another cell of the row */

/* Where something that begins here is found: the start of the block it is in. */
size_t writer_position(const struct writer *w);
/* The same for an id; one at the very end of a block belongs to what follows. */
void writer_anchor(struct writer *w, const char *id);

#endif
