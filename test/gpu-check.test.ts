/** gpu-check's own parts, which need no GPU: what a run keeps when a step hangs, what is called a goal reached. */
import test from 'ava'
import { goals } from '../bench/gpu/goals.js'
import { realLengths } from '../bench/gpu/lengths.js'
import { pageOf } from '../bench/gpu/page.js'
import type { Results, Row } from '../bench/gpu/results.js'
import { runCommand } from '../bench/gpu/run-command.js'
import { idsOf, works } from '../bench/gpu/scale.js'
import { compareWords } from '../bench/gpu/wrapper-words.js'

const node = (source: string) => ({ file: process.execPath, args: ['-e', source] })

async function run(source: string, seconds: number) {
  const rows: Row[] = []
  const lines: string[] = []
  const ending = await runCommand(
    node(source),
    seconds,
    (row) => rows.push(row),
    (line) => lines.push(line),
  )
  return { ...ending, rows, lines }
}

function results(rows: Record<string, readonly Row[]>, emulated = false): Results {
  const steps = Object.entries(rows).map(([name, found]) => ({
    ...({ name, title: name, state: 'done', seconds: 1, reason: '', rows: found } as const),
  }))
  return {
    ...{ emulated, card: 'a card', date: '2026-01-02T03:04:05Z', version: '1', commit: 'abc', scale: 'full' },
    ...{ steps, readings: { count: 0, reason: '' } },
  }
}

const linear = { dtype: 'bfloat16', rows: 4096, columns: 1024, tokens: 8192, denseUs: 100 }
const end = { model: 'BERT-large', work: '128 × 128 tokens', tokens: 16_384, dtype: 'bfloat16' }

test('a program’s JSON lines are rows, and the rest goes to the log', async (t) => {
  const source = `console.log('{"a":1}'); console.log('words'); console.error('more'); console.log('{"b":2}')`
  const { state, rows, lines } = await run(source, 20)
  t.is(state, 'done')
  t.deepEqual(rows, [{ a: 1 }, { b: 2 }])
  t.deepEqual(lines.toSorted(), ['more', 'words'])
})

test('a step that hangs is killed with what it started, and keeps its rows', async (t) => {
  const child = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' })`
  const { state, rows, reason } = await run(`console.log('{"a":1}'); ${child}; setInterval(() => {}, 1e6)`, 5)
  t.is(state, 'stopped')
  t.deepEqual(rows, [{ a: 1 }])
  t.regex(reason, /time|s were over/)
})

test('a step that fails says why: its own sentence, else its last line, else its signal', async (t) => {
  const own = await run(`console.log('{"a":1}'); console.log('{"failed":"No."}'); process.exitCode = 1`, 20)
  t.like(own, { state: 'failed', reason: 'No.', rows: [{ a: 1 }] })
  const last = await run(`console.error('bad thing'); process.exit(3)`, 20)
  t.like(last, { state: 'failed', reason: 'exit status 3: bad thing' })
  const crashed = await run(`process.kill(process.pid, 'SIGSEGV')`, 20)
  t.is(crashed.state, 'failed')
  t.regex(crashed.reason, /SIGSEGV/)
  const absent = await runCommand({ file: '/nowhere/program', args: [] }, 20, t.log, t.log)
  t.is(absent.state, 'failed')
  t.regex(absent.reason, /ENOENT/)
})

test('goals take the worst case where every shape counts, and say by how much one is missed', (t) => {
  const sweep = [
    { ...linear, choiceRatio: 1.2, choiceOverBest: 1.01, sparseRatio: 1.2 },
    { ...linear, tokens: 512, choiceRatio: 0.891, choiceOverBest: 1, sparseRatio: 0.8 },
  ]
  const found = new Map(goals(results({ sweep })).map((goal) => [goal[0], goal]))
  const dispatch = found.get('dispatch vs unrounded dense, every shape: the worst')!
  t.regex(dispatch[2], /^0\.891 × \(bfloat16, 4096 × 1024, 512 tokens\)/)
  t.is(dispatch[3], 'missed by 10 %')
  t.is(found.get('sparse choice vs the best of an exhaustive search: the worst')![3], 'reached')
  const large = found.get("sparse vs cuBLASLt's best, BERT-large's linears, bfloat16 (hoped for)")!
  t.regex(large[2], /^1\.200 × \(mean of 1\)/, 'fewer than 8,192 tokens do not count')
})

