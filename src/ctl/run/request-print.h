/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/print.h"
#include "ctl/run/requests-client.h"

/* "finished, exit 0". Returns `buffer`. */
const char *format_request_state(char buffer[static FIGURE_MAX], const RequestRow *row);

/* What it asks for, in one line; of an old request, which has no description, its name. */
const char *request_what(const RequestRow *row);

/* One object of a document. */
void request_add_json(Json *json, const RequestRow *row);

/* A table of requests, or {"requests":[…]} with --json; of those that wait for people, if there are none it
 * says so. */
int print_requests(const Ctl *ctl, const ClientRows *rows, bool waiting);

/* Prints on standard error what a decision is about: "WHO asks DEVICE for: WHAT". */
int print_asked(const RequestRow *row);
