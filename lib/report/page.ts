import { type Markup, markup } from './markup.js'
import { type Plot, svgPlot } from './plot.js'
import { stylesheet } from './style.js'
import { htmlTable, type Table } from './table.js'

/** A report: plain text and numbers, escaped on the way into the page. */
export type Page = {
  readonly title: string
  /** What was done, in a paragraph or two, above the table. */
  readonly lead: readonly string[]
  readonly table: Table
  readonly plots: readonly Plot[]
  /** How to read the table and the plots, one sentence or two each. */
  readonly reading: readonly string[]
  /** What was measured, on which machine, when: name and value. */
  readonly facts: readonly (readonly [name: string, value: string])[]
}

/** One HTML file that asks for nothing from anywhere: no script, font or image, light and dark. */
export function htmlPage({ title, lead, table, plots, reading, facts }: Page): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${stylesheet}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${lead.map(
  (text) => markup`<p class="lead">${text}</p>
`,
)}
${htmlTable(table)}
<div class="plots">
${plots.map(figure)}
</div>
<h2>How to read it</h2>
<ul>
${reading.map(
  (text) => markup`<li>${text}</li>
`,
)}</ul>
<h2>What was measured, and where</h2>
<dl>
${facts.map(
  ([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>
`,
)}</dl>
</main>
</body>
</html>
`.source
}

function figure(plot: Plot): Markup {
  return markup`<figure>
<figcaption>${plot.title}</figcaption>
${svgPlot(plot)}
</figure>
`
}
