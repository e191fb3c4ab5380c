/* SPDX-License-Identifier: MIT */
#include "http.h"
#include "http_curl.h"
#include "http_record.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/*
 * libcurl says which descriptors it waits for and until when; the loop says when it is so; then
 * libcurl goes on and hands back what has ended. Callbacks of libcurl only keep what they are
 * given: an answer is told after libcurl has returned, so that whoever gets it may ask again or
 * cancel at will.
 */

enum { HEAD_BYTES_MAX = 256 << 10, CONNECTIONS_KEPT = 128 };

struct http {
	struct loop *loop;
	const struct http_curl *curl;
	CURLM *multi;
	struct timer *timer;
	struct http_call *calls;
	struct http_recorder *recorder; /* or NULL */
};

struct http_call {
	struct http *http;
	struct http_call *next, **at;
	CURL *easy;
	struct curl_slist *fields;
	char *key;
	size_t head_bytes;
	bool head_too_large, too_large, begun;
	int64_t stall_ms;
	struct timer *stall;
	struct http_answer answer;
	struct http_recording *recording;
	struct http_upload *upload; /* or NULL: libcurl has the body */
	size_t body_len;	    /* with what is inserted */
	char reason[CURL_ERROR_SIZE];
	http_done_fn done;
	void *arg;
};

/* One descriptor that libcurl waits for. */
struct http_socket {
	struct http *http;
	curl_socket_t fd;
	struct watch *watch;
};

/* ---- a call's life */

static void call_free(struct http_call *c)
{
	const struct http_curl *curl = c->http->curl;
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	curl->multi_remove_handle(c->http->multi, c->easy);
	curl->easy_cleanup(c->easy);
	curl->slist_free_all(c->fields);
	timer_free(c->stall);
	http_record_end(c->recording, NULL);
	http_upload_free(c->upload);
	buf_finish(&c->answer.body);
	free(c->key);
	free(c);
}

static void tell(struct http_call *c)
{
	struct http_answer a = c->answer;
	http_done_fn done = c->done;
	void *arg = c->arg;
	c->answer.body = (struct buf){0};
	/* A server that repeats the key it was given must not bring it into a log, a file or the
	 * store. */
	http_blot(c->key, a.body.data, a.body.len);
	http_blot(c->key, a.err.msg, strlen(a.err.msg));
	http_record_end(c->recording, &a);
	c->recording = NULL;
	call_free(c);
	done(arg, &a);
	buf_finish(&a.body);
}

static bool is_certificate(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
}

static bool is_hopeless(CURLcode code)
{
	static const CURLcode codes[] = {CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL,
					 CURLE_TOO_MANY_REDIRECTS, CURLE_SSL_CERTPROBLEM};
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (code == codes[i])
			return true;
	return is_certificate(code);
}

/* What libcurl calls an unsupported protocol may be an answer that is no HTTP: then there is a
 * server, and the next answer may be one. */
static bool is_no_answer(const struct http_call *c, CURLcode code)
{
	long port = 0;
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		c->http->curl->easy_getinfo(c->easy, CURLINFO_PRIMARY_PORT, &port);
	return port > 0;
}

static void failed(struct http_call *c, CURLcode code)
{
	struct http_answer *a = &c->answer;
	const char *why = c->reason[0] ? c->reason : c->http->curl->easy_strerror(code);
	a->hopeless = is_hopeless(code) && !is_no_answer(c, code);
	/* Of memory libcurl has enough, or we would have ended: it is its word for a line that is
	 * longer than it takes. */
	if (c->head_too_large || (code == CURLE_OUT_OF_MEMORY && !c->begun)) {
		a->hopeless = true;
		a->code = err_set(&a->err, -EFBIG, "the head of the server's answer is too large");
	} else if (c->too_large || code == CURLE_FILESIZE_EXCEEDED) {
		a->hopeless = true;
		a->code = err_set(&a->err, -EFBIG, "the server's answer is larger than %zu bytes",
				  a->body.max_bytes);
	} else if (is_certificate(code)) {
		a->code = err_set(
			&a->err, -EIO,
			"the server's certificate cannot be verified: %s; if the server is "
			"yours, set SSL_CERT_FILE to the file of the authority that signed it",
			why);
	} else if (code == CURLE_OPERATION_TIMEDOUT) {
		a->code =
			err_set(&a->err, -ETIMEDOUT, "the server did not answer in time: %s", why);
	} else {
		a->code = err_set(&a->err, -EIO, "the server cannot be asked: %s", why);
	}
}

static void ended(struct http_call *c, CURLcode code)
{
	long status = 0;
	curl_off_t sent = 0;
	c->http->curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	c->http->curl->easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	c->answer.sent = c->body_len && sent >= (curl_off_t)c->body_len;
	c->answer.status = (int)status;
	if (code != CURLE_OK)
		failed(c, code);
	tell(c);
}

