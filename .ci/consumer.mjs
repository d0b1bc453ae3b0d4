// Programs as a user of the package would write them: each encodes ids with a model and writes the numbers.

const body = `
async function main({ Checkpoint, Encoder, TwofourError, devices }) {
  const [directory, ids, out] = process.argv.slice(2)
  if (!devices().some(({ kind, available }) => kind === 'cpu' && available)) throw new Error('no CPU device')
  const missing = await Checkpoint.open('nowhere').catch((error) => error)
  if (!(missing instanceof TwofourError)) throw new Error('expected a TwofourError')
  const encoder = await Encoder.load(directory)
  try {
    const sequences = JSON.parse(readFileSync(ids, 'utf8')).map(({ input_ids, token_type_ids }) =>
      token_type_ids ? { inputIds: input_ids, tokenTypeIds: token_type_ids } : input_ids)
    const { lastHiddenState } = await encoder.run(sequences, { outputs: ['lastHiddenState'] })
    writeFileSync(out, new Uint8Array(lastHiddenState.buffer, lastHiddenState.byteOffset, lastHiddenState.byteLength))
  } finally {
    encoder.dispose()
  }
}`

export const programs = {
  'esm.mjs': `import { readFileSync, writeFileSync } from 'node:fs'
import * as twofour from 'twofour'
${body}
main(twofour)
`,
  'require.cjs': `const { readFileSync, writeFileSync } = require('node:fs')
const twofour = require('twofour')
${body}
main(twofour)
`,
  'typed.mts': `import { Checkpoint, Encoder, Plan, prune, Safetensors, TwofourError, type Device, devices } from 'twofour'
const all: Device[] = devices()
const checkpoint: Checkpoint = await Checkpoint.open('model')
const plan: Plan = await prune(checkpoint, { steps: [{ score: 'magnitude', pattern: '2:4' }] })
const encoder: Encoder = await Encoder.load(await plan.apply(checkpoint), { device: 'cpu' })
const { lastHiddenState } = await encoder.run([[1, 2]])
const first: number | undefined = lastHiddenState?.[0]
// @ts-expect-error there is no such output
await encoder.run([[1, 2]], { outputs: ['everything'] })
console.log(all, first, Safetensors, TwofourError)
`,
  'typed.cts': `import { Encoder } from 'twofour'
export const load: (path: string) => Promise<Encoder> = (path) => Encoder.load(path)
`,
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      ...{ module: 'node20', target: 'es2023', strict: true, exactOptionalPropertyTypes: true },
      ...{ noEmit: true, skipLibCheck: false, types: ['node'] },
    },
    files: ['typed.mts', 'typed.cts'],
  }),
}

/** `last_hidden_state` of a stored reference, as numbers. */
export function storedNumbers(safetensors) {
  const length = Number(safetensors.readBigUInt64LE(0))
  const { last_hidden_state } = JSON.parse(safetensors.subarray(8, 8 + length).toString())
  const [begin, end] = last_hidden_state.data_offsets
  return new Float32Array(Uint8Array.from(safetensors.subarray(8 + length + begin, 8 + length + end)).buffer)
}
