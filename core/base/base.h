/* SPDX-License-Identifier: MIT */
#ifndef BASE_H
#define BASE_H

/*
 * base: what every layer stands on: memory that aborts, errors with a reason, capped buffers,
 * UTF-8, SHA-256, the clock, the log, and the loop. It knows nothing of books.
 *
 * Threads: everything here may be called from any thread on objects that thread owns. The
 * exceptions are named: log_* and loop_post are safe from every thread; all other loop_* calls
 * belong to the loop's thread.
 *
 * Ownership words, used in all headers: "takes" (the callee frees it), "owned" (the caller frees
 * what it gets), "borrowed until X" (nobody frees it, it is valid until X).
 *
 * Results: 0 or -errno. Iterators: 1 an item, 0 the end, <0 -errno. *out is written on success
 * only.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- cleanup: `CLEANUP(cleanup_free) char *name = NULL;`
 * ---------------------------------------------------- */

#define CLEANUP(fn) __attribute__((cleanup(fn)))
/* Defines NAME_cleanup(T **) for a destructor `T *destroy(T *)` that takes NULL and returns NULL.
 */
#define DEFINE_CLEANUP(type, destroy)                                                              \
	static inline void destroy##_cleanup(type **p)                                             \
	{                                                                                          \
		*p = destroy(*p);                                                                  \
	}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* ---- memory: for small fixed sizes; aborts when there is none (the store survives a crash)
 * ------------------ */

