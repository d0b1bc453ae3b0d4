import { addon, translated } from './addon.js'
import { type CudaState, cudaState } from './cuda/state.js'

/** A device that is here, or the sentence why it is not. */
export type Device = {
  readonly kind: 'cpu' | 'cuda'
  readonly available: boolean
  /** For humans. */
  readonly name: string
  /** Why it is not available, or what limits it. */
  readonly reason: string
  /** CUDA: why it is not available, for programs: CUDA_DRIVER_MISSING … (docs/gpu.md lists them). */
  readonly code?: string
  /** CPU: instruction sets that this binary can use here, best first; and the one in use. */
  readonly isas?: readonly string[]
  readonly isa?: string
  /** CPU: the least of physical cores, affinity and cgroup quota; what `threads` defaults to. */
  readonly threads?: number
  /** Bytes of the device's memory. */
  readonly memoryBytes?: number
  /** CUDA: N of 'cuda:N'. */
  readonly index?: number
  readonly computeCapability?: string
  /** CUDA: computed on the CPU, for tests. Nothing that is measured on it says anything about a GPU. */
  readonly emulated?: boolean
}

/**
 * Every device that twofour knows, available or not. Opens the CUDA plugin; NVIDIA's libraries only where there is a
 * device for them.
 * @throws TwofourError ADDON_MISSING; DEVICE_UNAVAILABLE where TWOFOUR_ISA names what this machine cannot run
 */
export function devices(): Device[] {
  return [cpuDevice(), ...cudaDevices()]
}

/** Opens nothing of CUDA. */
export function cpuDevice(): Device {
  const { isas, isa, threads, physicalCores, affinity, cgroupQuota, memoryBytes } = limits()
  const quota = cgroupQuota === null ? 'no cgroup quota' : `cgroup quota ${cgroupQuota}`
  return {
    kind: 'cpu',
    available: true,
    name: `CPU, ${isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    reason: `${physicalCores} physical cores, ${affinity} allowed by affinity, ${quota}`,
    isas,
    isa,
    threads,
    memoryBytes,
  }
}

/** At least one: where there is none, why. */
export function cudaDevices(): readonly [Device, ...Device[]] {
  const state = cudaState()
  const [first, ...rest] = state.devices.map((device) => cudaDevice(device, state))
  const { code, reason } = state
  return first === undefined
    ? [{ kind: 'cuda', available: false, name: 'CUDA', reason, code }]
    : [first, ...rest]
}

function cudaDevice(device: CudaState['devices'][number], { emulated, libraries }: CudaState): Device {
  const { index, computeCapability, memoryBytes } = device
  const name = emulated && !/emulated/i.test(device.name) ? `${device.name}, emulated` : device.name
  const common = { kind: 'cuda', name, index, computeCapability, memoryBytes, emulated } as const
  if (!device.available) return { ...common, available: false, reason: device.reason, code: device.code }
  const [dense, sparse] = libraries
  if (dense?.usable !== true)
    return { ...common, available: false, reason: dense?.sentence ?? '', code: dense?.code ?? '' }
  const limits = [
    `Compute capability ${computeCapability}.`,
    ...(emulated ? ['Emulated on the CPU: nothing that is measured on it says anything about a GPU.'] : []),
    ...(sparse?.usable === true ? [] : [`Dense only: ${sparse?.sentence ?? ''}`]),
  ]
  return { ...common, available: true, reason: limits.join(' ') }
}

function limits() {
  try {
    return addon().cpu()
  } catch (error) {
    throw translated(error)
  }
}
