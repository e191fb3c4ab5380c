/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "pack.h"
#include "source.h"

/* ---- packing */

static void put(struct buf *b, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_addc(b, (char)(value >> 8 * i));
}

static uint32_t crc32_of(const char *s, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)s[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* What the local header and the directory's entry have in common, from "version needed" on. */
static void put_common(struct buf *b, const char *name, size_t name_len, const char *s, size_t len)
{
	put(b, 10, 2);
	put(b, 0x800, 2); /* names are UTF-8 */
	put(b, 0, 2);
	put(b, 0x5a210000, 4); /* 2025-01-01 */
	put(b, crc32_of(s, len), 4);
	put(b, (uint32_t)len, 4);
	put(b, (uint32_t)len, 4);
	put(b, (uint32_t)name_len, 2);
	put(b, 0, 2);
	(void)name;
}

static void add_member(struct buf *zip, struct buf *directory, const char *name, size_t name_len,
		       const char *s, size_t len)
{
	size_t offset = zip->len;

	buf_add(zip, "PK\3\4", 4);
	put_common(zip, name, name_len, s, len);
	buf_add(zip, name, name_len);
	buf_add(zip, s, len);

	buf_add(directory, "PK\1\2", 4);
	put(directory, 0x314, 2);
	put_common(directory, name, name_len, s, len);
	put(directory, 0, 2);
	put(directory, 0, 4);
	put(directory, 0x81a40000u, 4);
	put(directory, (uint32_t)offset, 4);
	buf_add(directory, name, name_len);
}

static const char *next_member(const char *s, const char *end)
{
	for (; s < end; s++) {
		const char *nl;

		if (end - s > 3 && !memcmp(s, "@@ ", 3))
			return s;
		nl = memchr(s, '\n', (size_t)(end - s));
		if (!nl)
			return end;
		s = nl;
	}
	return end;
}

void pack(struct buf *zip, const char *spec, size_t len)
{
	CLEANUP(buf_finish) struct buf directory = {0};
	const char *end = spec + len, *at = next_member(spec, end);
	uint32_t count = 0, offset;

	while (at < end && count < 0xffff) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const char *s = nl ? nl + 1 : end, *stop = next_member(s, end);
		size_t size = (size_t)(stop - s);

		add_member(zip, &directory, at + 3, (size_t)((nl ? nl : end) - at - 3), s,
			   size && s[size - 1] == '\n' ? size - 1 : size);
		at = stop;
		count++;
	}
	offset = (uint32_t)zip->len;
	buf_add(zip, buf_str(&directory), directory.len);
	buf_add(zip, "PK\5\6\0\0\0\0", 8);
	put(zip, count, 2);
	put(zip, count, 2);
	put(zip, (uint32_t)directory.len, 4);
	put(zip, offset, 4);
	put(zip, 0, 2);
}

/* ---- promises */

#define PROMISE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "promise broken: %s\n", #condition);                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static bool is_one_line(const char *s)
{
	return s && !strpbrk(s, "\n\r\t") && utf8_valid(s, strlen(s));
}

static void hold_chapter(const struct book_chapter *c)
{
	size_t len = c->text_bytes;
	char hex[HASH_HEX];
	struct hash *h = hash_new();
	enum book_kind kind;

	PROMISE(is_one_line(c->title));
	PROMISE(book_kind_parse(&kind, book_kind_name(c->kind)) == 0 && kind == c->kind);
	PROMISE(strlen(c->text) == len && utf8_valid(c->text, len));
	PROMISE(!len || (c->text[len - 1] == '\n' && (len < 2 || c->text[len - 2] != '\n')));
	PROMISE(c->words == utf8_words(c->text, len));
	PROMISE(!c->page_count || c->pages[0].offset == 0);
	for (size_t i = 0; i < c->page_count; i++) {
		PROMISE(c->pages[i].offset <= len && is_one_line(c->pages[i].label));
		PROMISE(book_page_at(c, c->pages[i].offset) == c->pages[i].label);
		PROMISE(!i || c->pages[i].offset > c->pages[i - 1].offset);
	}
	hash_add(h, c->text, len);
	hash_hex(hex, h);
	hash_free(h);
	PROMISE(!strcmp(hex, c->text_hash));
}

static void hold_file(const struct book_file *f)
{
	const char *part = f->name;

	PROMISE(is_one_line(f->name) && *f->name && *f->name != '/');
	while (part) {
		size_t len = strcspn(part, "/");

		PROMISE(len && len < NAME_BYTES && strncmp(part, "../", 3) && strcmp(part, ".."));
		part = part[len] ? part + len + 1 : NULL;
	}
}

void hold_promises(const struct book *b)
{
	int64_t words = 0;

	PROMISE(is_one_line(b->title) && b->language && b->publisher && b->identifier);
	for (size_t i = 0; i < b->chapter_count; i++) {
		hold_chapter(&b->chapters[i]);
		words += b->chapters[i].words;
	}
	PROMISE(words == b->words);
	for (size_t i = 0; i < b->content_count; i++) {
		const struct book_entry *e = &b->contents[i];
		enum book_role role;

		PROMISE(book_role_parse(&role, book_role_name(e->role)) == 0 && role == e->role);
		PROMISE(is_one_line(e->title) && e->depth >= 0);
		PROMISE(e->chapter >= 0 && (size_t)e->chapter <= b->chapter_count);
		PROMISE(!e->in || is_one_line(e->in));
	}
	for (size_t i = 0; i < b->file_count; i++)
		hold_file(&b->files[i]);
	for (size_t i = 0; i < b->warnings.len; i++)
		PROMISE(is_one_line(b->warnings.items[i]));
}
