/* SPDX-License-Identifier: MIT */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

/* The threads beside the loop's. Internal to base. */

#include <pthread.h>

/* As pthread_create; it gets no signals, as those belong to the thread that runs the loop. 0 or
 * -errno. */
int thread_start(pthread_t *out, void *(*run)(void *arg), void *arg);

#endif
