import { existsSync, readFileSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Checkpoint, type PlanSummary } from 'twofour'
import { cli, demoModel, demoPairs, goldenRoot, json } from './command-line.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

type Matrix = { slot: string; elements: number; zeros: number; twoOfFour: boolean }
type Inspected = {
  architecture: string
  parameters: number
  layers: { heads: number[]; neurons: number }[]
  matrices: Matrix[]
  twoOfFour: string[]
  zeros: number
  memory: { dtype: string; weights: number; activations: number }
  tensors?: { name: string; dtype: string; shape: number[] }[]
  metadata?: Record<string, string>
  notes: string[]
}
type Pruned = { loadsIn: string[]; files: string[]; prunable: { density: number } }
type Evaluated = {
  value: number
  interval: [number, number]
  against?: { value: number; difference: number; interval: [number, number]; p_value: number; test: string }
}

const bertBase = join(goldenRoot, 'bert-base')

test('prune writes a checkpoint whose matrices inspect finds to be 2:4', async (t) => {
  const out = join(temporaryDirectory(), 'pruned')
  const pruned = await json<Pruned>(['prune', bertBase, '--out', out, '--pattern', '2:4'])
  t.is(pruned.prunable.density, 0.5)
  t.true(pruned.files.includes('pruning.json'))
  t.deepEqual(pruned.loadsIn, JSON.parse(readFileSync(join(out, 'pruning.json'), 'utf8')).loadsIn)

  const found = await json<Inspected>(['inspect', out])
  t.is(found.architecture, 'bert')
  t.is(found.twoOfFour.length, 12)
  t.is(
    found.zeros,
    found.matrices.reduce((sum, { zeros }) => sum + zeros, 0),
  )
  for (const { slot, elements, zeros, twoOfFour } of found.matrices) {
    t.is(twoOfFour, slot.startsWith('layers.'), slot)
    if (twoOfFour) t.is(zeros, elements / 2)
  }
  const { stdout } = await cli(['inspect', out])
  t.regex(stdout, /^2:4 +12 of 16 matrices$/m)
  t.regex(stdout, /^ +0 +8 +96 +50\.00 % 2:4/m)
})

test('the options of one step give what the same recipe gives, and so does its saved plan', async (t) => {
  const root = temporaryDirectory()
  const recipe = join(root, 'recipe.json')
  const step = { pattern: 'heads', list: { '0': [0, 1], '1': [3] } }
  await writeFile(recipe, JSON.stringify({ steps: [step] }))
  const plan = join(root, 'plan.safetensors')
  const bytes = (name: string) => readFileSync(join(root, name, 'model.safetensors'))
  const run = (name: string, ...words: string[]) =>
    json<Pruned>(['prune', bertBase, '--out', join(root, name), '--form', 'removed', ...words])

  await run('flags', '--pattern', 'heads', '--list', '0:0,1;1:3', '--plan', plan)
  await run('recipe', '--recipe', recipe)
  await run('plan', '--apply', plan)
  t.deepEqual(bytes('recipe'), bytes('flags'))
  t.deepEqual(bytes('plan'), bytes('flags'))
  const { layers } = await json<Inspected>(['inspect', join(root, 'flags')])
  t.deepEqual(
    layers.map(({ heads }) => heads),
    [
      [2, 3, 4, 5, 6, 7],
      [0, 1, 2, 4, 5, 6, 7],
    ],
  )
})

