/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lock_field.h"
#include "store.h"

/*
 * What locks.py lets loose on two mounts of one book. Each operation is written down as
 * tests/store/check_history.py reads it, a write a line to a file of the process's own: what a kill
 * interrupts is there to the last whole line.
 *
 *     lock_client act FOLDER SLOT GENERATION SEED BOOKFS BOOK
 *         An agent and its worker. The agent is the holder (BOOKFS_INSTANCE is in its environment)
 *         and does nothing; the worker takes, waits, breaks, hands on, looks and gives back at
 *         random. It ends when told to, or with its agent.
 *     lock_client watch FOLDER STORE
 *         Notes who is in the queue of the table: a process that waits in flock cannot say so.
 *     lock_client deaths FOLDER COUNT free|grant
 *         Kills COUNT holders. Prints for each in microseconds, through which mount (0, 1) it held
 *         and when the lock was seen free in mounts 0 and 1; or in which mount one waited and when
 *         he had it.
 *
 * FOLDER has m0 and m1, which lead to the mounts, and the file `control`. A mount that is killed
 * and comes back is a new epoch; whoever has a folder of the old one open knows which it was.
 */

#define RESOURCES 8
#define SET_MOST 3
#define WAIT_MS 1500
#define NEST_MS 40

static const char *const names[RESOURCES] = {
	"Chapter_01",  "Chapter_02",	"Chapter_03",	 "Chapter_04",
	"StyleSystem", "ImageRegistry", "ProjectConfig", "FrontMatter",
};

static struct slot *me;
static char instance[32], badge[32];
static const char *bookfs, *book;
static int slot_number;

/* One lock that we have. */
struct held {
	int resource;
	long long token;
	int fd; /* -1: by name */
	char via[16];
	bool is_flock;
};

struct set {
	int resources[SET_MOST];
	long long tokens[SET_MOST];
	int count;
};

/* ---- writing down */

/* "A+B", "1+2" */
static void join(char *names_out, char *tokens_out, const struct set *s)
{
	names_out[0] = tokens_out[0] = '\0';
	for (int i = 0; i < s->count; i++) {
		const char *plus = i ? "+" : "";
		const char *name = s->resources[i] < RESOURCES ? names[s->resources[i]] : badge;

		sprintf(names_out + strlen(names_out), "%s%s", plus, name);
		sprintf(tokens_out + strlen(tokens_out), "%s%lld", plus, s->tokens[i]);
	}
}

/* more: what the kind has beyond the common fields, with a blank before it. */
static int begin(const char *kind, const struct set *s, const char *more)
{
	char resources[128], tokens[128];
	int n = ++me->operations;

	join(resources, tokens, s);
	field_note("I %s/%d %s %lld %s %s %s%s\n", instance, n, instance, field_now(), kind,
		   resources, tokens, more);
	return n;
}

static void end(int operation, const char *result, const struct set *s)
{
	char resources[128], tokens[128];

	join(resources, tokens, s);
	field_note("R %s/%d %lld %s %s\n", instance, operation, field_now(), result, tokens);
}

/* The token if it is ours, else 0; the holder's name into `holder` and his token if asked for. */
static int read_lock(long long *token, char holder[64], int m, const char *name)
{
	char text[1024] = "", *at;
	int fd = field_open(m, name, O_RDONLY);
	ssize_t n;

	*token = 0;
	holder[0] = '\0';
	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	at = strstr(text, "instance: ");
	if (at)
		sscanf(at, "instance: %63s", holder);
	at = strstr(text, "token: ");
	if (at)
		sscanf(at, "token: %lld", token);
	return 0;
}

/* The same, asked of any mount until one answers. */
static void look_up(long long *token, char holder[64], const char *name)
{
	int m, result;

	do {
		m = field_any_mount();
		result = read_lock(token, holder, m, name);
	} while (field_is_lost(result));
}

/* What we really have of them. How many. */
static int read_tokens(struct set *s)
{
	char holder[64];
	int count = 0;

	for (int i = 0; i < s->count; i++) {
		const char *name = s->resources[i] < RESOURCES ? names[s->resources[i]] : badge;

		s->tokens[i] = 0;
		look_up(&s->tokens[i], holder, name);
		if (strcmp(holder, instance) != 0)
			s->tokens[i] = 0;
		count += s->tokens[i] != 0;
	}
	return count;
}

