import { Encoder, type EncoderOptions } from '../index.js'
import { readCalibration } from './calibration-file.js'
import type { Command } from './command.js'
import { tuneReport } from './tune-report.js'
import { encoderOptions } from './with-encoder.js'

export const tune: Command = {
  name: 'tune',
  summary: 'measures every matrix with zeros at every batch size, and remembers what is faster here',
  usage: 'tune MODEL [--dtype NAME] [--threads N] [--json]',
  example: 'twofour tune models/demo/model',
  options: encoderOptions,
  notes:
    'Loading a model measures too, but only for some 300 ms; what is found is kept for later loads under $XDG_CACHE_HOME/twofour (~/.cache/twofour), for this CPU, instruction set, thread count and version.',
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
