/* SPDX-License-Identifier: MIT */
#ifndef PASS_H
#define PASS_H

/*
 * Private to fs: the files of a folder that is mounted as a book, passed through (issue: writing
 * projects). They stand at the root of the mount beside ours; what they are, the folder's own file
 * system says.
 *
 *     pass.c         the folder, opened before the mount; what of ours stands where
 *     pass_nodes.c   the table of nodes: a device and an inode each
 *     pass_watch.c   how long the kernel trusts what it knows of them
 *     pass_folders.c looking up and listing; the merged root
 *     pass_names.c   making, moving and removing names
 *     pass_attrs.c   attributes, extended attributes
 *     pass_files.c   opening, reading, writing
 *     pass_fence.c   whose it is, before it is changed
 *     pass_own.c     what a program hides beside it, and may take away
 *     pass_rules.c   the project's own rules for that
 *     pass_direct.c  files that the kernel reads and writes by itself
 *     pass_delegate.c  and those of them that a lock covers
 *     pass_locks.c   flock and fcntl, which reach those who use the folder directly
 *     pass_conn.c    what libfuse does not know to say to the kernel
 *     pass_git.c     names of ours are none of git's business
 *
 * A node id, from the low bits: 60 (6), its place in the table (32), a serial number (26), so that
 * an id of a node that was forgotten is known for what it is.
 *
 * Threads: the loop's. What may wait for a disk (reads that the page cache does not have, fsync,
 * fallocate, copies, and writes once one has stalled) runs in the loop's pool, with descriptors
 * that the open handle keeps. Metadata does not: it is one system call on an open folder.
 */

#include <limits.h>
#include <sys/stat.h>

#include "fs.h"

struct pass_node {
	uint64_t id;
	dev_t dev;
	ino_t ino;
	struct timespec born; /* an inode number comes again; zero where it is not known */
	mode_t type;
	uint8_t git;   /* enum pass_git */
	bool past;     /* its lock changed hands: pass_fence.c */
	bool retired;  /* it is opened no more */
	bool unlinked; /* by us: it has no name */
	bool direct;   /* as it is open now: the kernel reads and writes it */
	bool by_us;    /* it will not be, until the last has closed it */

	/* pass_delegate.c */
	struct link delegation;	      /* of all that are out */
	struct pass_cover *delegated; /* whose guard is out for it; NULL: it is not */
	int delegating;		      /* open files that it is for */
	bool recalling, recalled;

	uint64_t lookups; /* the kernel's */
	int opens;
	struct link files; /* these */
	int backing;	   /* the kernel's number of it, for that; 0: it has none */
	int fd;		   /* O_PATH; -1: it has none, and is opened by the name when it is used */
	uint64_t parent;
	char *name; /* as it was looked up last; NULL: the root */

	/* What the file (or folder) was when the pages (or the list) that the kernel keeps were
	 * read. */
	struct pass_stamp {
		struct timespec mtime, ctime;
		off_t size;
		bool valid;
	} stamp;

	/* What the kernel was told last (pass_watch.c), or may know since. */
	struct pass_told {
		struct timespec mtime, ctime;
		off_t size;
		mode_t mode;
		uid_t uid;
		gid_t gid;
		nlink_t links;
	} told;
	struct link names; /* that the kernel takes for it */
	int watch;	   /* of a folder; 0: there is none yet, <0: it cannot be had */

	struct link owners; /* who has fcntl locks on it */

	/* Of all the names that it was seen by, if it has several. */
	struct pass_cover **covers;
	size_t cover_count, cover_cap;
	int fences; /* of its files that are open for writing */

	struct pass_node *chain;
	struct link used; /* those with a descriptor that can be given back, the oldest first */
};

struct cover_rules;
struct pass_cover;
struct pass_file;

enum pass_git { PASS_NOT_GIT, PASS_GIT, PASS_GIT_INFO, PASS_GIT_EXCLUDE };

static inline bool pass_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

struct pass_table {
	struct pass_node **slots;
	size_t slot_count, slot_cap, free_slot;
	struct pass_node **buckets;
	size_t bucket_count, node_count;
	uint64_t serial;
	struct link used;
	size_t descriptors, descriptors_most;
	size_t descriptors_end; /* of those for clients' files */
	uint64_t mount;		/* the folder's, as the kernel numbers them; 0: it does not */
};

struct pass_name;
struct pass_names {
	struct pass_name **buckets;
	size_t bucket_count, count;
};

