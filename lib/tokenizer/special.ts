import { isJsonObject, type JsonObject } from '../json-file.js'
import type { SpecialKey } from './classes.js'
import type { Library } from './library.js'
import type { TokenizerSettings } from './settings.js'
import type { Template } from './template.js'

export const specialNames = ['cls', 'sep', 'mask', 'pad', 'unk'] as const
export type SpecialName = (typeof specialNames)[number]

/** RoBERTa's `bos` and `eos` stand for cls and sep. */
const keysOf: Readonly<Record<SpecialName, readonly SpecialKey[]>> = {
  cls: ['cls_token', 'bos_token'],
  sep: ['sep_token', 'eos_token'],
  mask: ['mask_token'],
  pad: ['pad_token'],
  unk: ['unk_token'],
}

/** Ids by the files beside tokenizer.json or the class, else by the model and the template, else by the usual names. */
export function findSpecial(
  json: JsonObject,
  { named }: TokenizerSettings,
  template: Template,
  library: Library,
): Partial<Record<SpecialName, number>> {
  const fixed = template.single.flatMap((part, index) => ('ids' in part ? [{ id: part.ids[0], index }] : []))
  const fallback: Record<SpecialName, number | undefined> = {
    cls: fixed.find(({ index }) => index === 0)?.id,
    sep: fixed.findLast(({ index }) => index > 0)?.id,
    mask: library.idOf('[MASK]') ?? library.idOf('<mask>'),
    pad: library.idOf('[PAD]') ?? library.idOf('<pad>'),
    unk: unknownId(json.model, library),
  }
  const found = specialNames.map((name) => {
    const ids = keysOf[name].map((key) => {
      const token = named.get(key)
      return token === undefined ? undefined : library.idOf(token.content)
    })
    return [name, ids.find((id) => id !== undefined) ?? fallback[name]] as const
  })
  return Object.fromEntries(found.filter(([, id]) => id !== undefined))
}

function unknownId(model: unknown, library: Library): number | undefined {
  if (!isJsonObject(model)) return undefined
  if (typeof model.unk_id === 'number') return model.unk_id
  return typeof model.unk_token === 'string' ? library.idOf(model.unk_token) : undefined
}
