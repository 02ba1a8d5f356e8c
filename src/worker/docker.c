/* SPDX-License-Identifier: MIT */
/* docker.list, docker.logs, docker.exec: what may be asked of the Docker Engine, whose socket is as good as
 * root.
 *
 * A container is found by its exact name in the Engine's list and then only named by the id of that list.
 * Before anything runs in it, it is inspected: one that could reach the host is rejected unless the entry
 * allows it. There is no call of the Engine that ends a process it started (moby#35703), so that an entry
 * says how a timeout ends one: `timeout`, the program of that name inside the container, or `none`. */

#include "worker/docker.h"

#include <stdio.h>

#include "basic/text.h"
#include "codec/json.h"
#include "worker/docker-frames.h"
#include "worker/docker-json.h"
#include "worker/engine.h"

#define LIST_ALL "/containers/json?all=1"

/* No engine is installed, none runs, or its socket is not open to the group docker. */
static bool is_absent(int error)
{
        return error == -ECONNREFUSED || error == -ENOENT || error == -EACCES;
}

/* The reasons that the Engine gives, in words for a person. */
static int fail(const Job *job, Output *output, int error, JobOutcome *ret_outcome)
{
        const char *why = error == -ENXIO       ? "no such container"
                          : error == -EREMOTEIO ? "the container engine rejected the request"
                          : error == -EPROTO    ? "the container engine's reply is not understood"
                          : is_absent(error)    ? "no container engine can be reached"
                                                : NULL;

        if (error == -ECANCELED || error == -ETIMEDOUT) {
                *ret_outcome =
                        (JobOutcome){ .status = error == -ECANCELED ? RESULT_CANCELLED : RESULT_TIMEOUT,
                                      .exit_code = -1 };
                return 0;
        }
        if (!why)
                return error;

        *ret_outcome =
                is_absent(error) ? job_failed(DEVBOX_ERROR_CAPABILITY_UNAVAILABLE, NULL) : job_exited(1);
        return output_printf(
                output, OUTPUT_STDERR, "%s: %s\n",
                job->request->arguments.container ? job->request->arguments.container : "docker", why);
}

/* ---- finding and inspecting a container */

static int find_container(Engine *engine, const char *name, char ret_id[static ENGINE_ID_SIZE])
{
        static const EngineRequest request = { .path = LIST_ALL, .status = 200 };
        _cleanup_(cjson_deletep) cJSON *list = NULL;

        int r = engine_call(engine, &request, &list);
        return r < 0 ? r : docker_json_find(list, name, ret_id);
}

static int inspect(Engine *engine, const char *id, cJSON **ret_container)
{
        char path[128];
        const EngineRequest request = { .path = path, .status = 200 };

        (void) snprintf(path, sizeof path, "/containers/%s/json", id);
        return engine_call(engine, &request, ret_container);
}

/* ---- docker.list */

static int list(const Job *job, Engine *engine, Output *output)
{
        static const EngineRequest request = { .path = LIST_ALL, .status = 200 };
        _cleanup_(cjson_deletep) cJSON *list = NULL;
        _cleanup_(text_done) Text text = TEXT_NULL;

        int r = engine_call(engine, &request, &list);
        if (r < 0)
                return r;

        docker_json_list(list, job->capability, &text);
        return text.error < 0 ? text.error
                              : output_write(output, OUTPUT_STDOUT, BYTES(text.data, text.size));
}

/* ---- output of a container */

typedef struct Stream {
        bool raw; /* of a terminal: not multiplexed */
        DockerFrames frames;
        Output *output;
} Stream;

static int on_output(void *userdata, Bytes bytes)
{
        Stream *stream = userdata;

        return stream->raw ? output_write(stream->output, OUTPUT_STDOUT, bytes)
                           : docker_frames_feed(&stream->frames, bytes, stream->output);
}

static int pass_on(Engine *engine, const EngineRequest *request, Stream *stream)
{
        int r = engine_stream(engine, request, on_output, stream);

        return r < 0 || stream->raw ? r : docker_frames_end(&stream->frames);
}

static int logs(const Job *job, Engine *engine, Output *output)
{
        const Arguments *arguments = &job->request->arguments;
        _cleanup_(cjson_deletep) cJSON *container = NULL;
        char id[ENGINE_ID_SIZE], path[256];
        const EngineRequest request = { .path = path, .status = 200 };
        Stream stream = { .output = output };

        int r = find_container(engine, arguments->container, id);
        if (r == 0)
                r = inspect(engine, id, &container);
        if (r < 0)
                return r;

        stream.raw = docker_json_has_terminal(container);
        (void) snprintf(path, sizeof path,
                        "/containers/%s/logs?stdout=1&stderr=1&timestamps=1&tail=%lld&since=%lld", id,
                        (long long) arguments->tail, (long long) arguments->since_s);
        return pass_on(engine, &request, &stream);
}

/* ---- docker.exec */

/* How `timeout -s KILL` ends: by the signal, as a shell reports it. */
#define EXIT_KILLED 137

/* The program inside the container has this much longer than the process that it ends. */
#define TIMEOUT_MARGIN_USEC (5 * USEC_PER_SEC)

