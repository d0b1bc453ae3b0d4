import type { Family, HeadTable } from '../architecture/family.js'
import { type Activation, type HeadKind, type HeadSpec, headKinds } from '../architecture/spec.js'
import type { TwofourError } from '../errors.js'
import type { Config } from './config.js'
import { hasLabels, readLabels } from './labels.js'
import { modelTypeOfClass } from './model-type.js'

/**
 * Which task head to open: 'auto' leaves one out that cannot be opened, and notes it; 'require' refuses. A kind is
 * required whatever `architectures` says.
 */
export const headChoices = ['auto', 'none', 'require', ...headKinds] as const
export type HeadChoice = (typeof headChoices)[number]

/** A task head that was left out: its class, as `architectures` names it, and why, as a sentence. */
export type UnopenedHead = {
  readonly asked: string | null
  readonly reason: string
  /** A sentence on what helps whoever needs the head. */
  readonly fix: string
}

/** What `architectures[0]` names. */
export type NamedHead = {
  readonly table: HeadTable | null
  /** The class; null where the file names none. */
  readonly asked: string | null
  /** Why there is no table, where the class should have a head. */
  readonly unopened: UnopenedHead | null
  /** A sentence on what is not obvious of the table. */
  readonly note: string | null
}

const noClass =
  "config.json names no architecture: opened as an encoder without a head. `head` may name one, such as 'sequenceClassification'."

const headless = { table: null, unopened: null, note: null } as const

export function isKind(ask: HeadChoice): ask is HeadKind {
  return headKinds.some((kind) => kind === ask)
}

/**
 * The head that `architectures[0]` names: the first counts, as in transformers; where a kind is asked for and the class
 * is of another, the family's usual head of that kind.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG
 */
export function chooseHead(family: Family, config: Config, ask: HeadChoice): NamedHead {
  const named = namedHead(family, config)
  if (!isKind(ask) || named.table?.kind === ask) return named
  const tables = [...family.heads.values()].filter((head) => typeof head === 'object')
  const table = tables.find((head) => head?.kind === ask) ?? null
  return { ...headless, asked: named.asked, table }
}

function namedHead(family: Family, config: Config): NamedHead {
  const value = config.get('architectures') ?? []
  const names: unknown = typeof value === 'string' ? [value] : value
  if (!Array.isArray(names)) throw config.refusal('architectures', 'a list of names', names)
  if (names.length === 0) {
    return { ...headless, asked: null, note: noClass }
  }

  const asked: unknown = names[0]
  if (typeof asked !== 'string') throw config.refusal('architectures[0]', 'a name', asked)
  const own = modelTypeOfClass(asked) === undefined
  const suffix = suffixOf(asked, family)
  const choice = suffix === undefined ? undefined : family.heads.get(suffix)
  if (typeof choice === 'string')
    return { ...headless, asked, note: choice, unopened: without(asked, choice) }
  if (choice === undefined || (own && choice === null)) return unknownClass(asked, family)
  return { table: choice, asked, unopened: null, note: noteOn(asked, suffix!, own) }
}

/**
 * @param rows of the output weight, where it is there
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG
 */
export function readHead(
  table: HeadTable,
  config: Config,
  sizes: { readonly vocab: number; readonly hidden: number; readonly embedding: number },
  activation: Activation,
  rows: number | undefined,
): HeadSpec {
  const { kind, input, transform } = table
  return {
    kind,
    labels: countLabels(table, config, sizes.vocab, rows),
    input,
    transform: transform && {
      size: sizes[transform.size],
      activation: transform.activation === 'config' ? activation : transform.activation,
      norm: transform.norm !== null,
    },
  }
}

/** What a refusal of a verb or an output says of a model whose head was left out. */
export function sayUnopened({ asked, reason, fix }: UnopenedHead): string {
  const whose = asked === null ? 'its head' : `the head of ${asked}, which config.json asks for,`
  return `${whose} was not opened: ${reason} ${fix}`
}

/** Of a checkpoint that was opened with head 'none'. */
export function leftOut(asked: string | null): UnopenedHead {
  const reason = "the checkpoint was opened with head 'none'."
  return { asked, reason, fix: "Open it with head 'auto'." }
}

function countLabels({ kind }: HeadTable, config: Config, vocab: number, rows: number | undefined): number {
  if (hasLabels({ kind })) return readLabels(config, rows).names.length
  return kind === 'maskedLanguage' ? vocab : 2
}

/** The longest ending that the family knows: `ForMaskedLM` of `MyBertForMaskedLM`. */
function suffixOf(name: string, { heads }: Family): string | undefined {
  if (name.endsWith('LMHeadModel')) return undefined
  return [...heads.keys()].filter((key) => name.endsWith(key)).sort((a, b) => b.length - a.length)[0]
}

function unknownClass(asked: string, { heads }: Family): NamedHead {
  const reason = `twofour has no such head; it knows ${[...heads.keys()].filter((key) => key !== 'Model').join(', ')}.`
  return { ...headless, asked, unopened: without(asked, reason), note: null }
}

function without(asked: string, reason: string): UnopenedHead {
  const fix =
    'Open a model that was trained for this task; if the tensors are of a usual head, name its class first in `architectures` of config.json.'
  return { asked, reason, fix }
}

function noteOn(asked: string, suffix: string, own: boolean): string | null {
  if (suffix === 'ForPreTraining') {
    return `${asked} has two heads: that of masked language was opened, and the one over pairs of sentences left out.`
  }
  return own
    ? `${asked} is a class of the authors' own: its head was read as ${suffix} of transformers.`
    : null
}

/** To throw where the head is required. */
export function requiredHead(config: Config, { asked, reason, fix }: UnopenedHead): TwofourError {
  const wanted = 'a class whose head can be opened'
  const help = `${reason} ${fix} Its encoder alone opens with head 'none' or 'auto'.`
  return config.unsupported('architectures[0]', wanted, asked ?? undefined, help)
}
