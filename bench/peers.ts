// onnxruntime-node on the same weights, in fp32 and in its dynamic int8, where it and what it needs are installed.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Checkpoint, devices } from 'twofour'
import type { Subject } from '../dist/bench/subject.js'
import { temporaryDirectory } from '../test/temporary-directory.js'
import { threads as askedThreads } from './measure.js'
import type { PeerSettings } from './onnxruntime-subject.js'
import { peerFolder } from './peers/onnxruntime.js'

export const peerThreads = askedThreads ?? devices()[0]!.threads!

/** A peer, or the sentence why it is not here and what installs it. */
export type Found = { readonly name: string; readonly settings: PeerSettings }
export type Peers = { readonly found: readonly Found[]; readonly missing: readonly string[] }

export const peerNames = { float32: 'onnxruntime float32', int8: 'onnxruntime int8' } as const

const folder = join(import.meta.dirname, 'peers')

export function peerSubject({ name, settings }: Found): Subject {
  return { name, module: new URL('./onnxruntime-subject.ts', import.meta.url).href, settings }
}

/** The model as a graph, and that quantised; both go when this process does. */
export async function findPeers(directory: string): Promise<Peers> {
  if (peerFolder() === null) {
    const fix = 'Install it: npm ci --ignore-scripts --prefix bench/peers'
    return { found: [], missing: [`onnxruntime-node is not installed. ${fix}`] }
  }
  const found = (name: string, model: string): Found => ({ name, settings: { model, threads: peerThreads } })
  try {
    const out = join(temporaryDirectory('onnx'), 'model')
    await (await Checkpoint.open(directory)).save(out, { form: 'onnx' })
    const plain = join(out, 'model.onnx')
    const quantised = await quantise(plain, join(out, 'int8.onnx'))
    const all = [found(peerNames.float32, plain)]
    if ('file' in quantised) all.push(found(peerNames.int8, quantised.file))
    return { found: all, missing: 'missing' in quantised ? [quantised.missing] : [] }
  } catch (error) {
    return { found: [], missing: [`onnxruntime has nothing to run: ${sentence(error)}`] }
  }
}

async function quantise(plain: string, file: string): Promise<{ file: string } | { missing: string }> {
  const python = process.env.TWOFOUR_TEST_PYTHON
  const fix =
    'Install it: python3 -m venv venv && venv/bin/pip install -r bench/peers/requirements.txt, and name venv/bin/python3 in TWOFOUR_TEST_PYTHON'
  if (python === undefined) return { missing: `${peerNames.int8} needs Python's onnxruntime. ${fix}` }
  try {
    await promisify(execFile)(python, [join(folder, 'quantise.py'), plain, file])
    return { file }
  } catch (error) {
    return { missing: `${peerNames.int8} was not made: ${sentence(error)} ${fix}` }
  }
}

function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.trimEnd().split('\n').at(-1)!
}
