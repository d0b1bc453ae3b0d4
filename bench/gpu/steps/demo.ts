import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Checkpoint, Encoder, evaluate, prune } from 'twofour'
import type { Row, StepSettings } from '../results.js'
import type { Dtype } from '../scale.js'

/**
 * The demo model's score and speed for every dtype, dense and 2:4 by magnitude, beside the CPU's float32; 8 bits with a
 * scale for each token and calibrated.
 */
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
  for (const [form, source] of Object.entries(sources))
    for (const { device, dtype, calibrated } of ways(emulated)) {
      const encoder = await Encoder.load(source, {
        ...{ device, dtype, sparsity: form === 'dense' ? 'off' : 'auto' },
        calibration: calibrated ? texts.slice(0, 256) : undefined,
        tuning: { budget: emulated ? 0 : undefined },
      })
      try {
        const { value, interval, n } = await evaluate(encoder, {
          ...{ task: 'similarity', data, limit: emulated ? 3 : undefined },
        })
        const speed = emulated ? {} : await textsPerSecond(encoder, texts)
        const scales = calibrated ? { scales: 'calibrated', ...shareOfOneScale(encoder) } : {}
        emit({ form, device, dtype, ...scales, metric: 'spearman', value, interval, n, ...speed })
      } finally {
        encoder.dispose()
      }
    }
}

type Way = { readonly device: string; readonly dtype: Dtype; readonly calibrated: boolean }

function ways(emulated: boolean): Way[] {
  const onCuda = (dtype: Dtype, calibrated = false): Way => ({ device: 'cuda', dtype, calibrated })
  const cpu = { device: 'cpu', dtype: 'float32', calibrated: false } as const
  if (emulated) return [cpu, onCuda('bfloat16')]
  const eight = (['int8', 'float8'] as const).flatMap((dtype) => [onCuda(dtype), onCuda(dtype, true)])
  return [cpu, onCuda('float32'), onCuda('float16'), onCuda('bfloat16'), ...eight]
}

/** Classes of token counts that chose one scale, of all; the largest errors of both kinds of scales. */
function shareOfOneScale(encoder: Encoder): Row {
  const scales = encoder.explain().flatMap((matrix) => matrix.scales ?? [])
  const classes = scales.flatMap(({ buckets }) => buckets)
  const chosen = classes.filter((each) => each.chosen === 'tensor').length
  return {
    oneScale: `${chosen} of ${classes.length}`,
    tokenError: Math.max(...scales.map(({ tokenError }) => tokenError)),
    tensorError: Math.max(0, ...scales.map(({ tensorError }) => tensorError ?? 0)),
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
