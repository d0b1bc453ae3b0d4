import { addon, translated } from './addon.js'

/** A device that is here, or the sentence why it is not. */
export type Device = {
  readonly kind: 'cpu' | 'cuda'
  readonly available: boolean
  /** For humans. */
  readonly name: string
  /** Why it is not available, or what limits it. */
  readonly reason: string
  /** CPU: instruction sets that this binary can use here, best first; and the one in use. */
  readonly isas?: readonly string[]
  readonly isa?: string
  /** CPU: the least of physical cores, affinity and cgroup quota; what `threads` defaults to. */
  readonly threads?: number
  /** Bytes of main memory. */
  readonly memoryBytes?: number
}

/** Why no CUDA device can be used. */
export const noCuda = 'This build has no CUDA plugin, so there is no CUDA device to use.'

/**
 * Every device that twofour knows, available or not. Cheap, opens no CUDA library.
 * @throws TwofourError ADDON_MISSING; DEVICE_UNAVAILABLE where TWOFOUR_ISA names what this machine cannot run
 */
export function devices(): Device[] {
  return [cpu(), { kind: 'cuda', available: false, name: 'CUDA', reason: noCuda }]
}

function cpu(): Device {
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

function limits() {
  try {
    return addon().cpu()
  } catch (error) {
    throw translated(error)
  }
}