/* bookfs itself; its exit status. */
static int run(const char *const *argv)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(bookfs, (char *const *)argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* ---- taking by name */

static int take_open(int m, const struct set *s, int flags)
{
	char resources[128], tokens[128];
	int fd;

	join(resources, tokens, s);
	fd = field_open(m, resources, O_WRONLY | O_CREAT | flags);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* As touch(1). Its second half finds a lock that is ours, or one that was broken since. */
static int take_touch(int m, const struct set *s)
{
	char resources[128], tokens[128];
	int fd, result;

	join(resources, tokens, s);
	fd = field_open(m, resources, O_WRONLY | O_CREAT | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	result = futimens(fd, NULL) < 0 ? -errno : 0;
	close(fd);
	return field_is_lost(result) ? result : 0;
}

static int take_redirect(int m, const struct set *s)
{
	return take_open(m, s, O_TRUNC);
}

static int take_noclobber(int m, const struct set *s)
{
	return take_open(m, s, O_EXCL);
}

static int take_ctl(int m, const struct set *s)
{
	char line[256], tokens[128];

	strcpy(line, "acquire ");
	join(line + strlen(line), tokens, s);
	for (char *at = line; *at; at++)
		*at = *at == '+' ? ' ' : *at;
	return field_command(m, line);
}

static int take_command(int m, const struct set *s)
{
	const char *argv[SET_MOST + 4] = {"bookfs", "lock", book};
	int status;

	for (int i = 0; i < s->count; i++)
		argv[3 + i] = names[s->resources[i]];
	status = run(argv);
	return status == 0 ? 0 : status == 75 ? -EBUSY : -ECHILD;
}

static int (*const takes[])(int m, const struct set *s) = {take_touch, take_touch, take_redirect,
							   take_noclobber, take_ctl};

static const char *result_name(int result)
{
	if (result == -EAGAIN || result == -EEXIST)
		result = -EBUSY;
	return result == 0 ? "OK" : strerrorname_np(-result);
}

static int remove_name(int resource)
{
	const char *name = resource < RESOURCES ? names[resource] : badge;

	return unlinkat(field_door(field_any_mount()), name, 0) < 0 ? -errno : 0;
}

/* A mount that died under it has told nothing, and a look does not either: a file that was closed
 * in that mount may have some of them for a while. So nothing is kept. */
static void give_back(struct set *s)
{
	for (int i = 0; i < s->count; i++) {
		struct set one = {{s->resources[i]}, {0}, 1};

		while (read_tokens(&one))
			remove_name(s->resources[i]);
		s->tokens[i] = 0;
	}
}

static int take_by(int (*how)(int m, const struct set *s), struct set *s)
{
	int operation = begin("take", s, ""), result = how(field_any_mount(), s);

	if (result == 0)
		read_tokens(s);
	else if (field_is_lost(result))
		give_back(s);
	end(operation, field_is_lost(result) ? "LOST" : result_name(result), s);
	return result;
}

/* What was broken meanwhile is so taken anew. */
static int renew(struct set *s)
{
	int operation = begin("take", s, ""), result;

	do
		result = take_touch(field_any_mount(), s);
	while (field_is_lost(result));
	if (result == 0)
		read_tokens(s);
	end(operation, result_name(result), s);
	return result;
}

/* ---- by descriptor */

static int set_range(int fd, int command, int type)
{
	struct flock f = {.l_type = (short)type, .l_whence = SEEK_SET};

	return fcntl(fd, command, &f) < 0 ? -errno : 0;
}

static int lock_fd(int fd, bool is_flock, bool sleep)
{
	if (is_flock)
		return flock(fd, LOCK_EX | (sleep ? 0 : LOCK_NB)) < 0 ? -errno : 0;
	return set_range(fd, sleep ? F_OFD_SETLKW : F_OFD_SETLK, F_WRLCK);
}

static void on_alarm(int number)
{
}

static void set_alarm(int ms)
{
	/* Again and again: the first may come before it waits. */
	const struct itimerval t = {{0, ms ? 20000 : 0}, {ms / 1000, ms % 1000 * 1000}};

	setitimer(ITIMER_REAL, &t, NULL);
}

/* locks/.all/R, or locks/R itself as flock(1) opens it; that comes and goes. */
static int open_lockable(int m, int resource, bool is_flock)
{
	char path[64];

	if (is_flock && field_draw(3) == 0)
		return field_open(m, names[resource], O_RDONLY | O_CREAT);
	snprintf(path, sizeof(path), ".all/%s", names[resource]);
	return field_open(m, path, is_flock ? O_RDONLY : O_RDWR);
}

static void say_waiting(int operation)
{
	me->since = (int32_t)clock_unix_ms();
	me->waiting = operation;
}

/* wait_ms 0: at once or not at all. */
static int take_descriptor(struct held *h, int resource, int wait_ms)
{
	struct set one = {{resource}, {0}, 1};
	char more[32] = " via=";
	int m = field_any_mount(), operation, result;
	long long deadline;

	*h = (struct held){.resource = resource, .is_flock = field_draw(2)};
	h->fd = open_lockable(m, resource, h->is_flock);
	if (h->fd < 0)
		return h->fd;
	field_via(h->via, m);
	strcat(more, h->via);
	operation = begin(wait_ms ? "wait" : "take", &one, more);
	deadline = field_now() + wait_ms * 1000;
	if (wait_ms) {
		say_waiting(operation);
		set_alarm(wait_ms);
	}
	result = lock_fd(h->fd, h->is_flock, wait_ms > 0);
	if (wait_ms) {
		set_alarm(0);
		me->waiting = 0;
	}
	if (result == -EINTR)
		field_note("C %s/%d %lld\n", instance, operation, deadline);
	if (result == 0)
		read_tokens(&one);
	end(operation, field_is_lost(result) ? "LOST" : result_name(result), &one);
	h->token = one.tokens[0];
	if (result < 0)
		close(h->fd);
	return result;
}

/* In the queue for a set, and without a mount. */
static int wait_command(struct set *s)
{
	const char *argv[SET_MOST + 6] = {"bookfs", "lock", "--wait", "1", book};
	int operation = begin("wait", s, ""), status;
	long long begun = field_now();

	for (int i = 0; i < s->count; i++)
		argv[5 + i] = names[s->resources[i]];
	say_waiting(operation);
	status = run(argv);
	me->waiting = 0;
	if (status != 0)
		field_note("C %s/%d %lld\n", instance, operation,
			   status == 75 ? begun + 1000000 : begun);
	if (status == 0)
		read_tokens(s);
	end(operation, status == 0 ? "OK" : status == 75 ? "EINTR" : "ECHILD", s);
	return status == 0 ? 0 : -EBUSY;
}

/* ---- giving back */

static int release_by_any(const struct held *h)
{
	const char *argv[] = {"bookfs", "unlock", book, names[h->resource], NULL};
	char line[64];

	if (field_draw(100) == 0) {
		int status = run(argv);

		return status == 0 ? 0 : -ENOENT;
	}
	if (field_draw(3))
		return remove_name(h->resource);
	snprintf(line, sizeof(line), "release %s", names[h->resource]);
	return field_command(field_any_mount(), line);
}

static bool is_ours(const struct held *h)
{
	long long token;
	char holder[64];

	look_up(&token, holder, names[h->resource]);
	return token == h->token && !strcmp(holder, instance);
}

/* A file that was closed may be in the way for a moment: the kernel tells of that when it has time.
 */
static void release_name(const struct held *h)
{
	struct set one = {{h->resource}, {h->token}, 1};
	bool again = true;

	while (again) {
		int operation = begin("release", &one, ""), result = release_by_any(h);
		bool in_use = result == -EBUSY && is_ours(h);

		again = in_use || field_is_lost(result);
		if (!field_is_lost(result))
			end(operation, in_use ? "IN_USE" : result_name(result), &one);
	}
}

/* Its answer says nothing: it is the same when the lock was broken before. */
static void release_descriptor(const struct held *h)
{
	struct set one = {{h->resource}, {h->token}, 1};
	bool unlocks = field_draw(2);
	int operation = begin(unlocks ? "unlock" : "close", &one, ""), result = 0;

	if (unlocks && h->is_flock)
		result = flock(h->fd, LOCK_UN) < 0 ? -errno : 0;
	else if (unlocks)
		result = set_range(h->fd, F_OFD_SETLK, F_UNLCK);
	else
		close(h->fd);
	if (!field_is_lost(result)) /* else it goes with its mount */
		end(operation, result_name(result), &one);
	if (unlocks)
		close(h->fd);
}

static void release(const struct held *h)
{
	if (h->token && h->fd < 0)
		release_name(h);
	else if (h->fd >= 0)
		release_descriptor(h);
	me->wanted &= ~(1 << h->resource);
}

/* ---- looking, breaking, handing on */

static void see(const char *name)
{
	char resource[24];
	int m = field_any_mount(), result;
	struct stat st = {0};

	snprintf(resource, sizeof(resource), "%s", name);
	field_note("I %s/%d %s %lld see %s\n", instance, ++me->operations, instance, field_now(),
		   resource);
	result = fstatat(field_door(m), resource, &st, 0) < 0 ? -errno : 0;
	field_note("R %s/%d %lld %s %llu\n", instance, me->operations, field_now(),
		   field_is_lost(result) ? "LOST"
		   : result == -ENOENT	 ? "OK"
					 : result_name(result),
		   (unsigned long long)st.st_ino);
}

static void break_one(void)
{
	struct set one = {{(int)field_draw(RESOURCES)}, {0}, 1};
	const char *name = names[one.resources[0]];
	char holder[64], line[128], number[24];
	const char *argv[] = {"bookfs", "break",    book,	 name, "--token",
			      number,	"--reason", "at random", NULL};
	int m, operation, result;

	look_up(&one.tokens[0], holder, name);
	if (!one.tokens[0] || !strcmp(holder, instance))
		return;
	m = field_any_mount();
	snprintf(number, sizeof(number), "%lld", one.tokens[0]);
	snprintf(line, sizeof(line), "break %s token=%s reason=\"at random\"", name, number);
	operation = begin("break", &one, "");
	if (field_draw(30) == 0)
		result = run(argv) == 0 ? 0 : -ESTALE;
	else
		result = field_command(m, line);
	if (!field_is_lost(result))
		end(operation, result_name(result), &one);
}

/* Is it for us not to take, as somebody is about to hand it to us? Whoever would hand it on first
 * says so and then looks at `wanted`; we do it the other way round. */
static bool may_take(int resource)
{
	me->wanted |= 1 << resource;
	if ((me->gift & 0xff) != resource + 1)
		return true;
	me->wanted &= ~(1 << resource);
	return false;
}

/* 1: handed on, 0: not; it is ours still, as far as we know. */
static int transfer(const struct held *h, int to, int generation)
{
	struct set one = {{h->resource}, {h->token}, 1};
	char line[128], more[48], whom[32], holder[64];
	int m = field_any_mount(), operation, result;

	snprintf(whom, sizeof(whom), "P%d.%d", to, generation);
	snprintf(line, sizeof(line), "transfer %s from=%s to=%s", names[h->resource], instance,
		 whom);
	snprintf(more, sizeof(more), " to=%s", whom);
	operation = begin("give", &one, more);
	result = field_command(m, line);
	if (field_is_lost(result))
		return !is_ours(h); /* who has it now is not known to the checker */
	look_up(&one.tokens[0], holder, names[h->resource]);
	if (result < 0 || strcmp(holder, whom) != 0)
		one.tokens[0] = 0;
	end(operation, result == -EBUSY && is_ours(h) ? "IN_USE" : result_name(result), &one);
	return result == 0;
}

/* Not to one whom the table does not know yet: it could not tell when he dies. */
static bool give(const struct held *h)
{
	int to = (int)field_draw(PROCESSES), none = 0, given = 0;
	struct slot *them = &field->slots[to];
	int known = them->known;

	if (to == slot_number || !known)
		return false;
	me->giving = 1;
	if (atomic_compare_exchange_strong(&them->gift, &none,
					   (h->resource + 1) | slot_number << 8)) {
		if (!(them->wanted & 1 << h->resource))
			given = transfer(h, to, known - 1);
		if (!given)
			them->gift = 0;
	}
	me->giving = 0;
	if (given)
		me->wanted &= ~(1 << h->resource);
	return given;
}

static void accept_gift(void)
{
	int gift = me->gift, resource = (gift & 0xff) - 1;
	bool is_over;
	char holder[64];
	struct held h = {.resource = resource, .fd = -1};

	if (!gift)
		return;
	is_over = !field->slots[gift >> 8].giving;
	look_up(&h.token, holder, names[resource]);
	if (!strcmp(holder, instance)) {
		me->wanted |= 1 << resource;
		me->gift = 0;
		release(&h);
	} else if (is_over) {
		me->gift = 0;
	}
}

/* ---- a life */

static void hold_names(struct held *h, int *count, const struct set *s)
{
	for (int i = 0; i < s->count; i++)
		h[(*count)++] =
			(struct held){.resource = s->resources[i], .token = s->tokens[i], .fd = -1};
}

/* Those of a set that we may take. */
static void draw_set(struct set *s)
{
	int most = field_draw(4) ? 1 : 2 + (int)field_draw(SET_MOST - 1);

	*s = (struct set){0};
	for (int tries = 0; tries < 12 && s->count < most; tries++) {
		int r = (int)field_draw(RESOURCES);

		if (!(me->wanted & 1 << r) && may_take(r))
			s->resources[s->count++] = r;
	}
}

static void give_up_wish(const struct set *s)
{
	for (int i = 0; i < s->count; i++)
		me->wanted &= ~(1 << s->resources[i]);
}

/* All but the first. */
static void narrow_wish(struct set *s)
{
	while (s->count > 1)
		me->wanted &= ~(1 << s->resources[--s->count]);
}

static int get_descriptor(struct held *h, struct set *s, int wait_ms)
{
	narrow_wish(s);
	return take_descriptor(h, s->resources[0], wait_ms);
}

/* How many it has got. */
static int get(struct held *h, bool waits, int wait_ms)
{
	struct set s;
	int count = 0, result;

	h->fd = -1;
	draw_set(&s);
	if (s.count == 0)
		return 0;
	if (waits && wait_ms == WAIT_MS && field_draw(40) == 0)
		result = wait_command(&s);
	else if (waits || field_draw(2))
		result = get_descriptor(h, &s, waits || field_draw(2) ? wait_ms : 0);
	else
		result = take_by(
			field_draw(80) ? takes[field_draw(ARRAY_LEN(takes))] : take_command, &s);
	if (result < 0)
		give_up_wish(&s);
	else if (h->fd >= 0)
		count = 1;
	else
		hold_names(h, &count, &s);
	return count;
}

static void use(struct held *h)
{
	struct set one = {{h->resource}, {0}, 1};

	usleep(field_draw(400));
	if (field_draw(8) == 0)
		see(names[h->resource]);
	if (h->fd < 0 && field_draw(8) == 0 && renew(&one) == 0 && one.tokens[0])
		h->token = one.tokens[0];
}

/* For a while only by waiting: then nobody's attempt repairs a hand-over that was forgotten. */
static bool only_waits(void)
{
	return field_now() / 700000 % 2;
}

static void act(void)
{
	struct held h[SET_MOST], inner[SET_MOST];
	bool waits = only_waits();
	int count, n = 0;

	accept_gift();
	if (field_draw(8) == 0)
		see(field_draw(3) ? names[field_draw(RESOURCES)] : badge);
	if (!waits && field_draw(20) == 0)
		break_one();
	count = get(h, waits, WAIT_MS);
	for (int i = 0; i < count; i++)
		use(&h[i]);
	/* A second claim while it holds the first: this is where circles come from. */
	if (count && !waits && field_draw(10) == 0)
		n = get(inner, true, NEST_MS);
	for (int i = 0; i < n; i++)
		release(&inner[i]);
	for (int i = 0; i < count; i++)
		if (waits || h[i].fd >= 0 || !h[i].token || field_draw(20) || !give(&h[i]))
			release(&h[i]);
}

/* Each has a lock of its own as long as it lives; the one before it in its place had it too. */
static void take_badge(void)
{
	struct set one = {{RESOURCES}, {0}, 1};

	while (!field->stop && !me->known) {
		if (take_by(take_touch, &one) < 0)
			usleep(5000);
		else
			me->known = me->generation + 1;
	}
}

static int work(void)
{
	struct sigaction alarm = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &alarm, NULL);
	take_badge();
	while (!field->stop)
		act();
	return 0;
}

static int run_agent(char **argv)
{
	char name[64];
	pid_t agent = getpid(), worker;
	int status;

	slot_number = atoi(argv[3]);
	me = &field->slots[slot_number];
	snprintf(instance, sizeof(instance), "P%s.%s", argv[3], argv[4]);
	snprintf(badge, sizeof(badge), "Chapter_%d", 50 + slot_number);
	field_seed = (unsigned)(atoi(argv[5]) * 7919 + slot_number * 1000 + atoi(argv[4]));
	bookfs = argv[6];
	book = argv[7];
	snprintf(name, sizeof(name), "history.%s", instance);
	field_record(name);
	worker = fork();
	if (worker == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == agent ? work() : 0);
	}
	waitpid(worker, &status, 0);
	return status != 0;
}

int main(int argc, char **argv)
{
	if (argc >= 4)
		field_enter(argv[2]);
	if (argc == 8 && !strcmp(argv[1], "act"))
		return run_agent(argv);
	if (argc == 4 && !strcmp(argv[1], "watch"))
		return lock_watch(argv[3]);
	if (argc == 5 && !strcmp(argv[1], "deaths"))
		return lock_deaths(atoi(argv[3]), !strcmp(argv[4], "grant"));
	fprintf(stderr, "lock_client: see lock_client.c\n");
	return 2;
}
