/* SPDX-License-Identifier: MIT */
/*
 * A server of models that takes exactly its time, for the benchmark: chat/completions and
 * images/generations, one thread, any number of connections. What it costs itself is some 20 us a
 * request, so that it is bookfs that is measured.
 *
 *     model TEXT_MS PICTURE_MS PICTURE_BYTES
 *
 * Prints its port. When its standard input ends it prints a line for each request, in the order in
 * which they came: "chat|image BEGAN_US ENDED_US", by CLOCK_MONOTONIC: when the request was there,
 * and when the last byte of its answer had been handed to the kernel.
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS_MOST = 200000, HEAD_ROOM = 64 };

struct connection {
	int fd;
	char *in; /* the request, as far as it came */
	size_t in_len, in_cap;
	char *out; /* the answer, as far as it went; NULL: none */
	size_t out_len, out_sent;
	bool borrowed;	/* out is the picture that all get */
	int64_t due_us; /* when it may go; 0: nothing waits */
	long request;
	struct connection *next;
};

static struct request {
	bool picture;
	int64_t began_us, ended_us;
} * requests;
static long request_count;
static struct connection *connections;
static int64_t text_us, picture_us;
static char *picture_answer;
static size_t picture_answer_len;
static int epoll_fd, timer_fd, listen_fd;

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- what is answered */

static char *with_head(size_t *len, const char *body, size_t body_len)
{
	char *out = malloc(body_len + HEAD_ROOM * 2);
	if (!out)
		err(1, "memory");
	int n = snprintf(out, HEAD_ROOM * 2,
			 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 body_len);
	memcpy(out + n, body, body_len);
	*len = (size_t)n + body_len;
	return out;
}

/* A PNG of 8x8, as large as it is told to be by a chunk that readers pass over: any letters of
 * base64 are its bytes. */
static void make_picture(size_t bytes)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char head[] =
		"{\"data\":[{\"b64_json\":\""
		"iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSnc"; /* to IHDR's end */
	static const char tail[] = "AAAAEUlEQVR4nGNwSGjAihiGlgQAEmxIAa8lGyQAAAAASUVORK5CYII=\"}]}";
	size_t data = (bytes > 100 ? bytes - 100 : 0) / 3 * 3;
	const unsigned char chunk[9] = {(unsigned char)(data >> 24),
					(unsigned char)(data >> 16),
					(unsigned char)(data >> 8),
					(unsigned char)data,
					'n',
					'o',
					'I',
					's',
					0}; /* its length, kind, first byte */
	char *body = malloc(sizeof(head) + sizeof(tail) + 12 + (data + 3) / 3 * 4), *p;
	uint64_t state = 88172645463325252u;
	if (!body)
		err(1, "memory");
	p = stpcpy(body, head);
	for (int i = 0; i < 9; i += 3)
		for (int shift = 18; shift >= 0; shift -= 6)
			*p++ = letters[(chunk[i] << 16 | chunk[i + 1] << 8 | chunk[i + 2]) >>
					       shift &
				       63];
	for (size_t i = 0; data && i < (data + 3) / 3 * 4;
	     i++) { /* with its checksum, which nobody reads */
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		*p++ = letters[state & 63];
	}
	p = stpcpy(data ? p : p - 12, tail);
	picture_answer = with_head(&picture_answer_len, body, (size_t)(p - body));
	free(body);
}

/* The first sentence of the chapter that needs no escaping, so that it is found there. */
static void find_quote(const char **quote, size_t *len, const char *text)
{
	const char *at = strstr(text, "It is data");
	for (*quote = "", *len = 0; at && *at; at++) {
		size_t n = strcspn(at, ".\"\\\x80\xe2");
		if (*at >= 'A' && *at <= 'Z' && n > 40 && at[n] == '.') {
			*quote = at;
			*len = n + 1;
			return;
		}
		at += strcspn(at, " ");
		if (!*at)
			return;
	}
}

/* As many concepts as are asked for. */
static char *make_analysis(size_t *len, const char *text)
{
	const char *give = strstr(text, "Give "), *quote;
	int wanted = give ? atoi(give + 5) : 1;
	size_t quote_len, body_len;
	char *body;
	FILE *f = open_memstream(&body, &body_len);
	if (!f)
		err(1, "memory");
	find_quote(&quote, &quote_len, text);
	fputs("{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"{\\\"concepts\\\":"
	      "[",
	      f);
	for (int i = 0; i < wanted; i++)
		fprintf(f,
			"%s{\\\"quote\\\":\\\"%.*s\\\",\\\"description\\\":\\\"Scene "
			"%d\\\",\\\"mood\\\":"
			"\\\"calm\\\",\\\"lighting\\\":\\\"dim\\\",\\\"elements\\\":["
			"\\\"Orsolya\\\"]}",
			i ? "," : "", (int)quote_len, quote, i);
	fputs("],\\\"elements\\\":[{\\\"type\\\":\\\"character\\\",\\\"name\\\":\\\"Orsolya\\\","
	      "\\\"aliases\\\":[],"
	      "\\\"description\\\":\\\"tall\\\",\\\"quotes\\\":[]}]}\"},\"finish_reason\":\"stop\"}"
	      "],"
	      "\"usage\":{\"prompt_tokens\":3000,\"completion_tokens\":300,\"total_tokens\":3300}}",
	      f);
	fclose(f);
	char *out = with_head(len, body, body_len);
	free(body);
	return out;
}

/* ---- connections */

static void close_connection(struct connection *c)
{
	struct connection **at = &connections;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	close(c->fd);
	free(c->in);
	if (!c->borrowed)
		free(c->out);
	free(c);
}

static void send_out(struct connection *c)
{
	while (c->out_sent < c->out_len) {
		ssize_t n =
			send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			close_connection(c);
			return;
		}
		c->out_sent += (size_t)n;
	}
	requests[c->request].ended_us = now_us();
	if (!c->borrowed)
		free(c->out);
	c->out = NULL;
}

