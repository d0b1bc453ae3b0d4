import { axes, frameOf } from './axes.js'
import { placeLabels } from './labels.js'
import { errorBars, joiningLine, labelText, leader, marker } from './marks.js'
import { type Markup, markup } from './markup.js'
import { obstaclesOf } from './obstacles.js'

export type Axis = {
  readonly title: string
  /** How a tick is written. */
  readonly tick: (value: number) => string
  /** Both ends of the axis. @default round values that leave room around the points, their bars and the reference */
  readonly domain?: PlotInterval
  /** A value to draw a line at, across the plot. */
  readonly reference?: number
}

export type PlotInterval = readonly [low: number, high: number]

export type Point = {
  readonly label: string
  readonly x: number
  readonly y: number
  /** Drawn as error bars; left out where an end is not finite. */
  readonly xInterval?: PlotInterval
  readonly yInterval?: PlotInterval
  /** Points of one series look alike, and a line may join them. */
  readonly series: string
}

/** Joins a point with those of a series, in their order. */
export type PlotLine = { readonly series: string; readonly from: Point }

export type Plot = {
  /** Unique in the page. */
  readonly id: string
  readonly title: string
  /** What the plot shows, for those who cannot see it. */
  readonly description: string
  readonly x: Axis
  readonly y: Axis
  readonly points: readonly Point[]
  readonly lines?: readonly PlotLine[]
}

/** In the picture's units. */
const letterWidth = 6.7
const lineHeight = 14

/**
 * A scatter plot as one `<svg>`, coloured by the page's variables `--s0` … `--s7`. Each point has its label beside
 * it, with a line to it where it had to move away.
 * @throws RangeError on a coordinate that is not finite
 */
export function svgPlot(plot: Plot): Markup {
  const { id, title, description, points, lines = [] } = plot
  const frame = frameOf(plot)
  const series = [...new Set(points.map((point) => point.series))]
  const look = ({ series: name }: { series: string }) => series.indexOf(name) % 8
  const places = points.map(({ x, y }) => ({ x: frame.x(x), y: frame.y(y) }))
  const anchors = points.map(({ label }, index) => {
    return { ...places[index]!, width: label.length * letterWidth, height: lineHeight }
  })
  const labels = placeLabels(anchors, obstaclesOf(plot, frame), frame)

  return markup`<svg class="plot" viewBox="0 0 ${frame.width} ${frame.height}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">${title}</title>
<desc id="${id}-text">${description}</desc>
${axes(plot, frame)}
${lines.map((line) => joiningLine(plot, line, frame, look(line)))}
${points.map((point) => errorBars(point, frame, look(point)))}
${labels.map((label, index) => leader(label, places[index]!))}
${points.map((point, index) => marker(point, places[index]!, look(point)))}
${labels.map((label, index) => labelText(label, points[index]!))}
</svg>`
}
