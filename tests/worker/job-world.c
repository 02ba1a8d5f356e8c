/* SPDX-License-Identifier: MIT */
#include "job-world.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"

int job_world_up(void **state)
{
        JobWorld *world = calloc(1, sizeof *world);

        assert_non_null(world);
        (void) strcpy(world->directory, "/tmp/devbox-job-XXXXXX");
        assert_non_null(mkdtemp(world->directory));
        world->root = (PathRoot){ .name = (char *) "home", .path = world->directory };
        world->roots.items = &world->root;
        world->roots.n = 1;
        world->capability =
                (Capability){ .timeout_s = 30, .max_output = JOB_OUTPUT_MAX, .max_bytes = 65536 };
        world->request.arguments.root = (char *) "home";
        world->job = (Job){ &world->request, &world->capability, &world->command, &world->roots };
        *state = world;
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
        return remove(path);
}

int job_world_down(void **state)
{
        JobWorld *world = *state;

        assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(world);
        return 0;
}

typedef struct Agent {
        JobWorld *world;
        int fd;
} Agent;

/* Receives until the worker closes. */
static void *agent_run(void *userdata)
{
        Agent *agent = userdata;
        JobWorld *world = agent->world;
        uint8_t buffer[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        size_t size;

        while (channel_receive(agent->fd, &type, buffer, &size) == 0) {
                OutputStream stream = type == CHANNEL_STDOUT ? OUTPUT_STDOUT : OUTPUT_STDERR;
                size_t room = JOB_OUTPUT_MAX - world->sizes[stream];

                memcpy(world->streams[stream] + world->sizes[stream], buffer, MIN(size, room));
                world->sizes[stream] += MIN(size, room);
                if (world->cancel_on_output)
                        (void) channel_send(agent->fd, CHANNEL_CANCEL, BYTES_NULL);
                world->cancel_on_output = false;
                if (world->close_on_output)
                        break;
        }

        agent->fd = fd_close(agent->fd);
        return NULL;
}

void job_world_run(JobWorld *world, JobFunction run)
{
        Agent agent = { .world = world };
        pthread_t thread;
        int fds[2];

        world->command = (ExecutedArguments){ .n = world->request.arguments.argv.n };
        for (size_t i = 0; i < world->command.n; i++)
                world->command.items[i] = world->request.arguments.argv.items[i];
        memset(world->streams, 0, sizeof world->streams);
        memset(world->sizes, 0, sizeof world->sizes);
        memset(&world->outcome, 0, sizeof world->outcome);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        agent.fd = fds[1];
        assert_int_equal(pthread_create(&thread, NULL, agent_run, &agent), 0);

        output_init(&world->output, fds[0], job_output_max(&world->job));
        world->result = run(&world->job, &world->output, &world->outcome);

        fds[0] = fd_close(fds[0]);
        assert_int_equal(pthread_join(thread, NULL), 0);
}

void job_world_write(JobWorld *world, const char *name, const char *content)
{
        char path[128];

        (void) snprintf(path, sizeof path, "%s/%s", world->directory, name);
        assert_ok(file_write(path, FILE_REPLACE, 0600, bytes_of_string(content)));
}
