/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_PAINTER_CHILD_H
#define PROVIDERS_PAINTER_CHILD_H

/* Starting the programs that draw. */

#include <limits.h>
#include <sys/types.h>

#include "base.h"

void child_path(char out[PATH_MAX], const char *name);
/* The child has those as its standard descriptors and no other (errors <0: none for its errors,
 * else ours), its own process group (Ctrl-C is for us, who may still want what it makes), and all
 * signals as they were born. mode: its one argument, or NULL. */
int child_spawn(pid_t *pid, const char *path, const char *mode, int in, int out, int errors);

#endif
