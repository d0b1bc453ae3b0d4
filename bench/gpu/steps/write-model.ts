import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { saveSafetensors } from 'twofour'
import { familyOf } from '../../../lib/architecture/families.js'
import { tensorNames } from '../../../lib/architecture/names.js'
import { weightShapes } from '../../../lib/architecture/shapes.js'
import { Config } from '../../../lib/checkpoint/config.js'
import { chooseHead } from '../../../lib/checkpoint/read-head.js'
import { readLayers, readSizes } from '../../../lib/checkpoint/read-layers.js'
import { readSpec } from '../../../lib/checkpoint/read-spec.js'
import { makeConfig } from '../../../test/make-checkpoint.js'
import { randomNumbers } from '../../../test/random-numbers.js'
import type { ModelShape } from '../scale.js'

/** Different random numbers; no multiple of a row's length, so that rows that repeat them begin elsewhere. */
const blockSize = 2 ** 22 - 3

/** BERT with seeded bfloat16 weights, in seconds where numbers of their own for each weight would take minutes. */
export async function writeModel(directory: string, shape: ModelShape): Promise<void> {
  await mkdir(directory, { recursive: true })
  const fields = makeConfig(shape)
  await writeFile(join(directory, 'config.json'), JSON.stringify(fields, null, 2))
  const family = familyOf('bert')!
  const config = new Config('config.json', { ...fields })
  const { table: head } = chooseHead(family, config, 'auto')
  const sizes = readSizes(family, config)
  const present = { pooler: true, headRows: undefined }
  const spec = readSpec(family, config, sizes, readLayers(family, config, sizes), head, present)
  const naming = { family, prefixes: [''], head, tied: false, innerGroups: sizes.innerGroups }

  const next = randomNumbers(24)
  const block = Uint16Array.from({ length: blockSize }, () => bfloat16((next() - 0.5) * 0.3))
  let at = 0
  const tensors = [...weightShapes(spec)].map(([slot, dims]) => {
    const data = new Uint16Array(dims.reduce((product, size) => product * size, 1))
    if (/Norm\.weight$/.test(slot)) data.fill(bfloat16(1))
    else
      for (let done = 0; done < data.length; ) {
        const part = block.subarray(at, at + data.length - done)
        data.set(part, done)
        done += part.length
        at = (at + part.length) % blockSize
      }
    return { name: tensorNames(slot, naming)[0]!, dtype: 'BF16' as const, shape: dims, data }
  })
  await saveSafetensors(join(directory, 'model.safetensors'), tensors)
}

/** Its upper bits, cut: good enough for what is random anyway. */
function bfloat16(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16
}