test('every pattern can be asked for by options', async (t) => {
  const root = temporaryDirectory()
  const cases = [
    [
      '--pattern',
      'unstructured',
      '--fraction',
      '0.3',
      '--per',
      'row',
      '--layers',
      '1',
      '--slots',
      'query,ffnOut',
    ],
    ['--pattern', 'unstructured', '--score', 'random', '--seed', '7', '--fraction', '.5', '--update', 'none'],
    ['--pattern', '1:4', '--layers', '0'],
    ['--pattern', 'heads', '--remove', '3', '--minimum', '2'],
    ['--pattern', 'neurons', '--fraction', '0.25', '--per', 'global'],
    ['--pattern', 'neurons', '--remove', '10', '--form', 'removed'],
    ['--pattern', 'layers', '--list', '1'],
  ]
  for (const [at, words] of cases.entries()) {
    const { status, stdout, stderr } = await cli(['prune', bertBase, '--out', join(root, `${at}`), ...words])
    t.is(status, 0, `${words.join(' ')}: ${stderr}`)
    t.regex(stdout, /Kept \d+\.\d\d % of .*\n\nLoads in:\n- twofour/)
    await t.notThrowsAsync(Checkpoint.open(join(root, `${at}`)))
  }
})

test('heads are ranked by gradients or by a file, and what they were ranked by is said', async (t) => {
  const root = temporaryDirectory()
  const words = ['prune', bertBase, '--pattern', 'heads', '--remove', '5']
  const ids = join(root, 'ids.json')
  await writeFile(
    ids,
    JSON.stringify([
      [5, 7, 9, 11],
      [6, 8],
      [4, 3, 12],
    ]),
  )
  const asked = ['--score', 'gradient', '--rounds', '2', '--update', 'bias', '--calibration', ids]
  const { stdout } = await cli([...words, ...asked, '--out', join(root, 'report')])
  t.regex(
    stdout,
    /Calibrated on 3 examples of .*ids\.json, 9 tokens\.\nDerivatives are those of the model's own/,
  )
  const byGradient = await json<PlanSummary>([...words, ...asked, '--out', join(root, 'gradient')])

  const ranking = join(root, 'ranking.json')
  const rounds = byGradient.steps[0]!.scores!.flatMap(({ weights, units, rounds: went }) =>
    units.map((head, at) => [weights, head, went![at] === 0 ? 3 : went![at]]),
  )
  await writeFile(ranking, JSON.stringify({ heads: rounds }))
  const byFile = ['--score', 'ranking', '--ranking', ranking, '--out', join(root, 'file')]
  t.deepEqual((await json<PlanSummary>([...words, ...byFile])).layers, byGradient.layers)
})

test('a folder with files is refused before any work, and replaced with --overwrite', async (t) => {
  const out = temporaryDirectory()
  await writeFile(join(out, 'notes.txt'), 'mine')
  const words = ['prune', bertBase, '--out', out, '--pattern', '2:4']
  const { status, stderr } = await cli(words)
  t.is(status, 1)
  t.regex(stderr, /to be a new or empty folder, got one with files\. .* --overwrite/)
  t.deepEqual(await readdir(out), ['notes.txt'])
  await json([...words, '--overwrite'])
  t.true((await readdir(out)).includes('notes.txt'))
})

test('inspect of a file shows its tensors, and the checkpoint where there is one', async (t) => {
  const other = await json<Inspected>(['inspect', join(bertBase, 'golden.safetensors')])
  t.regex(other.notes[0]!, /It is no checkpoint that runs here: /)
  const alone = join(temporaryDirectory(), 'x.safetensors')
  await writeFile(alone, readFileSync(join(bertBase, 'golden.safetensors')))
  const table = await json<Inspected>(['inspect', alone])
  t.false('architecture' in table)
  t.regex(table.notes[0]!, /No config\.json/)
  t.true(table.tensors!.some(({ name, dtype }) => name === 'sequence_offsets' && dtype === 'I64'))
  t.regex((await cli(['inspect', alone])).stdout, /^sequence_offsets +I64 +\[\d+\]/m)

  const both = await json<Inspected>(['inspect', join(bertBase, 'model.safetensors')])
  t.is(both.architecture, 'bert')
  t.true(both.tensors!.length > 20)
})

