/* SPDX-License-Identifier: MIT */
#include "http_record.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The numbers are given when an exchange is written, since several processes may record in one
 * folder: who makes N.req has N. */

enum {
	NAME_MAX_BYTES = 32,
	KEY_BYTES_LEAST = 8,
	ESCAPES_MOST = 15, /* backslashes in a row: JSON within JSON, four times */
};

struct http_recorder {
	struct loop *loop;
	char *dir;
	atomic_int next;    /* the number to be tried */
	atomic_bool broken; /* said once */
	int uses;	    /* by its owner and by what is on its way */
};

struct http_recording {
	struct http_recorder *recorder;
	char *key;
	cJSON *meta, *fields; /* fields: of the answer, within meta */
	struct buf sent, came;
	int64_t began_mono_us;
};

/* A letter as JSON may write it behind a backslash, "u002f" for one. */
static bool is_coded(const char *s, const char *end, char letter)
{
	char code[6];
	snprintf(code, sizeof(code), "u%04x", (unsigned)(unsigned char)letter);
	return end - s >= 5 && !strncasecmp(s, code, 5);
}

/* How much of s is the key, as it is or as JSON writes it ("\/", "\u002f"), be that within JSON
 * again. 0: it begins otherwise. */
static size_t key_at(const char *key, const char *s, const char *end)
{
	const char *at = s;
	for (; *key; key++) {
		const char *most = end - at > ESCAPES_MOST ? at + ESCAPES_MOST : end, *bare = at;
		while (at < most && *at == '\\' && *key != '\\')
			at++;
		if (at > bare && is_coded(at, end, *key))
			at += 5;
		else if (at < end && *at == *key)
			at++;
		else
			return 0;
	}
	return (size_t)(at - s);
}

void http_blot(const char *key, char *text, size_t len)
{
	const char *end = text + len;
	if (!key || strlen(key) < KEY_BYTES_LEAST)
		return;
	while (text < end) {
		size_t n = *text == *key || *text == '\\' ? key_at(key, text, end) : 0;
		memset(text, '*', n);
		text += n ? n : 1;
	}
}

/* ---- the folder */

static struct http_recorder *unuse(struct http_recorder *r)
{
	if (--r->uses == 0) {
		free(r->dir);
		free(r);
	}
	return NULL;
}

/* Behind the highest number there is. */
static int first_number(const char *dir, struct err *err)
{
	int most = 0;
	DIR *d = opendir(dir);
	if (!d)
		return err_set(err, -errno, "%s: nothing can be recorded there: %s", dir,
			       strerror(errno));
	for (struct dirent *e; (e = readdir(d));) {
		int n = atoi(e->d_name);
		if (n > most && n < INT32_MAX)
			most = n;
	}
	closedir(d);
	return most + 1;
}

int http_record_open(struct http_recorder **out, struct loop *loop, const char *dir,
		     struct err *err)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "%s: nothing can be recorded there: %s", dir,
			       strerror(errno));
	int first = first_number(dir, err);
	if (first < 0)
		return first;
	if (access(dir, W_OK | X_OK) < 0)
		return err_set(err, -errno, "%s: nothing can be recorded there: %s", dir,
			       strerror(errno));
	struct http_recorder *r = xcalloc(1, sizeof(*r));
	*r = (struct http_recorder){.loop = loop, .dir = xstrdup(dir), .next = first, .uses = 1};
	*out = r;
	return 0;
}

struct http_recorder *http_record_close(struct http_recorder *r)
{
	return r ? unuse(r) : NULL;
}

/* ---- what is written */

/* Printable, and without the key. Owned. */
static char *plain(const char *key, const char *text, size_t len)
{
	char *copy = xstrndup(text, len);
	http_blot(key, copy, strlen(copy));
	for (char *c = copy; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return copy;
}

static void put_text(cJSON *object, const char *name, const char *key, const char *text, size_t len)
{
	CLEANUP(cleanup_free) char *copy = plain(key, text, len);
	cJSON_AddStringToObject(object, name, copy);
}

/* "Name: value"; of several with one name the values are joined, as RFC 9110 has it. */
static void put_field(cJSON *fields, const char *key, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	if (!colon || colon == line)
		return;
	CLEANUP(cleanup_free) char *name = plain(key, line, (size_t)(colon - line));
	const char *end = line + len;
	for (line = colon + 1; line < end && strchr(" \t", *line); line++)
		;
	while (end > line && strchr(" \t\r\n", end[-1]))
		end--;
	cJSON *before = cJSON_DetachItemFromObject(fields, name);
	CLEANUP(cleanup_free)
	char *value = xasprintf("%s%s%.*s", before ? before->valuestring : "", before ? ", " : "",
				(int)(end - line), line);
	put_text(fields, name, key, value, strlen(value));
	cJSON_Delete(before);
}

/* Who somebody is with the server, and what is no longer true of a body that was unpacked. */
static bool is_left_out(const char *line, size_t len)
{
	static const char *const names[] = {
		"set-cookie:",	      "openai-organization:",	    "openai-project:",
		"content-encoding:",  "anthropic-organization-id:", "content-length:",
		"transfer-encoding:",
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);
		if (len >= n && !strncasecmp(line, names[i], n))
			return true;
	}
	return false;
}

