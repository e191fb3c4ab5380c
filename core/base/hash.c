/* SPDX-License-Identifier: MIT */
#include <nettle/sha2.h>
#include <string.h>

#include "base.h"

struct hash {
	struct sha256_ctx ctx;
};

struct hash *hash_new(void)
{
	struct hash *h = xcalloc(1, sizeof(*h));

	sha256_init(&h->ctx);
	return h;
}

void hash_add(struct hash *h, const void *data, size_t len)
{
	sha256_update(&h->ctx, len, data);
}

void hash_adds(struct hash *h, const char *s)
{
	hash_add(h, s, strlen(s) + 1);
}

void hash_hex(char out[HASH_HEX], struct hash *h)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_digest(&h->ctx, sizeof(sum), sum);
	for (size_t i = 0; i < sizeof(sum); i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[HASH_HEX - 1] = '\0';
}

struct hash *hash_free(struct hash *h)
{
	free(h);
	return NULL;
}

int hash_file(char out[HASH_HEX], int fd)
{
	enum { CHUNK = 256 * 1024 };
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	CLEANUP(cleanup_free) char *chunk = xcalloc(1, CHUNK);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, CHUNK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		hash_add(h, chunk, (size_t)n);
		at += n;
	}
	hash_hex(out, h);
	return 0;
}
