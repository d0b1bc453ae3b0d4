// Deciding by weights alone: reading, scoring and choosing over all linears of the model.
// Run: npm run bench -- prune [--rounds 5] [--once]
import { Checkpoint, prune } from 'twofour'
import { interleaved, print } from './measure.js'
import { makeModels } from './models.js'

const steps = [
  { pattern: '2:4' },
  { pattern: 'unstructured', fraction: 0.5, per: 'matrix' },
  { pattern: 'unstructured', fraction: 0.5, per: 'row' },
  { pattern: 'unstructured', fraction: 0.5, per: 'global' },
]

const results = []
for (const { name, directory } of await makeModels()) {
  const checkpoint = await Checkpoint.open(directory)
  // The base's hash is kept once it was computed, so that the rounds time the choice.
  await checkpoint.hash()
  const subjects = steps.map((step) => ({
    name: JSON.stringify(step),
    run: () => prune(checkpoint, { steps: [step] } as Parameters<typeof prune>[1]),
  }))
  results.push({ model: name, timings: await interleaved(subjects) })
}
print(results)
