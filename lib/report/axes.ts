import { type ScaleLinear, scaleLinear } from 'd3-scale'
import { type Markup, markup } from './markup.js'
import type { Axis, Plot, Point } from './plot.js'

/** Where the plot is drawn in the picture, and how values become places in it, all in the picture's units. */
export type Frame = {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly x: ScaleLinear<number, number>
  readonly y: ScaleLinear<number, number>
}

// Small enough that its letters stay readable where a telephone shows it whole.
const width = 440
const height = 400
const edges = { left: 52, right: width - 12, top: 12, bottom: height - 46 }

export function frameOf({ x, y, points }: Plot): Frame {
  return {
    width,
    height,
    ...edges,
    x: scaleOf(x, coveredBy(points, 'x')).range([edges.left, edges.right]),
    y: scaleOf(y, coveredBy(points, 'y')).range([edges.bottom, edges.top]),
  }
}

/** Ticks with their grid lines, the reference lines and the titles. */
export function axes({ x, y }: Plot, frame: Frame): Markup {
  const { left, right, top, bottom } = frame
  const across = frame.x.ticks(6).map((value) => {
    const at = frame.x(value)
    return markup`<path class="grid" d="M${at} ${top}V${bottom}"/><text class="tick" x="${at}" y="${bottom + 16}" text-anchor="middle">${x.tick(value)}</text>
`
  })
  const up = frame.y.ticks(6).map((value) => {
    const at = frame.y(value)
    return markup`<path class="grid" d="M${left} ${at}H${right}"/><text class="tick" x="${left - 6}" y="${at + 4}" text-anchor="end">${y.tick(value)}</text>
`
  })
  const middle = (top + bottom) / 2
  return markup`${across}${up}${references(x, y, frame)}
<text class="title" x="${(left + right) / 2}" y="${height - 8}" text-anchor="middle">${x.title}</text>
<text class="title" transform="translate(12 ${middle}) rotate(-90)" text-anchor="middle">${y.title}</text>`
}

function references(x: Axis, y: Axis, { left, right, top, bottom, ...scale }: Frame): Markup[] {
  const lines: Markup[] = []
  if (x.reference !== undefined) {
    lines.push(markup`<path class="reference" d="M${scale.x(x.reference)} ${top}V${bottom}"/>`)
  }
  if (y.reference !== undefined) {
    lines.push(markup`<path class="reference" d="M${left} ${scale.y(y.reference)}H${right}"/>`)
  }
  return lines
}

function scaleOf({ domain, reference }: Axis, values: readonly number[]): ScaleLinear<number, number> {
  if (domain !== undefined) return scaleLinear().domain(domain)
  const all = [...values, ...(reference === undefined ? [] : [reference])]
  const [low, high] = [Math.min(...all), Math.max(...all)]
  // One value alone would leave the axis without length.
  const room = high > low ? (high - low) * 0.04 : Math.max(Math.abs(low), 1) * 0.1
  return scaleLinear()
    .domain([low - room, high + room])
    .nice(6)
}

function coveredBy(points: readonly Point[], axis: 'x' | 'y'): number[] {
  return points.flatMap((point) => {
    const interval = point[`${axis}Interval`]
    return [point[axis], ...(interval?.every(Number.isFinite) ? interval : [])]
  })
}
