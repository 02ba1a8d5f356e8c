/* SPDX-License-Identifier: MIT */
/* Composes requests: one function fills the arguments of each capability. */

#include "dispatch/compose.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/parse.h"
#include "basic/text.h"
#include "codec/json.h"
#include "proto/error.h"
#include "proto/id.h"
#include "trust/description.h"

/* How long a request lives whose entry does not say: the default of the manifest. */
#define AGE_DEFAULT_S 120

#define DOCKER_LOGS_TAIL 100

/* Far beyond the greatest difference of clocks that a manifest can allow, which is 300 s. */
#define REPLAY_AGE_MS (3600 * 1000)

/* What the arguments borrow from, besides the input. */
typedef struct Storage {
        char program[PATH_MAX];
        char *argv[ARGUMENTS_MAX];
        Text content;
        char camera[64];
        char *unknown; /* JSON of an unknown capability's words */
} Storage;

static void storage_done(Storage *storage)
{
        text_done(&storage->content);
        free(storage->unknown);
}

/* What a capability needs is missing. */
static int missing(const char **ret_why, const char *what)
{
        *ret_why = what;
        return DEVBOX_ERROR_BAD_REQUEST;
}

static bool is_allowed(const ComposeInput *input, CapabilityKind kind, const Arguments *arguments)
{
        const Capability *capability;

        return manifest_find_capability(input->manifest, kind, arguments, &capability) == 0;
}

/* ---- programs */

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* The entries of that name that allow these arguments come first, then any of that name, then /usr/bin. */
static void resolve_program(const ComposeInput *input, Arguments *arguments, Storage *storage)
{
        const char *word = input->words[0];

        if (strchr(word, '/'))
                return;

        (void) snprintf(storage->program, sizeof storage->program, "/usr/bin/%s", word);
        arguments->argv.items[0] = storage->program;
        for (size_t i = input->manifest->capabilities.n; i-- > 0;) {
                const Capability *entry = &input->manifest->capabilities.items[i];

                if (entry->kind != CAPABILITY_SHELL_EXEC || !streq(base_name(entry->bin), word))
                        continue;
                arguments->argv.items[0] = entry->bin;
                if (is_allowed(input, CAPABILITY_SHELL_EXEC, arguments))
                        return;
        }
}

static int compose_exec(const ComposeInput *input, Arguments *arguments, Storage *storage,
                        const char **ret_why)
{
        if (input->n_words == 0)
                return missing(ret_why, "a program is missing");

        memcpy(storage->argv, input->words, input->n_words * sizeof storage->argv[0]);
        arguments->argv.items = storage->argv;
        arguments->argv.n = input->n_words;
        resolve_program(input, arguments, storage);
        return 0;
}

/* ---- files */

static void set_path(Arguments *arguments, const PathRoot *root, const char *path)
{
        const char *below = path + (streq(root->path, "/") ? 0 : strlen(root->path));

        arguments->root = root->name;
        arguments->path = (char *) (*below == '/' ? below + 1 : below);
        if (*arguments->path == '\0')
                arguments->path = NULL;
}

/* The deepest root that the path is below, of those for which the request is allowed if there are any. */
static void resolve_path(const ComposeInput *input, CapabilityKind kind, const char *path,
                         Arguments *arguments)
{
        const PathRoots *roots = &input->manifest->roots;
        const PathRoot *best = NULL;
        bool best_allowed = false;

        for (size_t i = 0; i < roots->n; i++) {
                const PathRoot *root = &roots->items[i];

                if (!path_is_under(path, root->path))
                        continue;
                set_path(arguments, root, path);
                bool allowed = is_allowed(input, kind, arguments);
                if (!best || allowed > best_allowed ||
                    (allowed == best_allowed && strlen(root->path) > strlen(best->path))) {
                        best = root;
                        best_allowed = allowed;
                }
        }

        set_path(arguments, best ? best : &(PathRoot){ (char *) PATH_ROOT_NONE, (char *) "/" }, path);
}

static int compose_file(const ComposeInput *input, CapabilityKind kind, Arguments *arguments,
                        const char **ret_why)
{
        if (input->n_words == 0 || !absolute_path_valid(input->words[0]))
                return missing(ret_why,
                               "an absolute path is missing, without '.', '..' and a slash at its end");

        resolve_path(input, kind, input->words[0], arguments);
        return arguments->path || kind == CAPABILITY_FS_LIST ? 0 : missing(ret_why, "this is a directory");
}

