import { checkInteger, checkKeys, checkSignal, checkString, expected, nearMiss } from '../check.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import type { CurveMethod, CurveOptions } from './curve-types.js'
import { checkLevels } from './levels.js'
import type { Measuring } from './measure.js'
import type { Scope, Sizes } from './series.js'

export type CheckedCurve = {
  readonly methods: readonly (string | CurveMethod)[]
  readonly scope: Scope
  readonly measuring: Measuring
}

const evaluateKeys = ['task', 'data', 'columns', 'format', 'limit', 'resamples', 'seed', 'pooling']
const loadKeys = ['device', 'dtype', 'threads', 'maxLength']
const ownKeys = ['methods', 'units', 'levels', 'seeds', 'calibration', 'allowOverlap', 'earlier']
const known = [...evaluateKeys, ...loadKeys, ...ownKeys, 'onPoint', 'onProgress', 'signal']

const units = ['weights', 'heads', 'neurons', 'layers']
const usualUnits = ['weights', '2:4', 'heads', 'neurons', 'layers']
const pattern = /^\d{1,3}:\d{1,3}$/

/** What `evaluate` and `Encoder.load` take is theirs to check. @throws TypeError, RangeError; `signal.reason` */
export function checkCurveOptions(checkpoint: Checkpoint, options: CurveOptions): CheckedCurve {
  checkKeys('options', options, known)
  const signal = checkSignal(options.signal)
  const { task, columns, format, limit, resamples, seed, pooling, calibration, allowOverlap } = options
  const { device, dtype, threads, maxLength } = options
  if (allowOverlap !== undefined && typeof allowOverlap !== 'boolean') {
    throw new TypeError(expected('allowOverlap', 'true or false', allowOverlap))
  }
  for (const name of ['onPoint', 'onProgress'] as const) {
    const given = options[name]
    if (given !== undefined && typeof given !== 'function')
      throw new TypeError(expected(name, 'a function', given))
  }
  const data = checkString('data', options.data)
  const evaluation = { task, data, columns, format, limit, resamples, seed, pooling, signal }
  return {
    methods: checkMethods(options.methods),
    scope: checkScope(checkpoint, options),
    measuring: { evaluation, load: { device, dtype, threads, maxLength }, calibration, signal },
  }
}

function checkMethods(value: unknown): readonly (string | CurveMethod)[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new TypeError(expected('methods', 'a list of at least one method', value))
  }
  const wrong: unknown = value.find(
    (each) => typeof each !== 'string' && (typeof each !== 'object' || each === null),
  )
  if (wrong === undefined) return value as (string | CurveMethod)[]
  throw new TypeError(expected('methods', 'a list of names and of methods of your own', wrong))
}

function checkScope(checkpoint: Checkpoint, options: CurveOptions): Scope {
  const named: unknown = options.units ?? usualUnits
  if (!Array.isArray(named) || named.length === 0) {
    throw new TypeError(expected('units', 'a list of at least one unit', named))
  }
  const names = named.map(checkUnit)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new RangeError(`Expected \`units\` to name each once, got ${twice} twice.`)
  return {
    units: [...new Set(names.map((name) => (pattern.test(name) ? 'N:M' : name)))],
    patterns: names.filter((name) => pattern.test(name)),
    levels:
      options.levels === undefined ? undefined : (checkLevels('levels', options.levels, false) as number[]),
    seeds: checkInteger('seeds', options.seeds ?? 10, 1, 1000),
    sizes: sizesOf(checkpoint),
  }
}

function checkUnit(value: unknown): string {
  if (typeof value === 'string' && (units.includes(value) || pattern.test(value))) return value
  const miss = typeof value === 'string' ? nearMiss(value, units).trim() : ''
  throw new TypeError(
    expected('units', 'of weights, heads, neurons, layers and patterns as 2:4', value, miss || undefined),
  )
}

/** Heads and neurons of weight sets that layers share are counted once, as they go once. */
export function sizesOf({ base, spec, decision }: Checkpoint): Sizes {
  const sets = new Map(spec.layers.map((layer) => [layer.weights, layer]))
  const total = (count: (layer: (typeof spec.layers)[number]) => number) =>
    [...sets.values()].reduce((sum, layer) => sum + count(layer), 0)
  return {
    heads: total(({ heads }) => heads.length),
    neurons: total(({ inner }) => inner),
    layers: decision?.layers ?? base.layers.map((_, index) => index),
  }
}
