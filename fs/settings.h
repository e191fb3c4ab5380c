/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_H
#define SETTINGS_H

/*
 * Private to fs: what a person can set, by an option, in the environment, or in a file. One table
 * names each setting, its kind and its place in struct options; struct options keeps where each
 * value came from, and a value never takes the place of one from a stronger origin.
 *
 * Threads: before there are any.
 */

#include <stdio.h>

#include "fs.h"

enum setting_kind {
	SETTING_NUMBER,
	SETTING_DECIMAL, /* an int64_t in units of 1/scale; <0: unlimited, or unset */
	SETTING_CHOICE,
	SETTING_ONE_OF,
	SETTING_NAMES,
	SETTING_PATH,
	SETTING_TEXT,
	SETTING_URL,
	SETTING_PRESET,
	SETTING_PRICES,
	SETTING_SECRET,
	SETTING_SWITCH
};
/* Whose it is: a server's may stand in the section of its provider. */
enum setting_owner { OF_MOUNT, OF_TEXT, OF_IMAGE };

/* In the order in which a row is read, not in the one that packs best. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct setting {
	const char *name;
	enum setting_kind kind;
	size_t field; /* in struct options */
	enum setting_owner owner;
	int64_t min, max;	  /* NUMBER; DECIMAL, in whole units */
	int scale;		  /* DECIMAL */
	bool endless;		  /* DECIMAL: "unlimited" is a value */
	bool book_only;		  /* is of one book: no value for all of them */
	const char *off, *not ;	  /* CHOICE: the words for false and true */
	const char *const *words; /* ONE_OF: the word for 0, for 1 ...; NULL. An empty one: unset */
	const char *const *more;  /* PRESET: what may stand for none; NULL */
};
const struct setting *setting_at(size_t k); /* NULL past the end */
const struct setting *setting_named(const char *name);
const char *setting_nearest(const char *name); /* or NULL */
/* "image_NAME" for a NAME of text, if there is such a setting; else NULL. */
const struct setting *setting_for_image(const struct setting *s);

/* Takes a value unless a stronger origin has given one. value NULL: none was given. */
int setting_take(struct options *o, const struct setting *s, const char *value,
		 const struct origin *from, struct err *err);
const struct origin *setting_origin(const struct options *o, const char *name);
bool setting_is_unset(const struct options *o, const struct setting *s);
/* Its value for a person: a key is masked, NAMES are joined. */
void setting_print(struct buf *out, const struct options *o, const struct setting *s);
/* "option", "environment, OPENAI_API_KEY", "/home/me/.config/bookfs/config:3". */
void setting_print_origin(struct buf *out, const struct options *o, const struct origin *from);

/* settings_value.c: the forms of values. 0 or -EINVAL. */

int value_decimal(int64_t *out, const char *s, int scale); /* "0.65": no sign, no exponent */
void value_print_decimal(struct buf *out, int64_t n, int scale);
/* "IN:OUT", "IN:OUT:PICTURE", for a million tokens and a picture; "PICTURE". */
int value_prices(struct prices *out, const char *s);
/* Absolute; "~/" is home, a relative one stands in folder, NULL: where we are. Owned. */
int value_path(char **out, const char *path, const char *folder);

/* address.c: the address of a server. */

struct address {
	bool tls;
	char host[256];	  /* in small letters, with a port that is not the scheme's own */
	const char *path; /* in the url */
};
/* -EINVAL: no http(s) address, or one with a name, a password, a query, or what two readers may
 * read differently. */
int address_parse(struct address *out, const char *url);
bool address_same_server(const char *a, const char *b);
bool address_is_loopback(const struct address *a);

/* config_file.c: ~/.config/bookfs/config */

struct config_entry {
	const struct setting *setting;
	char *section; /* "" above the first */
	char *value;
	int line;
};
struct config {
	struct config_entry *entries;
	size_t count, cap;
};
char *config_path(void); /* owned; NULL: there is no home */
/* A file that is not there has no entries. -EINVAL: path:line and what is wrong; -EACCES: others
 * can read a key in it, or change it. */
int config_read(struct config *out, const char *path, struct err *err);
int config_parse(struct config *out, FILE *file, const char *path, struct err *err);
/* NULL: it does not stand there. */
const struct config_entry *config_find(const struct config *c, const char *section,
				       const char *name);
void config_finish(struct config *c);

/* secret.c: keys. What they return is owned, and for secret_free. */

char *secret_from_environment(const char *variable); /* and wipes it there; NULL: not set */
int secret_from_file(char **out, const char *path, struct err *err);
int secret_from_command(char **out, const char *command, struct err *err);
char *secret_free(char *secret);
void secret_print_masked(struct buf *out, const char *secret);

/* server.c: options_complete in steps. */

/* Settings, presets, addresses, models; no key is read but those of the environment. */
int options_gather(struct options *o, struct err *err);
/* keys.c: finds each server's key, and to whom it may go. */
int options_keys(struct options *o, struct err *err);
/* Takes the keys of all providers out of the environment, into the settings where they are used:
 * no child of ours inherits one. */
int keys_from_environment(struct options *o, struct err *err);
int options_models(const struct options *o, struct err *err); /* is there one where it must be? */
bool server_lacks_version(const struct server *s);	      /* ".../v1" */
const char *server_provider(const struct server *s);	      /* "builtin" */

/* config_command.c: prints it, and deletes it (takes). EXIT_DONE or EXIT_FAILED. */
struct cJSON;
int say_object(struct cJSON *root);

#endif
