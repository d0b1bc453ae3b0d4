import { albert } from './albert.js'
import { bert } from './bert.js'
import { distilbert } from './distilbert.js'
import { electra } from './electra.js'
import type { Family } from './family.js'
import { mpnet } from './mpnet.js'
import { roberta, xlmRoberta } from './roberta.js'

export const families: readonly Family[] = [bert, roberta, xlmRoberta, distilbert, albert, electra, mpnet]

/** Every `model_type` that twofour knows. */
export const modelTypes: readonly string[] = families.flatMap((family) => family.modelTypes)

export function familyOf(modelType: string): Family | undefined {
  return families.find((family) => family.modelTypes.includes(modelType))
}
