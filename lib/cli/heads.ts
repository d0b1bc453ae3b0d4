import { join } from 'node:path'
import {
  type Checkpoint,
  type Curves,
  compareRankings,
  type RankingComparison,
  TwofourError,
  transferMethods,
} from '../index.js'
import { inCalibrationWords } from './calibration.js'
import type { Command, Invocation } from './command.js'
import { drawn, sweepOptions, sweepSettings } from './curve.js'
import { publish } from './demo/publish.js'
import { evaluateSettings, evaluationOptions } from './evaluation-options.js'
import { type Operand, operandsOf, type Ranked, rankedBy } from './heads-operands.js'
import { headsText } from './heads-report.js'
import { numbersOption } from './lists.js'
import { headOption, openCheckpoint } from './open-checkpoint.js'
import { inFlagWords } from './prune.js'
import { studyCalibrationOptions } from './study-calibration.js'

/** What `heads --json` prints. */
export type HeadsResult = {
  readonly rankings: readonly Ranked[]
  readonly comparison?: RankingComparison
  readonly transfer?: Curves
}

export const heads: Command = {
  name: 'heads',
  summary: 'ranks the heads of a model by scores, and compares rankings',
  usage:
    'heads MODEL [--scores LIST] [--out DIR] | heads compare A [B …] [--scores LIST] [--task NAME --data FILE]',
  example:
    'twofour heads models/demo/model --scores headNorm,magnitude\n' +
    'twofour heads models/demo/model --scores headNorm,magnitude --out /tmp/demo-rankings\n' +
    'twofour heads compare /tmp/demo-rankings/headNorm.json /tmp/demo-rankings/magnitude.json\n' +
    'twofour heads compare models/demo/model --scores headNorm,magnitude,random --score-seeds 1,2,3\n' +
    'twofour heads compare models/demo/model --scores headNorm,magnitude --task similarity --data models/demo/eval.tsv --levels 0.25,0.5',
  options: {
    scores: { value: 'LIST', help: 'what every MODEL is ranked by, as for prune (default headNorm)' },
    'score-seeds': { value: 'LIST', help: 'ranks by each score with each of these seeds, as 1,2,3' },
    remove: { value: 'K', help: 'how many heads would go, for scores that ask (default 1)' },
    against: {
      value: 'OTHER',
      help: 'another MODEL or ranking to compare with: the same as one more operand',
    },
    top: {
      value: 'LIST',
      help: 'how many of the highest heads are compared (default a quarter, half, three quarters)',
    },
    on: {
      value: 'MODEL',
      help: 'what is pruned by every order and evaluated (default the one MODEL there is)',
    },
    ...evaluationOptions,
    ...studyCalibrationOptions,
    ...sweepOptions,
    ...headOption,
    out: { value: 'DIR', help: 'writes every ranking as NAME.json; of compare, the curves: as curve --out' },
  },
  notes:
    'An operand of compare is a MODEL, or a ranking: a JSON file { "heads": [[layer, head, score], …] }, or a pruning.json with scores of heads. The lowest score goes first; a head of shared weights is named by the first layer that has it.\n' +
    'With --task and --data, compare also prunes one model by every order and evaluates it: prune by A, evaluate on B.',
  arguments: { name: 'MODEL, or compare and what to compare', least: 1, most: 100 },
  async run(invocation) {
    const { args, options } = invocation
    const [first, ...others] = args as [string, ...string[]]
    if (first === 'compare') return compare(others, invocation)
    if (others.length > 0) {
      throw new TypeError(
        `Expected one MODEL, got ${args.length}: to compare, write \`heads compare ${args.join(' ')}\`.`,
      )
    }
    const stray = ['against', 'top', 'on', 'data', 'levels', 'seeds'].find((name) => options.has(name))
    if (stray !== undefined) throw new TypeError(`--${stray} is for \`heads compare\`.`)
    return rank(first, invocation)
  },
}

