/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

/*
 * `bookfs models` and `bookfs probe`: what a server offers, and whether it does what a book will
 * ask of it. They ask through the very functions that a mount asks through, once each, and no book
 * is sent: the chapter of the probe stands below.
 */

enum { PROBE_TIMEOUT_S = 120, PROBE_PX = 1024 };

static const char probe_text[] =
	"The old lighthouse stood white against a black sky, and its red lamp burned over the "
	"water. Captain Morrow, a thin man with a grey beard and a blue coat, lifted the brass "
	"lantern and looked down the narrow stone stair. Below the cliff, in the green harbour, "
	"three boats lay still. Elin came running through the wet grass, her yellow scarf bright "
	"in the pale light of the morning.\n";

enum verdict { NOT_ASKED, WORKS, FAILS };

/* What one request showed. */
struct trial {
	const char *what; /* "models", "chapter", "picture"; NULL: there is none */
	enum verdict verdict;
	struct buf detail, remedy;
	int64_t took_ms;
	struct usage usage;
};

/* One server, or builtin. */
struct side {
	const char *title;
	const struct options *options;
	const struct server *server;
	struct provider *provider;
	bool image;
	struct trial trials[2];
	struct strv models;
};

/* A request on its way. */
struct asking {
	struct loop *loop;
	struct side *side;
	struct trial *trial;
	struct provider_outcome outcome;
	int64_t began_us;
};

static void side_finish(struct side *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->trials); i++) {
		buf_finish(&s->trials[i].detail);
		buf_finish(&s->trials[i].remedy);
	}
	strv_finish(&s->models);
}

/* ---- what to do about it */

static const char *setting_name(const struct side *s, const char *text, const char *image)
{
	return s->image ? image : text;
}

static void advise_key(struct buf *out, const struct side *s)
{
	const char *names[] = {"api_key", "api_key_file", "api_key_command"};
	const char *own[] = {"image_api_key", "image_api_key_file", "image_api_key_command"};
	const char *variable = s->server->preset->key_variable;

	if (!s->server->key) {
		buf_addf(out, "it wants a key: %s%sapi_key= under [%s] in the settings' file",
			 variable ? variable : "", variable ? ", or " : "",
			 s->server->preset->name);
		return;
	}
	buf_adds(out, "see to the key, which is from: ");
	for (int image = s->image; image >= 0; image--) {
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			const struct origin *from =
				setting_origin(s->options, (image ? own : names)[i]);

			if (from->kind > FROM_PRESET) {
				setting_print_origin(out, s->options, from);
				return;
			}
		}
	}
}

static void advise(struct buf *out, const struct side *s, const struct provider_outcome *o)
{
	const struct server *server = s->server;

	if (!server->preset)
		return;
	if (o->code == -EACCES)
		advise_key(out, s);
	else if (o->code == -EDQUOT)
		buf_adds(out, "see to the account's credit and limits with the server's owner");
	else if (server_lacks_version(server))
		buf_addf(out, "is /v1 missing? try %s=%s%sv1",
			 setting_name(s, "base_url", "image_base_url"), server->base_url,
			 server->base_url[strlen(server->base_url) - 1] == '/' ? "" : "/");
	else if (strstr(o->err.msg, "cannot be asked") || o->code == -ETIMEDOUT)
		buf_addf(out, "is it running, and is %s its address? change it with %s=...",
			 server->base_url, setting_name(s, "base_url", "image_base_url"));
}

/* ---- asking */

static void end(struct asking *a, const struct provider_outcome *outcome)
{
	struct trial *f = a->trial;

	a->outcome = *outcome;
	f->took_ms = (clock_mono_us() - a->began_us) / 1000;
	f->usage = outcome->usage;
	f->verdict = outcome->code == 0 ? WORKS : FAILS;
	if (outcome->code < 0) {
		buf_adds(&f->detail,
			 outcome->err.msg[0] ? outcome->err.msg : strerror(-outcome->code));
		advise(&f->remedy, a->side, outcome);
	}
	loop_stop(a->loop);
}

static void on_models(void *arg, const struct provider_outcome *outcome, const struct strv *names)
{
	struct asking *a = arg;

	for (size_t i = 0; outcome->code == 0 && i < names->len; i++)
		strv_add(&a->side->models, names->items[i]);
	end(a, outcome);
}

