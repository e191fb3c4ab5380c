/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "encoding.h"
#include "reader.h"

int text_read(struct reading *r, const char *s, size_t len)
{
	return markdown_read(r, s, len);
}
