import type { Checkpoint, CheckpointSummary, Safetensors, WeightInspection } from '../index.js'
import { bytes, percent, several } from './amounts.js'
import type { MemoryEstimate } from './memory-estimate.js'
import { alignedPairs, alignedTable, type Cell, grouped } from './table.js'

const linears = ['query', 'key', 'value', 'attentionOutput', 'ffnIn', 'ffnOut']

/** A checkpoint for people: what it is, then a row for each layer, then the matrices outside the layers. */
export function checkpointReport(
  checkpoint: Checkpoint,
  matrices: readonly WeightInspection[] | null,
  memory: MemoryEstimate,
): string {
  const summary = checkpoint.summary()
  const parts = [alignedPairs(facts(checkpoint, summary, matrices, memory)), layerTable(checkpoint, matrices)]
  const others = matrices?.filter(({ slot }) => !slot.startsWith('layers.')) ?? []
  if (others.length > 0) parts.push(otherTable(others))
  return parts.join('\n\n')
}

/** The tensors of a file, in the order of its header. */
export function fileReport({ file, size, headerBytes, metadata, tensors }: Safetensors): string {
  const head = alignedPairs([
    ['file', `${file}, ${bytes(size)}, ${several(tensors.size, 'tensor')}`],
    ['header', `${grouped(headerBytes)} bytes`],
    ...[...metadata].map(([key, value]) => [printable(key), printable(value)] as const),
  ])
  const rows = [...tensors].map(([name, { dtype, shape, begin, end }]) => [
    printable(name),
    dtype,
    `[${shape.join(', ')}]`,
    end - begin,
  ])
  return rows.length === 0 ? head : `${head}\n\n${alignedTable(['tensor', 'dtype', 'shape', 'bytes'], rows)}`
}

function facts(
  { spec }: Checkpoint,
  summary: CheckpointSummary,
  matrices: readonly WeightInspection[] | null,
  memory: MemoryEstimate,
): [string, Cell][] {
  const { head } = summary
  const stored = Object.entries(summary.dtypes).map(([dtype, count]) => `${count} ${dtype}`)
  const sum = (pick: (matrix: WeightInspection) => number) =>
    (matrices ?? []).reduce((total, matrix) => total + pick(matrix), 0)
  const pattern = (matrices ?? []).filter(({ twoOfFour }) => twoOfFour).length
  const elements = sum((matrix) => matrix.elements)
  const zeros = sum((matrix) => matrix.zeros)
  return [
    ['architecture', summary.architecture],
    ['head', head === null ? 'none' : `${spaced(head.kind)}, ${several(head.labels, 'output')}`],
    ['layers', `${spec.layers.length}, hidden ${spec.hidden}, head size ${spec.headSize}`],
    ['vocabulary', summary.vocab],
    ['parameters', summary.parameters],
    ['stored', `${bytes(summary.bytes)}: ${stored.join(', ')} tensors`],
    ['memory', memoryLine(memory)],
    ...(matrices === null
      ? []
      : ([
          [
            'zeros',
            `${grouped(zeros)} of ${grouped(elements)} in matrices (${percent(share(zeros, elements))})`,
          ],
          ['2:4', `${pattern} of ${several(matrices.length, 'matrix', 'matrices')}`],
        ] as [string, Cell][])),
  ]
}

function memoryLine({ dtype, weights, activations, tokens }: MemoryEstimate): string {
  return `about ${bytes(weights)} of weights in ${dtype}, and ${bytes(activations)} for ${grouped(tokens)} tokens at once`
}

/** One row for each weight set; `2:4` beside the zeros of a matrix that has the pattern. */
function layerTable({ spec }: Checkpoint, matrices: readonly WeightInspection[] | null): string {
  const bySlot = new Map(matrices?.map((matrix) => [matrix.slot, matrix]))
  const sets = [...new Set(spec.layers.map(({ weights }) => weights))]
  const rows = sets.map((set) => {
    const users = spec.layers.flatMap(({ weights }, at) => (weights === set ? [at] : []))
    const { heads, inner } = spec.layers[users[0]!]!
    const zeros = linears.map((linear) => zerosOf(bySlot.get(`layers.${set}.${linear}.weight`)))
    return [ranges(users), heads.length, inner, ...(matrices === null ? [] : zeros)]
  })
  if (rows.length === 0) return 'No layers.'
  return alignedTable(['layer', 'heads', 'neurons', ...(matrices === null ? [] : linears)], rows)
}

function otherTable(matrices: readonly WeightInspection[]): string {
  const rows = matrices.map(({ slot, shape, zeros, elements, twoOfFour }) => [
    slot,
    `[${shape.join(', ')}]`,
    zeros,
    percent(share(zeros, elements)),
    twoOfFour ? 'yes' : 'no',
  ])
  return alignedTable(['matrix', 'shape', 'zeros', 'share', '2:4'], rows)
}

function zerosOf(matrix: WeightInspection | undefined): string {
  if (matrix === undefined) return ''
  return `${percent(share(matrix.zeros, matrix.elements))}${matrix.twoOfFour ? ' 2:4' : ''}`
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}

/** 0, 1, 2, 5 → `0-2,5`. */
function ranges(indices: readonly number[]): string {
  const runs: [number, number][] = []
  for (const index of indices) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === index - 1) last[1] = index
    else runs.push([index, index])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}

function spaced(kind: string): string {
  return kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

/** A name from a file must not move the cursor. */
function printable(text: string): string {
  const line = text.replace(/\p{C}/gu, (character) => JSON.stringify(character).slice(1, -1))
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}
