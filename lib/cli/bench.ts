import { basename } from 'node:path'
import type { BenchResult } from '../bench/result.js'
import { type BenchOptions, runBench } from '../bench/run-bench.js'
import { usualNames } from '../bench/variants.js'
import { TwofourError } from '../index.js'
import { benchPage, benchText } from './bench-report.js'
import { readCalibration } from './calibration-file.js'
import type { Command, Invocation } from './command.js'
import { checkPublishable, publish } from './demo/publish.js'
import { deviceKind } from './devices.js'
import { headChoice, headOption } from './open-checkpoint.js'
import type { OptionValues } from './option-values.js'
import { inFlagWords } from './prune.js'
import { plainStepOptions, recipeSource } from './prune-options.js'
import { readBytes, utf8 } from './texts.js'

export const bench: Command = {
  name: 'bench',
  summary: 'times a model here: dtypes, 2:4 and other zeros, removed heads and neurons, side by side',
  usage: 'bench MODEL [--batch 1,8,32] [--length 16,128,384] [--texts FILE] [--html FILE] [--json]',
  example:
    'twofour bench models/demo/model --batch 1,8 --length 16,64\n' +
    'twofour bench models/demo/model --pattern neurons --fraction 0.25 --variants masked,removed',
  options: {
    batch: { value: 'A,B', help: 'sequences of a batch (default 1,8,32; of --texts 32)' },
    length: { value: 'A,B', help: 'tokens of every sequence (default 16,128,384)' },
    texts: { value: 'FILE', help: 'your own texts, one a line, in their order, instead of --length' },
    limit: { value: 'N', help: 'only the first N of the texts' },
    variants: {
      value: 'A,B',
      help: `beside float32: ${usualNames.slice(1).join(', ')}, its zeros, masked, removed (default all)`,
    },
    recipe: { value: 'FILE', help: 'a recipe: adds the variants masked and removed' },
    ...plainStepOptions,
    rounds: { value: 'N', help: 'rounds over all variants in turn (default 7)' },
    threads: { value: 'N', help: 'CPU threads (default: what cores, affinity and quota allow)' },
    calibration: { value: 'FILE', help: 'for int8 on CUDA: typical texts, one a line, or token ids (.json)' },
    ...headOption,
    html: { value: 'FILE', help: 'writes the table as a page of its own too' },
  },
  notes:
    'Every variant is a process of its own, and all are in memory together. A variant that this device, build or model refuses is listed with the reason.',
  arguments: { name: 'MODEL', least: 1, most: 1 },
  async run(invocation) {
    const { options, output, signal } = invocation
    const settings = await benchOptions(invocation)
    const page = options.text('html')
    if (page !== undefined) await checkPublishable(page)

    const result = await measured(settings, options)

    if (page !== undefined) await publish(page, benchPage(result), signal)
    await output.result(result, () => benchText(result, process.stdout.columns))
  },
}

async function benchOptions(invocation: Invocation): Promise<BenchOptions> {
  const { args, options, signal, onProgress } = invocation
  deviceKind(options.text('device'))
  if (options.has('dtype')) throw new TypeError('The dtypes are variants: name them in --variants.')
  const texts = await ownTexts(invocation)
  return {
    model: args[0]!,
    head: headChoice({ options }),
    recipe: ownRecipe(options),
    variants: listOption(options, 'variants'),
    batches: wholesOption(options, 'batch'),
    lengths: wholesOption(options, 'length'),
    texts,
    rounds: options.whole('rounds', 1) ?? 7,
    threads: options.whole('threads', 1),
    device: options.text('device'),
    calibration: await readCalibration({ options, signal }),
    signal,
    onProgress,
  }
}

async function measured(settings: BenchOptions, options: OptionValues): Promise<BenchResult> {
  try {
    return await runBench(settings)
  } catch (error) {
    throw options.has('pattern') ? inFlagWords(error) : error
  }
}

function ownRecipe(options: OptionValues): BenchOptions['recipe'] {
  if (options.has('recipe') || options.has('pattern')) {
    const source = recipeSource(options, plainStepOptions)
    return source.kind === 'plan' ? undefined : source.recipe
  }
  const stray = Object.keys(plainStepOptions).find((name) => options.has(name))
  if (stray !== undefined) throw new TypeError(`--${stray} is for a step by options: add --pattern NAME.`)
  return undefined
}

/** Of every line that is not empty. @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, DATA_INVALID */
async function ownTexts({ options, signal }: Invocation): Promise<BenchOptions['texts']> {
  const file = options.text('texts')
  if (file === undefined) {
    if (options.has('limit')) throw new TypeError('--limit is for --texts FILE.')
    return undefined
  }
  if (options.has('length')) throw new TypeError('Expected one of --texts and --length, got both.')
  const limit = options.whole('limit', 1)
  const content = utf8(await readBytes(file, 'texts, one a line', signal), `\`${file}\``)
  const texts = content.split(/\r?\n/).filter((line) => line !== '')
  if (texts.length === 0) {
    throw new TwofourError('DATA_INVALID', `Expected \`${file}\` to hold texts, one a line, got none.`, {
      file,
    })
  }
  return { name: basename(file), texts: texts.slice(0, limit) }
}

function listOption(options: OptionValues, name: string): string[] | undefined {
  return options
    .text(name)
    ?.split(',')
    .map((part) => part.trim())
}

function wholesOption(options: OptionValues, name: string): number[] | undefined {
  return listOption(options, name)?.map((part) => {
    if (/^\d+$/.test(part) && Number(part) > 0 && Number(part) <= 100_000) return Number(part)
    throw new TypeError(
      `Expected --${name} to be whole numbers from 1 with commas between them, as 1,8, got '${options.text(name)}'.`,
    )
  })
}
