import { Encoder, type EncoderOptions } from '../index.js'
import { readCalibration } from './calibration-file.js'
import type { Invocation, OptionTable } from './command.js'
import { headChoice, headOption } from './open-checkpoint.js'

/** Of every command that runs a model. */
export const encoderOptions: OptionTable = {
  threads: { value: 'N', help: 'CPU threads (default: what cores, affinity and quota allow)' },
  calibration: {
    value: 'FILE',
    help: 'int8 or float8 on CUDA: typical texts, one a line, or token ids (.json); see docs/gpu.md',
  },
  sparsity: { value: 'NAME', help: "'auto' (where faster), 'off' or 'require' (default auto)" },
  ...headOption,
}

/** Loads MODEL as the options say, and gives its memory back whatever happens. */
export async function withEncoder<T>(
  model: string,
  { options, signal, onProgress }: Pick<Invocation, 'options' | 'signal' | 'onProgress'>,
  use: (encoder: Encoder) => Promise<T>,
): Promise<T> {
  const encoder = await Encoder.load(model, {
    device: options.text('device'),
    // The library names what it refuses.
    dtype: options.text('dtype') as EncoderOptions['dtype'],
    calibration: await readCalibration({ options, signal }),
    sparsity: options.text('sparsity') as EncoderOptions['sparsity'],
    threads: options.whole('threads', 1),
    maxLength: options.whole('max-length', 1),
    head: headChoice({ options }),
    signal,
    onProgress,
  })
  try {
    return await use(encoder)
  } finally {
    encoder.dispose()
  }
}