void *xcalloc(size_t count, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
/* Doubles an array of *cap items of `size` bytes until it holds `need`; returns the (moved) array.
 */
void *xgrow(void *array, size_t *cap, size_t need, size_t size);

/* A list of owned strings. Zero-initialise; strv_finish leaves it empty and usable. */
struct strv {
	char **items;
	size_t len, cap;
};
void strv_add(struct strv *v, const char *s);
void strv_add_len(struct strv *v, const char *s, size_t len);
bool strv_has(const struct strv *v, const char *s);
void strv_finish(struct strv *v);

/* ---- errors */

/* A reason for a person: one line, no final stop, no newline. Control characters become '?'. */
struct err {
	int code; /* -errno, or 0 */
	char msg[512];
};
/* Fills *e (which may be NULL) and returns code: `return err_set(e, -EBADMSG, "%s: no package
 * document", path);` */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF(3, 4);
int err_setv(struct err *e, int code, const char *fmt, va_list ap);
/* Puts "PREFIX: " before the message there is; returns e->code. */
int err_prefix(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* ---- capped buffers: for anything sized by a book, the network or a person
 * ------------------------------------ */

/* Zero-initialise and set max_bytes (0 = BUF_MAX_DEFAULT). After a failure the buffer stays as it
 * was and every further add fails too (`failed` is sticky), so a chain of adds needs one check at
 * its end: buf_error(). */
#define BUF_MAX_DEFAULT ((size_t)64 << 20)
struct buf {
	char *data; /* NUL-terminated behind len; NULL while empty */
	size_t len, cap, max_bytes;
	int failed; /* 0, -EFBIG past the cap, -ENOMEM */
};
int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
int buf_add_xml(struct buf *b,
		const char *text);	     /* for XML or HTML, also within an attribute: UTF-8;
						what may not stand in XML 1.0 is left out */
int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind len */
int buf_error(const struct buf *b);
const char *buf_str(const struct buf *b); /* never NULL; borrowed until the next change */
void buf_clear(struct buf *b);		  /* keeps the memory */
char *buf_steal(struct buf *b,
		size_t *len); /* owned; "" for an empty one; NULL if failed; resets */
void buf_finish(struct buf *b);

/* ---- UTF-8 (RFC 3629)
 * ------------------------------------------------------------------------------------------ */

/* Decodes one code point at *p (before end), moves *p on by at least one byte. Malformed input
 * gives U+FFFD. */
uint32_t utf8_next(const char **p, const char *end);
bool utf8_valid(const char *s, size_t len);
size_t utf8_put(char out[4], uint32_t cp); /* bytes written, 1 to 4 */
/* Words as counted everywhere in bookfs: runs between white space (Unicode White_Space). */
int64_t utf8_words(const char *s, size_t len);
/* A safe file name in out (NUL-terminated, at most 255 bytes, cut at a character): no '/', no NUL,
 * no control characters, not "." or "..", no leading or trailing white space, valid UTF-8. Empty
 * input gives "untitled". */
#define NAME_BYTES 256
void utf8_name(char out[NAME_BYTES], const char *s, size_t len);

/* ---- SHA-256 (FIPS 180-4)
 * ---------------------------------------------------------------------------------------- */

#define HASH_HEX 65 /* 64 hex digits and NUL */
struct hash;
struct hash *hash_new(void);
void hash_add(struct hash *h, const void *data, size_t len);
void hash_adds(struct hash *h,
	       const char *s); /* the string and its NUL: fields cannot run together */
void hash_hex(char out[HASH_HEX], struct hash *h); /* ends the hash; free it next */
struct hash *hash_free(struct hash *h);
DEFINE_CLEANUP(struct hash, hash_free)
int hash_file(char out[HASH_HEX], int fd); /* the whole file, from offset 0 */

/* ---- files */

struct stat;
/* Is path still the file that `was` was taken of: inode, size and time of change of its bytes. */
bool file_is_still(const char *path, const struct stat *was);
int file_write(int fd, const void *data, size_t len); /* all of it, where write(2) may do less */

/* ---- processes: who somebody is, and proof of his death */

/* A process, told from every other one, also from those that get its number later. */
struct process {
	pid_t pid;		/* as seen from pid_namespace; 0: not known */
	uint64_t start_ticks;	/* since boot, in clock ticks: proc(5), stat, starttime */
	uint64_t pid_namespace; /* of who recorded it: inode of /proc/self/ns/pid */
	char boot[37];		/* random(4), boot_id */
	char machine[33];	/* machine-id(5); "" if there is none */
};
/* -ESRCH: there is none, or it has ended (a zombie), or the number is a thread's. */
int process_find(struct process *out, pid_t pid);
bool process_is(const struct process *a,
		const struct process *b); /* one and the same; no unknown */

/* UNKNOWN: it is nobody (pid 0), or of another machine or pid namespace, or hidden from us. A
 * zombie is dead; so is every process of an earlier boot of this machine. */
enum process_life { PROCESS_ALIVE, PROCESS_DEAD, PROCESS_UNKNOWN };
enum process_life process_life(const struct process *p);
/* A pidfd (owned), readable once the process has ended. -ESRCH: it has; -ENOTSUP: it cannot be
 * judged from here. */
int process_fd(const struct process *p);
/* This boot of this machine: 36 characters, "" if it cannot be known. Borrowed for ever. */
const char *process_boot(void);

/* ---- libraries that most runs never need, loaded when the first call of theirs is near. Linked,
 * they would cost every start the time to map and to relocate them and all they stand on, and every
 * mount that memory. Their headers are still the compiler's: the types are theirs. */

struct library {
	const char *purpose;	    /* "to ask a server" */
	const char *const *names;   /* as dlopen(3) takes them; the first that is there; NULL */
	const char *const *symbols; /* ..., NULL */
};
/* functions: a structure of pointers to functions, one for each symbol and in their order; good for
 * the life of the process. -ENOPKG: there is no such library, or it lacks a symbol. */
int library_load(void *functions, const struct library *l, struct err *err);

/* ---- clock */

/* One object file (clock.c), so that a test program can link a settable one in its place. */
int64_t clock_unix_ms(void); /* CLOCK_REALTIME */
int64_t clock_boot_ms(void); /* CLOCK_BOOTTIME: goes on through suspend; for leases and waits */
int64_t clock_mono_us(void); /* CLOCK_MONOTONIC: for spinning and measuring */
#define ISO_TIME_BYTES 28
/* ISO 8601 UTC with milliseconds, as formats.md's files have it: 2025-11-11T00:50:55.420Z */
void clock_iso(char out[ISO_TIME_BYTES], int64_t unix_ms);
/* Of a file's time, which may be any that somebody set: the nearest there is. And back. */
int64_t clock_ms_of(struct timespec t);
struct timespec clock_timespec(int64_t unix_ms);

/* ---- log: one line an event, with ids; never keys, prompts or book text
 * -------------------------------------------- */

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_sink { LOG_TO_STDERR, LOG_TO_SYSLOG };
void log_open(enum log_sink sink, enum log_level most);
void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
/* The last lines, oldest first, at most 256 KiB are kept; for .bookfs/log. *dropped = bytes that
 * fell off its start. */
int log_copy(struct buf *out, uint64_t *dropped);
uint64_t log_bytes(void); /* bytes ever logged: changes when there is something new */

/* ---- the loop: one thread owns all state
 * ----------------------------------------------------------------------------- */

/*
 * epoll over descriptors, timers and posted calls, and a small pool of threads for CPU work and
 * disk reads whose results come back to the loop. A poller is a descriptor that is worth trying
 * again before sleeping (FUSE: fuse.md, Speed): after it had work, the loop spins on it for 50 us,
 * unless it has been doing so in vain.
 */
struct loop;
int loop_new(struct loop **out, int pool_threads);
struct loop *loop_free(struct loop *l); /* joins the pool; posted calls not yet run are run */
DEFINE_CLEANUP(struct loop, loop_free)
int loop_run(struct loop *l);		    /* until loop_stop; 0 or -errno */
void loop_stop(struct loop *l);		    /* loop thread, or inside a posted call */
bool loop_is_current(const struct loop *l); /* is this the thread that made the loop? It runs it. */

/* Descriptors. events and revents are EPOLLIN, EPOLLOUT ... The watch is owned; free it before
 * closing fd. */
struct watch;
int loop_watch(struct watch **out, struct loop *l, int fd, uint32_t events,
	       void (*fn)(void *arg, uint32_t revents), void *arg);
int watch_events(struct watch *w, uint32_t events);
struct watch *watch_free(struct watch *w); /* allowed inside its own callback */

/* Timers run once, at or after at_boot_ms (clock_boot_ms). After it ran the timer is still owned
 * and may be set again. */
struct timer;
struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg);
void timer_set(struct timer *t, int64_t at_boot_ms); /* replaces an earlier time */
void timer_stop(struct timer *t);
struct timer *timer_free(struct timer *t); /* allowed inside its own callback */

/* Runs fn on the loop's thread, in order of posting. Any thread; wakes the loop. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* Runs work on a pool thread, then done on the loop's thread. Both see arg. */
void loop_work(struct loop *l, void (*work)(void *arg), void (*done)(void *arg), void *arg);

/* The poller: serve_one handles a request without blocking. false: there was none. The loop calls
 * it when fd is readable, and mostly for 50 us after it last did so. One a loop. */
int loop_poller(struct loop *l, int fd, bool (*serve_one)(void *arg), void *arg);
/* Inside serve_one: whose request it was (a thread's number, 0: not known). */
void loop_client(struct loop *l, pid_t client);
void loop_poller_stop(struct loop *l);

#endif
