// Forward passes over shapes: dense, with zeros (2:4), and with half of the heads or neurons physically removed.
// Run: npm run bench -- encoder [--rounds 5] [--once]
import { Checkpoint, Encoder, prune } from 'twofour'
import { interleaved, once, print } from './measure.js'
import { makeModels } from './models.js'

const batches = once
  ? [[2, 16]]
  : [
      [1, 16],
      [8, 16],
      [32, 16],
      [1, 128],
      [8, 128],
      [1, 384],
    ]

const recipes = {
  'masked 2:4': { pattern: '2:4' },
  'half of the neurons': { pattern: 'neurons', fraction: 0.5 },
}

const results = []
for (const { name, directory } of await makeModels()) {
  const checkpoint = await Checkpoint.open(directory)
  const { layers, originalHeads, vocab } = checkpoint.spec
  const halfOfTheHeads = { score: 'headNorm', pattern: 'heads', remove: (layers.length * originalHeads) / 2 }
  const encoders = [{ name: 'dense', encoder: await Encoder.load(checkpoint) }]
  for (const [variant, step] of Object.entries({ ...recipes, 'half of the heads': halfOfTheHeads })) {
    const plan = await prune(checkpoint, { steps: [step] } as Parameters<typeof prune>[1])
    encoders.push({ name: variant, encoder: await Encoder.load(await plan.apply(checkpoint)) })
  }
  for (const [sequences, length] of batches) {
    const ids = Array.from({ length: sequences! }, (_, i) =>
      Array.from({ length: length! }, (_, j) => (i * 7919 + j * 104_729) % vocab),
    )
    const subjects = encoders.map(({ name: variant, encoder }) => ({
      name: variant,
      run: () => encoder.run(ids, { outputs: ['lastHiddenState'] }),
    }))
    const timings = await interleaved(subjects)
    results.push({
      model: name,
      sequences,
      length,
      timings: timings.map((timing) => ({
        ...timing,
        tokensPerSecond: (sequences! * length!) / timing.seconds,
      })),
    })
  }
  for (const { encoder } of encoders) encoder.dispose()
}
print(results)
