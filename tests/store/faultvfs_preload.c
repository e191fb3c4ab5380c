/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultvfs.h"

/* faultvfs for a whole program, told by the environment; see faultvfs.h. */

static char *count_file;

static const struct {
	char letter;
	enum fault_call call;
} letters[] = {
	{'w', FAULT_WRITE},    {'s', FAULT_SYNC},   {'o', FAULT_OPEN},
	{'t', FAULT_TRUNCATE}, {'d', FAULT_DELETE}, {'m', FAULT_MAP},
};

static unsigned calls_of(const char *text)
{
	unsigned calls = 0;
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (strchr(text, letters[i].letter))
			calls |= letters[i].call;
	return calls;
}

static void read_part(struct fault_plan *plan, const char *part)
{
	const char *equals = strchr(part, '=');
	const char *value = equals ? equals + 1 : "";
	if (!strncmp(part, "calls=", 6))
		plan->calls = calls_of(value);
	else if (!strncmp(part, "at=", 3))
		plan->at = atoll(value);
	else if (!strncmp(part, "slow=", 5))
		plan->slow_ms = atoi(value);
	else if (!strncmp(part, "how=", 4))
		plan->how = !strcmp(value, "eio")     ? FAULT_EIO
			    : !strcmp(value, "short") ? FAULT_SHORT
						      : FAULT_ENOSPC;
	else if (!strcmp(part, "from_on"))
		plan->from_on = true;
	else if (!strncmp(part, "count=", 6))
		count_file = strdup(value);
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("BOOKFS_FAULTVFS");
	if (!text)
		return;
	struct fault_plan plan = {.calls = FAULT_ALL};
	char *copy = strdup(text), *rest = copy, *part;
	while (copy && (part = strsep(&rest, " ")) != NULL)
		read_part(&plan, part);
	free(copy);
	if (faultvfs_install() < 0) {
		fprintf(stderr, "faultvfs: cannot stand in SQLite's way\n");
		abort();
	}
	faultvfs_plan(&plan);
}

__attribute__((destructor)) static void end(void)
{
	FILE *f = count_file ? fopen(count_file, "w") : NULL;
	if (!f)
		return;
	fprintf(f, "%lld\n", (long long)faultvfs_calls());
	fclose(f);
}
