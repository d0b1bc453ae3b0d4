import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Checkpoint, Encoder, evaluate, prune } from 'twofour'
import type { Row, StepSettings } from '../results.js'
import type { Dtype } from '../scale.js'

/** The demo model's score and speed for every dtype, dense and 2:4 by magnitude, beside the CPU's float32. */
export async function demo({ models, scale }: StepSettings, emit: (row: Row) => void): Promise<void> {
  const folder = join(models!, 'demo')
  const data = join(folder, 'eval.tsv')
  if (!existsSync(data))
    throw new Error(
      `Expected ${folder} to hold model/ and eval.tsv, as models/demo of twofour's repository does.`,
    )
  const checkpoint = await Checkpoint.open(join(folder, 'model'))
  const plan = await prune(checkpoint, { steps: [{ score: 'magnitude', pattern: '2:4' }] })
  const sources = { dense: checkpoint, '2:4': await plan.apply(checkpoint) }
  const emulated = scale === 'emulated'
  const texts = textsOf(data)
  const all = emulated ? ['bfloat16'] : ['float32', 'float16', 'bfloat16', 'int8', 'float8']
  for (const [form, source] of Object.entries(sources))
    for (const [device, dtype] of [['cpu', 'float32'], ...all.map((each) => ['cuda', each])] as [
      string,
      Dtype,
    ][]) {
      const encoder = await Encoder.load(source, {
        ...{ device, dtype, sparsity: form === 'dense' ? 'off' : 'auto' },
        tuning: { budget: emulated ? 0 : undefined },
      })
      try {
        const { value, interval, n } = await evaluate(encoder, {
          ...{ task: 'similarity', data, limit: emulated ? 3 : undefined },
        })
        const speed = emulated ? {} : await textsPerSecond(encoder, texts)
        emit({ form, device, dtype, metric: 'spearman', value, interval, n, ...speed })
      } finally {
        encoder.dispose()
      }
    }
}

async function textsPerSecond(encoder: Encoder, texts: readonly string[]): Promise<Row> {
  const many = Array.from({ length: 8 }, () => texts).flat()
  await encoder.embed(many)
  const begin = performance.now()
  await encoder.embed(many)
  return { textsPerSecond: (1000 * many.length) / (performance.now() - begin) }
}

function textsOf(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(1, -1)
  return lines.flatMap((line) => line.split('\t').slice(0, 2))
}
