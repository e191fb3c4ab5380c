/* SPDX-License-Identifier: MIT */
#include "fs.h"
#include "fuzz.h"

/* flags.c wants it of main.c; no option is a usage error of the command line. */
int say_usage(const struct command *c, const char *fmt, ...)
{
	abort();
}

/* What /etc/fstab or a desktop's mounter hands to -o. */
static void fuzz_options(const char *s, size_t len)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(cleanup_free) char *list = xstrndup(s, len);
	struct err err = {0};

	options_init(&o);
	int r = options_parse(&o, list, &err);
	FUZZ_HOLDS(r == 0 || (r == -EINVAL && err.msg[0] && !strchr(err.msg, '\n')));
	FUZZ_HOLDS(o.wait_s >= 1 && o.grace_s >= 0 && o.depth >= 0 && o.pages_per_image >= 1);
	FUZZ_HOLDS(!o.store || o.store[0] == '/');
	for (size_t i = 0; i < o.kernel.len; i++) /* nothing else is slipped to the kernel */
		FUZZ_HOLDS(!strpbrk(o.kernel.items[i], ",= \\"));
}

static const struct fuzz_target targets[] = {
	{"options", fuzz_options},
};
FUZZ_MAIN(targets)
