// Sentences to calibrate on and to measure layer errors on: none of them is in the evaluation data, nor in each other.
import { Calibration } from 'twofour'
import { Draws } from '../../dist/calibration/draw.js'
import { readPairs, readSentences, readTexts } from '../../dist/evaluation/labelled.js'

/** Every sentence of a file, labelled as the task has it, or one a line in a .txt file. */
export async function sentencesOf(file, { task, columns, format }) {
  const options = { columns, format }
  if (file.endsWith('.txt')) return (await readTexts(file)).texts
  if (task === 'similarity') {
    const { sentence1, sentence2 } = await readPairs(file, options)
    return sentence1.flatMap((text, at) => [text, sentence2[at]])
  }
  return (await readSentences(file, options)).sentences
}

/** Each once, and none that is among `others`, however it is written. */
export function apart(sentences, others) {
  const seen = new Set(others.map(keyOf))
  return sentences.filter((sentence) => {
    const key = keyOf(sentence)
    return !seen.has(key) && seen.add(key)
  })
}

/** @param seed of the draw: the same seed draws the same sentences everywhere */
export function draw(sentences, limit, seed) {
  return new Draws(seed).without(sentences.length, limit).map((at) => sentences[at])
}

export function calibrationOf(checkpoint, sentences) {
  return Calibration.fromTexts(checkpoint, sentences, { limit: Number.POSITIVE_INFINITY })
}

/** @throws Error where the two share a sequence of token ids */
export function refuseOverlap(what, one, other) {
  const { examples, sequences } = one.overlap(other)
  if (examples + sequences > 0) throw new Error(`${what} share ${sequences} sequences.`)
  return { examples, sequences }
}

/** Models that know no case, accents or spaces would read these alike. */
function keyOf(sentence) {
  const text = typeof sentence === 'string' ? sentence : sentence.join('\n')
  return text
    .normalize('NFD')
    .toLowerCase()
    .replace(/[\p{M}\s\p{C}]/gu, '')
}