test('inspect counts shared weights once, and estimates memory in the dtype asked for', async (t) => {
  const model = await makeCheckpoint({ family: 'albert', layers: 3, hidden: 32, heads: 4 })
  const single = await json<Inspected>(['inspect', model])
  t.is(single.layers.length, 3)
  t.is(single.matrices.filter(({ slot }) => slot.includes('query')).length, 1)
  t.is(single.memory.weights, single.parameters * 4)
  const half = await json<Inspected>(['inspect', model, '--dtype', 'float16'])
  t.is(half.memory.weights, single.memory.weights / 2)
  t.regex((await cli(['inspect', model])).stdout, /^0-2 +4 +48 /m)
})

test('eval gives the metric with its interval, and the difference to another model', async (t) => {
  const out = join(temporaryDirectory(), 'pruned')
  await json(['prune', demoModel, '--out', out, '--pattern', '2:4'])
  const words = [
    'eval',
    out,
    '--task',
    'similarity',
    '--data',
    demoPairs,
    '--limit',
    '60',
    '--resamples',
    '200',
  ]
  const alone = await json<Evaluated>(words)
  t.deepEqual(Object.keys(alone).slice(0, 6), [
    ...['task', 'metric', 'value', 'interval', 'intervalMethod', 'n'],
  ])
  t.like(alone, { task: 'similarity', metric: 'spearman', n: 60 })
  t.true(alone.interval[0] < alone.value && alone.value < alone.interval[1])

  const compared = await json<Evaluated>([...words, '--against', demoModel])
  const { against, ...first } = compared
  t.deepEqual(first, alone)
  t.true(Math.abs(against!.difference - (alone.value - against!.value)) < 1e-12)
  t.is(against!.test, 'jackknife_t')
  t.true(against!.p_value > 0 && against!.p_value <= 1)

  const same = await json<Evaluated>([...words.with(1, demoModel), '--against', demoModel])
  t.is(same.against!.difference, 0)
  const { stdout } = await cli([...words, '--against', demoModel])
  t.regex(stdout, /^spearman .*95 % interval.*\n.*^difference .*^p-value /ms)
})

test('eval reads columns by name or number', async (t) => {
  const data = join(temporaryDirectory(), 'pairs.tsv')
  await writeFile(data, 'a man runs\tx\ta man walks\t4\na dog\tx\ta cat\t2\nred\tx\tblue\t1\n')
  const words = ['eval', demoModel, '--task', 'similarity', '--data', data]
  t.like(await json([...words, '--columns', 'sentence1=0, sentence2=2,score=3']), { n: 3 })
  const missing = await cli(words)
  t.is(missing.status, 1)
  t.regex(missing.stderr, /Expected a column named `sentence1`/)
  for (const columns of ['sentence1', '=2', 'sentence1=']) {
    const { status, stderr } = await cli([...words, '--columns', columns])
    t.is(status, 2)
    t.regex(stderr, /Expected --columns to be pairs as sentence1=5/)
  }
})

const demoCalibration = join(demoModel, '..', 'calibration.tsv')

test('calibration data can be a labelled file, texts or token ids', async (t) => {
  const root = temporaryDirectory()
  const step = ['--pattern', '2:4', '--score', 'wanda', '--update', 'refit', '--layers', '0']
  const prune = (out: string, file: string, ...words: string[]) => {
    const slots = ['--slots', 'query,value', '--calibration', file, ...words]
    return cli(['prune', demoModel, '--out', join(root, out), ...step, ...slots])
  }
  const drawn = ['--task', 'similarity', '--calibration-limit', '12', '--calibration-seed', '3']
  const { status, stdout, stderr } = await prune('pairs', demoCalibration, ...drawn)
  t.is(status, 0, stderr)
  t.regex(
    stdout,
    /Calibrated on 12 examples of .*calibration\.tsv, \d+ tokens\.\n12 of \d+ examples were drawn/,
  )
  t.regex(stdout, /weights\s+query\s+key .*\n\s+0\s+0\.\d+ → 0\.\d+\s+0\.\d+ → 0\.\d+\n/)

  await writeFile(join(root, 'texts.txt'), 'A man plays.\n\nThe cat sat.\n')
  await writeFile(join(root, 'ids.json'), '[[2, 900, 13, 3], { "input_ids": [2, 7, 3] }]')
  for (const [name, examples, file] of [
    ['texts', 2, 'texts.txt'],
    ['ids', 2, 'ids.json'],
  ] as const) {
    const ran = await prune(name, join(root, file), '--json')
    t.is(ran.status, 0, ran.stderr)
    const { calibration, steps } = JSON.parse(ran.stdout)
    t.is(calibration.examples, examples)
    t.is(steps[0].calibration.tokens, calibration.tokens)
    const saved = JSON.parse(readFileSync(join(root, name, 'pruning.json'), 'utf8'))
    t.deepEqual(saved.steps, steps)
    await t.notThrowsAsync(Checkpoint.open(join(root, name)))
  }
})

