import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TwofourError } from '../errors.js'

/** A folder without weights that can be read, to throw: it says what is there instead, and the command that helps. */
export async function noWeights(directory: string, names: readonly string[]): Promise<TwofourError> {
  const { got, fix, code = 'FILE_NOT_FOUND', found } = await instead(directory, names)
  const message = `Expected \`${directory}\` to hold model.safetensors or model.safetensors.index.json, got ${got}. ${fix}`
  return new TwofourError(code, message, { file: join(directory, 'model.safetensors'), directory, found })
}

type Instead = {
  readonly got: string
  readonly fix: string
  readonly code?: 'CHECKPOINT_UNSUPPORTED'
  readonly found?: string
}

async function instead(directory: string, names: readonly string[]): Promise<Instead> {
  if (names.includes('snapshots') && names.includes('blobs')) return hubCache(directory)
  const find = (pattern: RegExp) => names.find((name) => pattern.test(name))
  const index = find(/\.safetensors\.index\.\w*\.?json$/)
  if (index !== undefined) return only(index, "Pass that file's path.")
  const adapter = find(/^adapter_(?:model|config)\./)
  const weights = names.filter((name) => /\.safetensors$/.test(name) && !name.startsWith('adapter_'))
  if (weights.length > 0) return safetensorsOf(weights)
  if (adapter !== undefined) {
    const merged = "PeftModel.from_pretrained(base, 'ADAPTER').merge_and_unload().save_pretrained('OUT')"
    return {
      ...only(
        adapter,
        `An adapter holds changes to another model: merge them into it with ${merged} of peft, and open OUT.`,
      ),
      code: 'CHECKPOINT_UNSUPPORTED',
    }
  }
  const single = find(/^pytorch_model(?:\.\w+)?\.bin$/) ?? find(/\.(?:bin|pt|pth|ckpt)$/)
  if (single !== undefined) return only(single, conversion(directory, single))
  const other = find(/\.(?:h5|msgpack|onnx|gguf|index)$/)
  if (other !== undefined)
    return only(
      other,
      'twofour reads safetensors alone: download those, or save the model with `save_pretrained` of transformers.',
    )
  return {
    got: 'neither',
    fix: 'Download or save the model as safetensors (`save_pretrained` of transformers does).',
  }
}

function only(name: string, fix: string): Instead {
  return { got: `${name} only`, fix, found: name }
}

function safetensorsOf(names: readonly string[]): Instead {
  if (names.length === 1) return only(names[0]!, "Pass that file's path.")
  const shard = names.find((name) => /-\d{5}-of-\d{5}\.safetensors$/.test(name))
  const fix =
    shard === undefined
      ? 'Pass the path of the one to open.'
      : 'Shards need their index: download model.safetensors.index.json too.'
  return { got: names.slice(0, 8).join(', '), fix, found: names[0]! }
}

/** Keeps every tensor's name, the head's too, which loading by a class of transformers may not. */
function conversion(directory: string, name: string): string {
  if (/-\d{5}-of-\d{5}\.bin$/.test(name)) {
    return `Convert it: python -c "from transformers import AutoModel; AutoModel.from_pretrained('${directory}').save_pretrained('${directory}')" (in place of AutoModel the class that config.json names, to keep its head).`
  }
  const [from, to] = [join(directory, name), join(directory, 'model.safetensors')]
  const script = `import torch; from safetensors.torch import save_file; w = torch.load('${from}', map_location='cpu', weights_only=True); save_file({k: v.clone().contiguous() for k, v in w.items()}, '${to}', {'format': 'pt'})`
  return `Convert it: python -c "${script}"`
}

/** The folder of a model in a hub's cache: its snapshots are what can be opened. */
async function hubCache(directory: string): Promise<Instead> {
  const snapshots = await readdir(join(directory, 'snapshots')).catch(() => [])
  const main = await readFile(join(directory, 'refs', 'main'), 'utf8').catch(() => '')
  const revision = snapshots.find((name) => name === main.trim()) ?? snapshots[0]
  const fix =
    revision === undefined
      ? 'It has no snapshots: the download is incomplete, run it again.'
      : `Pass ${join(directory, 'snapshots', revision)}.`
  return { got: "a model's folder in a hub cache", fix }
}
