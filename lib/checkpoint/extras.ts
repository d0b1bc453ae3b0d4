import type { WeightSource } from '../../binding.js'
import { anyLayerPattern } from '../architecture/names.js'
import type { Opened } from './assemble.js'
import type { TensorLabel } from './safetensors-layout.js'

/** A tensor that nothing here reads, and where its bytes are. */
export type ExtraTensor = TensorLabel & { readonly source: WeightSource }

/**
 * Tensors that a saved checkpoint keeps although nothing read them: a head that was not opened, buffers. Layers beyond
 * those that config.json asks for are left out, since their numbers may be another layer's by then, and a second copy of
 * tied word embeddings.
 */
export function keptExtras({
  shards,
  ignored,
  naming,
}: Pick<Opened, 'shards' | 'ignored' | 'naming'>): ExtraTensor[] {
  const ofLayers = anyLayerPattern(naming)
  const copy = naming.tied ? `${naming.headPrefix ?? ''}${naming.head?.output}.weight` : undefined
  return ignored
    .filter((name) => name !== copy && !ofLayers.test(name))
    .map((name) => {
      const { dtype, shape, begin, end, in: file } = shards.tensors.get(name)!
      // As bytes: native code knows fewer dtypes than the format, and writes what it is given.
      const bytes = { dtype: 'U8' as const, shape: [end - begin] }
      const place = { path: file.file, begin: file.dataOffset + begin, fileSize: file.size }
      return { name, dtype, shape, source: { name, ...bytes, ...place } }
    })
}
