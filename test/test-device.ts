import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { devices, type EncoderOptions } from 'twofour'

const emulated = join(import.meta.dirname, '..', 'build', 'Release', 'libtwofour_cuda_emulated.so')

/**
 * Tests of CUDA run on the device of the plugin that TWOFOUR_CUDA_PLUGIN names; where that is not set on a card of this
 * machine, else on the emulated one where `npm run build:emulated` made it. Without any they are skipped, and counted.
 */
function findCuda(): boolean {
  const usable = () => devices().some(({ kind, available }) => kind === 'cuda' && available)
  if (process.env.TWOFOUR_CUDA_PLUGIN !== undefined || usable() || !existsSync(emulated)) return usable()
  process.env.TWOFOUR_CUDA_PLUGIN = emulated
  return usable()
}

export const hasCuda = findCuda()
export const cudaTest = hasCuda ? test.serial : test.serial.skip

const device = process.env.TWOFOUR_TEST_DEVICE ?? 'cpu'

/** Whether the tests of encoders run on the CPU, as they do unless TWOFOUR_TEST_DEVICE names another device. */
export const onCpu = device === 'cpu'

/** What loads an encoder on the device of TWOFOUR_TEST_DEVICE, in float32. */
export const onDevice: EncoderOptions = onCpu ? { device } : { device, dtype: 'float32' }
