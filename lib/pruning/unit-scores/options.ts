import { checkInteger, checkNumber, checkOneOf, expected } from '../../check.js'
import type { UnitLoss, UnitScoreFields } from '../recipe-types.js'

type Fields = Readonly<Record<string, unknown>>

const losses = ['auto', 'labels', 'pseudo', 'fisher', 'dense'] as const

/** @throws TypeError */
export function checkLoss(at: string, step: Fields, refused: readonly UnitLoss[] = []): UnitLoss {
  const allowed = losses.filter((loss) => !refused.includes(loss))
  return checkOneOf(`${at}.loss`, step.loss ?? 'auto', allowed)
}

/** Minibatches' size; of nothing but them. @throws TypeError, RangeError */
export function checkBatch(at: string, step: Fields, least: number): number {
  return checkInteger(`${at}.batch`, step.batch ?? 32, least)
}

export function checkRounds(at: string, step: Fields): number {
  return checkInteger(`${at}.rounds`, step.rounds ?? 1, 1)
}

/** What training of gates may say. @throws TypeError, RangeError */
export function checkTraining(at: string, step: Fields, learningRate: number): UnitScoreFields {
  return {
    loss: checkLoss(at, step, ['fisher']),
    steps: checkInteger(`${at}.steps`, step.steps ?? 200, 1),
    learningRate: checkPositive(`${at}.learningRate`, step.learningRate ?? learningRate),
    batch: checkBatch(at, step, 1),
  }
}

/** At the dense model the distance from it is least, so nothing could be ranked by its derivatives. @throws TypeError */
export function refuseFlat(at: string, loss: UnitLoss, rounds: number): void {
  if (loss !== 'dense' || rounds > 1) return
  const fix = "Where nothing is gone yet its derivatives are all zero: name 'fisher', or more rounds."
  throw new TypeError(expected(`${at}.loss`, "another than 'dense' in one round", loss, fix))
}

function checkPositive(what: string, value: unknown): number {
  const number = checkNumber(what, value, 0, 1000)
  if (number > 0) return number
  throw new RangeError(expected(what, 'a number above 0', value))
}