static int compose_write(const ComposeInput *input, Arguments *arguments, Storage *storage,
                         const char **ret_why)
{
        arguments->write_mode = input->replace ? WRITE_REPLACE : WRITE_CREATE;
        if (input->content)
                arguments->content = *input->content;
        for (size_t i = 1; !input->content && i < input->n_words; i++)
                text_appendf(&storage->content, i > 1 ? " %s" : "%s", input->words[i]);
        if (storage->content.error < 0)
                return storage->content.error;
        if (!input->content)
                arguments->content =
                        (SchemaBlob){ (uint8_t *) storage->content.data, storage->content.size };

        return compose_file(input, CAPABILITY_FS_WRITE, arguments, ret_why);
}

/* ---- containers and the rest */

static int compose_container(const ComposeInput *input, CapabilityKind kind, Arguments *arguments,
                             const char **ret_why)
{
        uint64_t tail = DOCKER_LOGS_TAIL;

        if (kind == CAPABILITY_DOCKER_LIST)
                return 0;
        if (input->n_words == 0 || !container_name_valid(input->words[0]))
                return missing(ret_why, "the name of a container is missing");

        arguments->container = input->words[0];
        if (kind == CAPABILITY_DOCKER_EXEC) {
                arguments->argv.items = (char **) input->words + 1;
                arguments->argv.n = input->n_words - 1;
                return arguments->argv.n > 0 ? 0 : missing(ret_why, "a program is missing");
        }
        if (input->n_words > 1 && parse_u64(input->words[1], 1, 10000, &tail) < 0)
                return missing(ret_why, "the number of lines is from 1 to 10000");

        arguments->tail = (int64_t) tail;
        return 0;
}

static int compose_unit(const ComposeInput *input, Arguments *arguments, const char **ret_why)
{
        if (input->n_words != 1 || !unit_name_valid(input->words[0]))
                return missing(ret_why, "the name of a unit with its suffix is missing");

        arguments->unit = input->words[0];
        return 0;
}

static int compose_sensors(const ComposeInput *input, Arguments *arguments, const char **ret_why)
{
        for (size_t i = 0; i < input->n_words; i++)
                if (!label_valid(input->words[i]))
                        return missing(ret_why, "sensors have names of a-z, 0-9, '.', '_' and '-'");
        if (input->n_words == 0)
                return missing(ret_why, "the name of a sensor is missing");

        arguments->sensors.items = (char **) input->words;
        arguments->sensors.n = input->n_words;
        return 0;
}

/* "front" is /dev/front. */
static int compose_camera(const ComposeInput *input, Arguments *arguments, Storage *storage,
                          const char **ret_why)
{
        const char *camera = input->n_words > 0 ? input->words[0] : "video0";

        (void) snprintf(storage->camera, sizeof storage->camera, "%s%s", *camera == '/' ? "" : "/dev/",
                        camera);
        if (input->n_words > 1 || strlen(camera) > 32 || !absolute_path_valid(storage->camera))
                return missing(ret_why, "a camera is a device: video0, or /dev/video0");

        arguments->device = storage->camera;
        arguments->width = 640;
        arguments->height = 480;
        return 0;
}

static int compose_unknown(const ComposeInput *input, Storage *storage)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_open_array(&json, "argv");
        for (size_t i = 0; i < input->n_words; i++)
                json_add_string(&json, NULL, input->words[i]);
        json_close_array(&json);
        json_close_object(&json);
        return json_take(&json, &storage->unknown, NULL);
}

static int compose_arguments(const ComposeInput *input, int kind, Arguments *arguments, Storage *storage,
                             const char **ret_why)
{
        switch (kind) {
        case CAPABILITY_SHELL_EXEC:
                return compose_exec(input, arguments, storage, ret_why);
        case CAPABILITY_FS_LIST:
        case CAPABILITY_FS_READ:
                return compose_file(input, (CapabilityKind) kind, arguments, ret_why);
        case CAPABILITY_FS_WRITE:
                return compose_write(input, arguments, storage, ret_why);
        case CAPABILITY_DOCKER_LIST:
        case CAPABILITY_DOCKER_LOGS:
        case CAPABILITY_DOCKER_EXEC:
                return compose_container(input, (CapabilityKind) kind, arguments, ret_why);
        case CAPABILITY_SENSORS_READ:
                return compose_sensors(input, arguments, ret_why);
        case CAPABILITY_SERVICE_STATUS:
        case CAPABILITY_SERVICE_RESTART:
                return compose_unit(input, arguments, ret_why);
        case CAPABILITY_CAMERA_SNAPSHOT:
                return compose_camera(input, arguments, storage, ret_why);
        default:
                return compose_unknown(input, storage);
        }
}