async function rank(model: string, invocation: Invocation): Promise<void> {
  const { options, output, signal } = invocation
  const operands = await operandsOf([model], signal)
  if (operands[0]?.kind === 'file') throw new TypeError(`Expected a MODEL to rank, got the ranking ${model}.`)
  const rankings = await ranked(operands, invocation)
  const out = options.text('out')
  if (out !== undefined) {
    for (const { name, heads } of rankings) {
      await publish(
        join(out, `${name.replaceAll(/[^\w.-]+/g, '-')}.json`),
        `${JSON.stringify({ heads })}\n`,
        signal,
      )
    }
  }
  const result: HeadsResult = { rankings }
  await output.result(result, () => headsText(result))
}

async function compare(names: readonly string[], invocation: Invocation): Promise<void> {
  const { options, output, signal } = invocation
  const against = options.text('against')
  const paths = against === undefined ? names : [...names, against]
  if (paths.length === 0) throw new TypeError('Expected what to compare after `heads compare`, got none.')
  const operands = await operandsOf(paths, signal)
  const on = evaluatedModel(operands, invocation)

  const rankings = await ranked(operands, invocation)
  const comparison = compareRankings(rankings, { top: numbersOption(options, 'top') })
  const transfer = on === undefined ? undefined : await transferred(on, rankings, invocation)
  const result: HeadsResult = { rankings, comparison, ...(transfer && { transfer }) }
  await output.result(result, () => headsText(result, process.stdout.columns))
}

async function ranked(operands: readonly Operand[], invocation: Invocation): Promise<Ranked[]> {
  try {
    return await rankedBy(operands, invocation)
  } catch (error) {
    throw inOwnWords(inCalibrationWords(inFlagWords(error)))
  }
}

/** The option of a step's `score` is `--scores` here. */
function inOwnWords(error: unknown): unknown {
  if (!(error instanceof RangeError)) return error
  return new RangeError(error.message.replace('`--score`', '`--scores`'), { cause: error })
}

/** The model of the transfer curve; undefined without --data. @throws TypeError */
function evaluatedModel(operands: readonly Operand[], { options }: Invocation): string | undefined {
  const on = options.text('on')
  if (!options.has('data')) {
    const stray = ['on', 'levels', 'seeds', 'out', 'limit'].find((name) => options.has(name))
    if (stray === undefined) return undefined
    throw new TypeError(`--${stray} is for evaluating: add --task NAME --data FILE.`)
  }
  const models = operands.flatMap((operand) => (operand.kind === 'model' ? [operand.path] : []))
  if (on !== undefined) return on
  if (models.length === 1) return models[0]
  throw new TypeError(`Expected --on MODEL, since there are ${models.length} models that could be evaluated.`)
}

/** Prunes by every order and at random, and evaluates on one model. */
async function transferred(
  model: string,
  rankings: readonly Ranked[],
  invocation: Invocation,
): Promise<Curves> {
  const checkpoint = await openCheckpoint(model, invocation)
  const settings = { ...evaluateSettings(invocation), ...sweepSettings(invocation) }
  const methods = [...transferMethods(rankings.map(({ name, heads }) => ({ name, heads }))), 'random']
  checkHeads(checkpoint, rankings)
  return drawn(checkpoint, { ...settings, methods, units: ['heads'] }, invocation)
}

/** @throws TwofourError CHECKPOINT_MISMATCH where an order names a head that is not there */
function checkHeads({ spec, directory }: Checkpoint, rankings: readonly Ranked[]): void {
  for (const { name, heads: rows } of rankings) {
    const stray = rows.find(([layer, head]) => spec.layers[layer]?.heads.includes(head) !== true)
    if (stray === undefined) continue
    const [layer, head] = stray
    const message = `Expected the orders to be of heads that ${directory} has, got head ${head} of layer ${layer} in \`${name}\`.`
    throw new TwofourError('CHECKPOINT_MISMATCH', message, { layer, head })
  }
}