test('a calibrated step that is stopped leaves nothing behind', async (t) => {
  const out = join(temporaryDirectory(), 'out')
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 100)
  const words = ['prune', demoModel, '--out', out, '--pattern', '2:4', '--score', 'sparsegpt']
  const { status, stdout } = await cli([...words, '--calibration', demoCalibration, '--task', 'similarity'], {
    signal: controller.signal,
  })
  t.not(status, 0)
  t.is(stdout, '')
  t.false(existsSync(out))
})

test('prune and eval refuse misuse in the words of the command line', async (t) => {
  const prune = ['prune', bertBase, '--out', join(temporaryDirectory(), 'out')]
  const ids = join(temporaryDirectory(), 'ids.json')
  await writeFile(ids, '[[2, 5, 3]]')
  const evaluate = ['eval', demoModel, '--data', demoPairs, '--task', 'similarity']
  const cases: [string[], number, RegExp][] = [
    [['prune', bertBase, '--pattern', '2:4'], 2, /Expected --out, got none/],
    [prune, 2, /Expected one of --recipe FILE, --pattern NAME and --apply PLAN, got none/],
    [[...prune, '--recipe', 'r', '--apply', 'p'], 2, /got --recipe and --apply/],
    [[...prune, '--recipe', 'r', '--fraction', '1'], 2, /--fraction is for a step by options/],
    [[...prune, '--pattern', '2:4', '--fraction', '0.5'], 2, /--fraction does not go with this pattern/],
    [
      [...prune, '--pattern', 'unstructured'],
      2,
      /Expected `--fraction` to be a number from 0 to 1, got none/,
    ],
    [[...prune, '--pattern', 'unstructured', '--fraction', '2'], 2, /Expected `--fraction` .* got 2/],
    [
      [...prune, '--pattern', 'unstructured', '--fraction', 'half'],
      2,
      /Expected `--fraction` to be a number/,
    ],
    [[...prune, '--pattern', '2:4', '--slots', 'qury'], 2, /`--slots\[0\]`.* Did you mean `query`\?/],
    [[...prune, '--pattern', 'haeds'], 2, /Unknown pattern 'haeds' in `--pattern`\. Did you mean `heads`\?/],
    [[...prune, '--pattern', '2:4', '--update', 'refitt'], 2, /`--update`.* Did you mean `refit`/],
    [
      [...prune, '--pattern', '2:4', '--update', 'refit'],
      2,
      /Step 1 .* update 'refit', and there is none\. Pass --calibration FILE\.\n/,
    ],
    [[...prune, '--pattern', '2:4', '--score', 'wanda'], 2, /Step 1 .* score 'wanda', and there is none/],
    [[...prune, '--pattern', 'layers', '--list', '1', '--update', 'bias'], 2, /--update does not go with/],
    [
      [...prune, '--pattern', 'heads', '--remove', '1', '--learning-rate', '1'],
      2,
      /--learning-rate does not go with/,
    ],
    [
      [...prune, '--pattern', 'heads', '--remove', '1', '--score', 'subset', '--learning-rate', '0'],
      2,
      /Expected `--learning-rate` to be a number above 0/,
    ],
    [[...prune, '--pattern', '2:4', '--calibration', ids], 2, /Expected --calibration to be absent/],
    [[...prune, '--pattern', '2:4', '--calibration-limit', '3'], 2, /is for --calibration FILE/],
    [[...prune, '--apply', 'p', '--calibration', ids], 2, /--calibration is for a recipe/],
    [[...prune, '--recipe', 'r', '--reverse'], 2, /--reverse is for a step by options/],
    [[...prune, '--pattern', '2:4', '--score', 'wanda', '--calibration', '/no/such.txt'], 1, /no\/such/],
    [
      [...prune, '--pattern', '2:4', '--score', 'ria', '--calibration', ids, '--task', 'similarty'],
      2,
      /Expected `--task` to be .* Did you mean `similarity`\?/,
    ],
    [[...prune, '--pattern', '2:4', '--form', 'zip'], 2, /Expected --form to be masked, removed or onnx/],
    [[...prune, '--pattern', '2:4', '--dtype', 'float16'], 2, /leave --dtype out/],
    [[...prune, '--recipe', '/no/such.json'], 1, /\/no\/such\.json/],
    [[...prune, '--apply', join(bertBase, 'golden.safetensors')], 1, /plan/i],
    [['eval', demoModel, '--task', 'similarity'], 2, /Expected --data, got none/],
    [['eval', demoModel, '--data', demoPairs], 2, /Expected --task, got none/],
    [[...evaluate.slice(0, 5), 'similarty'], 2, /Expected `--task` to be .* Did you mean `similarity`\?/],
    [[...evaluate, '--limit', 'x'], 2, /Expected --limit to be a whole number from 1, got 'x'/],
    [[...evaluate, '--format', 'xml'], 2, /`--format`/],
    [[...evaluate, '--against', '/no/such'], 1, /\/no\/such/],
  ]
  for (const [words, status, message] of cases) {
    const ran = await cli(words)
    t.is(ran.status, status, `${words.join(' ')}: ${ran.stderr}`)
    t.regex(ran.stderr, message)
    t.is(ran.stdout, '')
  }
  t.false(existsSync(prune[3]!))
})

