/**
 * Oniguruma, which the library matches with, gives up after ten million steps backwards in one match, and the library
 * then ends the process. So a pattern is taken only where no text of `longestText` characters takes it there.
 */
const mostRetries = 10_000_000

/** More repetitions than this count as any number of them. */
const fewRepetitions = 64

type Node = {
  readonly type: string
  readonly kind?: string
  readonly min?: number
  readonly max?: number
  readonly atomic?: boolean
  readonly body?: Node | readonly Node[]
}

/**
 * Of a part of a pattern: how many repetitions without a bound it has, whether it can match nothing at all, and
 * whether what follows such a repetition inside it can fail.
 */
type Shape = { readonly unbounded: number; readonly nullable: boolean; readonly late: boolean }

/**
 * `slow`: why a pattern may take time that grows with the square of a text or faster, if it does. `empty`: whether
 * it may match without taking any character.
 */
export type Examined = { readonly slow: string | undefined; readonly empty: boolean }

export async function examine(pattern: string): Promise<Examined> {
  // Few tokenizers have an expression of their own.
  const { toOnigurumaAst } = await import('oniguruma-parser')
  try {
    const tree: unknown = toOnigurumaAst(pattern)
    const list = listOf(tree as Node)
    for (const alternative of list) shapeOf(alternative)
    return { slow: undefined, empty: list.some((alternative) => shortest(alternative) === 0) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { slow: error instanceof Backtracking ? why : `cannot be checked: ${why}`, empty: true }
  }
}

/** The fewest characters that a match of `node` takes. */
function shortest(node: Node): number {
  switch (node.type) {
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
      return 1
    case 'Alternative':
      return listOf(node).reduce((sum, part) => sum + shortest(part), 0)
    case 'Group':
    case 'CapturingGroup':
      return Math.min(...listOf(node).map(shortest))
    case 'Quantifier':
      return (node.min ?? 0) * shortest(node.body as Node)
    default:
      return 0
  }
}

/** Characters of a text of which `pattern`, which does not backtrack, surely keeps within the bound. */
export function longestText(pattern: string): number {
  const quantifiers = pattern.match(/[*+}]/g)?.length ?? 0
  return Math.floor(mostRetries / (1 + quantifiers))
}

class Backtracking extends Error {}

const one: Shape = { unbounded: 0, nullable: false, late: false }

function shapeOf(node: Node): Shape {
  switch (node.type) {
    case 'Alternative':
      return sequence(listOf(node).map(shapeOf))
    case 'Group':
    case 'CapturingGroup': {
      const shape = alternatives(listOf(node))
      return node.atomic === true ? { ...shape, unbounded: 0 } : shape
    }
    case 'LookaroundAssertion': {
      // It can fail, whatever it holds.
      const { unbounded } = alternatives(listOf(node))
      return { unbounded, nullable: false, late: unbounded > 0 }
    }
    case 'Quantifier':
      return repeated(node)
    case 'Directive':
      return { ...one, nullable: true }
    case 'Assertion':
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
      return one
    default:
      throw new Backtracking(`has a ${words(node.type)}, which can make it take any time`)
  }
}

/** One after another: where two repetitions without a bound come before what can fail, all ways to share are tried. */
function sequence(parts: readonly Shape[]): Shape {
  let unbounded = 0
  let late = false
  for (const part of parts) {
    if ((unbounded > 1 && !part.nullable) || (unbounded > 0 && part.late)) {
      throw new Backtracking('has repetitions that can share a text in many ways before it fails')
    }
    late ||= part.late || (unbounded > 0 && !part.nullable)
    unbounded += part.unbounded
  }
  return { unbounded, nullable: parts.every(({ nullable }) => nullable), late }
}

function alternatives(list: readonly Node[]): Shape {
  const shapes = list.map(shapeOf)
  return {
    unbounded: Math.max(0, ...shapes.map(({ unbounded }) => unbounded)),
    nullable: shapes.some(({ nullable }) => nullable),
    late: shapes.some(({ late }) => late),
  }
}

function repeated(node: Node): Shape {
  const { min = 0, max = Number.POSITIVE_INFINITY } = node
  const body = node.body as Node
  const inner = shapeOf(body)
  const nullable = min === 0 || inner.nullable
  const possessive = node.kind === 'possessive'
  if (max <= 1)
    return { unbounded: possessive ? 0 : inner.unbounded, nullable, late: inner.late && !nullable }
  if (varies(body)) {
    throw new Backtracking('repeats what can match in several ways, so that it can take any time')
  }
  const bounded = possessive || max - min <= fewRepetitions
  return { unbounded: bounded ? 0 : 1, nullable, late: false }
}

/** Whether one match of `node` may have several lengths, or come about in several ways. */
function varies(node: Node): boolean {
  if (node.type === 'Quantifier') return node.min !== node.max || varies(node.body as Node)
  if (node.type === 'LookaroundAssertion') return true
  const list = node.type === 'CharacterClass' ? [] : listOf(node)
  if (node.type !== 'Alternative' && list.length > 1) return true
  return list.some(varies)
}

function listOf({ body }: Node): readonly Node[] {
  if (body === undefined) return []
  return Array.isArray(body) ? (body as readonly Node[]) : [body as Node]
}

function words(type: string): string {
  return type.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase()
}
