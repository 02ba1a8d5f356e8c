/* SPDX-License-Identifier: MIT */
#pragma once

/* Names and ids, and the one place that defines their syntax. All of them are ASCII that is
 * safe in a file name, a journal field and a chat message, but for Matrix names, which Matrix fixes. */

#include "basic/bytes.h"

#define ULID_SIZE        27 /* with the NUL */
#define ULID_RANDOM_SIZE 10
#define DEVICE_NAME_SIZE 64 /* with the NUL */

/* What the hub is called, as a device of its own and on its devices: no other one has that name. */
#define HUB_NAME "hub"

/* A request's id: 26 characters of Crockford's base32, 48 bits of milliseconds and 80 random bits, so that
 * ids sort by time (github.com/ulid/spec). Time and randomness are parameters, as everywhere in proto. */
void ulid_format(uint64_t time_ms, const uint8_t random[ULID_RANDOM_SIZE], char ret_ulid[ULID_SIZE]);
bool ulid_valid(const char *text);

/* Reads an id, or the end of one, as a person types it: also lower case, and O, I and L for 0, 1 and 1, as
 * in Crockford's base32. False: it is none, or shorter than this. */
#define ULID_SUFFIX_MIN 6
bool ulid_suffix_parse(const char *text, char ret_suffix[static ULID_SIZE]);

/* The end of an id, by which people name it: "7KQ2PD". Borrowed from it. */
const char *ulid_shown(const char *ulid);

/* A DNS label: a-z, 0-9 and inner hyphens, 1 to 63 characters. It is also the host name and the room. */
bool device_name_valid(const char *text);

/* What an operator calls an entry, a root, a sensor: [a-z0-9][a-z0-9._-]{0,62}. */
bool label_valid(const char *text);

/* "@local:server", "!opaque" or "!opaque:server", "$event": up to 255 bytes of graphic ASCII with that
 * sigil. */
bool mxid_valid(const char *text);
bool room_id_valid(const char *text);
bool event_id_valid(const char *text);

/* Who requests and who approves: "@ana:example.org", a Matrix user; "local:ana", a Unix user of the hub;
 * "dashboard", who holds the API's token. */
bool principal_valid(const char *text);

/* Whether a valid principal is a Matrix user. */
bool principal_is_matrix(const char *principal);

/* A Docker container's name: [A-Za-z0-9][A-Za-z0-9_.-]{0,127}. */
bool container_name_valid(const char *text);

/* A unit of systemd with its suffix, no template without instance, no glob, no slash: up to 255 bytes. */
bool unit_name_valid(const char *text);

/* "/" or "/a/b": absolute, no empty, "." or ".." component, none longer than 255 bytes, no control
 * characters, no slash at the end, less than 4096 bytes. */
bool absolute_path_valid(const char *text);

/* "a/b" likewise, and not empty. */
bool relative_path_valid(const char *text);

/* The form that one of these functions requires: "must be a-z, 0-9, …". NULL: not one of these. */
const char *id_form(bool (*valid)(const char *text));

/* Whether a valid absolute path is `root` or is below it, by whole components. */
bool path_is_under(const char *path, const char *root);
