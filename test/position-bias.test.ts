import { join } from 'node:path'
import test from 'ava'
import { Encoder, Safetensors } from 'twofour'
import { equalWithin } from './equal.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { randomNumbers } from './random-numbers.js'
import { onDevice } from './test-device.js'

type Rows = number[][]

/**
 * First distances of buckets 8 to 15 of a side of T5's 32 buckets with 128 as the longest distance: 8·16^(i/8),
 * rounded up. Nearer distances have a bucket each; keys after the query use the upper 16.
 */
const firstDistances = [8, 12, 16, 23, 32, 46, 64, 91]

function bucketOf(keyMinusQuery: number): number {
  const distance = Math.abs(keyMinusQuery)
  const far = firstDistances.filter((first) => distance >= first).length
  return (keyMinusQuery > 0 ? 16 : 0) + (far === 0 ? distance : 7 + far)
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
const add = (a: Rows, b: Rows) => a.map((row, i) => row.map((x, j) => x + b[i]![j]!))

/** A one-layer MPNet in plain formulas and doubles, for one sequence. */
async function formulas(directory: string, ids: readonly number[], heads: number): Promise<Rows> {
  const file = await Safetensors.open(join(directory, 'model.safetensors'))
  const table = async (name: string): Promise<Rows> => {
    const [rows = 0, columns = 1] = file.tensors.get(name)!.shape
    const values = [...new Float32Array((await file.read(name)).slice().buffer)]
    return Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns))
  }
  const linear = async (name: string, input: Rows) => {
    const [weight, bias] = [await table(`${name}.weight`), (await table(`${name}.bias`)).flat()]
    return input.map((x) => weight.map((w, i) => dot(w, x) + bias[i]!))
  }
  const normalised = async (name: string, input: Rows) => {
    const [gain, bias] = [(await table(`${name}.weight`)).flat(), (await table(`${name}.bias`)).flat()]
    return input.map((row) => {
      const mean = row.reduce((a, b) => a + b) / row.length
      const deviation = Math.sqrt(row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length + 1e-12)
      return row.map((x, i) => ((x - mean) / deviation) * gain[i]! + bias[i]!)
    })
  }

  const [word, position] = [
    await table('embeddings.word_embeddings.weight'),
    await table('embeddings.position_embeddings.weight'),
  ]
  const summed = ids.map((id, at) => word[id]!.map((x, i) => x + position[at + 2]![i]!))
  const hidden = await normalised('embeddings.LayerNorm', summed)

  const layer = 'encoder.layer.0'
  const bias = await table('encoder.relative_attention_bias.weight')
  const [query, key, value] = await Promise.all(
    ['q', 'k', 'v'].map((name) => linear(`${layer}.attention.attn.${name}`, hidden)),
  )
  const size = hidden[0]!.length / heads
  const context = query!.map((q, at) =>
    Array.from({ length: heads }, (_, head) => {
      const part = (row: number[]) => row.slice(head * size, (head + 1) * size)
      const scores = key!.map(
        (k, to) => dot(part(q), part(k)) / Math.sqrt(size) + bias[bucketOf(to - at)]![head]!,
      )
      const powers = scores.map((score) => Math.exp(score))
      const total = powers.reduce((a, b) => a + b)
      return part(q).map(
        (_x, i) =>
          dot(
            powers,
            value!.map((v) => part(v)[i]!),
          ) / total,
      )
    }).flat(),
  )
  const attended = add(await linear(`${layer}.attention.attn.o`, context), hidden)
  const middle = await normalised(`${layer}.attention.LayerNorm`, attended)
  const inner = (await linear(`${layer}.intermediate.dense`, middle)).map((row) =>
    row.map((x) => Math.max(x, 0)),
  )
  return normalised(`${layer}.output.LayerNorm`, add(await linear(`${layer}.output.dense`, inner), middle))
}

test('a position bias is looked up by bucket, near and far, on either side', async (t) => {
  const directory = await makeCheckpoint({
    ...{ family: 'mpnet', hidden: 6, heads: 2, inner: 3, layers: 1, positions: 200, pooler: false, seed: 11 },
    config: { hidden_act: 'relu', layer_norm_eps: 1e-12 },
  })
  const next = randomNumbers(3)
  // Without id 1: padding has no position of its own.
  const ids = Array.from({ length: 200 }, () => 2 + Math.floor(next() * 62))
  const reference = (await formulas(directory, ids, 2)).flat()
  for (const options of [onDevice, { device: 'plain' }]) {
    const encoder = await Encoder.load(directory, options)
    const { lastHiddenState } = await encoder.run([ids])
    equalWithin(t, lastHiddenState, reference, 1e-5, options.device!, [200, 6])
  }
})
