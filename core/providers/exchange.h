/* SPDX-License-Identifier: MIT */
#ifndef EXCHANGE_H
#define EXCHANGE_H

/*
 * Private to providers: one request's way to a server and back. Its address and body are made, it
 * is sent, and what comes back is judged. How a kind of server is spoken to is a row of wire.c: an
 * address, a body, and what its answer says. All that follows from an answer is the same for all:
 * read the analysis or the picture, ask again in another form, or fail with a reason.
 *
 * Making and judging are pure functions of the exchange, so that a thread of the pool does them, a
 * fuzzer, and a test with the recorded answers of real servers.
 */

#include <cjson/cJSON.h>

#include "http.h"
#include "providers.h"

/* What a server is by its settings. One for all exchanges of a provider, which may end before they
 * do. */
struct service {
	int refs; /* the loop's */
	const struct preset *preset;
	const struct wire_format *wire;
	char *base_url, *query; /* without a slash at its end; what stood behind '?', or NULL */
	char *model;		/* "": what the server has */
	double temperature;	/* <0: the server's own */
	int64_t seed;		/* <0: none */
	char *image_size, *image_quality, *workflow, *instructions; /* or NULL */
	int64_t context_tokens;
	struct paint_limits paint_limits;
};
int service_new(struct service **out, enum provider_role role, const struct server_settings *s,
		struct err *err);
struct service *service_drop(struct service *s);
/* "at HOST", and whatever else changes an answer. Owned. */
char *service_options(const struct service *s, enum provider_role role);

/* What may stand in a request and may be refused. */
enum option {
	OPTION_SCHEMA = 1 << 0,		/* an answer by a JSON schema */
	OPTION_JSON = 1 << 1,		/* some JSON, where a schema is refused */
	OPTION_ROOM = 1 << 2,		/* the limit of an answer's tokens, by its usual name */
	OPTION_TEMPERATURE = 1 << 3,	/* */
	OPTION_SEED = 1 << 4,		/* */
	OPTION_SIZE = 1 << 5,		/* a picture's */
	OPTION_QUALITY = 1 << 6,	/* a picture's */
	OPTION_PICTURE_FORMAT = 1 << 7, /* the picture within the answer */
	OPTION_WORDS = 1 << 8,		/* words beside the picture */
	OPTION_PATH = 1 << 9,		/* the address; refused: the wire's other way */
	OPTION_REFERENCES = 1 << 10,	/* pictures beside a prompt */
};

/* What a server has shown not to take. Kept for as long as the provider lives, so that it is asked
 * in vain once and not with each chapter. */
struct lessons {
	unsigned refused;	/* of enum option */
	int64_t context_tokens; /* more is too long; 0: not known */
	size_t prompt_bytes;	/* as much of a picture's prompt; 0: not known */
};
void lessons_add(struct lessons *all, const struct lessons *more);

enum aim { AIM_CHAPTER, AIM_PICTURE, AIM_QUESTION, AIM_MODELS };
enum step {
	STEP_ASK,
	STEP_POLL,  /* is it done? At `url` */
	STEP_FETCH, /* the picture itself, from `url` */
};
enum verdict {
	VERDICT_GOOD,
	VERDICT_FAILED, /* outcome says how */
	VERDICT_AGAIN,	/* ask once more: what is to be changed stands in the exchange */
	VERDICT_NEXT,	/* on with `step` at `url`, after wait_ms */
	VERDICT_SPLIT,	/* the chapter is too long for this model: lessons say what is not */
};

struct exchange {
	/* What is asked. */
	const struct service *service;
	enum aim aim;
	char *prompt;
	struct buf text; /* of a chapter, or of its part: where quotes are looked up */
	int width_px, height_px;
	struct paint_reference *references; /* those that go along; their data is borrowed */
	size_t reference_count;
	char mark[48];		/* holds their places in a body: references.c */
	struct lessons lessons; /* with which it is asked, then with those that it has taught */
	bool roomy;		/* the answer was cut: ask for room */
	bool reminded;		/* the answer could not be used: show the fault */
	char *bad, *fault;
	enum step step;
	char *url;
	int64_t wait_ms;
	int polls, lapses;

	struct http_answer answer;

