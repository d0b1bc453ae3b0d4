import type { CurvePoint, Curves } from '../index.js'
import { type Curves as Plotted, svgCurves } from '../report/curves.js'
import type { Point } from '../report/plot.js'
import { amount } from './demo/numbers.js'

/** Titles of the axes of what goes. */
const goes: Readonly<Record<string, string>> = {
  weights: 'weights removed',
  'N:M': 'weights removed by N:M patterns',
  heads: 'heads removed',
  neurons: 'neurons removed',
  layers: 'layers removed',
}

/** One plot for each unit: 95 % intervals, and of random prunings the mean with its standard deviation. */
export function curveSvg(curves: Curves): string {
  const units = [...new Set(curves.points.map(({ unit }) => unit))]
  const { study, dense } = curves
  const title = `${study.base.name}: ${dense.metric} over what is pruned`
  return svgCurves(
    title,
    units.map((unit) => plotOf(curves, unit)),
  )
}

/** What a unit's axis is called. */
export function axisTitle(unit: string): string {
  return goes[unit] ?? `${unit} removed`
}

function plotOf(curves: Curves, unit: string): Plotted {
  const { dense } = curves
  const own = curves.points.filter((point) => point.unit === unit)
  const single = own.filter(({ seed }) => seed === null).map(pointOf)
  const points = [...single, ...spreadPoints(curves, unit)]
  return {
    title: axisTitle(unit),
    description: `${dense.metric} over ${axisTitle(unit)}, one curve for each method, with the dense model as a line.`,
    x: { title: axisTitle(unit), tick: (share) => `${Math.round(100 * share)} %`, domain: [0, 1.02] },
    y: { title: dense.metric, tick: (value) => value.toFixed(value < 100 ? 2 : 0), reference: dense.value },
    points: points.toSorted((a, b) => a.x - b.x),
    start: { label: `dense ${amount(dense.value)}`, x: 0, y: dense.value, series: 'dense' },
  }
}

function pointOf({ method, level, share, value, interval }: CurvePoint): Point {
  return {
    label: `${method} ${level}: ${amount(value)}`,
    x: share,
    y: value,
    yInterval: interval,
    series: method,
  }
}

function spreadPoints({ spreads, points }: Curves, unit: string): Point[] {
  return spreads
    .filter((spread) => spread.unit === unit)
    .map(({ method, level, mean, sd, seeds }) => {
      const { share } = points.find((point) => point.unit === unit && point.level === level)!
      const point = { x: share, y: mean, series: method }
      if (sd === null) return { ...point, label: `${method} ${level}: ${amount(mean)} (one seed)` }
      const label = `${method} ${level}: ${amount(mean)} ± ${amount(sd)} (${seeds} seeds)`
      return { ...point, label, yInterval: [mean - sd, mean + sd] }
    })
}
