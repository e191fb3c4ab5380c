/* SPDX-License-Identifier: MIT */
#include "fs.h"

int provider_make(struct provider **out, struct loop *loop, struct err *err)
{
	return provider_builtin_new(out, loop, err);
}
