import type { Frame } from './axes.js'
import type { Box, Obstacle } from './labels.js'
import { barsOf, pointsOn } from './marks.js'
import type { Plot } from './plot.js'

/** A marker's half size, and how finely a joining line is followed. */
const reach = 5
const lineBoxes = 24

/** What a label had better not cover, the markers before all. */
export function obstaclesOf(plot: Plot, frame: Frame): Obstacle[] {
  const markers = plot.points.map(({ x, y }) => ({ box: around(frame.x(x), frame.y(y), reach), weight: 20 }))
  const bars = plot.points.flatMap((point) => barsOf(point, frame))
  return [...markers, ...bars.map((bar) => ({ box: widened(bar), weight: 4 })), ...lineObstacles(plot, frame)]
}

function lineObstacles(plot: Plot, frame: Frame): Obstacle[] {
  const { lines = [] } = plot
  return lines.flatMap((line) => {
    const on = pointsOn(plot, line).map(({ x, y }) => ({ x: frame.x(x), y: frame.y(y) }))
    return on.slice(1).flatMap((to, index) => {
      const from = on[index]!
      return Array.from({ length: lineBoxes }, (_, step) => {
        const share = (step + 0.5) / lineBoxes
        const [x, y] = [from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share]
        return { box: around(x, y, 2), weight: 1.5 }
      })
    })
  })
}

function around(x: number, y: number, by: number): Box {
  return { left: x - by, right: x + by, top: y - by, bottom: y + by }
}

function widened({ left, right, top, bottom }: Box): Box {
  return { left: left - 1, right: right + 1, top: top - 1, bottom: bottom + 1 }
}
