// What nvcc makes of each name of native/cuda/device/device.h: its kernel of bench/gpu-wrappers has to hold the
// instruction that the PTX ISA has for it, with operands in their order, for every architecture that is shipped, and
// ptxas has to take it. No GPU is needed, and nothing runs: what a card does with them is gpu-check's step `wrappers`.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check, close, expect, run } from './tally.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const compilers = [process.env.CUDACXX, '/usr/local/cuda/bin/nvcc']
const nvcc = compilers.find((file) => file && existsSync(file)) ?? 'nvcc'
const ptxas = nvcc === 'nvcc' ? 'ptxas' : join(dirname(nvcc), 'ptxas')

/** As native/cuda/plugin.cmake: PTX of the first, machine code of the others. */
const architectures = {
  compute_80: ['sm_80', 'sm_86'],
  compute_89: ['sm_89'],
  compute_90: ['sm_90', 'sm_90a'],
}

const row = (instruction, count) => {
  const registers = Array.from({ length: count }, (_, i) => `$r${i}`).join(', ')
  const stores = Array.from(
    { length: count },
    (_, i) => `st.global.u32 [$to${i === 0 ? '' : `+${4 * i}`}], $r${i};`,
  )
  return [`ldmatrix.sync.aligned.m8n8.${instruction}.b16 {${registers}}, [$place];`, ...stores]
}

const loads = (names, first) =>
  names.map((name, i) => `ld.global.f32 $${name}, [$from${first + i === 0 ? '' : `+${4 * (first + i)}`}];`)

/** cvt packs its first source into the upper half: here the second of two numbers. */
const pair = (type) => [
  ...loads(['low', 'high'], 0),
  `cvt.rn.${type}x2.f32 $pair, $high, $low;`,
  'st.global.u32 [$to], $pair;',
]

const product = (type) => {
  const names = (letter, count) => Array.from({ length: count }, (_, i) => `${letter}${i}`)
  const fragment = (letter, first, count) => [
    ...names(letter, count).flatMap((name, i) => loads([`${name}low`, `${name}high`], first + 2 * i)),
  ]
  const packs = (letter, count) =>
    names(letter, count).map((name) => `cvt.rn.${type}x2.f32 $${name}, $${name}high, $${name}low;`)
  const d = '{$d0, $d1, $d2, $d3}'
  return [
    ...fragment('a', 0, 4),
    ...fragment('b', 8, 2),
    ...loads(names('d', 4), 12),
    ...packs('a', 4),
    ...packs('b', 2),
    `mma.sync.aligned.m16n8k16.row.col.f32.${type}.${type}.f32 ${d}, {$a0, $a1, $a2, $a3}, {$b0, $b1}, ${d};`,
    ...names('d', 4).map((name, i) => `st.global.f32 [$to${i === 0 ? '' : `+${4 * i}`}], $${name};`),
  ]
}

const narrow = (type) => [
  'ld.global.f32 $x, [$from];',
  `cvt.rn.${type}.f32 $narrow, $x;`,
  'cvt.u32.u16 $word, $narrow;',
  'st.global.u32 [$to], $word;',
]

/** By the beginning of a kernel's name as it is mangled: its instructions in order, with others between. */
const kernels = {
  widenIN7twofour4cuda4HalfE: ['cvt.f32.f16 $x, $bits;', 'st.global.f32 [$to], $x;'],
  widenIN7twofour4cuda8Bfloat16E: ['shl.b32 $x, $bits, 16;', 'st.global.u32 [$to], $x;'],
  widenIN7twofour4cuda4E4m3E: ['cvt.f32.f16 $half, $bits;', 'mul.f32 $x, $half, 0f43800000;'],
  narrowIN7twofour4cuda4HalfE: narrow('f16'),
  narrowIN7twofour4cuda8Bfloat16E: narrow('bf16'),
  pairIN7twofour4cuda4HalfE: pair('f16'),
  pairIN7twofour4cuda8Bfloat16E: pair('bf16'),
  wholeE: ['ld.global.f32 $x, [$from];', 'cvt.rni.s32.f32 $i, $x;', 'st.global.u32 [$to], $i;'],
  powerE: ['ld.global.f32 $x, [$from];', 'ex2.approx.ftz.f32 $power, $x;', 'st.global.f32 [$to], $power;'],
  vectorsE: [
    'ld.global.v4.u32 {$a, $b, $c, $d}, [$from];',
    'st.shared.v4.u32 [$place], {$a, $b, $c, $d};',
    'bar.sync 0;',
    'ld.shared.v4.u32 {$e, $f, $g, $h}, [$other];',
    'st.global.v4.u32 [$to], {$e, $f, $g, $h};',
  ],
  copiesE: [
    'selp.b32 $bytes, 0, 16, $not;',
    'cp.async.cg.shared.global [$first], [$from], 16, $bytes;',
    'cp.async.commit_group;',
    'cp.async.cg.shared.global [$second], [$from], 16, $others;',
    'cp.async.commit_group;',
    'cp.async.wait_group 1;',
    'bar.sync 0;',
    'ld.shared.u32 $a, [$other];',
    'cp.async.wait_group 0;',
    'bar.sync 0;',
    'ld.shared.u32 $b, [$second+4];',
  ],
  matrices4ILb0E: row('x4.shared', 4),
  matrices4ILb1E: row('x4.trans.shared', 4),
  matrices2ILb0E: row('x2.shared', 2),
  matrices2ILb1E: row('x2.trans.shared', 2),
  productIN7twofour4cuda4HalfE: product('f16'),
  productIN7twofour4cuda8Bfloat16E: product('bf16'),
  exchangesE: [
    'shfl.sync.bfly.b32 $a|$p, $own, $sixteen, $clamp, $all;',
    'shfl.sync.bfly.b32 $b|$q, $own, $three, $clamp, $all;',
    'shfl.sync.idx.b32 $c|$r, $own, $five, $clamp, $all;',
    'vote.sync.ballot.b32 $d, $vote, $all;',
  ],
  sumsE: ['atom.global.add.u32 $before, [$to], $x;'],
}

