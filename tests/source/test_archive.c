/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"
#include "pack.h"
#include "source.h"

/* The members of a book's archive, one by one: whole, in pieces, and of archives that lie. */

#define CONTAINER                                                                                  \
	"@@ META-INF/container.xml\n"                                                              \
	"<container><rootfiles><rootfile full-path='OPS/c.opf'/></rootfiles></container>\n"

static char *write_file(const char *s, size_t len)
{
	char *path = xstrdup("/tmp/test_source_XXXXXX");
	int fd = mkstemp(path);

	CHECK(fd >= 0 && write(fd, s, len) == (ssize_t)len);
	close(fd);
	return path;
}

static void test_archive(void)
{
	static const char spec[] = CONTAINER "@@ a/picture.png\nbytes of a picture\n";
	CLEANUP(buf_finish) struct buf zip = {0};
	CLEANUP(buf_finish) struct buf member = {0};
	CLEANUP(buf_finish) struct buf exact = {.max_bytes = 18};
	CLEANUP(buf_finish) struct buf small = {.max_bytes = 17};
	CLEANUP(book_archive_close_cleanup) struct book_archive *a = NULL;
	CLEANUP(cleanup_free) char *path = NULL;
	struct err err = {0};

	pack(&zip, spec, sizeof(spec) - 1);
	path = write_file(zip.data, zip.len);
	CHECK_INT(book_archive_open(&a, path, &err), 0);
	CHECK_INT(book_archive_member(&member, a, 1), 0);
	CHECK_STR(buf_str(&member), "bytes of a picture");
	CHECK_INT(book_archive_member(&exact, a, 1), 0);
	CHECK_INT(book_archive_member(&small, a, 1), -EFBIG);
	CHECK_INT(book_archive_member(&member, a, 2), -ENOENT);
	unlink(path);
}

/* Bytes that are not what was packed are an error, not a picture. */
static void test_archive_damaged(void)
{
	static const char spec[] = CONTAINER "@@ a/picture.png\nbytes of a picture\n";
	CLEANUP(buf_finish) struct buf zip = {0};
	CLEANUP(buf_finish) struct buf member = {0};
	CLEANUP(book_archive_close_cleanup) struct book_archive *a = NULL;
	CLEANUP(cleanup_free) char *path = NULL;

	pack(&zip, spec, sizeof(spec) - 1);
	memcpy(memmem(zip.data, zip.len, "picture", 7), "pictuRe", 7); /* the name */
	memcpy(memmem(zip.data, zip.len, "bytes of", 8), "bytes OF", 8);
	path = write_file(zip.data, zip.len);
	CHECK_INT(book_archive_open(&a, path, NULL), 0);
	CHECK_INT(a ? book_archive_member(&member, a, 1) : 0, -EIO);
	unlink(path);
}

/* Where the file system cannot say what is in the page cache there are no pieces. */
static bool cache_is_told(const char *path)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;
	struct iovec one = {.iov_base = &c, .iov_len = 1};

	return preadv2(fd, &one, 1, 0, RWF_NOWAIT) == 1;
}

/* Member 1 in pieces of `step`, the next made ready each time; 0 or -EAGAIN. */
static int join_pieces(struct buf *out, struct book_archive *a, uint64_t size, size_t step)
{
	while (out->len < size) {
		const char *data;
		size_t len = step;
		int r = book_archive_piece(&data, &len, a, 1, size, out->len);

		if (r < 0)
			return r;
		CHECK_INT(buf_add(out, data, len), 0);
		book_archive_ahead(a, 1, size, out->len, step + out->len % 3);
	}
	return 0;
}

static void test_archive_pieces(void)
{
	static const char spec[] = CONTAINER "@@ a/picture.png\nbytes of a picture\n";
	CLEANUP(buf_finish) struct buf zip = {0};
	CLEANUP(buf_finish) struct buf member = {0};
	CLEANUP(book_archive_close_cleanup) struct book_archive *a = NULL;
	CLEANUP(cleanup_free) char *path = NULL;
	const char *data;
	size_t len = 5;

	pack(&zip, spec, sizeof(spec) - 1);
	path = write_file(zip.data, zip.len);
	CHECK_INT(book_archive_open(&a, path, NULL), 0);
	CHECK_INT(book_archive_piece(&data, &len, a, 1, 18, 0), -EAGAIN); /* not listed yet */
	CHECK_INT(book_archive_member(&member, a, 1), 0);
	for (size_t step = 1; step < 20 && cache_is_told(path); step++) {
		CLEANUP(buf_finish) struct buf joined = {0};

		CHECK_INT(join_pieces(&joined, a, 18, step), 0);
		CHECK_STR(buf_str(&joined), "bytes of a picture");
	}
	CHECK_INT(book_archive_piece(&data, &len, a, 1, 17, 0), -EAGAIN);
	CHECK_INT(book_archive_piece(&data, &len, a, 1, 18, 5), -EAGAIN);
	CHECK_INT(book_archive_piece(&data, &len, a, 1, 18, 19), -EAGAIN);
	CHECK_INT(book_archive_piece(&data, &len, a, 7, 18, 0), -EAGAIN);
	unlink(path);
}

