/* SPDX-License-Identifier: MIT */
#include "proto/container-line.h"

#include <string.h>

static char *next_word(char **line)
{
        char *word = *line;

        *line += strcspn(word, " ");
        if (**line != '\0')
                *(*line)++ = '\0';
        *line += strspn(*line, " ");
        return word;
}

bool container_line_next(char **text, ContainerLine *ret_line)
{
        for (char *line; (line = strsep(text, "\n"));) {
                size_t length = strlen(line);

                while (length > 0 && line[length - 1] == ' ')
                        line[--length] = '\0';
                if (length == 0)
                        continue;

                ret_line->name = next_word(&line);
                ret_line->state = next_word(&line);
                ret_line->image = next_word(&line);
                ret_line->status = line;
                return true;
        }

        return false;
}