test('end to end is compared at the same work, and what was not measured is no verdict', (t) => {
  const rows = {
    'end-to-end': [
      { ...end, form: 'dense', seconds: 0.02, overDense: 1 },
      { ...end, form: '2:4', seconds: 0.016, overDense: 1.25 },
    ],
    pytorch: [
      {
        subject: 'SDPA, compiled',
        model: 'BERT-large',
        work: end.work,
        order: 'as they come',
        seconds: 0.025,
      },
      { subject: 'SDPA, compiled', model: 'BERT-base', work: end.work, order: 'as they come', seconds: 1 },
    ],
    ceilings: [
      { dtype: 'copy', gigabytes: 4300 },
      { dtype: 'bfloat16', teraflops: 790 },
    ],
  }
  const found = new Map(
    goals(results(rows)).map(([what, , measured, verdict]) => [what, { measured, verdict }]),
  )
  t.regex(found.get('dense vs compiled PyTorch, fixed lengths: the worst')!.measured, /^1\.250 ×/)
  t.is(found.get('own 2:4 vs own dense, end to end: the middle')!.verdict, 'reached')
  // By hand: 16,384 tokens of (604.0 M + 2 × 12.6 M) / 790 T and 24 × 12,288 bytes / 4.3 T.
  t.regex(found.get('dense end to end, share of the floor model: the worst')!.measured, /^0\.709 ×/)
  const real = found.get('2:4 on real lengths vs padded compiled PyTorch: the worst')!
  t.deepEqual(real, { measured: 'not measured', verdict: '–' })
})

test('a page of an emulation says so first, and gives no verdicts', (t) => {
  const sweep = [{ ...linear, choiceRatio: 1.2, choiceOverBest: 1, sparseRatio: 1.3 }]
  const emulated = pageOf(results({ sweep }, true))
  t.regex(emulated, /^# EMULATED/)
  t.notRegex(emulated, /reached|missed/)
  const real = pageOf(results({ sweep }))
  t.regex(real, /^# gpu-check: a card\n/)
  t.regex(real, /reached/)
  t.notRegex(real, /EMULATED/i)
})

test('works hold what they say: as many tokens as a card needs, seeded, and no longer than a model takes', (t) => {
  for (const work of works('full')) {
    const tokens = work.lengths.reduce((sum, length) => sum + length, 0)
    t.true(tokens > 15_000 && tokens <= 16_384, `${work.name}: ${tokens} tokens`)
    t.true(Math.max(...work.lengths) <= 512)
  }
  t.deepEqual(realLengths('sentences', 500), realLengths('sentences', 500))
  const ids = idsOf({ name: '', lengths: [3, 1], real: false }, 100)
  t.deepEqual(
    ids.map(({ length }) => length),
    [3, 1],
  )
  t.true(ids.flat().every((id) => id >= 2 && id < 100))
})

test('words of a card are like the emulator’s bit for bit, or as numbers, or nearly', (t) => {
  const words = (likeness: 'bits' | 'numbers' | 'near', ...all: string[]) => ({
    ...{ wrapper: 'a name', likeness, words: all.join('') },
  })
  const [one, nextToOne, nan, otherNan] = ['3f800000', '3f800002', '7fc00000', '7fffffff'] as const
  t.deepEqual(compareWords(words('bits', one, nan), one + nan), { words: 2, wrong: 0 })
  const wrong = compareWords(words('bits', one, nan), one + otherNan)
  t.deepEqual(wrong, { words: 2, wrong: 1, at: 1, expected: nan, got: otherNan })
  t.is(compareWords(words('numbers', nan), otherNan).wrong, 0)
  t.is(compareWords(words('numbers', one), nextToOne).wrong, 1)
  t.is(compareWords(words('near', one), nextToOne).wrong, 0)
  t.is(compareWords(words('near', one), '3f800003').wrong, 1)
  t.is(compareWords(words('near', nan), one).wrong, 1)
  t.is(compareWords(words('bits', one, one), one).wrong, 1, 'what is missing is wrong')
  t.is(compareWords(words('bits', one), one + one).wrong, 1, 'and so is what is too much')
})
