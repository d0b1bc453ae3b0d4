import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { cli, demoModel, demoPairs, json } from './command-line.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const root = temporaryDirectory('cli-budget')
const model = makeCheckpoint()

async function examples(): Promise<string> {
  const file = join(root, 'ids.json')
  await writeFile(file, JSON.stringify(Array.from({ length: 16 }, (_, at) => [2, 3 + at, 60 - at, 5, 6, 7])))
  return file
}

type Pruned = {
  steps: { budget?: { kind: string; limit: number; after: number }; choices?: { dense: boolean }[] }[]
  layers: { heads: number[] }[]
}

test('prune by operations says what it costs, before and after', async (t) => {
  // A target alone is of the structure.
  const words = ['prune', await model, '--calibration', await examples()]
  const out = ['--out', join(root, 'operations'), '--target-operations', '0.5', '--keep-heads', '5']
  const { status, stdout, stderr } = await cli([...words, ...out])
  t.is(status, 0, stderr)
  t.regex(stdout, /structure {2}heads and neurons +104/)
  t.regex(
    stdout,
    /Step 1: from 0\.\d+ M multiply-adds to .* \(4\d\.\d+ %\), within .*, of 1 sequence of 6 tokens\./,
  )
  const result = await json<Pruned>([...words, '--out', join(root, 'bytes'), '--target-bytes', '0.4'])
  t.is(result.steps[0]!.budget!.kind, 'bytes')
  t.true(result.steps[0]!.budget!.after <= result.steps[0]!.budget!.limit)
})

test('prune leaves the costliest linears dense, and says which', async (t) => {
  const words = ['prune', await model, '--pattern', '2:4', '--calibration', await examples()]
  const { status, stdout, stderr } = await cli([...words, '--out', join(root, 'dense'), '--leave-dense', '2'])
  t.is(status, 0, stderr)
  t.is(stdout.match(/ dense(?= |$)/gm)?.length, 2)
  t.regex(stdout, /2 of 12 linears stay dense\./)
})

test('sensitivity says what each linear costs, and what the model scores without it', async (t) => {
  const words = ['sensitivity', await model, '--calibration', await examples()]
  const { stdout } = await cli([...words, '--pattern', 'unstructured', '--fraction', '0.8'])
  t.regex(stdout, /each linear pruned alone to unstructured:\nweights +query/)
  const alone = await json<{ linears: { slot: string; error: number }[] }>([...words, '--update', 'refit'])
  t.is(alone.linears.length, 12)
  t.true(alone.linears.every(({ error }) => error > 0))

  const scored = ['--calibration', demoPairs, '--calibration-limit', '8', '--task', 'similarity']
  const some = ['--slots', 'query', '--layers', '0,1', '--data', demoPairs, '--limit', '20']
  type Scored = { linears: { value: number }[]; metric: { name: string; dense: number } }
  const result = await json<Scored>(['sensitivity', demoModel, ...scored, ...some])
  t.is(result.metric.name, 'spearman')
  t.is(result.linears.length, 2)
  t.true(result.linears.every(({ value }) => Number.isFinite(value)))
})

test('budgets are refused in the words of the command line', async (t) => {
  const prune = ['prune', await model, '--out', join(root, 'refused')]
  const structure = [...prune, '--pattern', 'structure']
  const data = ['--calibration', await examples()]
  const refusals: [string[], RegExp][] = [
    [structure, /Expected one of --target-operations, --target-bytes and --target-latency, got none/],
    [
      [...structure, '--target-bytes', '0.5', '--target-operations', '0.5'],
      /Expected one of --target-operations, .* got operations and bytes/,
    ],
    [[...structure, '--target-bytes', '2'], /Expected `--target-bytes` to be a number from 0 to 1, got 2/],
    [[...structure, '--target-bytes', 'half'], /Expected `--target-bytes` to be a number, got 'half'/],
    [[...structure, '--target-bytes', '0.5', '--keep-heads', '9'], /Expected `--keep-heads` to be .*, got 9/],
    [[...structure, '--target-bytes', '0.5'], /needs calibration data for its score 'fisher'/],
    [
      [...prune, '--pattern', 'heads', '--remove', '1', '--leave-dense', '1'],
      /--leave-dense does not go with/,
    ],
    [
      [...prune, '--pattern', 'layers', '--list', '1', '--target-bytes', '1'],
      /--target-bytes .* do not go with/,
    ],
    [
      [...prune, '--pattern', '2:4', '--leave-dense', '13', ...data],
      /Expected `--leave-dense` to be at most 12/,
    ],
    [[...prune, '--pattern', '2:4', '--latency-length', '3'], /is for a budget of milliseconds/],
    [[...prune, '--recipe', 'r', '--target-latency', '3'], /--target-latency is for a step by options/],
    [['sensitivity', await model], /Expected --calibration, got none/],
    [['sensitivity', await model, ...data, '--pattern', 'heads'], /to be an N:M or unstructured step/],
    [['sensitivity', await model, ...data, '--data', demoPairs], /Expected --task, got none/],
  ]
  for (const [words, sentence] of refusals) {
    const { status, stderr } = await cli(words)
    t.is(status, 2, words.join(' '))
    t.regex(stderr, sentence)
  }
})