static void answer(struct connection *c)
{
	c->due_us = 0;
	c->out_sent = 0;
	c->borrowed = requests[c->request].picture;
	c->in[c->in_len] = '\0';
	c->out = c->borrowed ? picture_answer : make_analysis(&c->out_len, c->in);
	if (c->borrowed)
		c->out_len = picture_answer_len;
	c->in_len = 0;
	send_out(c);
}

/* The request is there, whole. */
static void begin(struct connection *c)
{
	if (request_count == REQUESTS_MOST)
		errx(1, "more than %d requests", REQUESTS_MOST);
	struct request *r = &requests[c->request = request_count++];
	r->picture = memmem(c->in, strcspn(c->in, "\r"), "/images/", 8);
	r->began_us = now_us();
	c->due_us = r->began_us + (r->picture ? picture_us : text_us);
	if (c->due_us == r->began_us)
		answer(c);
}

static bool is_whole(const struct connection *c)
{
	const char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4), *length;
	if (!end)
		return false;
	length = strcasestr(c->in, "\r\ncontent-length:");
	return length && length < end &&
	       c->in_len >= (size_t)(end + 4 - c->in) + strtoul(length + 17, NULL, 10);
}

static void make_room(struct connection *c)
{
	if (c->in_cap - c->in_len > 65536)
		return;
	c->in_cap = c->in_cap * 2 + 65537;
	if (!(c->in = realloc(c->in, c->in_cap)))
		err(1, "memory");
}

static void receive(struct connection *c)
{
	ssize_t n;
	for (;;) {
		make_room(c);
		n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len - 1, 0);
		if (n <= 0)
			break;
		c->in_len += (size_t)n;
		c->in[c->in_len] = '\0';
	}
	if (n == 0 || errno != EAGAIN)
		close_connection(c);
	else if (c->in_len && !c->due_us && !c->out && is_whole(c))
		begin(c);
}

static void accept_one(void)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
	struct connection *c = calloc(1, sizeof *c);
	if (fd < 0 || !c)
		err(1, "accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	*c = (struct connection){.fd = fd, .next = connections};
	connections = c;
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		err(1, "epoll");
}

/* ---- time */

static void answer_due(void)
{
	for (struct connection *c = connections, *next; c; c = next) {
		next = c->next;
		if (c->due_us && c->due_us <= now_us())
			answer(c);
	}
}

static void wake_at_next(void)
{
	int64_t first_us = 0;
	for (struct connection *c = connections; c; c = c->next)
		if (c->due_us && (!first_us || c->due_us < first_us))
			first_us = c->due_us;
	const struct itimerspec at = {.it_value = {first_us / 1000000, first_us % 1000000 * 1000}};
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static int listen_on_loopback(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(listen_fd, 512) < 0 || getsockname(listen_fd, (struct sockaddr *)&a, &len) < 0)
		err(1, "loopback");
	return ntohs(a.sin_port);
}

static void watch(int *fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = fd};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, *fd, &e) < 0)
		err(1, "epoll");
}

static void report(void)
{
	for (long i = 0; i < request_count; i++)
		printf("%s %lld %lld\n", requests[i].picture ? "image" : "chat",
		       (long long)requests[i].began_us, (long long)requests[i].ended_us);
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	int in = 0;
	uint64_t ticks;
	if (argc != 4)
		errx(2, "usage: model TEXT_MS PICTURE_MS PICTURE_BYTES");
	text_us = atol(argv[1]) * 1000;
	picture_us = atol(argv[2]) * 1000;
	make_picture((size_t)atol(argv[3]));
	requests = calloc(REQUESTS_MOST, sizeof *requests);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	printf("%d\n", listen_on_loopback());
	fflush(stdout);
	watch(&listen_fd);
	watch(&timer_fd);
	watch(&in);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, 64, -1);
		for (int i = 0; i < n; i++) {
			void *what = events[i].data.ptr;
			if (what == &in) {
				report();
				return 0;
			}
			if (what == &listen_fd)
				accept_one();
			else if (what == &timer_fd)
				(void)!read(timer_fd, &ticks, sizeof ticks);
			else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				receive(what);
			else if (((struct connection *)what)->out)
				send_out(what);
		}
		answer_due();
		wake_at_next();
	}
}
