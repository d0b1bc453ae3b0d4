import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { recipeFromFlags } from '../lib/pruning/flags.js'
import { normalizeRecipe, type Recipe, readRecipe } from '../lib/pruning/recipe.js'

const heads = [0, 1, 2, 3]
const base = {
  originalHeads: 4,
  layers: [0, 1, 2].map((weights) => ({ weights, heads: weights === 2 ? [1, 3] : heads, inner: 48 })),
}
const linears = ['query', 'key', 'value', 'attentionOutput', 'ffnIn', 'ffnOut']
const step = (value: object) => normalizeRecipe({ steps: [value] }, base).steps[0]

test('a recipe gets every default written out', (t) => {
  t.deepEqual(normalizeRecipe({ steps: [{ pattern: 'unstructured', fraction: 0.5 }] }, base), {
    steps: [
      {
        pattern: 'unstructured',
        score: 'magnitude',
        reverse: false,
        update: 'none',
        fraction: 0.5,
        per: 'matrix',
        slots: linears,
        layers: [0, 1, 2],
      },
    ],
    seed: 0,
  })
  t.deepEqual(step({ pattern: '2:4' }), {
    pattern: '2:4',
    score: 'magnitude',
    reverse: false,
    update: 'none',
    slots: linears,
    layers: [0, 1, 2],
  })
  t.deepEqual(step({ pattern: 'heads', remove: 2 }), {
    pattern: 'heads',
    score: 'headNorm',
    reverse: false,
    update: 'none',
    remove: 2,
    minimum: 0,
    layers: [0, 1, 2],
  })
  t.deepEqual(step({ pattern: 'neurons', fraction: 0.25 }), {
    pattern: 'neurons',
    score: 'magnitude',
    reverse: false,
    update: 'none',
    fraction: 0.25,
    per: 'layer',
    layers: [0, 1, 2],
  })
  t.deepEqual(step({ pattern: 'neurons', remove: 7, score: 'random' }), {
    pattern: 'neurons',
    score: 'random',
    reverse: false,
    update: 'none',
    remove: 7,
    layers: [0, 1, 2],
  })
})

test('scores and updates that read activations have defaults of their own', (t) => {
  const half = { pattern: 'unstructured', fraction: 0.5 }
  t.like(step({ ...half, score: 'wanda' }), { per: 'row', update: 'none', reverse: false })
  t.like(step({ ...half, score: 'ria', reverse: true }), { per: 'row', reverse: true })
  t.like(step({ ...half, score: 'lamp' }), { per: 'global' })
  t.like(step({ ...half, update: 'refit' }), { per: 'matrix', damping: 'auto', target: 'dense' })
  t.like(step({ pattern: '2:4', score: 'wanda', update: 'refit', damping: 0.1, target: 'own' }), {
    ...{ score: 'wanda', update: 'refit', damping: 0.1, target: 'own' },
  })
  const biased = step({ pattern: '2:4', update: 'bias' })
  t.like(biased, { update: 'bias', target: 'dense' })
  t.false('damping' in biased!)
  const obs = step({ ...half, score: 'sparsegpt' })
  t.like(obs, { per: 'matrix', damping: 'auto', target: 'dense' })
  t.false('update' in obs! || 'reverse' in obs!)
  const shared = { ...base, layers: [0, 0].map((weights) => ({ weights, heads, inner: 48 })) }
  const { steps } = normalizeRecipe({ steps: [{ pattern: '2:4', update: 'bias' }] }, shared)
  t.like(steps[0], { target: 'own' })
})

test('slots, layers and lists come out in order', (t) => {
  const named = { pattern: '1:4', slots: ['ffnOut', 'wordEmbeddings', 'key'], layers: [2, 0] }
  t.like(step(named), { slots: ['wordEmbeddings', 'key', 'ffnOut'], layers: [0, 2] })
  t.deepEqual(step({ pattern: 'heads', list: { '0': [2, 0], '2': [3] } }), {
    pattern: 'heads',
    list: { '0': [0, 2], '2': [3] },
  })
  t.deepEqual(step({ pattern: 'layers', list: [2, 1] }), { pattern: 'layers', list: [1, 2] })
})