/* ---- the request */

static void draw_ids(uint64_t now_ms, char ret_id[static ULID_SIZE], uint8_t ret_nonce[REQUEST_NONCE_SIZE])
{
        uint8_t random[ULID_RANDOM_SIZE];

        /* Never fails for so few bytes: getentropy(3). */
        (void) getentropy(random, sizeof random);
        (void) getentropy(ret_nonce, REQUEST_NONCE_SIZE);
        ulid_format(now_ms, random, ret_id);
}

/* What the request is called, and all that it asks for. */
static int describe(const Request *request, const Manifest *manifest, Composed *composed)
{
        if (request->kind >= 0)
                capability_subject((CapabilityKind) request->kind, &request->arguments, composed->subject);
        else
                (void) snprintf(composed->subject, sizeof composed->subject, "%s", request->capability);
        return request_describe(request, &manifest->roots, &composed->description);
}

int compose_request(const ComposeInput *input, Composed *ret_composed, const char **ret_why)
{
        _cleanup_(storage_done) Storage storage = { .content = TEXT_NULL };
        _cleanup_(composed_done) Composed composed = COMPOSED_NULL;
        SchemaFault fault = { .why = NULL };
        Request request = {
                .request_id = composed.request_id,
                .device = (char *) input->device,
                .manifest = { input->manifest->epoch, input->manifest->version, input->manifest_sha256 },
                .capability = (char *) input->capability,
                .kind = capability_kind_from_name(input->capability),
                .issued_at_ms = (int64_t) input->now_ms,
                .limits = input->limits,
                .origin = *input->origin,
        };

        if (input->n_words > ARGUMENTS_MAX)
                return missing(ret_why, "there are too many words");
        int r = compose_arguments(input, request.kind, &request.arguments, &storage, ret_why);
        if (r != 0)
                return r;

        request.unknown_arguments = storage.unknown;
        draw_ids(input->now_ms, composed.request_id, request.nonce);
        if (request.kind >= 0)
                (void) manifest_find_capability(input->manifest, (CapabilityKind) request.kind,
                                                &request.arguments, &composed.capability);

        int64_t age_s = composed.capability ? composed.capability->max_age_s : AGE_DEFAULT_S;
        request.expires_at_ms = request.issued_at_ms + age_s * 1000;
        composed.expires_at_ms = (uint64_t) request.expires_at_ms;
        r = request_format(&request, &composed.payload, &fault);
        if (r > 0)
                return missing(ret_why, fault.why);
        if (r == 0)
                r = describe(&request, input->manifest, &composed);
        if (r == 0)
                *ret_composed = TAKE(composed, COMPOSED_NULL);
        return r;
}

int compose_replay(const ComposeInput *input, const Request *used, Composed *ret_composed)
{
        _cleanup_(composed_done)
                Composed composed = { .expires_at_ms = input->now_ms + AGE_DEFAULT_S * 1000 };
        uint8_t unused[REQUEST_NONCE_SIZE];
        Request request = *used;

        draw_ids(input->now_ms, composed.request_id, unused);
        request.request_id = composed.request_id;
        request.manifest = (RequestManifest){ input->manifest->epoch, input->manifest->version,
                                              input->manifest_sha256 };
        request.origin = *input->origin;
        request.issued_at_ms = (int64_t) input->now_ms - REPLAY_AGE_MS;
        request.expires_at_ms = request.issued_at_ms + 1;

        int r = request_format(&request, &composed.payload, NULL);
        if (r == 0)
                r = describe(&request, input->manifest, &composed);
        if (r == 0)
                *ret_composed = TAKE(composed, COMPOSED_NULL);
        return r > 0 ? -EINVAL : r;
}
