import test from 'ava'
import fc from 'fast-check'
import { frameOf } from '../lib/report/axes.js'
import { placeLabels } from '../lib/report/labels.js'
import { escapeText, markup } from '../lib/report/markup.js'
import { htmlPage } from '../lib/report/page.js'
import { type Plot, type Point, svgPlot } from '../lib/report/plot.js'
import { htmlTable, type Table, textTable } from '../lib/report/table.js'

const hostile = `</td><script>alert("1")</script>&'<img src=x onerror=alert(1)>`

const table: Table = {
  caption: 'Two rows',
  columns: [
    { title: 'variant', align: 'left' },
    { title: 'Spearman', short: 'ρ', align: 'right' },
    { title: 'note', align: 'left' },
  ],
  rows: [
    ['dense', '0.914', 'The reference.'],
    ['2:4', '−0.1', 'Zeros run dense on this backend, which makes this sentence a long one.'],
  ],
}

function plotOf(points: readonly Point[], id = 'plot'): Plot {
  return {
    id,
    title: 'A plot',
    description: 'What it shows.',
    x: { title: 'x', tick: String, reference: 1 },
    y: { title: 'y', tick: (value) => value.toFixed(2) },
    points,
    lines: points.length > 0 ? [{ series: 'b', from: points[0]! }] : [],
  }
}

const points: Point[] = [
  { label: 'dense', series: 'a', x: 1, y: 0.91, xInterval: [1, 1], yInterval: [0.89, 0.93] },
  { label: 'half', series: 'b', x: 1.02, y: 0.9, xInterval: [0.97, 1.1], yInterval: [0.88, 0.92] },
  { label: 'most', series: 'b', x: 1.01, y: 0.3, xInterval: [0.9, 1.1], yInterval: [Number.NaN, Number.NaN] },
]

const page = (text = 'text', label = 'dense') =>
  htmlPage({
    title: text,
    lead: [text],
    table: { ...table, caption: text, rows: [[text, text, text]] },
    plots: [
      plotOf([{ ...points[0]!, label }, ...points.slice(1)], 'one'),
      { ...plotOf(points, 'two'), title: text },
    ],
    reading: [text],
    facts: [[text, text]],
  })

const numbersIn = (source: string) => [...source.matchAll(/-?\d+(?:\.\d+)?/g)].map(Number)
const cellsIn = (html: string) =>
  [...html.matchAll(/<tr role="row">(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell!),
  )

test('the HTML table holds the same cells as the rows that it was made of, under the same titles', (t) => {
  const [titles, ...rows] = cellsIn(htmlTable(table).source)
  t.deepEqual(titles, ['variant', 'Spearman', 'note'])
  t.deepEqual(rows, table.rows as string[][])
})

test('the text table aligns its columns and wraps the last one beside them', (t) => {
  const lines = textTable(table, 60).trimEnd().split('\n')
  t.is(lines[0], 'variant      ρ  note')
  t.is(lines[2], 'dense    0.914  The reference.')
  t.true(lines[3]!.startsWith('2:4       −0.1  Zeros run dense'))
  t.true(lines[4]!.startsWith(' '.repeat(16)))
  t.true(lines.every((line) => line.length <= 60))
})

test('where there is no room beside, the last column goes under its row', (t) => {
  const lines = textTable(table, 30).trimEnd().split('\n')
  t.is(lines[2], 'dense    0.914')
  t.is(lines[3], '    The reference.')
  t.true(lines.every((line) => line.length <= 30))
})

test('a page holds its table, two named plots, and asks for nothing from anywhere', (t) => {
  const html = page()
  t.is(html.match(/<svg /g)?.length, 2)
  t.is(html.match(/<table /g)?.length, 1)
  t.notRegex(html, /https?:|\/\/|src=|href=|url\(|@import|<script|<link|xmlns/)
  t.regex(html, /default-src 'none'/)
  t.regex(html, /aria-labelledby="one-title one-text"/)
  t.regex(html, /<desc id="two-text">What it shows\.<\/desc>/)
  t.regex(html, /prefers-color-scheme: dark/)
})

test('whatever text goes in, no tag comes out', (t) => {
  const tags = (html: string) => html.match(/<[^>]*>/g)!
  const outline = (html: string) => tags(html).map((tag) => tag.match(/^<[/!]?[a-z]+/)?.[0])
  t.deepEqual(outline(page(hostile)), outline(page()))
  t.deepEqual(outline(page('text', '</svg><script>')), outline(page()))
  t.false(page(hostile).includes(hostile))
  t.true(page(hostile).includes(escapeText(hostile)))
  t.is(markup`<b>${'<&"\'>\u0000'}</b>`.source, '<b>&lt;&amp;&quot;&#39;&gt;\ufffd</b>')
})

test('every point and bar lies within the axes, and no coordinate is missing', (t) => {
  const plot = plotOf(points)
  const { left, right, top, bottom } = frameOf(plot)
  const { source } = svgPlot(plot)

  const places = [...source.matchAll(/class="point s\d" transform="translate\((\S+) (\S+)\)"/g)]
  t.is(places.length, points.length)
  for (const [, x, y] of places) {
    t.true(Number(x) >= left && Number(x) <= right)
    t.true(Number(y) >= top && Number(y) <= bottom)
  }
  for (const [, bar] of source.matchAll(/class="bar s\d" d="([^"]*)"/g)) {
    t.true(numbersIn(bar!).every((value) => value <= Math.max(right, bottom)))
  }
  t.notRegex(source, /NaN|Infinity|undefined/)
})

test('an axis has at least three ticks, in order, also around a single point', (t) => {
  for (const some of [points, points.slice(0, 1), [{ label: 'zero', series: 'a', x: 0, y: 0 }]]) {
    const { source } = svgPlot({ ...plotOf(some), x: { title: 'x', tick: String } })
    const ticks = [...source.matchAll(/class="tick"[^>]*text-anchor="middle">([^<]*)</g)].map(([, text]) =>
      Number(text),
    )
    t.true(ticks.length >= 3)
    t.deepEqual(
      ticks,
      [...ticks].sort((a, b) => a - b),
    )
  }
})

test('labels of crowded points touch neither each other nor the edge', (t) => {
  const bounds = { left: 52, right: 428, top: 12, bottom: 354 }
  const anchor = fc.record({ x: fc.integer({ min: 60, max: 420 }), y: fc.integer({ min: 20, max: 60 }) })
  const property = fc.property(fc.array(anchor, { minLength: 1, maxLength: 12 }), (spots) => {
    const anchors = spots.map((spot, index) => ({ ...spot, width: 40 + 10 * index, height: 14 }))
    const labels = placeLabels(anchors, [], bounds)
    for (const [index, a] of labels.entries()) {
      if (a.left < bounds.left || a.right > bounds.right || a.top < bounds.top || a.bottom > bounds.bottom)
        return false
      const hit = labels.slice(index + 1).some((b) => {
        return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
      })
      if (hit) return false
    }
    return true
  })
  fc.assert(property, { numRuns: 25, seed: 4 })
  t.pass()
})

test('equal input gives an equal page', (t) => {
  t.is(page(), page())
})

test('a number that is none is refused rather than drawn', (t) => {
  t.throws(() => markup`<b>${Number.NaN}</b>`, { instanceOf: RangeError, message: /finite number/ })
  t.throws(() => svgPlot(plotOf([{ label: 'none', series: 'a', x: Number.NaN, y: 1 }])), {
    instanceOf: RangeError,
  })
})
