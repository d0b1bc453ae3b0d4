// Loading beside reading the same bytes, page cache warm; and the most memory that a process held while it loaded.
// Run: npm run bench -- load [--models BERT-base] [--rounds 7] [--once]
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Encoder } from 'twofour'
import { encoderSubject } from '../dist/bench/encoder-subject.js'
import { SubjectProcess } from '../dist/bench/subject-process.js'
import { interleaved, print, threads } from './measure.js'
import { makeModels } from './models.js'

/** A process of its own: this one has held more before. */
async function peakOf(directory: string) {
  const settings = {
    model: directory,
    recipe: null,
    load: { dtype: 'float32', sparsity: 'off', threads },
  } as const
  const { process, facts } = await SubjectProcess.start(encoderSubject('load', settings))
  await process.close()
  const { peakBytes, restBytes, memoryBytes } = facts
  // What Node itself takes was there before.
  const heldBytes = peakBytes - restBytes
  return { peakBytes, restBytes, packedBytes: memoryBytes, heldToPacked: heldBytes / memoryBytes! }
}

const results = []
for (const { name, directory } of await makeModels()) {
  const timings = await interleaved([
    { name: 'read the file', run: () => readFile(join(directory, 'model.safetensors')) },
    {
      name: 'Encoder.load',
      run: async () => (await Encoder.load(directory, { threads, sparsity: 'off' })).dispose(),
    },
  ])
  results.push({ model: name, timings, memory: await peakOf(directory) })
}
print(results)
