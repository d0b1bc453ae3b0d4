import { access, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { Safetensors } from '../lib/checkpoint/safetensors.js'
import type { TensorArray } from '../lib/checkpoint/safetensors-write.js'
import { saveCheckpoint } from '../lib/checkpoint/save.js'
import { prune } from '../lib/pruning/prune.js'
import type { RecipeStep } from '../lib/pruning/recipe.js'
import { addTensors, bytesOf, editConfig, intoHubCache, renameTensors, tensorOf } from './edit-checkpoint.js'
import { type MakeOptions, madeFamilies, makeCheckpoint } from './make-checkpoint.js'
import { difference, newDirectory, outputsOf, pruned, savedAndOpened, sequences } from './pruned-weights.js'
import { python, pythonV4, runPython } from './python.js'
import { temporaryDirectory } from './temporary-directory.js'

const unevenSteps: RecipeStep[] = [
  { pattern: 'heads', list: { '0': [0, 2], '2': [1] } },
  { pattern: 'neurons', remove: 13 },
  { pattern: '2:4' },
  { pattern: 'layers', list: [1] },
]
const evenSteps: RecipeStep[] = [
  { pattern: 'neurons', fraction: 0.25 },
  { pattern: 'unstructured', fraction: 0.4 },
]
const headSteps: RecipeStep[] = [{ pattern: 'heads', list: { '0': [1], '1': [0, 3] } }]

async function make(options: MakeOptions, steps: readonly RecipeStep[]): Promise<Checkpoint> {
  return pruned(await Checkpoint.open(await makeCheckpoint(options)), steps)
}

async function json(directory: string, name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(directory, name), 'utf8'))
}

test('both forms open again and give the same numbers, in every family', async (t) => {
  for (const family of madeFamilies) {
    const checkpoint = await make({ family, layers: 3, groups: 3, head: 'ForMaskedLM' }, unevenSteps)
    const wanted = await outputsOf(checkpoint)
    for (const form of ['masked', 'removed'] as const) {
      const again = await savedAndOpened(checkpoint, form)
      const worst = difference(await outputsOf(again), wanted)
      t.true(worst < 1e-5, `${family} ${form}: ${worst}`)
      if (form === 'masked') continue
      t.deepEqual(
        again.spec.layers.map(({ heads, inner }) => ({ heads, inner })),
        checkpoint.spec.layers.map(({ heads, inner }) => ({ heads, inner })),
      )
    }
  }
})

test('what is stored keeps its dtype, its names and its ties', async (t) => {
  const checkpoint = await make({ dtype: 'BF16', legacy: true, head: 'ForMaskedLM', shards: 3 }, [
    { pattern: '2:4' },
  ])
  const again = await savedAndOpened(checkpoint, 'masked')
  const file = await Safetensors.open(join(again.directory, 'model.safetensors'))
  t.deepEqual(
    [...file.tensors.keys()].sort(),
    [...new Set([...checkpoint.slots.values()].map(({ name }) => name))].sort(),
  )
  t.true([...file.tensors.values()].every(({ dtype }) => dtype === 'BF16'))
  t.is(file.metadata.get('format'), 'pt')
  t.deepEqual(await outputsOf(again), await outputsOf(checkpoint))
})

test('a checkpoint without a decision is saved as it is', async (t) => {
  const checkpoint = await Checkpoint.open(await makeCheckpoint({ dtype: 'F16' }))
  for (const form of ['masked', 'removed'] as const) {
    const again = await savedAndOpened(checkpoint, form)
    t.is(await again.hash(), await checkpoint.hash())
    t.deepEqual(again.config, checkpoint.config)
  }
})

test('nothing is left of heads and neurons that were removed, down to none', async (t) => {
  const checkpoint = await make({}, [
    { pattern: 'heads', list: { '0': [0, 1, 2, 3] } },
    { pattern: 'neurons', fraction: 1, layers: [0, 1] },
  ])
  const again = await savedAndOpened(checkpoint, 'removed')
  t.deepEqual(again.slots.get('layers.0.query.weight')!.shape, [0, 32])
  t.deepEqual(again.slots.get('layers.0.attentionOutput.weight')!.shape, [32, 0])
  t.deepEqual(again.slots.get('layers.1.ffnIn.bias')!.shape, [0])
  t.deepEqual(await outputsOf(again), await outputsOf(checkpoint))
})

