import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Checkpoint, prune } from 'twofour'
import type { Row, StepSettings } from '../results.js'
import { modelShapes, works } from '../scale.js'
import { modelDirectory } from './models.js'
import { writeModel } from './write-model.js'

/** Seeded weights in the published shapes, dense and 2:4 by magnitude; the smallest also as ONNX; and the works. */
export async function makeModels({ scale, work }: StepSettings, emit: (row: Row) => void): Promise<void> {
  writeFileSync(join(work, 'works.json'), JSON.stringify(works(scale)))
  const shapes = Object.entries(modelShapes(scale))
  for (const [i, [model, shape]] of shapes.entries()) {
    const begin = performance.now()
    const dense = modelDirectory(work, model, 'dense')
    await writeModel(dense, shape)
    const checkpoint = await Checkpoint.open(dense)
    const plan = await prune(checkpoint, { steps: [{ score: 'magnitude', pattern: '2:4' }] })
    await (await plan.apply(checkpoint)).save(modelDirectory(work, model, '2:4'), { form: 'masked' })
    if (i === shapes.length - 1) await checkpoint.save(modelDirectory(work, model, 'onnx'), { form: 'onnx' })
    emit({ model, ...shape, took: (performance.now() - begin) / 1000 })
  }
}