/* Of two that ended together the first may cancel the second: so one at a time is looked for. */
static void reap(struct http *h)
{
	CURLMsg *m;
	int left;
	while ((m = h->curl->multi_info_read(h->multi, &left))) {
		struct http_call *c = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;
		h->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		ended(c, code);
	}
}

static void stalled(void *arg)
{
	struct http_call *c = arg;
	c->answer.code = err_set(&c->answer.err, -ETIMEDOUT,
				 "the server fell silent within its answer, after %zu bytes",
				 c->answer.body.len);
	tell(c);
}

/* ---- what libcurl hands over */

static void bytes_came(struct http_call *c)
{
	timer_set(c->stall, clock_boot_ms() + c->stall_ms);
}

static size_t on_head(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * count;
	c->head_bytes += len;
	if (c->head_bytes > HEAD_BYTES_MAX) {
		c->head_too_large = true;
		return 0;
	}
	bytes_came(c);
	CLEANUP(cleanup_free) char *line = xcalloc(len + 1, 1);
	memcpy(line, data, len);
	http_blot(c->key, line, len); /* before a part of it is kept */
	http_record_head(c->recording, line, len);
	http_header(&c->answer, line, len, clock_unix_ms(), c->http->curl->getdate);
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *c = arg;
	struct buf *body = &c->answer.body;
	size_t len = size * count;
	curl_off_t whole = -1;
	if (!c->begun) {
		c->http->curl->easy_getinfo(c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
		if (whole > 0 && (uint64_t)whole <= body->max_bytes)
			buf_reserve(body, (size_t)whole);
		c->begun = true;
	}
	bytes_came(c);
	if (buf_add(body, data, len) < 0) {
		c->too_large = true;
		return 0;
	}
	return len;
}

static void on_ready(void *arg, uint32_t revents)
{
	struct http_socket *s = arg;
	struct http *h = s->http;
	int what = 0, running;
	if (revents & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (revents & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (revents & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	h->curl->multi_socket_action(h->multi, s->fd, what, &running);
	reap(h);
}

static void on_time(void *arg)
{
	struct http *h = arg;
	int running;
	h->curl->multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(h);
}

/* The painter's child must not keep a connection open. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int want_time(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *h = arg;
	if (timeout_ms < 0)
		timer_stop(h->timer);
	else
		timer_set(h->timer, clock_boot_ms() + timeout_ms);
	return 0;
}

static void socket_free(struct http_socket *s)
{
	watch_free(s->watch);
	free(s);
}

static int socket_new(struct http *h, curl_socket_t fd, uint32_t events)
{
	struct http_socket *s = xcalloc(1, sizeof(*s));
	*s = (struct http_socket){.http = h, .fd = fd};
	if (loop_watch(&s->watch, h->loop, fd, events, on_ready, s) < 0) {
		free(s);
		return -1;
	}
	h->curl->multi_assign(h->multi, fd, s);
	return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct http *h = arg;
	struct http_socket *s = of_socket;
	uint32_t events = 0;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			socket_free(s);
		h->curl->multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (s)
		return watch_events(s->watch, events) < 0 ? -1 : 0;
	return socket_new(h, fd, events);
}

/* ---- what libcurl sends */

static size_t on_upload(char *out, size_t size, size_t count, void *arg)
{
	struct http_call *c = arg;
	return http_upload_read(c->upload, out, size * count);
}

/* It is sent once more: a connection that was kept had been closed by the server. */
static int on_rewind(void *arg, curl_off_t at, int whence)
{
	struct http_call *c = arg;
	if (whence != SEEK_SET || at < 0 || (size_t)at > http_upload_len(c->upload))
		return CURL_SEEKFUNC_FAIL;
	http_upload_seek(c->upload, (size_t)at);
	return CURL_SEEKFUNC_OK;
}

/* ---- asking */

/* A failing setopt means a libcurl that was built without it: then the request says so itself. */
#define SET(option, value) curl->easy_setopt(c->easy, CURLOPT_##option, value)

static void add_field(struct http_call *c, const char *line)
{
	c->fields = c->http->curl->slist_append(c->fields, line);
}

static void set_fields(struct http_call *c, const struct http_request *r)
{
	const struct http_curl *curl = c->http->curl;
	if (r->body) {
		CLEANUP(cleanup_free)
		char *type = xasprintf("Content-Type: %s",
				       r->body_type ? r->body_type : "application/json");
		add_field(c, type);
	}
	add_field(c, "Expect:"); /* no round trip to ask whether it may be sent */
	for (const char *const *field = r->fields; field && *field; field++)
		add_field(c, *field);
	if (r->key) {
		CLEANUP(cleanup_free)
		char *line = xasprintf(
			"%s%s", r->key_field ? r->key_field : "Authorization: Bearer ", r->key);
		add_field(c, line);
		explicit_bzero(line, strlen(line));
	}
	SET(HTTPHEADER, c->fields);
	SET(HEADEROPT, (long)CURLHEADER_SEPARATE); /* a proxy gets none of them */
	SET(USERAGENT, "bookfs/" BOOKFS_VERSION);
	SET(ACCEPT_ENCODING, "");
}

/* libcurl itself reads the proxies of the environment, but not the certificates. */
static void set_certificates(struct http_call *c)
{
	const struct http_curl *curl = c->http->curl;
	const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
	if (!file || !*file)
		file = getenv("CURL_CA_BUNDLE");
	if (file && *file)
		SET(CAINFO, file);
	if (folder && *folder)
		SET(CAPATH, folder);
}

static void set_limits(struct http_call *c, const struct http_request *r)
{
	const struct http_curl *curl = c->http->curl;
	const bool secure = !strncasecmp(r->url, "https:", 6);
	SET(PROTOCOLS_STR, "http,https");
	SET(REDIR_PROTOCOLS_STR, secure ? "https" : "http");
	SET(FOLLOWLOCATION, r->key || r->body ? 0L : 1L);
	SET(MAXREDIRS, 3L);
	SET(NOSIGNAL, 1L);
	/* Many at once to one server: over HTTP/2 the first one's connection carries them all. */
	SET(PIPEWAIT, secure ? 1L : 0L);
	SET(CONNECTTIMEOUT_MS, (long)r->connect_ms);
	SET(TIMEOUT_MS, (long)r->total_ms);
	SET(MAXFILESIZE_LARGE, (curl_off_t)r->max_bytes);
}

static void set_receivers(struct http_call *c)
{
	const struct http_curl *curl = c->http->curl;
	SET(PRIVATE, c);
	SET(OPENSOCKETFUNCTION, open_socket);
	SET(ERRORBUFFER, c->reason);
	SET(HEADERFUNCTION, on_head);
	SET(HEADERDATA, c);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, c);
}

static void set_body(struct http_call *c, const struct http_request *r)
{
	const struct http_curl *curl = c->http->curl;
	c->body_len = r->body_len;
	if (!r->insert_count) {
		SET(POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		SET(COPYPOSTFIELDS, r->body);
		return;
	}
	c->upload = http_upload_new(r);
	c->body_len = http_upload_len(c->upload);
	SET(POST, 1L);
	SET(POSTFIELDSIZE_LARGE, (curl_off_t)c->body_len);
	SET(READFUNCTION, on_upload);
	SET(READDATA, c);
	SET(SEEKFUNCTION, on_rewind);
	SET(SEEKDATA, c);
}

static struct http_call *call_new(struct http *h, const struct http_request *r)
{
	struct http_call *c = xcalloc(1, sizeof(*c));
	*c = (struct http_call){
		.http = h,
		.next = h->calls,
		.at = &h->calls,
		.key = xstrdup(r->key),
		.stall_ms = r->stall_ms,
		.answer = {.body = {.max_bytes = r->max_bytes}},
	};
	http_header_void(&c->answer);
	if (c->next)
		c->next->at = &c->next;
	h->calls = c;
	c->stall = timer_new(h->loop, stalled, c);
	c->easy = h->curl->easy_init();
	if (!c->easy)
		abort(); /* as xcalloc does */
	return c;
}

struct http_call *http_send(struct http *h, const struct http_request *r, http_done_fn done,
			    void *arg)
{
	const struct http_curl *curl = h->curl;
	struct http_call *c = call_new(h, r);
	c->done = done;
	c->arg = arg;
	SET(URL, r->url);
	if (r->body)
		set_body(c, r);
	set_fields(c, r);
	set_certificates(c);
	set_limits(c, r);
	set_receivers(c);
	c->recording = http_record_begin(h->recorder, r);
	curl->multi_add_handle(h->multi, c->easy);
	return c;
}

void http_cancel(struct http_call *c)
{
	call_free(c);
}

/* ---- the engine */

int http_new(struct http **out, struct loop *loop, struct err *err)
{
	const struct http_curl *curl;
	int r = http_curl_load(&curl, err);
	if (r < 0)
		return r;
	struct http *h = xcalloc(1, sizeof(*h));
	*h = (struct http){.loop = loop, .curl = curl, .multi = curl->multi_init()};
	if (!h->multi)
		abort();
	h->timer = timer_new(loop, on_time, h);
	curl->multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl->multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl->multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_time);
	curl->multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl->multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	*out = h;
	return 0;
}

int http_record(struct http *h, const char *dir, struct err *err)
{
	return http_record_open(&h->recorder, h->loop, dir, err);
}

struct http *http_free(struct http *h)
{
	if (!h)
		return NULL;
	while (h->calls)
		call_free(h->calls);
	h->curl->multi_cleanup(h->multi);
	timer_free(h->timer);
	http_record_close(h->recorder);
	free(h);
	return NULL;
}
