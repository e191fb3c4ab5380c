/* SPDX-License-Identifier: MIT */
#ifndef CTL_H
#define CTL_H

/* Private to jobs: what a person writes to .bookfs/ctl, read. Nothing is looked up or done here. */

#include "jobs.h"

enum ctl_verb {
	CTL_ANALYZE,
	CTL_ILLUSTRATE,
	CTL_RETRY,
	CTL_PAUSE,
	CTL_RESUME,
	CTL_BUDGET,
	CTL_APPROVE,
	CTL_REGENERATE,
	CTL_STYLE,
	CTL_SPLIT,
	CTL_PORTRAIT,
	CTL_RESOLVE
};

struct ctl_command {
	enum ctl_verb verb;
	int chapter;			      /* 0: all, or the one that `matter` names */
	char matter[BOOK_CHAPTER_NAME_BYTES]; /* "front-1", to be looked up; or "" */
	int scene;			      /* approve, regenerate: of the chapter; 0: all */
	bool on_demand, again;
	int most;	     /* illustrate: pictures; 0: all */
	struct budget raise; /* budget: by how much */
	bool any_part;	     /* which of its parts was not said */
	/* style: a preset's name, "propose" or "none"; split: who, and which of his names is
	 * another's; portrait: who. */
	bool by_pictures; /* style propose */
	bool any_type;	  /* portrait: of which type was not said */
	enum element_type type;
	char name[NAME_BYTES], alias[NAME_BYTES];
};

enum { CTL_COMMANDS_MAX = 256 };

/* One command a line, blank lines aside; all of them or none. -EINVAL: err says what is wrong and
 * what is allowed. */
int ctl_parse(struct ctl_command out[CTL_COMMANDS_MAX], size_t *count, const char *line, size_t len,
	      struct err *err);

#endif