struct pass {
	struct fs *fs;
	int proc;	       /* /proc/self/fd: what an O_PATH descriptor is opened by */
	struct pass_node root; /* the folder; its id is VIEW_ROOT */
	struct pass_table table;

	struct pass_names names;
	bool is_told;	  /* inotify knows of all that is done to the folder */
	bool watches_out; /* and that was said */
	uint64_t told_in; /* a folder that is to be looked at itself */

	/* Of the store: not to be reached (fuse.md: only SQLite opens its files). */
	dev_t store_dev;
	ino_t store_ino; /* its folder */
	char *store_name;
	/* Of the mount, if it is within the folder. */
	dev_t mount_dev;
	ino_t mount_ino; /* its folder */
	char *mount_name;

	struct link files, folders;	/* that are open */
	uint64_t greeting;		/* the number of the kernel's INIT */
	bool greeted;			/* and it is answered */
	bool can_kill_priv, can_direct; /* what it offered */
	int answered_backing;		/* of the open that is being answered */

	/* pass_delegate.c */
	struct link delegations; /* nodes */
	int delegation_count;
	int recalls;		       /* that the helper was asked for and has not done */
	int lasting;		       /* the kernel's number of the guards' file; 0: it has none */
	struct link held;	       /* requests that wait for recalls */
	struct timer *held_end;	       /* not for ever */
	struct timer *delegations_end; /* nor are they out for ever */

	char *chunk;		    /* of reads that need not wait */
	int64_t slow_until_boot_ms; /* the disk stalled: write in the pool until then */
	struct link waiting;	    /* for a lock: struct pass_wait */
	size_t wait_count;
	struct timer *nudge; /* those of them that are to wait no more */
	bool ended;

	struct cover_rules *rules; /* the project's own, or NULL */
	struct stat rules_file;	   /* they were read of */
	char rules_book[HASH_HEX]; /* and what the book was */
	int64_t rules_looked_boot_ms;
	struct link own; /* pass_own.c */
	size_t own_count;
	struct link covers; /* the locks that a path was found to belong to */
	struct buf path;    /* for one path, of pass_fence.c */
	uint64_t moves;	    /* names that were moved: where a file belongs is to be found anew */

	struct strv moved; /* names of ours that the folder has, too: ours are in .bookfs/ */
	char *git_names;   /* what git is told of ours */
};

static inline struct pass *pass_of(fuse_req_t req)
{
	return ((struct fs *)fuse_req_userdata(req))->pass;
}

/* ---- pass.c (what the rest of fs calls is in fs.h) */

/* Is this name of the folder neither shown nor to be made? */
bool pass_hides(const struct pass *p, const struct pass_node *folder, const char *name);
/* At the root: a name that is ours whatever the folder has (locks, .locks), or that the folder has
 * not and we have. */
bool pass_is_ours(struct pass *p, const struct pass_node *folder, const char *name);

/* A name of the folder itself came or went, by whomever: what of ours stands where may change. */
void pass_root_changed(struct pass *p, const char *name);

/* ---- pass_fence.c */

/* A lock that covers paths of the folder. */
struct pass_cover {
	struct link link;
	char resource[LOCK_RESOURCE_BYTES];
	int64_t token;			  /* of the lock as it was looked at last; 0: nobody's */
	int64_t seq;			  /* of its table then; 0: nobody had a file to lose */
	struct link fences;		  /* of files that are open for writing */
	int64_t used_token, used_boot_ms; /* that was renewed, and when */

	/* pass_behind.c */
	int busy;	  /* leaves to change what it covers */
	bool ended;	  /* one of them, since all events were read */
	int64_t ended_ns; /* when the last did */
	int64_t told_ns;  /* of the last change that came by no mount */
};
struct pass_cover *pass_cover_named(struct pass *p, const char *resource);
/* To change something: while it lasts the locks stay whose they are. */
struct pass_leave {
	struct locks *table;
	struct pass_grant {
		struct pass_cover *cover;
		int64_t token; /* under which lock of his own; 0: it is nobody's */
		bool guarded;
		bool let_in;
	} * grants;
	size_t count, cap;
	bool all; /* and so do all others */
};
/* Every path that changes something asks for leave first, and once more for each thing that it
 * changes: 0, or -errno to answer with, said in locks/.why. name: an entry of the folder n, or NULL
 * for the node itself. */
int pass_may_change(struct pass_leave *leave, fuse_req_t req, struct pass_node *n,
		    const char *name);
