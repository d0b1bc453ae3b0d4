import type { Frame } from './axes.js'
import type { Box, Label } from './labels.js'
import { type Markup, markup } from './markup.js'
import type { Plot, PlotLine, Point } from './plot.js'

type Spot = { readonly x: number; readonly y: number }

/** One for each look, around 0, 0; five and more look like the first again in another colour. */
const outlines = [
  'M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z',
  'M-4 -4h8v8h-8Z',
  'M0 -5L5 4H-5Z',
  'M0 -5.5L5.5 0L0 5.5L-5.5 0Z',
  'M0 5L5 -4H-5Z',
]

export function marker({ label }: Point, { x, y }: Spot, look: number): Markup {
  const outline = outlines[look % outlines.length]!
  return markup`<path class="point s${look}" transform="translate(${x} ${y})" d="${outline}"><title>${label}</title></path>
`
}

export function joiningLine(plot: Plot, line: PlotLine, frame: Frame, look: number): Markup {
  const path = pointsOn(plot, line).map(
    ({ x, y }, index) => markup`${index === 0 ? 'M' : 'L'}${frame.x(x)} ${frame.y(y)}`,
  )
  return markup`<path class="line s${look}" d="${path}"/>
`
}

export function pointsOn({ points }: Plot, { series, from }: PlotLine): Point[] {
  return [from, ...points.filter((point) => point.series === series && point !== from)]
}

export function errorBars(point: Point, frame: Frame, look: number): Markup {
  const { x, y } = { x: frame.x(point.x), y: frame.y(point.y) }
  const parts = barsOf(point, frame).map(({ left, right, top, bottom }) =>
    left === right
      ? markup`M${x} ${top}V${bottom}M${x - 3} ${top}h6M${x - 3} ${bottom}h6`
      : markup`M${left} ${y}H${right}M${left} ${y - 3}v6M${right} ${y - 3}v6`,
  )
  return parts.length === 0
    ? markup``
    : markup`<path class="bar s${look}" d="${parts}"/>
`
}

/** Boxes without width or without height. */
export function barsOf({ x, y, xInterval, yInterval }: Point, frame: Frame): Box[] {
  const bars: Box[] = []
  if (xInterval?.every(Number.isFinite)) {
    const [left, right] = [frame.x(xInterval[0]), frame.x(xInterval[1])]
    // Ends that fall together would read as an upright bar, and say nothing.
    if (right > left) bars.push({ left, right, top: frame.y(y), bottom: frame.y(y) })
  }
  if (yInterval?.every(Number.isFinite)) {
    const at = frame.x(x)
    bars.push({ left: at, right: at, top: frame.y(yInterval[1]), bottom: frame.y(yInterval[0]) })
  }
  return bars
}

/** From a point to its label, where that is not beside it. */
export function leader({ left, right, top, bottom, near }: Label, place: Spot): Markup {
  if (near) return markup``
  const x = Math.min(Math.max(place.x, left), right)
  const y = Math.min(Math.max(place.y, top + 2), bottom - 2)
  return markup`<path class="leader" d="M${place.x} ${place.y}L${x} ${y}"/>
`
}

export function labelText({ left, right, bottom }: Label, { label }: Point): Markup {
  const middle = (left + right) / 2
  return markup`<text class="label" x="${middle}" y="${bottom - 3}" text-anchor="middle">${label}</text>
`
}
