/* SPDX-License-Identifier: MIT */
/* Reads what the Docker Engine answers. Names, images and states are from whoever started the container. */

#include "worker/docker-json.h"

#include "schema/list.h"

static const cJSON *member(const cJSON *tree, const char *name)
{
        return cJSON_GetObjectItemCaseSensitive(tree, name);
}

static const char *text_of(const cJSON *tree, const char *name)
{
        return strempty(cJSON_GetStringValue(member(tree, name)));
}

/* Without the slash that the Engine puts in front; the first of several names. */
static const char *container_name(const cJSON *container)
{
        const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(member(container, "Names"), 0));

        return name && *name == '/' ? name + 1 : strempty(name);
}

int docker_json_id(const cJSON *reply, char ret_id[static ENGINE_ID_SIZE])
{
        const char *id = text_of(reply, "Id");

        if (strlen(id) != ENGINE_ID_SIZE - 1 || strspn(id, "0123456789abcdef") != ENGINE_ID_SIZE - 1)
                return -EPROTO;

        memcpy(ret_id, id, ENGINE_ID_SIZE);
        return 0;
}

int docker_json_find(const cJSON *list, const char *name, char ret_id[static ENGINE_ID_SIZE])
{
        const cJSON *container = NULL;

        cJSON_ArrayForEach(container, list)
                if (streq(container_name(container), name))
                        return docker_json_id(container, ret_id);

        return -ENXIO;
}

bool docker_json_has_terminal(const cJSON *container)
{
        return cJSON_IsTrue(member(member(container, "Config"), "Tty"));
}

int docker_json_exit_code(const cJSON *reply, int *ret_exit_code)
{
        const cJSON *code = member(reply, "ExitCode");

        if (!cJSON_IsNumber(code) || code->valueint < 0 || code->valueint > 255)
                return -EPROTO;

        *ret_exit_code = code->valueint;
        return 0;
}

const char *docker_json_reach(const cJSON *container)
{
        static const char *const capabilities[] = { "ALL",        "SYS_ADMIN", "SYS_PTRACE",
                                                    "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH",
                                                    "NET_ADMIN" };
        const cJSON *host = member(container, "HostConfig"), *added = NULL, *mount = NULL;

        if (cJSON_IsTrue(member(host, "Privileged")))
                return "is privileged";
        if (streq(text_of(host, "PidMode"), "host") || streq(text_of(host, "IpcMode"), "host") ||
            streq(text_of(host, "NetworkMode"), "host"))
                return "shares a namespace of the host";

        cJSON_ArrayForEach(added, member(host, "CapAdd")) {
                const char *name = strempty(cJSON_GetStringValue(added));

                name += startswith(name, "CAP_") ? strlen("CAP_") : 0;
                for (size_t i = 0; i < ELEMENTSOF(capabilities); i++)
                        if (streq(name, capabilities[i]))
                                return "has a capability that reaches the host";
        }

        cJSON_ArrayForEach(mount, member(container, "Mounts")) {
                const char *source = text_of(mount, "Source");

                if (streq(source, "/") || endswith(source, ".sock"))
                        return "has the root directory or a socket of the host";
        }

        return NULL;
}

/* ---- docker.list */

static bool is_listed(const Capability *capability, const char *name)
{
        return capability->containers.n == 0 || LIST_CONTAINS(capability->containers, name);
}

static void append_clean(Text *text, const char *value, int width)
{
        size_t start = text->size;

        for (; *value; value++)
                text_append_bytes(text, (unsigned char) *value < ' ' || *value == 0x7f ? "?" : value, 1);
        do
                text_append(text, " ");
        while (text->error == 0 && text->size - start < (size_t) width);
}

void docker_json_list(const cJSON *list, const Capability *capability, Text *text)
{
        const cJSON *container = NULL;

        cJSON_ArrayForEach(container, list) {
                if (!is_listed(capability, container_name(container)))
                        continue;
                append_clean(text, container_name(container), 24);
                append_clean(text, text_of(container, "State"), 10);
                append_clean(text, text_of(container, "Image"), 24);
                append_clean(text, text_of(container, "Status"), 0);
                text_append(text, "\n");
        }
}
