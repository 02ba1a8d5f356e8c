/* SPDX-License-Identifier: MIT */
/* Replies of the Docker Engine: an id is hexadecimal, a line of the list one of visible pieces, and a
 * container that is privileged never passes as one that could not reach the host. */

#include "fuzz.h"
#include "worker/docker-json.h"

static void check_id(const char *id)
{
        fuzz_check(strlen(id) == ENGINE_ID_SIZE - 1 && strspn(id, "0123456789abcdef") == ENGINE_ID_SIZE - 1);
}

static void check_list(const cJSON *list)
{
        static const Capability all = { .kind = CAPABILITY_DOCKER_LIST };
        _cleanup_(text_done) Text text = TEXT_NULL;
        int n_lines = 0;

        docker_json_list(list, &all, &text);
        fuzz_check(text.error == 0);
        for (size_t i = 0; i < text.size; i++) {
                fuzz_check(((unsigned char) text.data[i] >= ' ' && text.data[i] != 0x7f) ||
                           text.data[i] == '\n');
                n_lines += text.data[i] == '\n';
        }
        fuzz_check(n_lines == cJSON_GetArraySize(list));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cJSON *reply = cJSON_ParseWithLength((const char *) data, size);
        const cJSON *host = cJSON_GetObjectItemCaseSensitive(reply, "HostConfig");
        char id[ENGINE_ID_SIZE];
        int code = -1;

        if (docker_json_id(reply, id) == 0)
                check_id(id);
        if (docker_json_find(reply, "web", id) == 0)
                check_id(id);
        fuzz_check(docker_json_exit_code(reply, &code) < 0 || (code >= 0 && code <= 255));
        (void) docker_json_has_terminal(reply);
        fuzz_check(docker_json_reach(reply) ||
                   !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(host, "Privileged")));
        check_list(reply);
        cJSON_Delete(reply);
        return 0;
}
