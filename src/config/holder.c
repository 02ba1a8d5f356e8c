/* SPDX-License-Identifier: MIT */
/* The configuration a daemon runs on. */

#include "config/holder.h"

#include "log/log.h"
#include "proto/error.h"

static void log_problem(ConfigHolder *holder)
{
        if (holder->logged)
                return;

        holder->logged = true;
        (void) log_full(LOG_ERR, 0, LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CONFIG_INVALID }),
                        "The configuration is invalid, %s: %s",
                        holder->config ? "keeping the last valid one" : holder->consequence,
                        holder->problem);
}

int config_holder_read(ConfigHolder *holder, Config **ret_config)
{
        _cleanup_(freep) char *problem = NULL;

        int r = config_load(config_path(), ret_config, &problem);
        if (r < 0)
                return r;

        if (!problem || !holder->problem || !streq(problem, holder->problem))
                holder->logged = false;
        free(holder->problem);
        holder->problem = TAKE_PTR(problem);
        if (r > 0)
                log_problem(holder);

        return r;
}

Config *config_holder_replace_take(ConfigHolder *holder, Config *config)
{
        Config *before = holder->config;

        holder->config = config;
        return before;
}

int config_holder_load(ConfigHolder *holder)
{
        _cleanup_(config_freep) Config *config = NULL;

        int r = config_holder_read(holder, &config);
        if (r != 0)
                return MIN(r, 0);

        config_free(config_holder_replace_take(holder, TAKE_PTR(config)));
        return 0;
}

void config_holder_repeat(ConfigHolder *holder)
{
        holder->logged = false;
}

void config_holder_done(ConfigHolder *holder)
{
        config_freep(&holder->config);
        free(holder->problem);
        *holder = (ConfigHolder){ .consequence = holder->consequence };
}
