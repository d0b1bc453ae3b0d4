/** A labelled span of words, first and last included. */
export type Entity = { type: string; first: number; last: number }

const notation = /^(O|[BIESUL]-.*)$/

/** Whether labels are written in IOB1, IOB2, IOBES or BILOU and not all of them are `O`. */
export function isEntityNotation(labels: Iterable<string>): boolean {
  let inside = false
  for (const label of labels) {
    if (!notation.test(label)) return false
    inside ||= label !== 'O'
  }
  return inside
}

/**
 * The entities of one sentence by the rules of the CoNLL-2000 shared task's scorer, which accept sequences that no
 * scheme allows: a span begins at `B` and `S`, after `O`, `E` and `S`, and where the type changes; it ends at `E`
 * and `S`, before `B`, `S` and `O`, and where the type changes. BILOU's `U` and `L` are read as `S` and `E`.
 */
export function entitiesOf(labels: readonly string[]): Entity[] {
  const entities: Entity[] = []
  let previous = outside
  for (const [at, label] of labels.entries()) {
    const tag = tagOf(label)
    if (tag.kind !== 'O') {
      if (begins(previous, tag)) entities.push({ type: tag.type, first: at, last: at })
      else entities.at(-1)!.last = at
    }
    previous = tag
  }
  return entities
}

type Tag = { kind: string; type: string }

const outside: Tag = { kind: 'O', type: '' }

function tagOf(label: string): Tag {
  if (label === 'O' || label === '') return outside
  const kind = label[0]!
  return { kind: kind === 'U' ? 'S' : kind === 'L' ? 'E' : kind, type: label.slice(2) }
}

function begins(previous: Tag, tag: Tag): boolean {
  return 'BS'.includes(tag.kind) || 'OES'.includes(previous.kind) || previous.type !== tag.type
}