static void on_analysis(void *arg, const struct provider_outcome *outcome, struct analysis *given)
{
	CLEANUP(analysis_free_cleanup) struct analysis *analysis = given;
	struct asking *a = arg;
	struct buf *detail = &a->trial->detail;

	end(a, outcome);
	if (outcome->code < 0)
		return;
	if (!analysis->concept_count)
		buf_adds(detail, "an analysis without a scene");
	else if (analysis->concepts[0].quote.offset == QUOTE_NOT_FOUND)
		buf_adds(detail, "an analysis; its quote does not stand in the chapter");
	else
		buf_adds(detail, "an analysis; its quote stands in the chapter");
}

static void on_picture(void *arg, const struct provider_outcome *outcome, const void *data,
		       size_t len, const char *ext)
{
	struct asking *a = arg;

	end(a, outcome);
	if (outcome->code == 0)
		buf_addf(&a->trial->detail, "a picture, %s of %zu KB", ext, (len + 1023) / 1024);
}

/* The loop runs until the answer is there; the pointers of the request live so long. */
static struct trial *ask(struct asking *a, struct loop *loop, struct side *s, const char *what)
{
	struct trial *f = s->trials[0].what ? &s->trials[1] : &s->trials[0];

	f->what = what;
	*a = (struct asking){.loop = loop, .side = s, .trial = f, .began_us = clock_mono_us()};
	return f;
}

static int ask_models(struct loop *loop, struct side *s)
{
	struct asking a;

	if (!s->provider->ops->models)
		return 0;
	ask(&a, loop, s, "models");
	s->provider->ops->models(s->provider, on_models, &a);
	loop_run(loop);
	return a.outcome.code;
}

static void ask_chapter(struct loop *loop, struct side *s)
{
	const struct analyze_request request = {
		.book_title = "The Lighthouse",
		.language = "en",
		.chapter = 1,
		.chapter_title = "Morning",
		.text = probe_text,
		.text_len = sizeof(probe_text) - 1,
		.scenes = 1,
	};
	struct asking a;

	ask(&a, loop, s, "chapter");
	s->provider->ops->analyze(s->provider, &request, on_analysis, &a);
	loop_run(loop);
}

static void ask_picture(struct loop *loop, struct side *s, const struct jobs_settings *j)
{
	const struct concept concept = {
		.quote = {.text = (char *)probe_text, .len = sizeof(probe_text) - 1},
		.description = "a white lighthouse at night, its red lamp over the water",
		.mood = "calm",
		.lighting = "night",
	};
	struct paint_request request = {
		.book_title = "The Lighthouse",
		.chapter_title = "Morning",
		.chapter = 1,
		.scene = 1,
		.concept = &concept,
		.prompt = "A white lighthouse at night, its red lamp over the water.",
		.width_px = j->image_width_px,
		.height_px = j->image_height_px,
	};
	struct asking a;

	ask(&a, loop, s, "picture");
	s->provider->ops->paint(s->provider, &request, on_picture, &a);
	loop_run(loop);
}

/* ---- judging */

static bool offers(const struct side *s)
{
	return !s->server->model || strv_has(&s->models, s->server->model);
}

/* A list that lacks the model may be of its full names; the chapter decides. */
static void judge_models(struct side *s)
{
	struct trial *f = &s->trials[0];
	const char *model = s->server->model, *near;

	if (f->verdict != WORKS)
		return;
	buf_addf(&f->detail, "%zu offered%s%s%s", s->models.len, model ? ", " : "",
		 model ? model : "",
		 !model	     ? ""
		 : offers(s) ? " among them"
			     : " not among them");
	if (offers(s) || !s->models.len)
		return;
	near = flags_nearest(model, (const char *const *)s->models.items, s->models.len);
	buf_addf(&f->remedy, "%s%s%s`bookfs models%s` lists them", near ? near : "",
		 near ? " is near; " : "",
		 near ? "" : "choose another: ", s->image ? " --images" : "");
}

static void probe_text_side(struct loop *loop, struct side *s)
{
	int r = ask_models(loop, s);

	judge_models(s);
	/* The same key would be refused once more. */
	if (r != -EACCES)
		ask_chapter(loop, s);
}

static void probe_image_side(struct loop *loop, struct side *s, const struct jobs_settings *j,
			     bool draw)
{
	int r = s->server->preset ? ask_models(loop, s) : 0;

	judge_models(s);
	if (draw && r != -EACCES)
		ask_picture(loop, s, j);
}

/* A server without a list of its models works all the same, if it does the rest. */
static bool works(const struct side *s)
{
	const struct trial *last = &s->trials[s->trials[1].what ? 1 : 0];

	return !last->what || last->verdict == WORKS;
}

/* ---- saying */

