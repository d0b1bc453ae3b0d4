// Deciding by weights alone: reading, scoring and choosing over all linears of the model; 2:4 beside PyTorch where
// TWOFOUR_TEST_PYTHON names a Python that has it.
// Run: npm run bench -- prune [--models BERT-base] [--rounds 7] [--threads N] [--once]
import { Checkpoint, prune } from 'twofour'
import { interleaved, print } from './measure.js'
import { makeModels } from './models.js'
import { peerThreads } from './peers.js'
import { startPyTorch } from './pytorch.js'

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
  const own = steps.map((step) => ({
    name: JSON.stringify(step),
    run: () => prune(checkpoint, { steps: [step] } as Parameters<typeof prune>[1]),
  }))
  const pytorch = await startPyTorch(directory, peerThreads)
  const peer = 'run' in pytorch ? [{ name: 'PyTorch, 2:4', run: pytorch.run }] : []
  const timings = await interleaved([...own, ...peer])
  if ('run' in pytorch) pytorch.stop()
  results.push({ model: name, timings, missing: 'missing' in pytorch ? [pytorch.missing] : [] })
}
print(results)