/* The same to remove a name: who made it for himself is let in by that. */
int pass_may_remove(struct pass_leave *leave, fuse_req_t req, struct pass_node *folder,
		    const char *name);
/* And for a folder that goes elsewhere, for all that is in it. */
int pass_may_move(struct pass_leave *leave, fuse_req_t req, struct pass_node *folder,
		  const char *name);
/* Before it is opened to read: has its lock changed hands? */
void pass_may_be_past(struct pass *p, struct pass_node *n);
/* Through an open file; by_kernel: of a mapping. */
int pass_may_write(struct pass_leave *leave, fuse_req_t req, struct pass_file *f, bool by_kernel);
/* A name was moved: who has a file open to write that came beneath another's lock is shut out. */
void pass_fences_moved(struct pass *p);
/* It is done; the first by any thread, the second on the loop. */
void pass_leave_unguard(struct pass_leave *leave);
void pass_leave_end(struct pass_leave *leave);
struct pass_leave pass_leave_steal(struct pass_leave *leave);

void pass_file_fence(struct pass_file *f, fuse_req_t req, const struct pass_leave *leave);
void pass_file_unfence(struct pass_file *f);
/* A name of the file was looked up; alone: it has no other. */
void pass_seen(struct pass *p, struct pass_node *n, bool alone, struct pass_node *folder,
	       const char *name);
void pass_fence_init(struct pass *p);
void pass_fence_finish(struct pass *p);

/* ---- pass_behind.c */

/* Leave was given to change what it covers; that ended. */
void pass_cover_begins(struct pass_cover *c);
void pass_cover_ends(struct pass_cover *c);

/* ---- pass_own.c */

/* The caller has made it, beneath a lock. */
void pass_own_made(fuse_req_t req, const char *name, const struct stat *st);
/* Is he not asked for leave, whoever holds what it lies beside? */
bool pass_own_goes_on(const struct pass_file *f);
bool pass_own_is(fuse_req_t req, struct pass_node *folder, const char *name);
void pass_own_init(struct pass *p);
void pass_own_finish(struct pass *p);

/* ---- pass_rules.c */

int pass_rules_init(struct pass *p, struct err *err);
void pass_rules_look(struct pass *p); /* are they what they were? */

/* ---- pass_nodes.c (pass_make_room is in fs.h) */

void pass_table_init(struct pass *p);
void pass_table_knows_mount(struct pass *p); /* when the root is open */
void pass_table_finish(struct pass *p);
/* For a descriptor that lasts until a client closes his; or -ENFILE. */
int pass_room(const struct pass *p);
/* -ESTALE: it was forgotten. */
int pass_node(struct pass_node **out, const struct pass *p, uint64_t id);
/* Its O_PATH descriptor, or that of one of its open files, borrowed until the next call; or -errno.
 */
int pass_fd(struct pass *p, struct pass_node *n);
/* That of one of its open files, or -1. */
int pass_open_fd(const struct pass_node *n);
/* It is opened by its name, if that still leads to it; -ESTALE: it does not; -EAGAIN: somebody has
 * a lease of it, and is asked to give it back. */
int pass_open_node(struct stat *st, struct pass *p, struct pass_node *n, int flags);
/* What it is now; that alone needs no descriptor. */
int pass_stat(struct stat *st, struct pass *p, struct pass_node *n);
/* A file that is open beneath the folder is entered as a node with one lookup more: fd is O_PATH,
 * taken. */
int pass_enter(struct pass_node **out, struct stat *st, struct pass *p, int fd,
	       struct pass_node *folder, const char *name);
/* The same of one that was just opened: fd stays the caller's. */
int pass_enter_open(struct pass_node **out, struct stat *st, struct pass *p, int fd,
		    struct pass_node *folder, const char *name);
int pass_look(struct pass_node **out, struct stat *st, struct pass *p, struct pass_node *folder,
	      const char *name);
void pass_forget(struct pass *p, uint64_t id, uint64_t lookups);
/* One name beneath an open folder, O_NOFOLLOW. A descriptor or -errno. */
int pass_resolve(int folder, const char *name, uint64_t flags, mode_t mode);
void pass_proc_name(char out[16], int fd);
/* Of a node, or of a name in it, beneath the folder: by the names that were looked up last, as far
 * down as rules tell folders apart. false: one of them is not known any more. */
