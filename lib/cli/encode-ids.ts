import { type Encoder, type OutputName, type RunOutputs, saveSafetensors, TwofourError } from '../index.js'
import { several } from './amounts.js'
import type { Invocation } from './command.js'
import { type IdSequence, readIds } from './ids-file.js'
import { withEncoder } from './with-encoder.js'

type Tensors = Parameters<typeof saveSafetensors>[1]
type Tensor = Tensors extends Iterable<infer T> ? T : never

/** Token ids in, all that the model computes out: one batch, in the form of a reference file. */
export async function encodeIds(model: string, file: string, invocation: Invocation): Promise<void> {
  const { options, output, signal } = invocation
  const out = options.required('out', 'Name the .safetensors file to write.')
  const sequences = await readIds(file, signal)

  const tensors = await withEncoder(model, invocation, async (encoder) => {
    const outputs = await run(encoder, file, sequences, invocation)
    return [...outputTensors(outputs), ...(outputs.hiddenStates ? inputTensors(sequences) : [])]
  })
  await saveSafetensors(out, tensors, { signal })
  const names = tensors.map(({ name }) => name)
  const tokens = sequences.reduce((sum, { inputIds }) => sum + inputIds.length, 0)
  await output.result(
    { out, sequences: sequences.length, tokens, tensors: names },
    () =>
      `${out}: ${several(sequences.length, 'sequence')}, ${several(tokens, 'token')}: ${names.join(', ')}`,
  )
}

async function run(
  encoder: Encoder,
  file: string,
  sequences: readonly IdSequence[],
  { options, signal }: Invocation,
): Promise<RunOutputs> {
  const { spec } = encoder
  const outputs: OutputName[] = ['lastHiddenState']
  if (spec.pooler) outputs.push('pooled')
  if (spec.head !== null) outputs.push('logits')
  if (options.flag('hidden-states')) outputs.push('hiddenStates')
  try {
    return await encoder.run(sequences, { outputs, signal })
  } catch (error) {
    // Ids come from the file here: what is wrong with them is wrong with the world.
    if (!(error instanceof RangeError)) throw error
    throw new TwofourError(
      'DATA_INVALID',
      `${file}: ${inFileWords(error.message)}`,
      { file },
      { cause: error },
    )
  }
}

function inFileWords(message: string): string {
  return message
    .replace(/sequences\[/g, '[')
    .replace(/\.inputIds/g, '.input_ids')
    .replace(/\binputIds\b/g, 'input_ids')
    .replace(/\.tokenTypeIds/g, '.token_type_ids')
}

function outputTensors({ dims, sequenceOffsets, ...outputs }: RunOutputs): Tensor[] {
  const { lastHiddenState, pooled, logits, hiddenStates } = outputs
  const tensors: Tensor[] = [
    floats('last_hidden_state', lastHiddenState!, dims.lastHiddenState!),
    wholes('sequence_offsets', sequenceOffsets),
  ]
  if (pooled) tensors.push(floats('pooler_output', pooled, dims.pooled!))
  if (logits) tensors.push(floats('logits', logits, dims.logits!))
  for (const [state, data] of (hiddenStates ?? []).entries()) {
    tensors.push(floats(`hidden_states.${state}`, data, dims.lastHiddenState!))
  }
  return tensors
}

function inputTensors(sequences: readonly IdSequence[]): Tensor[] {
  const types = sequences.map(({ inputIds, tokenTypeIds }) => tokenTypeIds ?? inputIds.map(() => 0))
  return [
    wholes(
      'input_ids',
      sequences.flatMap(({ inputIds }) => inputIds),
    ),
    wholes('token_type_ids', types.flat()),
  ]
}

function floats(name: string, data: Float32Array, shape: readonly number[]): Tensor {
  return { name, dtype: 'F32', shape: [...shape], data }
}

function wholes(name: string, values: ArrayLike<number>): Tensor {
  return { name, dtype: 'I64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }
}
