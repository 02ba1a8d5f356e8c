/* SPDX-License-Identifier: MIT */
/* Names and ids: their syntax. */

#include "proto/id.h"

#include "basic/utf8.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* 1 to `max` characters of `rest`, the first of them one of `first`. */
static bool consists_of(const char *text, const char *first, const char *rest, size_t max)
{
        return *text != '\0' && strchr(first, *text) && strspn(text, rest) == strlen(text) &&
               strlen(text) <= max;
}

void ulid_format(uint64_t time_ms, const uint8_t random[ULID_RANDOM_SIZE], char ret_ulid[ULID_SIZE])
{
        /* 26 digits of 5 bits hold 130: the first has only the 3 uppermost of the time. */
        for (int i = 9; i >= 0; i--, time_ms >>= 5)
                ret_ulid[i] = crockford[time_ms & 31];

        for (int i = 0; i < 16; i++) {
                int bit = i * 5;
                unsigned two = (unsigned) random[bit / 8] << 8 | (bit / 8 < 9 ? random[bit / 8 + 1] : 0u);

                ret_ulid[10 + i] = crockford[two >> (11 - bit % 8) & 31];
        }

        ret_ulid[26] = '\0';
}

bool ulid_valid(const char *text)
{
        return strlen(text) == ULID_SIZE - 1 && consists_of(text, "01234567", crockford, ULID_SIZE - 1);
}

bool ulid_suffix_parse(const char *text, char ret_suffix[static ULID_SIZE])
{
        char suffix[ULID_SIZE];
        size_t length = strlen(text);

        if (length < ULID_SUFFIX_MIN || length >= ULID_SIZE)
                return false;

        for (size_t i = 0; i <= length; i++) {
                char c = text[i];

                if (c >= 'a' && c <= 'z')
                        c = (char) (c - 'a' + 'A');
                suffix[i] = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
        }
        if (strspn(suffix, crockford) != length)
                return false;

        memcpy(ret_suffix, suffix, length + 1);
        return true;
}

const char *ulid_shown(const char *ulid)
{
        size_t length = strlen(ulid);

        return length > ULID_SUFFIX_MIN ? ulid + length - ULID_SUFFIX_MIN : ulid;
}

bool device_name_valid(const char *text)
{
        return consists_of(text, LOWER DIGITS, LOWER DIGITS "-", DEVICE_NAME_SIZE - 1) &&
               !endswith(text, "-");
}

bool label_valid(const char *text)
{
        return consists_of(text, LOWER DIGITS, LOWER DIGITS "._-", 63);
}

static bool is_graphic(const char *text, char sigil)
{
        size_t length = strlen(text);

        if (*text != sigil || length < 2 || length > 255)
                return false;

        for (const char *at = text; *at != '\0'; at++)
                if (*at <= ' ' || *at >= 0x7f)
                        return false;

        return true;
}

bool mxid_valid(const char *text)
{
        const char *colon = strchr(text, ':');

        return is_graphic(text, '@') && colon && colon > text + 1 && colon[1] != '\0';
}

bool room_id_valid(const char *text)
{
        return is_graphic(text, '!');
}

bool event_id_valid(const char *text)
{
        return is_graphic(text, '$');
}

/* Of a Unix user: the names that systemd's relaxed mode accepts and that need no quotes. */
static bool user_name_valid(const char *text)
{
        return consists_of(text, LOWER UPPER "_", LOWER UPPER DIGITS "_.-", 31);
}

bool principal_valid(const char *text)
{
        static const char local[] = "local:";

        return startswith(text, local) ? user_name_valid(text + strlen(local))
                                       : streq(text, "dashboard") || mxid_valid(text);
}

bool principal_is_matrix(const char *principal)
{
        return *principal == '@';
}

bool container_name_valid(const char *text)
{
        return consists_of(text, LOWER UPPER DIGITS, LOWER UPPER DIGITS "_.-", 128);
}

bool unit_name_valid(const char *text)
{
        static const char *const suffixes[] = { ".service", ".socket", ".target", ".timer",
                                                ".mount",   ".path",   ".slice" };

        if (!consists_of(text, LOWER UPPER DIGITS "_:", LOWER UPPER DIGITS "_:.\\@-", 255) ||
            strstr(text, "@."))
                return false;

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (endswith(text, suffixes[i]) && strlen(text) > strlen(suffixes[i]))
                        return true;

        return false;
}

bool relative_path_valid(const char *text)
{
        size_t length;

        for (const char *at = text;; at += length + 1) {
                length = strcspn(at, "/");
                if (length == 0 || length > 255 || (length == 1 && at[0] == '.') ||
                    (length == 2 && at[0] == '.' && at[1] == '.'))
                        return false;
                for (size_t i = 0; i < length; i++)
                        if ((unsigned char) at[i] < ' ' || at[i] == 0x7f)
                                return false;
                if (at[length] == '\0')
                        return (size_t) (at + length - text) < 4095;
        }
}

bool absolute_path_valid(const char *text)
{
        return streq(text, "/") || (text[0] == '/' && relative_path_valid(text + 1));
}

const char *id_form(bool (*valid)(const char *text))
{
        static const struct {
                bool (*valid)(const char *text);
                const char *form;
        } rows[] = {
                { ulid_valid, "must be a ULID: 26 of 0-9 and A-Z without I, L, O and U" },
                { device_name_valid, "must be a-z, 0-9 and inner hyphens, at most 63" },
                { label_valid,
                  "must be a-z, 0-9, '.', '_' and '-', starting with a letter or digit, at most 63" },
                { mxid_valid, "must be a Matrix user: @name:server" },
                { principal_valid, "must be a Matrix user (@name:server), local:USER or dashboard" },
                { room_id_valid, "must be the id of a Matrix room: !id" },
                { event_id_valid, "must be the id of a Matrix event: $id" },
                { container_name_valid, "must be letters, digits, '_', '.' and '-', at most 128" },
                { unit_name_valid, "must be the name of a unit with its suffix, such as nginx.service" },
                { absolute_path_valid,
                  "must be an absolute path without '.', '..', '//' and a slash at its end" },
                { relative_path_valid,
                  "must be a relative path without '.', '..', '//' and a slash at its end" },
                { utf8_is_visible, "must not have invisible or control characters" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].valid == valid)
                        return rows[i].form;

        return NULL;
}

bool path_is_under(const char *path, const char *root)
{
        size_t length = strlen(root);

        return streq(root, "/") || (startswith(path, root) && (path[length] == '\0' || path[length] == '/'));
}