test('a plan of another model is refused, and nothing is written', async (t) => {
  const root = temporaryDirectory()
  const plan = join(root, 'plan.safetensors')
  await json(['prune', bertBase, '--out', join(root, 'a'), '--pattern', '2:4', '--plan', plan])
  const other = ['prune', join(goldenRoot, 'bert-mlm'), '--out', join(root, 'b'), '--apply', plan]
  const { error } = await json<{ error: { code: string } }>(other, 1)
  t.is(error.code, 'PLAN_WRONG_BASE')
  t.deepEqual((await readdir(root)).sort(), ['a', 'plan.safetensors'])
})

test('a file that is no safetensors file is refused as an object on stdout', async (t) => {
  const file = join(temporaryDirectory(), 'bad.safetensors')
  const cases: [Uint8Array, string][] = [
    [Buffer.alloc(0), 'SAFETENSORS_HEADER_TOO_SMALL'],
    [Buffer.from('\xff\xff\xff\xff\xff\xff\xff\x7f{}', 'latin1'), 'SAFETENSORS_HEADER_TOO_LARGE'],
    [Buffer.from('\x08\0\0\0\0\0\0\0{"a":1,}', 'latin1'), 'SAFETENSORS_INVALID_HEADER_DESERIALIZATION'],
  ]
  for (const [bytes, code] of cases) {
    await writeFile(file, bytes)
    const { error } = await json<{ error: { code: string; message: string } }>(['inspect', file], 1)
    t.is(error.code, code)
    t.true(error.message.includes(file))
  }
})
