import type { WeightSource } from '../../binding.js'
import type { Slot } from '../architecture/spec.js'
import { encoderGraph } from '../onnx/encoder-graph.js'
import { type ModelFile, modelFiles, protobufLimit } from '../onnx/model-file.js'
import { readSentenceConfig, type SentenceConfig } from '../sentence-config.js'
import type { Checkpoint } from './checkpoint.js'
import { keyOf, weightSources } from './decision.js'
import type { WeightFile } from './weight-files.js'

export type OnnxModel = {
  readonly files: readonly WeightFile[]
  /** Who can load it, as sentences. */
  readonly loadsIn: readonly string[]
}

/**
 * A checkpoint under its decision as an ONNX model: what was removed is not there, masked weights are zeros.
 * @throws TwofourError of readSentenceConfig
 */
export async function onnxModel(
  { root, spec, base, slots, decision }: Checkpoint,
  limit = protobufLimit,
): Promise<OnnxModel> {
  const config = await readSentenceConfig(root)
  const unsupported = whyNoSentence(config)
  const { poolings, normalize, dimensions = Number.POSITIVE_INFINITY } = config
  const sentence =
    poolings === undefined || unsupported !== undefined ? null : { poolings, normalize, dimensions }
  const [words, output] = ['wordEmbeddings', 'head.output.weight'].map((slot) => slots.get(slot))
  const tied = words !== undefined && output !== undefined && keyOf(words) === keyOf(output)

  const graph = encoderGraph(spec, { sentence, tied })
  const sources = weightSources(slots, base, decision, 'remove')
  const files = modelFiles(graph, limit).map((file) => weightFile(file, sources))
  return { files, loadsIn: whoLoads(unsupported) }
}

function whyNoSentence({ unsupported, includePrompt }: SentenceConfig): string | undefined {
  if (unsupported !== undefined || includePrompt) return unsupported
  return "its pooling leaves out a prompt's tokens (include_prompt is false), and a graph does not know which they are."
}

function weightFile(
  { name, header, weights }: ModelFile,
  sources: ReadonlyMap<Slot, WeightSource>,
): WeightFile {
  const tensors = weights.map(({ before, weight: { slot, transposed } }) => {
    return { ...sources.get(slot)!, before, as: transposed ? 'float32Transposed' : 'float32' } as const
  })
  return { name, header, tensors }
}

function whoLoads(unsupported: string | undefined): string[] {
  const loaders = [
    'any ONNX runtime: opset 17, standard operators, fp32',
    "Optimum's classes for onnxruntime; transformers.js with `subfolder: ''` and `dtype: 'fp32'`",
  ]
  return unsupported === undefined ? loaders : [...loaders, `without \`sentence_embedding\`: ${unsupported}`]
}
