/* SPDX-License-Identifier: MIT */
/* Reads /etc/devbox/config.yaml.
 *
 * The table `keys` is the whole vocabulary: the section of a key, what it takes, its default, and what sets
 * it. Reading, defaults, the messages and "did you mean" all use it; a new key is a new row (and
 * its lines in devbox-config(5) and units/config.yaml, which scripts/check compares).
 *
 * The file is read to its end whatever is wrong with it; each fault is a line.
 *
 * Messages quote the file only where it can be no secret: never in `auth`, and elsewhere only short
 * words. */

#include "config/load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/text.h"
#include "basic/word.h"
#include "codec/yaml.h"
#include "config/value.h"
#include "proto/error.h"

typedef struct Reader {
        const char *name; /* of the file */
        Config *config;
        Text problems;      /* one a line; empty: none */
        unsigned lines[16]; /* where each key of the table was written; 0: it was not */
} Reader;

#define CONFIG_PATH "/etc/devbox/config.yaml"
#define AT(member)  .offset = offsetof(Config, member)

/* Sorted by section. */
/* clang-format off */
static const ConfigKey keys[] = {
        { "http", "host", "127.0.0.1, localhost, or another IP address of this machine", config_set_host,
          .fallback = "127.0.0.1", .quoted = true },
        { "http", "port", NULL, config_set_number, AT(http_port),
          .min = 1, .max = 65535, .unit = 1, .fallback = "8080" },
        { "http", "insecure_expose", "true or false", config_set_bool, AT(http_insecure_expose),
          .fallback = "false" },
        { "auth", "token", "8 to 256 visible ASCII characters without blanks; "
          "make one with: openssl rand -hex 32", config_set_token, .quoted = true },
        { NULL, "services", "a list of units, each on a line of its own after '- '", config_add_service,
          .list = true, .quoted = true },
        { "api", "cache_ttl_ms", NULL, config_set_number, AT(api_cache_ttl_usec),
          .min = 0, .max = 60000, .unit = USEC_PER_MSEC, .fallback = "1000" },
        { "api", "idle_exit_sec", NULL, config_set_number, AT(api_idle_exit_usec),
          .min = 0, .max = 86400, .unit = USEC_PER_SEC, .fallback = "120" },
        { "api", "max_connections", NULL, config_set_number, AT(api_max_connections),
          .min = 8, .max = 4096, .unit = 1, .fallback = "512" },
        { "collector", "disks", "a list of absolute paths, each on a line of its own after '- '",
          config_add_disk, .fallback = "/", .list = true, .quoted = true },
        { "collector", "idle_exit_sec", NULL, config_set_number, AT(collector_idle_exit_usec),
          .min = 0, .max = 86400, .unit = USEC_PER_SEC, .fallback = "300" },
        { "ledger", "trust_clock", "true or false", config_set_bool, AT(ledger_trust_clock),
          .fallback = "false" },
        { "mesh", "open_ports", "a list of ports as in 22/tcp, each on a line of its own after '- '",
          config_add_port, .list = true, .quoted = true },
        { "worker", "require_limits", "true or false", config_set_bool, AT(worker_require_limits),
          .fallback = "false" },
};
/* clang-format on */

_Static_assert(ELEMENTSOF(keys) <= ELEMENTSOF(((Reader *) NULL)->lines), "a line for each key");

/* Adds a problem, and returns the reason. Line 0: the file as a whole. */
static int reject(Reader *reader, unsigned line, const char *format, ...) _printf_(3, 4);

static int reject(Reader *reader, unsigned line, const char *format, ...)
{
        Text *problems = &reader->problems;
        char what[512];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(what, sizeof what, format, args);
        va_end(args);

        text_appendf(problems, "%s%s", problems->size > 0 ? "\n" : "", reader->name);
        if (line > 0)
                text_appendf(problems, ":%u", line);
        text_appendf(problems, ": %s", what);

        return problems->error < 0 ? problems->error : DEVBOX_ERROR_CONFIG_INVALID;
}

/* "http.port must be …", and a further hint or "". */
static int reject_value(Reader *reader, const ConfigKey *key, unsigned line, const char *hint)
{
        const char *section = strempty(key->section), *dot = key->section ? "." : "";

        if (key->takes)
                return reject(reader, line, "%s%s%s must be %s%s", section, dot, key->name, key->takes,
                              hint);

        return reject(reader, line, "%s%s%s must be a whole number from %" PRIu64 " to %" PRIu64 "%s",
                      section, dot, key->name, key->min, key->max, hint);
}

