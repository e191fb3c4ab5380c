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

/* What an answer took, with all that had to be asked again for it. */
struct usage {
	int requests;
	/* As the server counted. Where it says nothing a chapter's are estimated, so that a budget
	 * of them has an end; a picture's are 0. */
	int64_t tokens_in, tokens_out;
};

struct provider_outcome {
	int code; /* 0, or -errno: -EACCES key refused, -EDQUOT budget or quota spent, -EIO failed,
		     ... */
	struct err err;		/* the reason, for a person */
	int64_t retry_after_ms; /* code != 0: -1 final, do not try this again; 0 at the caller's own
				   pace; else wait */
	bool refused;		/* by moderation: final for this very prompt */
	struct usage usage;	/* of failures too */
};

struct analyze_request {
	const char *book_title, *language;
	int chapter;
	const char *chapter_title;
	const char *text; /* borrowed until done or cancel */
	size_t text_len;
	int scenes; /* wanted; an answer may have fewer, or none */
};
/* A picture of somebody or something that is in the scene: they shall look as they do there. */
struct paint_reference {
	const char *name; /* "Ida": what the prompt calls it */
	const void *data;
	size_t len;
	const char *ext; /* as its bytes are: "png", "jpg", "webp" */
};
struct paint_request {
	const char *book_title, *chapter_title;
	int chapter, scene;
	const struct concept *concept; /* borrowed until done or cancel */
	const char *prompt;	       /* the final prompt, as stored */
	int width_px, height_px;
	/* Most important first, and all that they point to: borrowed until done or cancel. What is
	 * beyond the provider's limits is not sent (paint_references_taken). Who they are the
	 * prompt says, in their order. */
	const struct paint_reference *references;
	size_t reference_count;
};

/* Something else that is to be told as JSON. */
struct question {
	const char *prompt;
	/* To be looked at; borrowed until done or cancel. Those beyond the provider's limits are
	 * not sent. */
	const struct paint_reference *pictures;
	size_t picture_count;
	int64_t answer_tokens; /* about so long */
};

struct provider_ticket;
typedef void (*analyze_done_fn)(void *arg, const struct provider_outcome *outcome,
				struct analysis *a /* takes */);
/* ext as the bytes are: "png", "jpg", "webp". data is borrowed until the call returns. */
typedef void (*paint_done_fn)(void *arg, const struct provider_outcome *outcome, const void *data,
			      size_t len, const char *ext);

/* json: an object; borrowed until the call returns. */
typedef void (*answer_done_fn)(void *arg, const struct provider_outcome *outcome, const char *json,
			       size_t len);

/* The names of the models that a server offers; borrowed until the call returns. */
typedef void (*models_done_fn)(void *arg, const struct provider_outcome *outcome,
			       const struct strv *names);

struct provider; /* one configured analyst or painter, or both */
struct provider_ops {
	const char *name; /* "builtin" */
	struct provider_ticket *(*analyze)(struct provider *p, const struct analyze_request *r,
					   analyze_done_fn done, void *arg);
	struct provider_ticket *(*paint)(struct provider *p, const struct paint_request *r,
					 paint_done_fn done, void *arg);
	/* NULL: it answers no questions. */
	struct provider_ticket *(*ask)(struct provider *p, const struct question *q,
				       answer_done_fn done, void *arg);
	void (*cancel)(struct provider *p, struct provider_ticket *t);
	/* What the request would take if all goes well; asks nobody. The requests are exact, the
	 * tokens are not. */
	void (*estimate_analyze)(struct usage *out, struct provider *p,
				 const struct analyze_request *r);
	void (*estimate_paint)(struct usage *out, struct provider *p,
			       const struct paint_request *r);
	void (*estimate_ask)(struct usage *out, struct provider *p, const struct question *q);
	/* NULL: there is nobody to ask. */
	struct provider_ticket *(*models)(struct provider *p, models_done_fn done, void *arg);
	struct provider *(*free)(struct provider *p); /* cancels what is open */
};
/* What may go with a request for a picture. */
struct paint_limits {
	size_t prompt_bytes; /* of its prompt, which is cut behind them; 0: as many as it has */
	size_t references;   /* pictures beside it; 0: it takes none, looks are told in words */
	size_t reference_bytes, all_references_bytes; /* of each, and of all together */
};
/* How many of them are within the limits: those too large are passed over. taken: for each whether
 * it goes along; or NULL. */
