// Loading beside reading the same bytes, page cache warm.
// Run: npm run bench -- load [--rounds 5] [--once]
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Encoder } from 'twofour'
import { interleaved, print } from './measure.js'
import { makeModels } from './models.js'

const results = []
for (const { name, directory } of await makeModels()) {
  const timings = await interleaved([
    { name: 'read the file', run: () => readFile(join(directory, 'model.safetensors')) },
    { name: 'Encoder.load', run: async () => (await Encoder.load(directory)).dispose() },
  ])
  results.push({ model: name, timings })
}
print(results)
