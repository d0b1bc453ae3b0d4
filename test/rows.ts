import type { EncoderSpec, OutputName, RunOutputs } from 'twofour'

const names = ['lastHiddenState', 'pooled', 'logits', 'hiddenStates'] as const satisfies OutputName[]

/** The rows of one sequence in each output of a batch, by output; hidden states by `hiddenStates.N`. */
export function rowsOf(outputs: RunOutputs, spec: EncoderSpec, sequence: number): Map<string, Float32Array> {
  const rows = new Map<string, Float32Array>()
  const { sequenceOffsets } = outputs
  const [begin, end] = [sequenceOffsets[sequence]!, sequenceOffsets[sequence + 1]!]
  for (const name of names) {
    const values = outputs[name]
    if (values === undefined) continue
    if (!(values instanceof Float32Array)) {
      for (const [i, state] of values.entries())
        rows.set(`${name}.${i}`, state.subarray(begin * spec.hidden, end * spec.hidden))
      continue
    }
    const byToken = name === 'lastHiddenState' || (name === 'logits' && spec.head?.input === 'tokens')
    const width = outputs.dims[name]!.at(-1)!
    const [first, last] = byToken ? [begin, end] : [sequence, sequence + 1]
    rows.set(name, values.subarray(first * width, last * width))
  }
  return rows
}