/* Of a damaged member the last piece is kept back, however it is cut. */
static void test_archive_damaged_pieces(void)
{
	static const char spec[] = CONTAINER "@@ a/picture.png\nbytes of a picture\n";
	CLEANUP(buf_finish) struct buf zip = {0};
	CLEANUP(buf_finish) struct buf member = {0};
	CLEANUP(book_archive_close_cleanup) struct book_archive *a = NULL;
	CLEANUP(cleanup_free) char *path = NULL;

	pack(&zip, spec, sizeof(spec) - 1);
	memcpy(memmem(zip.data, zip.len, "picture", 7), "pictuRe", 7); /* the name */
	memcpy(memmem(zip.data, zip.len, "bytes of", 8), "bytes OF", 8);
	path = write_file(zip.data, zip.len);
	CHECK_INT(book_archive_open(&a, path, NULL), 0);
	CHECK_INT(book_archive_member(&member, a, 1), -EIO);
	for (size_t step = 1; step < 20; step++) {
		CLEANUP(buf_finish) struct buf joined = {0};

		CHECK_INT(join_pieces(&joined, a, 18, step), -EAGAIN);
		CHECK(joined.len < 18);
	}
	unlink(path);
}

/* A directory that lies about where its members are is not believed. */
static void test_archive_lies(void)
{
	static const char spec[] = "@@ a\ntext\n@@ b\nmore\n";
	static const uint32_t lies[] = {1, 0x7fffffff, 0xfffffffe};

	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		CLEANUP(buf_finish) struct buf zip = {0};
		CLEANUP(book_archive_close_cleanup) struct book_archive *a = NULL;
		CLEANUP(cleanup_free) char *path = NULL;
		CLEANUP(buf_finish) struct buf member = {0};
		char *entry;

		pack(&zip, spec, sizeof(spec) - 1);
		entry = memmem(zip.data, zip.len, "PK\1\2", 4);
		memcpy(entry + 42, &lies[i], 4);
		path = write_file(zip.data, zip.len);
		if (book_archive_open(&a, path, NULL) == 0)
			CHECK_INT(book_archive_member(&member, a, 0), -EIO);
		unlink(path);
	}
}

/* Where the directory points there is no local header: what is read is right, or an error. */
static void test_archive_no_header(void)
{
	static const char spec[] = "@@ a\ntext\n@@ b\nmore\n";
	CLEANUP(buf_finish) struct buf zip = {0};
	CLEANUP(book_archive_close_cleanup) struct book_archive *a = NULL;
	CLEANUP(cleanup_free) char *path = NULL;
	CLEANUP(buf_finish) struct buf member = {0};
	char *second;

	pack(&zip, spec, sizeof(spec) - 1);
	second = memmem(zip.data + 4, zip.len - 4, "PK\3\4", 4);
	memcpy(second, "XX", 2);
	path = write_file(zip.data, zip.len);
	CHECK_INT(book_archive_open(&a, path, NULL), 0);
	CHECK_INT(a ? book_archive_member(&member, a, 0) : -1, 0);
	CHECK_STR(buf_str(&member), "text");
	buf_clear(&member);
	CHECK(a && (book_archive_member(&member, a, 1) < 0 || !strcmp(buf_str(&member), "more")));
	unlink(path);
}

