/* SPDX-License-Identifier: MIT */
/* devboxctl config check: reads a configuration as the services would, before they do. */

#include <sys/stat.h>

#include "config/load.h"
#include "ctl/print.h"
#include "ctl/verbs.h"
#include "http/server.h"
#include "proto/error.h"

#define NOTES_MAX 5

/* What is allowed, but maybe not meant. */
static size_t collect_notes(const char *path, const Config *config, const char *ret_notes[static NOTES_MAX])
{
        struct stat st;
        size_t n = 0;

        if (!config->auth_token)
                ret_notes[n++] = "auth.token is not set: all actions are denied";
        if (config->auth_token_is_placeholder)
                ret_notes[n++] =
                        "auth.token is an example's: all actions are denied until you set your own, "
                        "with: openssl rand -hex 32";
        if (config->http_insecure_expose && !config_host_is_loopback(config->http_host))
                ret_notes[n++] =
                        "http.host is open to the network, unencrypted, as http.insecure_expose allows";
        if (config->api_max_connections > http_limits_connections(&HTTP_LIMITS_DEFAULT))
                ret_notes[n++] = "api.max_connections is beyond the memory for connections: see "
                                 "devbox-config(5)";
        if (config->auth_token && stat(path, &st) == 0 && st.st_mode & S_IROTH)
                ret_notes[n++] = "every user of this machine can read the token; run: chmod o= on the file";

        return n;
}

static int print_document(const char *path, const char *problem, const char *const *notes, size_t n_notes)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        json_open_object(&json, NULL);
        json_add_string(&json, "file", path);
        json_add_bool(&json, "valid", !problem);
        json_add_string(&json, "problem", problem);
        json_open_array(&json, "notes");
        for (size_t i = 0; i < n_notes; i++)
                json_add_string(&json, NULL, notes[i]);
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        const char *path = args[0] ? args[0] : config_path(), *notes[NOTES_MAX];
        _cleanup_(config_freep) Config *config = NULL;
        size_t n_notes = 0;

        int r = config_check(path, &config, &ctl->problem);
        if (r < 0)
                return r;
        if (r == 0)
                n_notes = collect_notes(path, config, notes);

        ctl->status = ctl->problem ? CTL_PROBLEM : CTL_OK;
        if (ctl->json)
                return print_document(path, ctl->problem, notes, n_notes);
        if (ctl->problem)
                return DEVBOX_ERROR_CONFIG_INVALID;

        r = print_line(stdout, "%s: ok", path);
        for (size_t i = 0; i < n_notes && r == 0; i++)
                r = print_line(stdout, "%s: note: %s", path, notes[i]);

        return r;
}

const Verb verb_config_check = {
        .noun = "config",
        .name = "check",
        .arguments = "[FILE]",
        .help = "check a configuration",
        .statuses = "failure, or the configuration is not valid",
        .run = run,
};
