import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type EncoderOptions, installation, TwofourError } from '../index.js'
import { textTable } from '../report/table.js'
import type { Command } from './command.js'
import { checkPublishable, publish } from './demo/publish.js'
import { demoPage, demoTable } from './demo/report.js'
import type { DemoResult } from './demo/result.js'
import { runDemo } from './demo/run-demo.js'
import { headChoice, headOption } from './open-checkpoint.js'

export const demo: Command = {
  name: 'demo',
  summary: 'prunes the bundled model several ways and shows accuracy beside speed',
  usage: 'demo [--model MODEL --data FILE] [--out FILE] [--json]',
  example: 'twofour demo --out report.html',
  options: {
    model: { value: 'MODEL', help: "another sentence encoder (default: the clone's models/demo/model)" },
    data: { value: 'FILE', help: 'TSV with sentence1, sentence2 and score (default: models/demo/eval.tsv)' },
    out: { value: 'FILE', help: 'where the report goes (default report.html)' },
    limit: { value: 'N', help: 'the first N pairs only' },
    rounds: { value: 'N', help: 'rounds of timing (default 21, or what fits into 70 s in all)' },
    threads: { value: 'N', help: 'CPU threads (default: what cores, affinity and quota allow)' },
    ...headOption,
  },
  notes:
    'The bundled model and data come with a clone of the repository, not with the npm package. All variants are in memory together.',
  async run({ options, output, signal, onProgress }) {
    const out = options.text('out') ?? 'report.html'
    await checkPublishable(out)
    const result = await runDemo({
      model: options.text('model') ?? bundled('model'),
      data: options.text('data') ?? bundled('eval.tsv'),
      limit: options.whole('limit', 2),
      head: headChoice({ options }),
      rounds: options.whole('rounds', 1),
      encoder: {
        device: options.text('device'),
        // The library names what it refuses.
        dtype: options.text('dtype') as EncoderOptions['dtype'],
        threads: options.whole('threads', 1),
      },
      signal,
      onProgress,
    })
    await publish(out, demoPage(result), signal)
    await output.result({ ...result, report: out }, () => demoText(result, out, process.stdout.columns))
  },
}

/** What the terminal shows; a pipe gets lines as long as they are. */
export function demoText(result: DemoResult, out: string, width = 170): string {
  const table = textTable(demoTable(result), width)
  const seconds = result.seconds.toFixed(0)
  return [table, ...result.remarks, '', `The same table with two plots: ${out} (${seconds} s in all).`].join(
    '\n',
  )
}

/** @throws TwofourError FILE_NOT_FOUND where the package came without its models */
function bundled(name: string): string {
  const path = join(installation().root, 'models', 'demo', name)
  const fromHere = relative('', path)
  // The report names it, and may be passed on.
  if (existsSync(path)) return fromHere.startsWith('..') ? path : fromHere
  const message = `There is no ${path}: the npm package comes without the demo's model and data. Clone the repository and run \`npm run demo\` in it, or pass --model MODEL and --data FILE.`
  throw new TwofourError('FILE_NOT_FOUND', message, { file: path })
}