test('a removed checkpoint can be pruned and saved again', async (t) => {
  const once = await savedAndOpened(await make({ layers: 4 }, unevenSteps), 'removed')
  const twice = await pruned(once, [
    { pattern: 'heads', remove: 2 },
    { pattern: 'neurons', remove: 9 },
    { pattern: 'layers', list: [0] },
  ])
  for (const form of ['masked', 'removed'] as const) {
    const again = await savedAndOpened(twice, form)
    t.true(difference(await outputsOf(again), await outputsOf(twice)) < 1e-5, form)
  }
})

test("config.json says in the family's own words what they can say", async (t) => {
  const layers = await savedAndOpened(
    await make({ layers: 4 }, [{ pattern: 'layers', list: [0, 2] }]),
    'masked',
  )
  t.like(layers.config, { num_hidden_layers: 2 })
  const even = await savedAndOpened(await make({ family: 'distilbert' }, evenSteps), 'removed')
  t.like(even.config, { hidden_dim: 36, n_layers: 2 })
  t.like(even.config.twofour, { version: 1, headSize: 8 })

  const heads = await savedAndOpened(
    await make({ layers: 3 }, [...headSteps, { pattern: 'layers', list: [0] }]),
    'removed',
  )
  t.deepEqual(heads.config.pruned_heads, { '0': [0, 3] })
  // Without our own key, transformers' fields say the same.
  const { twofour, ...plain } = heads.config
  t.truthy(twofour)
  await writeFile(join(heads.directory, 'config.json'), JSON.stringify(plain))
  t.deepEqual((await Checkpoint.open(heads.directory)).spec, heads.spec)
})

test('who can load the result is said in the result and in pruning.json', async (t) => {
  const cases: [MakeOptions, RecipeStep[], 'masked' | 'removed', RegExp][] = [
    [{}, unevenSteps.slice(1, 3), 'masked', /^twofour, transformers 5, transformers 4$/],
    [{}, evenSteps, 'removed', /^twofour, transformers 5, transformers 4$/],
    [{ layers: 3 }, unevenSteps.slice(1), 'removed', /^twofour only: .*different numbers of neurons/],
    [{}, headSteps, 'removed', /^twofour, transformers 4, through `pruned_heads`; transformers 5 cannot/],
    [{ family: 'mpnet' }, headSteps, 'removed', /^twofour only: .*position bias/],
    [{}, [{ pattern: 'heads', remove: 8 }], 'removed', /^twofour only: .*no heads/],
    [{}, [{ pattern: 'neurons', fraction: 1 }], 'removed', /^twofour only: .*no neurons/],
    [
      { family: 'albert', layers: 4, groups: 2 },
      [{ pattern: 'layers', list: [0] }],
      'masked',
      /^twofour only: .*order/,
    ],
    [
      { family: 'albert', layers: 4 },
      [{ pattern: 'layers', list: [0] }],
      'masked',
      /^twofour, transformers 5/,
    ],
  ]
  for (const [options, steps, form, wanted] of cases) {
    const checkpoint = await make(
      { ...options },
      steps.map((step) => step),
    )
    const directory = await newDirectory()
    const { loadsIn } = await saveCheckpoint(checkpoint, directory, { form })
    t.regex(loadsIn.join(', '), wanted)
    t.deepEqual((await json(directory, 'pruning.json')).loadsIn, loadsIn)
    t.true(difference(await outputsOf(await Checkpoint.open(directory)), await outputsOf(checkpoint)) < 1e-5)
  }
})