bool pass_path(struct buf *out, const struct pass *p, const struct pass_node *n, const char *name);
/* The kernel reads it, and who comes to write has to be served by us: he will meet a new node. */
void pass_retire(struct pass *p, struct pass_node *n);
/* The file has this name now. */
void pass_renamed(struct pass *p, const struct stat *st, struct pass_node *folder,
		  const char *name);
/* It had this name, and that was taken from it. */
void pass_unnamed(struct pass *p, const struct stat *st);
/* The next look-up of the file makes another node of it. */
void pass_becomes_past(struct pass *p, struct pass_node *n);

/* The file of that name as it is now, and its node, or NULL; nothing is entered. */
int pass_peek(struct pass_node **out, struct stat *st, struct pass *p, struct pass_node *folder,
	      const char *name);
void pass_each_node(struct pass *p, void (*fn)(struct pass *p, struct pass_node *n));

/* ---- pass_watch.c */

void pass_watch_init(struct pass *p); /* when the root is open */
void pass_watch_finish(struct pass *p);
/* Before anything in the folder is looked at. false: nobody will tell what happens in it. */
bool pass_watch(struct pass *p, struct pass_node *folder);
void pass_unwatch(struct pass *p, struct pass_node *n); /* it is forgotten, with all its names */
/* What the kernel takes the name for from now on; NULL: it asks, or takes it for nothing. */
void pass_leads_to(struct pass *p, const struct pass_node *folder, const char *name,
		   struct pass_node *n);
/* What it takes it for now, as far as it was told: or NULL. */
struct pass_node *pass_led_to(const struct pass *p, const struct pass_node *folder,
			      const char *name);
/* Seconds for which what is told of it now may be trusted; and that there is no such name. */
double pass_trusts(const struct pass *p, struct pass_node *n, const struct stat *st);
/* The kernel is to ask for them again. That takes no lock in it (notify.c): from any request. */
void pass_forget_attributes(struct pass *p, uint64_t node);
double pass_absent(struct pass *p, const struct pass_node *folder, const char *name);
void pass_entry(struct fuse_entry_param *e, const struct pass *p, struct pass_node *n,
		const struct stat *st);
/* The folder in which something was told last is looked at itself. */
void pass_told_folder(struct pass *p);

/* ---- pass_files.c */

struct pass_file {
	struct link link, of_node;
	struct pass_node *node;
	int fd;

	/* If it was opened for writing: by whom, and under which locks. */
	bool writes;
	pid_t pid;
	uid_t uid;
	struct link fences;
	uint64_t moves; /* as there were when these were found */
	bool direct;	/* the kernel writes it by itself */
	bool delegated; /* beneath a lock */
	bool own;	/* it was made by this open: pass_own.c */
};
/* leave: what it was opened by. */
void pass_file_reply(fuse_req_t req, struct fuse_file_info *fi, struct pass_node *n, int fd,
		     const struct stat *st, const struct fuse_entry_param *made,
		     const struct pass_leave *leave);
/* Are the pages that the kernel may have of it, or its list, still true? What it reads from now on
 * is of what the file is now. */
bool pass_keeps_pages(struct pass_node *n, const struct stat *st);
static inline struct pass_file *pass_file_of(const struct fuse_file_info *fi)
{
	return (struct pass_file *)(uintptr_t)fi->fh;
}

/* ---- pass_direct.c */

struct fuse_init_in;
struct fuse_init_out;
struct fuse_open_out;
void pass_direct_offered(struct pass *p, const struct fuse_init_in *in);
void pass_direct_greet(struct pass *p, struct fuse_init_out *out);
void pass_direct_answer(const struct pass *p, struct fuse_open_out *out);
enum pass_use { PASS_READS, PASS_WRITES, PASS_READS_AND_WRITES };
/* An open is to be answered: the number by which the kernel reads it, and where f->direct, writes
 * it; 0: we do. -ESTALE: the node has been given up for a new one. */
int pass_direct(struct pass_file *f, struct pass *p, const struct stat *st, enum pass_use use,
		const struct pass_leave *leave);
/* The kernel's number of an open file, or 0. */
int pass_direct_enlist(struct pass *p, int fd);
void pass_direct_forget(struct pass *p, struct pass_node *n);
/* Would a file that is written without us come beneath another lock, if `from` (its entry of that
 * name; or NULL: itself) were called to_name in `to`? */
bool pass_direct_escapes(const struct pass *p, const struct pass_node *from, const char *name,
			 const struct pass_node *to, const char *to_name, bool exchange);

/* ---- pass_delegate.c */