static void put_request_fields(cJSON *meta, const struct http_request *r)
{
	cJSON *fields = cJSON_AddObjectToObject(meta, "request_headers");
	if (r->body)
		cJSON_AddStringToObject(fields, "Content-Type",
					r->body_type ? r->body_type : "application/json");
	for (const char *const *field = r->fields; field && *field; field++)
		put_field(fields, r->key, *field, strlen(*field));
	if (r->key) {
		CLEANUP(cleanup_free)
		char *line =
			xasprintf("%s***", r->key_field ? r->key_field : "Authorization: Bearer ");
		put_field(fields, NULL, line, strlen(line));
	}
}

static void keep_body(struct http_recording *e, const struct http_request *r)
{
	char part[16384];
	size_t n;
	if (!r->body)
		return;
	struct http_upload *u = http_upload_new(r);
	while ((n = http_upload_read(u, part, sizeof(part))) && buf_add(&e->sent, part, n) == 0)
		;
	http_upload_free(u);
	http_blot(e->key, e->sent.data, e->sent.len);
}

struct http_recording *http_record_begin(struct http_recorder *r,
					 const struct http_request *request)
{
	if (!r)
		return NULL;
	const char *host = strstr(request->url, "://");
	host = host ? host + 3 : request->url;
	const char *path = host + strcspn(host, "/?");
	struct http_recording *e = xcalloc(1, sizeof(*e));
	*e = (struct http_recording){.recorder = r,
				     .key = xstrdup(request->key),
				     .meta = cJSON_CreateObject(),
				     .began_mono_us = clock_mono_us()};
	r->uses++;
	cJSON_AddStringToObject(e->meta, "method", request->body ? "POST" : "GET");
	put_text(e->meta, "host", e->key, host, (size_t)(path - host));
	put_text(e->meta, "path", e->key, path, strlen(path));
	put_request_fields(e->meta, request);
	keep_body(e, request);
	cJSON_AddNumberToObject(e->meta, "request_body_len", (double)e->sent.len);
	cJSON_AddNumberToObject(e->meta, "started_unix_ms", (double)clock_unix_ms());
	e->fields = cJSON_AddObjectToObject(e->meta, "response_headers");
	return e;
}

void http_record_head(struct http_recording *e, const char *line, size_t len)
{
	if (!e)
		return;
	if (len > 5 && !strncmp(line, "HTTP/", 5)) {
		cJSON_DeleteItemFromObject(e->meta, "response_headers");
		e->fields = cJSON_AddObjectToObject(e->meta, "response_headers");
	} else if (!is_left_out(line, len)) {
		put_field(e->fields, e->key, line, len);
	}
}

/* ---- writing */

/* A file that was not there. */
static int write_new(int folder, int number, const char *suffix, const char *data, size_t len)
{
	char name[NAME_MAX_BYTES];
	snprintf(name, sizeof(name), "%06d.%s", number, suffix);
	CLEANUP(cleanup_close)
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : file_write(fd, data, len);
}

char *http_record_meta(const struct http_recording *e)
{
	char *text = cJSON_Print(e->meta);
	if (!text)
		abort(); /* as xcalloc does */
	return text;
}

static int write_meta(int folder, int number, const struct http_recording *e)
{
	char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
	CLEANUP(cleanup_free) char *text = http_record_meta(e);
	int r = write_new(folder, number, "meta.tmp", text, strlen(text));
	snprintf(from, sizeof(from), "%06d.meta.tmp", number);
	snprintf(to, sizeof(to), "%06d.meta.json", number);
	if (r == 0 && renameat(folder, from, folder, to) < 0)
		r = -errno;
	return r;
}

static int write_exchange(struct http_recording *e)
{
	struct http_recorder *r = e->recorder;
	CLEANUP(cleanup_close) int folder = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int number, result;
	if (folder < 0)
		return -errno;
	do {
		number = atomic_fetch_add(&r->next, 1);
		result = write_new(folder, number, "req", buf_str(&e->sent), e->sent.len);
	} while (result == -EEXIST);
	if (result == 0)
		result = write_new(folder, number, "body", buf_str(&e->came), e->came.len);
	return result == 0 ? write_meta(folder, number, e) : result;
}

static void write_one(void *arg) /* pool */
{
	struct http_recording *e = arg;
	int result = write_exchange(e);
	if (result < 0 && !atomic_exchange(&e->recorder->broken, true))
		log_warn("record: %s: not every exchange is written: %s", e->recorder->dir,
			 strerror(-result));
}

static void recording_free(void *arg)
{
	struct http_recording *e = arg;
	unuse(e->recorder);
	cJSON_Delete(e->meta);
	buf_finish(&e->sent);
	buf_finish(&e->came);
	if (e->key)
		explicit_bzero(e->key, strlen(e->key));
	free(e->key);
	free(e);
}

void http_record_end(struct http_recording *e, const struct http_answer *answer)
{
	if (!e)
		return;
	if (!answer) {
		recording_free(e);
		return;
	}
	int64_t took_ms = (clock_mono_us() - e->began_mono_us) / 1000;
	cJSON_AddNumberToObject(e->meta, "took_ms", (double)took_ms);
	cJSON_AddNumberToObject(e->meta, "status", answer->status);
	if (answer->code < 0)
		put_text(e->meta, "error", e->key, answer->err.msg, strlen(answer->err.msg));
	if (answer->code == -ETIMEDOUT)
		cJSON_AddBoolToObject(e->meta, "timed_out", true);
	e->came.max_bytes = answer->body.max_bytes;
	if (answer->body.len)
		buf_add(&e->came, answer->body.data, answer->body.len);
	http_blot(e->key, e->came.data, e->came.len);
	loop_work(e->recorder->loop, write_one, recording_free, e);
}