static void say_trial(const struct trial *f)
{
	static const char *const words[] = {[WORKS] = "ok", [FAILS] = "FAILED"};

	if (!f->what)
		return;
	printf("    %-9s%-8s%5.1f s  %s", f->what, words[f->verdict], (double)f->took_ms / 1000,
	       buf_str(&f->detail));
	if (f->usage.requests > 1)
		printf("; %d requests", f->usage.requests);
	if (f->usage.tokens_in || f->usage.tokens_out)
		printf("; %lld tokens in, %lld out", (long long)f->usage.tokens_in,
		       (long long)f->usage.tokens_out);
	putchar('\n');
	if (f->remedy.len)
		printf("    %-25s%s\n", "", buf_str(&f->remedy));
}

static void say_side(const struct side *s)
{
	const struct server *server = s->server;

	printf("%s: %s", s->title, server_provider(server));
	if (server->preset)
		printf(" at %s, %s%s", server->base_url, server->model ? "model " : "its own model",
		       server->model ? server->model : "");
	putchar('\n');
	for (size_t i = 0; i < ARRAY_LEN(s->trials); i++)
		say_trial(&s->trials[i]);
}

static cJSON *trial_json(const struct trial *f)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "what", f->what);
	cJSON_AddBoolToObject(item, "works", f->verdict == WORKS);
	cJSON_AddNumberToObject(item, "ms", (double)f->took_ms);
	cJSON_AddNumberToObject(item, "requests", f->usage.requests);
	cJSON_AddNumberToObject(item, "tokensIn", (double)f->usage.tokens_in);
	cJSON_AddNumberToObject(item, "tokensOut", (double)f->usage.tokens_out);
	cJSON_AddStringToObject(item, "detail", buf_str(&f->detail));
	if (f->remedy.len)
		cJSON_AddStringToObject(item, "remedy", buf_str(&f->remedy));
	return item;
}

static void add_side(cJSON *root, const struct side *s)
{
	cJSON *item = cJSON_AddObjectToObject(root, s->title), *all;

	cJSON_AddStringToObject(item, "provider", server_provider(s->server));
	if (s->server->preset)
		cJSON_AddStringToObject(item, "base_url", s->server->base_url);
	if (s->server->model)
		cJSON_AddStringToObject(item, "model", s->server->model);
	cJSON_AddBoolToObject(item, "works", works(s));
	all = cJSON_AddArrayToObject(item, "findings");
	for (size_t i = 0; i < ARRAY_LEN(s->trials); i++)
		if (s->trials[i].what)
			cJSON_AddItemToArray(all, trial_json(&s->trials[i]));
}

static int say_probe(const struct side *text, const struct side *image, bool draw, bool json)
{
	bool good = works(text) && works(image);

	if (json) {
		cJSON *root = cJSON_CreateObject();

		cJSON_AddBoolToObject(root, "works", good);
		add_side(root, text);
		add_side(root, image);
		return say_object(root) == EXIT_DONE && good ? EXIT_DONE : EXIT_FAILED;
	}
	say_side(text);
	say_side(image);
	if (!draw)
		puts("    no picture was asked for: --images asks for one");
	return good ? EXIT_DONE : EXIT_FAILED;
}

/* ---- the commands */

struct talk {
	struct options options;
	struct loop *loop;
	struct provider *text, *image;
	struct side sides[2]; /* by enum provider_role */
};

static void talk_finish(struct talk *t)
{
	if (t->image != t->text)
		provider_free(t->image);
	provider_free(t->text);
	loop_free(t->loop);
	side_finish(&t->sides[ROLE_TEXT]);
	side_finish(&t->sides[ROLE_IMAGE]);
	options_finish(&t->options);
}

static int talk_open(struct talk *t, struct err *err)
{
	struct gate *const none[2] = {0};
	int r = loop_new(&t->loop, 1);

	if (r < 0)
		return err_set(err, r, "the event loop: %s", strerror(-r));
	if (!options_given(&t->options, "timeout"))
		t->options.timeout_s = PROBE_TIMEOUT_S;
	r = provider_make(&t->text, &t->image, t->loop, none, &t->options, err);
	t->sides[ROLE_TEXT] = (struct side){.title = "text",
					    .options = &t->options,
					    .server = &t->options.text_server,
					    .provider = t->text};
	t->sides[ROLE_IMAGE] = (struct side){.title = "pictures",
					     .options = &t->options,
					     .server = &t->options.image_server,
					     .provider = t->image,
					     .image = true};
	return r;
}

