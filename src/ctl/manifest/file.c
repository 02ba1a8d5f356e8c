/* SPDX-License-Identifier: MIT */
/* A manifest in a file. */

#include "ctl/manifest/file.h"

#include <ctype.h>
#include <stdio.h>

#include "codec/binary-text.h"
#include "codec/strict-json.h"
#include "ctl/input.h"
#include "ctl/problem.h"
#include "schema/yaml.h"

#define FILE_MAX (512 * 1024)
#define DAY_MS   INT64_C(86400000)

ManifestDefaults manifest_defaults(uint64_t now_ms, const char *dir)
{
        int64_t issued_at_ms = (int64_t) now_ms;

        return (ManifestDefaults){ .epoch = 1,
                                   .version = 1,
                                   .issued_at_ms = issued_at_ms,
                                   .expires_at_ms = issued_at_ms + 30 * DAY_MS,
                                   .dir = dir };
}

void manifest_file_done(ManifestFile *file)
{
        manifest_free(file->manifest);
        envelope_free(file->envelope);
        template_free(file->template);
        people_free(file->people);
        yaml_node_free(file->yaml);
        *file = MANIFEST_FILE_NULL;
}

static int add_number(cJSON *tree, const char *key, int64_t value)
{
        if (cJSON_GetObjectItemCaseSensitive(tree, key))
                return 0;

        return cJSON_AddNumberToObject(tree, key, (double) value) ? 0 : -ENOMEM;
}

static int fill_in(cJSON *tree, const ManifestDefaults *defaults)
{
        char hex[HEX_SIZE(SHA256_SIZE)];

        int r = add_number(tree, "epoch", defaults->epoch);
        if (r == 0)
                r = add_number(tree, "version", defaults->version);
        if (r == 0)
                r = add_number(tree, "issued_at", defaults->issued_at_ms);
        if (r == 0)
                r = add_number(tree, "expires_at", defaults->expires_at_ms);
        if (r < 0 || sha256_is_null(&defaults->previous) ||
            cJSON_GetObjectItemCaseSensitive(tree, "prev_sha256"))
                return r;

        hex_format(BYTES_OF(defaults->previous.bytes), hex);
        return cJSON_AddStringToObject(tree, "prev_sha256", hex) ? 0 : -ENOMEM;
}

static int bind_whole(const ManifestDefaults *defaults, ManifestFile *file, YamlProblems *problems)
{
        _cleanup_(json_deletep) cJSON *tree = NULL;

        int r = schema_yaml_convert(&manifest_schema, file->yaml, (uint64_t) defaults->issued_at_ms, &tree,
                                    problems);
        if (r == 0 && cJSON_IsObject(tree))
                r = fill_in(tree, defaults);

        return r < 0 ? r
                     : schema_yaml_bind(&manifest_schema, file->yaml, tree, (void **) &file->manifest,
                                        problems);
}

static int expand_template(const ManifestDefaults *defaults, ManifestFile *file, YamlProblems *problems)
{
        int r = template_parse(file->yaml, (uint64_t) defaults->issued_at_ms, &file->template, problems);

        return r < 0 ? r : template_expand(file->template, file->people, &file->manifest, problems);
}

static int parse_yaml(const char *text, const ManifestDefaults *defaults, ManifestFile *file,
                      char **ret_problem)
{
        YamlProblems problems = YAML_PROBLEMS_NULL;
        YamlProblem problem = { 0 };

        int r = yaml_node_parse(text, strlen(text), &file->yaml, &problem);
        if (r == -EBADMSG)
                yaml_problems_add(&problems, &problem);
        else if (r == 0 && !template_is(file->yaml))
                r = bind_whole(defaults, file, &problems);
        else if (r == 0) {
                r = people_read(defaults->dir, &file->people, ret_problem);
                if (r == 0)
                        r = expand_template(defaults, file, &problems);
        }

        return r == -EBADMSG ? problem_of_yaml(ret_problem, file->path, &problems) : r;
}

int manifest_file_fill(ManifestFile *file, const ManifestFacts *facts, char **ret_problem)
{
        YamlProblems problems = YAML_PROBLEMS_NULL;
        Manifest *manifest;

        int r = template_fill(file->template, file->people, facts, &manifest, &problems);
        if (r < 0)
                return r == -EBADMSG ? problem_of_yaml(ret_problem, file->path, &problems) : r;

        manifest_free(file->manifest);
        file->manifest = manifest;
        return 0;
}

static int parse_envelope(const char *text, ManifestFile *file, char **ret_problem)
{
        SchemaFault fault = { 0 };

        int r = envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &file->envelope);
        if (r == 0 && !streq(file->envelope->type, ENVELOPE_MANIFEST))
                r = DEVBOX_ERROR_BAD_ENVELOPE;
        if (r > 0)
                return problem_set(ret_problem, DEVBOX_ERROR_BAD_ENVELOPE,
                                   "%s is neither a signed manifest nor YAML", file->path);
        if (r < 0)
                return r;

        r = manifest_parse(envelope_payload(file->envelope), &file->manifest, &fault);
        return r > 0 ? problem_set(ret_problem, DEVBOX_ERROR_BAD_SCHEMA, "%s: %s%s%s", file->path,
                                   fault.path, *fault.path ? " " : "it ", fault.why)
                     : r;
}

int manifest_file_read(const char *path, const ManifestDefaults *defaults, ManifestFile *ret_file,
                       char **ret_problem)
{
        _cleanup_(manifest_file_done) ManifestFile file = { .path = path };
        _cleanup_(freep) char *text = NULL;
        size_t blanks = 0;

        int r = input_read_text(path, FILE_MAX, &text, ret_problem);
        if (r != 0)
                return r;

        while (isspace((unsigned char) text[blanks]))
                blanks++;
        r = text[blanks] == '{' ? parse_envelope(text, &file, ret_problem)
                                : parse_yaml(text, defaults, &file, ret_problem);
        if (r != 0)
                return r;

        *ret_file = TAKE(file, MANIFEST_FILE_NULL);
        return 0;
}

unsigned manifest_file_line(const ManifestFile *file, const char *part)
{
        YamlProblem problem = { 0 };
        SchemaFault fault = { .why = "" };

        if (file->template)
                return template_line(file->template, part);
        if (!file->yaml)
                return 0;

        (void) snprintf(fault.path, sizeof fault.path, "%s", part);
        schema_yaml_locate_fault(file->yaml, &fault, &problem);
        return problem.line;
}

const char *ceiling_path(void)
{
        const char *path = getenv("DEVBOX_CEILING");

        return path && *path != '\0' ? path : CEILING_PATH;
}

int ceiling_file_read(const char *path, uint64_t now_ms, Ceiling **ret_ceiling, char **ret_problem)
{
        _cleanup_(freep) char *text = NULL;
        YamlProblems problems = YAML_PROBLEMS_NULL;

        int r = input_read_text(path, FILE_MAX, &text, ret_problem);
        if (r != 0)
                return r;

        r = schema_yaml_parse(&ceiling_schema, bytes_of_string(text), now_ms, (void **) ret_ceiling,
                              &problems);
        return r == -EBADMSG ? problem_of_yaml(ret_problem, path, &problems) : r;
}
