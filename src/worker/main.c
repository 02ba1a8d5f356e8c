/* SPDX-License-Identifier: MIT */
/* devbox-worker exec|fsr|fsw: carries out one request. */

#include "worker/instance.h"

int main(int argc, char **argv)
{
        return worker_main(argc, argv, worker_kinds);
}