/** e4m3 has an instruction from 8.9 on: the number is its second source, which the lower half is made of. */
const byInstruction = [
  'ld.global.f32 $x, [$from];',
  'mov.f32 $zero, 0f00000000;',
  'cvt.rn.satfinite.e4m3x2.f32 $pair, $zero, $x;',
  'and.b16 $low, $pair, 255;',
]
const bySteps = ['ld.global.f32 $x, [$from];', 'abs.f32 $size, $x;', 'cvt.rni.s32.f32 $small, $scaled;']

/** The instructions of each kernel, by its mangled name. */
function kernelsOf(ptx) {
  const bodies = new Map()
  for (const [, name, body] of ptx.matchAll(/\.entry (\w+)\([^)]*\)[^{]*\{\n(.*?)\n\}\n/gs)) {
    const lines = body.split('\n').map((line) => line.trim().replace(/\s+/g, ' '))
    bodies.set(
      name,
      lines.filter((line) => line.endsWith(';')),
    )
  }
  return bodies
}

/** The names' values if the instruction is of the pattern, where a $name is the same register throughout. */
function matched(pattern, instruction, known) {
  const names = []
  const source = pattern.replace(/[.*+?^{}()|[\]\\]/g, '\\$&').replace(/\$(\w+)/g, (_, name) => {
    names.push(name)
    return '([%\\w]+|-?\\d+)'
  })
  const found = new RegExp(`^${source}$`).exec(instruction)
  if (found === null) return undefined
  const values = new Map(known)
  for (const [i, name] of names.entries()) {
    if (values.has(name) && values.get(name) !== found[i + 1]) return undefined
    values.set(name, found[i + 1])
  }
  return values
}

/** How many of the patterns are found in order, at best. */
function longestRun(patterns, instructions, from = 0, known = new Map()) {
  if (patterns.length === 0) return 0
  let best = 0
  for (let i = from; i < instructions.length; i++) {
    const values = matched(patterns[0], instructions[i], known)
    if (values === undefined) continue
    best = Math.max(best, 1 + longestRun(patterns.slice(1), instructions, i + 1, values))
    if (best === patterns.length) break
  }
  return best
}

function checkKernel(bodies, name, patterns) {
  const [found] = [...bodies].filter(([mangled]) => new RegExp(`\\d${name}`).test(mangled))
  expect(found !== undefined, `There is no kernel ${name}.`)
  const length = longestRun(patterns, found[1])
  expect(length === patterns.length, `not found in order: ${patterns[length]}\n${found[1].join('\n')}`)
}

const work = mkdtempSync(join(tmpdir(), 'twofour-ptx-'))
try {
  for (const [architecture, machines] of Object.entries(architectures)) {
    const file = join(work, `${architecture}.ptx`)
    const includes = ['native', 'native/cuda/device'].map((folder) => `-I${join(root, folder)}`)
    const source = join(root, 'bench', 'gpu-wrappers', 'wrappers.cu')
    check(`nvcc makes PTX for ${architecture}`, () =>
      run(nvcc, ['-std=c++20', '-ptx', `-arch=${architecture}`, ...includes, source, '-o', file]),
    )
    const bodies = existsSync(file) ? kernelsOf(readFileSync(file, 'utf8')) : new Map()
    const e4m3 = architecture === 'compute_80' ? bySteps : byInstruction
    const all = { ...kernels, narrowIN7twofour4cuda4E4m3E: e4m3, narrow_by_stepsE: bySteps }
    for (const [name, patterns] of Object.entries(all))
      check(`${architecture}: ${name}`, () => checkKernel(bodies, name, patterns))
    check(`${architecture}: each kernel is looked at`, () =>
      expect(bodies.size === Object.keys(all).length, `${bodies.size} kernels`),
    )
    for (const machine of machines)
      check(`ptxas takes it for ${machine}`, () =>
        run(ptxas, [`-arch=${machine}`, file, '-o', join(work, `${machine}.cubin`)]),
      )
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
close()