test('pruning.json says what was done, to what, and what is left', async (t) => {
  const base = await Checkpoint.open(await makeCheckpoint({ head: 'ForPreTraining' }))
  const plan = await prune(base, { steps: evenSteps, seed: 9 })
  const directory = await newDirectory()
  await saveCheckpoint(await plan.apply(base), directory, { form: 'removed', pruning: { command: 'prune' } })
  const { slots, layers, prunable, all, steps } = plan.summary()
  const { hash, name } = plan.summary().base
  const pruning = await json(directory, 'pruning.json')
  t.like(pruning, { version: 1, form: 'removed', command: 'prune', seed: 9, earlier: [] })
  t.like(pruning, {
    base: { hash, name, architecture: 'bert' },
    recipe: plan.recipe,
    slots,
    layers,
    prunable,
    all,
    steps,
  })
  t.deepEqual(pruning.notSaved, base.ignored)
})

test('tokenizer and sentence-transformers files come along unchanged, and nothing else', async (t) => {
  const source = await makeCheckpoint()
  await mkdir(join(source, '1_Pooling'))
  const texts = {
    'tokenizer.json': '{"a": 1}',
    'vocab.txt': '[PAD]\n',
    'modules.json': '[]',
    '1_Pooling/config.json': '{ }',
  }
  for (const [name, text] of Object.entries(texts)) await writeFile(join(source, name), text)
  await writeFile(join(source, 'README.md'), '# not ours')
  await symlink(join(source, 'vocab.txt'), join(source, 'merges.txt'))

  const directory = await newDirectory()
  const checkpoint = await pruned(await Checkpoint.open(source), evenSteps)
  const { files } = await saveCheckpoint(checkpoint, directory)
  for (const [name, text] of Object.entries(texts)) t.is(await readFile(join(directory, name), 'utf8'), text)
  t.is(await readFile(join(directory, 'merges.txt'), 'utf8'), '[PAD]\n')
  const written = await readdir(directory, { recursive: true })
  t.deepEqual(written.filter((name) => name !== '1_Pooling').sort(), [...files])
  t.false(written.includes('README.md'))
})

test('companions of a snapshot in a hub cache are copied as files', async (t) => {
  const source = await makeCheckpoint()
  await mkdir(join(source, '1_Pooling'))
  await writeFile(join(source, 'vocab.txt'), '[PAD]\n')
  await writeFile(join(source, '1_Pooling', 'config.json'), '{}')
  const { snapshot } = await intoHubCache(source)
  const directory = await newDirectory()
  const { files } = await (await Checkpoint.open(snapshot)).save(directory)
  t.true(files.includes('vocab.txt') && files.includes('1_Pooling/config.json'))
  for (const name of ['vocab.txt', '1_Pooling/config.json', 'model.safetensors']) {
    t.true((await lstat(join(directory, name))).isFile(), name)
  }
})

for (const name of ['vocab.txt', '1_Pooling/config.json', '1_Pooling']) {
  test(`a companion ${name} that is a link out of the model's folder is refused, and nothing is saved`, async (t) => {
    const source = await makeCheckpoint()
    const outside = newOutside()
    await writeFile(join(outside, 'secret'), 'secret')
    await mkdir(dirname(join(source, name)), { recursive: true })
    await symlink(name === '1_Pooling' ? outside : join(outside, 'secret'), join(source, name))
    const directory = await newDirectory()
    const saved = (await Checkpoint.open(source)).save(directory)
    await t.throwsAsync(saved, { code: 'CHECKPOINT_PATH_ESCAPE', message: /a link to .*Put the file itself/ })
    t.deepEqual(await readdir(directory), [])
  })
}

test('a companion whose blob is missing is refused as an incomplete download', async (t) => {
  const source = await makeCheckpoint()
  await symlink('../../blobs/abc', join(source, 'tokenizer.json'))
  const saved = (await Checkpoint.open(source)).save(await newDirectory())
  await t.throwsAsync(saved, {
    code: 'FILE_NOT_FOUND',
    message: /blobs\/abc, which is missing\. The download is incomplete/,
  })
})

