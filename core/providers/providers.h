/* SPDX-License-Identifier: MIT */
#ifndef PROVIDERS_H
#define PROVIDERS_H

/*
 * providers: a request becomes an answer. Who reads a chapter and who paints a scene stand behind
 * one table of functions, so that jobs knows no server and no painter.
 *
 * Threads: the loop's. An answer comes as one call of `done` on the loop, never from inside the
 * call that asked. A request whose ticket was cancelled gets no answer.
 */

#include "base.h"
#include "source.h"
#include "story.h"

struct provider_outcome {
	int code; /* 0, or -errno: -EACCES key refused, -EDQUOT budget or quota spent, -EIO failed,
		     ... */
	struct err err;		/* the reason, for a person */
	int64_t retry_after_ms; /* code != 0: -1 final, do not try this again; 0 at the caller's own
				   pace; else wait */
	bool refused;		/* by moderation: final for this very prompt */
};

struct analyze_request {
	const char *book_title, *language;
	int chapter;
	const char *chapter_title;
	const char *text; /* borrowed until done or cancel */
	size_t text_len;
	int scenes; /* wanted; an answer may have fewer, or none */
};
struct paint_request {
	const char *book_title, *chapter_title;
	int chapter, scene;
	const struct concept *concept; /* borrowed until done or cancel */
	const char *prompt;	       /* the final prompt, as stored */
	int width_px, height_px;
};

struct provider_ticket;
typedef void (*analyze_done_fn)(void *arg, const struct provider_outcome *outcome,
				struct analysis *a /* takes */);
/* ext as the bytes are: "png", "jpg", "webp". data is borrowed until the call returns. */
typedef void (*paint_done_fn)(void *arg, const struct provider_outcome *outcome, const void *data,
			      size_t len, const char *ext);

struct provider; /* one configured analyst and painter */
struct provider_ops {
	const char *name; /* "builtin" */
	struct provider_ticket *(*analyze)(struct provider *p, const struct analyze_request *r,
					   analyze_done_fn done, void *arg);
	struct provider_ticket *(*paint)(struct provider *p, const struct paint_request *r,
					 paint_done_fn done, void *arg);
	void (*cancel)(struct provider *p, struct provider_ticket *t);
	struct provider *(*free)(struct provider *p); /* cancels what is open */
};
/* Every provider begins with this. */
struct provider {
	const struct provider_ops *ops;
	const char *model;   /* "extractive-2"; borrowed from the provider */
	const char *options; /* what else changes an answer, for the result's key; "" if nothing */
	int analyze_slots, paint_slots; /* requests at once that are worth while */
};

/* The offline one: an extractive analyst (pool threads) and a painter of typeset storyboard cards.
 * The painter is a program of its own, bookfs-painter, since cairo, pango and fontconfig would cost
 * the daemon 5 MB only by being linked. It is found beside the program in a build tree, else where
 * it was installed; started at the first picture, ended after 5 s without one, and by the end of
 * this process. A picture that fails with it (a crash, nonsense, no answer within 30 s) fails with
 * a reason, and the next one starts another. */
int provider_builtin_new(struct provider **out, struct loop *loop, struct err *err);

/* A server that speaks OpenAI's format: chapters by chat/completions, pictures by
 * images/generations. libcurl is loaded by the first of these. What a server refuses (a JSON
 * schema, a size) it is not asked again. */
struct openai_settings {
	const char *base_url; /* "https://api.openai.com/v1" */
	const char *model;    /* NULL: what the server has */
	const char *key;      /* or NULL. Sent to its own server only: */
	const char *key_url;  /* whose key it is; NULL: base_url's */
	int slots;	      /* requests at once */
	int64_t timeout_ms;   /* for one answer */
};
/* -EINVAL: no usable address or key; -ENOPKG: there is no libcurl. */
int provider_openai_new(struct provider **out, struct loop *loop, const struct openai_settings *s,
			struct err *err);

struct provider *provider_free(struct provider *p);
DEFINE_CLEANUP(struct provider, provider_free)

/* The analyst itself, pure: any thread. */
int builtin_analyze(struct analysis **out, const struct analyze_request *r, struct err *err);

#endif
