import type { CudaLibraries } from '../../binding.js'
import { expected } from '../check.js'
import { findLibraries } from '../cuda/state.js'
import { cpuDevice, cudaDevices, type Device } from '../devices.js'
import { TwofourError } from '../errors.js'
import { cpuTuning, cudaTuning, type TuningCache } from './tuning.js'

/** What an encoder was loaded on, and why. */
export type EncoderDevice = {
  readonly kind: 'cpu' | 'cuda' | 'plain'
  readonly name: string
  readonly reason: string
}

export type DeviceChoice = {
  readonly device: EncoderDevice
  /** The native name of the backend. */
  readonly backend: string
  readonly libraries: CudaLibraries
  /** Where what is measured on it is kept; undefined: nothing is. */
  readonly tuning: TuningCache | undefined
}

const noLibraries = { cublaslt: '', cusparselt: '' }
const byName = 'Asked for by name.'

/** @throws TypeError for a name that no device has; TwofourError DEVICE_UNAVAILABLE with the reason, never on 'auto' */
export function chooseDevice(wanted: unknown, threads: number): DeviceChoice {
  if (wanted === 'plain') {
    const device = { kind: wanted, name: 'Reference loops', reason: byName } as const
    return { device, backend: wanted, libraries: noLibraries, tuning: undefined }
  }
  if (wanted === 'cpu') return onCpu(threads, byName)
  if (wanted === 'auto') return automatic(threads)
  if (typeof wanted === 'string' && /^cuda(:\d{1,3})?$/.test(wanted)) return onCuda(named(wanted), byName)
  throw new TypeError(expected('device', "'auto', 'cpu', 'cuda', 'cuda:N' or 'plain'", wanted))
}

function automatic(threads: number): DeviceChoice {
  const found = cudaDevices()
  const usable = found.find(({ available, emulated }) => available && emulated !== true)
  if (usable !== undefined) return onCuda(usable, 'The first CUDA device that can be used.')
  const reason = found.some(({ available }) => available)
    ? 'The only CUDA devices are emulated, and those are taken only when asked for by name.'
    : found[0]!.reason
  return onCpu(threads, reason)
}

function onCpu(threads: number, reason: string): DeviceChoice {
  const cpu = cpuDevice()
  const count = threads === 0 ? cpu.threads! : threads
  const name = `CPU, ${cpu.isa}, ${count} ${count === 1 ? 'thread' : 'threads'}`
  const device = { kind: 'cpu', name, reason } as const
  return { device, backend: 'cpu', libraries: noLibraries, tuning: cpuTuning(count) }
}

function onCuda({ name, index, emulated = false }: Device, reason: string): DeviceChoice {
  const device = { kind: 'cuda', name, reason } as const
  return { device, backend: `cuda:${index}`, libraries: findLibraries(emulated), tuning: cudaTuning(index!) }
}

/** 'cuda' is the first that can be used; where none can, the first that is there. */
function named(wanted: string): Device {
  const [, index] = wanted.split(':')
  const found = cudaDevices()
  const device =
    index === undefined
      ? (found.find(({ available }) => available) ?? found[0])
      : found.find((each) => each.index === Number(index))
  if (device?.available === true) return device
  const known = found.flatMap((each) => (each.index === undefined ? [] : [each.index]))
  const reason =
    device?.reason ??
    (known.length === 0 ? found[0]!.reason : `The CUDA devices here are ${known.join(', ')}.`)
  const { code } = device ?? found[0]
  throw new TwofourError(
    code === 'CUDA_DEVICE_LOST' ? code : 'DEVICE_UNAVAILABLE',
    `Device '${wanted}' cannot be used. ${reason} Use device 'auto' or 'cpu'.`,
    { device: wanted, cause: code },
  )
}
