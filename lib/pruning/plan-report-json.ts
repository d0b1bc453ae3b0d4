import { checkInteger, checkKeys, checkNumber, checkOneOf, checkString, expected } from '../check.js'
import { checkList } from './json-lists.js'
import type { LinearOutcome, StepReport } from './pattern.js'
import { checkUnitScores } from './unit-report.js'

type Tail = NonNullable<StepReport['tails']>[number]
type Seen = NonNullable<StepReport['calibration']>

const keys = ['pattern', 'unit', 'of', 'removed', 'tails', 'calibration', 'linears', 'scores', 'notes']
const finite = Number.MAX_VALUE

/** What a step did, as a plan file says. @throws TypeError, RangeError */
export function checkReport(what: string, value: unknown): StepReport {
  checkKeys(what, value, keys)
  const of = checkInteger(`${what}.of`, value.of)
  const { tails, calibration, linears, scores, notes } = value
  return {
    pattern: checkString(`${what}.pattern`, value.pattern),
    unit: checkOneOf(`${what}.unit`, value.unit, ['weights', 'heads', 'neurons', 'layers']),
    of,
    removed: checkInteger(`${what}.removed`, value.removed, 0, of),
    ...(tails !== undefined && { tails: checkEach(`${what}.tails`, tails, checkTail) }),
    ...(calibration !== undefined && { calibration: checkSeen(`${what}.calibration`, calibration) }),
    ...(linears !== undefined && { linears: checkEach(`${what}.linears`, linears, checkLinear) }),
    ...(scores !== undefined && { scores: checkEach(`${what}.scores`, scores, checkUnitScores) }),
    ...(notes !== undefined && { notes: checkEach(`${what}.notes`, notes, checkString) }),
  }
}

function checkEach<T>(what: string, value: unknown, check: (what: string, value: unknown) => T): T[] {
  return checkList(what, value).map((entry, at) => check(`${what}[${at}]`, entry))
}

function checkTail(what: string, value: unknown): Tail {
  checkKeys(what, value, ['slot', 'columns'])
  return {
    slot: checkString(`${what}.slot`, value.slot),
    columns: checkInteger(`${what}.columns`, value.columns),
  }
}

function checkSeen(what: string, value: unknown): Seen {
  checkKeys(what, value, ['examples', 'sequences', 'tokens', 'digest'])
  const digest = checkString(`${what}.digest`, value.digest)
  if (!/^[0-9a-f]{64}$/.test(digest))
    throw new RangeError(expected(`${what}.digest`, '64 hexadecimal digits', digest))
  return {
    examples: checkInteger(`${what}.examples`, value.examples),
    sequences: checkInteger(`${what}.sequences`, value.sequences),
    tokens: checkInteger(`${what}.tokens`, value.tokens),
    digest,
  }
}

function checkLinear(what: string, value: unknown): LinearOutcome {
  checkKeys(what, value, ['slot', 'tokensPerColumn', 'errors', 'damping', 'unchangedRows'])
  const { errors, damping, unchangedRows } = value
  return {
    slot: checkString(`${what}.slot`, value.slot),
    tokensPerColumn: checkNumber(`${what}.tokensPerColumn`, value.tokensPerColumn, 0, finite),
    ...(errors !== undefined && { errors: checkErrors(`${what}.errors`, errors) }),
    ...(damping !== undefined && { damping: checkNumber(`${what}.damping`, damping, 0, finite) }),
    ...(unchangedRows !== undefined && {
      unchangedRows: checkInteger(`${what}.unchangedRows`, unchangedRows),
    }),
  }
}

function checkErrors(what: string, value: unknown): NonNullable<LinearOutcome['errors']> {
  checkKeys(what, value, ['masked', 'updated'])
  return {
    masked: checkNumber(`${what}.masked`, value.masked, 0, finite),
    updated: checkNumber(`${what}.updated`, value.updated, 0, finite),
  }
}