	/* The judgement. */
	enum verdict verdict;
	struct provider_outcome outcome; /* usage: of this answer */
	struct analysis *analysis;
	struct buf picture;
	const char *ext;
	struct buf json; /* a question's answer */
	struct strv models;
};
void exchange_finish(struct exchange *x);
int exchange_address(struct buf *url, const struct exchange *x);
/* Nothing: a GET. -EFBIG, -ENOMEM; -EINVAL: settings that give no request, err says why. Where
 * references go along it is for references_insert first. */
int exchange_body(struct buf *body, const struct exchange *x, struct err *err);
void exchange_judge(struct exchange *x); /* any thread */
/* Prompt tokens as a tokenizer may count them. */
int64_t exchange_tokens(const struct exchange *x);

void exchange_fail(struct exchange *x, int code, int64_t retry_after_ms, const char *fmt, ...)
	PRINTF(4, 5);
/* Of enum option: what stands in the request, by settings and lessons. */
unsigned exchange_options(const struct exchange *x);
const struct wire_format *exchange_wire(const struct exchange *x);

/* ---- references.c: pictures beside the prompt of one */

/* Those within the service's limits; they are borrowed for as long as the exchange is. */
void references_take(struct exchange *x, const struct paint_reference *references, size_t count);
bool references_go(const struct exchange *x);		    /* are there some, and are they sent? */
const char *references_form_path(const struct exchange *x); /* NULL: not as a form */
/* Nothing where none go. Chat's and OpenRouter's items, Gemini's parts. */
void references_add_urls(cJSON *list, const struct exchange *x);
void references_add_inline(cJSON *parts, const struct exchange *x);
/* A form of root's members and of the pictures. */
int references_form(struct buf *out, const cJSON *root, const struct exchange *x);
/* What goes into a body, for the words that hold their places: they are taken out. out has room for
 * reference_count. */
size_t references_insert(struct http_insert *out, struct buf *body, const struct exchange *x);

/* ---- wires */

/* What an answer says, whole or gathered from the events of a stream. */
enum reply_end { REPLY_OPEN, REPLY_DONE, REPLY_CUT, REPLY_FILTERED, REPLY_BROKEN };
struct reply {
	const struct exchange *exchange;
	bool seen; /* the thing itself was in it: a choice, a list of pictures */
	struct buf text;
	enum reply_end end;
	char *refusal; /* why the model will not, or why it broke off; or NULL */
	char *base64;  /* of a picture, or a data: url; or NULL */
	char *url;     /* a picture's, or where to ask whether there is one; or NULL */
	bool pending;  /* there is none yet */
	int64_t tokens_in, tokens_out;
};
/* reply.c */
void reply_text(struct reply *r, const char *text);
void reply_set(char **field, const char *value); /* NULL or "": stays as it is */
/* As it, and the tree's own bytes, which are gone from it: a picture is megabytes. */
void reply_take(char **field, const cJSON *string);
/* A list's first, NULL if it is none or empty. */
const cJSON *reply_first(const cJSON *list);
void reply_tokens(int64_t *field, const cJSON *usage, const char *key);
void reply_finish(struct reply *r);
/* The analysis in its words: a verdict. */
void reply_read_text(const struct reply *r, struct exchange *x);

struct wire_format {
	const char *path, *models; /* behind the base address; of a list of the server's models */
	const char *form_path;	   /* for a picture with references, which then go in a form */
	/* Where that is not all there is to an address, of which the base stands in url. */
	void (*address)(struct buf *url, const struct exchange *x, const char *path);
	const char *key_field;	   /* see http.h */
	const char *const *fields; /* see http.h */
	unsigned options;	   /* of enum option: what it knows */
	bool model_needed;
	bool cuts_prompts;	/* that are too long for the model, and says nothing of it */
	bool always_room;	/* the limit of an answer's tokens stands in each request */
	int64_t context_tokens; /* usual; 0: as the preset is */
	int (*body)(cJSON *root, const struct exchange *x, struct err *err);
	void (*read)(struct reply *r, const cJSON *root);
	int (*check)(const struct service *s, struct err *err); /* of settings; or NULL */
	enum wire instead; /* where its path is not to be found */
};
const struct wire_format *wire_format(enum wire w); /* NULL: WIRE_NONE */
extern const struct wire_format wire_chat, wire_azure_chat, wire_chat_images, wire_anthropic,
	wire_gemini, wire_ollama, wire_images, wire_azure_images, wire_openrouter, wire_sdcpp,
	wire_a1111, wire_comfyui;

