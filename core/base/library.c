/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <string.h>

#include "base.h"

int library_load(void *functions, const struct library *l, struct err *err)
{
	void *library = NULL;
	for (size_t i = 0; !library && l->names[i]; i++)
		library = dlopen(l->names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return err_set(err, -ENOPKG, "%s %s is needed: install it", l->purpose,
			       l->names[0]);
	for (size_t i = 0; l->symbols[i]; i++) {
		void *function = dlsym(library, l->symbols[i]);
		if (!function)
			return err_set(err, -ENOPKG, "this %s is too old: it has no %s",
				       l->names[0], l->symbols[i]);
		memcpy((char *)functions + i * sizeof(function), &function, sizeof(function));
	}
	return 0;
}
