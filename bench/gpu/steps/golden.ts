import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Checkpoint, Encoder, prune, type RunOutputs, Safetensors, type Sequence } from 'twofour'
import { apart, relative, Tally } from '../compare.js'
import type { Row, StepSettings } from '../results.js'
import type { Dtype } from '../scale.js'

const names = { last_hidden_state: 'lastHiddenState', pooler_output: 'pooled', logits: 'logits' } as const

/** Of 1 + max|reference|. Tiny random models take rounding worse than trained ones. */
const tolerances: Readonly<Record<Dtype, number>> = {
  float32: 1e-4,
  float16: 4e-3,
  bfloat16: 3e-2,
  int8: 8e-2,
  float8: 3e-1,
}

/** Every golden model in every dtype against its stored reference; 2:4 against the reference loops on the CPU. */
export async function golden({ golden: root }: StepSettings, emit: (row: Row) => void): Promise<void> {
  const tally = new Tally()
  for (const folder of readdirSync(root, { withFileTypes: true }).filter((each) => each.isDirectory())) {
    const directory = join(root, folder.name)
    const checkpoint = await Checkpoint.open(directory)
    const plan = await prune(checkpoint, { steps: [{ score: 'magnitude', pattern: '2:4' }] })
    const pruned = await plan.apply(checkpoint)
    const sequences = sequencesOf(directory)
    const wanted = { dense: await stored(directory), sparse: await reference(pruned, sequences) }
    for (const dtype of Object.keys(tolerances) as Dtype[])
      for (const form of ['dense', 'sparse'] as const) {
        if (form === 'sparse' && dtype === 'float32') continue
        const source = form === 'dense' ? checkpoint : pruned
        const outputs = await run(source, sequences, dtype, form === 'dense' ? 'off' : 'require')
        const worst = Math.max(
          ...[...wanted[form]].map(([name, values]) => relative(apart(outputs[name]!, values))),
        )
        const right = tally.add(worst <= tolerances[dtype])
        emit({ model: folder.name, dtype, form, worst, allowed: tolerances[dtype], right })
      }
  }
  tally.close()
}

type Wanted = Map<'lastHiddenState' | 'pooled' | 'logits', Float32Array>

async function run(
  source: Checkpoint,
  sequences: readonly Sequence[],
  dtype: Dtype,
  sparsity: 'off' | 'require',
): Promise<RunOutputs> {
  const encoder = await Encoder.load(source, { device: 'cuda', dtype, sparsity, tuning: { budget: 0 } })
  try {
    return await encoder.run(sequences)
  } finally {
    encoder.dispose()
  }
}

async function reference(source: Checkpoint, sequences: readonly Sequence[]): Promise<Wanted> {
  const encoder = await Encoder.load(source, { device: 'cpu', sparsity: 'off' })
  try {
    const outputs = await encoder.run(sequences)
    const held = Object.values(names).filter((name) => outputs[name] !== undefined)
    return new Map(held.map((name) => [name, outputs[name]!]))
  } finally {
    encoder.dispose()
  }
}

async function stored(directory: string): Promise<Wanted> {
  const file = await Safetensors.open(join(directory, 'golden.safetensors'))
  const wanted: Wanted = new Map()
  for (const [name, output] of Object.entries(names)) {
    if (!file.tensors.has(name)) continue
    const bytes = await file.read(name)
    wanted.set(output, new Float32Array(bytes.slice().buffer))
  }
  return wanted
}

function sequencesOf(directory: string): Sequence[] {
  const list: { input_ids: number[]; token_type_ids?: number[] }[] = JSON.parse(
    readFileSync(join(directory, 'ids.json'), 'utf8'),
  )
  return list.map(({ input_ids, token_type_ids }) => ({ inputIds: input_ids, tokenTypeIds: token_type_ids }))
}
