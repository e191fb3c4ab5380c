/* SPDX-License-Identifier: MIT */
#ifndef GATE_H
#define GATE_H

/* Private to jobs: what jobs does with its gates. All take NULL. */

#include "jobs.h"

void gate_attach(struct gate *g, struct jobs *j); /* NULL: nothing limits any more */
void gate_look(struct gate *g);			  /* soon: what waits may be able to go */
/* Did anything ever pass it? What never did (the builtin painter) costs nothing. */
bool gate_is_used(const struct gate *g);
/* Until when a server asked to be left alone; 0: none did. */
int64_t gate_told_boot_ms(const struct gate *g);

#endif
