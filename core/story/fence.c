/* SPDX-License-Identifier: MIT */
#include "fence.h"

#include <stdio.h>
#include <string.h>

void fence_make(char out[FENCE_BYTES], const char *text, size_t len)
{
	for (unsigned round = 0;; round++) {
		char digits[HASH_HEX];
		CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
		hash_add(h, &(unsigned char){(unsigned char)round}, 1);
		hash_add(h, text, len);
		hash_hex(digits, h);
		snprintf(out, FENCE_BYTES, "BOOK-%.16s", digits);
		if (!len || !memmem(text, len, out, strlen(out)))
			return;
	}
}
