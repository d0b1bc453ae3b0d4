// Prunes in a process of its own, so that its peak memory is that of pruning alone.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('prune-child.mjs', import.meta.url))

/**
 * @param request model, recipe, plan (the file that is written), and `texts` or `ids` where there is calibration data
 * @returns what it cost; or `{ skipped }` with the sentence of a checkout that does not know the recipe
 * @throws Error with what the process said
 */
export function pruneApart(request) {
  return new Promise((resolve, reject) => {
    const child = fork(program, { serialization: 'advanced', stdio: ['ignore', 2, 2, 'ipc'] })
    let answer
    child.once('message', (message) => {
      answer = message
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (answer === undefined)
        reject(new Error(`The pruning process ended by ${signal ?? `status ${code}`}.`))
      else if (answer.failed !== undefined) reject(new Error(answer.failed))
      else resolve(answer)
    })
    child.send(request)
  })
}
