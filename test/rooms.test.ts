import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { libRooms, nativeRooms, violations } from './rooms.js'
import { temporaryDirectory } from './temporary-directory.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A tree with an empty native/ and lib/ but for the given files. */
function planted(files: Record<string, string>): string[] {
  const tree = temporaryDirectory('rooms')
  for (const folder of ['native', 'lib']) mkdirSync(join(tree, folder))
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, file)), { recursive: true })
    writeFileSync(join(tree, file), source)
  }
  return violations(tree)
}

/** Rooms in an order in which each comes after all that it may use; undefined where there is none. */
function order(rooms: Readonly<Record<string, readonly string[]>>): string[] | undefined {
  const done: string[] = []
  const left = new Set(Object.keys(rooms))
  while (left.size > 0) {
    const next = [...left].find((room) => rooms[room]!.every((other) => done.includes(other)))
    if (next === undefined) return undefined
    done.push(next)
    left.delete(next)
  }
  return done
}

test('a room includes and imports only what stands at its right', (t) => {
  t.deepEqual(violations(root), [])
})

test('the tables of rooms have no cycle', (t) => {
  t.truthy(order(nativeRooms))
  t.truthy(order(libRooms))
  t.is(order({ a: ['b'], b: ['a'] }), undefined)
})

test('allowed edges are not reported', (t) => {
  const found = planted({
    'native/base/a.cc': '#include "base/a.h"\n#include <vector>\n#include <unistd.h>\n',
    'native/engine/a.cc': '#include "backend/backend.h"\n',
    'native/node/a.cc': '#include <napi.h>\n#include "engine/a.h"\n',
    'native/node/backends.cc': '#include "cpu/cpu_backend.h"\n',
    'native/cuda/a.cu': '#include <cuda_runtime.h>\n',
    'lib/addon.ts': "import bindings from 'bindings'\nimport type { Addon } from '../binding.js'\n",
    'lib/pruning/a.ts': "import { x } from '../checkpoint/b.js'\n// import '../encoder/a.js'\n",
    'lib/cli/deep/a.ts': "import {\n  x,\n} from '../../index.js'\nimport 'node:fs'\nimport '../b.js'\n",
  })
  t.deepEqual(found, [])
})

const forbidden: Record<string, [file: string, source: string, line: number, sentence: RegExp]> = {
  'base includes backend': [
    'native/base/a.h',
    '\n#include "backend/backend.h"\n',
    2,
    /native\/base includes native\/backend/,
  ],
  'pruning touches a device': [
    'native/pruning/a.cc',
    '#include "backend/backend.h"',
    1,
    /includes native\/backend/,
  ],
  'engine names a backend': ['native/engine/a.cc', '#include "cpu/kernels.h"', 1, /includes native\/cpu/],
  'a backend includes another': [
    'native/cpu/a.cc',
    '#include "plain/plain_backend.h"',
    1,
    /includes native\/plain/,
  ],
  'cpu includes engine': [
    'native/cpu/a.cc',
    '//\n//\n#  include "engine/spec.h"',
    3,
    /includes native\/engine/,
  ],
  'base includes napi.h': ['native/base/a.cc', '#include <napi.h>', 1, /native\/node alone/],
  'engine includes CUDA headers': [
    'native/engine/a.cc',
    '#include <cuda_runtime.h>',
    1,
    /native\/cuda alone/,
  ],
  'a second file names a backend': [
    'native/node/addon.cc',
    '#include "cpu/kernels.h"',
    1,
    /backends\.cc alone/,
  ],
  'CUDA is asked of the preprocessor': [
    'native/node/a.cc',
    '\n#ifdef TWOFOUR_CUDA\n#endif',
    2,
    /preprocessor/,
  ],
  'an include without a room': ['native/cpu/a.cc', '#include "simd.h"', 1, /does not begin with a room/],
  'an include that climbs': [
    'native/cpu/a.cc',
    '#include "cpu/../engine/spec.h"',
    1,
    /does not begin with a room/,
  ],
  'an unknown native room': ['native/misc/a.cc', '', 1, /native\/misc is no room/],
  'checkpoint imports pruning': [
    'lib/checkpoint/a.ts',
    "import { x } from '../pruning/b.js'",
    1,
    /lib\/pruning/,
  ],
  'types count too': [
    'lib/architecture/a.ts',
    "\nimport type { X } from '../pruning/b.js'",
    2,
    /lib\/pruning/,
  ],
  'cli goes round the door': [
    'lib/cli/deep/a.ts',
    "import { x } from '../../encoder/run.js'",
    1,
    /lib\/encoder/,
  ],
  'report imports check.ts': [
    'lib/report/a.ts',
    "import {\n  x,\n} from '../check.js'",
    3,
    /lib\/report imports lib\/check/,
  ],
  'encoder imports cli': ['lib/encoder/a.ts', "const x = await import('../cli/main.js')", 1, /lib\/cli/],
  'a re-export counts': ['lib/tokenizer/a.ts', "export * from '../encoder/run.js'", 1, /lib\/encoder/],
  'bindings outside addon.ts': ['lib/encoder/a.ts', "import bindings from 'bindings'", 1, /addon\.ts alone/],
  'binding.d.ts as a value': ['lib/encoder/a.ts', "import { x } from '../../binding.js'", 1, /types only/],
  'binding.d.ts in cli': ['lib/cli/a.ts', "import type { X } from '../../binding.js'", 1, /types only/],
  'an unknown room of lib': ['lib/misc/a.ts', '', 1, /in no room/],
}

for (const [title, [file, source, line, sentence]] of Object.entries(forbidden)) {
  test(`a planted edge is caught: ${title}`, (t) => {
    const found = planted({ [file]: source })
    t.is(found.length, 1)
    t.true(found[0]!.startsWith(`${file}:${line}: `), found[0])
    t.regex(found[0]!, sentence)
  })
}
