/* SPDX-License-Identifier: MIT */
/* A model of the kernel's generic netlink family "wireguard". */
#include "fake-kernel.h"

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "test.h"

typedef struct Answer {
        const struct nlmsghdr *request;
        fake_kernel_emit_t emit;
        void *userdata;
} Answer;

void fake_kernel_done(FakeKernel *kernel)
{
        wireguard_device_done(&kernel->device);
        wireguard_device_done(&kernel->touched);
}

/* ---- answers */

static struct nl_msg *new_answer(const Answer *answer, uint16_t type, uint16_t flags)
{
        struct nl_msg *message = nlmsg_alloc_size(NETLINK_DATAGRAM_MAX);

        assert_non_null(message);
        assert_non_null(nlmsg_put(message, 0, answer->request->nlmsg_seq, type, 0, flags));
        return message;
}

static void emit(const Answer *answer, struct nl_msg *message)
{
        answer->emit(BYTES(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len), answer->userdata);
        nlmsg_free(message);
}

static void emit_number(const Answer *answer, uint16_t type, int number)
{
        struct nl_msg *message = new_answer(answer, type, type == NLMSG_DONE ? NLM_F_MULTI : 0);

        assert_ok(nlmsg_append(message, &number, sizeof number, NLMSG_ALIGNTO));
        if (type == NLMSG_ERROR)
                assert_ok(nlmsg_append(message, (void *) answer->request, sizeof *answer->request,
                                       NLMSG_ALIGNTO));
        emit(answer, message);
}

static void put_genl(struct nl_msg *message, uint8_t command)
{
        struct genlmsghdr genl = { .cmd = command, .version = WG_GENL_VERSION };

        assert_ok(nlmsg_append(message, &genl, sizeof genl, NLMSG_ALIGNTO));
}

static void answer_family(const FakeKernel *kernel, const Answer *answer)
{
        if (kernel->family == 0) {
                emit_number(answer, NLMSG_ERROR, -ENOENT);
                return;
        }

        struct nl_msg *message = new_answer(answer, GENL_ID_CTRL, 0);
        put_genl(message, CTRL_CMD_NEWFAMILY);
        assert_ok(nla_put_string(message, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME));
        assert_ok(nla_put_u16(message, CTRL_ATTR_FAMILY_ID, kernel->family));
        emit(answer, message);
        emit_number(answer, NLMSG_ERROR, 0);
}

/* ---- WG_CMD_SET_DEVICE */

static WireguardPeer *find(WireguardDevice *device, const uint8_t *key)
{
        for (size_t i = 0; i < device->n_peers; i++)
                if (memcmp(device->peers[i].public_key.bytes, key, WG_KEY_LEN) == 0)
                        return &device->peers[i];
        return NULL;
}

static WireguardPeer *find_or_add(WireguardDevice *device, const uint8_t *key)
{
        WireguardPeer *peer = find(device, key);

        if (!peer)
                assert_ok(wireguard_device_add_peer(device, (const WireguardKey *) key, &peer));
        return peer;
}

static void remove_peer(WireguardDevice *device, WireguardPeer *peer)
{
        free(peer->allowed_ips);
        *peer = device->peers[--device->n_peers];
}

static void remove_allowed_ip(WireguardDevice *device, const IpPrefix *prefix)
{
        for (size_t i = 0; i < device->n_peers; i++)
                for (size_t j = 0; j < device->peers[i].n_allowed_ips; j++)
                        if (ip_prefix_compare(&device->peers[i].allowed_ips[j], prefix) == 0) {
                                WireguardPeer *peer = &device->peers[i];
                                /* In order, as wireguard_peer_add_allowed_ip() grows at powers of two. */
                                WireguardPeer copy = *peer;
                                copy.allowed_ips = NULL;
                                copy.n_allowed_ips = 0;
                                for (size_t k = 0; k < peer->n_allowed_ips; k++)
                                        if (k != j)
                                                assert_ok(wireguard_peer_add_allowed_ip(
                                                        &copy, &peer->allowed_ips[k]));
                                free(peer->allowed_ips);
                                *peer = copy;
                                return;
                        }
}