test('a head that was not opened is kept, and opens from the saved checkpoint', async (t) => {
  const source = await makeCheckpoint({ head: 'ForSequenceClassification', layers: 3 })
  const full = await Checkpoint.open(source)
  for (const form of ['masked', 'removed'] as const) {
    const directory = await newDirectory()
    const alone = await pruned(await Checkpoint.open(source, { head: 'none' }), [
      { pattern: 'layers', list: [1] },
    ])
    await alone.save(directory, { form })
    const again = await Checkpoint.open(directory)
    t.deepEqual(again.config.architectures, ['BertForSequenceClassification'])
    t.deepEqual(again.spec.head, full.spec.head)
    t.deepEqual((await json(directory, 'pruning.json')).notSaved, [])
    for (const name of ['classifier.weight', 'classifier.bias']) {
      const [old, now] = await Promise.all([source, directory].map((each) => tensorOf(each, name)))
      t.deepEqual(now, old)
    }
  }
})

test('tensors of any dtype that nothing reads are kept byte for byte; layers beyond the config are not', async (t) => {
  const source = await makeCheckpoint({ layers: 2, config: { architectures: ['MyBertForFooBar'] } })
  const extras: TensorArray[] = [
    { name: 'embeddings.position_ids', dtype: 'I64', shape: [1, 3], data: BigInt64Array.of(0n, 1n, 2n) },
    { name: 'gate', dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
    { name: 'span.odd', dtype: 'F16', shape: [0, 3], data: new Uint16Array(0) },
  ]
  await addTensors(source, extras)
  await editConfig(source, { num_hidden_layers: 1 })
  const directory = await newDirectory()
  const checkpoint = await Checkpoint.open(source)
  await checkpoint.save(directory)
  for (const { name, data } of extras) t.deepEqual(await tensorOf(directory, name), bytesOf(data))
  const { notSaved } = await json(directory, 'pruning.json')
  t.is((notSaved as string[]).length, 16)
  t.true((notSaved as string[]).every((name) => name.startsWith('encoder.layer.1.')))
  t.deepEqual((await json(directory, 'config.json')).architectures, ['MyBertForFooBar'])
})

test('an ONNX graph holds no head that was not opened, and its config.json promises none', async (t) => {
  const source = await makeCheckpoint({ head: 'ForSequenceClassification' })
  const directory = await newDirectory()
  await (await Checkpoint.open(source, { head: 'none' })).save(directory, { form: 'onnx' })
  t.deepEqual((await json(directory, 'config.json')).architectures, ['BertModel'])
  t.deepEqual((await json(directory, 'pruning.json')).notSaved, ['classifier.bias', 'classifier.weight'])
})

test("a saved checkpoint has the family's own names where a wrapper's stood before them", async (t) => {
  const source = await makeCheckpoint({ head: 'ForTokenClassification', prefix: 'bert.' })
  await renameTensors(source, (name) => `module.${name}`)
  const directory = await newDirectory()
  const wrapped = await Checkpoint.open(source)
  await wrapped.save(directory)
  const names = [...(await Safetensors.open(join(directory, 'model.safetensors'))).tensors.keys()]
  t.true(names.every((name) => name.startsWith('bert.') || name.startsWith('classifier.')))
  t.deepEqual(await outputsOf(await Checkpoint.open(directory)), await outputsOf(wrapped))
})

test('fewer layers are said in the spelling that wins', async (t) => {
  const source = await makeCheckpoint({ family: 'distilbert', layers: 3, config: { num_hidden_layers: 3 } })
  const checkpoint = await pruned(await Checkpoint.open(source), [{ pattern: 'layers', list: [1] }])
  const again = await savedAndOpened(checkpoint, 'masked')
  t.like(again.config, { num_hidden_layers: 2, n_layers: 2 })
})

test('a directory with files is kept unless overwriting is asked for', async (t) => {
  const checkpoint = await make({}, evenSteps)
  const directory = await makeCheckpoint({ shards: 2, seed: 3 })
  await t.throwsAsync(checkpoint.save(directory), { code: 'FILE_UNWRITABLE' })
  t.true((await readdir(directory)).includes('model-1-of-2.safetensors'))
  await checkpoint.save(directory, { overwrite: true })
  t.deepEqual((await readdir(directory)).sort(), ['config.json', 'model.safetensors', 'pruning.json'])
  t.true(difference(await outputsOf(await Checkpoint.open(directory)), await outputsOf(checkpoint)) < 1e-5)
})

test('a save that is stopped leaves nothing', async (t) => {
  const checkpoint = await make({}, evenSteps)
  const directory = join(await newDirectory(), 'out')
  const stop = new AbortController()
  const promise = saveCheckpoint(checkpoint, directory, { signal: stop.signal })
  stop.abort(new Error('enough'))
  await t.throwsAsync(promise, { message: 'enough' })
  await t.throwsAsync(access(directory))
  t.deepEqual(await readdir(join(directory, '..')), [])
})

test('what cannot be saved is refused with what can', async (t) => {
  const checkpoint = await make({}, evenSteps)
  const directory = await newDirectory()
  await t.throwsAsync(checkpoint.save(directory, { form: 'remove' } as never), {
    instanceOf: TypeError,
    message: /Did you mean `removed`/,
  })
  await t.throwsAsync(checkpoint.save(directory, { from: 'masked' } as never), {
    message: /Did you mean `form`/,
  })
  t.deepEqual(await readdir(directory), [])
})

function newOutside(): string {
  return temporaryDirectory('outside')
}

const script = `
import json, sys, torch, transformers
transformers.logging.set_verbosity_error()
out = []
for path in sys.argv[2:]:
    config = transformers.AutoConfig.from_pretrained(path)
    kind = getattr(transformers, config.architectures[0])
    model, info = kind.from_pretrained(path, output_loading_info=True, dtype=torch.float32)
    assert not info["missing_keys"] and not info["unexpected_keys"], (path, info)
    model.eval()
    with torch.no_grad():
        for ids in json.loads(sys.argv[1]):
            got = model(torch.tensor([ids]), output_hidden_states=True)
            out.append(got.hidden_states[-1].flatten().tolist())
print(json.dumps(out))
`

const saved: [MakeOptions, RecipeStep[], 'masked' | 'removed'][] = [
  [{ layers: 3 }, unevenSteps, 'masked'],
  [{ family: 'roberta', head: 'ForMaskedLM', pooler: false }, [...headSteps, ...evenSteps], 'masked'],
  [{ family: 'mpnet' }, headSteps, 'masked'],
  [{}, evenSteps, 'removed'],
  [{ family: 'distilbert', head: 'ForSequenceClassification' }, evenSteps, 'removed'],
  [{ family: 'albert', layers: 4 }, [...evenSteps, { pattern: 'layers', list: [2] }], 'removed'],
]
const savedWithHeads: typeof saved = [
  [{}, headSteps, 'removed'],
  [{ layers: 3 }, [...headSteps, ...evenSteps, { pattern: 'layers', list: [0] }], 'removed'],
  [{ family: 'roberta', head: 'ForMaskedLM', pooler: false }, headSteps, 'removed'],
  [{ family: 'distilbert', head: 'ForSequenceClassification' }, headSteps, 'removed'],
  [{ family: 'electra' }, headSteps, 'removed'],
  [{ family: 'albert', layers: 2, groups: 2 }, headSteps, 'removed'],
]

for (const [version, interpreter, cases] of [
  [5, python, saved],
  [4, pythonV4, [...saved, ...savedWithHeads]],
] as const) {
  const withPython = interpreter === undefined ? test.skip : test
  withPython(`what is said to load in transformers ${version} does, with equal outputs`, async (t) => {
    const made = await Promise.all(
      cases.map(async ([options, steps, form]) => {
        const checkpoint = await make(options, steps)
        const directory = await newDirectory()
        const { loadsIn } = await saveCheckpoint(checkpoint, directory, { form })
        t.regex(loadsIn.join(), new RegExp(`transformers ${version}`))
        return { checkpoint, directory, what: `${options.family ?? 'bert'} ${form}` }
      }),
    )
    const args = [JSON.stringify(sequences), ...made.map(({ directory }) => directory)]
    const theirs = JSON.parse(await runPython(interpreter!, script, args)) as number[][]
    for (const [at, { checkpoint, what }] of made.entries()) {
      const part = theirs.slice(at * sequences.length, (at + 1) * sequences.length).flat()
      const ours = (await outputsOf(checkpoint)).subarray(0, part.length)
      const worst = difference(ours, Float32Array.from(part))
      t.true(worst < 1e-5, `${what}: ${worst}`)
    }
  })
}