test('a recipe with its defaults is its own normal form', (t) => {
  const steps = [
    { pattern: '4:8', layers: [1] },
    { pattern: 'unstructured', fraction: 0.1, per: 'global', score: 'random' },
    { pattern: 'heads', remove: 1, minimum: 1, score: 'magnitude' },
    { pattern: 'heads', list: { '1': [3] } },
    { pattern: 'neurons', fraction: 1, per: 'global' },
    { pattern: 'layers', list: [0] },
    { pattern: '2:4', score: 'sparsegpt', damping: 0.2 },
    { pattern: '2:4', score: 'obs', update: 'refit' },
    { pattern: '2:4', score: 'obs' },
    { pattern: '2:4', score: 'wanda', update: 'refit', target: 'own', reverse: true },
    { pattern: 'unstructured', fraction: 0.5, score: 'ria', update: 'bias' },
    { pattern: 'unstructured', fraction: 0.5, score: 'lamp', update: 'refit' },
  ]
  const once = normalizeRecipe({ steps, seed: 7 }, base)
  t.deepEqual(normalizeRecipe(JSON.parse(JSON.stringify(once)), base), once)
})

test('flags are one step of a recipe', (t) => {
  const cases: [Parameters<typeof recipeFromFlags>[0], Recipe][] = [
    [{ pattern: '2:4', slots: 'query, key' }, { steps: [{ pattern: '2:4', slots: ['query', 'key'] }] }],
    [
      { pattern: 'unstructured', fraction: '.5', per: 'row', score: 'random', seed: '3', layers: '0,2' },
      {
        steps: [{ pattern: 'unstructured', fraction: 0.5, per: 'row', score: 'random', layers: [0, 2] }],
        seed: 3,
      },
    ],
    [
      { pattern: 'heads', remove: '2', minimum: '1' },
      { steps: [{ pattern: 'heads', remove: 2, minimum: 1 }] },
    ],
    [
      { pattern: 'heads', list: '0:0,1,2;2:3,1' },
      { steps: [{ pattern: 'heads', list: { '0': [0, 1, 2], '2': [3, 1] } }] },
    ],
    [
      { pattern: '2:4', score: 'wanda', update: 'refit', damping: '.1', target: 'own', reverse: true },
      {
        steps: [
          { pattern: '2:4', score: 'wanda', update: 'refit', damping: 0.1, target: 'own', reverse: true },
        ],
      },
    ],
    [
      { pattern: '2:4', score: 'sparsegpt', damping: 'auto' },
      { steps: [{ pattern: '2:4', score: 'sparsegpt', damping: 'auto' }] },
    ],
    [{ pattern: 'layers', list: '1,2' }, { steps: [{ pattern: 'layers', list: [1, 2] }] }],
    [
      {
        ...{ pattern: 'heads', score: 'gradient', remove: '2', loss: 'pseudo', estimator: 'batch' },
        ...{ normalise: 'none', rounds: '2', batch: '8' },
      },
      {
        steps: [
          {
            ...{ pattern: 'heads', score: 'gradient', remove: 2, loss: 'pseudo', estimator: 'batch' },
            ...{ normalise: 'none', rounds: 2, batch: 8 },
          },
        ],
      },
    ],
    [
      {
        pattern: 'neurons',
        score: 'hardConcrete',
        remove: '2',
        steps: '9',
        learningRate: '.2',
        penalty: '0',
      },
      {
        steps: [
          { pattern: 'neurons', score: 'hardConcrete', remove: 2, steps: 9, learningRate: 0.2, penalty: 0 },
        ],
      },
    ],
    [
      { pattern: 'heads', score: 'ranking', remove: '2', ranking: 'order.json' },
      { steps: [{ pattern: 'heads', score: 'ranking', remove: 2, ranking: 'order.json' }] },
    ],
    [
      { pattern: 'heads', score: 'similarity', remove: '2', by: 'gradient' },
      { steps: [{ pattern: 'heads', score: 'similarity', remove: 2, by: 'gradient' }] },
    ],
  ]
  for (const [flags, recipe] of cases) {
    t.deepEqual(recipeFromFlags(flags), recipe)
    t.notThrows(() => normalizeRecipe(recipe, base))
  }
})