/* An item of a list; quoted only where it is harmless on a terminal and in a log. */
static int reject_item(Reader *reader, const ConfigKey *key, unsigned line, const char *item,
                       const char *why)
{
        const char *section = strempty(key->section), *dot = key->section ? "." : "";

        if (word_is_showable(item))
                return reject(reader, line, "%s%s%s: '%s' %s", section, dot, key->name, item, why);

        return reject(reader, line, "%s%s%s: this item %s", section, dot, key->name, why);
}

static int set_value(Reader *reader, const ConfigKey *key, const char *text, unsigned line)
{
        const char *why = "";

        int r = key->set(reader->config, key, text, &why);
        if (r != CONFIG_VALUE_REJECTED)
                return r;
        if (key->list)
                return reject_item(reader, key, line, text, why);

        return reject_value(reader, key, line, why);
}

static int read_list(Reader *reader, const ConfigKey *key, const YamlNode *list)
{
        const YamlNode *item = NULL;

        if (yaml_node_kind(list) == YAML_KIND_LIST)
                item = yaml_node_first(list);
        if (yaml_node_kind(list) != YAML_KIND_LIST || (!item && key->fallback))
                return reject_value(reader, key, yaml_node_line(list), "");

        for (; item; item = yaml_node_next(item)) {
                bool is_word = yaml_node_kind(item) == YAML_KIND_SCALAR && !yaml_node_is_null(item);
                unsigned line = yaml_node_line(item);

                int r = is_word ? set_value(reader, key, yaml_node_text(item), line)
                                : reject_value(reader, key, line, "");
                if (r < 0)
                        return r;
        }

        return 0;
}

static int read_value(Reader *reader, const ConfigKey *key, const YamlNode *node)
{
        unsigned line = yaml_node_line(node);

        if (key->list && yaml_node_is_null(node)) /* all its lines are comments */
                return 0;

        reader->lines[key - keys] = line;
        if (key->list)
                return read_list(reader, key, node);
        if (yaml_node_kind(node) != YAML_KIND_SCALAR)
                return reject_value(reader, key, line, "");
        if (yaml_node_is_null(node))
                return reject_value(reader, key, line, "; write it, or remove the line");
        if (!key->quoted && !yaml_node_is_plain(node))
                return reject_value(reader, key, line, "; write it without quotes");

        return set_value(reader, key, yaml_node_text(node), line);
}

/* The names that are allowed in a section, or at the top level (NULL): its keys, or the sections and the
 * keys without one. Returns how many. */
static size_t names_within(const char *section, const char *ret_names[static ELEMENTSOF(keys)])
{
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *its = keys[i].section;

                if (section && its && streq(its, section))
                        ret_names[n++] = keys[i].name;
                else if (!section &&
                         (!its || i == 0 || !keys[i - 1].section || !streq(its, keys[i - 1].section)))
                        ret_names[n++] = its ? its : keys[i].name;
        }

        return n;
}

static const ConfigKey *find_key(const char *section, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(strempty(keys[i].section), strempty(section)) && streq(keys[i].name, name))
                        return &keys[i];

        return NULL;
}

static bool is_section(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (keys[i].section && streq(keys[i].section, name))
                        return true;

        return false;
}

/* The section that has a key of this name, or NULL. */
static const char *section_of(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].name, name))
                        return keys[i].section;

        return NULL;
}

/* Names the word that was meant, or the section it belongs to, or all that are allowed there. */
static int reject_unknown(Reader *reader, const char *section, const YamlNode *member)
{
        const char *names[ELEMENTSOF(keys)], *word = yaml_node_key(member);
        _cleanup_(text_done) Text problem = TEXT_NULL;
        size_t n = names_within(section, names);
        const char *nearest = word_nearest(word, names, n), *home = section_of(word);

        /* An unknown key beside the token may be the token. */
        bool show = word_is_showable(word) && !(section && streq(section, "auth"));

        text_append(&problem, "unknown key");
        if (show)
                text_appendf(&problem, " '%s'", word);
        if (section)
                text_appendf(&problem, " in %s", section);
        else
                text_append(&problem, " at the top level");

        if (nearest)
                text_appendf(&problem, "; did you mean '%s'?", nearest);
        else if (show && home)
                text_appendf(&problem, "; it belongs under '%s:'", home);
        else
                for (size_t i = 0; i < n; i++)
                        text_appendf(&problem, "%s%s", i == 0 ? ", which takes: " : ", ", names[i]);
        if (problem.error < 0)
                return problem.error;

        return reject(reader, yaml_node_key_line(member), "%s", problem.data);
}

