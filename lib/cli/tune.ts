import { Encoder, type EncoderOptions } from '../index.js'
import { readCalibration } from './calibration-file.js'
import type { Command } from './command.js'
import { headChoice } from './open-checkpoint.js'
import { tuneReport } from './tune-report.js'
import { encoderOptions } from './with-encoder.js'

export const tune: Command = {
  name: 'tune',
  summary: 'measures how each matrix runs fastest at every batch size, and remembers it',
  usage: 'tune MODEL [--dtype NAME] [--threads N] [--json]',
  example: 'twofour tune models/demo/model',
  options: encoderOptions,
  notes:
    'Loading a model measures too, but only for some 300 ms (on CUDA 10 s); what is found is kept for later loads under $XDG_CACHE_HOME/twofour (~/.cache/twofour), for this version and CPU, instruction set and thread count, or GPU, driver and libraries. On the CPU matrices with zeros are measured, on CUDA all but those in float32.',
  arguments: { name: 'MODEL', least: 1, most: 1 },
  async run({ args, options, output, signal, onProgress }) {
    const [model] = args as [string]
    const start = performance.now()
    const settings = {
      device: options.text('device'),
      // The library names what it refuses.
      dtype: options.text('dtype') as EncoderOptions['dtype'],
      calibration: await readCalibration({ options, signal }),
      sparsity: options.text('sparsity') as EncoderOptions['sparsity'],
      threads: options.whole('threads', 1),
      head: headChoice({ options }),
      tuning: { budget: Number.POSITIVE_INFINITY },
      signal,
      onProgress,
    }
    const encoder = await Encoder.load(model, settings)
    try {
      const seconds = (performance.now() - start) / 1000
      const result = { model, device: encoder.device.name, seconds, matrices: encoder.explain() }
      await output.result(result, () => tuneReport(result))
    } finally {
      encoder.dispose()
    }
  },
}