size_t paint_references_taken(bool *taken, const struct paint_limits *l,
			      const struct paint_reference *references, size_t count);

/* Every provider begins with this. */
struct provider {
	const struct provider_ops *ops;
	const char *model;   /* borrowed from the provider */
	const char *options; /* what else changes an answer, for the result's key; "" if nothing */
	int analyze_slots, paint_slots; /* requests at once that are worth while */
	/* For who makes a prompt. On the loop: what a server refuses makes them less. */
	struct paint_limits paint_limits;
	struct paint_limits look_limits; /* of pictures that go with a question */
};

/* The offline one: an extractive analyst (pool threads) and a painter of typeset storyboard cards.
 * The painter is a program of its own, bookfs-painter, since cairo, pango and fontconfig would cost
 * the daemon 5 MB only by being linked. It is found beside the program in a build tree, else where
 * it was installed; started at the first picture, ended after 5 s without one, and by the end of
 * this process. A picture that fails with it (a crash, nonsense, no answer within 30 s) fails with
 * a reason, and the next one starts another. */
int provider_builtin_new(struct provider **out, struct loop *loop, struct err *err);

/* ---- servers */

/* How a server is spoken to; each is a row of core/providers/wire.c. */
enum wire {
	WIRE_NONE,
	/* chapters */
	WIRE_CHAT,	/* OpenAI's chat/completions */
	WIRE_ANTHROPIC, /* messages */
	WIRE_GEMINI,	/* :generateContent, for pictures too */
	WIRE_OLLAMA,	/* its own api/chat, which can be told how much it shall see */
	WIRE_AZURE_CHAT,
	/* pictures */
	WIRE_IMAGES,	  /* OpenAI's images/generations */
	WIRE_OPENROUTER,  /* images, else as the next */
	WIRE_CHAT_IMAGES, /* chat/completions with modalities */
	WIRE_AZURE_IMAGES,
	WIRE_SDCPP,   /* stable-diffusion.cpp's images/generations */
	WIRE_A1111,   /* sdapi/v1/txt2img */
	WIRE_COMFYUI, /* a workflow of the person's own */
};

/* A server that people have, and what is known of it. */
struct preset {
	const char *name;  /* "openai" */
	const char *about; /* one line: what it is and what it needs */
	enum wire chat, image;
	const char *base_url;		 /* NULL: one must be given */
	const char *image_base_url;	 /* NULL: base_url */
	const char *key_variable;	 /* "OPENAI_API_KEY"; NULL: it knows no keys */
	bool key_needed;		 /* and so it costs money */
	const char *model, *image_model; /* where none is named; NULL: one must be, or it has one */
	const char *reference_models;	 /* which of its image models take reference pictures: those
					    with this in their name; NULL: none */
	int chat_slots, image_slots;
};
const struct preset *provider_preset(const char *name); /* NULL: there is none */
const struct preset *provider_preset_at(size_t k);	/* NULL past the end */
/* What its pictures may be asked with, as documented. model NULL: the preset's, or one of those
 * that take most. */
void provider_paint_limits(struct paint_limits *out, const struct preset *p, const char *model);

/* Lets requests go: limits and budgets that several processes share, of which providers knows
 * nothing. Each HTTP request is asked for, those that a provider makes by itself (another try, a
 * part of a chapter) too; only the fetching of an url that an answer named is not. */
