import type { Markup } from './markup.js'

const colours = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2126; --faint: #5b6670; --rule: #d5dbe0; --band: #f4f6f8; --grid: #e6eaed;
  --s0: #1c2126; --s1: #b0480f; --s2: #1663b8; --s3: #7a858e; --s4: #6a35a8; --s5: #0f7a4d; --s6: #a3195b; --s7: #7d6400;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181c; --ink: #e7ebee; --faint: #a2adb6; --rule: #39424a; --band: #1c2227; --grid: #2a3238;
    --s0: #f2f5f7; --s1: #f59a5e; --s2: #6fb1ff; --s3: #98a4ad; --s4: #c39bff; --s5: #5fd3a0; --s6: #ff86bb; --s7: #dcc15a;
  }
}
`

/** Of plots, wherever they are. */
const plots = `.plot { display: block; width: 100%; height: auto; max-width: 680px; }
.plot text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.plot .tick { fill: var(--faint); font-size: 11px; }
.plot .label { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.plot path { fill: none; stroke: var(--ink); }
.plot .grid { stroke: var(--grid); }
.plot .reference { stroke: var(--faint); stroke-dasharray: 3 3; }
.plot .leader { stroke: var(--faint); stroke-width: 0.75; }
.plot .line { stroke: var(--series); stroke-width: 1.25; opacity: 0.6; }
.plot .bar { stroke: var(--series); opacity: 0.75; }
.plot .point { fill: var(--series); stroke: var(--paper); stroke-width: 1; }
.s0 { --series: var(--s0); } .s1 { --series: var(--s1); } .s2 { --series: var(--s2); } .s3 { --series: var(--s3); }
.s4 { --series: var(--s4); } .s5 { --series: var(--s5); } .s6 { --series: var(--s6); } .s7 { --series: var(--s7); }
`

/** For a plot that is a file of its own. */
export const plotStylesheet: Markup = { source: `${colours}${plots}` }

/** The page's whole look. Colours are variables, so that the dark scheme names only what differs. */
export const stylesheet: Markup = {
  source: `${colours}* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 12px; }
h2 { font-size: 1.2rem; margin: 36px 0 8px; }
p, ul { max-width: 75ch; }
.lead { margin: 0 0 12px; }
li { margin: 0 0 6px; }
table { width: 100%; border-collapse: collapse; margin: 20px 0 32px; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); padding-bottom: 8px; }
th, td { padding: 6px 8px; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; }
thead th { vertical-align: bottom; border-bottom-width: 2px; }
tbody tr:nth-child(odd) { background: var(--band); }
.left { text-align: left; }
.right { text-align: right; }
td.right, tbody th { white-space: nowrap; }
td.left { min-width: 11rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 28px; }
figure { margin: 0; }
figcaption { font-weight: 600; margin-bottom: 6px; }
${plots}dl { margin: 0; max-width: 95ch; }
dl div { display: grid; grid-template-columns: 11rem 1fr; gap: 12px; padding: 5px 0; border-bottom: 1px solid var(--rule); }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 900px) {
  table, tbody, caption { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { display: block; padding: 8px 10px; margin-bottom: 10px; border: 1px solid var(--rule); border-radius: 6px; }
  tbody th, tbody td { display: flex; justify-content: space-between; gap: 16px; padding: 2px 0; border: 0; text-align: right; }
  tbody th { font-size: 1rem; }
  tbody td::before { content: attr(data-title); color: var(--faint); text-align: left; font-weight: 400; }
  tbody td.left { display: block; text-align: left; padding-top: 6px; }
  tbody td.left::before { content: none; }
  dl div { grid-template-columns: 1fr; gap: 0; }
}
`,
}
