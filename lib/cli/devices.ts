import { type Device, devices, TwofourError } from '../index.js'

const names = ['auto', 'cpu', 'cuda', 'cuda:N']
export const dtypeBytes = { float32: 4, float16: 2, bfloat16: 2, int8: 1, float8: 1 } as const

/** The kind that --device names; undefined for 'auto'. @throws TypeError for a name that no device has */
export function deviceKind(name: string | undefined): Device['kind'] | undefined {
  if (name === undefined || name === 'auto') return undefined
  if (name === 'cpu') return 'cpu'
  if (/^cuda(:\d{1,3})?$/.test(name)) return 'cuda'
  throw new TypeError(`Expected --device to be one of ${names.join(', ')}, got '${name}'.`)
}

/**
 * For commands that compute on the CPU whatever there is: refuses a device that is not here.
 * @throws TypeError; TwofourError DEVICE_UNAVAILABLE with the reason
 */
export function checkDevice(name: string | undefined): void {
  const kind = deviceKind(name)
  if (kind === undefined || kind === 'cpu') return
  const device = devices().find((found) => found.kind === kind)
  if (device?.available === true) return
  const message = `Device '${name}' cannot be used. ${device?.reason ?? ''} Use --device auto or cpu.`
  throw new TwofourError('DEVICE_UNAVAILABLE', message, { device: name })
}

/** Undefined for 'auto'. @throws TypeError for a name that no dtype has */
export function dtypeOption(name: string | undefined): keyof typeof dtypeBytes | undefined {
  if (name === undefined || name === 'auto') return undefined
  if (Object.hasOwn(dtypeBytes, name)) return name as keyof typeof dtypeBytes
  throw new TypeError(`Expected --dtype to be auto, ${Object.keys(dtypeBytes).join(', ')}, got '${name}'.`)
}
