import { readdir } from 'node:fs/promises'
import { basename, relative, sep } from 'node:path'
import type { FileRead, KeyRead } from '../reading.js'
import type { Config } from './config.js'
import type { Shards } from './shards.js'

/** A file of a model's folder that nothing read, and why. */
export type IgnoredFile = { readonly file: string; readonly reason: string }

export type FolderReport = {
  readonly reads: readonly FileRead[]
  readonly ignored: readonly IgnoredFile[]
}

/** config.json with its keys, then the index, then the weights. */
export function fileReads(shards: Shards, config: Config, keys: readonly KeyRead[]): FileRead[] {
  const weights = [...(shards.index === null ? [] : [shards.index]), ...shards.files.map(({ file }) => file)]
  const plain = weights.map((file) => ({ file: inside(shards.directory, file), keys: [] }))
  return [{ file: inside(shards.directory, config.file), keys }, ...plain]
}

/** Folders, then files, by what their paths look like → why they are not read. The first that fits counts. */
const reasons: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^(?:\.git|\.cache|\.huggingface)\//, 'of the tool that downloaded it'],
  [/^onnx\/|\.onnx(?:_data)?$/, 'ONNX: the safetensors weights are read'],
  [/^openvino\/|openvino/, 'OpenVINO: the safetensors weights are read'],
  [/^(?:coreml|\w*\.mlpackage)\/|\.mlmodel$/, 'Core ML: the safetensors weights are read'],
  [/\.gguf$/, 'GGUF: the safetensors weights are read'],
  [
    /\.tflite$|(?:^|\/)tf_model\.h5$|\.h5$|\.ckpt\.|^saved_model\//,
    'TensorFlow: the safetensors weights are read',
  ],
  [/\.msgpack$/, 'Flax: the safetensors weights are read'],
  [/(?:^|\/)rust_model\.ot$/, 'rust-bert: the safetensors weights are read'],
  [/^pytorch_model.*\.(?:bin|json)$/, 'PyTorch pickle: the safetensors weights are read'],
  [
    /(?:^|\/)(?:optimizer|scheduler|rng_state\w*|scaler)\.(?:pt|pth|bin|safetensors)$/,
    'state of a training run',
  ],
  [
    /(?:^|\/)(?:training_args\.bin|trainer_state\.json|train_results\.json|all_results\.json|eval_results\.\w+)$|^runs\/|^checkpoint-\d+\/|events\.out\.tfevents/,
    'of a training run',
  ],
  [/^adapter_(?:model|config)\./, 'an adapter, which is not applied: merge it into the weights first'],
  [/^model.*\.safetensors(?:\.index.*\.json)?$/, 'other weights: pass its path to open it'],
  [/\.safetensors$/, 'other weights: pass its path to open it'],
  [/\.(?:bin|pt|pth|ckpt|pkl|npy|npz)$/, 'a pickle or array: no weights are read from it'],
  [
    /^(?:tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|vocab\.(?:txt|json)|merges\.txt|sentencepiece\.bpe\.model|spiece\.model|.*\.model)$/,
    'of a tokenizer: other files of it are read in its place',
  ],
  [
    /^(?:modules\.json|sentence_\w*_config\.json|config_sentence_transformers\.json)$|^\d+_[A-Z]\w*\//,
    'of sentence-transformers: no modules.json asks for it',
  ],
  [
    /^(?:generation_config\.json|preprocessor_config\.json|config_\w+\.json|quantize_config\.json|similarity_evaluation.*|.*_results?\.(?:csv|txt|json))$/,
    'not read: it changes no number of an encoder',
  ],
  [/^pruning\.json$/, 'says what was pruned, for people and `heads compare`'],
  [/\.py$/, 'code of a repository is never run'],
  [
    /(?:^|\/)(?:README|LICEN[CS]E|NOTICE|MODEL_CARD|USE_POLICY)[^/]*$|\.(?:md|pdf|png|jpe?g|gif|svg|ipynb|html)$/i,
    'for people',
  ],
  [/(?:^|\/)\.git(?:attributes|ignore)$/, 'of git'],
]

/**
 * Every file of a model's folder: what was read, and why the others were not.
 * @param reads of the checkpoint, and of whatever else read the folder; a file that several read has the keys of all
 * @throws the file system's errors
 */
export async function describeFolder(directory: string, reads: readonly FileRead[]): Promise<FolderReport> {
  const merged = mergedReads(reads)
  const names = (await filesOf(directory)).filter((name) => !merged.has(name))
  return {
    reads: [...merged.values()],
    ignored: names.sort().map((file) => ({ file, reason: reasonOf(file) })),
  }
}

function mergedReads(reads: readonly FileRead[]): Map<string, FileRead> {
  const merged = new Map<string, FileRead>()
  for (const { file, keys } of reads) {
    merged.set(file, { file, keys: [...(merged.get(file)?.keys ?? []), ...keys] })
  }
  return merged
}

function reasonOf(file: string): string {
  return reasons.find(([pattern]) => pattern.test(file))?.[1] ?? 'not a file that twofour reads'
}

/** Links to folders are not walked. */
async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => inside(directory, `${entry.parentPath}${sep}${entry.name}`))
}

function inside(directory: string, file: string): string {
  return relative(directory, file).split(sep).join('/') || basename(file)
}