/* The command as the Engine takes it; argv is an array there, too. */
static int make_exec(const Job *job, char **ret_body)
{
        const Capability *capability = job->capability;
        _cleanup_(json_done) Json json = JSON_NULL;
        char seconds[24];

        (void) snprintf(seconds, sizeof seconds, "%llu",
                        (unsigned long long) (job_timeout_usec(job) + USEC_PER_SEC - 1) / USEC_PER_SEC);
        json_open_object(&json, NULL);
        json_add_bool(&json, "AttachStdin", false);
        json_add_bool(&json, "AttachStdout", true);
        json_add_bool(&json, "AttachStderr", true);
        json_add_bool(&json, "Tty", false);
        json_add_bool(&json, "Privileged", false);
        if (capability->user)
                json_add_string(&json, "User", capability->user);
        if (capability->cwd)
                json_add_string(&json, "WorkingDir", capability->cwd);

        json_open_array(&json, "Cmd");
        if (capability->exec_kill == EXEC_KILL_TIMEOUT) {
                const char *const wrapper[] = { "timeout", "-s", "KILL", seconds };

                for (size_t i = 0; i < ELEMENTSOF(wrapper); i++)
                        json_add_string(&json, NULL, wrapper[i]);
        }
        for (size_t i = 0; i < job->command->n; i++)
                json_add_string(&json, NULL, job->command->items[i]);
        json_close_array(&json);
        json_close_object(&json);

        return json_take(&json, ret_body, NULL);
}

static int create_exec(const Job *job, Engine *engine, const char *container_id,
                       char ret_id[static ENGINE_ID_SIZE])
{
        _cleanup_(freep) char *body = NULL;
        _cleanup_(cjson_deletep) cJSON *reply = NULL;
        char path[128];

        int r = make_exec(job, &body);
        if (r < 0)
                return r;

        (void) snprintf(path, sizeof path, "/containers/%s/exec", container_id);
        const EngineRequest request = { .path = path, .body = body, .status = 201 };
        r = engine_call(engine, &request, &reply);

        return r < 0 ? r : docker_json_id(reply, ret_id);
}

static int run_exec(Engine *engine, const char *exec_id, Output *output)
{
        char path[128];
        const EngineRequest request = { .path = path,
                                        .body = "{\"Detach\":false,\"Tty\":false}",
                                        .status = 200 };
        Stream stream = { .output = output };

        (void) snprintf(path, sizeof path, "/exec/%s/start", exec_id);
        return pass_on(engine, &request, &stream);
}

static int read_exit_code(Engine *engine, const char *exec_id, int *ret_exit_code)
{
        _cleanup_(cjson_deletep) cJSON *reply = NULL;
        char path[128];
        const EngineRequest request = { .path = path, .status = 200 };

        (void) snprintf(path, sizeof path, "/exec/%s/json", exec_id);
        int r = engine_call(engine, &request, &reply);
        return r < 0 ? r : docker_json_exit_code(reply, ret_exit_code);
}

/* Returns 1 and the outcome if the container or the entry does not allow it. */
static int check_container(const Job *job, Engine *engine, const char *id, JobOutcome *ret_outcome)
{
        _cleanup_(cjson_deletep) cJSON *container = NULL;
        const char *why = NULL;

        int r = inspect(engine, id, &container);
        if (r < 0)
                return r;

        if (job->capability->exec_kill == EXEC_KILL_UNSET)
                why = "needs exec_kill in its entry: how a timeout ends it";
        else if (!job->capability->privileged_container)
                why = docker_json_reach(container);
        if (!why)
                return 0;

        *ret_outcome = job_failed(DEVBOX_ERROR_BINARY_NOT_ALLOWED, why);
        return 1;
}

static int execute(const Job *job, Engine *engine, Output *output, JobOutcome *ret_outcome)
{
        char container_id[ENGINE_ID_SIZE], exec_id[ENGINE_ID_SIZE];
        int exit_code = -1;

        int r = find_container(engine, job->request->arguments.container, container_id);
        if (r == 0)
                r = check_container(job, engine, container_id, ret_outcome);
        if (r != 0)
                return r;

        r = create_exec(job, engine, container_id, exec_id);
        if (r == 0)
                r = run_exec(engine, exec_id, output);
        if (r == 0)
                r = read_exit_code(engine, exec_id, &exit_code);
        if (r < 0)
                return r;

        *ret_outcome = job_exited(exit_code);
        return 0;
}

/* Whether the program in the container was ended there, because its time was over. */
static bool ran_out_of_time(const Job *job, const JobOutcome *outcome, usec_t deadline_usec)
{
        return job->capability->exec_kill == EXEC_KILL_TIMEOUT && outcome->exit_code == EXIT_KILLED &&
               deadline_left(deadline_usec) == 0;
}

/* ---- */

static int run(const Job *job, Engine *engine, Output *output, JobOutcome *ret_outcome)
{
        *ret_outcome = job_exited(0);

        switch (job->request->kind) {
        case CAPABILITY_DOCKER_LIST:
                return list(job, engine, output);
        case CAPABILITY_DOCKER_LOGS:
                return logs(job, engine, output);
        default:
                return execute(job, engine, output, ret_outcome);
        }
}

int docker_run(const Job *job, const char *socket_path, Output *output, JobOutcome *ret_outcome)
{
        _cleanup_(engine_freep) Engine *engine = NULL;
        usec_t timeout = job_timeout_usec(job), deadline = deadline_after(timeout);
        bool killed_inside = job->capability->exec_kill == EXEC_KILL_TIMEOUT;
        JobOutcome outcome;

        int r = engine_new(socket_path, output->channel_fd,
                           deadline_after(timeout + (killed_inside ? TIMEOUT_MARGIN_USEC : 0)), &engine);
        if (r < 0)
                return r;

        r = run(job, engine, output, &outcome);
        if (r < 0) {
                r = fail(job, output, r, &outcome);
                outcome.process_may_continue =
                        job->request->kind == CAPABILITY_DOCKER_EXEC && outcome.status != RESULT_FINISHED;
        } else if (ran_out_of_time(job, &outcome, deadline))
                outcome = (JobOutcome){ .status = RESULT_TIMEOUT, .exit_code = -1 };
        if (r < 0)
                return r;

        *ret_outcome = outcome;
        return 0;
}