/* May the kernel write this file, that is covered, for who got this leave? */
bool pass_may_delegate(const struct pass *p, const struct pass_node *n, const struct stat *st,
		       const struct pass_leave *leave);
int pass_delegate(struct pass *p, struct pass_node *n, const struct pass_leave *leave);
void pass_undelegate(struct pass *p, struct pass_node *n);
/* Whoever writes such a file is asked again at his next write. */
void pass_recall_all(struct pass *p);
bool pass_is_delegated(struct pass *p, const char *path);
void pass_delegate_closed(struct pass *p, struct pass_file *f);
/* The kernel wants to write such a file: 0, or what the writer is to be told. */
int pass_asks_to_write(fuse_req_t req, struct pass_node *n);
/* Is it our own request by which that is recalled? */
bool pass_recalls(struct pass *p, fuse_req_t req, struct pass_node *n);
void pass_delegate_init(struct pass *p);
void pass_delegate_end(struct pass *p);
void pass_delegate_finish(struct pass *p);

/* ---- who makes a file is its owner, where the mount serves others (pass_names.c) */

struct pass_identity {
	bool changed;
};
struct pass_identity pass_become(fuse_req_t req);
void pass_become_self(struct pass_identity *was);

/* ---- the tables' parts */

void pass_lookup(fuse_req_t req, fuse_ino_t folder, const char *name);
void pass_op_forget(fuse_req_t req, fuse_ino_t node, uint64_t lookups);
void pass_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void pass_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		  struct fuse_file_info *fi);
void pass_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		      struct fuse_file_info *fi);
void pass_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void pass_folder_free(struct link *l);
void pass_file_free(struct link *l);
/* For reading; or -errno. */
int pass_folder_fd(struct pass *p, fuse_ino_t node, const struct fuse_file_info *fi);
void pass_fsyncdir(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi);

void pass_create(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode,
		 struct fuse_file_info *fi);
void pass_mknod(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode, dev_t dev);
void pass_mkdir(fuse_req_t req, fuse_ino_t folder, const char *name, mode_t mode);
void pass_symlink(fuse_req_t req, const char *target, fuse_ino_t folder, const char *name);
void pass_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t folder, const char *name);
void pass_unlink(fuse_req_t req, fuse_ino_t folder, const char *name);
void pass_rmdir(fuse_req_t req, fuse_ino_t folder, const char *name);
void pass_rename(fuse_req_t req, fuse_ino_t folder, const char *name, fuse_ino_t to_folder,
		 const char *to_name, unsigned flags);

void pass_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void pass_setattr(fuse_req_t req, fuse_ino_t node, struct stat *st, int to_set,
		  struct fuse_file_info *fi);
void pass_access(fuse_req_t req, fuse_ino_t node, int mask);
void pass_readlink(fuse_req_t req, fuse_ino_t node);
void pass_statfs(fuse_req_t req, fuse_ino_t node);
void pass_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value,
		   size_t size, int flags);
void pass_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size);
void pass_listxattr(fuse_req_t req, fuse_ino_t node, size_t size);
void pass_removexattr(fuse_req_t req, fuse_ino_t node, const char *name);

void pass_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void pass_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t off, struct fuse_file_info *fi);
void pass_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size, off_t off,
		struct fuse_file_info *fi);
void pass_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void pass_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi);
void pass_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void pass_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t off, off_t len,
		    struct fuse_file_info *fi);
void pass_copy(fuse_req_t req, fuse_ino_t from, off_t from_off, struct fuse_file_info *from_fi,
	       fuse_ino_t to, off_t to_off, struct fuse_file_info *to_fi, size_t len, int flags);
void pass_lseek(fuse_req_t req, fuse_ino_t node, off_t off, int whence, struct fuse_file_info *fi);

void pass_flock(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, int op);
void pass_setlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct flock *range,
		int sleep);
void pass_getlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct flock *range);
void pass_owner_closed(struct pass_node *n, uint64_t owner);
void pass_file_closed(struct pass_file *f);
void pass_owners_free(struct pass_node *n);
void pass_waits_init(struct pass *p);
void pass_waits_finish(struct pass *p);
void pass_waits_end(struct pass *p);

/* ---- pass_git.c */

enum pass_git pass_git_of(const struct pass *p, const struct pass_node *folder, const char *name);
/* Before .git/info/exclude is looked at: it names what is ours. info: its folder. */
void pass_git_exclude(struct pass *p, int info);
void pass_git_names(struct pass *p); /* at the start, and when they are others */

#endif
