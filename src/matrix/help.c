/* SPDX-License-Identifier: MIT */
/* !help */

#include "matrix/execution.h"

void help_start(Execution *execution)
{
        static const char text[] = "!exec PROGRAM [WORD…]        runs a program\n"
                                   "!ls DIRECTORY                lists a directory\n"
                                   "!fs.read FILE                shows a file\n"
                                   "!fs.write FILE TEXT          makes a file\n"
                                   "!docker list                 lists containers\n"
                                   "!docker logs NAME [LINES]    shows what a container has printed\n"
                                   "!docker exec NAME PROGRAM …  runs a program in a container\n"
                                   "!status UNIT                 shows a service\n"
                                   "!approve ID, !deny ID, !cancel ID\n";

        execution_answer(execution, "What a device allows is in its manifest; these are the commands:",
                         bytes_of_string(text));
}