static int run_probe(const struct command *c, int argc, char **argv)
{
	CLEANUP(talk_finish) struct talk t = {0};
	struct jobs_settings j = {.image_width_px = PROBE_PX, .image_height_px = PROBE_PX};
	bool draw = false, json = false;
	const struct flag flags[] = {
		{"--images", .on = &draw},
		{"--json", .on = &json},
		{"--options", "-o", .take = options_parse, .options = &t.options},
	};
	struct err err = {0};
	int r;

	options_init(&t.options);
	r = flags_parse_none(c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (options_complete(&t.options, &err) < 0)
		return say_usage(c, "%s", err.msg);
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	if (talk_open(&t, &err) < 0)
		return say_failed(&err);
	options_jobs(&j, &t.options);
	probe_text_side(t.loop, &t.sides[ROLE_TEXT]);
	probe_image_side(t.loop, &t.sides[ROLE_IMAGE], &j, draw);
	return say_probe(&t.sides[ROLE_TEXT], &t.sides[ROLE_IMAGE], draw, json);
}

const struct command command_probe = {
	.name = "probe",
	.usage = "bookfs probe [--images] [--json] [-o OPTION,...]",
	.summary = "ask the server once, and say what works",
	.help = "Asks the provider for its models and for the analysis of a few sentences of our\n"
		"own, and says what came of it, how long it took, and what to do where it failed.\n"
		"Exit 0: all works; 1: something does not. No book is read or sent.\n"
		"\n"
		"    -o OPTION,...         as for mount: provider=NAME and what belongs to it\n"
		"    --images              ask for one picture too\n"
		"    --json                the same for programs\n",
	.run = run_probe,
};

static int say_models(const struct side *s, bool json)
{
	cJSON *root, *all;

	if (!json) {
		for (size_t i = 0; i < s->models.len; i++)
			puts(s->models.items[i]);
		return EXIT_DONE;
	}
	root = cJSON_CreateObject();
	cJSON_AddStringToObject(root, "provider", server_provider(s->server));
	cJSON_AddStringToObject(root, "base_url", s->server->base_url);
	all = cJSON_AddArrayToObject(root, "models");
	for (size_t i = 0; i < s->models.len; i++)
		cJSON_AddItemToArray(all, cJSON_CreateString(s->models.items[i]));
	return say_object(root);
}

/* A list is asked of no model, but a provider is made of one. */
static void name_any(struct server *s)
{
	if (s->preset && !s->model)
		s->model = xstrdup("any");
}

static int list_models(struct loop *loop, struct side *s, bool json)
{
	const struct trial *f = &s->trials[0];

	if (!s->server->preset)
		return fprintf(stderr, "bookfs: builtin has no models to choose from: add "
				       "-o provider=NAME, one that `bookfs providers` lists\n"),
		       EXIT_FAILED;
	if (!s->provider->ops->models)
		return fprintf(stderr, "bookfs: %s has no list of its models\n",
			       server_provider(s->server)),
		       EXIT_FAILED;
	if (ask_models(loop, s) == 0)
		return say_models(s, json);
	fprintf(stderr, "bookfs: %s%s%s\n", buf_str(&f->detail), f->remedy.len ? ": " : "",
		buf_str(&f->remedy));
	return EXIT_FAILED;
}

static int run_models(const struct command *c, int argc, char **argv)
{
	CLEANUP(talk_finish) struct talk t = {0};
	bool image = false, json = false;
	const struct flag flags[] = {
		{"--images", .on = &image},
		{"--json", .on = &json},
		{"--options", "-o", .take = options_parse, .options = &t.options},
	};
	struct err err = {0};
	int r;

	options_init(&t.options);
	r = flags_parse_none(c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (options_gather(&t.options, &err) < 0 || options_keys(&t.options, &err) < 0)
		return say_usage(c, "%s", err.msg);
	name_any(&t.options.text_server);
	name_any(&t.options.image_server);
	log_open(LOG_TO_STDERR, LOG_LEVEL_WARN);
	if (talk_open(&t, &err) < 0)
		return say_failed(&err);
	return list_models(t.loop, &t.sides[image ? ROLE_IMAGE : ROLE_TEXT], json);
}

const struct command command_models = {
	.name = "models",
	.usage = "bookfs models [--images] [--json] [-o OPTION,...]",
	.summary = "list the models that a server offers",
	.help = "Asks the provider that reads for the names of its models, and prints one a line.\n"
		"\n"
		"    -o OPTION,...         as for mount: provider=NAME and what belongs to it\n"
		"    --images              of the provider that paints\n"
		"    --json                the same for programs\n",
	.run = run_models,
};