/* What several wires have in common. */
int wire_chat_body(cJSON *root, const struct exchange *x, struct err *err);
void wire_chat_read(struct reply *r, const cJSON *root);
int wire_images_body(cJSON *root, const struct exchange *x, struct err *err);
void wire_images_read(struct reply *r, const cJSON *root);
extern const char wire_schema[];
void wire_message(cJSON *messages, const char *role, const char *content);
/* The prompt, and the references, if some go along. */
void wire_prompted(cJSON *messages, const char *prompt, const struct exchange *x);
/* The prompt, and if need be what was wrong with the answer. */
void wire_messages(cJSON *root, const struct exchange *x);
char *wire_reminder(const struct exchange *x);		 /* owned */
char *wire_prompt(const struct exchange *x);		 /* a picture's, cut as need be; owned */
char *wire_size(const struct exchange *x);		 /* "1024x1024"; owned */
const char *wire_aspect(const struct exchange *x);	 /* "16:9"; borrowed for ever */
void wire_sides(int sides[2], const struct exchange *x); /* in points */
void wire_escape(struct buf *out, const char *s);	 /* for a url */
enum { WIRE_ROOM_TOKENS = 32768 };

/* ---- json.c: JSON of strangers */

static inline void json_drop(cJSON **json)
{
	cJSON_Delete(*json);
}
/* NULL: not JSON, not UTF-8, or of too many values. Owned. */
cJSON *json_read(const char *s, size_t len);
const cJSON *json_member(const cJSON *object, const char *key);
const char *json_text(const cJSON *object, const char *key); /* NULL if it is none */
int json_print(struct buf *out, const cJSON *json);
/* The JSON in a model's answer: behind <think>...</think>, within a fence or prose, trailing commas
 * taken away; nothing is invented. From *at on; moves *at behind it. false: no more. */
bool json_find(struct buf *out, const char **at);
/* Server-sent events (WHATWG HTML, 9.2): is it some? The next one's data, [DONE] left out; moves
 * *at behind it. */
bool events_are(const char *s);
bool events_next(struct buf *data, const char **at);

/* ---- refusal.c: what a server says when it refuses */

struct refusal {
	int status;
	char code[64], param[64];
	char message[320]; /* never empty */
	bool moderated;
	int64_t retry_after_ms; /* in its text; -1: nothing */
	int64_t limit;		/* the least number of many that it names: a limit; 0: none */
};
/* Of an answer with an error's status, or of one that holds an error. */
void refusal_read(struct refusal *e, int status, const char *body, size_t len);
bool refusal_in(const cJSON *root);
/* What becomes of the request. */
void refusal_outcome(struct provider_outcome *o, const struct refusal *e,
		     const struct http_answer *a);
/* May it go well the next time? */
bool refusal_is_passing(int status);
/* Is there another form of the request? Then the verdict is to ask again. */
void refusal_learn(struct exchange *x, const struct refusal *e);

/* ---- parts.c: a long chapter is asked for in parts */

struct part {
	size_t start, len; /* bytes of the chapter */
	int scenes;
	char prompt[HASH_HEX]; /* of what was asked, when it was */
	struct analysis *done;
};
/* About as many as the tokenizer of a newer model makes of it: of English within a tenth, of most
 * other languages within a fifth. Older ones make two or three times as many of what is not
 * Latin. */
int64_t tokens_estimate(const char *s, size_t len);
/* Parts of at most `tokens` by a cautious count, at borders of paragraphs where there are some.
 * Owned; never none. */
size_t parts_split(struct part **out, const char *text, const struct part *whole, int64_t tokens);
/* forecast.c: of an answer to such a part. */
int64_t answer_tokens(const char *text, size_t len, int scenes);
/* One analysis of all, with places in the chapter. Owned. */
struct analysis *parts_merge(struct part *parts, size_t count);

#endif
