/* SPDX-License-Identifier: MIT */
/* Where the devices of a hub are.
 *
 * A hub that booted has no session with its devices, and waits until their timers notice: up to 40 s, which
 * are PersistentKeepalive, KEEPALIVE_TIMEOUT and REKEY_TIMEOUT. So it stores where WireGuard saw each of
 * them last, loads them with that, and sends them a packet, which makes WireGuard begin a handshake. A
 * device that has moved meanwhile does not get it, and speaks first as ever: an authentic packet moves its
 * endpoint. */

#include "mesh/endpoints.h"

#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"

#define WAKE_MAX   256 /* in a call: below the queue of the link of wireguard-go */
#define WAKE_TIMES 5   /* wireguard-go drops packets until it knows that its link is up */
#define WAKE_PORT  9   /* discard: the firewall of a device drops it */

/* ---- storing */

static bool has_moved(const Peer *peer)
{
        const Sighting *sighting = &peer->sighting;

        return peer->state != PEER_STATE_REVOKED && !sighting->silent &&
               wireguard_endpoint_is_known(&sighting->endpoint) &&
               !wireguard_endpoint_equal(&sighting->endpoint, &peer->endpoint);
}

bool endpoints_changed(const PeerTable *peers)
{
        for (size_t i = 0; i < peers->n_peers; i++)
                if (has_moved(&peers->peers[i]))
                        return true;
        return false;
}

int endpoints_store(Database *database, PeerTable *peers)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(database, &transaction);
        for (size_t i = 0; r >= 0 && i < peers->n_peers; i++)
                if (has_moved(&peers->peers[i]))
                        r = peer_store_endpoint(database, &peers->peers[i]);
        if (r >= 0)
                r = transaction_commit(&transaction);
        for (size_t i = 0; r >= 0 && i < peers->n_peers; i++)
                if (has_moved(&peers->peers[i]))
                        peers->peers[i].endpoint = peers->peers[i].sighting.endpoint;
        return r;
}

/* ---- waking */

static int send_nothing(int fd, const IpPrefix *address)
{
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(WAKE_PORT) };

        memcpy(&to.sin_addr, address->bytes, sizeof to.sin_addr);
        return sendto(fd, NULL, 0, MSG_DONTWAIT, (const struct sockaddr *) &to, sizeof to) < 0 ? -errno : 0;
}

/* Sends on the link whatever the routes are. Returns an fd. */
static int open_socket(void)
{
        _cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, MESH_LINK, sizeof MESH_LINK) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int endpoints_wake(PeerTable *peers)
{
        _cleanup_(fd_closep) int fd = -EBADF;
        unsigned n = 0;

        for (size_t i = 0; i < peers->n_peers && n < WAKE_MAX; i++) {
                Peer *peer = &peers->peers[i];

                if (peer->state == PEER_STATE_REVOKED || !peer->sighting.silent ||
                    peer->sighting.woken == WAKE_TIMES)
                        continue;
                if (fd < 0)
                        fd = open_socket();
                int r = fd < 0 ? fd : send_nothing(fd, &peer->address);
                if (r < 0)
                        return r;
                peer->sighting.woken++;
                n++;
        }
        return 0;
}
