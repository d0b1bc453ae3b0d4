import type { Family } from '../architecture/family.js'
import type { Slot } from '../architecture/spec.js'
import { TwofourError } from '../errors.js'
import type { Config } from './config.js'
import { otherFamilyFix } from './model-type.js'
import type { Shards } from './shards.js'
import { type FoundSlots, type Misfit, sayWrong } from './slots.js'

/** CHECKPOINT_MISMATCH, to throw, naming all that is wrong; facts `missing` and `misshapen`. */
export function mismatch(shards: Shards, family: Family, config: Config, found: FoundSlots): TwofourError {
  const [file] = shards.files
  const where = shards.files.length === 1 && file !== undefined ? file.file : shards.directory
  const fix = fixFor(shards, family, config, found)
  const message = `Expected \`${where}\` to hold the tensors that config.json describes, got ${sayWrong(found)}. ${fix}`
  const missing = [...new Set(found.missing.map(({ name }) => name))]
  return new TwofourError('CHECKPOINT_MISMATCH', message, {
    file: where,
    missing,
    misshapen: found.misshapen,
  })
}

function fixFor(shards: Shards, family: Family, config: Config, { missing, misshapen }: FoundSlots): string {
  const row =
    misshapen.length > 0 && missing.length === 0 ? rowsFix(family, config, misshapen, shards) : undefined
  const other = missing.length > 0 ? otherFamilyFix(family, [...shards.tensors.keys()]) : undefined
  return (
    row ?? other ?? strangerFix(family, config) ?? renamedFix(shards, missing) ?? shardFix(shards) ?? general
  )
}

const general = 'Check that config.json belongs to these weights.'

/** Tables whose height alone is wrong: config.json says another number of rows. */
function rowsFix(
  { config: table }: Family,
  config: Config,
  misshapen: readonly Misfit[],
  { tensors }: Shards,
): string | undefined {
  const fields = new Map<Slot, string | undefined>([
    ['wordEmbeddings', table.vocab[0]],
    ['positionEmbeddings', table.positions[0]],
    ['tokenTypeEmbeddings', table.tokenTypes?.[0]],
  ])
  const fixes = misshapen.map(({ slot, name }) => {
    const field = fields.get(slot)
    const shape = tensors.get(name)?.shape
    if (field === undefined || shape?.length !== 2) return undefined
    return `If the weights are right, set \`${config.spelling(field)}\` in config.json to ${shape[0]}.`
  })
  return fixes.every((fix) => fix !== undefined) ? fixes.join(' ') : undefined
}

/** A key that looks right, and that the family calls something else. */
function strangerFix({ strangers }: Family, config: Config): string | undefined {
  const found = [...strangers].find(([key, why]) => why.includes('calls it') && config.get(key) !== undefined)
  return found && `\`${found[0]}\` of config.json is not read: ${found[1]}.`
}

/** The same tensor under another prefix, as a wrapper's class leaves it. */
function renamedFix({ tensors }: Shards, missing: FoundSlots['missing']): string | undefined {
  for (const { name } of missing) {
    const ending = name.split('.').slice(-4).join('.')
    const other = [...tensors.keys()].find((each) => each.endsWith(`.${ending}`) && each !== name)
    if (other !== undefined) return `${name} may be what the file calls ${other}: rename its tensors.`
  }
  return undefined
}

function shardFix({ files, index }: Shards): string | undefined {
  const file = files[0]?.file ?? ''
  if (index !== null || !/-\d{5}-of-\d{5}\.safetensors$/.test(file)) return undefined
  return 'The file is one of several: open the folder, or the index beside it.'
}
