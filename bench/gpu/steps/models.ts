import { join } from 'node:path'

/** Where make-models puts a model. */
export function modelDirectory(work: string, model: string, form: 'dense' | '2:4' | 'onnx'): string {
  return join(work, `${model}-${form.replace(':', 'of')}`)
}