struct gate;
struct gate_pass;
struct gate_report { /* what its end taught of the server */
	struct usage usage;
	int status;		/* HTTP; 0: no answer came */
	int64_t retry_after_ms; /* what the server asks for; -1: nothing */
	/* x-ratelimit-*: -1 where it says nothing. Reset is from now. */
	int64_t requests_left, requests_reset_ms, tokens_left, tokens_reset_ms;
};
struct gate_ops {
	/* go is called once, on the loop, never from inside the call; `no` is NULL, or why the
	 * request must not be made (-EDQUOT, a wait of minutes). tokens: as estimated. */
	struct gate_pass *(*enter)(struct gate *g, const char *server, int64_t tokens,
				   void (*go)(void *arg, const struct provider_outcome *no),
				   void *arg);
	/* Once after go with NULL; the pass is gone. NULL report: the request was never made. */
	void (*leave)(struct gate *g, struct gate_pass *pass, const struct gate_report *report);
	void (*cancel)(struct gate *g, struct gate_pass *pass); /* before go */
};
struct gate { /* every gate begins with this */
	const struct gate_ops *ops;
};

struct server_settings {
	const struct preset *preset;
	const char *base_url; /* NULL: the preset's */
	const char *model;    /* NULL: the preset's, or what the server has */
	const char *key;      /* or NULL. Sent to its own server only: */
	const char *key_url;  /* whose key it is; NULL: base_url's */
	int slots;	      /* requests at once */
	int64_t timeout_ms;   /* for one answer */
	double temperature;   /* <0: the server's own */
	int64_t seed;	      /* <0: none */
	const char *image_size,
		*image_quality;	  /* "1024x1024"; NULL: as it is asked, the server's */
	const char *workflow;	  /* ComfyUI's, its text; else NULL */
	const char *instructions; /* a person's own prompt for chapters; NULL: ours */
	int64_t context_tokens;	  /* a longer chapter is asked for in parts; 0: the usual */
	size_t prompt_bytes;	  /* of a picture's prompt; 0: as documented */
	const char *record_dir;	  /* every exchange is written there, without keys; or NULL */
	struct gate *gate;	  /* or NULL: everything goes at once */
};
enum provider_role { ROLE_TEXT, ROLE_IMAGE };
/* libcurl is loaded by the first of these. What a server refuses (a JSON schema, a size) it is not
 * asked again. Copies what settings point to, but the gate. -EINVAL: no usable address, key or
 * model; -ENOPKG: there is no libcurl. */
int provider_server_new(struct provider **out, struct loop *loop, enum provider_role role,
			const struct server_settings *s, struct err *err);

struct provider *provider_free(struct provider *p);
DEFINE_CLEANUP(struct provider, provider_free)

/* ---- picture books: pages set by a program of its own, bookfs-binder, for a command that waits */

struct binder;
enum binder_kind { BINDER_PDF, BINDER_PAGES };
enum binder_page { BINDER_COVER, BINDER_PLATE, BINDER_CAST };
struct binder_sheet { /* all borrowed */
	enum binder_page kind;
	const char *title, *text, *foot;
	const struct strv *lines;  /* the cast: a name, what is said of it, a name ... */
	const struct buf *picture; /* PNG, JPEG; one that cannot be read leaves its place empty */
};
/* pdf: where a BINDER_PDF is written to. */
int binder_open(struct binder **out, enum binder_kind kind, int pdf, struct err *err);
/* png: the page of BINDER_PAGES is appended; else NULL. */
int binder_add(struct buf *png, struct binder *b, const struct binder_sheet *sheet,
	       struct err *err);
int binder_finish(struct binder *b, struct err *err); /* the PDF is written */
struct binder *binder_close(struct binder *b);
DEFINE_CLEANUP(struct binder, binder_close)

/* Is this a whole PNG, JPEG or WebP of a size that can be shown? *ext (borrowed for ever) as the
 * bytes are: "png", "jpg", "webp". -EBADMSG with the reason. Any thread. */
int picture_check(const char **ext, const void *data, size_t len, struct err *err);

/* The analyst itself, pure: any thread. */
int builtin_analyze(struct analysis **out, const struct analyze_request *r, struct err *err);

#endif
