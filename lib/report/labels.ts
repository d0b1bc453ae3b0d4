/** A rectangle; y grows downwards. */
export type Box = {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** A text that belongs to a point. */
export type Anchor = {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Where the text went; `near` where it touches its point so closely that it needs no line to it. */
export type Label = Box & { readonly near: boolean }

/** Something drawn, and the price of covering it. */
export type Obstacle = { readonly box: Box; readonly weight: number }

const distances = [7, 14, 24, 36, 50, 66, 84, 104, 126, 150]
const directions = Array.from({ length: 24 }, (_, index) => (index * Math.PI) / 12)
const passes = 6

/**
 * A place for every label, inside `bounds`, where it hides no other label, no point and as little else as can be.
 * Greedy, then improved label by label while the others stand still; equal input gives equal places.
 * @param obstacles what else is drawn, with the price of covering it
 */
export function placeLabels(
  anchors: readonly Anchor[],
  obstacles: readonly Obstacle[],
  bounds: Box,
): Label[] {
  const labels: (Label | undefined)[] = anchors.map(() => undefined)
  for (let pass = 0; pass < passes; pass++) {
    for (const [index, anchor] of anchors.entries()) {
      const others = labels.flatMap((label, other) =>
        label === undefined || other === index ? [] : [{ label, anchor: anchors[other]! }],
      )
      labels[index] = bestPlace(anchor, others, obstacles, bounds)
    }
  }
  return labels as Label[]
}

type Placed = { readonly label: Label; readonly anchor: Anchor }

function bestPlace(
  anchor: Anchor,
  others: readonly Placed[],
  obstacles: readonly Obstacle[],
  bounds: Box,
): Label {
  let best = candidate(anchor, distances[0]!, 0)
  let least = Number.POSITIVE_INFINITY
  for (const distance of distances) {
    for (const direction of directions) {
      const label = candidate(anchor, distance, direction)
      const cost = distance + costOf(label, anchor, others, obstacles, bounds)
      if (cost < least) {
        least = cost
        best = label
      }
    }
  }
  return best
}

/** The label whose nearest edge is `distance` away, in a direction (0: right, clockwise). */
function candidate({ x, y, width, height }: Anchor, distance: number, direction: number): Label {
  const [across, down] = [Math.cos(direction), Math.sin(direction)]
  const left = x + across * distance + ((across - 1) * width) / 2
  const top = y + down * distance + ((down - 1) * height) / 2
  return { left, right: left + width, top, bottom: top + height, near: distance === distances[0] }
}

function costOf(
  label: Label,
  anchor: Anchor,
  others: readonly Placed[],
  obstacles: readonly Obstacle[],
  bounds: Box,
): number {
  if (!contains(bounds, label)) return 1e9
  let cost = 0
  for (const other of others) {
    if (overlap(spaced(label), other.label) > 0) cost += 1e6
    if (crosses(anchor, label, other.label)) cost += 400
    if (crosses(other.anchor, other.label, label)) cost += 400
    if (linesCross(anchor, label, other.anchor, other.label)) cost += 60
  }
  for (const { box, weight } of obstacles) {
    const area = overlap(label, box)
    if (area > 0) cost += weight * (2 + Math.sqrt(area))
  }
  return cost
}

function contains(outer: Box, inner: Box): boolean {
  return (
    inner.left >= outer.left &&
    inner.right <= outer.right &&
    inner.top >= outer.top &&
    inner.bottom <= outer.bottom
  )
}

function overlap(a: Box, b: Box): number {
  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  return across > 0 && down > 0 ? across * down : 0
}

/** Two labels in a row need a gap, or they read as one. */
function spaced({ left, right, top, bottom }: Box): Box {
  return { left: left - 6, right: right + 6, top, bottom }
}

type Spot = { readonly x: number; readonly y: number }

function centre({ left, right, top, bottom }: Box): Spot {
  return { x: (left + right) / 2, y: (top + bottom) / 2 }
}

/** Whether the line from a point to its label runs through a box. */
function crosses(from: Spot, label: Label, box: Box): boolean {
  const to = centre(label)
  for (let step = 0; step <= 16; step++) {
    const x = from.x + ((to.x - from.x) * step) / 16
    const y = from.y + ((to.y - from.y) * step) / 16
    if (x > box.left && x < box.right && y > box.top && y < box.bottom) return true
  }
  return false
}

function linesCross(from: Spot, label: Label, otherFrom: Spot, other: Label): boolean {
  const [to, otherTo] = [centre(label), centre(other)]
  const side = (a: Spot, b: Spot, c: Spot) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x))
  return (
    side(from, to, otherFrom) * side(from, to, otherTo) < 0 &&
    side(otherFrom, otherTo, from) * side(otherFrom, otherTo, to) < 0
  )
}
