import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { devices, Encoder, type EncoderOptions, type RunOutputs, Safetensors, type Sequence } from 'twofour'
import { equalExactly, equalWithin } from './equal.js'
import { isasHere, withIsa } from './isas.js'
import { rowsOf } from './rows.js'
import { cudaTest } from './test-device.js'

const root = join(import.meta.dirname, 'golden')
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

const goldenNames = {
  last_hidden_state: 'lastHiddenState',
  pooler_output: 'pooled',
  logits: 'logits',
} as const

function sequencesOf(folder: string): Sequence[] {
  const list: { input_ids: number[]; token_type_ids?: number[] }[] = JSON.parse(
    readFileSync(join(root, folder, 'ids.json'), 'utf8'),
  )
  return list.map(({ input_ids, token_type_ids }) => ({ inputIds: input_ids, tokenTypeIds: token_type_ids }))
}

async function goldenOf(folder: string): Promise<Map<string, { values: Float32Array; shape: number[] }>> {
  const file = await Safetensors.open(join(root, folder, 'golden.safetensors'))
  const golden = new Map()
  for (const [name, { dtype, shape }] of file.tensors) {
    if (dtype !== 'F32') continue
    const bytes = await file.read(name)
    golden.set(name, { values: new Float32Array(bytes.slice().buffer), shape })
  }
  return golden
}

/** Runs the folder on a device; `body` gets the outputs of all sequences in one batch. */
async function withModel(
  folder: string,
  options: EncoderOptions,
  body: (encoder: Encoder, sequences: Sequence[], outputs: RunOutputs) => Promise<void>,
): Promise<void> {
  const encoder = await Encoder.load(join(root, folder), options)
  try {
    const sequences = sequencesOf(folder)
    await body(encoder, sequences, await encoder.run(sequences))
  } finally {
    encoder.dispose()
  }
}

/** Compares every golden tensor. @returns the largest difference in units of (1 + max|reference|) */
async function compare(
  t: ExecutionContext,
  folder: string,
  outputs: RunOutputs,
  tolerance: number,
): Promise<number> {
  let worst = 0
  let compared = 0
  for (const [name, { values, shape }] of await goldenOf(folder)) {
    const output = goldenNames[name as keyof typeof goldenNames]
    t.deepEqual(outputs.dims[output], shape, `${folder}: dims of ${output}`)
    worst = Math.max(worst, equalWithin(t, outputs[output], values, tolerance, `${folder}: ${output}`, shape))
    compared++
  }
  t.true(compared >= 1, `${folder} has something to compare`)
  return worst
}

async function checkAll(t: ExecutionContext, options: EncoderOptions, tolerance: number): Promise<void> {
  let worst = 0
  for (const folder of folders) {
    await withModel(folder, options, async (_encoder, _sequences, outputs) => {
      worst = Math.max(worst, await compare(t, folder, outputs, tolerance))
    })
  }
  t.log(`${folders.length} models, worst ${worst.toExponential(1)} of ${tolerance}`)
}

for (const isa of isasHere()) {
  test.serial(`every golden model gives its reference's numbers on the CPU's ${isa} path`, async (t) => {
    await withIsa(isa, async () => {
      const cpu = devices().find(({ kind }) => kind === 'cpu')!
      t.is(cpu.isa, isa)
      await checkAll(t, { device: 'cpu' }, 2e-5)
    })
  })
}

test.serial('every golden model gives its numbers in the reference loops', async (t) => {
  await checkAll(t, { device: 'plain' }, 2e-5)
})

// Tiny random models take rounding worse than trained ones: their outputs are small beside what is rounded.
const tolerances = { bfloat16: 3e-2, int8: 8e-2, float8: 3e-1 } as const

for (const [dtype, tolerance] of Object.entries(tolerances) as ['int8', number][]) {
  for (const isa of isasHere()) {
    test.serial(`every golden model stays near its numbers in ${dtype} on the ${isa} path`, async (t) => {
      await withIsa(isa, () => checkAll(t, { device: 'cpu', dtype }, tolerance))
    })
  }
  test.serial(`every golden model stays near its numbers in ${dtype} in the reference loops`, async (t) => {
    await checkAll(t, { device: 'plain', dtype }, tolerance)
  })
}

const cudaTolerances = { float32: 1e-4, float16: 4e-3, bfloat16: 3e-2, int8: 8e-2, float8: 3e-1 } as const

for (const [dtype, tolerance] of Object.entries(cudaTolerances) as ['int8', number][]) {
  cudaTest(`every golden model gives its numbers in ${dtype} on cuda`, async (t) => {
    await checkAll(t, { device: 'cuda', dtype }, tolerance)
  })
}

for (const isa of isasHere()) {
  test.serial(`a row in a batch equals that row alone, bit for bit (${isa})`, async (t) => {
    await withIsa(isa, async () => {
      for (const folder of folders) {
        await withModel(folder, { device: 'cpu' }, async (encoder, sequences, outputs) => {
          for (const [i, sequence] of sequences.entries()) {
            const alone = rowsOf(await encoder.run([sequence]), encoder.spec, 0)
            for (const [name, row] of rowsOf(outputs, encoder.spec, i))
              equalExactly(t, alone.get(name), row, `${folder}: ${name} of sequence ${i}`)
          }
        })
      }
    })
  })
}

test.serial('permuting sequences permutes results', async (t) => {
  for (const folder of folders) {
    await withModel(folder, { device: 'cpu' }, async (encoder, sequences, outputs) => {
      const order = [...sequences.keys()].map((i) => (i * 3 + 2) % sequences.length)
      t.is(new Set(order).size, sequences.length)
      const shuffled = await encoder.run(order.map((i) => sequences[i]!))
      for (const [place, i] of order.entries()) {
        const there = rowsOf(shuffled, encoder.spec, place)
        for (const [name, row] of rowsOf(outputs, encoder.spec, i))
          equalExactly(t, there.get(name), row, `${folder}: ${name} of sequence ${i}`)
      }
    })
  }
})

test.serial('a path that this machine lacks is refused by name, with those it has', async (t) => {
  await withIsa('sse9', async () => {
    await t.throwsAsync(() => Encoder.load(join(root, 'bert-base'), { device: 'cpu' }), {
      name: 'TwofourError',
      code: 'DEVICE_UNAVAILABLE',
      message: /TWOFOUR_ISA.*portable.*sse9/,
    })
  })
})