static void test_single_file(void)
{
	CLEANUP(cleanup_free) char *path = write_file("hello\n", 6);
	CLEANUP(book_archive_close_cleanup) struct book_archive *a = NULL;
	CLEANUP(book_free_cleanup) struct book *b = NULL;
	CLEANUP(buf_finish) struct buf member = {0};
	CLEANUP(buf_finish) struct buf exact = {.max_bytes = 6};
	CLEANUP(buf_finish) struct buf small = {.max_bytes = 5};
	struct book_options options = {.limits = book_limits_default};
	struct err err = {0};

	CHECK_INT(book_read(&b, path, &options, &err), 0);
	CHECK(b && b->file_count == 1 && b->files[0].size_bytes == 6);
	CHECK_INT(book_archive_open(&a, path, &err), 0);
	CHECK_INT(book_archive_member(&member, a, 0), 0);
	CHECK_STR(buf_str(&member), "hello\n");
	CHECK_INT(book_archive_member(&exact, a, 0), 0); /* the cap is what fits */
	CHECK_INT(exact.len, 6);
	CHECK_INT(book_archive_member(&small, a, 0), -EFBIG);
	unlink(path);
}

/* n times the letter. */
static const char *letters(char letter, int n)
{
	static char ring[2][256];
	static int next;
	char *s = ring[next++ % 2];

	memset(s, letter, (size_t)n);
	s[n] = '\0';
	return s;
}

static struct book *read_packed(const struct buf *spec)
{
	CLEANUP(buf_finish) struct buf zip = {0};
	struct book_options options = {.limits = book_limits_default};
	struct book *b = NULL;
	struct err err = {0};

	pack(&zip, spec->data, spec->len);
	CHECK_INT(book_read_memory(&b, zip.data, zip.len, "x.epub", &options, &err), 0);
	if (b)
		hold_promises(b);
	return b;
}

#define BOOK                                                                                       \
	CONTAINER "@@ OPS/c.opf\n<package><manifest><item id='a' href='a.xhtml' "                  \
		  "media-type='application/xhtml+xml'/></manifest><spine><itemref idref='a'/>"     \
		  "</spine></package>\n@@ OPS/a.xhtml\n<html><body>a</body></html>\n"

/* Names as long as a name may be, one of which has nothing left to be told apart by. */
static void test_long_names(void)
{
	CLEANUP(buf_finish) struct buf spec = {.max_bytes = 1 << 20};
	CLEANUP(book_free_cleanup) struct book *b = NULL;

	buf_adds(&spec, BOOK);
	buf_addf(&spec, "@@ %s\n1\n", letters('A', 255));
	buf_addf(&spec, "@@ %s~\n2\n", letters('A', 254));
	buf_addf(&spec, "@@ %s/x\n3\n", letters('A', 255));
	buf_addf(&spec, "@@ %s/y\n4\n", letters('A', 255));
	buf_addf(&spec, "@@ %s\n5\n", letters('A', 255));
	b = read_packed(&spec);
	CHECK(b && b->file_count == 8);
	if (!b || b->file_count != 8)
		return;
	CLEANUP(cleanup_free) char *folder = xasprintf("%s~2/x", letters('A', 232));
	CLEANUP(cleanup_free) char *file = xasprintf("%s~3", letters('A', 232));
	CHECK_STR(b->files[5].name, folder);
	CHECK_STR(b->files[7].name, file);
}

/* Names that differ where they are cut, each of them twice; folders in folders, of which there is
 * an end: 100,000. */
static void test_many_names(void)
{
	CLEANUP(buf_finish) struct buf spec = {.max_bytes = 64 << 20};
	CLEANUP(book_free_cleanup) struct book *b = NULL;
	int64_t start;

	buf_adds(&spec, BOOK);
	for (int i = 0; i < 40000; i++)
		buf_addf(&spec, "@@ %s%06d\n\n", letters('A', 249), i / 2);
	for (int i = 0; i < 2000; i++) {
		buf_addf(&spec, "@@ %d", i);
		for (int depth = 0; depth < 250; depth++)
			buf_adds(&spec, "/b");
		buf_adds(&spec, "\n\n");
	}
	start = clock_mono_us();
	b = read_packed(&spec);
	CHECK(clock_mono_us() - start < 10000000);
	if (!b)
		return;
	CHECK_INT(b->file_count, 3 + 40000 + (100000 - 2) / 250);
	CHECK_INT(strlen(b->files[3 + 39999].name), 232 + strlen("~20001"));
}

int main(void)
{
	test_archive();
	test_archive_damaged();
	test_archive_pieces();
	test_archive_damaged_pieces();
	test_archive_lies();
	test_archive_no_header();
	test_long_names();
	test_many_names();
	test_single_file();
	return check_result();
}
