/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>

#include "cover.h"
#include "pass.h"

/*
 * A project may have rules of its own, which lock covers what (cover.h). They are read when the
 * mount begins, which ends there if they cannot be. After that they are read again when their file
 * is another than it was. If they are wrong then, those that were go on: a slip of the pen leaves
 * no chapter unguarded.
 */

enum { LOOK_EVERY_MS = 100 };

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       !memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim));
}

static int read_rules(struct pass *p, struct err *err)
{
	struct cover_rules *rules = NULL;
	int r = cover_rules_read(&rules, p->root.fd, false, err);

	if (r < 0)
		return r;
	cover_rules_free(p->rules);
	p->rules = rules;
	p->moves++; /* where open files belong is to be found anew */
	return 0;
}

static void look(struct stat *out, const struct pass *p)
{
	if (fstatat(p->root.fd, ".config/locks.json", out, AT_SYMLINK_NOFOLLOW) < 0)
		*out = (struct stat){0};
}

int pass_rules_init(struct pass *p, struct err *err)
{
	p->rules_looked_boot_ms = clock_boot_ms();
	look(&p->rules_file, p);
	return read_rules(p, err);
}

void pass_rules_look(struct pass *p)
{
	int64_t now = clock_boot_ms();
	struct err err = {0};
	struct stat st;

	if (now - p->rules_looked_boot_ms < LOOK_EVERY_MS)
		return;
	p->rules_looked_boot_ms = now;
	look(&st, p);
	if (same_file(&st, &p->rules_file))
		return;
	p->rules_file = st;
	if (read_rules(p, &err) < 0)
		log_warn("%s; the rules before it go on", err.msg);
}

const struct cover_rules *pass_rules(struct pass *p)
{
	pass_rules_look(p);
	return p->rules;
}
