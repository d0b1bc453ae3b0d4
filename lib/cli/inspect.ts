import { stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import {
  type Checkpoint,
  describeFolder,
  type FileRead,
  type IgnoredFile,
  inspectWeights,
  reportText,
  Safetensors,
  type TextReport,
  TwofourError,
  type WeightInspection,
} from '../index.js'
import type { Command, Invocation } from './command.js'
import { checkDevice, dtypeOption } from './devices.js'
import { folderText, type KeyIgnored } from './inspect-folder.js'
import { checkpointReport, fileReport } from './inspect-report.js'
import { textReport } from './inspect-text.js'
import { estimateMemory } from './memory-estimate.js'
import { headOption, openCheckpoint } from './open-checkpoint.js'

export const inspect: Command = {
  name: 'inspect',
  summary:
    'shows what a model or a safetensors file holds: sizes, zeros, 2:4 matrices, heads, memory, files read',
  usage: 'inspect MODEL|FILE.safetensors [--json]',
  example: 'twofour inspect models/demo/model',
  options: headOption,
  notes:
    'A directory is read as a checkpoint. Of a .safetensors file the table of tensors is shown, and the checkpoint\n' +
    'too where its config.json lies beside it. --dtype is what memory is estimated for.',
  arguments: { name: 'MODEL', least: 1, most: 1 },
  async run(invocation) {
    const [path] = invocation.args as [string]
    const { options, output } = invocation
    checkDevice(options.text('device'))
    const file = await openFile(path, invocation.signal)
    const model = await openModel(path, file, invocation)
    const found = { path, ...model.facts, ...(file && fileFacts(file)), notes: model.notes }
    await output.result(found, () => {
      const parts = [model.report, file && fileReport(file), ...model.notes.map((note) => `Note: ${note}`)]
      return parts.filter((part) => part !== null && part !== '').join('\n\n')
    })
  },
}

/** Null for a directory. */
async function openFile(path: string, signal: AbortSignal): Promise<Safetensors | null> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.isDirectory() === true ? null : Safetensors.open(path, { signal })
}

type Model = { facts: object; report: string; notes: string[] }

/** A file that is no checkpoint is still a file: then the reason becomes a note. */
async function openModel(path: string, file: Safetensors | null, invocation: Invocation): Promise<Model> {
  if (file !== null && !(await isThere(join(path, '..', 'config.json')))) {
    return { facts: {}, report: '', notes: ['No config.json lies beside the file, so it is shown as it is.'] }
  }
  try {
    return await describeModel(await openCheckpoint(path, invocation), invocation)
  } catch (error) {
    if (file === null || !(error instanceof TwofourError)) throw error
    return { facts: {}, report: '', notes: [`It is no checkpoint that runs here: ${error.message}`] }
  }
}

async function describeModel(checkpoint: Checkpoint, invocation: Invocation): Promise<Model> {
  const { options, signal, onProgress } = invocation
  const dtype = dtypeOption(options.text('dtype')) ?? 'float32'
  const { notes: found, ...summary } = checkpoint.summary()
  const memory = estimateMemory(checkpoint, dtype)
  const notes = [...found]

  const matrices = await inspectWeights(checkpoint, { signal, onProgress }).catch((error: unknown) => {
    if (!(error instanceof TwofourError) || error.code !== 'ADDON_MISSING') throw error
    notes.push(`Zeros were not counted. ${error.message}`)
    return null
  })
  const layers = checkpoint.spec.layers.map(({ weights, heads, inner }) => ({
    weights,
    heads,
    neurons: inner,
  }))
  const text = await reportText(checkpoint)
  const folder = await describeFolder(checkpoint.root, [...readsOf(checkpoint), ...text.reads])
  const { reads } = folder
  const ignoredFiles = withReasons(folder.ignored, text.ignored)
  const ignoredKeys = keysIgnored(checkpoint, text.ignored)
  const { unopenedHead } = checkpoint
  return {
    facts: {
      ...summary,
      labels: checkpoint.labels,
      layers,
      memory,
      matrices,
      ...totals(matrices),
      unopenedHead,
      reads,
      ignoredFiles,
      ignoredKeys,
      text: { tokenizer: text.tokenizer, embedding: text.embedding, classification: text.classification },
    },
    report: [
      checkpointReport(checkpoint, matrices, memory),
      textReport(text),
      folderText({ reads, ignored: ignoredFiles }, ignoredKeys),
    ].join('\n\n'),
    notes,
  }
}

/** The checkpoint's own reads, relative to the folder that was opened. */
function readsOf({ root, directory, reads }: Checkpoint): FileRead[] {
  return reads.map((read) => ({ ...read, file: relative(root, join(directory, read.file)) }))
}

/** Keys of config.json and of sentence-transformers' files that were not obeyed. */
function keysIgnored(checkpoint: Checkpoint, others: TextReport['ignored']): KeyIgnored[] {
  const config = relative(checkpoint.root, join(checkpoint.directory, 'config.json'))
  return [
    ...checkpoint.ignoredKeys.map((ignored) => ({ file: config, ...ignored })),
    ...others.flatMap(({ file, key, why }) => (key === undefined ? [] : [{ file, key, reason: why }])),
  ]
}

/** A reader that passed a file over knows better why. */
function withReasons(files: readonly IgnoredFile[], ignored: TextReport['ignored']): IgnoredFile[] {
  const whole = new Map(ignored.flatMap(({ file, key, why }) => (key === undefined ? [[file, why]] : [])))
  return files.map(({ file, reason }) => ({ file, reason: whole.get(file) ?? reason }))
}

function totals(matrices: readonly WeightInspection[] | null) {
  if (matrices === null) return {}
  const zeros = matrices.reduce((sum, matrix) => sum + matrix.zeros, 0)
  return { zeros, twoOfFour: matrices.filter(({ twoOfFour }) => twoOfFour).map(({ slot }) => slot) }
}

function fileFacts({ file, size, headerBytes, metadata, tensors }: Safetensors) {
  return {
    file,
    bytes: size,
    headerBytes,
    metadata: Object.fromEntries(metadata),
    tensors: [...tensors].map(([name, entry]) => ({ name, ...entry })),
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