test('a recipe that is wrong is refused with its place and what fits', (t) => {
  const cases: [unknown, RegExp, (typeof TypeError | typeof RangeError)?][] = [
    [{ steps: [] }, /`recipe.steps`/],
    [{ step: [] }, /Unknown key `step` in `recipe`. Did you mean `steps`/],
    [{ steps: ['2:4'] }, /`recipe.steps\[0\]`/],
    [
      { steps: [{ pattern: 'head', remove: 1 }] },
      /Unknown pattern 'head' in `recipe.steps\[0\].pattern`. Did you mean `heads`/,
    ],
    [
      { steps: [{ pattern: '2:4' }, { pattern: '4:4' }] },
      /`recipe.steps\[1\].pattern` .* 1 ≤ N < M, got '4:4'/,
      RangeError,
    ],
    [{ steps: [{ pattern: '0:4' }] }, /1 ≤ N < M/, RangeError],
    [{ steps: [{ pattern: '2:4', fraction: 0.5 }] }, /Unknown key `fraction`/],
    [
      { steps: [{ pattern: 'unstructured' }] },
      /`recipe.steps\[0\].fraction` to be a number from 0 to 1, got undefined/,
    ],
    [{ steps: [{ pattern: 'unstructured', fraction: 1.5 }] }, /got 1.5/, RangeError],
    [{ steps: [{ pattern: 'unstructured', frction: 0.5 }] }, /`frction`.* Did you mean `fraction`/],
    [
      { steps: [{ pattern: 'unstructured', fraction: 0.5, score: 'headNorm' }] },
      /a score of weights, got 'headNorm'. For weights there are 'magnitude', 'random'/,
    ],
    [{ steps: [{ pattern: '2:4', score: 'Wanda' }] }, /Did you mean `wanda`/],
    [{ steps: [{ pattern: '2:4', update: 'refitt' }] }, /`recipe.steps\[0\].update`.*Did you mean `refit`/],
    [{ steps: [{ pattern: '2:4', score: 'sparsegpt', update: 'refit' }] }, /updates weights as it chooses/],
    [{ steps: [{ pattern: '2:4', score: 'sparsegpt', reverse: true }] }, /no fixed order/],
    [{ steps: [{ pattern: '2:4', score: 'obs', reverse: true }] }, /no fixed order/],
    [{ steps: [{ pattern: '2:4', score: 'lamp' }] }, /which compares matrices/],
    [{ steps: [{ pattern: 'unstructured', fraction: 0.5, score: 'lamp', per: 'row' }] }, /one of 'global'/],
    [
      { steps: [{ pattern: 'unstructured', fraction: 0.5, score: 'sparsegpt', per: 'row' }] },
      /one of 'matrix'/,
    ],
    [{ steps: [{ pattern: '2:4', damping: 0.1 }] }, /damping` to be absent.*nothing is updated/],
    [{ steps: [{ pattern: '2:4', score: 'wanda', target: 'own' }] }, /target` to be absent/],
    [{ steps: [{ pattern: '2:4', update: 'bias', damping: 0.1 }] }, /damping` to be absent/],
    [{ steps: [{ pattern: '2:4', update: 'refit', damping: -1 }] }, /from 0 to 100/, RangeError],
    [{ steps: [{ pattern: '2:4', update: 'refit', damping: 'much' }] }, /a number or 'auto'/],
    [{ steps: [{ pattern: '2:4', update: 'refit', target: 'sparse' }] }, /one of 'own', 'dense'/],
    [{ steps: [{ pattern: '2:4', reverse: 1 }] }, /true or false/],
    [
      { steps: [{ pattern: '2:4', score: 'wanda', slots: ['query', 'wordEmbeddings'] }] },
      /slots` to be of linears in a calibrated step, got 'wordEmbeddings'/,
    ],
    [{ steps: [{ pattern: 'heads', remove: 1, score: 'wanda' }] }, /a score of heads, got 'wanda'/],
    [{ steps: [{ pattern: 'heads', remove: 1, permute: true }] }, /Unknown key `permute`/],
    [{ steps: [{ pattern: 'layers', list: [1], update: 'bias' }] }, /Unknown key `update`/],
    [{ steps: [{ pattern: 'layers', list: [0], update: 'bias' }] }, /Unknown key `update`/],
    [{ steps: [{ pattern: 'heads', remove: 1, score: 'headnorm' }] }, /Did you mean `headNorm`/],
    [{ steps: [{ pattern: 'heads', remove: 0 }] }, /whole number from 1/, RangeError],
    [{ steps: [{ pattern: 'heads' }] }, /`recipe.steps\[0\].remove`/],
    [{ steps: [{ pattern: 'heads', list: {} }] }, /layers with their heads/],
    [{ steps: [{ pattern: 'heads', list: { '3': [0] } }] }, /layers from 0 to 2, got '3'/, RangeError],
    [{ steps: [{ pattern: 'heads', list: { '0': [4] } }] }, /`recipe.steps\[0\].list\[0\]\[0\]`/, RangeError],
    [{ steps: [{ pattern: 'heads', list: { '2': [0] } }] }, /heads that layer 2 has: 1, 3/, RangeError],
    [{ steps: [{ pattern: 'heads', list: { '0': [0] }, remove: 1 }] }, /Unknown key `remove`/],
    [{ steps: [{ pattern: 'neurons', remove: 3, per: 'layer' }] }, /Unknown key `per`/],
    [{ steps: [{ pattern: 'neurons', fraction: 0.5, per: 'matrix' }] }, /'layer', 'global'/],
    [{ steps: [{ pattern: 'layers', list: [3] }] }, /from 0 to 2/, RangeError],
    [{ steps: [{ pattern: 'layers', list: [1, 1] }] }, /each index once, got 1 twice/, RangeError],
    [{ steps: [{ pattern: '2:4', slots: ['pooler'] }] }, /`recipe.steps\[0\].slots\[0\]`/],
    [{ steps: [{ pattern: '2:4', layers: [] }] }, /at least one index/],
    [{ steps: [{ pattern: '2:4' }], seed: -1 }, /`recipe.seed`/, RangeError],
  ]
  for (const [recipe, message, type] of cases) {
    t.throws(() => normalizeRecipe(recipe, base), { message, instanceOf: type ?? TypeError }, String(message))
  }
})

