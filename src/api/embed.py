#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py IN.json OUT.c NAME: a JSON document, checked and without its blanks, as a C array."""
import json
import sys

source, target, name = sys.argv[1:]
with open(source, encoding='utf-8') as file:
    text = json.dumps(json.load(file), ensure_ascii=False, separators=(',', ':')).encode()

rows = (', '.join(map(str, text[i:i + 24])) for i in range(0, len(text), 24))
with open(target, 'w', encoding='utf-8') as file:
    file.write(f'#include "api/{name}.h"\n\nconst char api_{name}[] = {{\n')
    file.write(',\n'.join(rows) + f'\n}};\nconst size_t api_{name}_size = sizeof api_{name};\n')