/* The members of a section, or of the file (NULL). */
static int read_members(Reader *reader, const char *section, const YamlNode *map)
{
        if (yaml_node_is_null(map)) /* all its lines are comments */
                return 0;
        if (yaml_node_kind(map) != YAML_KIND_MAP)
                return reject(reader, yaml_node_line(map), "%s must hold lines of the form 'key: value'%s",
                              section ? section : "the file", section ? ", indented by two blanks" : "");

        for (const YamlNode *member = yaml_node_first(map); member; member = yaml_node_next(member)) {
                const ConfigKey *key = find_key(section, yaml_node_key(member));
                int r;

                if (key)
                        r = read_value(reader, key, member);
                else if (!section && is_section(yaml_node_key(member)))
                        r = read_members(reader, yaml_node_key(member), member);
                else
                        r = reject_unknown(reader, section, member);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int set_fallbacks(Reader *reader)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const ConfigKey *key = &keys[i];

                if (reader->lines[i] > 0 || !key->fallback)
                        continue;

                int r = set_value(reader, key, key->fallback, 0);
                assert(r <= 0); /* the table's own values are right */
                if (r < 0)
                        return r;
        }

        return 0;
}

static int check_exposure(Reader *reader)
{
        const Config *config = reader->config;

        if (!config->http_host || config->http_insecure_expose || config_host_is_loopback(config->http_host))
                return 0;

        return reject(
                reader, reader->lines[find_key("http", "host") - keys],
                "http.host is not a loopback address, so that others could reach the API, unencrypted; "
                "write 127.0.0.1, or add 'insecure_expose: true' under 'http:' if all of that network "
                "may");
}

const char *config_path(void)
{
        const char *path = getenv("DEVBOX_CONFIG");

        return path && *path ? path : CONFIG_PATH;
}

/* Reads a text into the configuration, as far as it is valid. */
static int read_text(Reader *reader, const char *text, size_t size)
{
        _cleanup_(yaml_node_freep) YamlNode *root = NULL;
        YamlProblem problem;

        int r = yaml_node_parse(text, size, &root, &problem);
        if (r == -EBADMSG)
                return reject(reader, problem.line, "%s", problem.reason);
        if (r < 0)
                return r;
        r = read_members(reader, NULL, root);
        if (r < 0)
                return r;
        r = set_fallbacks(reader);
        if (r < 0)
                return r;

        return check_exposure(reader);
}

int config_parse(const char *name, const char *text, size_t size, Config **ret_config, char **ret_problems)
{
        _cleanup_(config_freep) Config *config = calloc(1, sizeof *config);
        Reader reader = { .name = name, .config = config };

        int r = config ? read_text(&reader, text, size) : -ENOMEM;
        if (r >= 0 && reader.problems.size > 0) {
                r = text_take(&reader.problems, ret_problems, NULL);
                return r < 0 ? r : DEVBOX_ERROR_CONFIG_INVALID;
        }

        text_done(&reader.problems);
        if (r == 0)
                *ret_config = TAKE_PTR(config);
        return r;
}

/* What a person does about a file that cannot be read. */
static const char *explain_unreadable(int error)
{
        switch (error) {
        case -ENOENT:
                return "does not exist; copy /usr/share/devbox/config.example.yaml there";
        case -EACCES:
                return "may not be read by this user; it is for root and the group devbox";
        case -EBADFD:
        case -EISDIR:
                return "is not a regular file; remove it, and copy /usr/share/devbox/config.example.yaml "
                       "there";
        case -EFBIG:
                return "is larger than 64 KiB; that is no configuration of devbox";
        default:
                return NULL;
        }
}

int config_check(const char *path, Config **ret_config, char **ret_problems)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;

        int r = fd_read_file_at(AT_FDCWD, path, YAML_SIZE_MAX, &text, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                const char *why = explain_unreadable(r);

                int n = why ? asprintf(ret_problems, "%s: %s", path, why)
                            : asprintf(ret_problems, "%s: cannot be read: %s", path, strerror(-r));
                return n < 0 ? -ENOMEM : DEVBOX_ERROR_CONFIG_INVALID;
        }

        r = config_parse(path, text, size, ret_config, ret_problems);
        explicit_bzero(text, size); /* it holds the token */
        return r;
}

int config_load(const char *path, Config **ret_config, char **ret_problem)
{
        _cleanup_(freep) char *problems = NULL;

        int r = config_check(path, ret_config, &problems);
        if (r <= 0)
                return r;

        char *end = strchr(problems, '\n');
        if (!end) {
                *ret_problem = TAKE_PTR(problems);
                return r;
        }

        *end = '\0';
        return asprintf(ret_problem, "%s (and more; see: devboxctl config check)", problems) < 0 ? -ENOMEM
                                                                                                 : r;
}