test('flags that are not of their form are refused by their name', (t) => {
  t.throws(() => recipeFromFlags({}), { message: /--pattern/ })
  t.throws(() => recipeFromFlags({ pattern: 'unstructured', fraction: 'half' }), {
    message: /--fraction.*a number, got 'half'/,
  })
  t.throws(() => recipeFromFlags({ pattern: 'heads', list: '0;1' }), { message: /--list.*0:0,1,2;2:3,11/ })
  t.throws(() => recipeFromFlags({ pattern: 'layers', list: '4;5' }), { message: /--list.*4,5/ })
  t.throws(() => recipeFromFlags({ pattern: '2:4', layers: '0,,1' }), { message: /--layers/ })
})

test('a recipe file is read, and refused by file and place', async (t) => {
  const file = join(await mkdtemp(join(tmpdir(), 'twofour-recipe-')), 'recipe.json')
  await writeFile(file, JSON.stringify({ steps: [{ pattern: '2:4', layers: [1] }] }))
  t.like((await readRecipe(file, base)).steps[0], { pattern: '2:4', layers: [1] })

  await writeFile(
    file,
    JSON.stringify({ steps: [{ pattern: '2:4' }, { pattern: 'unstructured', fraction: 2 }] }),
  )
  const wrong = await t.throwsAsync(readRecipe(file, base), {
    code: 'RECIPE_INVALID',
    message: /steps\[1\].fraction/,
  })
  t.like(wrong, { facts: { file, place: 'recipe.steps[1].fraction' } })

  await writeFile(file, '{ steps: [] }')
  await t.throwsAsync(readRecipe(file, base), { code: 'RECIPE_INVALID', message: /to be JSON/ })
  await t.throwsAsync(readRecipe(`${file}.not`, base), { code: 'FILE_NOT_FOUND' })
})
