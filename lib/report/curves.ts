import { axes, frameOf } from './axes.js'
import { errorBars, joiningLine, marker } from './marks.js'
import { type Markup, markup } from './markup.js'
import type { Axis, Plot, Point } from './plot.js'
import { plotStylesheet } from './style.js'

/** Curves over one axis: every series joined in the order of its points, and named beside the plot. */
export type Curves = {
  readonly title: string
  readonly description: string
  readonly x: Axis
  readonly y: Axis
  readonly points: readonly Point[]
  /** Where every curve begins. */
  readonly start: Point
}

/** Of the legend, in the picture's units. */
const legendWidth = 220
const lineHeight = 20
const titleHeight = 34
const gap = 24

/**
 * Plots below one another as one SVG file that needs no other, light and dark.
 * @throws RangeError on a coordinate that is not finite
 */
export function svgCurves(title: string, plots: readonly Curves[]): string {
  const panels: Markup[] = []
  let top = 0
  let width = 0
  for (const plot of plots) {
    const { frame, body } = panel(plot)
    const across = frame.width + legendWidth
    panels.push(markup`<g transform="translate(0 ${top})">
<text class="heading" x="${frame.left}" y="${titleHeight - 10}">${plot.title}</text>
<g transform="translate(0 ${titleHeight})"><desc>${plot.description}</desc>${body}</g>
</g>
`)
    const legend = lineHeight * (seriesOf(plot).length + 1)
    top += titleHeight + Math.max(frame.height, legend) + gap
    width = Math.max(width, across)
  }
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img">
<title>${title}</title>
<style>${plotStylesheet}
.plot .heading { font-size: 15px; font-weight: 600; }</style>
<rect width="${width}" height="${top}" style="fill: var(--paper)"/>
${panels}</svg>
`.source
}

function panel(curves: Curves) {
  const plot: Plot = { id: 'plot', ...curves, points: [curves.start, ...curves.points] }
  const frame = frameOf(plot)
  const series = seriesOf(curves)
  const parts = series.map((name, index) => {
    const look = index % 8
    const points = curves.points.filter((point) => point.series === name)
    return markup`<g>
${joiningLine(plot, { series: name, from: curves.start }, frame, look)}
${points.map((point) => errorBars(point, frame, look))}
${points.map((point) => marker(point, { x: frame.x(point.x), y: frame.y(point.y) }, look))}
${legendLine(name, { x: frame.width + 8, y: frame.top + lineHeight * (index + 0.5) }, look)}</g>
`
  })
  return {
    frame,
    body: markup`${axes(plot, frame)}
${parts}`,
  }
}

function legendLine(name: string, { x, y }: { x: number; y: number }, look: number): Markup {
  const point = { label: name, x: 0, y: 0, series: name }
  return markup`<path class="line s${look}" d="M${x} ${y}H${x + 26}"/>
${marker(point, { x: x + 13, y }, look)}<text x="${x + 34}" y="${y + 4}">${name}</text>
`
}

function seriesOf({ points }: Curves): string[] {
  return [...new Set(points.map(({ series }) => series))]
}