static int set_allowed_ip(FakeKernel *kernel, WireguardPeer *peer, struct nlattr *attribute)
{
        struct nlattr *tb[WGALLOWEDIP_A_MAX + 1];
        IpPrefix prefix;

        assert_true(attribute->nla_type & NLA_F_NESTED);
        assert_ok(nla_parse_nested(tb, WGALLOWEDIP_A_MAX, attribute, NULL));
        if (ip_prefix_init(&prefix, nla_get_u16(tb[WGALLOWEDIP_A_FAMILY]),
                           nla_data(tb[WGALLOWEDIP_A_IPADDR]), nla_get_u8(tb[WGALLOWEDIP_A_CIDR_MASK])) < 0)
                return -EINVAL;

        ip_prefix_mask(&prefix);
        remove_allowed_ip(&kernel->device, &prefix);
        assert_ok(wireguard_peer_add_allowed_ip(peer, &prefix));
        return 0;
}

static int set_peer(FakeKernel *kernel, struct nlattr *attribute)
{
        struct nlattr *tb[WGPEER_A_MAX + 1], *ip;
        int left, r = 0;

        assert_true(attribute->nla_type & NLA_F_NESTED);
        assert_ok(nla_parse_nested(tb, WGPEER_A_MAX, attribute, NULL));
        const uint8_t *key = nla_data(tb[WGPEER_A_PUBLIC_KEY]);
        uint32_t flags = tb[WGPEER_A_FLAGS] ? nla_get_u32(tb[WGPEER_A_FLAGS]) : 0;

        (void) find_or_add(&kernel->touched, key);
        if (memcmp(key, kernel->device.public_key.bytes, WG_KEY_LEN) == 0)
                return 0;

        WireguardPeer *peer = find(&kernel->device, key);
        if (!peer && flags & (WGPEER_F_REMOVE_ME | WGPEER_F_UPDATE_ONLY))
                return 0;
        if (flags & WGPEER_F_REMOVE_ME) {
                remove_peer(&kernel->device, peer);
                return 0;
        }

        peer = find_or_add(&kernel->device, key);
        if (kernel->refused && memcmp(key, kernel->refused->bytes, WG_KEY_LEN) == 0)
                return -EINVAL;
        if (tb[WGPEER_A_PRESHARED_KEY])
                memcpy(peer->preshared_key.bytes, nla_data(tb[WGPEER_A_PRESHARED_KEY]), WG_KEY_LEN);
        if (tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
                peer->keepalive_seconds = nla_get_u16(tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
        if (tb[WGPEER_A_ENDPOINT])
                memcpy(&peer->endpoint, nla_data(tb[WGPEER_A_ENDPOINT]),
                       (size_t) nla_len(tb[WGPEER_A_ENDPOINT]));
        if (flags & WGPEER_F_REPLACE_ALLOWEDIPS) {
                free(TAKE_PTR(peer->allowed_ips));
                peer->n_allowed_ips = 0;
        }
        if (tb[WGPEER_A_ALLOWEDIPS])
                nla_for_each_nested(ip, tb[WGPEER_A_ALLOWEDIPS], left) if (r >= 0) r =
                        set_allowed_ip(kernel, peer, ip);
        return r;
}

static int set_device(FakeKernel *kernel, struct nlattr **tb)
{
        struct nlattr *peer;
        int left, r = 0;

        kernel->n_sets++;
        if (tb[WGDEVICE_A_PRIVATE_KEY]) {
                memcpy(kernel->device.private_key.bytes, nla_data(tb[WGDEVICE_A_PRIVATE_KEY]), WG_KEY_LEN);
                WireguardDevice keys = { .flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY,
                                         .private_key = kernel->device.private_key };
                assert_ok(wireguard_device_normalise(&keys));
                kernel->device.public_key = keys.public_key;

                WireguardPeer *own = find(&kernel->device, keys.public_key.bytes);
                if (own)
                        remove_peer(&kernel->device, own);
        }
        if (tb[WGDEVICE_A_LISTEN_PORT])
                kernel->device.listen_port = nla_get_u16(tb[WGDEVICE_A_LISTEN_PORT]);
        if (tb[WGDEVICE_A_FWMARK])
                kernel->device.fwmark = nla_get_u32(tb[WGDEVICE_A_FWMARK]);
        if (tb[WGDEVICE_A_PEERS]) {
                assert_true(tb[WGDEVICE_A_PEERS]->nla_type & NLA_F_NESTED);
                nla_for_each_nested(peer, tb[WGDEVICE_A_PEERS], left) if (r >= 0) r = set_peer(kernel, peer);
        }
        return r;
}

/* ---- WG_CMD_GET_DEVICE */

static void put_device_fields(const FakeKernel *kernel, struct nl_msg *message)
{
        const WireguardDevice *device = &kernel->device;
        static const WireguardKey none;

        assert_ok(nla_put_u32(message, WGDEVICE_A_IFINDEX, 7));
        assert_ok(nla_put_string(message, WGDEVICE_A_IFNAME, "wg0"));
        assert_ok(nla_put_u16(message, WGDEVICE_A_LISTEN_PORT, device->listen_port));
        assert_ok(nla_put_u32(message, WGDEVICE_A_FWMARK, device->fwmark));
        if (memcmp(&device->private_key, &none, sizeof none) != 0) {
                assert_ok(nla_put(message, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN, device->private_key.bytes));
                assert_ok(nla_put(message, WGDEVICE_A_PUBLIC_KEY, WG_KEY_LEN, device->public_key.bytes));
        }
}

static void put_peer_fields(const WireguardPeer *peer, struct nl_msg *message)
{
        int64_t handshake[2] = { (int64_t) (peer->last_handshake_at_usec / USEC_PER_SEC),
                                 (int64_t) (peer->last_handshake_at_usec % USEC_PER_SEC * 1000) };
        uint64_t counters[] = { peer->rx_bytes, peer->tx_bytes };

        assert_ok(nla_put(message, WGPEER_A_PRESHARED_KEY, WG_KEY_LEN, peer->preshared_key.bytes));
        assert_ok(nla_put(message, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof handshake, handshake));
        assert_ok(nla_put_u16(message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive_seconds));
        assert_ok(nla_put(message, WGPEER_A_UNSPEC, 0, NULL)); /* as nla_put_u64_64bit() pads */
        assert_ok(nla_put(message, WGPEER_A_RX_BYTES, sizeof counters[0], &counters[0]));
        assert_ok(nla_put(message, WGPEER_A_TX_BYTES, sizeof counters[1], &counters[1]));
        if (peer->endpoint.any.sa_family == AF_INET)
                assert_ok(nla_put(message, WGPEER_A_ENDPOINT, sizeof peer->endpoint.v4, &peer->endpoint));
        if (peer->endpoint.any.sa_family == AF_INET6)
                assert_ok(nla_put(message, WGPEER_A_ENDPOINT, sizeof peer->endpoint.v6, &peer->endpoint));
}

/* The peer from its allowed IP `first` on. Returns the first that is for the next fragment. */
static size_t put_fragment(const FakeKernel *kernel, const WireguardPeer *peer, size_t first,
                           struct nl_msg *message)
{
        struct nlattr *nest = nla_nest_start(message, 0);
        size_t end = MIN(first + kernel->ips_per_fragment, peer->n_allowed_ips);

        assert_ok(nla_put(message, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, peer->public_key.bytes));
        if (first == 0)
                put_peer_fields(peer, message);
        if (first < end) {
                struct nlattr *ips = nla_nest_start(message, WGPEER_A_ALLOWEDIPS);
                for (size_t i = first; i < end; i++) {
                        const IpPrefix *prefix = &peer->allowed_ips[i];
                        struct nlattr *ip = nla_nest_start(message, 0);

                        assert_ok(nla_put_u8(message, WGALLOWEDIP_A_CIDR_MASK, prefix->length));
                        assert_ok(nla_put_u16(message, WGALLOWEDIP_A_FAMILY, prefix->family));
                        assert_ok(nla_put(message, WGALLOWEDIP_A_IPADDR,
                                          (int) ip_address_size(prefix->family), prefix->bytes));
                        (void) nla_nest_end(message, ip);
                }
                (void) nla_nest_end(message, ips);
        }
        (void) nla_nest_end(message, nest);
        return end;
}

/* One message of a dump, from `*peer` and its allowed IP `*ip` on. */
static void emit_dump_message(FakeKernel *kernel, const Answer *answer, size_t *peer, size_t *ip)
{
        bool interrupted = kernel->n_interrupted > 0;
        struct nl_msg *message =
                new_answer(answer, kernel->family, NLM_F_MULTI | (interrupted ? NLM_F_DUMP_INTR : 0));

        put_genl(message, WG_CMD_GET_DEVICE);
        if (*peer == 0)
                put_device_fields(kernel, message);

        struct nlattr *nest = nla_nest_start(message, WGDEVICE_A_PEERS);
        for (size_t n = 0; n < kernel->fragments_per_message && *peer < kernel->device.n_peers; n++) {
                const WireguardPeer *each = &kernel->device.peers[*peer];

                *ip = put_fragment(kernel, each, *ip, message);
                if (*ip == each->n_allowed_ips || interrupted) {
                        (*peer)++;
                        *ip = 0;
                }
        }
        (void) nla_nest_end(message, nest);
        emit(answer, message);
}

static void dump_device(FakeKernel *kernel, const Answer *answer)
{
        size_t peer = 0, ip = 0;

        kernel->n_dumps++;
        do
                emit_dump_message(kernel, answer, &peer, &ip);
        while (peer < kernel->device.n_peers);
        emit_number(answer, NLMSG_DONE, kernel->dump_error);
        kernel->n_interrupted -= kernel->n_interrupted > 0;
}

static void answer_wireguard(FakeKernel *kernel, const Answer *answer)
{
        struct nlmsghdr *request = (struct nlmsghdr *) answer->request;
        const struct genlmsghdr *genl = NLMSG_DATA(request);
        struct nlattr *tb[WGDEVICE_A_MAX + 1];

        assert_ok(nlmsg_parse(request, sizeof *genl, tb, WGDEVICE_A_MAX, NULL));
        assert_string_equal(nla_get_string(tb[WGDEVICE_A_IFNAME]), "wg0");
        if (!kernel->has_link)
                emit_number(answer, NLMSG_ERROR, -ENODEV);
        else if (genl->cmd == WG_CMD_SET_DEVICE)
                emit_number(answer, NLMSG_ERROR, set_device(kernel, tb));
        else
                dump_device(kernel, answer);
}

void fake_kernel_answer(FakeKernel *kernel, Bytes request, fake_kernel_emit_t emit_datagram, void *userdata)
{
        const Answer answer = { (const struct nlmsghdr *) request.data, emit_datagram, userdata };

        assert_true(request.size >= sizeof(struct nlmsghdr) && answer.request->nlmsg_len == request.size);
        assert_true(answer.request->nlmsg_flags & NLM_F_REQUEST);
        if (answer.request->nlmsg_type == GENL_ID_CTRL)
                answer_family(kernel, &answer);
        else if (answer.request->nlmsg_type == kernel->family)
                answer_wireguard(kernel, &answer);
        else
                emit_number(&answer, NLMSG_ERROR, -ENOENT);
}
