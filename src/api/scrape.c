/* SPDX-License-Identifier: MIT */
/* What the cache fetches. A scrape takes the metrics of the components that run, then the collector's
 * snapshot; none is started for it. */

#include "api/api-internal.h"

#define DEADLINE_USEC (2 * USEC_PER_SEC)

/* Without a title: most machines have no mesh. */
const BusService api_metrics_service = {
        .deadline_usec = DEADLINE_USEC,
        .unavailable = DEVBOX_ERROR_BUS_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_BUS_UNAVAILABLE,
};

static void complete(Api *api)
{
        if (--api->n_scraping == 0)
                collector_client_call(api->collector, COLLECTOR_CALL_SNAPSHOT);
}

static void on_metrics(BusRequest *request, const BusReply *reply)
{
        ApiMetrics *metrics = CONTAINER_OF(request, ApiMetrics, request);

        sd_bus_message_unref(metrics->reply);
        metrics->reply = reply->reason == 0 ? sd_bus_message_ref(reply->message) : NULL;
        complete(metrics->api);
}

void api_fetch(unsigned key, void *owner)
{
        Api *api = owner;

        if (key != COLLECTOR_CALL_SNAPSHOT)
                return collector_client_call(api->collector, (CollectorCall) key);

        api->n_scraping = _API_SERVICE_MAX;
        for (ApiService service = 0; service < _API_SERVICE_MAX; service++) {
                ApiMetrics *metrics = &api->metrics[service];
                sd_bus_message *call = NULL;

                if (api->bus && sd_bus_message_new_method_call(api->bus, &call, api_services[service].name,
                                                               api_services[service].path,
                                                               "org.devbox.Component1", "GetMetrics") >= 0)
                        (void) sd_bus_message_set_auto_start(call, false);
                bus_client_send_take(&metrics->client, &metrics->request, call, on_metrics);
        }
}
